#pragma once

// Random numbers that are the same everywhere. The generator is Philox4x32-10 (Salmon, Moraes, Dror and Shaw
// 2011): a bijection of a 128-bit counter under a 64-bit key, so that any stream starts anywhere at no cost.
// A stream is keyed by (seed, stream, item), where the item is usually a customer: each has its own numbers,
// whatever the number of threads, the order of the work and the number of draws its neighbours needed
// (rejection samplers need a varying number). The variates use only +, -, *, / and square roots, which IEEE
// 754 rounds correctly, and the logarithm and exponential of clavis::portable instead of the system's, whose
// last bits differ; they are compiled with -ffp-contract=off. Hence the stream is the same bit for bit on
// every platform with IEEE 754 doubles.
//
// A stream yields 2^33 64-bit numbers before it repeats. It is meant for simulation, not for secrets.

#include <array>
#include <cstdint>
#include <limits>

namespace clavis {

/// Ten rounds of Philox4x32: four 32-bit words for a counter of four words and a key of two.
constexpr std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                                  std::array<std::uint32_t, 2> key) noexcept {
    for (int round = 0; round < 10; ++round) {
        std::uint64_t const even = std::uint64_t{0xD2511F53} * counter[0];
        std::uint64_t const odd = std::uint64_t{0xCD9E8D57} * counter[2];
        counter = {
            static_cast<std::uint32_t>(odd >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(odd),
            static_cast<std::uint32_t>(even >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(even)};
        key = {key[0] + 0x9E3779B9U, key[1] + 0xBB67AE85U};
    }
    return counter;
}

/// A stream of random numbers and variates; a UniformRandomBitGenerator. Parameters of variates are the
/// caller's to validate: outside the stated domain the result is NaN for real variates and 0 for counts.
class random_stream {
  public:
    using result_type = std::uint64_t;

    constexpr random_stream(std::uint64_t seed, std::uint32_t stream, std::uint64_t item) noexcept
        : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
          counter_{0, stream, static_cast<std::uint32_t>(item), static_cast<std::uint32_t>(item >> 32)} {}

    static constexpr result_type min() noexcept { return 0; }
    static constexpr result_type max() noexcept { return std::numeric_limits<result_type>::max(); }

    /// 64 random bits: two of the four words of a block, low word first.
    constexpr result_type operator()() noexcept {
        if (!second_half_) {
            block_ = philox4x32(counter_, key_);
            ++counter_[0];
        }
        unsigned const word = second_half_ ? 2 : 0;
        second_half_ = !second_half_;
        return block_[word] | std::uint64_t{block_[word + 1]} << 32;
    }

    /// Uniform on the open interval (0, 1): one of the 2^52 midpoints (i + 1/2) 2^-52, never 0 and never 1.
    constexpr double uniform() noexcept { return (static_cast<double>(operator()() >> 12) + 0.5) * 0x1p-52; }
    double uniform(double low, double high) noexcept;
    /// Uniform on 0 ... bound - 1, without bias; 0 where bound is 0.
    std::uint64_t below(std::uint64_t bound) noexcept;
    /// True with the given probability (0 to 1).
    constexpr bool bernoulli(double probability) noexcept { return uniform() < probability; }

    /// Exponential with mean 1.
    double exponential() noexcept;
    /// Standard normal, by the polar method (Marsaglia and Bray 1964).
    double normal() noexcept;
    /// Gamma with the given shape > 0 and scale 1 (Marsaglia and Tsang 2000). May underflow to 0 for shapes
    /// below 0.1.
    double gamma(double shape) noexcept;
    /// The logarithm of a gamma variate, finite however small the shape is.
    double log_gamma(double shape) noexcept;
    /// Beta with a, b > 0, on [0, 1]: from the logarithms of two gamma variates, so small a and b do no harm.
    double beta(double a, double b) noexcept;
    /// Poisson with the given mean, 0 <= mean <= 1e9: by sequential search below 10, else transformed
    /// rejection (PTRS, Hörmann 1993).
    std::int64_t poisson(double mean) noexcept;
    /// The number of failures before the first success of chance p in (0, 1]; at most 2^62.
    std::int64_t geometric(double p) noexcept;

  private:
    std::array<std::uint32_t, 2> key_;
    std::array<std::uint32_t, 4> counter_;
    std::array<std::uint32_t, 4> block_{};
    bool second_half_ = false;
};

/// Elementary functions whose every bit is the same on every platform with IEEE 754 doubles.
namespace portable {

/// ln x, at most 2 units in the last place off for x > 0; -inf at 0, NaN below, subnormal numbers included.
double log(double x) noexcept;
/// ln(1 + x), at most 4 units in the last place off for x > -1.
double log1p(double x) noexcept;
/// e^x, at most 2 units in the last place off where the result is a normal number; 0 or inf beyond the range.
double exp(double x) noexcept;
/// ln n!, to a relative 1e-14 for every n >= 0.
double log_factorial(std::int64_t n) noexcept;

}  // namespace portable

}  // namespace clavis

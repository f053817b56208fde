#include "clavis/core/random.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>

namespace clavis {

namespace portable {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// ln 2 in two parts: the upper ends in 21 zero bits, so that its product with any exponent is exact.
constexpr double ln2_high = 0x1.62e42feep-1;
constexpr double ln2_low = 0x1.a39ef35793c76p-33;

// 1 / n!, each correctly rounded: n! is exact up to 18!.
constexpr auto inverse_factorials = [] {
    std::array<double, 15> table{};
    double factorial = 1;
    for (std::size_t n = 0; n < table.size(); ++n) {
        if (n > 0) factorial *= static_cast<double>(n);
        table[n] = 1 / factorial;
    }
    return table;
}();

// 2^exponent by its bits, for -1022 <= exponent <= 1023.
double power_of_two(int exponent) {
    return std::bit_cast<double>(static_cast<std::uint64_t>(exponent + 1023) << 52);
}

}  // namespace

double log(double x) noexcept {
    if (!(x > 0)) return x == 0 ? -infinity : nan;
    if (x == infinity) return x;
    int exponent = 0;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        exponent = -54;
    }
    auto const bits = std::bit_cast<std::uint64_t>(x);
    exponent += static_cast<int>(bits >> 52) - 1023;
    double mantissa = std::bit_cast<double>((bits & 0xFFFFFFFFFFFFFULL) | 0x3FF0000000000000ULL);
    if (mantissa > 1.4142135623730951) {
        mantissa /= 2;
        ++exponent;
    }
    // ln m = 2 artanh s with s = (m - 1) / (m + 1), |s| <= 0.1716: the series to s^23 leaves less than 2e-19.
    // The leading 2 s is taken as f - s f with f = m - 1, which is exact, so that only small terms are
    // rounded.
    double const f = mantissa - 1;
    double const s = f / (2 + f);
    double const z = s * s;
    // Even and odd powers of z apart, so that the two chains run side by side.
    double const w = z * z;
    double even = 1.0 / 23;
    for (int k = 19; k >= 3; k -= 4)
        even = even * w + 1.0 / k;
    double odd = 1.0 / 21;
    for (int k = 17; k >= 5; k -= 4)
        odd = odd * w + 1.0 / k;
    double const series = even + z * odd;
    double const tail = 2 * z * series;
    double const half_square = 0.5 * f * f;
    // 2 s = f - s f and s f = f^2/2 - s f^2/2.
    double const e = exponent;
    return e * ln2_high - ((half_square - (s * (half_square + tail) + e * ln2_low)) - f);
}

double log1p(double x) noexcept {
    double const u = 1 + x;
    if (u == 1) return x;
    if (!(u > 0) || u == infinity) return log(u);
    // What 1 + x lost, seen through the derivative 1 / u.
    double const lost = x >= 1 ? 1 - (u - x) : x - (u - 1);
    return log(u) + lost / u;
}

double exp(double x) noexcept {
    if (x != x) return x;
    if (x > 709.8) return infinity;
    if (x < -745.2) return 0;
    // x = k ln 2 + r, |r| <= 0.35: the Taylor series to r^14 leaves less than 1e-19.
    int const k = static_cast<int>(x * 1.4426950408889634 + (x < 0 ? -0.5 : 0.5));
    double const r_high = x - k * ln2_high;
    double const r_low = k * ln2_low;
    double const r = r_high - r_low;
    double const lost = (r_high - r) - r_low;
    double series = inverse_factorials[14];
    for (std::size_t n = 13; n >= 2; --n)
        series = series * r + inverse_factorials[n];
    // e^(r + lost) = 1 + (r + (r^2 series + lost)) with series = 1/2! + r/3! + ...
    double const y = 1 + (r + (r * r * series + lost));
    int const half = k / 2;
    return y * power_of_two(half) * power_of_two(k - half);
}

double log_factorial(std::int64_t n) noexcept {
    if (n < 0) return nan;
    if (n <= 20) {
        std::int64_t product = 1;
        for (std::int64_t i = 2; i <= n; ++i)
            product *= i;
        return log(static_cast<double>(product));
    }
    // Stirling's series for ln gamma(m), m = n + 1 > 21: the first term left out is below 1e-15.
    double const m = static_cast<double>(n) + 1;
    double const w = 1 / (m * m);
    double const correction =
        (1.0 / 12 - w * (1.0 / 360 - w * (1.0 / 1260 - w * (1.0 / 1680 - w * (1.0 / 1188))))) / m;
    constexpr double half_ln_two_pi = 0.91893853320467274178;
    return (m - 0.5) * log(m) - m + half_ln_two_pi + correction;
}

}  // namespace portable

double random_stream::uniform(double low, double high) noexcept {
    return low + (high - low) * uniform();
}

std::uint64_t random_stream::below(std::uint64_t bound) noexcept {
    if (bound == 0) return 0;
    // The high word of a 128-bit product is uniform once the few low words that come up too often are
    // rejected (Lemire 2019).
    __extension__ using uint128 = unsigned __int128;
    std::uint64_t const threshold = (0 - bound) % bound;
    uint128 product = uint128{operator()()} * bound;
    while (static_cast<std::uint64_t>(product) < threshold)
        product = uint128{operator()()} * bound;
    return static_cast<std::uint64_t>(product >> 64);
}

double random_stream::exponential() noexcept {
    return -portable::log(uniform());
}

double random_stream::normal() noexcept {
    // The second variate of a pair is not kept: a stream's state is then its counter alone.
    for (;;) {
        double const x = 2 * uniform() - 1;
        double const y = 2 * uniform() - 1;
        double const square = x * x + y * y;
        if (square < 1 && square > 0) return x * std::sqrt(-2 * portable::log(square) / square);
    }
}

double random_stream::gamma(double shape) noexcept {
    if (!(shape > 0)) return std::numeric_limits<double>::quiet_NaN();
    if (shape < 1) return portable::exp(log_gamma(shape));
    double const d = shape - 1.0 / 3;
    double const c = 1 / std::sqrt(9 * d);
    for (;;) {
        double const x = normal();
        double const root = 1 + c * x;
        if (root <= 0) continue;
        double const v = root * root * root;
        double const u = uniform();
        double const square = x * x;
        if (u < 1 - 0.0331 * square * square) return d * v;
        if (portable::log(u) < 0.5 * square + d * (1 - v + portable::log(v))) return d * v;
    }
}

double random_stream::log_gamma(double shape) noexcept {
    if (!(shape > 0)) return std::numeric_limits<double>::quiet_NaN();
    if (shape >= 1) return portable::log(gamma(shape));
    // Gamma(shape) is Gamma(shape + 1) times U^(1 / shape).
    double const larger = portable::log(gamma(shape + 1));
    return larger + portable::log(uniform()) / shape;
}

double random_stream::beta(double a, double b) noexcept {
    double const x = log_gamma(a);
    double const y = log_gamma(b);
    return 1 / (1 + portable::exp(y - x));
}

std::int64_t random_stream::poisson(double mean) noexcept {
    if (!(mean > 0)) return 0;
    if (mean < 10) {
        double term = portable::exp(-mean);
        double rest = uniform();
        std::int64_t count = 0;
        while (rest > term) {
            rest -= term;
            ++count;
            term *= mean / static_cast<double>(count);
            // Rounding may leave a rest that no term takes up.
            if (term < 0x1p-60) break;
        }
        return count;
    }
    double const log_mean = portable::log(mean);
    double const b = 0.931 + 2.53 * std::sqrt(mean);
    double const a = -0.059 + 0.02483 * b;
    double const inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
    double const squeeze = 0.9277 - 3.6224 / (b - 2);
    for (;;) {
        double const u = uniform() - 0.5;
        double const v = uniform();
        double const distance = 0.5 - std::fabs(u);
        double const k = std::floor((2 * a / distance + b) * u + mean + 0.43);
        if (distance >= 0.07 && v <= squeeze) return static_cast<std::int64_t>(k);
        if (k < 0 || (distance < 0.013 && v > distance)) continue;
        auto const count = static_cast<std::int64_t>(k);
        double const left = portable::log(v * inverse_alpha / (a / (distance * distance) + b));
        if (left <= k * log_mean - mean - portable::log_factorial(count)) return count;
    }
}

std::int64_t random_stream::geometric(double p) noexcept {
    if (!(p > 0) || p >= 1) return 0;
    double const count = std::floor(portable::log(uniform()) / portable::log1p(-p));
    return count < 0x1p62 ? static_cast<std::int64_t>(count) : std::int64_t{1} << 62;
}

}  // namespace clavis

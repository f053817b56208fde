#include "clavis/core/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <boost/math/distributions/beta.hpp>
#include <boost/math/distributions/exponential.hpp>
#include <boost/math/distributions/gamma.hpp>
#include <boost/math/distributions/geometric.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/poisson.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/goodness_of_fit.hpp"

namespace {

using clavis::test::chi_square_score;
using clavis::test::kolmogorov_p;

using clavis::philox4x32;
using clavis::random_stream;

constexpr std::size_t sample_size = 20000;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

template <class Draw>
auto sample(std::uint32_t stream, Draw draw) {
    random_stream random(20260101, stream, 7);
    std::vector<decltype(draw(random))> values(sample_size);
    for (auto& value : values)
        value = draw(random);
    return values;
}

TEST(philox, known_answers) {
    // The three vectors that the generator's authors publish for 4x32 with 10 rounds: zeros, ones, and digits
    // of pi.
    using words = std::array<std::uint32_t, 4>;
    EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
    EXPECT_EQ(philox4x32({~0U, ~0U, ~0U, ~0U}, {~0U, ~0U}),
              (words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
    EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
              (words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(philox, the_ten_thousandth_number_of_the_standard) {
    // C++26 [rand.predef]: 1955073260, for the key (20111115, 0) and counters from 0.
    EXPECT_EQ(philox4x32({2499, 0, 0, 0}, {20111115, 0})[3], 1955073260U);
}

TEST(random_stream, draws_the_words_of_its_counter_in_order) {
    random_stream random(0x1234567800000009ULL, 5, 0xabcdef0100000002ULL);
    for (std::uint32_t block = 0; block < 3; ++block) {
        auto const words = philox4x32({block, 5, 2, 0xabcdef01}, {9, 0x12345678});
        EXPECT_EQ(random(), words[0] | std::uint64_t{words[1]} << 32);
        EXPECT_EQ(random(), words[2] | std::uint64_t{words[3]} << 32);
    }
}

TEST(random_stream, streams_differ_in_seed_stream_and_item) {
    auto first = [](std::uint64_t seed, std::uint32_t stream, std::uint64_t item) {
        return random_stream(seed, stream, item)();
    };
    std::vector<std::uint64_t> const values{first(1, 0, 0), first(2, 0, 0),          first(1, 1, 0),
                                            first(1, 0, 1), first(1, 0, 1ULL << 32), first(1ULL << 32, 0, 0)};
    for (std::size_t i = 0; i < values.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            EXPECT_NE(values[i], values[j]);
}

TEST(random_stream, neighbouring_streams_are_uncorrelated) {
    // The sample correlation of independent uniforms has standard error 1/sqrt(n) = 0.007.
    for (int shift : {0, 1, 2}) {
        double sum = 0;
        for (std::uint64_t item = 0; item < sample_size; ++item) {
            random_stream a(1, 0, item);
            random_stream b(shift == 0 ? 2 : 1, shift == 1 ? 1 : 0, shift == 2 ? item + 1 : item);
            sum += (a.uniform() - 0.5) * (b.uniform() - 0.5);
        }
        EXPECT_NEAR(12 * sum / sample_size, 0, 0.03) << shift;
    }
}

TEST(random_stream, uniform_is_uniform_and_open) {
    auto const values = sample(1, [](random_stream& random) { return random.uniform(); });
    EXPECT_GT(kolmogorov_p(values, [](double x) { return x; }), 1e-3);
    auto const scaled = sample(2, [](random_stream& random) { return random.uniform(-3, 5); });
    EXPECT_GT(kolmogorov_p(scaled, [](double x) { return (x + 3) / 8; }), 1e-3);
    for (double value : values)
        EXPECT_TRUE(value > 0 && value < 1);
}

TEST(random_stream, real_variates_follow_their_laws) {
    namespace bm = boost::math;
    auto p = [](std::uint32_t stream, auto draw, auto const& law) {
        return kolmogorov_p(sample(stream, draw), [&](double x) { return bm::cdf(law, x); });
    };
    EXPECT_GT(p(
                  3, [](random_stream& r) { return r.exponential(); }, bm::exponential_distribution<>(1)),
              1e-3);
    EXPECT_GT(p(
                  4, [](random_stream& r) { return r.normal(); }, bm::normal_distribution<>()),
              1e-3);
    std::uint32_t stream = 10;
    for (double shape : {0.05, 0.243, 0.5, 0.999, 1.0, 1.5, 6.25, 40.0, 1000.0}) {
        EXPECT_GT(
            p(
                ++stream, [=](random_stream& r) { return r.gamma(shape); }, bm::gamma_distribution<>(shape)),
            1e-3)
            << "gamma " << shape;
    }
    for (auto [a, b] : {std::pair{0.1, 0.2}, {0.793, 2.426}, {1.0, 1.0}, {2.0, 0.5}, {30.0, 7.0}}) {
        EXPECT_GT(
            p(
                ++stream, [=](random_stream& r) { return r.beta(a, b); }, bm::beta_distribution<>(a, b)),
            1e-3)
            << "beta " << a << ", " << b;
    }
}

TEST(random_stream, counts_follow_their_laws) {
    namespace bm = boost::math;
    std::uint32_t stream = 100;
    for (double mean : {0.02, 0.7, 3.0, 9.99, 10.0, 11.3, 40.0, 3000.0}) {
        bm::poisson_distribution<> const law(mean);
        auto const values = sample(++stream, [=](random_stream& r) { return r.poisson(mean); });
        EXPECT_LT(
            chi_square_score(values, [&](std::int64_t k) { return bm::pdf(law, static_cast<double>(k)); }),
            3.5)
            << "Poisson " << mean;
    }
    for (double chance : {0.9, 0.5, 0.1, 0.01}) {
        bm::geometric_distribution<> const law(chance);
        auto const values = sample(++stream, [=](random_stream& r) { return r.geometric(chance); });
        EXPECT_LT(
            chi_square_score(values, [&](std::int64_t k) { return bm::pdf(law, static_cast<double>(k)); }),
            3.5)
            << "geometric " << chance;
    }
    auto const dice =
        sample(++stream, [](random_stream& r) { return static_cast<std::int64_t>(r.below(6)); });
    EXPECT_LT(chi_square_score(dice, [](std::int64_t) { return 1.0 / 6; }), 3.5);
    auto const coins = sample(++stream, [](random_stream& r) { return std::int64_t{r.bernoulli(0.3)}; });
    EXPECT_LT(chi_square_score(coins, [](std::int64_t k) { return k == 1 ? 0.3 : 0.7; }), 3.5);
}

TEST(random_stream, below_rejects_without_bias_for_bounds_near_the_top) {
    // Without rejection, a bound of 3/4 of 2^64 would give values below 2^62 and above twice as often as
    // others.
    std::uint64_t const bound = 3ULL << 62;
    auto const values = sample(300, [=](random_stream& r) { return r.below(bound); });
    auto const third = static_cast<double>(
        std::count_if(values.begin(), values.end(), [](std::uint64_t value) { return value % 3 == 0; }));
    EXPECT_NEAR(third / sample_size, 1.0 / 3, 4 * std::sqrt(2.0 / 9 / sample_size));
    for (auto value : values)
        ASSERT_LT(value, bound);
}

TEST(random_stream, moments) {
    auto mean_of = [](auto const& values, auto power) {
        double sum = 0;
        for (auto value : values)
            sum += power(static_cast<double>(value));
        return sum / static_cast<double>(values.size());
    };
    auto const normal = sample(400, [](random_stream& r) { return r.normal(); });
    EXPECT_NEAR(mean_of(normal, [](double x) { return x; }), 0, 4 / std::sqrt(double{sample_size}));
    EXPECT_NEAR(mean_of(normal, [](double x) { return x * x * x * x; }), 3,
                4 * std::sqrt(96.0 / sample_size));
    auto const gamma = sample(401, [](random_stream& r) { return r.gamma(0.553); });
    EXPECT_NEAR(mean_of(gamma, [](double x) { return x; }), 0.553, 4 * std::sqrt(0.553 / sample_size));
    auto const poisson = sample(402, [](random_stream& r) { return r.poisson(1e9); });
    EXPECT_NEAR(mean_of(poisson, [](double x) { return x / 1e9; }), 1, 4 * std::sqrt(1e-9 / sample_size));
    auto const tiny = sample(403, [](random_stream& r) { return r.log_gamma(1e-4); });
    // ln Gamma(shape) has mean digamma(shape), here -10000.577 (by -1/x - 0.5772 + 1.645 x), and deviation
    // 1/shape.
    EXPECT_NEAR(mean_of(tiny, [](double x) { return x; }), -10000.577, 4e4 / std::sqrt(double{sample_size}));
}

TEST(random_stream, out_of_domain) {
    random_stream random(1, 1, 1);
    for (double bad : {0.0, -1.0, nan}) {
        EXPECT_TRUE(std::isnan(random.gamma(bad)));
        EXPECT_TRUE(std::isnan(random.log_gamma(bad)));
        EXPECT_TRUE(std::isnan(random.beta(bad, 1)));
        EXPECT_TRUE(std::isnan(random.beta(1, bad)));
        EXPECT_EQ(random.poisson(bad), 0);
        EXPECT_EQ(random.geometric(bad), 0);
    }
    EXPECT_EQ(random.geometric(1), 0);
    EXPECT_EQ(random.geometric(1e-300), std::int64_t{1} << 62);
    EXPECT_EQ(random.below(0), 0U);
    EXPECT_EQ(random.below(1), 0U);
}

TEST(random_stream, the_same_bits_everywhere) {
    // FNV-1a over the bits of every kind of variate. A change of this number changes every simulated result.
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    auto add = [&hash](std::uint64_t bits) {
        for (int byte = 0; byte < 8; ++byte)
            hash = (hash ^ (bits >> 8 * byte & 0xFF)) * 0x100000001b3ULL;
    };
    for (std::uint64_t item = 0; item < 2000; ++item) {
        random_stream random(42, 3, item);
        add(random());
        for (double value : {random.uniform(), random.exponential(), random.normal(), random.gamma(0.3),
                             random.gamma(2.5), random.log_gamma(0.01), random.beta(0.79, 2.43)})
            add(std::bit_cast<std::uint64_t>(value));
        for (std::int64_t value : {random.poisson(2.5), random.poisson(77), random.geometric(0.02)})
            add(static_cast<std::uint64_t>(value));
        add(random.below(1000));
    }
    EXPECT_EQ(hash, 0x15e3726ab036c308ULL);
}

// Distance from the correctly rounded value in units in the last place, seen through long double.
double units_off(double value, long double exact) {
    auto const rounded = static_cast<double>(exact);
    double const unit = std::nextafter(std::fabs(rounded), infinity) - std::fabs(rounded);
    return static_cast<double>(std::fabs(static_cast<long double>(value) - exact) / unit);
}

TEST(portable, logarithm_and_exponential_within_their_bounds) {
    if (std::numeric_limits<long double>::digits < 64)
        GTEST_SKIP() << "needs a long double wider than double";
    random_stream random(5, 0, 0);
    double worst_log = 0;
    double worst_log1p = 0;
    double worst_exp = 0;
    for (int i = 0; i < 200000; ++i) {
        double const wide = std::ldexp(random.uniform(1, 2), static_cast<int>(random.below(2000)) - 1000);
        double const near_one =
            1 + std::ldexp(random.uniform(-1, 1), -static_cast<int>(random.below(40)) - 1);
        double const small = std::ldexp(random.uniform(-1, 1), -static_cast<int>(random.below(70)));
        double const power = random.uniform(-708, 709);
        for (double x : {wide, near_one})
            worst_log = std::max(worst_log,
                                 units_off(clavis::portable::log(x), std::log(static_cast<long double>(x))));
        worst_log1p = std::max(worst_log1p, units_off(clavis::portable::log1p(small),
                                                      std::log1p(static_cast<long double>(small))));
        for (double x : {power, small})
            worst_exp = std::max(worst_exp,
                                 units_off(clavis::portable::exp(x), std::exp(static_cast<long double>(x))));
    }
    EXPECT_LE(worst_log, 2);
    EXPECT_LE(worst_log1p, 4);
    EXPECT_LE(worst_exp, 2);
    for (std::int64_t n : {0, 1, 2, 12, 20, 21, 22, 100, 12345, 1000000000}) {
        long double const exact = std::lgamma(static_cast<long double>(n) + 1);
        EXPECT_NEAR(clavis::portable::log_factorial(n), static_cast<double>(exact),
                    1e-14 * static_cast<double>(exact));
    }
}

TEST(portable, special_values) {
    using clavis::portable::exp;
    using clavis::portable::log;
    using clavis::portable::log1p;
    EXPECT_EQ(log(1), 0);
    EXPECT_EQ(log(0), -infinity);
    EXPECT_EQ(log(infinity), infinity);
    EXPECT_TRUE(std::isnan(log(-1)));
    EXPECT_TRUE(std::isnan(log(nan)));
    EXPECT_NEAR(log(std::numeric_limits<double>::denorm_min()), -744.4400719213812, 1e-12);
    EXPECT_EQ(log1p(0), 0);
    EXPECT_EQ(log1p(-1), -infinity);
    EXPECT_EQ(log1p(infinity), infinity);
    EXPECT_TRUE(std::isnan(log1p(-1.5)));
    EXPECT_EQ(log1p(1e-300), 1e-300);
    EXPECT_EQ(exp(0), 1);
    EXPECT_EQ(exp(infinity), infinity);
    EXPECT_EQ(exp(710), infinity);
    EXPECT_EQ(exp(-infinity), 0);
    EXPECT_EQ(exp(-746), 0);
    EXPECT_EQ(exp(-745), std::numeric_limits<double>::denorm_min());
    EXPECT_TRUE(std::isnan(exp(nan)));
    EXPECT_TRUE(std::isnan(clavis::portable::log_factorial(-1)));
}

}  // namespace

#include "clavis/numerics/discrete_sum.hpp"

#include <gtest/gtest.h>

#include "clavis/numerics/rising_ratio.hpp"

namespace clavis::numerics {
namespace {

TEST(discrete_sum, rules_are_exact_for_polynomials) {
    for (int const exponent : {5, 6, 10}) {
        auto const& rule = gram16(exponent);
        auto const length = std::ldexp(1.0, exponent);
        for (int const power : {0, 1, 2, 9, 20, 30, 31}) {
            // Centred and scaled, so that nothing overflows.
            double sum = 0.0, exact = 0.0;
            for (std::size_t k = 0; k < 16; ++k)
                sum += length * rule.weights[k] * std::pow(2.0 * rule.nodes[k], power);
            for (double i = 0.0; i < length; ++i)
                exact += std::pow((2.0 * i - (length - 1.0)) / length, power);
            EXPECT_NEAR(sum, exact, 2e-14 * length) << exponent << ' ' << power;
        }
    }
}

TEST(discrete_sum, agrees_with_adding_term_by_term) {
    for (double const decay : {1e-7, 1e-3, 0.3, 5.0}) {
        for (double const n : {1.0, 31.0, 100.0, 4'321.0, 200'000.0}) {
            auto const term = [&](double i) { return -decay * i - 0.7 * std::log(i + 3.0); };
            long double exact = 0.0L;
            for (double i = n - 1.0; i >= 0.0; --i)
                exact += std::exp(static_cast<long double>(-decay) * i - 0.7L * std::log(i + 3.0L));
            double const sum = sum_terms(term, n, {.offset = 3.0}).value();
            EXPECT_NEAR(sum / static_cast<double>(exact), 1.0, 2e-14) << decay << ' ' << n;
        }
    }
    // A peak far inside: binomial weights of 5,000.
    auto const binomial = [](double i) {
        return log_rising_ratio(1.0, i, 5000.0 - i) - 5000.0 * std::log(2.0);
    };
    EXPECT_NEAR(sum_terms(binomial, 5001.0, {.offset = 1.0}).value(), 1.0, 1e-12);
}

TEST(discrete_sum, endless_sums) {
    // 1 / (i + 1)^2 adds to pi^2 / 6, 1 / (i + 1)^1.01 to zeta(1.01), a geometric series to its closed form.
    EXPECT_NEAR(sum_terms([](double i) { return -2.0 * std::log1p(i); }, HUGE_VAL,
                          {.offset = 1.0, .tail = 1.0, .settled = 1e17})
                    .value(),
                1.6449340668482264, 1e-14);
    EXPECT_NEAR(sum_terms([](double i) { return -1.01 * std::log1p(i); }, HUGE_VAL,
                          {.offset = 1.0, .tail = 0.01, .settled = 1e17})
                        .value() /
                    100.577943338497,
                1.0, 1e-13);
    for (double const rate : {1e-9, 1e-3, 1.0, 30.0})
        EXPECT_NEAR(sum_terms([&](double i) { return -rate * i; }, HUGE_VAL, {.tail = 1.0}).value() *
                        -std::expm1(-rate),
                    1.0, 1e-14);
    EXPECT_TRUE(std::isnan(sum_terms([](double) { return std::nan(""); }, HUGE_VAL, {}).value()));
}

}  // namespace
}  // namespace clavis::numerics

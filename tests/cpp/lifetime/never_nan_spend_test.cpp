#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "anywhere.hpp"
#include "clavis/lifetime/gamma_gamma.hpp"

// Gamma-Gamma over its whole domain, as never_nan_test.cpp does for models of purchases: a million draws with
// CLAVIS_VERIFY=1.

namespace clavis::lifetime {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

TEST(never_nan, Gamma_Gamma) {
    auto const draws = static_cast<std::uint64_t>(test::most_draws * test::share_of_draws());
    int failures = 0;
    for (std::uint64_t i = 0; i < draws; ++i) {
        random_stream random(20261129, 0x7370656e, i);
        gamma_gamma model{test::draw_parameter(random), test::draw_parameter(random),
                          test::draw_parameter(random)};
        std::array<std::int32_t, 2> const x{static_cast<std::int32_t>(test::draw_count(random)), 0};
        // Next to 1 the posterior mean turns infinite.
        if (x[0] > 0 && random.below(10) == 0 && model.q < 1.0)
            model.p =
                (1.0 - model.q) / x[0] * (1.0 + (random.below(2) == 0 ? 1.0 : -1.0) * test::tiny(random));
        if (!(model.p > 0.0)) model.p = 1e-6;
        double const most = test::wide(random, 1e-6, 1e6);
        std::array<double, 2> const m{random.below(10) == 0 ? model.population_mean() : most, 0.0};
        if (!std::isfinite(m[0])) continue;
        std::array<double, 2> const T{};
        ledger::summary_view const rows{.frequency = x,
                                        .recency = T,
                                        .T = T,
                                        .monetary_value = m,
                                        .log_gap_sum = {},
                                        .weights = {},
                                        .unit = {}};
        std::array<double, 2> spend{}, log_l{};
        expected_spend(model, rows, spend, 1);
        log_likelihood(model, rows, log_l, 1);
        double const everybody = model.population_mean();
        double const count = x[0];
        bool right = everybody > 0.0 && (everybody < inf) == (model.q > 1.0) && spend[1] == everybody &&
                     log_l[1] == 0.0 && std::isfinite(log_l[0]);
        if (count == 0.0) {
            right = right && spend[0] == everybody;
        } else {
            bool const exists = model.p * count + (model.q - 1.0) > 0.0;
            right = right && (spend[0] < inf) == exists;
            // Between what the customer spent and what everybody spends, or above the first where the second is infinite.
            if (exists)
                right = right && spend[0] >= std::min(m[0], everybody) * (1.0 - 1e-13) &&
                        spend[0] <= std::max(m[0], everybody) * (1.0 + 1e-13);
            // No density of m is higher than at its mode, where (p x - 1) / m = (p x + q) x / (gamma + x m).
            double const px = model.p * count;
            if (px > 1.0) {
                double const mode = (px - 1.0) * (model.gamma / count) / (model.q + 1.0);
                if (mode > 1e-300 && mode < 1e300) {
                    double const top = model.log_likelihood(count, mode);
                    right = right && log_l[0] <= top + 1e-12 * std::max(1.0, std::abs(top));
                }
            }
        }
        if (right || ++failures > 10) continue;
        ADD_FAILURE() << "draw " << i << ", p " << model.p << " q " << model.q << " gamma " << model.gamma
                      << " x " << count << " m " << m[0] << ": log-likelihood " << log_l[0] << " spend "
                      << spend[0] << " of all " << everybody;
    }
    EXPECT_EQ(failures, 0) << "of " << draws;
}

}  // namespace
}  // namespace clavis::lifetime

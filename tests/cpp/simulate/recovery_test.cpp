// What is planted is found again: models fitted to customers drawn from them.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "clavis/lifetime/fit.hpp"
#include "clavis/lifetime/model.hpp"
#include "clavis/simulate/beta_geo_nbd.hpp"
#include "clavis/simulate/gamma_gamma.hpp"
#include "clavis/simulate/modified_beta_geo_nbd.hpp"

namespace {

namespace cl = clavis::lifetime;
namespace cs = clavis::simulate;

template <class Model>
void expect_found_again(Model const& planted, std::uint64_t seed) {
    constexpr std::size_t customers = 30000;
    constexpr double horizon = 39;
    std::vector<double> T;
    std::vector<double> longer;
    for (std::size_t i = 0; i < customers; ++i) {
        T.push_back(27 + static_cast<double>(i % 85) / 7);
        longer.push_back(T.back() + horizon);
    }
    auto const whole = cs::simulate(planted, longer, seed);
    auto const seen = whole.until(T);

    auto const fitted = cl::fit<Model>(seen.view());
    EXPECT_TRUE(fitted.report.converged) << fitted.report.status;
    auto const truth = planted.parameters();
    for (std::size_t i = 0; i < truth.size(); ++i) {
        EXPECT_LT(std::fabs(fitted.report.estimates[i] - truth[i]), 4 * fitted.report.standard_errors[i])
            << Model::parameter_names[i] << " " << fitted.report.estimates[i];
    }

    // With the true parameters, the predictions of single customers are right on average: who is still active, and
    // what each kind of history buys afterwards.
    std::vector<double> alive(customers);
    std::vector<double> expected(customers);
    cl::probability_alive(planted, seen.view(), {0, clavis::week}, alive);
    cl::expected_purchases(planted, seen.view(), {horizon, clavis::week}, expected);
    struct total {
        double alive = 0;
        double still_active = 0;
        double variance = 0;
        double expected = 0;
        double bought = 0;
        double squares = 0;
    };
    std::vector<total> totals(4);
    for (std::size_t i = 0; i < customers; ++i) {
        double const bought = whole.frequency[i] - seen.frequency[i];
        auto& sum = totals[static_cast<std::size_t>(std::min(seen.frequency[i], 3))];
        sum.alive += alive[i];
        sum.variance += alive[i] * (1 - alive[i]);
        sum.still_active += seen.left[i] == std::numeric_limits<double>::infinity();
        sum.expected += expected[i];
        sum.bought += bought;
        sum.squares += (bought - expected[i]) * (bought - expected[i]);
    }
    for (std::size_t x = 0; x < totals.size(); ++x) {
        EXPECT_LE(std::fabs(totals[x].still_active - totals[x].alive),
                  4 * std::sqrt(totals[x].variance) + 1e-6)
            << x;
        EXPECT_LT(std::fabs(totals[x].bought - totals[x].expected), 4 * std::sqrt(totals[x].squares)) << x;
    }
}

TEST(recovery, beta_geo_nbd) {
    expect_found_again(cl::beta_geo_nbd{.r = 0.6, .alpha = 6, .a = 0.9, .b = 2.5, .unit = clavis::week}, 1);
}

TEST(recovery, modified_beta_geo_nbd) {
    expect_found_again(
        cl::modified_beta_geo_nbd{.r = 0.6, .alpha = 6, .a = 0.9, .b = 2.5, .unit = clavis::week}, 2);
}

TEST(recovery, gamma_gamma) {
    cl::gamma_gamma const planted{.p = 6.25, .q = 3.74, .gamma = 15.44};
    auto const purchases = cs::simulate(cl::beta_geo_nbd{.r = 0.6, .alpha = 6, .a = 0.9, .b = 2.5},
                                        std::vector<double>(20000, 39.0), 3);
    auto const spend = cs::simulate(planted, purchases.offsets, 3);
    auto view = purchases.view();
    view.monetary_value = spend.monetary_value;
    auto const fitted = cl::fit<cl::gamma_gamma>(view);
    EXPECT_TRUE(fitted.report.converged) << fitted.report.status;
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_LT(std::fabs(fitted.report.estimates[i] - planted.parameters()[i]),
                  4 * fitted.report.standard_errors[i])
            << cl::gamma_gamma::parameter_names[i] << " " << fitted.report.estimates[i];
    }
    std::vector<double> predicted(purchases.size());
    cl::expected_spend(planted, view, predicted);
    double const difference = std::accumulate(spend.mean.begin(), spend.mean.end(), 0.0) -
                              std::accumulate(predicted.begin(), predicted.end(), 0.0);
    double squares = 0;
    for (std::size_t i = 0; i < predicted.size(); ++i)
        squares += (spend.mean[i] - predicted[i]) * (spend.mean[i] - predicted[i]);
    EXPECT_LT(std::fabs(difference), 4 * std::sqrt(squares));
}

}  // namespace

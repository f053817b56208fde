#include "clavis/lifetime/gamma_gompertz_nbd.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "cdnow.hpp"
#include "clavis/lifetime/nbd.hpp"
#include "clavis/lifetime/pareto_nbd.hpp"

namespace clavis::lifetime {
namespace {

template <class Model>
double total_likelihood(Model const& model, test::columns const& table) {
    std::vector<double> rows(table.T.size());
    log_likelihood(model, table.view(), rows);
    return std::accumulate(rows.begin(), rows.end(), 0.0);
}

bool says(fit_report const& report, std::string_view words) {
    return std::any_of(report.warnings.begin(), report.warnings.end(),
                       [&](std::string const& w) { return w.find(words) != std::string::npos; });
}

// Customers whose hazard of leaving grows with age (b 0: does not, as in Pareto/NBD).
test::columns simulate(std::size_t n, gamma_gompertz_nbd const& model, double longest, unsigned seed) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> uniform(0.0, 1.0);
    test::columns table;
    for (std::size_t i = 0; i < n; ++i) {
        double const T = longest * (0.5 + 0.5 * uniform(random));
        double const rate = std::gamma_distribution<double>(model.r, 1.0 / model.alpha)(random);
        double const eta = std::gamma_distribution<double>(model.s, 1.0 / model.beta)(random);
        double const left = std::log1p(std::exponential_distribution<double>(1.0)(random) / eta) / model.b;
        double const end = std::min(T, left);
        int const x = std::poisson_distribution<int>(rate * end)(random);
        double last = 0.0;
        for (int k = 0; k < x; ++k)
            last = std::max(last, end * uniform(random));
        table.frequency.push_back(x);
        table.recency.push_back(last);
        table.T.push_back(T);
        table.monetary_value.push_back(0.0);
    }
    return table;
}

TEST(gamma_gompertz_nbd, likelihood_where_the_dropout_integral_has_been_lost) {
    gamma_gompertz_nbd const model{0.553, 10.578, 1e-4, 0.606, 1e-3};
    EXPECT_NEAR(model.log_likelihood(300, 100, 104), -8.776, 5e-4);
    EXPECT_NEAR(model.log_likelihood(1000, 1, 730), 3451.99, 5e-3);
    EXPECT_NEAR(model.log_likelihood(5000, 365, 730), 7931.35, 5e-3);
    // The paper's optimum on CDNOW, at parameters as printed.
    gamma_gompertz_nbd const weak{0.553, 10.578, 1e-9, 0.606, 1.1669e-8};
    pareto_nbd const limit{0.553, 10.578, 0.606, 11.669};
    for (double const x : {0.0, 1.0, 26.0, 300.0})
        EXPECT_NEAR(weak.log_likelihood(x, x == 0.0 ? 0.0 : 30.0, 31.0),
                    limit.log_likelihood(x, x == 0.0 ? 0.0 : 30.0, 31.0), 1e-7);
}

TEST(gamma_gompertz_nbd, fit_finds_ageing_where_there_is_some) {
    gamma_gompertz_nbd const truth{1.0, 4.0, 0.1, 1.0, 20.0};
    auto const table = simulate(4'000, truth, 100.0, 4);
    auto const found = fit<gamma_gompertz_nbd>(table.view());
    EXPECT_TRUE(found.report.converged) << found.report.status;
    EXPECT_GE(found.report.log_likelihood, total_likelihood(truth, table));
    EXPECT_GT(found.report.log_likelihood, fit<pareto_nbd>(table.view()).report.log_likelihood + 10.0);
    EXPECT_NEAR(found.model.b, 0.1, 4.0 * found.report.standard_error("b"));
    EXPECT_NEAR(found.report.log_likelihood / total_likelihood(found.model, table), 1.0, 1e-12);
    auto const part = fit<gamma_gompertz_nbd>(table.view(), {.fixed = {{"b", 0.1}, {"s", 1.0}}});
    EXPECT_TRUE(part.report.converged) << part.report.status;
    EXPECT_EQ(part.model.b, 0.1);
    EXPECT_LE(part.report.log_likelihood, found.report.log_likelihood);
}

TEST(gamma_gompertz_nbd, gradient_and_hessian_are_those_of_the_value) {
    // Through the report of a fit: its covariance is the inverse Hessian, its gradient vanishes where the value turns.
    auto const table = simulate(1'500, {1.0, 4.0, 0.1, 1.0, 20.0}, 100.0, 14);
    auto const found = fit<gamma_gompertz_nbd>(table.view());
    ASSERT_TRUE(found.report.converged);
    auto const at = [&](std::size_t i, double hi, std::size_t j, double hj) {
        auto p = found.model.parameters();
        p[i] *= std::exp(hi);
        p[j] *= std::exp(hj);
        return total_likelihood(gamma_gompertz_nbd::from(p, week), table);
    };
    double const h = 1e-3;
    auto const p = found.model.parameters();
    // -Hessian * covariance on logarithms is the identity.
    std::vector<double> hessian(25);
    for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_NEAR((at(i, h, i, 0.0) - at(i, -h, i, 0.0)) / (2 * h), 0.0, 1e-2);
        for (std::size_t j = 0; j < 5; ++j)
            hessian[i * 5 + j] =
                (at(i, h, j, h) - at(i, h, j, -h) - at(i, -h, j, h) + at(i, -h, j, -h)) / (4 * h * h);
    }
    for (std::size_t i = 0; i < 5; ++i)
        for (std::size_t j = 0; j < 5; ++j) {
            double product = 0.0;
            for (std::size_t k = 0; k < 5; ++k)
                product -= hessian[i * 5 + k] * found.report.covariance[k * 5 + j] / (p[k] * p[j]);
            EXPECT_NEAR(product, i == j ? 1.0 : 0.0, 2e-2) << i << ' ' << j;
        }
}

TEST(gamma_gompertz_nbd, all_leave_within_few_units) {
    // Where the hazard grows a million times before anybody leaves; against the integrals at 30 digits.
    gamma_gompertz_nbd const model{8.344082116957841,  1e6, 0.99998504180648828,
                                   11571.968499188279, 1e6, week};
    auto const process = model.given(0.0, 0.0, 0.002686072750402408).process;
    EXPECT_NEAR(process.expected(700.0) / 3.28452086206377e-5, 1.0, 1e-12);
    EXPECT_NEAR(1.0 - process.no_purchase(700.0), 3.28445511300614e-5, 1e-15);
    EXPECT_NEAR(process.at_least(1.0, 700.0) / 3.28445511300614e-5, 1.0, 1e-12);
}

TEST(gamma_gompertz_nbd, the_ridge_to_pareto_is_named) {
    auto const table = test::cdnow_sample();
    if (table.T.empty()) GTEST_SKIP() << "cdnow_sample.csv is not in the data folder";
    auto const nested = fit<pareto_nbd>(table.view());
    auto const found = fit<gamma_gompertz_nbd>(table.view());
    EXPECT_FALSE(found.report.converged);
    EXPECT_TRUE(says(found.report, "b goes to 0")) << found.report.status;
    EXPECT_NEAR(found.report.log_likelihood, -9594.976269, 2e-4);
    EXPECT_GE(found.report.log_likelihood, nested.report.log_likelihood - 1e-5);
    EXPECT_NEAR(found.model.beta / found.model.b / nested.model.beta, 1.0, 1e-3);
    std::vector<double> one(table.T.size()), two(table.T.size());
    expected_purchases(found.model, table.view(), {39.0, week}, one);
    expected_purchases(nested.model, table.view(), {39.0, week}, two);
    EXPECT_NEAR(std::accumulate(one.begin(), one.end(), 0.0) / std::accumulate(two.begin(), two.end(), 0.0),
                1.0, 1e-4);
}

TEST(gamma_gompertz_nbd, counts_add_to_one_and_to_the_mean) {
    gamma_gompertz_nbd const model{0.55, 10.6, 0.05, 0.6, 3.0, week};
    std::vector<double> pmf(120);
    purchase_pmf_new_customer(model, {39.0, week}, pmf);
    double mean = 0.0;
    for (std::size_t i = 0; i < pmf.size(); ++i)
        mean += static_cast<double>(i) * pmf[i];
    EXPECT_NEAR(std::accumulate(pmf.begin(), pmf.end(), 0.0), 1.0, 1e-9);
    EXPECT_NEAR(mean / model.expected(39.0), 1.0, 1e-7);
}

TEST(gamma_gompertz_nbd, heavy_buyers_and_none) {
    auto heavy = simulate(300, {2.0, 0.5, 0.005, 0.6, 0.5}, 730.0, 3);
    auto const found = fit<gamma_gompertz_nbd>(heavy.view());
    found.model.validate();
    EXPECT_TRUE(std::isfinite(found.report.log_likelihood));
    EXPECT_GE(found.report.log_likelihood, fit<pareto_nbd>(heavy.view()).report.log_likelihood - 1e-4);
    test::columns silent;
    for (int i = 0; i < 50; ++i) {
        silent.frequency.push_back(0);
        silent.recency.push_back(0.0);
        silent.T.push_back(10.0 + i);
    }
    auto const nothing = fit<gamma_gompertz_nbd>(silent.view());
    nothing.model.validate();
    EXPECT_FALSE(nothing.report.converged);
    EXPECT_TRUE(says(nothing.report, "no customer bought again"));
}

TEST(nbd, cdnow) {
    auto const table = test::cdnow_sample();
    if (table.T.empty()) GTEST_SKIP() << "cdnow_sample.csv is not in the data folder";
    auto const found = fit<nbd>(table.view());
    EXPECT_TRUE(found.report.converged);
    EXPECT_NEAR(found.report.log_likelihood, -9763.657615, 1e-6);
    EXPECT_NEAR(found.report.log_likelihood, total_likelihood(found.model, table), 1e-8);
    // It is Pareto/NBD with s held next to 0.
    auto const nested = fit<pareto_nbd>(table.view(), {.fixed = {{"s", 1e-12}, {"beta", 1.0}}});
    EXPECT_NEAR(nested.model.r / found.model.r, 1.0, 1e-5);
    EXPECT_NEAR(nested.model.alpha / found.model.alpha, 1.0, 1e-5);
    EXPECT_NEAR(nested.report.standard_error("r") / found.report.standard_error("r"), 1.0, 1e-5);
}

}  // namespace
}  // namespace clavis::lifetime

#include "clavis/lifetime/pareto_nbd.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "cdnow.hpp"
#include "clavis/lifetime/clv.hpp"
#include "lifetime/pareto_likelihood.hpp"
#include "lifetime/rows.hpp"

namespace clavis::lifetime {
namespace {

#define EXPECT_RELATIVE(actual, expected, tolerance) \
    EXPECT_NEAR((actual) / (expected), 1.0, tolerance) << #actual " = " << (actual)

double sum(std::vector<double> const& v) {
    return std::accumulate(v.begin(), v.end(), 0.0);
}

time_span weeks(double n) {
    return {n, week};
}

// Customers drawn from Pareto/NBD itself.
test::columns simulate(std::size_t n, pareto_nbd const& model, double longest, unsigned seed) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> uniform(0.0, 1.0);
    test::columns table;
    for (std::size_t i = 0; i < n; ++i) {
        double const T = longest * (0.5 + 0.5 * uniform(random));
        double const rate = std::gamma_distribution<double>(model.r, 1.0 / model.alpha)(random);
        double const leaving = std::gamma_distribution<double>(model.s, 1.0 / model.beta)(random);
        double const end = std::min(T, std::exponential_distribution<double>(1.0)(random) / leaving);
        int const x = std::poisson_distribution<int>(rate * end)(random);
        double last = 0.0;
        for (int k = 0; k < std::min(x, 1000); ++k)
            last = std::max(last, end * uniform(random));
        table.frequency.push_back(x);
        table.recency.push_back(last);
        table.T.push_back(T);
        table.monetary_value.push_back(0.0);
    }
    return table;
}

bool says(fit_report const& report, std::string_view words) {
    return std::any_of(report.warnings.begin(), report.warnings.end(),
                       [&](std::string const& w) { return w.find(words) != std::string::npos; });
}

double total_likelihood(pareto_nbd const& model, test::columns const& table) {
    std::vector<double> rows(table.T.size());
    log_likelihood(model, table.view(), rows);
    return sum(rows);
}

class pareto_cdnow : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        data = test::cdnow_sample();
        if (!data.T.empty()) found = fit<pareto_nbd>(data.view());
    }
    void SetUp() override {
        if (data.T.empty()) GTEST_SKIP() << "cdnow_sample.csv is not in the data folder";
    }
    static test::columns data;
    static fit_result<pareto_nbd> found;
};
test::columns pareto_cdnow::data;
fit_result<pareto_nbd> pareto_cdnow::found;

TEST_F(pareto_cdnow, fit) {
    auto const& [model, report] = found;
    EXPECT_TRUE(report.converged) << report.status;
    EXPECT_TRUE(report.warnings.empty());
    EXPECT_RELATIVE(model.r, 0.553277047, 1e-6);
    EXPECT_RELATIVE(model.alpha, 10.5776835, 1e-6);
    EXPECT_RELATIVE(model.s, 0.606239989, 2e-6);
    EXPECT_RELATIVE(model.beta, 11.6687353, 2e-6);
    EXPECT_NEAR(report.log_likelihood, -9594.97617894, 1e-6);
    EXPECT_NEAR(report.standard_error("r"), 0.04763, 6e-6);
    EXPECT_NEAR(report.standard_error("alpha"), 0.8427, 6e-5);
    EXPECT_NEAR(report.standard_error("s"), 0.18728, 6e-6);
    EXPECT_NEAR(report.standard_error("beta"), 6.2111, 6e-5);
    EXPECT_LT(report.gradient_norm, 1e-6);
    EXPECT_LT(report.iterations, 20);
}

TEST_F(pareto_cdnow, predictions) {
    auto const& model = found.model;
    EXPECT_RELATIVE(expected_purchases_new_customer(model, weeks(52)), 1.473434, 5e-7);
    std::vector<double> out(data.T.size());
    expected_purchases(model, data.view(), weeks(52), out);
    EXPECT_RELATIVE(out[1515], 25.455192, 1e-6);
    probability_alive(model, data.view(), {}, out);
    EXPECT_RELATIVE(out[1515], 0.997873, 1e-6);
    expected_purchases(model, data.view(), weeks(39), out);
    EXPECT_RELATIVE(sum(out), 1665.51, 5e-6);

    discounted_expected_purchases(model, data.view(), 0.15, forever, out);
    EXPECT_RELATIVE(sum(out), 7220.31, 2e-6);
    // delta = ln(1.15) / 52 a week, at the parameters these figures were computed with.
    double const rate = std::pow(1.15, in_units(year, week) / 52.0) - 1.0;
    pareto_nbd const rounded{0.553277, 10.577679, 0.606239, 11.668695, week};
    discounted_expected_purchases(rounded, data.view(), rate, forever, out);
    EXPECT_RELATIVE(out[0], 6.500360, 1e-7);
    EXPECT_RELATIVE(out[2], 0.478281, 1e-6);
    EXPECT_RELATIVE(out[1515], 86.25772, 1e-7);
    EXPECT_RELATIVE(sum(out), 7205.556, 1e-7);

    // The paradox of frequent buyers that fell silent: x = 10, 15, 20, 25 until week 20 of 39.
    std::vector<double> const paradox{0.7058888, 0.1441508, 0.02249015, 0.003090066};
    for (std::size_t i = 0; i < paradox.size(); ++i) {
        auto const state = model.given(10.0 + 5.0 * static_cast<double>(i), 20.0, 39.0);
        EXPECT_RELATIVE(state.probability_alive * state.process.expected(52.0), paradox[i], 1e-6);
    }
    EXPECT_RELATIVE(model.given(0.0, 0.0, 39.0).probability_alive, 0.2942763, 1e-6);
}

TEST(pareto_nbd, published_values_at_given_parameters) {
    pareto_nbd const notes{0.55, 10.56, 0.61, 11.64, week};
    std::vector<double> const expected{0.05077821, 0.09916088, 0.14542507, 0.18979930, 0.23247466,
                                       0.27361274, 0.31335159, 0.35181024, 0.38909211};
    for (std::size_t i = 0; i < expected.size(); ++i)
        EXPECT_NEAR(notes.expected(static_cast<double>(i + 1)), expected[i], 5.1e-9);

    pareto_nbd const heavy{0.55, 10.58, 0.61, 11.67, week};
    for (auto const& [x, value] :
         {std::pair(132.0, 6.2060517889632418), std::pair(133.0, 6.2528722475748113)}) {
        auto const state = heavy.given(x, 200.0, 200.0);
        EXPECT_RELATIVE(state.probability_alive * state.process.expected(10.0), value, 1e-12);
    }

    pareto_nbd const late{0.5143, 2.8845, 0.2856, 14.1087, week};
    EXPECT_NEAR(late.given(221, 103.42857, 103.57143).probability_alive, 0.99959605, 5e-8);
    EXPECT_NEAR(late.given(254, 97.14286, 97.28571).probability_alive, 0.99955823, 5e-8);
    EXPECT_NEAR(late.given(161, 94.71429, 98).probability_alive, 0.74948775, 1e-6);
    EXPECT_NEAR(late.given(204, 98.57143, 99.42857).probability_alive, 0.99425508, 1e-7);

    pareto_nbd const donors{0.5629966, 12.559037, 0.4081095, 10.5148048, week};
    double const inf = std::numeric_limits<double>::infinity();
    auto const ahead = [&](double x, double tx, double T) {
        auto const state = donors.given(x, tx, T);
        return state.probability_alive * state.process.discounted(inf, 0.0027);
    };
    EXPECT_NEAR(ahead(7, 35, 77.86), 1.8641833, 5e-7);
    std::vector<double> const by_count{2.19916, 2.84353, 2.86713, 2.44541, 1.84050,
                                       1.26242, 0.80962, 0.49480, 0.29202, 0.16793};
    for (std::size_t i = 0; i < by_count.size(); ++i)
        EXPECT_NEAR(ahead(static_cast<double>(i + 1), 30, 77.86), by_count[i], 5.1e-6);
}

TEST(pareto_nbd, counts_of_new_customers_add_to_one_and_to_the_mean) {
    pareto_nbd const model{0.553277, 10.577679, 0.606239, 11.668695, week};
    std::vector<double> pmf(600);
    purchase_pmf_new_customer(model, weeks(39), pmf);
    std::vector<double> const first{0.593532, 0.165585, 0.082504, 0.049052};
    for (std::size_t i = 0; i < first.size(); ++i)
        EXPECT_NEAR(pmf[i], first[i], 5.1e-7);
    EXPECT_NEAR(sum(pmf), 1.0, 1e-12);
    double mean = 0.0;
    for (std::size_t i = 0; i < pmf.size(); ++i)
        mean += static_cast<double>(i) * pmf[i];
    EXPECT_RELATIVE(mean, model.expected(39.0), 1e-11);
}

TEST(pareto_nbd, chances_without_end) {
    // Against the density of the n-th purchase at u times the chance to be there, integrated over ln u at 40 digits. The
    // first customers are so mixed that some buy again after 1e300 units of time; the second are much alike.
    pareto_nbd const mixed{0.0069946863337273183, 6043.5253030647109, 0.001427481857004105,
                           573922.14309325791};
    constexpr double endless = std::numeric_limits<double>::infinity();
    EXPECT_RELATIVE(mixed.no_purchase(endless), 0.16419304929664065164, 1e-13);
    EXPECT_RELATIVE(mixed.pmf(3, endless), 3.8645647072310052485e-4, 1e-12);
    EXPECT_RELATIVE(mixed.at_least(3, endless), 0.83408111822620651152, 1e-13);
    EXPECT_RELATIVE(mixed.pmf(100'000, endless), 1.17286211396075e-8, 1e-11);
    EXPECT_RELATIVE(mixed.at_least(1e5, endless), 0.82163670246166673838, 1e-13);
    pareto_nbd const alike{61.010407246581124, 297431.8326471036, 3.0, 1005514.8570936491};
    EXPECT_RELATIVE(alike.at_least(26, endless), 0.69940739184899396583, 1e-12);
    EXPECT_RELATIVE(alike.at_least(27, endless), 0.69043980186215163725, 1e-12);
}

TEST(pareto_nbd, gradient_and_hessian_are_those_of_the_value) {
    auto table = simulate(300, {0.6, 3.0, 0.7, 4.0}, 40.0, 8);
    table.frequency[0] = 1500;
    table.recency[0] = table.T[0] - 0.25;
    table.frequency[1] = 40;
    table.recency[1] = 0.5 * table.T[1];
    table.frequency[2] = 7;
    table.recency[2] = table.T[2];
    auto const rows = compress(table.view());
    for (double const offset : {-2.0, 0.0, 2.5}) {
        for (double const beta : {0.4 - offset, -3.0, 3.0}) {  // at, below and above alpha
            std::vector<double> const theta{-0.7 + offset, 0.4 - offset, -0.2 + offset, beta};
            std::vector<double> gradient(4), hessian(16), up(4), down(4), spare(16);
            double const value = pareto_objective(rows, theta, gradient, hessian, 1);
            for (std::size_t i = 0; i < 4; ++i) {
                double const h = 1e-5;
                auto moved = theta;
                moved[i] += h;
                double const above = pareto_objective(rows, moved, up, spare, 1);
                moved[i] -= 2.0 * h;
                double const below = pareto_objective(rows, moved, down, spare, 1);
                double const size = std::abs(value) + 1.0;
                EXPECT_NEAR(gradient[i], (above - below) / (2.0 * h), 1e-9 * size);
                for (std::size_t j = 0; j < 4; ++j)
                    EXPECT_NEAR(hessian[i * 4 + j], (up[j] - down[j]) / (2.0 * h), 1e-8 * size)
                        << i << ' ' << j;
            }
        }
    }
}

TEST(pareto_nbd, likelihood_of_compressed_rows_is_the_sum_over_rows) {
    auto table = simulate(400, {0.5, 3.0, 0.8, 2.5}, 40.0, 7);
    table.frequency[0] = 1500;
    table.recency[0] = table.T[0] - 0.25;
    auto const rows = compress(table.view());
    pareto_nbd const model{0.3, 5.0, 1.2, 0.7};
    std::vector<double> const theta{std::log(model.r), std::log(model.alpha / rows.scale), std::log(model.s),
                                    std::log(model.beta / rows.scale)};
    std::vector<double> gradient(4), hessian(16);
    double const value =
        -pareto_objective(rows, theta, gradient, hessian, 1) - rows.purchases * std::log(rows.scale);
    EXPECT_NEAR(value / total_likelihood(model, table), 1.0, 1e-13);
}

TEST(pareto_nbd, fit_is_the_same_for_any_threads_order_and_unit) {
    auto const table = simulate(6'000, {0.5, 4.0, 0.8, 6.0}, 60.0, 9);
    auto const once = fit<pareto_nbd>(table.view(), {.threads = 1});
    auto reversed = table;
    std::reverse(reversed.frequency.begin(), reversed.frequency.end());
    for (auto* column : {&reversed.recency, &reversed.T})
        std::reverse(column->begin(), column->end());
    auto const again = fit<pareto_nbd>(reversed.view(), {.threads = 3});
    EXPECT_TRUE(once.report.converged);
    EXPECT_EQ(once.model.parameters(), again.model.parameters());
    EXPECT_EQ(once.report.covariance, again.report.covariance);

    auto days = table;
    for (auto* column : {&days.recency, &days.T})
        for (double& v : *column)
            v *= 7.0;
    days.unit = day;
    auto const daily = fit<pareto_nbd>(days.view());
    EXPECT_RELATIVE(daily.model.r, once.model.r, 1e-9);
    EXPECT_RELATIVE(daily.model.alpha, 7.0 * once.model.alpha, 1e-9);
    EXPECT_RELATIVE(daily.model.s, once.model.s, 1e-9);
    EXPECT_RELATIVE(daily.model.beta, 7.0 * once.model.beta, 1e-9);
    std::vector<double> one(table.T.size()), two(table.T.size());
    discounted_expected_purchases(once.model, table.view(), 0.1, year, one);
    discounted_expected_purchases(in_unit(once.model, day), days.view(), 0.1, year, two);
    for (std::size_t i = 0; i < one.size(); ++i)
        ASSERT_NEAR(one[i], two[i], 1e-12 * (1.0 + one[i]));
}

TEST(pareto_nbd, fit_reaches_at_least_the_likelihood_of_the_truth) {
    struct truth {
        pareto_nbd model;
        double longest;
    };
    for (auto const& [model, longest] :
         {truth{{0.55, 74.0, 0.61, 82.0}, 730.0}, truth{{2.0, 2.0, 0.6, 20.0}, 104.0},
          truth{{0.5, 10.0, 3.0, 30.0}, 52.0}, truth{{2.0, 4.0, 0.6, 80.0}, 730.0}}) {
        for (unsigned seed = 0; seed < 3; ++seed) {
            auto const table = simulate(2'000, model, longest, 100 + seed);
            auto const found = fit<pareto_nbd>(table.view());
            EXPECT_GE(found.report.log_likelihood, total_likelihood(model, table));
            EXPECT_TRUE(found.report.converged) << found.report.status;
            EXPECT_RELATIVE(found.report.log_likelihood, total_likelihood(found.model, table), 1e-12);
        }
    }
}

TEST(pareto_nbd, fit_holds_parameters_fixed) {
    auto const table = simulate(2'000, {0.5, 4.0, 0.8, 6.0}, 60.0, 12);
    auto const all = fit<pareto_nbd>(table.view());
    auto const part = fit<pareto_nbd>(table.view(), {.fixed = {{"s", 1.0}, {"alpha", 4.0}}});
    EXPECT_TRUE(part.report.converged);
    EXPECT_EQ(part.model.s, 1.0);
    EXPECT_EQ(part.report.standard_error("s"), 0.0);
    EXPECT_LT(part.report.log_likelihood, all.report.log_likelihood);
    auto const same = fit<pareto_nbd>(table.view(), {.fixed = {{"beta", all.model.beta}}});
    EXPECT_RELATIVE(same.model.s, all.model.s, 1e-6);
}

// What other packages failed at.

TEST(pareto_nbd, nobody_leaves) {
    auto const table = simulate(2'000, {0.5, 10.0, 50.0, 1e7}, 100.0, 5);
    auto const found = fit<pareto_nbd>(table.view());
    found.model.validate();
    EXPECT_NEAR(found.model.r, 0.5, 0.1);
    EXPECT_NEAR(found.model.alpha, 10.0, 2.0);
    EXPECT_GE(found.report.log_likelihood, total_likelihood({0.5, 10.0, 50.0, 1e7}, table));
    if (found.report.converged)
        EXPECT_LT(found.model.s / found.model.beta, 1e-3);
    else
        EXPECT_TRUE(says(found.report, "customers leaving") || says(found.report, "dropout heterogeneity"))
            << found.report.status;
}

TEST(pareto_nbd, everybody_leaves_at_the_same_rate) {
    auto const table = simulate(3'000, {1.0, 2.0, 1e6, 2e7}, 100.0, 6);
    auto const found = fit<pareto_nbd>(table.view());
    found.model.validate();
    EXPECT_NEAR(found.model.s / found.model.beta, 0.05, 0.01);
    EXPECT_GE(found.report.log_likelihood, total_likelihood({1.0, 2.0, 1e6, 2e7}, table));
    EXPECT_TRUE(found.report.converged || !found.report.warnings.empty());
}

TEST(pareto_nbd, no_repeat_purchase) {
    test::columns table;
    for (int i = 0; i < 50; ++i) {
        table.frequency.push_back(0);
        table.recency.push_back(0.0);
        table.T.push_back(10.0 + i);
    }
    auto const found = fit<pareto_nbd>(table.view());
    found.model.validate();
    EXPECT_TRUE(std::isfinite(found.report.log_likelihood));
    EXPECT_FALSE(found.report.converged);
    EXPECT_TRUE(says(found.report, "no customer bought again"));
    std::vector<double> out(table.T.size());
    expected_purchases(found.model, table.view(), 52 * week, out);
    for (double v : out)
        EXPECT_NEAR(v, 0.0, 0.05);
}

TEST(pareto_nbd, heavy_buyers) {
    auto const table = simulate(1'000, {2.0, 0.25, 0.6, 80.0}, 730.0, 21);
    EXPECT_GT(*std::max_element(table.frequency.begin(), table.frequency.end()), 5'000);
    auto const found = fit<pareto_nbd>(table.view());
    EXPECT_TRUE(found.report.converged) << found.report.status;
    EXPECT_GE(found.report.log_likelihood, total_likelihood({2.0, 0.25, 0.6, 80.0}, table));
    // Counts at which the closed form overflows elsewhere.
    pareto_nbd const model{0.55, 10.58, 0.61, 11.67};
    for (double const x : {105.0, 116.0, 149.0, 171.0, 1e3, 1e5}) {
        for (double const T : {52.0, 104.0, 365.0, 728.0, 3650.0}) {
            auto const state = model.given(x, 0.999 * T, T);
            EXPECT_TRUE(std::isfinite(model.log_likelihood(x, 0.999 * T, T)));
            EXPECT_TRUE(state.probability_alive >= 0.0 && state.probability_alive <= 1.0);
            EXPECT_TRUE(std::isfinite(state.process.expected(39.0)));
        }
    }
}

}  // namespace
}  // namespace clavis::lifetime

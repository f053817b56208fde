#include "clavis/lifetime/beta_geo_beta_binomial.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <random>

#include "clavis/core/errors.hpp"
#include "clavis/lifetime/clv.hpp"
#include "clavis/numerics/optimize.hpp"
#include "lifetime/beta_geo_beta_binomial_likelihood.hpp"
#include "lifetime/rows.hpp"

namespace clavis::lifetime {
namespace {

#define EXPECT_RELATIVE(actual, expected, tolerance) \
    EXPECT_NEAR((actual) / (expected), 1.0, tolerance) << #actual " = " << (actual)

double sum(std::vector<double> const& v) {
    return std::accumulate(v.begin(), v.end(), 0.0);
}

time_span years(double n) {
    return {n, year};
}

struct table {
    std::vector<std::int32_t> frequency;
    std::vector<double> recency, T, weights;
    ledger::summary_view view() const {
        ledger::summary_view v{};
        v.frequency = frequency;
        v.recency = recency;
        v.T = T;
        v.weights = weights;
        v.unit = year;
        return v;
    }
    void add(int x, double tx, double n, double weight = 1.0) {
        frequency.push_back(x);
        recency.push_back(tx);
        T.push_back(n);
        weights.push_back(weight);
    }
};

table donations() {
    table result;
    char const* folder = std::getenv("CLAVIS_DATA");
    std::ifstream in(std::string(folder ? folder : CLAVIS_SOURCE_DIR "/../shared/data") +
                     "/donations_bgbb.csv");
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
        int x = 0, tx = 0, n = 0, weight = 0;
        if (std::sscanf(line.c_str(), "%d,%d,%d,%d", &x, &tx, &n, &weight) == 4) result.add(x, tx, n, weight);
    }
    return result;
}

// Customers drawn from BG/BB itself.
table simulate(std::size_t count, beta_geo_beta_binomial const& model, int longest, unsigned seed) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> uniform(0.0, 1.0);
    auto const beta = [&](double a, double b) {
        double const one = std::gamma_distribution<double>(a)(random);
        return one / (one + std::gamma_distribution<double>(b)(random));
    };
    table result;
    for (std::size_t i = 0; i < count; ++i) {
        double const p = beta(model.alpha, model.beta);
        double const theta = beta(model.gamma, model.delta);
        int const n = longest / 2 + static_cast<int>(uniform(random) * (longest - longest / 2 + 1));
        int x = 0, tx = 0;
        for (int k = 1; k <= n && uniform(random) >= theta; ++k)
            if (uniform(random) < p) ++x, tx = k;
        result.add(x, tx, n);
    }
    return result;
}

bool says(fit_report const& report, std::string_view words) {
    return std::any_of(report.warnings.begin(), report.warnings.end(),
                       [&](std::string const& w) { return w.find(words) != std::string::npos; });
}

double total_likelihood(beta_geo_beta_binomial const& model, table const& data) {
    std::vector<double> rows(data.T.size());
    log_likelihood(model, data.view(), rows);
    for (std::size_t i = 0; i < rows.size(); ++i)
        rows[i] *= data.weights[i];
    return sum(rows);
}

class donors : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        data = donations();
        if (!data.T.empty()) found = fit<beta_geo_beta_binomial>(data.view());
    }
    void SetUp() override {
        if (data.T.empty()) GTEST_SKIP() << "donations_bgbb.csv is not in the data folder";
    }
    static table data;
    static fit_result<beta_geo_beta_binomial> found;
};
table donors::data;
fit_result<beta_geo_beta_binomial> donors::found;

TEST_F(donors, fit) {
    auto const& [model, report] = found;
    EXPECT_TRUE(report.converged) << report.status;
    EXPECT_TRUE(report.warnings.empty());
    EXPECT_EQ(report.customers, 11'104.0);
    EXPECT_RELATIVE(model.alpha, 1.203522, 1e-6);
    EXPECT_RELATIVE(model.beta, 0.749716, 1e-6);
    EXPECT_RELATIVE(model.gamma, 0.656718, 1e-6);
    EXPECT_RELATIVE(model.delta, 2.783441, 1e-6);
    EXPECT_NEAR(report.log_likelihood, -33225.58127, 6e-6);
    EXPECT_NEAR(report.standard_error("alpha"), 0.0694, 6e-5);
    EXPECT_NEAR(report.standard_error("beta"), 0.0294, 6e-5);
    EXPECT_NEAR(report.standard_error("gamma"), 0.0510, 6e-5);
    EXPECT_NEAR(report.standard_error("delta"), 0.3208, 6e-5);
    EXPECT_LT(report.gradient_norm, 1e-6);
    EXPECT_LT(report.iterations, 20);
    EXPECT_RELATIVE(total_likelihood(model, data), report.log_likelihood, 1e-13);
}

TEST_F(donors, predictions) {
    auto const& model = found.model;
    std::vector<double> const by_n{0.4985, 0.9233, 1.2969, 1.6323, 1.9381, 2.2202,
                                   2.4826, 2.7285, 2.9603, 3.1798, 3.3887};
    for (std::size_t i = 0; i < by_n.size(); ++i)
        EXPECT_NEAR(expected_purchases_new_customer(model, years(static_cast<double>(i + 1))), by_n[i],
                    5.1e-5);
    EXPECT_RELATIVE(expected_purchases_new_customer(model, years(10)), 3.179829, 3e-7);

    std::vector<double> out(data.T.size());
    auto const weighted = [&] {
        double total = 0.0;
        for (std::size_t i = 0; i < out.size(); ++i)
            total += data.weights[i] * out[i];
        return total;
    };
    expected_purchases(model, data.view(), years(10), out);
    EXPECT_RELATIVE(out[0], 0.1302181, 1e-6);
    EXPECT_RELATIVE(model.given(4, 5, 6).probability_alive * model.given(4, 5, 6).process.expected(10.0),
                    3.627968, 1e-6);
    expected_purchases(model, data.view(), years(5), out);
    EXPECT_NEAR(weighted(), 12884.2, 0.06);
    // Alive in 2002 is alive one year ahead.
    probability_alive(model, data.view(), years(1), out);
    EXPECT_NEAR(out[0], 0.1081, 6e-5);
    EXPECT_NEAR(out.back(), 0.9304, 6e-5);

    std::vector<double> pmf(7);
    purchase_pmf_new_customer(model, years(6), pmf);
    EXPECT_NEAR(11'104.0 * pmf[0], 3454.9, 0.06);
    EXPECT_NEAR(11'104.0 * pmf[6], 1253.1, 0.06);
    EXPECT_NEAR(sum(pmf), 1.0, 1e-13);

    std::vector<double> const annual{5535.818, 4717.048, 4147.621, 3724.678, 3395.913, 3131.682,
                                     2913.822, 2730.533, 2573.788, 2437.917, 2318.795};
    for (std::size_t i = 0; i < annual.size(); ++i) {
        double const before = expected_purchases_new_customer(model, years(static_cast<double>(i)));
        double const after = expected_purchases_new_customer(model, years(static_cast<double>(i) + 1.0));
        EXPECT_NEAR(11'104.0 * (after - before), annual[i], 2e-3);
    }
}

TEST(beta_geo_beta_binomial, published_discounted_purchases) {
    beta_geo_beta_binomial const model{1.2, 0.75, 0.66, 2.78, year};
    table rows;
    rows.add(3, 4, 6);
    for (int x = 1; x <= 6; ++x)
        rows.add(x, 6, 6);
    std::vector<double> out(rows.T.size());
    discounted_expected_purchases(model, rows.view(), 0.1, forever, out);
    std::vector<double> const exact{1.621379, 1.80204, 2.62116, 3.44027, 4.25938, 5.07849, 5.89760};
    for (std::size_t i = 0; i < exact.size(); ++i)
        EXPECT_NEAR(out[i], exact[i], i == 0 ? 5.1e-7 : 5.1e-6);
}

TEST(beta_geo_beta_binomial, horizons_count_opportunities) {
    beta_geo_beta_binomial const model{1.2, 0.75, 0.66, 2.78, year};
    using days = std::chrono::duration<double, std::ratio<86400>>;
    EXPECT_EQ(expected_purchases_new_customer(model, days(365.0)), model.expected(1.0));
    EXPECT_EQ(expected_purchases_new_customer(model, days(300.0)), 0.0);
    EXPECT_EQ(expected_purchases_new_customer(model, days(700.0)), model.expected(1.0));
    EXPECT_EQ(expected_purchases_new_customer(model, days(3 * 365.25)), model.expected(3.0));
    EXPECT_EQ(model.expected(HUGE_VAL), HUGE_VAL);
    // What is told in weeks is read in weeks, and a probability stays one in any unit.
    table rows;
    rows.add(2, 14, 28);
    auto in_days = rows.view();
    in_days.unit = day;
    beta_geo_beta_binomial const weekly{1.2, 0.75, 0.66, 2.78, week};
    std::vector<double> out(1);
    log_likelihood(weekly, in_days, out);
    EXPECT_EQ(out[0], weekly.log_likelihood(2, 2, 4));
}

TEST(beta_geo_beta_binomial, gradient_and_hessian_are_those_of_the_value) {
    auto data = simulate(200, {1.2, 0.75, 0.66, 2.78}, 12, 8);
    data.add(300, 350, 500, 2.0);
    data.add(1, 1, 400);
    data.add(0, 0, 0);
    data.add(7, 7, 7);
    auto const rows = compress(data.view());
    for (double const offset : {-2.0, 0.0, 3.0}) {
        std::vector<double> const theta{0.2 + offset, -0.3 + offset, -0.4 - offset, 1.0 + offset};
        std::vector<double> gradient(4), hessian(16), up(4), down(4), spare(16);
        double const value = beta_geo_beta_binomial_objective(rows, theta, gradient, hessian, 1);
        for (std::size_t i = 0; i < 4; ++i) {
            double const h = 1e-5;
            auto moved = theta;
            moved[i] += h;
            double const above = beta_geo_beta_binomial_objective(rows, moved, up, spare, 1);
            moved[i] -= 2.0 * h;
            double const below = beta_geo_beta_binomial_objective(rows, moved, down, spare, 1);
            double const size = std::abs(value) + 1.0;
            EXPECT_NEAR(gradient[i], (above - below) / (2.0 * h), 1e-9 * size) << offset;
            for (std::size_t j = 0; j < 4; ++j)
                EXPECT_NEAR(hessian[i * 4 + j], (up[j] - down[j]) / (2.0 * h), 1e-8 * size)
                    << offset << ' ' << i << ' ' << j;
        }
    }
    beta_geo_beta_binomial const model{1.5, 0.7, 0.6, 2.0};
    std::vector<double> const theta{std::log(1.5), std::log(0.7), std::log(0.6), std::log(2.0)};
    std::vector<double> gradient(4), hessian(16);
    double const value = -beta_geo_beta_binomial_objective(rows, theta, gradient, hessian, 1) -
                         rows.purchases * std::log(rows.scale);
    EXPECT_RELATIVE(value, total_likelihood(model, data), 1e-13);
}

TEST(beta_geo_beta_binomial, simulated_customers_do_what_is_predicted) {
    // The same customers, followed for 10 opportunities and then for 15 more.
    beta_geo_beta_binomial const model{1.2, 0.75, 0.66, 2.78, year};
    std::mt19937_64 random(3);
    std::uniform_real_distribution<double> uniform(0.0, 1.0);
    auto const beta = [&](double a, double b) {
        double const one = std::gamma_distribution<double>(a)(random);
        return one / (one + std::gamma_distribution<double>(b)(random));
    };
    constexpr std::size_t count = 100'000;
    table rows;
    std::vector<double> alive(count), later(count), silent(count), discounted(count);
    for (std::size_t i = 0; i < count; ++i) {
        double const p = beta(model.alpha, model.beta);
        double const theta = beta(model.gamma, model.delta);
        int x = 0, tx = 0, k = 0;
        while (++k <= 10 && uniform(random) >= theta)
            if (uniform(random) < p) ++x, tx = k;
        alive[i] = k > 10;
        rows.add(x, tx, 10);
        if (k > 10)
            for (int h = 1; h <= 15 && uniform(random) >= theta; ++h)
                if (uniform(random) < p) later[i] += 1.0, discounted[i] += std::pow(1.1, -h);
        silent[i] = later[i] == 0.0;
    }
    std::vector<double> out(count);
    auto const agrees = [&](std::vector<double> const& seen, double spread) {
        EXPECT_NEAR(sum(out) / count, sum(seen) / count,
                    4.0 * spread / std::sqrt(static_cast<double>(count)));
        // And among those with a given history.
        double predicted = 0.0, happened = 0.0, n = 0.0;
        for (std::size_t i = 0; i < count; ++i)
            if (rows.recency[i] > 0 && rows.recency[i] < 8) predicted += out[i], happened += seen[i], ++n;
        EXPECT_NEAR(predicted / n, happened / n, 4.0 * spread / std::sqrt(n));
    };
    probability_alive(model, rows.view(), {}, out);
    agrees(alive, 0.5);
    expected_purchases(model, rows.view(), years(15), out);
    agrees(later, 5.0);
    probability_no_purchase(model, rows.view(), years(15), out);
    agrees(silent, 0.5);
    discounted_expected_purchases(model, rows.view(), 0.1, years(15), out);
    agrees(discounted, 3.0);
}

TEST(beta_geo_beta_binomial, fit_reaches_at_least_the_likelihood_of_the_truth) {
    for (beta_geo_beta_binomial const& truth :
         {beta_geo_beta_binomial{1.2, 0.75, 0.66, 2.78}, beta_geo_beta_binomial{0.3, 2.0, 1.0, 15.0},
          beta_geo_beta_binomial{5.0, 2.0, 3.0, 60.0}}) {
        for (unsigned seed = 0; seed < 3; ++seed) {
            auto const data = simulate(2'000, truth, 24, 100 + seed);
            auto const found = fit<beta_geo_beta_binomial>(data.view());
            EXPECT_GE(found.report.log_likelihood, total_likelihood(truth, data));
            EXPECT_TRUE(found.report.converged) << found.report.status;
            EXPECT_RELATIVE(found.report.log_likelihood, total_likelihood(found.model, data), 1e-12);
        }
    }
}

TEST(beta_geo_beta_binomial, twenty_starts_agree) {
    auto const data = simulate(1'000, {1.2, 0.75, 0.66, 2.78}, 12, 5);
    auto const found = fit<beta_geo_beta_binomial>(data.view());
    auto const rows = compress(data.view());
    std::mt19937_64 random(1);
    std::uniform_real_distribution<double> uniform(-2.5, 2.5);
    for (int i = 0; i < 20; ++i) {
        std::vector<double> const start{uniform(random), uniform(random), uniform(random), uniform(random)};
        auto const end = numerics::minimize(
            [&](std::span<double const> theta, std::span<double> gradient, std::span<double> hessian) {
                return beta_geo_beta_binomial_objective(rows, theta, gradient, hessian, 1);
            },
            start);
        EXPECT_NEAR(-end.value - rows.purchases * std::log(rows.scale), found.report.log_likelihood, 1e-7);
    }
}

TEST(beta_geo_beta_binomial, fit_is_the_same_for_any_threads_and_order_and_holds_parameters_fixed) {
    auto const data = simulate(5'000, {1.2, 0.75, 0.66, 2.78}, 30, 9);
    auto const once = fit<beta_geo_beta_binomial>(data.view(), {.threads = 1});
    auto reversed = data;
    std::reverse(reversed.frequency.begin(), reversed.frequency.end());
    for (auto* column : {&reversed.recency, &reversed.T})
        std::reverse(column->begin(), column->end());
    auto const again = fit<beta_geo_beta_binomial>(reversed.view(), {.threads = 3});
    EXPECT_EQ(once.model.parameters(), again.model.parameters());
    EXPECT_EQ(once.report.covariance, again.report.covariance);
    auto const part = fit<beta_geo_beta_binomial>(data.view(), {.fixed = {{"gamma", 1.0}}});
    EXPECT_TRUE(part.report.converged);
    EXPECT_EQ(part.model.gamma, 1.0);
    EXPECT_EQ(part.report.standard_error("gamma"), 0.0);
    EXPECT_LT(part.report.log_likelihood, once.report.log_likelihood);
}

TEST(beta_geo_beta_binomial, what_cannot_be_known) {
    table silent;
    for (int i = 0; i < 50; ++i)
        silent.add(0, 0, 10 + i);
    auto const nobody_bought = fit<beta_geo_beta_binomial>(silent.view());
    nobody_bought.model.validate();
    EXPECT_FALSE(nobody_bought.report.converged);
    EXPECT_TRUE(std::isfinite(nobody_bought.report.log_likelihood));
    EXPECT_TRUE(says(nobody_bought.report, "no customer bought again"));

    table fresh;
    for (int i = 0; i < 50; ++i)
        fresh.add(0, 0, 0);
    auto const nothing_due = fit<beta_geo_beta_binomial>(fresh.view());
    EXPECT_FALSE(nothing_due.report.converged);
    EXPECT_EQ(nothing_due.report.log_likelihood, 0.0);
    EXPECT_FALSE(nothing_due.report.warnings.empty());

    table faithful;
    for (int i = 0; i < 50; ++i)
        faithful.add(8, 8, 8);
    auto const always = fit<beta_geo_beta_binomial>(faithful.view());
    always.model.validate();
    EXPECT_FALSE(always.report.converged);
    EXPECT_NEAR(always.report.log_likelihood, 0.0, 1e-2);
    EXPECT_TRUE(says(always.report, "buy every time")) << always.report.status;
    EXPECT_TRUE(says(always.report, "no sign of customers leaving"));

    // One opportunity tells one number.
    table once;
    once.add(0, 0, 1, 60.0);
    once.add(1, 1, 1, 40.0);
    auto const one = fit<beta_geo_beta_binomial>(once.view());
    EXPECT_FALSE(one.report.converged);
    EXPECT_FALSE(one.report.warnings.empty());
    EXPECT_NEAR(one.report.log_likelihood, 60.0 * std::log(0.6) + 40.0 * std::log(0.4), 1e-6);
}

TEST(beta_geo_beta_binomial, rows_that_do_not_count_opportunities_are_refused) {
    beta_geo_beta_binomial const model{1.2, 0.75, 0.66, 2.78, year};
    auto const problem = [&](int x, double tx, double T, bool fitting) -> std::string {
        table rows;
        rows.add(1, 2, 3);
        rows.add(x, tx, T);
        std::vector<double> out(2);
        try {
            if (fitting)
                fit<beta_geo_beta_binomial>(rows.view());
            else
                probability_alive(model, rows.view(), {}, out);
        } catch (input_error const& e) {
            return e.what();
        }
        return {};
    };
    for (bool const fitting : {false, true}) {
        EXPECT_NE(problem(1, 2, 3.5, fitting).find("\"T\", row 1: \"3.5\" is not a whole number"),
                  std::string::npos)
            << problem(1, 2, 3.5, fitting);
        EXPECT_NE(problem(1, 1.25, 3, fitting).find("\"recency\", row 1: \"1.25\" is not a whole number"),
                  std::string::npos);
        EXPECT_NE(
            problem(4, 3, 5, fitting).find("\"frequency\", row 1: \"4\" is more than the 3 opportunities"),
            std::string::npos);
        EXPECT_NE(problem(2, 3, 2, fitting), "");
        EXPECT_EQ(problem(2, 3, 5, fitting), "");
    }
}

TEST(beta_geo_beta_binomial, never_nan) {
    std::mt19937_64 random(11);
    std::uniform_real_distribution<double> power(-6.0, 6.0);
    auto const any = [&] { return std::pow(10.0, power(random)); };
    char const* const asked = std::getenv("CLAVIS_VERIFY");
    double const part = asked != nullptr ? std::strtod(asked, nullptr) : 0.01;
    auto const draws = static_cast<int>(200'000 * part);
    for (int i = 0; i < draws; ++i) {
        beta_geo_beta_binomial const model{any(), any(), any(), any()};
        double const n = std::floor(std::min(any(), 1e4));
        double const tx = std::floor(n * std::generate_canonical<double, 53>(random));
        double const x =
            tx == 0.0 ? 0.0 : std::max(1.0, std::floor(tx * std::generate_canonical<double, 53>(random)));
        auto const state = model.given(x, tx, n);
        ASSERT_LE(model.log_likelihood(x, tx, n), 0.0);
        ASSERT_TRUE(std::isfinite(model.log_likelihood(x, tx, n)));
        ASSERT_TRUE(state.probability_alive >= 0.0 && state.probability_alive <= 1.0);
        double const t = std::floor(any());
        for (double const value : {state.process.expected(t), state.process.discounted(t, 1e-3),
                                   state.process.discounted(HUGE_VAL, 1e-4), state.process.survival(t),
                                   state.process.no_purchase(t), state.process.no_purchase(HUGE_VAL)})
            ASSERT_TRUE(std::isfinite(value) && value >= 0.0)
                << value << ' ' << model.alpha << ' ' << model.beta << ' ' << model.gamma << ' '
                << model.delta << ' ' << x << ' ' << tx << ' ' << n << ' ' << t;
        if (i % 20 == 0) {
            double const chance = state.process.pmf(5, t);
            ASSERT_TRUE(chance >= 0.0 && chance <= 1.0 + 1e-9) << chance;
        }
    }
}

}  // namespace
}  // namespace clavis::lifetime

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <tuple>

#include "cdnow.hpp"
#include "clavis/core/errors.hpp"
#include "clavis/lifetime/gamma_gamma.hpp"
#include "clavis/lifetime/modified_beta_geo_nbd.hpp"
#include "clavis/numerics/special.hpp"
#include "lifetime/beta_geo_likelihood.hpp"
#include "lifetime/rows.hpp"

namespace clavis::lifetime {
namespace {

// Customers drawn from BG/NBD itself: buy, and leave after each repeat purchase with chance p.
test::columns simulate(std::size_t n, beta_geo_nbd const& model, double longest, unsigned seed,
                       bool whole = false) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> uniform(0.0, 1.0);
    test::columns table;
    for (std::size_t i = 0; i < n; ++i) {
        double const T = longest * (0.5 + 0.5 * uniform(random));
        double const rate = std::gamma_distribution<double>(model.r, 1.0 / model.alpha)(random);
        double const g = std::gamma_distribution<double>(model.a, 1.0)(random);
        double const h = std::gamma_distribution<double>(model.b, 1.0)(random);
        double const p = g / (g + h);
        double t = 0.0;
        double last = 0.0;
        int x = 0;
        while ((t += std::exponential_distribution<double>(rate)(random)) <= T && x < 100'000) {
            ++x;
            last = t;
            if (uniform(random) < p) break;
        }
        double const end = whole ? std::ceil(T) : T;
        table.frequency.push_back(x);
        table.recency.push_back(whole ? std::min(std::ceil(last), end) : last);
        table.T.push_back(end);
        table.monetary_value.push_back(x == 0 ? 0.0 : 10.0 + 20.0 * uniform(random));
    }
    return table;
}

test::columns shuffled(test::columns const& table, unsigned seed) {
    std::vector<std::size_t> order(table.T.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::shuffle(order.begin(), order.end(), std::mt19937(seed));
    test::columns result;
    for (std::size_t i : order) {
        result.frequency.push_back(table.frequency[i]);
        result.recency.push_back(table.recency[i]);
        result.T.push_back(table.T[i]);
        result.monetary_value.push_back(table.monetary_value[i]);
        if (!table.weights.empty()) result.weights.push_back(table.weights[i]);
    }
    return result;
}

class likelihood : public ::testing::TestWithParam<first_chance_to_leave> {};

TEST_P(likelihood, of_compressed_rows_is_the_sum_over_rows) {
    auto table = simulate(400, {0.5, 3.0, 0.8, 2.5}, 40.0, 7);
    table.frequency[0] = 1500;  // far from the others: beyond the walk over integers
    table.recency[0] = table.T[0] - 0.25;
    auto const rows = compress(table.view());
    double const r = 0.3, alpha = 5.0, a = 1.2, b = 0.7;
    std::vector<double> const theta{std::log(r), std::log(alpha / rows.scale), std::log(a), std::log(b)};
    std::vector<double> gradient(4), hessian(16);
    double const value = -beta_geo_objective(rows, GetParam(), theta, gradient, hessian, 1) -
                         rows.purchases * std::log(rows.scale);
    double sum = 0.0;
    for (std::size_t i = 0; i < table.T.size(); ++i)
        sum += beta_geo_log_likelihood(r, alpha, a, b, GetParam(), table.frequency[i], table.recency[i],
                                       table.T[i]);
    EXPECT_NEAR(value / sum, 1.0, 1e-13);
}

TEST_P(likelihood, gradient_and_hessian_are_those_of_the_value) {
    auto table = simulate(300, {0.5, 3.0, 0.8, 2.5}, 40.0, 8);
    table.frequency[0] = 1500;
    table.recency[0] = table.T[0] - 0.25;
    auto const rows = compress(table.view());
    for (double const offset : {-2.0, 0.0, 2.5}) {
        std::vector<double> const theta{-0.7 + offset, 0.4 - offset, -0.2 + offset, 0.9};
        std::vector<double> gradient(4), hessian(16), up(4), down(4), spare(16);
        double const value = beta_geo_objective(rows, GetParam(), theta, gradient, hessian, 1);
        for (std::size_t i = 0; i < 4; ++i) {
            double const h = 1e-5;
            auto moved = theta;
            moved[i] += h;
            double const above = beta_geo_objective(rows, GetParam(), moved, up, spare, 1);
            moved[i] -= 2.0 * h;
            double const below = beta_geo_objective(rows, GetParam(), moved, down, spare, 1);
            double const size = std::abs(value) + 1.0;
            EXPECT_NEAR(gradient[i], (above - below) / (2.0 * h), 1e-9 * size);
            for (std::size_t j = 0; j < 4; ++j)
                EXPECT_NEAR(hessian[i * 4 + j], (up[j] - down[j]) / (2.0 * h), 1e-8 * size) << i << ' ' << j;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(beta_geo, likelihood,
                         ::testing::Values(first_chance_to_leave::at_first_repeat,
                                           first_chance_to_leave::at_once));

TEST(fit, is_the_same_to_the_last_bit_for_any_threads_and_row_order) {
    auto table = simulate(30'000, {0.3, 4.0, 0.8, 2.5}, 60.0, 9);
    for (std::size_t i = 0; i < table.T.size(); ++i)
        table.weights.push_back(1.0 + 0.1 * static_cast<double>(i % 7));
    auto const once = fit<beta_geo_nbd>(table.view(), {.threads = 1});
    auto const other = shuffled(table, 3);
    auto const again = fit<beta_geo_nbd>(other.view(), {.threads = 3});
    EXPECT_TRUE(once.report.converged);
    EXPECT_EQ(once.model.parameters(), again.model.parameters());
    EXPECT_EQ(once.report.covariance, again.report.covariance);
    EXPECT_EQ(once.report.log_likelihood, again.report.log_likelihood);
    auto const spend = fit<gamma_gamma>(table.view(), {.threads = 1});
    auto const spend_again = fit<gamma_gamma>(other.view(), {.threads = 2});
    EXPECT_EQ(spend.model.parameters(), spend_again.model.parameters());
}

TEST(fit, weights_stand_for_repeated_rows) {
    auto table = simulate(2'000, {0.5, 4.0, 0.8, 2.5}, 30.0, 10, true);
    auto doubled = table;
    for (auto* column : {&doubled.recency, &doubled.T, &doubled.monetary_value}) {
        auto const copy = *column;
        column->insert(column->end(), copy.begin(), copy.end());
    }
    auto const counts = doubled.frequency;
    doubled.frequency.insert(doubled.frequency.end(), counts.begin(), counts.end());
    table.weights.assign(table.T.size(), 2.0);
    auto const weighted = fit<modified_beta_geo_nbd>(table.view());
    auto const repeated = fit<modified_beta_geo_nbd>(doubled.view());
    EXPECT_EQ(weighted.model.parameters(), repeated.model.parameters());
    EXPECT_EQ(weighted.report.standard_errors, repeated.report.standard_errors);
    EXPECT_EQ(weighted.report.distinct_rows, repeated.report.distinct_rows);
    EXPECT_LT(repeated.report.distinct_rows, repeated.report.rows);
}

TEST(fit, does_not_depend_on_the_unit_of_time) {
    auto table = simulate(3'000, {0.4, 4.0, 0.8, 2.5}, 50.0, 11);
    auto const weeks = fit<beta_geo_nbd>(table.view());
    auto days = table;
    for (auto* column : {&days.recency, &days.T})
        for (double& v : *column)
            v *= 7.0;
    days.unit = day;
    auto const daily = fit<beta_geo_nbd>(days.view());
    EXPECT_NEAR(daily.model.r / weeks.model.r, 1.0, 1e-9);
    EXPECT_NEAR(daily.model.alpha / weeks.model.alpha, 7.0, 7e-9);
    EXPECT_NEAR(daily.report.log_likelihood,
                weeks.report.log_likelihood -
                    std::accumulate(table.frequency.begin(), table.frequency.end(), 0.0) * std::log(7.0),
                1e-7);
    // A model in weeks reads rows in days, and the other way round.
    std::vector<double> one(table.T.size()), two(table.T.size());
    expected_purchases(weeks.model, table.view(), year, one);
    expected_purchases(weeks.model, days.view(), year, two);
    for (std::size_t i = 0; i < one.size(); ++i)
        ASSERT_NEAR(one[i], two[i], 1e-12 * (1.0 + one[i]));
    expected_purchases(daily.model, table.view(), year, two);
    for (std::size_t i = 0; i < one.size(); ++i)
        ASSERT_NEAR(one[i], two[i], 1e-8 * (1.0 + one[i]));
    log_likelihood(weeks.model, days.view(), two);
    EXPECT_NEAR(std::accumulate(two.begin(), two.end(), 0.0), daily.report.log_likelihood, 1e-7);
}

TEST(fit, reaches_at_least_the_likelihood_of_the_truth) {
    struct truth {
        beta_geo_nbd model;
        double longest;
    };
    for (auto const& [model, longest] :
         {truth{{0.25, 30.0, 0.8, 2.4}, 730.0}, truth{{2.0, 2.0, 0.6, 20.0}, 104.0},
          truth{{0.5, 10.0, 3.0, 3.0}, 52.0}, truth{{1.5, 0.2, 0.2, 1.0}, 50.0}}) {
        for (unsigned seed = 0; seed < 3; ++seed) {
            auto const table = simulate(2'000, model, longest, 100 + seed);
            auto const found = fit<beta_geo_nbd>(table.view());
            std::vector<double> rows(table.T.size());
            log_likelihood(model, table.view(), rows);
            EXPECT_GE(found.report.log_likelihood, std::accumulate(rows.begin(), rows.end(), 0.0));
            EXPECT_TRUE(found.report.converged) << found.report.status;
            log_likelihood(found.model, table.view(), rows);
            EXPECT_NEAR(found.report.log_likelihood / std::accumulate(rows.begin(), rows.end(), 0.0), 1.0,
                        1e-12);
        }
    }
}

TEST(fit, holds_parameters_fixed) {
    auto const table = simulate(3'000, {0.4, 4.0, 0.8, 2.5}, 50.0, 12);
    auto const all = fit<beta_geo_nbd>(table.view());
    auto const part = fit<beta_geo_nbd>(table.view(), {.fixed = {{"alpha", 4.0}, {"a", 1.0}}});
    EXPECT_TRUE(part.report.converged);
    EXPECT_EQ(part.model.alpha, 4.0);
    EXPECT_EQ(part.model.a, 1.0);
    EXPECT_EQ(part.report.standard_error("alpha"), 0.0);
    EXPECT_GT(part.report.standard_error("r"), 0.0);
    EXPECT_LT(part.report.log_likelihood, all.report.log_likelihood);
    auto const same = fit<beta_geo_nbd>(table.view(), {.fixed = {{"a", all.model.a}}});
    EXPECT_NEAR(same.model.b / all.model.b, 1.0, 1e-6);
    auto const none =
        fit<beta_geo_nbd>(table.view(), {.fixed = {{"r", 0.4}, {"alpha", 4.0}, {"a", 0.8}, {"b", 2.5}}});
    EXPECT_TRUE(none.report.converged);
    std::vector<double> rows(table.T.size());
    log_likelihood(none.model, table.view(), rows);
    EXPECT_NEAR(none.report.log_likelihood, std::accumulate(rows.begin(), rows.end(), 0.0), 1e-8);
    EXPECT_THROW(fit<beta_geo_nbd>(table.view(), {.fixed = {{"s", 1.0}}}), input_error);
    EXPECT_THROW(fit<beta_geo_nbd>(table.view(), {.fixed = {{"r", -1.0}}}), input_error);
}

// What cannot be known must be said, and never pass for converged.

bool says(fit_report const& report, std::string_view words) {
    return std::any_of(report.warnings.begin(), report.warnings.end(),
                       [&](std::string const& w) { return w.find(words) != std::string::npos; });
}

template <class Model>
void expect_finite(fit_result<Model> const& fit) {
    fit.model.validate();
    EXPECT_TRUE(std::isfinite(fit.report.log_likelihood));
}

TEST(fit, no_repeat_purchase) {
    test::columns table;
    for (int i = 0; i < 50; ++i) {
        table.frequency.push_back(0);
        table.recency.push_back(0.0);
        table.T.push_back(10.0 + i);
    }
    for (auto const& report :
         {fit<beta_geo_nbd>(table.view()).report, fit<modified_beta_geo_nbd>(table.view()).report}) {
        EXPECT_FALSE(report.converged);
        EXPECT_TRUE(says(report, "no customer bought again")) << report.status;
    }
    auto const found = fit<beta_geo_nbd>(table.view());
    expect_finite(found);
    std::vector<double> out(table.T.size());
    expected_purchases(found.model, table.view(), 52 * week, out);
    for (double v : out)
        EXPECT_NEAR(v, 0.0, 0.05);
}

TEST(fit, one_customer) {
    test::columns table;
    table.frequency = {3};
    table.recency = {20.0};
    table.T = {30.0};
    table.monetary_value = {12.5};
    auto const found = fit<beta_geo_nbd>(table.view());
    expect_finite(found);
    EXPECT_FALSE(found.report.converged);
    EXPECT_TRUE(says(found.report, "one customer only"));
    auto const spend = fit<gamma_gamma>(table.view());
    EXPECT_FALSE(spend.report.converged);
    EXPECT_TRUE(says(spend.report, "one customer only"));
}

TEST(fit, fewer_customers_than_parameters) {
    test::columns table;
    table.frequency = {3, 0, 1};
    table.recency = {20.0, 0.0, 3.0};
    table.T = {30.0, 31.0, 32.0};
    auto const found = fit<modified_beta_geo_nbd>(table.view());
    expect_finite(found);
    EXPECT_FALSE(found.report.converged);
    EXPECT_TRUE(says(found.report, "fewer customers than parameters: 3 for 4"));
}

TEST(fit, nobody_leaves) {
    // Poisson purchases at gamma rates over a long time, nobody ever leaves.
    std::mt19937_64 random(5);
    test::columns table;
    for (int i = 0; i < 2'000; ++i) {
        double const rate = std::gamma_distribution<double>(0.5, 0.1)(random);
        double const T = 100.0;
        int const x = std::poisson_distribution<int>(rate * T)(random);
        double last = 0.0;
        for (int k = 0; k < x; ++k)
            last = std::max(last, std::uniform_real_distribution<double>(0.0, T)(random));
        table.frequency.push_back(x);
        table.recency.push_back(last);
        table.T.push_back(T);
    }
    auto const found = fit<beta_geo_nbd>(table.view());
    expect_finite(found);
    EXPECT_NEAR(found.model.r, 0.5, 0.1);
    EXPECT_NEAR(found.model.alpha, 10.0, 2.0);
    if (found.report.converged) {
        EXPECT_LT(found.model.a / (found.model.a + found.model.b), 0.01);
    } else {
        EXPECT_TRUE(says(found.report, "customers leaving") || says(found.report, "dropout heterogeneity"))
            << found.report.status;
    }
}

TEST(fit, everybody_leaves_with_the_same_chance) {
    // p = 0.3 for everyone: a + b has no finite estimate, or one that is barely known.
    std::mt19937_64 random(6);
    std::uniform_real_distribution<double> uniform(0.0, 1.0);
    test::columns table;
    for (int i = 0; i < 3'000; ++i) {
        double t = 0.0, last = 0.0;
        int x = 0;
        while ((t += std::exponential_distribution<double>(0.5)(random)) <= 50.0) {
            ++x;
            last = t;
            if (uniform(random) < 0.3) break;
        }
        table.frequency.push_back(x);
        table.recency.push_back(last);
        table.T.push_back(50.0);
    }
    auto const found = fit<beta_geo_nbd>(table.view());
    expect_finite(found);
    EXPECT_NEAR(found.model.a / (found.model.a + found.model.b), 0.3, 0.02);
    EXPECT_NEAR(found.model.r / found.model.alpha, 0.5, 0.03);
    EXPECT_TRUE(found.report.converged || !found.report.warnings.empty());
}

TEST(fit, same_spend_everywhere) {
    test::columns table;
    for (int i = 0; i < 20; ++i) {
        table.frequency.push_back(3);
        table.recency.push_back(5.0);
        table.T.push_back(20.0);
        table.monetary_value.push_back(10.0);
    }
    auto const found = fit<gamma_gamma>(table.view());
    expect_finite(found);
    EXPECT_FALSE(found.report.converged);
    EXPECT_TRUE(says(found.report, "every customer spends the same"));
    EXPECT_NEAR(found.model.expected_spend(3, 10.0), 10.0, 0.01);
}

TEST(fit, spend_of_zero_or_less_is_left_out_and_counted) {
    auto table = simulate(500, {1.0, 4.0, 0.8, 2.5}, 50.0, 13);
    table.frequency.insert(table.frequency.end(), {2, 3});
    table.recency.insert(table.recency.end(), {1.0, 2.0});
    table.T.insert(table.T.end(), {9.0, 9.0});
    table.monetary_value.insert(table.monetary_value.end(), {-4.0, 0.0});
    auto const found = fit<gamma_gamma>(table.view());
    EXPECT_EQ(found.report.left_out, 2);
    EXPECT_TRUE(says(found.report, "2 customers with repeat purchases left out"));
    std::vector<double> spend(table.T.size());
    expected_spend(found.model, table.view(), spend);
    EXPECT_TRUE(std::isnan(spend[500]));
    EXPECT_TRUE(std::isnan(spend[501]));
}

TEST(fit, rows_without_purchase_are_left_out_and_counted) {
    auto table = simulate(500, {1.0, 4.0, 0.8, 2.5}, 50.0, 14);
    auto const before = fit<beta_geo_nbd>(table.view());
    double const nan = std::numeric_limits<double>::quiet_NaN();
    table.frequency.push_back(0);
    table.recency.push_back(nan);
    table.T.push_back(nan);
    auto const after = fit<beta_geo_nbd>(table.view());
    EXPECT_EQ(before.model.parameters(), after.model.parameters());
    EXPECT_EQ(after.report.left_out, 1);
    EXPECT_TRUE(says(after.report, "1 customer without any purchase"));
    std::vector<double> out(table.T.size());
    probability_alive(after.model, table.view(), {}, out);
    EXPECT_TRUE(std::isnan(out.back()));
}

// Bad rows name table, column, row and value.

struct bad_row {
    std::int32_t x;
    double tx, T;
    char const* message;
};

TEST(check, bad_rows_are_named) {
    double const nan = std::numeric_limits<double>::quiet_NaN();
    double const inf = std::numeric_limits<double>::infinity();
    for (auto const& [x, tx, T, message] :
         {bad_row{1, 12.5, 10.0, "summary, column \"recency\", row 1: \"12.5\" is later than T = 10"},
          bad_row{-2, 0.0, 10.0, "summary, column \"frequency\", row 1: \"-2\" is negative"},
          bad_row{1, -1.0, 10.0, "summary, column \"recency\", row 1: \"-1\" is negative"},
          bad_row{0, 0.0, -3.0, "summary, column \"T\", row 1: \"-3\" is negative"},
          bad_row{0, 0.0, inf, "summary, column \"T\", row 1: \"inf\" is not finite"},
          bad_row{1, nan, 10.0, "summary, column \"recency\", row 1: \"nan\" is missing where T is known"},
          bad_row{0, 2.0, 10.0,
                  "summary, column \"recency\", row 1: \"2\" is above 0 although frequency is 0 (no repeat "
                  "purchase)"}}) {
        test::columns table;
        table.frequency = {1, x};
        table.recency = {1.0, tx};
        table.T = {2.0, T};
        std::vector<double> out(2);
        try {
            fit<beta_geo_nbd>(table.view());
            ADD_FAILURE() << message;
        } catch (input_error const& e) {
            EXPECT_STREQ(e.what(), message);
        }
        EXPECT_THROW(probability_alive(beta_geo_nbd{1, 1, 1, 1}, table.view(), {}, out), input_error);
    }
}

TEST(check, lengths_results_and_parameters) {
    test::columns table;
    table.frequency = {1, 0};
    table.recency = {1.0, 0.0};
    table.T = {2.0, 2.0};
    std::vector<double> out(2), wrong(1);
    beta_geo_nbd const model{1, 1, 1, 1};
    EXPECT_NO_THROW(probability_alive(model, table.view(), {}, out));
    EXPECT_THROW(probability_alive(model, table.view(), {}, wrong), input_error);
    EXPECT_THROW(probability_alive(beta_geo_nbd{-1, 1, 1, 1}, table.view(), {}, out), input_error);
    EXPECT_THROW(expected_purchases(model, table.view(), time_span(-1.0, week), out), input_error);
    EXPECT_THROW(discounted_expected_purchases(model, table.view(), -2.0, year, out), input_error);
    table.unit = {};
    EXPECT_THROW(expected_purchases(model, table.view(), week, out), input_error);
    table.recency.pop_back();
    EXPECT_THROW(fit<beta_geo_nbd>(table.view()), input_error);
    EXPECT_THROW(fit<beta_geo_nbd>(ledger::summary_view{}), input_error);
    table.recency.push_back(0.0);
    table.weights = {1.0, -1.0};
    EXPECT_THROW(fit<beta_geo_nbd>(table.view()), input_error);
    EXPECT_THROW(fit<gamma_gamma>(table.view()), input_error);
}

}  // namespace
}  // namespace clavis::lifetime

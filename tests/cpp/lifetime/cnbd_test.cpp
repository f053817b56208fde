#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <tuple>

#include "cdnow.hpp"
#include "clavis/core/errors.hpp"
#include "clavis/lifetime/modified_beta_geo_cnbd.hpp"
#include "clavis/lifetime/modified_beta_geo_nbd.hpp"
#include "clavis/numerics/optimize.hpp"
#include "lifetime/beta_geo_cnbd_likelihood.hpp"
#include "lifetime/rows.hpp"
#include "reference.hpp"

// BG/CNBD-k and MBG/CNBD-k against tables of defining integrals (tests/reference/make_lifetime_cnbd.py), customers
// simulated purchase by purchase, and their limits at k = 1.

namespace clavis::lifetime {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

double share_of_work() {
    char const* text = std::getenv("CLAVIS_VERIFY");
    return text == nullptr ? 0.01 : std::clamp(std::atof(text), 0.0, 1.0);
}

// Parameters 1e-6 to 1e6, x to 1e5, times 1e-6 to 1e6, every k: no NaN and nothing infinite anywhere.
TEST(beta_geo_cnbd, is_finite_everywhere) {
    std::mt19937_64 random(98);
    std::uniform_real_distribution<double> uniform(0.0, 1.0);
    auto wide = [&](double low, double high) { return std::pow(10.0, low + (high - low) * uniform(random)); };
    auto const draws = static_cast<int>(50'000 * share_of_work());
    for (int i = 0; i < draws; ++i) {
        auto const k = static_cast<std::int32_t>(wide(0.0, std::log10(48.999)));
        beta_geo_cnbd const bg{wide(-6, 6), wide(-6, 6), wide(-6, 6), wide(-6, 6), k};
        modified_beta_geo_cnbd const mbg{bg.r, bg.alpha, bg.a, bg.b, k};
        double const T = i % 50 == 0 ? 0.0 : wide(-6, 6);
        double const x = T == 0.0 || uniform(random) < 0.3 ? 0.0 : std::floor(wide(0, 5));
        double const tx = x == 0.0 ? 0.0 : uniform(random) < 0.2 ? T : T * uniform(random);
        double const t = wide(-6, 6);
        double const rate = wide(-6, 1);
        auto const text = ::testing::Message()
                          << "r " << bg.r << " alpha " << bg.alpha << " a " << bg.a << " b " << bg.b << " k "
                          << k << " x " << x << " tx " << tx << " T " << T << " t " << t << " rate " << rate;
        for (auto const& [log_likelihood, state] :
             {std::pair(bg.log_likelihood(x, tx, T), bg.given(x, tx, T)),
              std::pair(mbg.log_likelihood(x, tx, T), mbg.given(x, tx, T))}) {
            double const alive = state.probability_alive;
            auto const& process = state.process;
            ASSERT_TRUE(std::isfinite(log_likelihood)) << text;
            ASSERT_TRUE(alive >= 0.0 && alive <= 1.0) << text;
            double const survival = process.survival(t);
            ASSERT_TRUE(survival >= 0.0 && survival <= 1.0 + 1e-10) << text << ": " << survival;
            double const none = process.no_purchase(t);
            ASSERT_TRUE(none >= 0.0 && none <= 1.0) << text;
            double const mean = process.expected(t);
            ASSERT_TRUE(std::isfinite(mean) && mean >= 0.0) << text << ": " << mean;
            ASSERT_LE(mean, ((process.r + k) * t / process.alpha + k) / k * (1.0 + 1e-10)) << text;
            double const pmf = process.pmf(static_cast<std::int64_t>(1 + 30 * uniform(random)), t);
            ASSERT_TRUE(pmf >= 0.0 && pmf <= 1.0 + 1e-10) << text << ": " << pmf;
            if (i % 16 != 0) continue;
            double const endless = process.discounted(inf, rate);
            ASSERT_TRUE(std::isfinite(endless) && endless >= 0.0) << text << ": " << endless;
            double const present = process.discounted(t, rate);
            ASSERT_TRUE(present >= 0.0 && present <= mean * (1.0 + 1e-9))
                << text << ": " << present << " of " << mean;
            ASSERT_GE(endless, present * (1.0 - 1e-9)) << text;
        }
    }
}

TEST(beta_geo_cnbd, with_one_phase_is_beta_geo_nbd) {
    std::mt19937_64 random(7);
    std::uniform_real_distribution<double> uniform(0.0, 1.0);
    for (int i = 0; i < 200; ++i) {
        double const r = std::exp(2.0 * uniform(random) - 1.0), alpha = 10.0 * uniform(random) + 0.1;
        double const a = 3.0 * uniform(random) + 0.05, b = 3.0 * uniform(random) + 0.05;
        double const T = 50.0 * uniform(random);
        double const x = std::floor(20.0 * uniform(random));
        double const tx = x == 0.0 ? 0.0 : T * uniform(random);
        double const t = 60.0 * uniform(random);
        auto const same = [&](auto const& erlang, auto const& poisson) {
            auto const near = [](double one, double other, double tolerance) {
                EXPECT_NEAR(one, other, tolerance * std::max(std::abs(other), 1e-3));
            };
            near(erlang.log_likelihood(x, tx, T), poisson.log_likelihood(x, tx, T), 1e-13);
            near(erlang.log_likelihood(x, tx, T, 3.0), poisson.log_likelihood(x, tx, T), 1e-13);
            auto const one = erlang.given(x, tx, T);
            auto const other = poisson.given(x, tx, T);
            near(one.probability_alive, other.probability_alive, 1e-13);
            near(one.process.expected(t), other.process.expected(t), 1e-12);
            near(one.process.survival(t), other.process.survival(t), 1e-12);
            near(one.process.no_purchase(t), other.process.no_purchase(t), 1e-13);
            near(one.process.pmf(0, t), other.process.pmf(0, t), 1e-13);
            near(one.process.pmf(2, t), other.process.pmf(2, t), 1e-12);
            near(one.process.expected(3000.0), other.process.expected(3000.0), 1e-11);
            near(one.process.survival(3000.0), other.process.survival(3000.0), 1e-11);
            if (i % 10 != 0) return;
            near(one.process.discounted(t, 0.002), other.process.discounted(t, 0.002), 1e-11);
            near(one.process.discounted(inf, 0.002), other.process.discounted(inf, 0.002), 1e-11);
        };
        same(beta_geo_cnbd{r, alpha, a, b, 1}, beta_geo_nbd{r, alpha, a, b});
        same(modified_beta_geo_cnbd{r, alpha, a, b, 1}, modified_beta_geo_nbd{r, alpha, a, b});
    }
}

TEST(beta_geo_cnbd, ends_of_time) {
    double const nan = std::numeric_limits<double>::quiet_NaN();
    beta_geo_cnbd_process const heavy{0.5, 3.0, 0.8, 2.5, 3, 0.2};
    beta_geo_cnbd_process const light{0.5, 3.0, 1.8, 2.5, 3, 0.0};
    EXPECT_EQ(heavy.expected(0.0), 0.0);
    EXPECT_EQ(heavy.expected(inf), inf);
    EXPECT_EQ(heavy.discounted(inf, 0.0), inf);
    EXPECT_NEAR(light.expected(inf), 3.3 / 0.8, 1e-14);
    EXPECT_NEAR(light.expected(1e13) / light.expected(inf), 1.0, 1e-3);
    EXPECT_EQ(heavy.survival(0.0), 1.0);
    EXPECT_EQ(heavy.survival(inf), 0.0);
    EXPECT_EQ(heavy.no_purchase(0.0), 1.0);
    EXPECT_EQ(heavy.no_purchase(inf), 0.0);
    EXPECT_EQ(heavy.pmf(0, 0.0), 1.0);
    EXPECT_EQ(heavy.pmf(3, 0.0), 0.0);
    double total = 0.0;
    for (int n = 0; n < 200; ++n)
        total += heavy.pmf(n, 10.0);
    EXPECT_NEAR(total, 1.0, 1e-12);
    beta_geo_cnbd const model{0.5, 3.0, 0.8, 2.5, 3};
    for (double const value :
         {heavy.expected(nan), heavy.expected(-1.0), heavy.survival(nan), heavy.no_purchase(-1.0),
          heavy.pmf(-1, 1.0), heavy.discounted(1.0, nan), model.given(1.0, nan, 2.0).probability_alive,
          model.given(0.0, 0.0, nan).probability_alive, model.log_likelihood(1.0, nan, 2.0)})
        EXPECT_TRUE(std::isnan(value));
    EXPECT_NEAR(heavy.discounted(50.0, 1e-12) / heavy.expected(50.0), 1.0, 1e-9);
    EXPECT_GT(heavy.discounted(50.0, -0.01), heavy.expected(50.0));
}

// Two routes to one value: over time in panels, and over rates without an end.
TEST(beta_geo_cnbd, discounted_long_enough_is_discounted_without_end) {
    bool const all = share_of_work() > 0.5;
    for (std::int32_t const k : {1, 3, all ? 48 : 12})
        for (double const n : {0.3, 4.0, all ? 20'000.0 : 60.0})
            for (double const silence : {0.0, 0.4}) {
                beta_geo_cnbd_process const process{n, 2.0, 0.7, 3.0, k, silence};
                double const gap = k * 2.0 / n;  // between purchases
                double const rate = 0.05 / std::min(gap, 2.0 * k);
                double const endless = process.discounted(inf, rate);
                EXPECT_NEAR(process.discounted(60.0 / rate, rate) / endless, 1.0, 1e-11)
                    << "k " << k << " n " << n << " silence " << silence;
            }
}

// Customers drawn purchase by purchase, each gap phase by phase, observed to T and after.
struct drawn_customers {
    test::columns table;
    std::vector<bool> active;                 // at T
    std::vector<std::vector<double>> future;  // purchases after T, from T, within `ahead`
};

drawn_customers draw(std::size_t n, beta_geo_cnbd const& model, bool modified, double longest, double ahead,
                     unsigned seed) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> uniform(0.0, 1.0);
    drawn_customers drawn;
    for (std::size_t i = 0; i < n; ++i) {
        double const T = longest * (0.5 + 0.5 * uniform(random));
        std::exponential_distribution<double> phase(
            std::gamma_distribution<double>(model.r, 1.0 / model.alpha)(random));
        double const g = std::gamma_distribution<double>(model.a, 1.0)(random);
        double const h = std::gamma_distribution<double>(model.b, 1.0)(random);
        double const p = g / (g + h);
        double t = 0.0, last = 0.0, log_gaps = 0.0;
        int x = 0;
        bool left = modified && uniform(random) < p;
        bool left_before = left;
        std::vector<double> future;
        while (!left) {
            double const before = t;
            for (int j = 0; j < model.k; ++j)
                t += phase(random);
            if (t > T + ahead) break;
            left = uniform(random) < p;
            if (t > T) {
                future.push_back(t - T);
                continue;
            }
            ++x;
            last = t;
            log_gaps += std::log(t - before);
            left_before = left;
        }
        drawn.table.frequency.push_back(x);
        drawn.table.recency.push_back(last);
        drawn.table.T.push_back(T);
        drawn.table.log_gap_sum.push_back(log_gaps);
        drawn.active.push_back(!left_before);
        drawn.future.push_back(future);
    }
    return drawn;
}

// What is predicted, in the mean over customers of like history, is what they do.
template <class Model>
void expect_what_happens(Model const& model, drawn_customers const& drawn, double ahead) {
    auto const rows = drawn.table.view();
    std::size_t const n = rows.size();
    time_span const horizon(ahead, week);
    double const annual = 1.5;
    double const rate = std::log1p(annual) / in_units(year, week);
    std::vector<double> alive(n), expected(n), none(n), pmf(3 * n), present(n), later(n);
    probability_alive(model, rows, {}, alive);
    probability_alive(model, rows, horizon, later);
    expected_purchases(model, rows, horizon, expected);
    probability_no_purchase(model, rows, horizon, none);
    purchase_pmf(model, rows, horizon, 2, pmf);
    discounted_expected_purchases(model, rows, annual, horizon, present);
    struct difference {
        double sum = 0.0, squares = 0.0;
        int n = 0;
        void add(double d) { sum += d, squares += d * d, ++n; }
    };
    std::map<std::tuple<int, int, std::string>, difference> groups;
    for (std::size_t i = 0; i < n; ++i) {
        int const bought = std::min(drawn.table.frequency[i], 4);
        int const silent = static_cast<int>(4.0 * (1.0 - drawn.table.recency[i] / drawn.table.T[i]));
        auto const& future = drawn.future[i];
        double worth = 0.0;
        for (double t : future)
            worth += std::exp(-rate * t);
        auto const add = [&](char const* what, double actual, double predicted) {
            groups[{bought, silent, what}].add(actual - predicted);
        };
        add("alive", drawn.active[i], alive[i]);
        add("expected", static_cast<double>(future.size()), expected[i]);
        add("none", future.empty(), none[i]);
        add("one", future.size() == 1, pmf[3 * i + 1]);
        add("two", future.size() == 2, pmf[3 * i + 2]);
        add("present", worth, present[i]);
    }
    int checked = 0;
    for (auto const& [key, d] : groups) {
        if (d.n < 200) continue;
        double const error = std::sqrt(d.squares + 1.0);  // the least an event more or less makes
        EXPECT_LT(std::abs(d.sum), 4.5 * error) << std::get<2>(key) << " x " << std::get<0>(key) << " silent "
                                                << std::get<1>(key) << ": " << d.sum / d.n;
        ++checked;
    }
    EXPECT_GT(checked, 40);
}

TEST(beta_geo_cnbd, predicts_what_simulated_customers_do) {
    beta_geo_cnbd const model{1.2, 2.0, 0.7, 2.5, 3, week};
    expect_what_happens(model, draw(15'000, model, false, 20.0, 12.0, 31), 12.0);
    modified_beta_geo_cnbd const modified{0.8, 1.5, 0.9, 1.6, 2, week};
    expect_what_happens(modified, draw(15'000, {0.8, 1.5, 0.9, 1.6, 2}, true, 20.0, 12.0, 32), 12.0);
}

TEST(beta_geo_cnbd, new_customers_buy_as_predicted) {
    beta_geo_cnbd const model{1.2, 2.0, 0.7, 2.5, 4, week};
    auto const drawn = draw(40'000, model, false, 0.0, 15.0, 33);
    std::vector<double> pmf(6);
    purchase_pmf_new_customer(model, time_span(15.0, week), pmf);
    std::vector<double> counts(6);
    double sum = 0.0, squares = 0.0;
    for (auto const& future : drawn.future) {
        double const n = static_cast<double>(future.size());
        sum += n, squares += n * n;
        if (future.size() < 6) ++counts[future.size()];
    }
    double const n = 40'000.0;
    double const deviation = std::sqrt(squares / n - sum / n * sum / n);
    EXPECT_NEAR(sum / n, expected_purchases_new_customer(model, time_span(15.0, week)),
                4.0 * deviation / std::sqrt(n));
    for (std::size_t i = 0; i < 6; ++i)
        EXPECT_NEAR(counts[i] / n, pmf[i], 4.0 * std::sqrt(pmf[i] / n)) << i;
}

// In a batch discounted purchases are interpolated over panels of T; each row must come out as if alone and direct.
TEST(beta_geo_cnbd, discounted_purchases_of_a_batch_are_those_of_each_row) {
    modified_beta_geo_cnbd const model{0.5, 6.0, 0.9, 1.6, 3, week};
    auto const table = draw(60, {1.5, 2.0, 0.9, 2.6, 3}, true, 40.0, 0.0, 5).table;
    double const rate = std::log(1.1) / in_units(year, week);
    for (time_span const horizon : {time_span(year), forever}) {
        std::vector<double> batch(table.T.size());
        discounted_expected_purchases(model, table.view(), 0.1, horizon, batch);
        for (std::size_t i = 0; i < table.T.size(); ++i) {
            auto const state = model.given(table.frequency[i], table.recency[i], table.T[i]);
            double const direct = state.probability_alive * state.process.discounted(horizon.in(week), rate);
            ASSERT_NEAR(batch[i], direct, 1e-11 * direct) << table.frequency[i] << ' ' << table.T[i];
            if (i % 8 != 0) continue;
            auto one = table.view();
            one.frequency = one.frequency.subspan(i, 1);
            one.recency = one.recency.subspan(i, 1);
            one.T = one.T.subspan(i, 1);
            double alone = 0.0;
            discounted_expected_purchases(model, one, 0.1, horizon, {&alone, 1}, 1);
            ASSERT_EQ(alone, batch[i]);
        }
    }
}

class cnbd_likelihood : public ::testing::TestWithParam<std::tuple<first_chance_to_leave, int>> {};

TEST_P(cnbd_likelihood, of_compressed_rows_is_the_sum_over_rows_with_its_derivatives) {
    auto const [first, k] = GetParam();
    auto table = draw(300, {0.5, 1.0, 0.8, 2.5, 2}, false, 40.0, 0.0, 8).table;
    table.frequency[0] = 1500;
    table.recency[0] = table.T[0] - 0.25;
    auto const rows = compress(table.view());
    for (double const offset : {-2.0, 0.0, 2.5}) {
        std::vector<double> const theta{-0.7 + offset, 0.4 - offset, -0.2 + offset, 0.9};
        std::vector<double> gradient(4), hessian(16), up(4), down(4), spare(16);
        double const value = beta_geo_cnbd_objective(rows, k, first, theta, gradient, hessian, 1);
        double sum = 0.0;
        for (std::size_t i = 0; i < table.T.size(); ++i)
            sum += beta_geo_cnbd_log_likelihood(std::exp(theta[0]), rows.scale * std::exp(theta[1]),
                                                std::exp(theta[2]), std::exp(theta[3]), k, first,
                                                table.frequency[i], table.recency[i], table.T[i]);
        double const size = std::abs(value) + k * rows.purchases;
        EXPECT_NEAR(-value - rows.purchases * std::log(rows.scale), sum, 1e-13 * size);
        for (std::size_t i = 0; i < 4; ++i) {
            double const h = 1e-5;
            auto moved = theta;
            moved[i] += h;
            double const above = beta_geo_cnbd_objective(rows, k, first, moved, up, spare, 1);
            moved[i] -= 2.0 * h;
            double const below = beta_geo_cnbd_objective(rows, k, first, moved, down, spare, 1);
            EXPECT_NEAR(gradient[i], (above - below) / (2.0 * h), 1e-9 * size);
            for (std::size_t j = 0; j < 4; ++j)
                EXPECT_NEAR(hessian[i * 4 + j], (up[j] - down[j]) / (2.0 * h), 1e-8 * size) << i << ' ' << j;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(beta_geo_cnbd, cnbd_likelihood,
                         ::testing::Combine(::testing::Values(first_chance_to_leave::at_first_repeat,
                                                              first_chance_to_leave::at_once),
                                            ::testing::Values(1, 2, 5, 30)));

double sum_of(std::vector<double> const& v) {
    return std::accumulate(v.begin(), v.end(), 0.0);
}

TEST(cnbd_fit, finds_k_and_the_parameters) {
    for (std::int32_t const k : {1, 2, 3, 4}) {
        bool const modified = k % 2 == 0;
        beta_geo_cnbd const truth{1.1, 1.4, 0.8, 2.4, k, week};
        auto const table = draw(4'000, truth, modified, 52.0, 0.0, 40 + static_cast<unsigned>(k)).table;
        auto const check = [&](auto const& found, auto const& drawn_from) {
            auto const& report = found.report;
            EXPECT_TRUE(report.converged) << report.status;
            EXPECT_EQ(found.model.k, k);
            EXPECT_EQ(report.estimate("k"), k);
            EXPECT_EQ(report.profile.size(), static_cast<std::size_t>(k + 3));
            EXPECT_EQ(report.profile[static_cast<std::size_t>(k - 1)].log_likelihood, report.log_likelihood);
            for (std::size_t i = 1; i < report.profile.size(); ++i)
                EXPECT_EQ(report.profile[i].log_likelihood > report.profile[i - 1].log_likelihood,
                          report.profile[i].value <= k);
            for (std::size_t i = 0; i < 4; ++i)
                EXPECT_LT(std::abs(report.estimates[i] - truth.parameters()[i]),
                          3.5 * report.standard_errors[i])
                    << report.parameter_names[i];
            std::vector<double> rows(table.T.size());
            log_likelihood(drawn_from, table.view(), rows);
            EXPECT_GE(report.log_likelihood, sum_of(rows));
            log_likelihood(found.model, table.view(), rows);
            EXPECT_NEAR(report.log_likelihood / sum_of(rows), 1.0, 1e-12);
        };
        if (modified)
            check(fit<modified_beta_geo_cnbd>(table.view()),
                  modified_beta_geo_cnbd{1.1, 1.4, 0.8, 2.4, k, week});
        else
            check(fit<beta_geo_cnbd>(table.view()), truth);
    }
}

TEST(cnbd_fit, twenty_starts_agree) {
    auto const table = draw(2'000, {0.9, 1.0, 0.8, 2.4, 3}, true, 52.0, 0.0, 50).table;
    auto const rows = compress(table.view());
    auto const found = fit<modified_beta_geo_cnbd>(table.view(), {.fixed = {{"k", 3.0}}});
    double const shift = rows.purchases * std::log(rows.scale) - 2.0 * sum_of(table.log_gap_sum);
    std::mt19937_64 random(1);
    std::uniform_real_distribution<double> uniform(-2.5, 2.5);
    for (int i = 0; i < 20; ++i) {
        auto const end = numerics::minimize(
            [&](std::span<double const> theta, std::span<double> gradient, std::span<double> hessian) {
                return beta_geo_cnbd_objective(rows, 3, first_chance_to_leave::at_once, theta, gradient,
                                               hessian, 1);
            },
            {uniform(random), uniform(random), uniform(random), uniform(random)}, {.bound = 16.0});
        EXPECT_EQ(end.status, numerics::minimize_status::converged);
        EXPECT_NEAR(-end.value - shift, found.report.log_likelihood, 1e-7);
    }
}

TEST(cnbd_fit, does_not_depend_on_the_unit_of_time_rows_or_threads) {
    auto const table = draw(3'000, {1.2, 1.4, 0.8, 2.4, 3}, false, 50.0, 0.0, 51).table;
    auto const weeks = fit<beta_geo_cnbd>(table.view(), {.threads = 1});
    auto hours = table;
    double purchases = 0.0;
    for (std::size_t i = 0; i < hours.T.size(); ++i) {
        hours.recency[i] *= 168.0;
        hours.T[i] *= 168.0;
        hours.log_gap_sum[i] += table.frequency[i] * std::log(168.0);
        purchases += table.frequency[i];
    }
    hours.unit = std::chrono::hours{1};
    auto const hourly = fit<beta_geo_cnbd>(hours.view());
    EXPECT_EQ(hourly.model.k, 3);
    EXPECT_NEAR(hourly.model.r / weeks.model.r, 1.0, 1e-9);
    EXPECT_NEAR(hourly.model.alpha / weeks.model.alpha, 168.0, 168e-9);
    EXPECT_NEAR(hourly.model.b / weeks.model.b, 1.0, 1e-9);
    EXPECT_NEAR(hourly.report.log_likelihood, weeks.report.log_likelihood - purchases * std::log(168.0),
                1e-6);
    std::vector<double> one(table.T.size()), two(table.T.size());
    for (auto const& predict :
         {&expected_purchases<beta_geo_cnbd>, &probability_no_purchase<beta_geo_cnbd>}) {
        predict(weeks.model, table.view(), year, one, 0);
        predict(weeks.model, hours.view(), year, two, 0);
        for (std::size_t i = 0; i < one.size(); ++i)
            ASSERT_NEAR(one[i], two[i], 1e-11 * (1.0 + one[i]));
        predict(hourly.model, table.view(), year, two, 0);
        for (std::size_t i = 0; i < one.size(); ++i)
            ASSERT_NEAR(one[i], two[i], 1e-8 * (1.0 + one[i]));
    }
    log_likelihood(weeks.model, hours.view(), two);
    EXPECT_NEAR(sum_of(two), hourly.report.log_likelihood, 1e-6);

    auto back = table;
    for (auto* column : {&back.recency, &back.T, &back.log_gap_sum})
        std::reverse(column->begin(), column->end());
    std::reverse(back.frequency.begin(), back.frequency.end());
    auto const again = fit<beta_geo_cnbd>(back.view(), {.threads = 3});
    EXPECT_EQ(again.model.parameters(), weeks.model.parameters());
    EXPECT_EQ(again.report.log_likelihood, weeks.report.log_likelihood);
}

TEST(cnbd_fit, cdnow_is_as_random_as_can_be) {
    auto const data = test::cdnow_sample();
    if (data.T.empty()) GTEST_SKIP() << "cdnow_sample.csv is not in the data folder";
    auto const found = fit<beta_geo_cnbd>(data.view());
    EXPECT_EQ(found.model.k, 1);
    EXPECT_NEAR(found.model.r, 0.242594522, 1e-6);
    EXPECT_NEAR(found.report.log_likelihood, -9582.42920667, 1e-6);
    ASSERT_EQ(found.report.profile.size(), 4U);
    EXPECT_LT(found.report.profile[1].log_likelihood, -9582.5);
    auto const modified = fit<modified_beta_geo_cnbd>(data.view());
    EXPECT_EQ(modified.model.k, 1);
    EXPECT_NEAR(modified.report.log_likelihood, -9582.135716, 1e-6);
    EXPECT_NEAR(modified.model.alpha, 6.183084, 1e-5);
}

TEST(cnbd_fit, holds_k_and_others_fixed) {
    auto table = draw(1'500, {1.2, 1.4, 0.8, 2.4, 3}, false, 50.0, 0.0, 52).table;
    auto const two = fit<beta_geo_cnbd>(table.view(), {.fixed = {{"k", 2.0}, {"a", 0.8}}});
    EXPECT_TRUE(two.report.converged);
    EXPECT_TRUE(two.report.profile.empty());
    EXPECT_EQ(two.model.k, 2);
    EXPECT_EQ(two.model.a, 0.8);
    EXPECT_EQ(two.report.standard_error("k"), 0.0);
    EXPECT_GT(two.report.standard_error("b"), 0.0);
    for (double const k : {0.0, 2.5, 49.0, -1.0, std::nan("")})
        EXPECT_THROW(fit<beta_geo_cnbd>(table.view(), {.fixed = {{"k", k}}}), input_error);
    EXPECT_THROW(beta_geo_cnbd::from({1, 1, 1, 1, 1.5}, week), input_error);
    EXPECT_THROW((beta_geo_cnbd{1, 1, 1, 1, 0}.validate()), input_error);
    EXPECT_THROW((beta_geo_cnbd{1, -1, 1, 1, 2}.validate()), input_error);

    // Without the gaps k cannot be found; with k given the parameters are the same.
    auto const with = fit<beta_geo_cnbd>(table.view(), {.fixed = {{"k", 3.0}}});
    table.log_gap_sum.clear();
    auto const without = fit<beta_geo_cnbd>(table.view(), {.fixed = {{"k", 3.0}}});
    EXPECT_EQ(with.model.parameters(), without.model.parameters());
    EXPECT_FALSE(without.report.warnings.empty());
    EXPECT_THROW(fit<beta_geo_cnbd>(table.view()), input_error);
    std::vector<double> out(table.T.size());
    EXPECT_THROW(log_likelihood(with.model, table.view(), out), input_error);
    EXPECT_NO_THROW(expected_purchases(with.model, table.view(), week, out));
}

TEST(cnbd_fit, gaps_that_cannot_be_are_named) {
    for (auto const& [gap, message] :
         {std::pair(
              9.0,
              "summary, column \"log_gap_sum\", row 1: \"9\" is above 4.605170185988092, that of equal gaps "
              "which add up to recency: is it in another unit?"),
          std::pair(
              -inf,
              "summary, column \"log_gap_sum\", row 1: \"-inf\" says that two purchases came at the same "
              "time"),
          std::pair(std::nan(""),
                    "summary, column \"log_gap_sum\", row 1: \"nan\" is not a finite number")}) {
        test::columns table;
        table.frequency = {1, 2};
        table.recency = {1.0, 20.0};
        table.T = {2.0, 30.0};
        table.log_gap_sum = {0.0, gap};
        try {
            fit<beta_geo_cnbd>(table.view());
            ADD_FAILURE() << message;
        } catch (input_error const& e) {
            EXPECT_STREQ(e.what(), message);
        }
    }
    test::columns table;
    table.frequency = {0};
    table.recency = {0.0};
    table.T = {2.0};
    table.log_gap_sum = {1.0};
    EXPECT_THROW(fit<beta_geo_cnbd>(table.view()), input_error);
    table.log_gap_sum = {0.0, 0.0};
    EXPECT_THROW(fit<beta_geo_cnbd>(table.view()), input_error);
}

TEST(cnbd_fit, says_what_cannot_be_known) {
    // Gaps like a clock's: k runs to its end.
    test::columns clock;
    for (int i = 0; i < 60; ++i) {
        int const x = 4 + i % 5;
        clock.frequency.push_back(x);
        clock.recency.push_back(x);
        clock.T.push_back(x + 0.5);
        clock.log_gap_sum.push_back(0.0);
    }
    auto const regular = fit<modified_beta_geo_cnbd>(clock.view());
    EXPECT_EQ(regular.model.k, largest_k);
    EXPECT_FALSE(regular.report.converged);
    EXPECT_FALSE(regular.report.warnings.empty());
    EXPECT_TRUE(std::isfinite(regular.report.log_likelihood));

    // Nobody bought again: nothing is known of k.
    test::columns silent;
    silent.frequency.assign(30, 0);
    silent.recency.assign(30, 0.0);
    silent.T.assign(30, 10.0);
    silent.log_gap_sum.assign(30, 0.0);
    auto const nothing = fit<beta_geo_cnbd>(silent.view());
    EXPECT_FALSE(nothing.report.converged);
    EXPECT_EQ(nothing.model.k, 1);
    EXPECT_TRUE(nothing.report.profile.empty());
}

}  // namespace
}  // namespace clavis::lifetime

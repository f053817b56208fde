#include "clavis/lifetime/pareto_ggg.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cdnow.hpp"
#include "clavis/core/errors.hpp"
#include "clavis/core/random.hpp"
#include "clavis/lifetime/pareto_nbd.hpp"
#include "clavis/lifetime/saved_model.hpp"
#include "clavis/lifetime/value_interval.hpp"
#include "lifetime/pareto_ggg_likelihood.hpp"
#include "reference.hpp"

// Pareto/GGG against its defining integrals (tests/reference/make_lifetime_ggg.py), simulated customers, the models it
// becomes, and what every model promises.

namespace clavis::lifetime {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr duration week = std::chrono::weeks{1};
// The bounds stated in the header.
constexpr double likelihood_bound = 1e-9;
constexpr double prediction_bound = 1e-7;

struct table {
    std::vector<std::int32_t> x;
    std::vector<double> tx, T, gaps, weights;
    duration unit = week;

    ledger::summary_view view() const {
        return {.frequency = x,
                .recency = tx,
                .T = T,
                .monetary_value = {},
                .log_gap_sum = gaps,
                .weights = weights,
                .unit = unit};
    }
};

struct customer {
    double left;
    std::vector<double> ages;  // of purchases after the first
};

/// As the model tells it, gap by gap.
customer customer_of(pareto_ggg const& m, double T, std::uint64_t seed, std::size_t i) {
    random_stream random(seed, 0x676767, i);
    double const k = random.gamma(m.t) / m.gamma;
    double const rate = random.gamma(m.r) / m.alpha;
    customer made{random.exponential() * m.beta / random.gamma(m.s), {}};
    for (double age = random.gamma(k) / (k * rate); age <= std::min(made.left, T);
         age += random.gamma(k) / (k * rate))
        made.ages.push_back(age);
    return made;
}

void add_row(table& t, customer const& made, double T) {
    std::int32_t x = 0;
    double tx = 0.0, gaps = 0.0;
    for (double const age : made.ages) {
        if (age > T) break;
        gaps += std::log(age - tx);
        tx = age;
        ++x;
    }
    t.x.push_back(x);
    t.tx.push_back(tx);
    t.T.push_back(T);
    t.gaps.push_back(gaps);
}

table drawn(pareto_ggg const& model, std::size_t n, double T, std::uint64_t seed) {
    table t;
    for (std::size_t i = 0; i < n; ++i)
        add_row(t, customer_of(model, T, seed, i), T);
    return t;
}

pareto_ggg const usual{5.0, 3.0, 0.553, 10.578, 0.606, 11.669, week};

TEST(pareto_ggg, agrees_with_the_defining_integrals) {
    std::size_t rows = 0;
    for (auto const& [name, v] : clavis::test::reference("lifetime_ggg.csv")) {
        ++rows;
        pareto_ggg const model{v[0], v[1], v[2], v[3], v[4], v[5]};
        double const exact = v[12];
        double value = 0.0;
        double bound = prediction_bound * exact;
        if (name == "log_likelihood") {
            value = model.log_likelihood(v[6], v[7], v[8], v[9]);
            bound = likelihood_bound * std::max(1.0, std::abs(exact));
        } else {
            auto const [alive, process] = model.given(v[6], v[7], v[8], v[9]);
            if (name == "probability_alive")
                value = alive;
            else if (name == "no_purchase")
                value = process.no_purchase(v[10]);
            else if (name == "at_least")
                value = process.at_least(v[10], v[11]);
            else
                value = process.discounted(v[10], v[11]);
        }
        EXPECT_NEAR(value, exact, bound) << name << " of row " << rows << ": " << ::testing::PrintToString(v);
    }
    EXPECT_GT(rows, 85U);
}

TEST(pareto_ggg, is_pareto_nbd_where_everybody_buys_at_random) {
    pareto_nbd const pareto{0.553, 10.578, 0.606, 11.669, week};
    pareto_ggg const model{1e9, 1e9, 0.553, 10.578, 0.606, 11.669, week};
    for (auto const& h : {std::array{0.0, 0.0, 39.0, 0.0}, std::array{2.0, 30.43, 38.86, 5.0},
                          std::array{20.0, 12.0, 35.0, -14.0}}) {
        EXPECT_NEAR(model.log_likelihood(h[0], h[1], h[2], h[3]), pareto.log_likelihood(h[0], h[1], h[2]),
                    1e-6);
        // Without their gaps customers are told in the same measure.
        EXPECT_NEAR(model.log_likelihood(h[0], h[1], h[2]), pareto.log_likelihood(h[0], h[1], h[2]), 1e-6);
        auto const [alive, ahead] = model.given(h[0], h[1], h[2], h[3]);
        auto const [alive_pareto, pareto_ahead] = pareto.given(h[0], h[1], h[2]);
        EXPECT_NEAR(alive, alive_pareto, 1e-7 * alive_pareto);
        for (double const t : {1.0, 52.0}) {
            EXPECT_NEAR(ahead.expected(t), pareto_ahead.expected(t), 1e-7 * pareto_ahead.expected(t));
            EXPECT_NEAR(ahead.no_purchase(t), pareto_ahead.no_purchase(t), 1e-7);
            EXPECT_NEAR(ahead.at_least(3.0, t), pareto_ahead.at_least(3.0, t), 1e-7);
            EXPECT_NEAR(ahead.pmf(2, t), pareto_ahead.pmf(2, t), 1e-7);
        }
        EXPECT_NEAR(ahead.discounted(inf, 0.003), pareto_ahead.discounted(inf, 0.003),
                    1e-7 * pareto_ahead.discounted(inf, 0.003));
    }
}

// Erlang-2 gaps: P(due later) is that of fewer than two events of a Poisson process of rate 2 lambda.
TEST(pareto_ggg, is_pareto_with_erlang_gaps_where_everybody_is_as_regular) {
    double const r = 0.8, alpha = 6.0, s = 1.2, beta = 30.0;
    pareto_ggg const model{2e9, 1e9, r, alpha, s, beta};
    double const x = 3.0, tx = 20.0, T = 33.0, gaps = 5.0;
    double const n = r + 2.0 * x;
    auto const silent = [&](double u) {
        double const w = 2.0 * u / (alpha + 2.0 * (tx + u));
        return std::exp(-n * std::log(alpha + 2.0 * (tx + u))) * (1.0 + n * w);
    };
    double left = 0.0;
    constexpr int steps = 200'000;
    for (int i = 0; i < steps; ++i) {
        double const u = (T - tx) * (i + 0.5) / steps;
        left += silent(u) * s * std::pow(beta, s) * std::pow(beta + tx + u, -s - 1.0) * ((T - tx) / steps);
    }
    double const stayed = silent(T - tx) * std::pow(beta / (beta + T), s);
    double const expected = std::log(left + stayed) + std::lgamma(n) - std::lgamma(r) + r * std::log(alpha) +
                            2.0 * x * std::log(2.0) + gaps;
    EXPECT_NEAR(model.log_likelihood(x, tx, T, gaps), expected, 1e-7);
    EXPECT_NEAR(model.given(x, tx, T, gaps).probability_alive, stayed / (left + stayed), 1e-7);
}

TEST(pareto_ggg, objective_is_the_sum_over_rows_with_its_derivatives) {
    table t;
    t.x = {0, 0, 1, 2, 2, 8, 8, 40, 3, 2};
    t.tx = {0, 0, 20, 30, 30, 18, 18, 39, 0.01, 0};
    t.T = {39, 12, 30, 39, 39, 20, 39, 40, 30, 8};
    t.gaps = {0, 0, std::log(20.0), 5.0, nan, 3.0, 5.5, -10.0, -20.0, -inf};
    t.weights = {3, 1, 1, 2, 1, 1, 1, 1, 1, 0.5};
    auto const rows = compress_with_gaps(t.view());
    EXPECT_EQ(rows.size(), 10U);
    for (auto const& p :
         {std::array{5.0, 3.0, 0.553, 10.578, 0.606, 11.669}, std::array{0.7, 0.5, 2.0, 3.0, 3.0, 90.0}}) {
        std::array<double, 6> theta{};
        for (std::size_t i = 0; i < 6; ++i)
            theta[i] = std::log(p[i] / std::pow(rows.scale, pareto_ggg::time_power[i]));
        std::array<double, 6> gradient{}, up{}, down{};
        std::array<double, 36> hessian{}, spare{};
        double const value = pareto_ggg_objective(rows, theta, gradient, hessian, 1);
        pareto_ggg const model = pareto_ggg::from(p, {});
        double sum = 0.0;
        for (std::size_t i = 0; i < t.x.size(); ++i)
            sum += t.weights[i] * model.log_likelihood(t.x[i], t.tx[i], t.T[i], t.gaps[i]);
        EXPECT_NEAR(-value - rows.purchases * std::log(rows.scale), sum, 1e-9 * std::abs(sum));
        constexpr double step = 1e-4;
        for (std::size_t i = 0; i < 6; ++i) {
            auto moved = theta;
            moved[i] += step;
            double const above = pareto_ggg_objective(rows, moved, up, spare, 1);
            moved[i] -= 2.0 * step;
            double const below = pareto_ggg_objective(rows, moved, down, spare, 1);
            EXPECT_NEAR(gradient[i], (above - below) / (2.0 * step), 1e-6 * (1.0 + std::abs(gradient[i])))
                << i;
            for (std::size_t j = 0; j < 6; ++j)
                EXPECT_NEAR(hessian[i * 6 + j], (up[j] - down[j]) / (2.0 * step),
                            1e-6 * (1.0 + std::abs(hessian[i * 6 + j])))
                    << i << ' ' << j;
        }
    }
}

// What happens to simulated customers after week 30 is what was predicted there, for all and by what was seen of them.
TEST(pareto_ggg, predicts_what_simulated_customers_do) {
    pareto_ggg const model{2.5, 1.0, 1.1, 5.0, 0.9, 20.0, week};
    std::size_t const n = 600;
    double const T = 30.0, ahead = 15.0;
    table seen;
    std::vector<double> later(n), active(n);
    for (std::size_t i = 0; i < n; ++i) {
        customer const made = customer_of(model, T + ahead, 11, i);
        add_row(seen, made, T);
        later[i] = static_cast<double>(made.ages.size()) - seen.x.back();
        active[i] = made.left > T ? 1.0 : 0.0;
    }
    std::vector<double> mean(n), alive(n), none(n), pmf(3 * n);
    expected_purchases(model, seen.view(), {ahead, week}, mean, 0);
    probability_alive(model, seen.view(), {}, alive, 0);
    probability_no_purchase(model, seen.view(), {ahead, week}, none, 0);
    purchase_pmf(model, seen.view(), {ahead, week}, 2, pmf, 0);
    // Sums over those with few purchases and with many, who were silent for long or not: within four deviations.
    for (int group = 0; group < 4; ++group) {
        double counted = 0.0, square = 0.0, stay = 0.0, stay_square = 0.0, silent = 0.0, silent_square = 0.0;
        double two = 0.0, two_square = 0.0;
        for (std::size_t i = 0; i < n; ++i) {
            bool const many = seen.x[i] >= 4;
            bool const quiet = T - seen.tx[i] > (many ? 4.0 : 15.0);
            if (group != (many ? 2 : 0) + (quiet ? 1 : 0)) continue;
            double const d = later[i] - mean[i];
            counted += d, square += d * d;
            stay += active[i] - alive[i], stay_square += alive[i] * (1.0 - alive[i]);
            silent += (later[i] == 0.0 ? 1.0 : 0.0) - none[i], silent_square += none[i] * (1.0 - none[i]);
            double const p = pmf[3 * i + 2];
            two += (later[i] == 2.0 ? 1.0 : 0.0) - p, two_square += p * (1.0 - p);
            EXPECT_NEAR(pmf[3 * i], none[i], 1e-9);
        }
        EXPECT_LT(std::abs(counted), 4.0 * std::sqrt(square) + 1e-3) << group;
        EXPECT_LT(std::abs(stay), 4.0 * std::sqrt(stay_square) + 1e-3) << group;
        EXPECT_LT(std::abs(silent), 4.0 * std::sqrt(silent_square) + 1e-3) << group;
        EXPECT_LT(std::abs(two), 4.0 * std::sqrt(two_square) + 1e-3) << group;
    }
}

TEST(pareto_ggg, kernels_agree_with_each_other) {
    for (auto const& h : {std::array{0.0, 0.0, 39.0, 0.0}, std::array{2.0, 30.43, 38.86, 5.0},
                          std::array{7.0, 35.0, 35.0, 11.0}, std::array{26.0, 30.86, 31.0, nan}}) {
        auto const ahead = usual.given(h[0], h[1], h[2], h[3]).process;
        double mean = 0.0;
        for (int n = 1; n < 120; ++n)
            mean += ahead.at_least(n, 20.0);
        EXPECT_NEAR(ahead.expected(20.0), mean, 1e-5 * mean);
        EXPECT_NEAR(ahead.no_purchase(20.0), 1.0 - ahead.at_least(1.0, 20.0), 1e-8);
        EXPECT_NEAR(ahead.pmf(3, 20.0), ahead.at_least(3.0, 20.0) - ahead.at_least(4.0, 20.0), 1e-12);
        EXPECT_NEAR(ahead.discounted(1e6, 0.01), ahead.discounted(inf, 0.01),
                    1e-7 * ahead.discounted(inf, 0.01));
        EXPECT_LT(ahead.discounted(20.0, 0.01), ahead.expected(20.0));
        EXPECT_NEAR(ahead.survival(20.0), std::pow((11.669 + h[2]) / (31.669 + h[2]), 0.606), 1e-12);
        EXPECT_EQ(ahead.expected(0.0), 0.0);
        EXPECT_EQ(ahead.expected(inf), inf);  // s < 1
        EXPECT_EQ(ahead.no_purchase(0.0), 1.0);
        EXPECT_TRUE(std::isnan(ahead.expected(nan)));
    }
    // One of the smallest k buys any number of times at once.
    pareto_ggg const sudden{0.9, 1.0, 0.5, 10.0, 2.0, 11.0, week};
    EXPECT_EQ(sudden.given(0.0, 0.0, 0.0).process.expected(5.0), inf);
    EXPECT_LT(sudden.given(0.0, 0.0, 3.0).process.expected(5.0), inf);
}

TEST(pareto_ggg, quantiles_and_intervals) {
    table t;
    t.x = {0, 2, 26};
    t.tx = {0.0, 30.43, 30.86};
    t.T = {39.0, 38.86, 31.0};
    t.gaps = {0.0, 5.0, 2.4};
    std::vector<double> n(3), w(3);
    for (double const q : {0.3, 0.9, 0.99}) {
        purchase_quantile(usual, t.view(), {39.0, week}, q, n, 1);
        next_purchase_quantile(usual, t.view(), q, w, 1);
        for (std::size_t i = 0; i < 3; ++i) {
            auto const [alive, ahead] = usual.given(t.x[i], t.tx[i], t.T[i], t.gaps[i]);
            EXPECT_LE(alive * ahead.at_least(n[i] + 1.0, 39.0), 1.0 - q);
            if (n[i] > 0.0) {
                EXPECT_GT(alive * ahead.at_least(n[i], 39.0), 1.0 - q);
            }
            if (w[i] < inf) {
                EXPECT_NEAR(alive * ahead.at_least(1.0, w[i]), q, 1e-8);
            }
        }
    }
    // What is drawn of a customer has the mean that is predicted.
    std::vector<double> const amounts{1.0, 1.0, 1.0};
    std::vector<double> low(3), high(3), mean(3);
    interval_options options{
        .value = {.horizon = {39.0, week}, .annual_rate = 0.0}, .level = 0.9, .draws = 4000};
    value_interval<pareto_ggg>(std::span<pareto_ggg const>(&usual, 1), {}, amounts, t.view(), options, low,
                               high);
    purchase_quantile(usual, t.view(), {39.0, week}, 0.05, n, 1);
    purchase_quantile(usual, t.view(), {39.0, week}, 0.95, w, 1);
    EXPECT_NEAR(low[2], n[2], 1.0);
    EXPECT_NEAR(high[2], w[2], 2.0);
}

TEST(pareto_ggg, any_valid_history_gives_numbers) {
    for (std::uint64_t i = 0; i < 60; ++i) {
        random_stream random(5, 6, i);
        auto const wide = [&](double low, double high) {
            return std::exp(random.uniform(std::log(low), std::log(high)));
        };
        pareto_ggg const model{wide(0.05, 100.0),
                               wide(0.05, 100.0),
                               wide(0.05, 20.0),
                               wide(0.1, 1000.0),
                               wide(0.05, 20.0),
                               wide(0.1, 1000.0),
                               week};
        double const T = wide(0.1, 300.0);
        double const x = random.below(3) == 0 ? 0.0 : std::floor(wide(1.0, 200.0));
        double const tx = x == 0.0 ? 0.0 : random.below(8) == 0 ? T : T * random.uniform();
        double const gaps = x == 0.0               ? 0.0
                            : random.below(4) == 0 ? -inf
                                                   : x * (std::log(tx / x) - random.exponential());
        double const value = model.log_likelihood(x, tx, T, gaps);
        auto const [alive, ahead] = model.given(x, tx, T, gaps);
        double const none = ahead.no_purchase(10.0);
        double const any = ahead.at_least(1.0, 10.0);
        double const mean = ahead.expected(10.0);
        EXPECT_TRUE(std::isfinite(value)) << i;
        EXPECT_TRUE(alive >= 0.0 && alive <= 1.0) << i << ' ' << alive;
        EXPECT_NEAR(none + any, 1.0, 1e-7) << i;
        EXPECT_TRUE(std::isfinite(mean) && mean >= any * (1.0 - 1e-6)) << i << ' ' << mean << ' ' << any;
    }
}

TEST(pareto_ggg_fit, finds_the_parameters) {
    pareto_ggg const truth{4.0, 1.5, 1.1, 5.0, 0.9, 20.0, week};
    table const data = drawn(truth, 600, 40.0, 3);
    auto const found = fit<pareto_ggg>(data.view());
    EXPECT_TRUE(found.report.converged) << found.report.status;
    auto const expected = truth.parameters();
    for (std::size_t i = 0; i < 6; ++i)
        EXPECT_NEAR(found.report.estimates[i], expected[i], 4.0 * found.report.standard_errors[i])
            << found.report.parameter_names[i];
    EXPECT_GT(found.report.log_likelihood, fit<pareto_nbd>(data.view()).report.log_likelihood + 20.0);
    std::vector<double> each(data.x.size());
    log_likelihood(found.model, data.view(), each, 0);
    double sum = 0.0;
    for (double const v : each)
        sum += v;
    EXPECT_NEAR(found.report.log_likelihood, sum, 1e-8 * std::abs(sum));
    // A saved model is the same model.
    auto const back = from_json(to_json(found.model, &found.report));
    EXPECT_EQ(std::get<pareto_ggg>(back.model).parameters(), found.model.parameters());
}

TEST(pareto_ggg_fit, does_not_depend_on_the_unit_order_or_threads) {
    table const data = drawn({4.0, 1.5, 1.1, 5.0, 0.9, 20.0, week}, 310, 40.0, 4);
    fit_options options{.fixed = {{"r", 1.1}, {"s", 0.9}, {"t", 4.0}}, .threads = 1};
    auto const one = fit<pareto_ggg>(data.view(), options);
    table back = data;
    for (auto* column : {&back.tx, &back.T, &back.gaps})
        std::reverse(column->begin(), column->end());
    std::reverse(back.x.begin(), back.x.end());
    options.threads = 2;
    auto const again = fit<pareto_ggg>(back.view(), options);
    EXPECT_EQ(one.model.parameters(), again.model.parameters());
    EXPECT_EQ(one.report.log_likelihood, again.report.log_likelihood);
    // In days the numbers of time are seven times as large.
    table days = data;
    days.unit = std::chrono::days{1};
    for (std::size_t i = 0; i < days.x.size(); ++i) {
        days.tx[i] *= 7.0;
        days.T[i] *= 7.0;
        days.gaps[i] += days.x[i] * std::log(7.0);
    }
    auto const daily = fit<pareto_ggg>(days.view(), options);
    EXPECT_NEAR(daily.model.alpha, 7.0 * one.model.alpha, 1e-4 * daily.model.alpha);
    EXPECT_NEAR(daily.model.gamma, one.model.gamma, 1e-4 * one.model.gamma);
    std::vector<double> weekly(data.x.size()), same(data.x.size());
    probability_alive(one.model, data.view(), {}, weekly, 1);
    probability_alive(one.model, days.view(), {}, same, 1);
    for (std::size_t i = 0; i < same.size(); ++i)
        EXPECT_NEAR(weekly[i], same[i], 1e-9);
}

TEST(pareto_ggg_fit, says_what_is_missing_or_wrong) {
    table data = drawn(usual, 40, 30.0, 5);
    table bare = data;
    bare.gaps.clear();
    EXPECT_THROW(fit<pareto_ggg>(bare.view()), input_error);
    table wrong = data;
    auto const buyer = static_cast<std::size_t>(
        std::find_if(data.x.begin(), data.x.end(), [](std::int32_t x) { return x > 0; }) - data.x.begin());
    wrong.gaps[buyer] = 1000.0;
    std::vector<double> out(data.x.size());
    EXPECT_THROW(log_likelihood(usual, wrong.view(), out), input_error);
    EXPECT_THROW((pareto_ggg{0.0, 1.0, 1.0, 1.0, 1.0, 1.0}.validate()), input_error);
    // Without gaps x, recency and T tell what they can; a row of two purchases at one time is such a row.
    log_likelihood(usual, bare.view(), out, 1);
    EXPECT_TRUE(std::all_of(out.begin(), out.end(), [](double v) { return std::isfinite(v); }));
    table zero = data;
    zero.gaps[buyer] = -inf;
    std::vector<double> with(data.x.size());
    log_likelihood(usual, zero.view(), with, 1);
    EXPECT_EQ(with[buyer], out[buyer]);
}

TEST(pareto_ggg_fit, cdnow_is_at_least_as_likely_as_under_pareto_nbd) {
    auto const data = clavis::test::cdnow_sample();
    if (data.T.empty()) GTEST_SKIP() << "no " << clavis::test::data_file("cdnow_sample.csv");
    auto const pareto = fit<pareto_nbd>(data.view()).report.log_likelihood;
    auto const found = fit<pareto_ggg>(data.view());
    EXPECT_GT(found.report.log_likelihood, pareto) << found.report.status;
}

}  // namespace
}  // namespace clavis::lifetime

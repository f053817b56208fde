// Alarm rules at equal false alarms: the limit against brute force, the rules against what they must not know, and the
// benchmark's figures. CLAVIS_VERIFY=1 runs the full 30,000 customers, whose figures stand in docs/methods/defection.md.

#include "clavis/defection/evaluate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/core/random.hpp"
#include "clavis/defection/monitor.hpp"
#include "defection/population.hpp"

namespace clavis::defection {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
hazard_clock const clock_of_benchmark{2, 2};

rule_data benchmark(std::int64_t customers, std::uint64_t seed, double regularity = 1) {
    return simulate_rule_data({.customers = customers, .regularity = regularity, .seed = seed});
}

TEST(EvaluateRules, GapsHaveTheStatedMeanAndRegularityFromAnOrdinaryMomentOn) {
    for (double const k : {0.5, 1.0, 4.0}) {
        auto const data = benchmark(3000, 5, k);
        data.validate();
        double expected = 0;
        double variance = 0;
        double count = 0;
        double first_week = 0;
        double expected_first = 0;
        for (std::size_t i = 0; i < data.size(); ++i) {
            auto const own = data.visits(i);
            if (data.retained[i] < 1 || data.rate[i] < 0.5) continue;
            double const weeks = data.calibration_weeks + data.watched_weeks;
            expected += data.rate[i] * weeks;
            variance += data.rate[i] * weeks / k;  // of a renewal process, in the long run
            count += static_cast<double>(own.size());
            first_week += static_cast<double>(std::lower_bound(own.begin(), own.end(), 1.0) - own.begin());
            expected_first += data.rate[i];
        }
        EXPECT_NEAR(count, expected, 4 * std::sqrt(variance)) << k;
        EXPECT_NEAR(first_week, expected_first, 5 * std::sqrt(expected_first / std::min(1.0, k)))
            << k;  // the first week is a week like any other
    }
    // Halved customers make half as many visits after the change as they would have.
    auto const data = benchmark(3000, 6, 2);
    double visits = 0;
    double expected = 0;
    for (std::size_t i = 0; i < data.size(); ++i) {
        auto const own = data.visits(i);
        auto const after =
            static_cast<double>(own.end() - std::upper_bound(own.begin(), own.end(), data.change[i]));
        if (data.retained[i] == 0) {
            EXPECT_EQ(after, 0);
        } else if (data.retained[i] < 1) {
            visits += after;
            expected += 0.5 * data.rate[i] * (data.calibration_weeks + data.watched_weeks - data.change[i]);
        }
    }
    EXPECT_NEAR(visits / expected, 1, 4 / std::sqrt(expected));
}

TEST(EvaluateRules, TheLimitIsTheHighestAtWhichTheShareIsMet) {
    // Few values, so that ties abound; a third of the customers begin high.
    random_stream random(3, 0, 0);
    rule_data data = benchmark(300, 3);
    auto const context = context_of(data, clock_of_benchmark);
    std::vector<double> scores(data.size() * context.checks());
    for (double& score : scores)
        score = static_cast<double>(random.below(400));
    for (double const share : {0.05, 0.1, 0.33}) {
        auto const result = assess_scores(data, context, scores, {"random", {}}, {.false_alarms = share});
        auto alarms_at = [&](double limit) {
            double alarms = 0;
            double customers = 0;
            for (std::size_t i = 0; i < data.size(); ++i) {
                auto const* own = scores.data() + i * context.checks();
                if (data.retained[i] < 1 || own[0] >= limit) continue;
                ++customers;
                alarms += *std::max_element(own + 1, own + 53) >= limit ? 1 : 0;
            }
            return alarms / customers;
        };
        EXPECT_GE(alarms_at(result.limit), share - 0.006);
        for (int higher = static_cast<int>(result.limit) + 1; higher <= 400; ++higher)
            EXPECT_LT(alarms_at(higher), share);
        EXPECT_NEAR(result.false_alarms.share, share,
                    0.6 / static_cast<double>(result.false_alarms.customers));
        EXPECT_EQ(result.false_alarms.customers + result.beyond_at_start, 100);
    }
    std::vector<double> const silent(scores.size(), std::nan(""));
    EXPECT_THROW(assess_scores(data, context, silent, {"silent", {}}), input_error);
    EXPECT_THROW(assess_scores(data, context, std::span(scores).first(7), {"short", {}}), input_error);
    EXPECT_THROW(named_rule("horoscope"), input_error);
}

TEST(EvaluateRules, DetectionAndDelayAreCountedFromTheChange) {
    rule_data data;
    data.calibration_weeks = 2;
    data.watched_weeks = 60;
    std::vector<double> const changes{infinity, infinity, 5.5, 5.5, 5.0, 30.25};
    data.retained = {1, 1, 0, 0, 0.5, 0.5};
    data.change = changes;
    data.rate.assign(6, 1);
    data.time.assign(6, 0.5);
    data.offsets = {0, 1, 2, 3, 4, 5, 6};
    auto const context = context_of(data, clock_of_benchmark);
    std::vector<double> scores(6 * 61, 0.0);
    auto at = [&](std::size_t row, std::size_t check) -> double& { return scores[row * 61 + check]; };
    at(0, 40) = 2;  // the one false alarm of two
    at(1, 0) = 1;
    at(2, 4) = 2;   // week 6: half a week after the change
    at(3, 3) = 2;   // week 5: before it
    at(4, 3) = 2;   // at the very moment
    at(5, 60) = 2;  // week 62: 31.75 after
    auto const result = assess_scores(data, context, scores, {"hand", {}}, {.false_alarms = 0.5});
    EXPECT_EQ(result.limit, 2);
    EXPECT_EQ(result.first_alarm, (std::vector<std::int32_t>{40, -1, 4, 3, 3, 60}));
    EXPECT_EQ(result.stops.alarmed_before, 1);
    EXPECT_EQ(result.stops.within_13.customers, 1);
    EXPECT_EQ(result.stops.within_13.share, 1);
    EXPECT_EQ(result.stops.median_delay, 0.5);
    EXPECT_EQ(result.drops.within_26.share, 0.5);
    EXPECT_EQ(result.drops.within_52.share, 1);
    EXPECT_EQ(result.drops.median_delay, 31.75 / 2);
}

TEST(EvaluateRules, NamedRulesDoNotLookAheadAndThreadsChangeNothing) {
    auto const data = benchmark(90, 8);
    auto const context = context_of(data, clock_of_benchmark);
    for (auto const name : named_rules()) {
        auto const rule = named_rule(name);
        auto const scores = rule_score(data, context, rule, 1);
        EXPECT_EQ(0, std::memcmp(scores.data(), rule_score(data, context, rule, 3).data(),
                                 scores.size() * sizeof(double)));
        for (std::size_t i = 0; i < data.size(); i += 7) {
            auto const own = data.visits(i);
            for (std::size_t check = 0; check < context.checks(); check += 9) {
                auto const end = std::upper_bound(own.begin(), own.end(), context.check_time(check));
                std::vector<double> known(context.checks());
                rule.scores(context, {own.begin(), end}, known);
                double const whole = scores[i * context.checks() + check];
                EXPECT_TRUE(known[check] == whole || (std::isnan(known[check]) && std::isnan(whole)))
                    << name << ' ' << known[check] << ' ' << whole;
                if (rule.date) {
                    auto const told = rule.date(context, i, own, check);
                    auto const then = rule.date(context, i, {own.begin(), end}, check);
                    EXPECT_TRUE(told.since == then.since || std::isnan(told.since)) << name;
                }
            }
        }
    }
}

TEST(EvaluateRules, TheEvidenceIsTheRatioOfMarginalLikelihoods) {
    // Each likelihood by a sum over a fine grid of rates: Poisson visits after the first, rate Gamma(r, alpha).
    std::vector<double> const visits{0.7, 1.9, 2.0, 4.4, 6.8, 9.0, 12.2};
    double const begin = 5;
    double const now = 13;
    auto marginal = [&](double change, double rho) {
        double sum = 0;
        double const step = 1e-4;
        for (double rate = step / 2; rate < 30; rate += step) {
            double log_likelihood = std::log(rate) - 2 * rate + std::log(4.0);  // Gamma(2, 2)
            for (std::size_t k = 1; k < visits.size(); ++k)
                log_likelihood += std::log(visits[k] > change ? rho * rate : rate);
            double const lost = std::max(0.0, now - std::max(change, visits.front()));
            log_likelihood -= rate * (now - visits.front() - lost + rho * lost);
            sum += std::exp(log_likelihood) * step;
        }
        return sum;
    };
    double const unchanged = marginal(infinity, 1);
    double sum = 0;
    std::vector<double> weights;
    for (double at = begin + 0.5; at < now; at += 1) {
        double const stop = marginal(at, 0) / unchanged;
        double const half = marginal(at, 0.5) / unchanged;
        weights.push_back((std::isfinite(stop) ? stop : 0) + half);
        sum += weights.back() / 2;
    }
    EXPECT_NEAR(log_change_evidence({2, 2}, visits, begin, now), std::log(sum), 1e-7);
    // The median of the date: uniform within a week.
    double below = 0;
    std::size_t cell = 0;
    while (below + weights[cell] < sum)
        below += weights[cell++];
    auto const told = date_change({2, 2}, visits, begin, now);
    EXPECT_NEAR(told.since, begin + static_cast<double>(cell) + (sum - below) / weights[cell], 1e-6);
    EXPECT_LT(told.low, told.since);
    EXPECT_GT(told.high, told.since);
}

TEST(EvaluateRules, TheMixtureIsTheMonitors) {
    // A customer who thins out, in whole days, seen by the monitor and by the rule.
    ledger::history records;
    records.customer_id = std::vector<std::int64_t>{1};
    std::vector<double> weeks;
    for (std::int32_t day = 3; day < 7 * 100; day += day < 420 ? 9 : 23) {
        records.day.push_back(day);
        weeks.push_back(day / 7.0);
    }
    records.orders.assign(records.day.size(), 1);
    records.sales.assign(records.day.size(), 100);
    records.returns.assign(records.day.size(), 0);
    records.offsets = {0, static_cast<std::int64_t>(records.day.size())};
    auto const on = [](std::int32_t day) { return sys_days{std::chrono::days{day}}; };
    rule_context const context{.clock = {2, 2}};
    std::vector<double> scores(context.checks());
    named_rule("sr_mixture").scores(context, weeks, scores);
    monitor watch(learn_baseline(records, on(364), hazard_clock{2, 14}), {.false_alarms_per_year = 0.01});
    for (std::size_t check = 1; check < 40; ++check) {
        // The rule looks at the end of the week: midnight at the beginning of the day the monitor is then asked about.
        std::int32_t const day = 7 * (52 + static_cast<std::int32_t>(check));
        watch.update(records, on(day - 1));
        auto const states = watch.states(on(day));
        if (std::find(records.day.begin(), records.day.end(), day) != records.day.end()) continue;
        EXPECT_NEAR(std::log(states.statistic[0]), scores[check], 1e-9) << check;
    }
}

TEST(EvaluateRules, TheBenchmark) {
    std::size_t const customers = test::scaled(30'000, 4'500);
    auto const data = benchmark(static_cast<std::int64_t>(customers), 20'261'129);
    std::vector<alarm_rule> rules;
    for (auto const name : named_rules())
        rules.push_back(named_rule(name));
    auto const results = evaluate_rules(data, context_of(data, clock_of_benchmark), rules);
    auto find = [&](std::string_view name) -> rule_result const& {
        return *std::find_if(results.begin(), results.end(),
                             [&](auto const& one) { return one.rule == name; });
    };
    for (auto const& one : results) {
        std::printf(
            "[ measured ] %-21s stops %5.1f drops %5.1f %5.1f second year %4.1f clock %.4f dates %.2f %.3f\n",
            one.rule.c_str(), 100 * one.stops.within_13.share, 100 * one.drops.within_26.share,
            100 * one.drops.within_52.share, 100 * one.second_year.share, one.clock_distance, one.date_error,
            one.interval_coverage.share);
        EXPECT_NEAR(one.false_alarms.share, 0.1, 0.001) << one.rule;
    }
    // The limit's own error adds to that of the shares: together about 1.5 points at 30,000 customers.
    double const points = 0.025 * std::sqrt(30'000 / static_cast<double>(customers));
    auto holds = [&](std::string_view name, double stop, double half, double year) {
        auto const& one = find(name);
        EXPECT_NEAR(one.stops.within_13.share, stop, points) << name;
        EXPECT_NEAR(one.drops.within_26.share, half, points) << name;
        EXPECT_NEAR(one.drops.within_52.share, year, points) << name;
    };
    holds("probability_alive", 0.902, 0.316, 0.476);
    holds("cusum", 0.704, 0.519, 0.737);
    holds("sr_mixture", 0.857, 0.530, 0.788);
    holds("sr_mixture_frozen", 0.849, 0.575, 0.845);
    holds("marginal_likelihood", 0.85, 0.54, 0.81);
    // The constant memory costs at most a point.
    auto const& monitor_rule = find("sr_mixture");
    auto const& oracle = find("marginal_likelihood");
    double const paired = 0.01 + 0.01 * std::sqrt(4'500 / static_cast<double>(customers));
    EXPECT_GT(monitor_rule.stops.within_13.share, oracle.stops.within_13.share - paired);
    EXPECT_GT(monitor_rule.drops.within_26.share, oracle.drops.within_26.share - paired);
    EXPECT_GT(monitor_rule.drops.within_52.share, oracle.drops.within_52.share - paired);
    EXPECT_GT(find("fixed_silence").stops.within_13.share, 0.98);
    EXPECT_GT(find("fixed_silence").by_rate[0], 0.4);  // slow buyers bear its false alarms
    EXPECT_LT(find("fixed_silence").by_rate[8], 0.03);
    EXPECT_LT(oracle.clock_distance, 0.01);
    double const n = static_cast<double>(oracle.dated);
    EXPECT_NEAR(oracle.interval_coverage.share, 0.95, 0.02 + 3 * std::sqrt(0.05 * 0.95 / n));
    EXPECT_LT(oracle.date_error, 2);  // mean gaps
    EXPECT_TRUE(std::isnan(find("gap_z").clock_distance));
    EXPECT_EQ(find("gap_z").dated, 0);
}

TEST(EvaluateRules, RecordedVisitsAndFates) {
    ledger::history records;
    records.customer_id = std::vector<std::int64_t>{4, 5, 6};
    records.day = {0, 10, 20, 10, 14, 700, 3, 9, 40};
    records.orders = {1, 1, 0, 1, 1, 1, 1, 1, 1};
    records.sales.assign(9, 1);
    records.returns.assign(9, 0);
    records.offsets = {0, 3, 6, 9};
    auto const on = [](std::int32_t day) { return sys_days{std::chrono::days{day}}; };
    std::vector<known_fate> const fate{{}, {0.0, on(300)}, {0.5, on(700)}};
    auto const data = rule_data_from(records, fate, on(14), 2, 52);
    data.validate();
    // The last one changes after the watch; a day of returns and visits outside are no visits here.
    EXPECT_EQ(data.left_out, 1);
    EXPECT_EQ(data.customer_id, identifiers(std::vector<std::int64_t>{4, 5}));
    EXPECT_EQ(data.time, (std::vector<double>{0.5 / 7, 10.5 / 7, 10.5 / 7, 14.5 / 7}));
    EXPECT_EQ(data.change[1], 300 / 7.0);
    EXPECT_THROW(rule_data_from(records, std::span(fate).first(2), on(14), 2, 52), input_error);
    EXPECT_THROW(rule_data_from(records, fate, on(7000), 2, 52), input_error);
    EXPECT_THROW(simulate_rule_data({.customers = 2}), input_error);
    EXPECT_THROW(simulate_rule_data({.retained = 1}), input_error);
    EXPECT_THROW(simulate_rule_data({.least_visits = 100'000}), input_error);
}

}  // namespace
}  // namespace clavis::defection

// What the detectors promise on the clock of any regularity, on exact times: run lengths and false alarms in 36 designs.
// CLAVIS_VERIFY=1 runs the full size, whose figures stand in docs/methods/defection.md.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

#include "clavis/defection/clock_tables.hpp"
#include "clavis/defection/detectors.hpp"
#include "clavis/defection/evaluate.hpp"
#include "defection/population.hpp"

namespace clavis::defection {
namespace {

constexpr std::array<std::pair<double, double>, 3> populations{
    {{0.55, 74.06}, {2, 14}, {5, 7}}};  // alpha in days
constexpr std::array regularities{0.5, 1.0, 2.0, 4.0};
constexpr std::array fractions{0.0, 0.5, 0.8};

struct estimate {
    double sum = 0;
    double squares = 0;
    double count = 0;

    void add(double value) {
        sum += value;
        squares += value * value;
        ++count;
    }
    double mean() const { return sum / count; }
    double error() const { return std::sqrt((squares / count - mean() * mean()) / count); }
};

TEST(Designs, RunLengthsOnTheClockAreNominal) {
    // Customers of unknown rate, whom the clock comes to know as it watches them; means in expected visits.
    std::size_t const runs = test::scaled(40000, 600);
    double worst = 0;
    for (auto const& [r, alpha] : populations)
        for (double const k : regularities) {
            // The clock counts a customer's lambda in phases: the same visits a day for every k.
            clock_tables const tables({r, alpha / k, k}, std::array{0.0}, 7);
            for (double const rho : fractions) {
                double const limit = threshold_for(rho, 104);
                estimate length;
                for (std::size_t i = 0; i < runs; ++i) {
                    random_stream random(301, static_cast<std::uint32_t>(100 * r + 10 * k + 3 * rho), i);
                    double const lambda = random.gamma(r) / (alpha / k);
                    double gap_sum = 0;
                    double statistic = 0;
                    double time = 0;
                    for (std::int32_t x = 0;; ++x) {
                        double const gap = random.gamma(k) / lambda;
                        double growth[1];
                        double fresh[1];
                        double const passed = tables.silence(x, gap_sum, gap, growth, fresh);
                        double const left = (limit - statistic) / (1 - rho);
                        if (passed >= left) {
                            time += left;
                            break;
                        }
                        time += passed;
                        gap_sum += gap;
                        statistic =
                            rho == 0 ? 0.0 : std::max(0.0, statistic + (1 - rho) * passed + std::log(rho));
                    }
                    length.add(time);
                }
                double const miss = length.mean() / 104 - 1;
                worst = std::max(worst, std::abs(miss));
                std::printf("[ measured ] r %.2f, k %.1f, rho %.1f: run length %.1f (error %.1f)\n", r, k,
                            rho, length.mean(), length.error());
                EXPECT_LE(std::abs(miss), 0.03 + 3 * length.error() / 104) << r << ' ' << k << ' ' << rho;
            }
        }
    std::printf("[ measured ] largest miss %.1f %%\n", 100 * worst);
}

TEST(Designs, FalseAlarmsOfTheFirstYearStayWithinTheBound) {
    // A year of baseline and one of watch; each fraction alone, and the mean of 0 and 1/2, at a budget of 10 %.
    std::size_t const size = test::scaled(20000, 250);
    double const limit = shiryaev_roberts_limit(0.1);
    constexpr double start = 364;
    constexpr double end = start + 365.25;
    for (auto const& [r, alpha] : populations)
        for (double const k : regularities) {
            clock_tables const tables({r, alpha / k, k}, fractions, 7);
            std::array<std::size_t, 4> alarms{};
            for (std::size_t i = 0; i < size; ++i) {
                random_stream random(302, static_cast<std::uint32_t>(100 * r + 10 * k), i);
                double const lambda = random.gamma(r) / (alpha / k);
                double last = 0;
                std::array<double, 3> statistic{};
                std::array<bool, 4> alarmed{};
                for (std::int32_t x = 0; last < end; ++x) {
                    double const next = last + random.gamma(k) / lambda;
                    double const until = std::min(next, end);
                    if (until > start) {
                        std::array<double, 3> growth{};
                        std::array<double, 3> fresh{};
                        tables.silence_between(x, last, std::max(start - last, 0.0), until - last,
                                               growth.data(), fresh.data());
                        for (std::size_t j = 0; j < 3; ++j) {
                            statistic[j] = growth[j] * statistic[j] + fresh[j];
                            alarmed[j] = alarmed[j] || statistic[j] >= limit;
                        }
                        alarmed[3] = alarmed[3] || (statistic[0] + statistic[1]) / 2 >= limit;
                        for (std::size_t j = 0; j < 3; ++j)
                            statistic[j] *= fractions[j];
                    }
                    last = next;
                }
                for (std::size_t j = 0; j < 4; ++j)
                    alarms[j] += alarmed[j];
            }
            double const n = static_cast<double>(size);
            for (std::size_t j = 0; j < 4; ++j) {
                double const part = static_cast<double>(alarms[j]) / n;
                EXPECT_LE(part, 0.1 + 3 * std::sqrt(0.1 * 0.9 / n)) << r << ' ' << k << ' ' << j;
            }
            std::printf(
                "[ measured ] r %.2f, k %.1f: %.2f, %.2f, %.2f %% alarm for rho 0, 0.5, 0.8, %.2f %% for the "
                "mixture\n",
                r, k, 100 * static_cast<double>(alarms[0]) / n, 100 * static_cast<double>(alarms[1]) / n,
                100 * static_cast<double>(alarms[2]) / n, 100 * static_cast<double>(alarms[3]) / n);
            // The bound is near where customers come often enough to be missed within a year.
            if (r > 1) {
                EXPECT_GE(static_cast<double>(alarms[3]) / n, 0.04 - 3 * std::sqrt(0.06 * 0.94 / n));
            }
        }
}

/// The monitor's statistic on a clock of any regularity, in weeks.
alarm_rule mixture_on(clock_tables const& tables) {
    auto const scores = [&tables](rule_context const& context, std::span<double const> visits,
                                  std::span<double> out) {
        double const begin = context.calibration_weeks;
        std::size_t next = 0;
        while (next < visits.size() && visits[next] <= begin)
            ++next;
        double standing = begin;
        double half = 0;
        auto const silence = [&](double until, double* growth, double* fresh) {
            double const last = visits[next - 1];
            tables.silence_between(static_cast<std::int32_t>(next) - 1, last - visits[0],
                                   std::max(standing - last, 0.0), until - last, growth, fresh);
        };
        for (std::size_t w = 0; w < out.size(); ++w) {
            double growth[2];
            double fresh[2];
            for (; next < visits.size() && visits[next] <= context.check_time(w); ++next) {
                silence(visits[next], growth, fresh);
                half = 0.5 * (growth[1] * half + fresh[1]);
                standing = visits[next];
            }
            silence(context.check_time(w), growth, fresh);
            out[w] = std::log((fresh[0] + growth[1] * half + fresh[1]) / 2);
        }
    };
    return {.name = "mixture", .scores = scores};
}

TEST(Designs, TheRegularClockFindsStopsSoonerThanTheExponentialOne) {
    // At 10 % of the unchanged alarming in the first year, against P(alive) of BG/NBD and the clock that takes gaps for
    // exponential.
    auto const data = simulate_rule_data(
        {.customers = static_cast<std::int64_t>(test::scaled(30000, 1500)), .regularity = 4, .seed = 303});
    clock_tables const tables({2, 2.0 / 4, 4}, std::array{0.0, 0.5}, 1);
    std::array const rules{mixture_on(tables), named_rule("sr_mixture"), named_rule("probability_alive")};
    auto const found = evaluate_rules(data, context_of(data, {2, 2}), rules);
    for (auto const& one : found)
        std::printf(
            "[ measured ] k 4, %s: stops within 13 weeks %.1f %%, median delay %.1f weeks; halvings within "
            "26 "
            "%.1f %%, within 52 %.1f %%; second year %.1f %%\n",
            one.rule.c_str(), 100 * one.stops.within_13.share, one.stops.median_delay,
            100 * one.drops.within_26.share, 100 * one.drops.within_52.share, 100 * one.second_year.share);
    EXPECT_LT(found[0].stops.median_delay, found[1].stops.median_delay);
    // Who is alarmed falsely: the exponential clock buys its halvings with the slowest customers.
    std::printf(
        "[ measured ] k 4, false alarms among the slowest tenth and the fastest: %.1f and %.1f %%; "
        "exponential %.1f and %.1f %%\n",
        100 * found[0].by_rate.front(), 100 * found[0].by_rate.back(), 100 * found[1].by_rate.front(),
        100 * found[1].by_rate.back());
    EXPECT_LT(found[0].by_rate.front(), 0.25);
    EXPECT_GT(found[1].by_rate.front(), 0.3);
    EXPECT_GT(found[0].drops.within_52.share, found[2].drops.within_52.share + 0.2);
}

/// Weeks from a stop to the first check beyond a limit, in the median over those not beyond it before; inf for never.
double median_stop_delay(rule_data const& data, rule_context const& context, std::span<double const> scores,
                         double limit) {
    std::vector<double> delays;
    std::size_t const checks = context.checks();
    for (std::size_t i = 0; i < data.size(); ++i) {
        if (!(data.retained[i] == 0)) continue;
        double delay = std::numeric_limits<double>::infinity();
        bool before = false;
        for (std::size_t w = 0; w < checks && std::isinf(delay) && !before; ++w) {
            if (!(scores[i * checks + w] >= limit)) continue;
            double const late = context.check_time(w) - data.change[i];
            late < 0 ? void(before = true) : void(delay = late);
        }
        if (!before) delays.push_back(delay);
    }
    std::nth_element(delays.begin(), delays.begin() + static_cast<std::ptrdiff_t>(delays.size() / 2),
                     delays.end());
    return delays[delays.size() / 2];
}

TEST(Designs, WhatAStopsDelayCanBe) {
    // P(alive) takes gaps for exponential. A limit that lets 10 % of the unchanged alarm in a year if they were, as its own
    // model says, waits far longer for regular customers than one that has seen them. And nobody is sooner at equal false
    // alarms than who knows each customer's rate and k.
    auto const size = static_cast<std::int64_t>(test::scaled(30000, 900));
    auto const exponential = simulate_rule_data({.customers = size, .regularity = 1, .seed = 304});
    auto const regular = simulate_rule_data({.customers = size, .regularity = 4, .seed = 305});
    auto const context = context_of(regular, {2, 2});
    alarm_rule const alive = named_rule("probability_alive");
    double const model_limit =
        evaluate_rules(exponential, context_of(exponential, {2, 2}), {&alive, 1})[0].limit;
    auto const alive_scores = rule_score(regular, context, alive);
    double const by_model = median_stop_delay(regular, context, alive_scores, model_limit);

    clock_tables const tables({2, 2.0 / 4, 4}, std::array{0.0, 0.5}, 1);
    auto const mixture = mixture_on(tables);
    auto const mixture_scores = rule_score(regular, context, mixture);
    double const own = median_stop_delay(regular, context, mixture_scores,
                                         evaluate_rules(regular, context, {&mixture, 1})[0].limit);

    // -ln P(gap > silence) with the rate known: Gamma(4)'s tail is Poisson's distribution.
    std::vector<double> known(alive_scores.size(), -1.0);
    for (std::size_t i = 0; i < regular.size(); ++i) {
        auto const visits = regular.visits(i);
        std::size_t next = 0;
        for (std::size_t w = 0; w < context.checks(); ++w) {
            while (next < visits.size() && visits[next] <= context.check_time(w))
                ++next;
            if (next == 0) continue;
            double const y = 4 * regular.rate[i] * (context.check_time(w) - visits[next - 1]);
            known[i * context.checks() + w] = y - std::log(1 + y * (1 + y / 2 * (1 + y / 3)));
        }
    }
    alarm_rule const oracle{.name = "rate known", .scores = {}};
    double const least =
        median_stop_delay(regular, context, known, assess_scores(regular, context, known, oracle).limit);
    std::printf(
        "[ measured ] k 4, stops found after %.2f weeks in the median; by P(alive) at the limit of its own "
        "model %.2f; by who "
        "knows rate and k %.2f\n",
        own, by_model, least);
    EXPECT_LT(own, 0.55 * by_model);
    EXPECT_LE(least, own);
}

}  // namespace
}  // namespace clavis::defection

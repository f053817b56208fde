// Early warning: rates recovered from cells, and the lead time that conditions gain at equal false alarms.

#include "clavis/defection/early_warning.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/core/random.hpp"
#include "clavis/defection/detectors.hpp"

namespace clavis::defection {
namespace {

TEST(EarlyWarning, OneConditionIsTheRatioOfRates) {
    warning_cells cells;
    cells.add(0, 0, 40, 1000);
    cells.add(0, 1, 30, 100);
    auto const model = fit_warning(cells, 1);
    EXPECT_TRUE(model.converged);
    EXPECT_NEAR(model.beta[0], std::log(0.3 / 0.04), 1e-6);
    EXPECT_NEAR(model.log_rate[0], std::log(0.04), 1e-6);
    EXPECT_NEAR(model.standard_error[0], std::sqrt(1 / 40.0 + 1 / 30.0), 1e-6);
    EXPECT_NEAR((1000 * model.multiplier(0) + 100 * model.multiplier(1)) / 1100, 1, 1e-12);
    EXPECT_NEAR(model.multiplier(1) / model.multiplier(0), 7.5, 1e-5);
}

TEST(EarlyWarning, RatesOfManyCellsAreRecoveredAndShardsMerge) {
    double const beta[] = {1.2, -0.4, 0.7};
    random_stream random(2, 0, 0);
    warning_cells whole;
    warning_cells left;
    warning_cells right;
    for (int piece = 0; piece < 5; ++piece) {
        for (condition_set set = 0; set < 8; ++set) {
            double const exposure = 4096.0 + 64.0 * static_cast<double>(random.below(100));
            double log_rate = -3 - 0.2 * piece;
            for (int j = 0; j < 3; ++j)
                log_rate += (set >> j & 1) != 0 ? beta[j] : 0;
            auto const events = random.poisson(exposure * std::exp(log_rate));
            whole.add(piece, set, events, exposure);
            left.add(piece, set, events / 3, exposure / 4);
            right.add(piece, set, events - events / 3, exposure * 3 / 4);
        }
    }
    auto const model = fit_warning(whole, 3);
    ASSERT_TRUE(model.converged);
    for (std::size_t j = 0; j < 3; ++j)
        EXPECT_NEAR(model.beta[j], beta[j], 4.5 * model.standard_error[j]);
    EXPECT_EQ(fit_warning(left.merge(right), 3).beta, model.beta);
    // At the maximum every margin of expected events is that of the counts.
    for (std::size_t j = 0; j < 3; ++j) {
        double expected = 0;
        double counted = 0;
        for (auto const& [key, one] : whole.cells()) {
            if ((key.second >> j & 1) == 0) continue;
            double log_rate = model.log_rate[static_cast<std::size_t>(key.first)];
            for (std::size_t i = 0; i < 3; ++i)
                log_rate += (key.second >> i & 1) != 0 ? model.beta[i] : 0;
            expected += one.exposure * std::exp(log_rate);
            counted += static_cast<double>(one.events);
        }
        EXPECT_NEAR(expected, counted, 1e-4);
    }
}

TEST(EarlyWarning, WhatNeverHappenedStaysFiniteAndIsUncertain) {
    warning_cells cells;
    cells.add(3, 0, 10, 100);
    cells.add(3, 1, 0, 5);
    auto const model = fit_warning(cells, 1);
    EXPECT_TRUE(model.converged);
    EXPECT_LT(model.beta[0], -5);
    EXPECT_TRUE(std::isfinite(model.beta[0]));
    EXPECT_GT(model.standard_error[0], 50);
    EXPECT_THROW(fit_warning({}, 1), input_error);
    EXPECT_THROW(fit_warning(cells, 0), input_error);
    EXPECT_THROW(cells.add(0, 0, -1, 3), input_error);
    EXPECT_THROW(cells.add(0, 0, 1, std::nan("")), input_error);
    cells.add(4, 0, 1, 0);
    EXPECT_THROW(fit_warning(cells, 1), input_error);
}

TEST(EarlyWarning, ConditionsGainLeadTimeAtEqualFalseAlarms) {
    // Customers of rates Gamma(2, 2 weeks); one in eight complains at a moment uniform in the year watched, and for the 13 weeks
    // after it is ten times as likely to stop as others are. The model learns that from a first half and is used on the second.
    struct person {
        std::vector<double> visits;
        double complaint = std::numeric_limits<double>::infinity();
        double stop = std::numeric_limits<double>::infinity();
    };
    constexpr double start = 52;
    constexpr double end = 104;
    constexpr double base = 0.004;
    constexpr double ratio = 10;
    std::vector<person> people;
    for (std::uint64_t i = 0; i < 12'000; ++i) {
        random_stream random(31, 5, i);
        person one;
        double const rate = random.gamma(2) / 2;
        if (random.bernoulli(0.125)) one.complaint = random.uniform(start, end);
        double hazard = random.exponential();
        for (double week = start; week < end; week += 0.25) {
            bool const holds = week >= one.complaint && week < one.complaint + 13;
            hazard -= 0.25 * base * (holds ? ratio : 1);
            if (hazard < 0) {
                one.stop = week + 0.25 * random.uniform();
                break;
            }
        }
        for (double now = random.exponential() / rate; now < std::min(end, one.stop);
             now += random.exponential() / rate)
            one.visits.push_back(now);
        if (one.visits.size() >= 3 && one.visits[2] < start) people.push_back(one);
    }
    std::size_t const half = people.size() / 2;
    warning_cells cells;
    for (std::size_t i = 0; i < half; ++i) {
        person const& one = people[i];
        double const until = std::min(end, one.stop);
        double const from = std::min(until, one.complaint);
        double const to = std::min(until, one.complaint + 13);
        bool const after = one.stop >= one.complaint && one.stop < one.complaint + 13;
        bool const stopped = one.stop < end;
        cells.add(0, 0, stopped && !after ? 1 : 0, (from - start) + (until - to));
        cells.add(0, 1, stopped && after ? 1 : 0, to - from);
    }
    auto const model = fit_warning(cells, 1);
    EXPECT_NEAR(model.beta[0], std::log(ratio), 4 * model.standard_error[0]);

    // ln R for a full stop at weekly checks, with and without the multiplier.
    auto paths = [&](person const& one, bool warned, std::vector<double>& logs) {
        logs.clear();
        double statistic = -std::numeric_limits<double>::infinity();
        double now = start;
        std::size_t next = 0;
        while (next < one.visits.size() && one.visits[next] <= start)
            ++next;
        double const moments[] = {one.complaint, one.complaint + 13};
        auto wait = [&](double until) {
            while (now < until) {
                double stop = until;
                for (double const moment : moments)
                    if (moment > now && moment < stop) stop = moment;
                bool const holds = now >= moments[0] && now < moments[1];
                double const unit = warned ? 1 / model.multiplier(holds ? 1 : 0) : 1;
                statistic = shiryaev_roberts_after(statistic, 0, 2.0 + static_cast<double>(next - 1),
                                                   2 + now - one.visits.front(), stop - now, unit);
                now = stop;
            }
        };
        for (double check = start + 1; check <= end; check += 1) {
            for (; next < one.visits.size() && one.visits[next] <= check; ++next) {
                wait(one.visits[next]);
                statistic = -std::numeric_limits<double>::infinity();
            }
            wait(check);
            logs.push_back(statistic);
        }
    };
    double delay[2] = {};
    double delay_warned[2] = {};
    double found[2] = {};
    std::vector<double> logs;
    for (int const warned : {0, 1}) {
        std::vector<double> highest;
        for (std::size_t i = half; i < people.size(); ++i) {
            if (people[i].stop < end) continue;
            paths(people[i], warned == 1, logs);
            highest.push_back(*std::max_element(logs.begin(), logs.end()));
        }
        auto const cut = highest.begin() + static_cast<std::ptrdiff_t>(highest.size() / 10);
        std::nth_element(highest.begin(), cut, highest.end(), std::greater<>());
        double const limit = *cut;
        std::vector<double> delays;
        std::vector<double> complained;
        for (std::size_t i = half; i < people.size(); ++i) {
            person const& one = people[i];
            if (!(one.stop < end - 26)) continue;
            paths(one, warned == 1, logs);
            double late = 26;
            for (std::size_t w = 0; w < logs.size(); ++w) {
                if (logs[w] < limit) continue;
                late = start + 1 + static_cast<double>(w) - one.stop;
                break;
            }
            if (late < 0) continue;  // alarmed before the stop
            delays.push_back(std::min(26.0, late));
            if (one.stop >= one.complaint && one.stop < one.complaint + 13)
                complained.push_back(delays.back());
        }
        auto mean = [](std::vector<double> const& values) {
            double sum = 0;
            for (double const value : values)
                sum += value;
            return sum / static_cast<double>(values.size());
        };
        delay[warned] = mean(delays);
        delay_warned[warned] = mean(complained);
        found[warned] = static_cast<double>(complained.size());
    }
    std::printf(
        "[ measured ] stops after a complaint (%.0f): found after %.2f weeks without, %.2f with; all stops "
        "%.2f and %.2f\n",
        found[0], delay_warned[0], delay_warned[1], delay[0], delay[1]);
    EXPECT_LT(delay_warned[1], delay_warned[0] - 0.7);
    EXPECT_LT(delay[1], delay[0] + 0.1);
}

}  // namespace
}  // namespace clavis::defection

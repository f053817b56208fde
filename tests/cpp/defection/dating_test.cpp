// How well changes are dated: the error of `since` and the coverage of its interval, on simulated customers.

#include "defection/dating.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <vector>

#include "clavis/defection/monitor.hpp"
#include "defection/population.hpp"

namespace clavis::defection {
namespace {

using test::customer;
using test::fate;
using test::scaled;
using test::simulate;
using test::to_history;
using test::world;

sys_days on(std::int32_t day) {
    return sys_days{std::chrono::days{day}};
}

struct dates {
    std::vector<double> errors;  ///< of `since`, in expected gaps
    std::vector<double> widths;  ///< of the interval, in expected gaps
    double covered = 0;          ///< part of the changes within their interval
    double early = 0;            ///< part before it
    double error = 0;            ///< one standard error of `covered`

    double median(std::vector<double> values) const {
        std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                         values.end());
        return values[values.size() / 2];
    }
};

/// The first alarms after changes uniform in the first half year of the watch, half of them stops and half halvings: dates
/// of those raised as PARTIAL and as LAPSED.
std::array<dates, 2> dates_of(int kept, std::size_t size, std::uint64_t seed, double k = 1) {
    world const w{.k = k};
    std::int32_t const start = 364;
    std::vector<customer> customers;
    random_stream random(seed, 1, 1);
    for (std::size_t i = 0; i < size; ++i)
        customers.push_back(
            simulate(w, seed, i, fate{start + 182 * random.uniform(), i % 2 == 0 ? 0.0 : 0.5}));
    auto const records = to_history(customers);
    monitor watch(learn_baseline(records, on(start), hazard_clock{w.r, w.alpha * 7 / k, k}),
                  {.keep_events = kept});
    auto const found = watch.update(records, on(start + 728));
    std::vector<bool> told(size);
    std::array<dates, 2> result;
    for (alert const& one : found) {
        auto const id = static_cast<std::size_t>(found.customer_id.integers()[one.row]);
        double const change = customers[id].what.change;
        if (told[id]) continue;
        told[id] = true;
        if (static_cast<double>((one.raised - on(0)).count()) < change) continue;
        dates& own = result[one.state == state::LAPSED ? 1 : 0];
        auto days = [](sys_days date) { return static_cast<double>((date - on(0)).count()); };
        own.errors.push_back(customers[id].rate * std::abs(days(one.since) - change));
        own.widths.push_back(customers[id].rate * (days(one.since_high) + 1 - days(one.since_low)));
        own.covered += change >= days(one.since_low) && change < days(one.since_high) + 1;
        own.early += change < days(one.since_low);
        EXPECT_LE(one.since_low, one.since);
        EXPECT_GE(one.since_high, one.since);
    }
    for (dates& own : result) {
        double const n = static_cast<double>(own.errors.size());
        own.covered /= n;
        own.early /= n;
        own.error = std::sqrt(own.covered * (1 - own.covered) / n);
    }
    return result;
}

// Half of the changes are stops and half halvings, as the intervals take it.
TEST(Dates, ErrorsAndCoverage) {
    for (int const kept : {16, 32}) {
        auto const found = dates_of(kept, scaled(60000, 1200), 77);
        std::vector<double> all;
        for (std::size_t i = 0; i < 2; ++i) {
            dates const& own = found[i];
            all.insert(all.end(), own.errors.begin(), own.errors.end());
            std::printf(
                "[ measured ] %d visits kept, %s: %zu alarms, median error %.2f expected gaps, the interval "
                "covers %.1f %% +- %.1f (%.1f %% before it), median width %.1f gaps\n",
                kept, i == 0 ? "PARTIAL" : "LAPSED", own.errors.size(), own.median(own.errors),
                100 * own.covered, 100 * own.error, 100 * own.early, own.median(own.widths));
            EXPECT_GE(own.covered, 0.93 - 3 * own.error);
            EXPECT_LE(own.covered, 0.97 + 3 * own.error);
        }
        EXPECT_LE(found[0].median(all), 2.0);
        std::printf("[ measured ] median error of all %.2f expected gaps\n", found[0].median(all));
    }
}

TEST(Dates, OfRegularCustomers) {
    for (double const k : {0.5, 2.0, 4.0}) {
        auto const found = dates_of(32, scaled(60000, 1200), 78, k);
        double covered = 0;
        double all = 0;
        for (std::size_t i = 0; i < 2; ++i) {
            dates const& own = found[i];
            double const size = static_cast<double>(own.errors.size());
            std::printf(
                "[ measured ] k %.1f, %s: %zu alarms, median error %.2f expected gaps, the interval covers "
                "%.1f %% +- %.1f (%.1f %% before it), median width %.1f gaps\n",
                k, i == 0 ? "PARTIAL" : "LAPSED", own.errors.size(), own.median(own.errors),
                100 * own.covered, 100 * own.error, 100 * own.early, own.median(own.widths));
            covered += size * own.covered;
            all += size;
            // Which of the two was raised is not in the posterior: among either it is off by a little.
            EXPECT_GE(own.covered, 0.91 - 3 * own.error);
            EXPECT_LE(own.covered, 0.98 + 3 * own.error);
        }
        covered /= all;
        double const error = std::sqrt(covered * (1 - covered) / all);
        std::printf("[ measured ] k %.1f, all: the interval covers %.1f %% +- %.1f\n", k, 100 * covered,
                    100 * error);
        EXPECT_GE(covered, 0.93 - 3 * error);
        EXPECT_LE(covered, 0.97 + 3 * error);
    }
}

// The posterior by the definition: customers of all rates and changes are simulated, and those kept whose visits are the
// ones seen.
TEST(Dates, AreThoseOfCustomersWithTheSameVisits) {
    // One visit in 20 days, then two on days 21 and 23, then 12 days of silence, in the third week of the watch.
    std::vector<std::int32_t> const seen{0, 21, 23};
    std::int32_t const from = 10;
    std::int32_t const date = 35;
    for (double const k : {1.0, 2.0}) {
        hazard_clock const clock{2, 14 / k, k};
        std::vector<double> weights(static_cast<std::size_t>(date - from) + 1);
        constexpr std::array<double, 6> fractions{0, 0.1, 0.3, 0.5, 0.7, 0.9};
        random_stream random(12, 3, 4);
        for (std::size_t i = 0; i < scaled(40'000'000, 400'000); ++i) {
            double const rate = random.gamma(clock.r) / clock.alpha;
            std::int32_t const change = from + static_cast<std::int32_t>(26 * random.uniform());
            double const fraction =
                random.uniform() < 0.5 ? 0 : fractions[1 + static_cast<std::size_t>(5 * random.uniform())];
            // How likely visits in these places are: every k-th event of a Poisson process that falls to the fraction.
            auto const passed = [&](std::int32_t begin, std::int32_t end) {
                return rate * (std::clamp(change, begin, end) - begin +
                               fraction * (end - std::clamp(change, begin, end)));
            };
            double likelihood = 1;
            for (std::size_t j = 1; j < seen.size(); ++j) {
                double const gap = passed(seen[j - 1], seen[j]);
                likelihood *=
                    (seen[j] >= change ? rate * fraction : rate) * (k == 2 ? gap : 1) * std::exp(-gap);
            }
            double const silence = passed(seen.back(), date);
            weights[static_cast<std::size_t>(change - from)] +=
                likelihood * std::exp(-silence) * (k == 2 ? 1 + silence : 1);
        }
        double total = 0;
        for (double const weight : weights)
            total += weight;
        auto const found = date_change(clock_tables(clock, std::array{0.0}, 7), {}, 2, 23, seen, from, date);
        auto below = [&](std::int32_t day) {
            double sum = 0;
            for (std::int32_t d = from; d < day; ++d)
                sum += weights[static_cast<std::size_t>(d - from)];
            return sum / total;
        };
        double const error = test::verify() < 1 ? 0.01 : 0.001;
        EXPECT_LE(below(found.low), 0.025 + error) << k;
        EXPECT_GE(below(found.low + 1), 0.025 - error) << k;
        EXPECT_LE(below(found.high), 0.975 + error) << k;
        EXPECT_GE(below(found.high + 1), 0.975 - error) << k;
        std::printf("[ measured ] k %.0f: days %d to %d\n", k, found.low, found.high);
    }
}

}  // namespace
}  // namespace clavis::defection

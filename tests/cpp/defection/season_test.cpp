// The season's index, and what the monitor promises on clocks that are learned whole: regularity, rates and season.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/defection/monitor.hpp"
#include "clavis/defection/operational_time.hpp"
#include "defection/population.hpp"

namespace clavis::defection {
namespace {

using test::customer;
using test::world;

sys_days on(std::int32_t day) {
    return sys_days{std::chrono::days{day}};
}

/// An index of one plus `amplitude` times the sine of the year, `days` long.
std::vector<double> yearly(double amplitude, int days) {
    std::vector<double> index;
    for (int day = 0; day < days; ++day)
        index.push_back(1 + amplitude * std::sin(2 * 3.14159265358979323846 * day / 365.25));
    return index;
}

/// Customers who live by a time: simulated on it and read off in calendar days.
std::vector<customer> living_by(operational_time const& time, world const& w, std::size_t size,
                                std::uint64_t seed) {
    std::vector<customer> customers;
    for (std::size_t i = 0; i < size; ++i) {
        customer one = test::simulate(w, seed, i);
        std::int32_t day = 0;
        for (double& visit : one.visits) {
            while (time.at(day + 1) <= visit)
                ++day;
            visit = day + (visit - time.at(day)) / time.between(day, day + 1);
        }
        customers.push_back(std::move(one));
    }
    return customers;
}

TEST(OperationalTime, AddsItsIndexUp) {
    operational_time const time(on(100), {0.5, 2, 1.5});
    EXPECT_EQ(time.at(90), 90);
    EXPECT_EQ(time.at(100), 100);
    EXPECT_EQ(time.at(101), 100.5);
    EXPECT_EQ(time.at(103), 104);
    EXPECT_EQ(time.at(110), 111);
    EXPECT_EQ(time.between(99, 102), 3.5);
    EXPECT_EQ(time.index(), (std::vector<double>{0.5, 2, 1.5}));
    EXPECT_TRUE(operational_time().is_calendar());
    EXPECT_EQ(operational_time().between(-5, 7), 12);
    EXPECT_THROW(operational_time(on(0), {1, 0}), input_error);
    EXPECT_THROW(operational_time(on(0), {std::nan("")}), input_error);
}

TEST(OperationalTime, SeasonsAreLearnedFromThoseWhoCertainlyWereCustomers) {
    // Half the customers leave, which alone would look like a fall.
    operational_time const truth(on(0), yearly(0.5, 3000));
    auto const customers =
        living_by(truth, {.baseline = 156, .watched = 1, .dropout_a = 0.8, .dropout_b = 12}, 4000, 401);
    learned_index const found = learn_index(test::to_history(customers), on(1092));
    ASSERT_FALSE(found.time.is_calendar());
    EXPECT_NEAR(found.variation, 0.5 / std::sqrt(2.0), 0.04);
    // The level of the whole is free: compared are parts of the operational year, and the same year ahead.
    for (int year = 0; year < 4; ++year)
        for (int quarter = 0; quarter < 4; ++quarter) {
            auto const begin = static_cast<std::int32_t>(365.25 * year + 91.3 * quarter);
            auto const year_begin = static_cast<std::int32_t>(365.25 * year);
            auto part = [&](operational_time const& time) {
                return time.between(begin, begin + 91) / time.between(year_begin, year_begin + 365);
            };
            EXPECT_NEAR(part(found.time), part(truth), 0.012) << year << ' ' << quarter;
        }
}

TEST(OperationalTime, ChanceIsNotASeason) {
    auto const customers =
        living_by({}, {.baseline = 104, .watched = 1, .dropout_a = 0.8, .dropout_b = 12}, 1500, 402);
    EXPECT_TRUE(learn_index(test::to_history(customers), on(728)).time.is_calendar());
    // Nor is a season known from one year.
    operational_time const truth(on(0), yearly(0.5, 1000));
    auto const seasonal = living_by(truth, {.baseline = 52, .watched = 1}, 1500, 403);
    EXPECT_TRUE(learn_index(test::to_history(seasonal), on(364)).time.is_calendar());
    EXPECT_TRUE(learn_index({}, on(364)).time.is_calendar());
}

/// Part of the customers still there whom the monitor alarms over in its first year.
double first_year_alarms(std::vector<customer> const& customers, baseline const& known) {
    monitor watch(known);
    auto const found = watch.update(test::to_history(customers), known.until + std::chrono::days{365});
    std::vector<bool> alarmed(customers.size());
    for (auto const& one : found)
        alarmed[static_cast<std::size_t>(found.customer_id.integers()[one.row])] = true;
    double there = 0;
    double alarms = 0;
    for (std::size_t i = 0; i < customers.size(); ++i) {
        if (customers[i].left) continue;
        ++there;
        alarms += alarmed[i];
    }
    return alarms / there;
}

TEST(LearnedClock, SeasonsOfHalfUpAndDownStayWithinTwelvePercent) {
    std::size_t const size = test::scaled(40000, 1500);
    operational_time const truth(on(0), yearly(0.5, 3000));
    for (double const k : {1.0, 2.0}) {
        auto const customers = living_by(
            truth, {.baseline = 104, .watched = 60, .k = k, .dropout_a = 0.8, .dropout_b = 12}, size, 404);
        auto const records = test::to_history(customers);
        double const learned = first_year_alarms(customers, learn_baseline(records, on(728)));
        clock_knowledge calendar;
        calendar.time = operational_time{};
        double const blind = first_year_alarms(customers, learn_baseline(records, on(728), calendar));
        clock_knowledge given;
        given.time = truth;
        double const told = first_year_alarms(customers, learn_baseline(records, on(728), given));
        double const error = std::sqrt(0.1 * 0.9 / static_cast<double>(size) * 2);
        std::printf(
            "[ measured ] season of 50 %%, k %.0f: %.2f %% alarm with the index learned, %.2f %% with it "
            "given, "
            "%.2f %% on the calendar\n",
            k, 100 * learned, 100 * told, 100 * blind);
        EXPECT_LE(learned, 0.12 + 3 * error);
        EXPECT_LE(told, 0.10 + 3 * error);
        EXPECT_LT(learned, blind);
    }
}

TEST(LearnedClock, FalseAlarmsStayWithinTheBoundForEveryRegularity) {
    // Whole days, half of the customers gone before, and everything learned.
    std::size_t const size = test::scaled(30000, 1000);
    for (auto const& [r, alpha] : {std::pair{0.55, 10.58}, {2.0, 2.0}, {5.0, 1.0}})
        for (double const k : {0.5, 1.0, 2.0, 4.0}) {
            std::vector<customer> customers;
            for (std::size_t i = 0; i < size; ++i)
                customers.push_back(test::simulate(
                    {.r = r, .alpha = alpha, .watched = 54, .k = k, .dropout_a = 0.8, .dropout_b = 12}, 405,
                    i));
            baseline const known = learn_baseline(test::to_history(customers), on(364));
            double const alarms = first_year_alarms(customers, known);
            std::printf("[ measured ] r %.2f, k %.1f: learned k %.3f; %.2f %% alarm; long silences %.2f\n", r,
                        k, known.clock.k, 100 * alarms, known.long_silence_excess);
            EXPECT_LE(alarms, 0.10 + 3 * std::sqrt(0.1 * 0.9 / static_cast<double>(size) * 2))
                << r << ' ' << k;
            EXPECT_NEAR(known.clock.k / k, 1, 0.25) << r << ' ' << k;
        }
}

}  // namespace
}  // namespace clavis::defection

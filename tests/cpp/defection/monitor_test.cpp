#include "clavis/defection/monitor.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/defection/detectors.hpp"
#include "defection/population.hpp"

namespace clavis::defection {
namespace {

using namespace std::chrono_literals;
using test::customer;
using test::fate;
using test::simulate;
using test::to_history;
using test::world;

constexpr std::int32_t origin = 10000;
constexpr sys_days start{std::chrono::days{origin + 364}};

sys_days on(std::int32_t day) {
    return sys_days{std::chrono::days{day}};
}

/// A history of given days, one vector a customer, ids ascending from 1.
ledger::history days_of(std::vector<std::vector<std::int32_t>> const& days) {
    ledger::history result;
    std::vector<std::int64_t> ids;
    for (auto const& own : days) {
        ids.push_back(static_cast<std::int64_t>(ids.size() + 1));
        for (std::int32_t const day : own) {
            result.day.push_back(day);
            result.sales.push_back(100);
            result.returns.push_back(0);
            result.orders.push_back(1);
        }
        result.offsets.push_back(static_cast<std::int64_t>(result.day.size()));
    }
    result.customer_id = std::move(ids);
    return result;
}

std::vector<std::int32_t> every(std::int32_t step, std::int32_t from, std::int32_t to) {
    std::vector<std::int32_t> days;
    for (std::int32_t day = from; day < to; day += step)
        days.push_back(day);
    return days;
}

std::vector<std::int32_t> operator+(std::vector<std::int32_t> a, std::vector<std::int32_t> const& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

hazard_clock const weekly{2, 14};

monitor watch_over(ledger::history const& records, monitor_options options = {}) {
    return monitor(learn_baseline(records, start, weekly), std::move(options));
}

TEST(Baseline, CountsDistinctDaysOfPurchaseBeforeTheWatch) {
    std::int32_t const first_watched = origin + 364;
    auto records = days_of({{origin, origin + 10, origin + 30, first_watched},
                            {first_watched + 3},
                            {first_watched - 1},
                            {origin + 5, origin + 6}});
    records.orders[2] = 0;  // day 30 of customer 1: a return
    records.returns[2] = 50;
    auto const found = learn_baseline(records, start, weekly);
    EXPECT_EQ(found.customer_id.integers(), (std::vector<std::int64_t>{1, 3, 4}));
    EXPECT_EQ(found.visits, (std::vector<std::int32_t>{1, 0, 1}));
    EXPECT_EQ(found.gap_days, (std::vector<std::int32_t>{10, 0, 1}));
    EXPECT_EQ(found.last_day, (std::vector<std::int32_t>{origin + 10, first_watched - 1, origin + 6}));
    EXPECT_EQ(found.return_days, 1);
    EXPECT_EQ(found.visits_after, 2);
    EXPECT_EQ(found.customers_without_visit, 1);
    EXPECT_FALSE(found.fit);
    EXPECT_EQ(found.clock, weekly);
}

TEST(Baseline, SaysWhatIsMissing) {
    EXPECT_THROW(learn_baseline(days_of({{origin + 400}}), start, weekly), input_error);
    EXPECT_THROW(learn_baseline({}, start), input_error);
    EXPECT_THROW(learn_baseline(days_of({{origin}, {origin + 3}}), start), input_error);
    EXPECT_THROW(learn_baseline(days_of({{origin}}), start, hazard_clock{-1, 2}), input_error);
    auto broken = days_of({{origin}});
    broken.orders.clear();
    EXPECT_THROW(learn_baseline(broken, start, weekly), input_error);
}

TEST(Baseline, LearnsThePriorDespiteThoseWhoLeft) {
    world const w{.r = 2, .alpha = 4, .watched = 0, .dropout_a = 0.6, .dropout_b = 6};
    std::vector<customer> customers;
    for (std::size_t i = 0; i < 8000; ++i)
        customers.push_back(simulate(w, 21, i));
    auto const found = learn_baseline(to_history(customers, origin), start);
    ASSERT_TRUE(found.fit);
    EXPECT_TRUE(found.fit->converged) << found.fit->status;
    // Whole days make gaps a little longer, no more.
    EXPECT_NEAR(found.clock.r, 2, 0.25);
    EXPECT_NEAR(found.clock.alpha / found.clock.r, 14, 1.5);
}

TEST(Baseline, WhereNobodyLeavesTheRatesAreThoseOfCustomersWhoStay) {
    std::vector<customer> customers;
    for (std::size_t i = 0; i < 4000; ++i)
        customers.push_back(simulate({.r = 2, .alpha = 12, .watched = 0}, 23, i));
    auto const found = learn_baseline(to_history(customers, origin), start);
    EXPECT_NEAR(found.clock.r, 2, 0.25);
    EXPECT_NEAR(found.clock.alpha / found.clock.r, 42, 3);
    EXPECT_TRUE(found.fit->converged) << found.fit->status;
    EXPECT_TRUE(found.warnings.empty()) << found.warnings[0];
}

TEST(Baseline, WarnsWhereLongSilencesEndTooOften) {
    auto learned = [](test::gaps spread) {
        std::vector<customer> customers;
        for (std::size_t i = 0; i < 4000; ++i)
            customers.push_back(simulate(
                {.r = 4, .alpha = 20, .watched = 0, .spread = spread, .dropout_a = 1, .dropout_b = 9}, 22,
                i));
        return learn_baseline(to_history(customers, origin), start, hazard_clock{4, 140});
    };
    auto const exponential = learned(test::gaps::exponential);
    EXPECT_LT(exponential.long_silence_excess, 1.1);
    EXPECT_GT(exponential.long_silence_excess, 0.3);
    EXPECT_TRUE(exponential.warnings.empty());
    auto const bursts = learned(test::gaps::bursts);
    EXPECT_GT(bursts.long_silence_excess, 2);
    ASSERT_EQ(bursts.warnings.size(), 1U);
    EXPECT_NE(bursts.warnings[0].find("false alarms will exceed the budget"), std::string::npos);
    EXPECT_TRUE(std::isnan(learn_baseline(days_of({{origin}}), start, weekly).long_silence_excess));
}

TEST(MonitorOptions, Refused) {
    auto const records = days_of({every(7, origin, origin + 364)});
    EXPECT_THROW(watch_over(records, {.retained = {}}), input_error);
    EXPECT_THROW(watch_over(records, {.retained = {1.0}}), input_error);
    EXPECT_THROW(watch_over(records, {.retained = {0.5, 0.5}}), input_error);
    EXPECT_THROW(watch_over(records, {.retained = {std::nan("")}}), input_error);
    EXPECT_THROW(watch_over(records, {.false_alarms_per_year = 0}), input_error);
    EXPECT_THROW(watch_over(records, {.false_alarms_per_year = 1.1}), input_error);
}

TEST(Monitor, AFullStopLapsesSinceTheLastVisit) {
    // A visit a week for a year, then silence from the watch's 8th week on.
    auto const records = days_of({every(7, origin, origin + 364 + 56)});
    auto watch = watch_over(records);
    EXPECT_EQ(watch.watched_until(), start - 24h);
    auto const found = watch.update(records, on(origin + 364 + 200));
    ASSERT_EQ(found.size(), 1U);
    alert const& one = found.rows[0];
    std::int32_t const last = origin + 364 + 49;
    EXPECT_EQ(one.state, state::LAPSED);
    EXPECT_EQ(one.since, on(last));
    EXPECT_EQ(one.visits, 0);
    EXPECT_EQ(one.retained_ratio, 0);
    EXPECT_GE(one.statistic, watch.limit());
    EXPECT_EQ(found.customer_id.label(one.row), "1");
    EXPECT_EQ(found.received.visits_used, 8);
    EXPECT_EQ(found.received.visits_late, 52);

    // The crossing itself, by the statistic's definition with ordinary sums: a Riemann sum over the silence.
    double const shape = 2 + 59;
    double const scale = 14 + 59 * 7;
    double stop = 0;
    double half = 0;
    double const step = 1e-3;
    // The half's statistic before the silence comes from the same recursion over the eight visits.
    double half_shape = 2 + 51;
    double half_scale = 14 + 51 * 7 + 7;
    for (int visit = 0; visit < 8; ++visit) {
        double const from = visit == 0 ? 0.0 : 7.0;
        for (double s = step / 2; visit > 0 && s < from; s += step)
            half += step * (1.0 / 7 + 0.5 * half * half_shape / (half_scale + s));
        half *= 0.5;
        half_shape += 1;
        if (visit > 0) half_scale += 7;
    }
    ASSERT_NEAR(half_scale, scale, 1e-9);
    double crossing = 0;
    while ((stop + half) / 2 < watch.limit()) {
        stop += step * (1.0 / 7 + stop * shape / (scale + crossing + step / 2));
        half += step * (1.0 / 7 + 0.5 * half * shape / (scale + crossing + step / 2));
        crossing += step;
    }
    EXPECT_EQ((one.raised - on(last)).count(), std::lround(std::ceil(crossing))) << crossing;

    auto const table = watch.states();
    EXPECT_EQ(table.state[0], state::LAPSED);
    EXPECT_EQ(table.since[0], last);
    EXPECT_EQ(table.retained_ratio[0], 0);
    EXPECT_LT(table.overdue_p[0], 1e-6);
}

TEST(Monitor, TheSentenceSaysExpectedHappenedAndHowOftenFalse) {
    auto const records = days_of({every(7, origin, origin + 364)});
    auto watch = watch_over(records);
    auto const found = watch.update(records, on(origin + 600));
    ASSERT_EQ(found.size(), 1U);
    std::string const text = found.sentence(0);
    for (char const* part :
         {"Customer 1: ", " visits were expected since the last on 1998-05-", "(one every ", "none came in ",
          "with probability ", "At most 10 % of unchanged customers"})
        EXPECT_NE(text.find(part), std::string::npos) << text << " | " << part;
}

TEST(Monitor, AHalvedRateIsPartialAndDatedNearTheChange) {
    // Three days apart for a year, then twelve days apart: never silent long, yet far below the rate.
    std::int32_t const change = origin + 364 + 60;
    auto const records = days_of({every(3, origin, change) + every(12, change, origin + 364 + 365)});
    auto watch = watch_over(records);
    auto const found = watch.update(records, on(origin + 364 + 364));
    ASSERT_EQ(found.size(), 1U);
    alert const& one = found.rows[0];
    EXPECT_EQ(one.state, state::PARTIAL);
    EXPECT_LE(std::abs((one.since - on(change)).count()), 12);
    EXPECT_NEAR(one.retained_ratio, 0.25, 0.1);
    EXPECT_NEAR(one.usual_gap, 3, 0.3);
    EXPECT_NE(found.sentence(0).find("% of the former rate"), std::string::npos);
    // The clock does not come to take the lower rate for the normal one.
    auto const table = watch.states();
    EXPECT_EQ(table.state[0], state::PARTIAL);
    EXPECT_EQ(table.since[0], (one.since - on(0)).count());
    EXPECT_NEAR(table.retained_ratio[0], 0.25, 0.05);
}

TEST(Monitor, PartialTurnsIntoLapsedWhenTheCustomerStops) {
    std::int32_t const change = origin + 364;
    auto const records = days_of({every(3, origin, change) + every(12, change, change + 240)});
    auto watch = watch_over(records);
    auto const found = watch.update(records, on(change + 500));
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found.rows[0].state, state::PARTIAL);
    EXPECT_EQ(found.rows[1].state, state::LAPSED);
    EXPECT_EQ(found.rows[1].since, on(change + 228));
    EXPECT_EQ(watch.states().state[0], state::LAPSED);
}

TEST(Monitor, RecoversAndSettles) {
    std::int32_t const back = origin + 700;
    auto const records = days_of({every(7, origin, origin + 364) + every(7, back, back + 100)});
    auto watch = watch_over(records);
    EXPECT_EQ(watch.update(records, on(back - 1)).size(), 1U);
    EXPECT_EQ(watch.states().state[0], state::LAPSED);
    EXPECT_EQ(watch.update(records, on(back)).size(), 0U);
    EXPECT_EQ(watch.states().state[0], state::RECOVERED);
    EXPECT_EQ(watch.states().statistic[0], 0);
    // What was known before the gap still stands: fifty-one gaps of seven days.
    EXPECT_EQ(watch.states().repeat_visits[0], 51);
    watch.update(records, on(back + 14));
    EXPECT_EQ(watch.states().state[0], state::RECOVERED);
    watch.update(records, on(back + 21));
    EXPECT_EQ(watch.states().state[0], state::ACTIVE);
    // And the stop after that is found again.
    EXPECT_EQ(watch.update(records, on(back + 300)).size(), 1U);
}

TEST(Monitor, PartialRecoversWhenTheRateReturns) {
    std::int32_t const change = origin + 364;
    auto const records = days_of(
        {every(3, origin, change) + every(12, change, change + 240) + every(3, change + 240, change + 500)});
    auto watch = watch_over(records);
    watch.update(records, on(change + 239));
    EXPECT_EQ(watch.states().state[0], state::PARTIAL);
    watch.update(records, on(change + 499));
    EXPECT_TRUE(watch.states().state[0] == state::RECOVERED || watch.states().state[0] == state::ACTIVE);
    EXPECT_GT(watch.states().repeat_visits[0], 121);
}

TEST(Monitor, OneTimeBuyersAreNewAndJudgedByThePopulation) {
    auto const records = days_of({{origin + 300}, every(7, origin, origin + 364)});
    auto watch = watch_over(records);
    auto const table = watch.states(start);
    EXPECT_EQ(table.state[0], state::NEW);
    EXPECT_EQ(table.state[1], state::ACTIVE);
    EXPECT_DOUBLE_EQ(table.overdue_p[0], weekly.overdue_p(0, 0, 64));
    EXPECT_EQ(table.repeat_visits[0], 0);
    EXPECT_EQ(table.since[0], missing_day);
    EXPECT_TRUE(std::isnan(table.retained_ratio[0]));
}

TEST(Monitor, LongGoneWhenTheWatchBeginsIsWatchNotAlarm) {
    auto const records = days_of({every(7, origin, origin + 200)});
    auto watch = watch_over(records);
    auto const table = watch.states(start);
    EXPECT_EQ(table.state[0], state::WATCH);
    EXPECT_EQ(table.since[0], origin + 196);
    EXPECT_LT(table.overdue_p[0], 0.01);
    EXPECT_EQ(table.statistic[0], 0);
    EXPECT_EQ(table.false_alarm_bound[0], 1);
}

TEST(Monitor, WatchComesBeforeTheAlarm) {
    auto const records = days_of({every(7, origin, origin + 364)});
    auto watch = watch_over(records);
    bool warned = false;
    for (std::int32_t day = origin + 364; day < origin + 600; ++day) {
        auto const table = watch.states(on(day));
        if (table.state[0] == state::LAPSED) break;
        bool const high = table.statistic[0] >= watch.limit() / 5;
        EXPECT_EQ(table.state[0], high ? state::WATCH : state::ACTIVE) << day;
        if (high) {
            EXPECT_EQ(table.since[0], origin + 357);
        }
        warned = warned || high;
        if (table.statistic[0] > 0) {
            double const bound = (day - origin - 364) / (7 * table.statistic[0]);
            EXPECT_DOUBLE_EQ(table.false_alarm_bound[0], std::min(1.0, bound));
        }
    }
    EXPECT_TRUE(warned);
}

TEST(Monitor, StatesDoNotChangeTheMonitor) {
    auto const records = days_of({every(7, origin, origin + 364)});
    auto watch = watch_over(records);
    EXPECT_EQ(watch.states(on(origin + 700)).state[0], state::LAPSED);
    EXPECT_EQ(watch.states(start).state[0], state::ACTIVE);
    EXPECT_EQ(watch.update(records, on(origin + 700)).size(), 1U);
    EXPECT_THROW(watch.states(on(origin + 699)), input_error);
}

TEST(Monitor, LateEarlyAndDuplicatedRecordsAreCountedAndNotUsed) {
    std::int32_t const w = origin + 364;
    auto watch = watch_over(days_of({every(7, origin, w)}));
    auto const batch = days_of({{w - 7, w, w + 7, w + 14}});
    auto first = watch.update(batch, on(w + 7));
    EXPECT_EQ(first.received, (intake{.visits_used = 2, .visits_late = 1, .visits_early = 1}));
    auto const before = watch.states();
    auto again = watch.update(batch, on(w + 7));
    EXPECT_EQ(again.received, (intake{.visits_late = 3, .visits_early = 1}));
    EXPECT_EQ(watch.states().statistic, before.statistic);
    EXPECT_EQ(watch.received().visits_late, 4);
    EXPECT_THROW(watch.update(batch, on(w + 6)), input_error);

    auto returned = days_of({{w + 10}});
    returned.orders[0] = 0;
    auto const none = watch.update(returned, on(w + 20));
    EXPECT_EQ(none.received, (intake{.return_days = 1}));
    EXPECT_EQ(watch.states().last_visit[0], w + 7);
}

TEST(Monitor, StrangersJoinWithTheirFirstVisit) {
    std::int32_t const w = origin + 364;
    auto records = days_of({{}, every(7, origin, w)});
    records.customer_id = std::vector<std::int64_t>{5, 20};
    auto watch = watch_over(records);
    EXPECT_EQ(watch.size(), 1U);
    auto batch = days_of({{w + 2}, {w - 3}, every(5, w + 1, w + 60), {w + 99}});
    batch.customer_id = std::vector<std::int64_t>{5, 7, 30, 40};
    auto const found = watch.update(batch, on(w + 60));
    EXPECT_EQ(found.received,
              (intake{.visits_used = 13, .visits_late = 1, .visits_early = 1, .customers_joined = 2}));
    auto const table = watch.states();
    EXPECT_EQ(table.customer_id.integers(), (std::vector<std::int64_t>{5, 20, 30}));
    EXPECT_EQ(table.state[0], state::NEW);
    EXPECT_EQ(table.state[2], state::ACTIVE);
    EXPECT_EQ(table.repeat_visits, (std::vector<std::int32_t>{0, 51, 11}));
    // The watch of a stranger starts at the first visit.
    EXPECT_NEAR(std::log(table.statistic[0]),
                log_add(shiryaev_roberts_after(-INFINITY, 0, 2, 14, 58, 7),
                        shiryaev_roberts_after(-INFINITY, 0.5, 2, 14, 58, 7)) -
                    std::log(2.0),
                1e-9);
}

TEST(Monitor, TextIdsWorkAndDoNotMixWithIntegers) {
    std::int32_t const w = origin + 364;
    auto named = [](ledger::history records, std::vector<std::string> const& names) {
        text_column text;
        for (auto const& name : names)
            text.push_back(name);
        records.customer_id = text;
        return records;
    };
    auto watch = watch_over(named(days_of({every(7, origin, w), {origin + 9}}), {"anna", "cleo"}));
    watch.update(named(days_of({{w + 1}, {w + 2}}), {"anna", "bert"}), on(w + 5));
    auto const table = watch.states();
    ASSERT_EQ(table.size(), 3U);
    EXPECT_EQ(table.customer_id.label(1), "bert");
    EXPECT_EQ(table.last_visit, (std::vector<std::int32_t>{w + 1, w + 2, origin + 9}));
    EXPECT_THROW(watch.update(days_of({{w + 8}}), on(w + 9)), input_error);
}

struct outcome {
    std::vector<std::string> sentences;
    states_table table;
};

outcome run(std::vector<customer> const& customers, std::vector<std::int32_t> const& looks,
            unsigned threads) {
    auto const records = to_history(customers, origin);
    auto watch = watch_over(records);
    outcome result;
    for (std::int32_t const look : looks) {
        auto const found = watch.update(records, on(look), threads);
        for (std::size_t i = 0; i < found.size(); ++i)
            result.sentences.push_back(clavis::to_string(found.rows[i].raised) + found.sentence(i));
    }
    result.table = watch.states(watch.watched_until(), threads);
    return result;
}

TEST(Monitor, CuttingIntoBatchesAndThreadsChangesNothing) {
    std::vector<customer> customers;
    for (std::size_t i = 0; i < 1200; ++i)
        customers.push_back(simulate({}, 31, i,
                                     i % 3 == 0   ? fate{}
                                     : i % 3 == 1 ? fate{400.0 + static_cast<double>(i % 150), 0.5}
                                                  : fate{400.0 + static_cast<double>(i % 150), 0}));
    std::int32_t const w = origin + 364;
    auto const whole = run(customers, {w + 700}, 1);
    auto const threaded = run(customers, {w + 700}, 3);
    std::vector<std::int32_t> every_day(701);
    std::iota(every_day.begin(), every_day.end(), w);
    auto const daily = run(customers, every_day, 1);
    auto const sometimes = run(customers, {w + 13, w + 13, w + 150, w + 151, w + 555, w + 700}, 2);
    EXPECT_GT(whole.sentences.size(), 500U);
    for (auto const* other : {&threaded, &daily, &sometimes}) {
        EXPECT_EQ(whole.sentences, other->sentences);
        EXPECT_EQ(whole.table.state, other->table.state);
        EXPECT_EQ(whole.table.statistic, other->table.statistic);
        EXPECT_EQ(whole.table.since, other->table.since);
    }
}

TEST(Monitor, VisitsByRowsAreTakenInAnyOrder) {
    std::vector<customer> customers;
    for (std::size_t i = 0; i < 300; ++i)
        customers.push_back(simulate({}, 37, i, i % 2 == 0 ? fate{} : fate{450, 0.4}));
    auto const records = to_history(customers, origin);
    auto by_ids = watch_over(records);
    auto by_rows = watch_over(records);
    std::vector<std::pair<std::int32_t, std::int32_t>> visits;
    for (std::size_t row = 0; row < records.size(); ++row)
        for (auto k = static_cast<std::size_t>(records.offsets[row]);
             k < static_cast<std::size_t>(records.offsets[row + 1]); ++k)
            visits.emplace_back(static_cast<std::int32_t>(row), records.day[k]);
    std::shuffle(visits.begin(), visits.end(), std::mt19937(3));
    std::vector<std::int32_t> rows;
    std::vector<std::int32_t> days;
    for (auto const& [row, day] : visits) {
        rows.push_back(row);
        days.push_back(day);
    }
    sys_days const until = on(origin + 364 + 500);
    auto const expected = by_ids.update(records, until);
    auto const found = by_rows.update(rows, days, until);
    EXPECT_GT(found.size(), 50U);
    ASSERT_EQ(expected.size(), found.size());
    for (std::size_t i = 0; i < found.size(); ++i)
        EXPECT_EQ(expected.sentence(i), found.sentence(i));
    EXPECT_EQ(by_ids.to_bytes(), by_rows.to_bytes());
    days.pop_back();
    EXPECT_THROW(by_rows.update(rows, days, until), input_error);
    days.push_back(0);
    rows.back() = 300;
    EXPECT_THROW(by_rows.update(rows, days, until), input_error);
    rows.back() = 0;
    EXPECT_THROW(by_rows.update(rows, days, until - std::chrono::days{1}), input_error);
}

TEST(Monitor, AStopLeavesItAsItWas) {
    auto const records = days_of({every(7, origin, origin + 500)});
    auto watch = watch_over(records);
    auto const before = watch.states(on(origin + 400)).statistic;
    progress const stop([](std::string_view, double) { return false; });
    EXPECT_THROW(watch.update(records, on(origin + 450), 1, stop), cancelled);
    EXPECT_EQ(watch.watched_until(), start - 24h);
    EXPECT_EQ(watch.states(on(origin + 400)).statistic, before);
    EXPECT_EQ(watch.received(), intake{});
}

TEST(Monitor, OneFractionAlone) {
    auto const records = days_of({every(7, origin, origin + 364)});
    auto stop_only = watch_over(records, {.retained = {0.0}});
    auto const stopped = stop_only.update(records, on(origin + 700));
    ASSERT_EQ(stopped.size(), 1U);
    EXPECT_EQ(stopped.rows[0].state, state::LAPSED);
    auto half_only = watch_over(records, {.retained = {0.5}});
    auto const halved = half_only.update(records, on(origin + 700));
    ASSERT_EQ(halved.size(), 1U);
    EXPECT_EQ(halved.rows[0].state, state::PARTIAL);
    EXPECT_GT(halved.rows[0].raised, stopped.rows[0].raised);
}

}  // namespace
}  // namespace clavis::defection

// The rules of summarize.hpp, one example each, small enough to check by hand.

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <initializer_list>
#include <string>

#include "clavis/core/time_text.hpp"
#include "clavis/ledger/summarize.hpp"

namespace {

using namespace clavis;
using namespace clavis::ledger;
using namespace std::chrono_literals;

struct entry {
    std::int64_t customer;
    std::string_view time;
    std::int64_t cents;
    std::string_view order{};
    std::string_view kind{};
};

class log {
  public:
    log(std::initializer_list<entry> lines) {
        for (auto const& line : lines) {
            ids_.push_back(line.customer);
            times_.push_back(line.time);
            cents_.push_back(line.cents);
            orders_.push_back(line.order);
            kinds_.push_back(line.kind);
        }
    }
    transactions_view view(bool orders = false, bool kinds = false) const {
        transactions_view rows(std::span<std::int64_t const>(ids_), times_.view(),
                               column_view::minor_units(cents_));
        if (orders) rows.order_id = orders_.view();
        if (kinds) rows.kind = kinds_.view();
        return rows;
    }

  private:
    std::vector<std::int64_t> ids_, cents_;
    text_column times_, orders_, kinds_;
};

TEST(SummarizeRules, AReturnCountsAgainstTheLatestPurchaseBeforeIt) {
    log const lines{{1, "2024-01-01", 1000}, {1, "2024-01-05", -400},  // from the first purchase
                    {1, "2024-01-08", 2000}, {1, "2024-01-10", -500},  // from the first repeat
                    {1, "2024-01-15", 3000}, {1, "2024-01-29", -100}};
    summary const s = summarize(lines.view());
    EXPECT_EQ(s.frequency[0], 2);
    EXPECT_EQ(s.recency[0], 2);
    EXPECT_EQ(s.T[0], 4);  // the last day seen is that of a return
    EXPECT_EQ(s.monetary_value[0], (2000 - 500 + 3000 - 100) / 2 / 100.0);
    EXPECT_EQ(s.net_amount[0], 50);
    EXPECT_EQ(s.returns_amount[0], 10);
    EXPECT_EQ(s.lines[0], 6);
    EXPECT_EQ(s.orders[0], 3);
    EXPECT_DOUBLE_EQ(s.log_gap_sum[0], 0);  // gaps of one week
    EXPECT_EQ(summarize(lines.view(), {.include_first = true}).monetary_value[0], 50 / 3.0);
    summary const ignored = summarize(lines.view(), {.returns = returns_policy::ignore});
    EXPECT_EQ(ignored.monetary_value[0], 25);
    EXPECT_EQ(ignored.net_amount[0], 60);
    EXPECT_EQ(ignored.returns_amount[0], 10);
}

TEST(SummarizeRules, APurchaseTakenBackWithinItsPeriodIsNone) {
    log const lines{{1, "2024-01-01", 1000},
                    {1, "2024-01-08 09:00", 2000},
                    {1, "2024-01-08 17:00", -2000},
                    {1, "2024-01-22", 500}};
    summary const days = summarize(lines.view());
    EXPECT_EQ(days.frequency[0], 1);
    EXPECT_EQ(days.days[0], 2);
    EXPECT_EQ(days.monetary_value[0], 5);
    summary const hours = summarize(lines.view(), {.unit = day, .collapse_by = collapse::hour});
    EXPECT_EQ(hours.frequency[0], 2);
    EXPECT_EQ(hours.days[0], 2);
    EXPECT_EQ(hours.monetary_value[0], (2000 - 2000 + 500) / 2 / 100.0);
    EXPECT_EQ(summarize(lines.view(), {.returns = returns_policy::ignore}).frequency[0], 2);
    // More is taken back than was bought, and a part.
    EXPECT_EQ(summarize(log{{1, "2024-01-01", 10}, {1, "2024-01-02", 5}, {1, "2024-01-02", -6}}.view())
                  .frequency[0],
              0);
    EXPECT_EQ(summarize(log{{1, "2024-01-01", 10}, {1, "2024-01-02", 5}, {1, "2024-01-02", -4}}.view())
                  .frequency[0],
              1);
}

TEST(SummarizeRules, AFreeSaleIsAPurchase) {
    summary const s = summarize(log{{1, "2024-01-01", 0}, {1, "2024-01-08", 0}}.view());
    EXPECT_EQ(s.frequency[0], 1);
    EXPECT_EQ(s.monetary_value[0], 0);
}

TEST(SummarizeRules, ReturnsAloneKeepTheCustomer) {
    summary const s =
        summarize(log{{1, "2024-01-02", -500}, {1, "2024-01-05", -100}, {2, "2024-01-09", 100}}.view());
    ASSERT_EQ(s.size(), 2U);
    EXPECT_EQ(s.frequency[0], 0);
    EXPECT_TRUE(std::isnan(s.recency[0]));
    EXPECT_TRUE(std::isnan(s.T[0]));
    EXPECT_TRUE(std::isnan(s.monetary_value[0]));
    EXPECT_EQ(s.log_gap_sum[0], 0);
    EXPECT_EQ(s.days[0], 0);
    EXPECT_EQ(s.orders[0], 0);
    EXPECT_EQ(s.net_amount[0], -6);
    EXPECT_EQ(s.returns_amount[0], 6);
    EXPECT_EQ(s.first_time[0], parse_time("2024-01-02")->when);
    EXPECT_EQ(s.last_time[0], parse_time("2024-01-05")->when);
}

TEST(SummarizeRules, OrdersAreCountedByTheirIds) {
    log const lines{{1, "2024-01-01", 1000, "A"}, {1, "2024-01-01", 500, "A"},  {1, "2024-01-02", 700, "B"},
                    {1, "2024-01-20", -700, "B"},  // B came back as a whole, weeks later
                    {1, "2024-01-03", 900, "C"},  {1, "2024-01-04", -400, "C"}, {1, "2024-01-05", 100, ""},
                    {1, "2024-01-05", 100, ""},   {1, "2024-01-06", -50, "D"},  {2, "2024-01-06", 50, "A"}};
    summary const s = summarize(lines.view(true));
    EXPECT_EQ(s.orders, (std::vector<std::int64_t>{4, 1}));  // A, C, two without an id; A
    EXPECT_EQ(s.days, (std::vector<std::int64_t>{4, 1}));
    EXPECT_EQ(summarize(lines.view(true), {.returns = returns_policy::ignore}).orders[0], 5);
    EXPECT_EQ(summarize(lines.view(false)).orders[0], 6);  // sale lines
    history const h = collect_history(lines.view(true));
    EXPECT_EQ(h.offsets, (std::vector<std::int64_t>{0, 7, 8}));
    EXPECT_EQ(h.orders, (std::vector<std::int32_t>{1, 1, 1, 0, 2, 0, 0, 1}));
    EXPECT_EQ(h.sales[0], 15000000);
    EXPECT_EQ(h.returns[3], 4000000);
    EXPECT_EQ(h.amount_scale, 6);
}

TEST(SummarizeRules, KindsDecideWhatALineIs) {
    log const lines{{1, "2024-01-01", 1000, "", "sale"},   {1, "2024-01-02", 300, "", "return"},
                    {1, "2024-01-03", -200, "", "CANCEL"}, {1, "2024-01-08", 2000, "", ""},
                    {1, "2024-01-09", -50, "", "adjust"},  {1, "2024-01-15", 70, "", "Adjust"}};
    summary const s = summarize(lines.view(false, true));
    EXPECT_EQ(s.frequency[0], 1);
    EXPECT_EQ(s.net_amount[0], (1000 - 300 - 200 + 2000 - 50 + 70) / 100.0);
    EXPECT_EQ(s.returns_amount[0], 5);
    EXPECT_EQ(s.monetary_value[0], 20.2);
    EXPECT_EQ(s.days[0], 2);
    // A batch without kinds after one with.
    summarizer state;
    state.update(lines.view(false, true)).update(log{{1, "2024-01-22", -100}}.view());
    EXPECT_EQ(state.finish().returns_amount[0], 6);
}

TEST(SummarizeRules, CalibrationAndHoldout) {
    log const lines{{1, "2024-01-01", 100},  {1, "2024-01-10", 100}, {1, "2024-01-11", 100},
                    {1, "2024-01-12", -999}, {2, "2024-01-11", 100},  // first seen after calibration
                    {3, "2024-01-05", -50},  {3, "2024-01-20", 100},  // bought first after calibration
                    {4, "2024-01-05", -50},  {4, "2024-01-20", -50},  // never bought
                    {5, "2024-01-15", -50},                           // seen only after calibration
                    {6, "2024-01-10", 100},  {6, "2024-01-29", 0}};
    summary const s = summarize(
        lines.view(), {.unit = day, .observe_until = 2024y / 1 / 31, .calibrate_until = 2024y / 1 / 10});
    EXPECT_EQ(s.customer_id.integers(), (std::vector<std::int64_t>{1, 4, 6}));
    EXPECT_EQ(s.left_out, 3);
    EXPECT_EQ(s.frequency, (std::vector<std::int32_t>{1, 0, 0}));
    EXPECT_EQ(s.frequency_holdout, (std::vector<std::int32_t>{1, 0, 1}));
    EXPECT_EQ(s.duration_holdout, (std::vector<double>{21, 21, 21}));
    EXPECT_EQ(s.T[0], 9);
    EXPECT_EQ(s.T[2], 0);
    EXPECT_EQ(s.recency[0], 9);
    EXPECT_EQ(s.net_amount, (std::vector<double>{2, -0.5, 1}));  // until calibrate_until
    EXPECT_EQ(s.observed_until, sys_days(2024y / 1 / 10));
    EXPECT_EQ(s.holdout_until, sys_days(2024y / 1 / 31));
    // A week cut by calibrate_until (a Wednesday) is judged on either side by itself.
    summary const weeks =
        summarize(lines.view(), {.collapse_by = collapse::week, .calibrate_until = 2024y / 1 / 10});
    EXPECT_EQ(weeks.frequency[0], 1);
    EXPECT_EQ(weeks.frequency_holdout[0], 0);  // a sale and a larger return
    EXPECT_EQ(weeks.T[0], 1);
    EXPECT_EQ(weeks.duration_holdout[0], 3);  // 8 January to 29 January
}

TEST(SummarizeRules, WeeksBeginOnMondaysAndMonthsOnTheFirst) {
    log const lines{{1, "1969-12-28", 1}, {1, "1969-12-29", 1}, {1, "1970-01-04", 1},
                    {1, "1970-01-05", 1}, {1, "1970-02-28", 1}, {1, "1970-03-01", 1}};
    summary const weeks = summarize(lines.view(), {.collapse_by = collapse::week});
    EXPECT_EQ(weeks.frequency[0], 3);
    EXPECT_EQ(weeks.recency[0], 9);  // Monday 22 December to Monday 23 February
    EXPECT_EQ(weeks.days[0], 6);
    EXPECT_NEAR(weeks.log_gap_sum[0], std::log(7), 1e-15);
    summary const months = summarize(lines.view(), {.unit = day, .collapse_by = collapse::month});
    EXPECT_EQ(months.frequency[0], 3);
    EXPECT_EQ(months.recency[0], 31 + 31 + 28);
    EXPECT_EQ(months.T[0], 90);
}

TEST(SummarizeRules, InstantsCountToTheEndOfTheLastDay) {
    log const lines{{1, "2024-01-01 06:00", 1}, {1, "2024-01-01 06:00", 1}, {1, "2024-01-02 12:00", 1}};
    summary const s = summarize(lines.view(), {.unit = hour, .collapse_by = collapse::none});
    EXPECT_EQ(s.frequency[0], 1);
    EXPECT_EQ(s.recency[0], 30);
    EXPECT_EQ(s.T[0], 42);
    EXPECT_EQ(s.days[0], 2);
    EXPECT_DOUBLE_EQ(s.log_gap_sum[0], std::log(30));
    summary const hours = summarize(lines.view(), {.unit = hour, .collapse_by = collapse::hour});
    EXPECT_EQ(hours.T[0], 41);  // to 23:00
}

TEST(SummarizeRules, DaysAreLocal) {
    // 23:30 and 00:30 in New York are one day in UTC, and two days there.
    log const lines{{1, "2024-03-10T04:30:00Z", 1}, {1, "2024-03-10T05:30:00Z", 1}};
    EXPECT_EQ(summarize(lines.view()).frequency[0], 0);
    summary const there = summarize(lines.view(), {.unit = day, .time_zone = "America/New_York"});
    EXPECT_EQ(there.frequency[0], 1);
    EXPECT_EQ(there.recency[0], 1);
    EXPECT_EQ(there.last_day[0], 19792);  // 2024-03-10
    EXPECT_EQ(there.first_time[0], parse_time("2024-03-10T04:30Z")->when);

    // 10 March has 23 hours there, 3 November 25: a day is a day.
    log const spring{{1, "2024-03-10T05:00:00Z", 1}, {1, "2024-03-11T04:00:00Z", 1}};
    EXPECT_EQ(summarize(spring.view(), {.unit = day, .time_zone = "America/New_York"}).recency[0], 1);
    EXPECT_EQ(summarize(spring.view(),
                        {.unit = hour, .collapse_by = collapse::none, .time_zone = "America/New_York"})
                  .recency[0],
              23);
    EXPECT_EQ(summarize(spring.view(),
                        {.unit = hour, .collapse_by = collapse::none, .time_zone = "America/New_York"})
                  .T[0],
              23 + 24);
    // 05:30Z and 06:30Z both show 01:30: two hours, one day.
    log const autumn{{1, "2024-11-03T05:30:00Z", 1}, {1, "2024-11-03T06:30:00Z", 1}};
    EXPECT_EQ(summarize(autumn.view(), {.time_zone = "America/New_York"}).frequency[0], 0);
    summary const hours = summarize(
        autumn.view(), {.unit = hour, .collapse_by = collapse::hour, .time_zone = "America/New_York"});
    EXPECT_EQ(hours.frequency[0], 1);
    EXPECT_EQ(hours.recency[0], 1);
    // In 2010 the clocks of St John's went back at 00:01: the 6th, a minute of the 7th, and the 6th once more.
    log const newfoundland{
        {1, "2010-11-07T02:00:00Z", 1}, {1, "2010-11-07T02:30:30Z", 1}, {1, "2010-11-07T03:00:00Z", 1}};
    summary const twice =
        summarize(newfoundland.view(), {.collapse_by = collapse::none, .time_zone = "America/St_Johns"});
    EXPECT_EQ(twice.frequency[0], 2);
    EXPECT_EQ(twice.days[0], 2);
    EXPECT_EQ(summarize(newfoundland.view(), {.time_zone = "America/St_Johns"}).frequency[0], 1);
    // Hours begin where clocks show them: at half past in India.
    log const india{{1, "2024-01-01T00:10:00Z", 1}, {1, "2024-01-01T00:40:00Z", 1}};
    EXPECT_EQ(
        summarize(india.view(), {.collapse_by = collapse::hour, .time_zone = "Asia/Kolkata"}).frequency[0],
        1);
    EXPECT_EQ(summarize(india.view(), {.collapse_by = collapse::hour}).frequency[0], 0);
    log const early{{1, "1969-12-31 22:50", 1}, {1, "1969-12-31 23:10", 1}, {1, "1969-12-31 23:50", 1}};
    EXPECT_EQ(summarize(early.view(), {.collapse_by = collapse::hour}).frequency[0], 1);
}

TEST(SummarizeRules, TheZoneOfTheColumnCountsWhereNoneIsNamed) {
    std::vector<std::int64_t> const ids{1, 1};
    std::vector<std::int64_t> const seconds{1704148200, 1704151800};  // 2024-01-01T22:30Z and 23:30Z
    transactions_view rows{std::span<std::int64_t const>(ids), std::span<std::int64_t const>(seconds)};
    rows.time.type = column_type::timestamp;
    rows.time.resolution = time_resolution::seconds;
    summary const bare = summarize(rows);
    EXPECT_EQ(bare.days[0], 1);
    EXPECT_EQ(bare.quality.notes, std::vector<std::string>{"times without a zone were read as UTC"});
    rows.time.zone = "Europe/Berlin";
    EXPECT_EQ(summarize(rows).days[0], 2);
    EXPECT_TRUE(summarize(rows).quality.notes.empty());
    EXPECT_EQ(summarize(rows, {.time_zone = "Europe/London"}).days[0], 1);
    rows.time.zone = "+02:00";
    EXPECT_EQ(summarize(rows).days[0], 1);
    // A tick is a tick in every resolution.
    for (auto [resolution, factor] : {std::pair(time_resolution::milliseconds, 1000LL),
                                      {time_resolution::microseconds, 1000000LL},
                                      {time_resolution::nanoseconds, 1000000000LL}}) {
        std::vector<std::int64_t> ticks = seconds;
        for (auto& tick : ticks)
            tick *= factor;
        rows.time.values = ticks.data();
        rows.time.resolution = resolution;
        EXPECT_EQ(summarize(rows).first_time[0], instant(std::chrono::seconds(1704148200)));
    }
    std::vector<std::int64_t> const before{-1, -1001};  // nanoseconds before 1970 are cut downwards
    rows.time.values = before.data();
    EXPECT_EQ(summarize(rows).last_time[0], instant(duration(-1)));
    EXPECT_EQ(summarize(rows).first_time[0], instant(duration(-2)));
}

TEST(SummarizeRules, DatesAreNeverShifted) {
    std::vector<std::int32_t> const ids{1, 1};
    std::vector<std::int32_t> const days{19723, 19724};  // 2024-01-01, 2024-01-02
    summary const expected = summarize({ids, days});
    EXPECT_EQ(expected.last_day[0], 19724);
    summary const there = summarize({ids, days}, {.time_zone = "America/New_York"});
    EXPECT_EQ(there.last_day[0], 19724);
    EXPECT_EQ(there.T, expected.T);
    EXPECT_EQ(there.quality.notes.size(), 1U);
    for (collapse by : {collapse::none, collapse::hour}) {
        summarize_options const options{.unit = hour, .collapse_by = by, .time_zone = "America/New_York"};
        EXPECT_EQ(summarize({ids, days}, options).T[0], by == collapse::none ? 48 : 47);
        EXPECT_EQ(summarize({ids, days}, options).days[0], 2);
    }
    // Nor are dates in text, even beside texts with a time of day.
    log const mixed{{1, "2024-01-01", 1}, {1, "20240102", 1}, {1, "2024-01-02T23:00-05:00", 1}};
    summary const text = summarize(mixed.view(), {.time_zone = "America/New_York"});
    EXPECT_EQ(text.days[0], 2);
    EXPECT_EQ(text.first_time[0], parse_time("2024-01-01T00:00Z")->when);
    // Dates first, instants later: one state.
    std::vector<std::int64_t> const wide{1, 1};
    std::vector<std::int64_t> const noons{19724 * 86400LL + 43200, 19730 * 86400LL};
    transactions_view later{std::span<std::int64_t const>(wide), std::span<std::int64_t const>(noons)};
    later.time.type = column_type::timestamp;
    later.time.resolution = time_resolution::seconds;
    summarizer state({.unit = day});
    state.update({ids, days}).update(later);
    summary const s = state.finish();
    EXPECT_EQ(s.frequency[0], 2);
    EXPECT_EQ(s.recency[0], 7);
    EXPECT_EQ(s.lines[0], 4);
}

TEST(SummarizeRules, AmountsAreExact) {
    // A hundred thousand times a tenth of a cent, in every type.
    std::size_t const n = 100000;
    std::vector<std::int64_t> const ids(n, 1);
    std::vector<std::int32_t> const days(n, 10000);
    std::vector<double> const doubles(n, 0.001);
    text_column texts;
    for (std::size_t i = 0; i < n; ++i)
        texts.push_back("0.001");
    std::vector<std::int64_t> const mills(n, 1);
    transactions_view rows{std::span<std::int64_t const>(ids), column_view::days(days)};
    for (column_view amounts :
         {column_view(std::span<double const>(doubles)), texts.view(), column_view::minor_units(mills, 3)}) {
        rows.amount = amounts;
        summary const s = summarize(rows);
        EXPECT_EQ(s.net_amount[0], 100);
        EXPECT_EQ(s.quality.amount_total, 100);
        EXPECT_EQ(s.quality.largest_rounding, 0);
        EXPECT_NEAR(summarize(rows, {.amount_scale = 2}).quality.largest_rounding, 0.001, 1e-15);
    }
}

}  // namespace

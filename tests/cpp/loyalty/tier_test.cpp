#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <string>

#include "clavis/core/errors.hpp"
#include "clavis/loyalty/tier_program.hpp"
#include "clavis/loyalty/tier_replay.hpp"

namespace clavis::loyalty {
namespace {

using namespace std::chrono;

std::int32_t on(sys_days date) {
    return static_cast<std::int32_t>(date.time_since_epoch().count());
}

struct event {
    std::int32_t day;
    std::int64_t sales;
    std::int64_t returns = 0;
    std::int32_t orders = 1;
};

ledger::history history_of(std::vector<std::vector<event>> const& customers, int scale = 2) {
    ledger::history result;
    result.amount_scale = scale;
    std::vector<std::int64_t> ids;
    for (auto const& events : customers) {
        ids.push_back(static_cast<std::int64_t>(ids.size()) + 1);
        for (auto const& e : events) {
            result.day.push_back(e.day);
            result.sales.push_back(e.sales);
            result.returns.push_back(e.returns);
            result.orders.push_back(e.orders);
        }
        result.offsets.push_back(static_cast<std::int64_t>(result.day.size()));
    }
    result.customer_id = std::move(ids);
    return result;
}

tier_program shop() {
    return tier_program::from_json(R"({"name": "shop", "metric": "spend", "window": {"rolling_days": 365},
        "tiers": [{"name": "Base"}, {"name": "Silver", "threshold": 100}, {"name": "Gold", "threshold": 500}]})");
}

std::string problem(auto&& call) {
    try {
        call();
    } catch (input_error const& error) {
        return error.what();
    }
    return "nothing thrown";
}

// ---------------------------------------------------------------------------------------------------------------
// Day by day, from the definition: the sum is taken anew each day, and a tier is held as the header says.

bool counts(tier_window const& window, std::int32_t event_day, std::int32_t today) {
    if (event_day > today) return false;
    year_month_day const then{sys_days{days{event_day}}};
    year_month_day const now{sys_days{days{today}}};
    auto quarter = [](year_month_day const& date) { return (static_cast<unsigned>(date.month()) - 1) / 3; };
    switch (window.type) {
        case tier_window::kind::rolling:
            return event_day > today - window.days;
        case tier_window::kind::month:
            return then.year() == now.year() && then.month() == now.month();
        case tier_window::kind::quarter:
            return then.year() == now.year() && quarter(then) == quarter(now);
        case tier_window::kind::year:
            return then.year() == now.year();
        case tier_window::kind::lifetime:
            break;
    }
    return true;
}

struct day_by_day {
    std::vector<std::int64_t> metric;  // from the first event on
    std::vector<int> tier;
    std::int32_t first = 0;

    day_by_day(tier_program const& program, std::vector<event> const& events, std::int32_t visible_until,
               std::int32_t until, int scale) {
        if (events.empty()) return;
        first = events.front().day;
        bool const spend = program.metric == tier_metric::spend;
        int const unit = spend ? scale : 0;
        std::size_t const tiers = program.tiers.size();
        std::vector<bool> held(tiers, false);
        std::vector<std::int32_t> last(tiers, 0);
        for (std::int32_t today = first; today <= until; ++today) {
            std::int64_t sum = 0;
            for (auto const& e : events) {
                if (e.day > visible_until || !counts(program.window, e.day, today)) continue;
                sum += spend ? e.sales - e.returns : e.orders;
            }
            int now = 0;
            for (std::size_t k = 1; k < tiers; ++k) {
                auto const& rule = program.tiers[k];
                if (sum >= rule.threshold.at_least(unit)) held[k] = true;
                if (held[k] && sum >= (rule.keep ? *rule.keep : rule.threshold).at_least(unit))
                    last[k] = today;
                if (held[k] && today > last[k] + program.validity_days) held[k] = false;
                if (held[k]) now = static_cast<int>(k);
            }
            metric.push_back(sum);
            tier.push_back(now);
        }
    }
};

std::vector<tier_program> programmes() {
    std::vector<tier_program> all;
    for (auto const* window :
         {R"({"rolling_days": 1})", R"({"rolling_days": 30})", R"({"calendar": "month"})",
          R"({"calendar": "quarter"})", R"({"calendar": "year"})", R"({"lifetime": true})"}) {
        for (auto const* metric : {"spend", "orders"}) {
            for (auto const* keep : {"", R"(, "keep": 0.5)"}) {
                for (auto const* validity :
                     {"", R"(, "validity": {"days": 1})", R"(, "validity": {"days": 25})"}) {
                    bool const spend = std::string(metric) == "spend";
                    all.push_back(tier_program::from_json(
                        std::string(R"({"metric": ")") + metric + R"(", "window": )" + window +
                        R"(, "tiers": [{"name": "a"}, {"name": "b", "threshold": )" + (spend ? "1.5" : "1") +
                        keep + R"(}, {"name": "c", "threshold": )" + (spend ? "3" : "3") +
                        R"(}, {"name": "d", "threshold": 4}])" + validity + "}"));
                }
            }
        }
    }
    return all;
}

std::vector<std::vector<event>> random_customers(std::size_t size, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<std::vector<event>> customers(size);
    for (auto& events : customers) {
        std::int32_t today = on(2011y / 1 / 1) + static_cast<std::int32_t>(random() % 100);
        for (std::size_t i = random() % 14; i > 0; --i) {
            event e{.day = today, .sales = static_cast<std::int64_t>(random() % 300)};
            if (random() % 3 == 0) e.returns = static_cast<std::int64_t>(random() % 300);
            if (random() % 5 == 0) e = {.day = today, .sales = 0, .returns = e.returns, .orders = 0};
            events.push_back(e);
            today += 1 + static_cast<std::int32_t>(random() % (random() % 4 == 0 ? 90 : 12));
        }
    }
    return customers;
}

TEST(Tiers, ReplayEqualsADayByDayRecount) {
    unsigned seed = 0;
    for (auto const& program : programmes()) {
        auto const customers = random_customers(40, ++seed);
        auto const history = history_of(customers);
        std::int32_t const as_of = on(2011y / 1 / 1) + static_cast<std::int32_t>(20 * (seed % 25));
        auto const found = replay(program, history, sys_days{days{as_of}});
        int const unit = program.metric == tier_metric::spend ? 2 : 0;
        for (std::size_t row = 0; row < customers.size(); ++row) {
            std::int32_t const horizon = as_of + 800;
            day_by_day const oracle(program, customers[row], as_of, horizon, 2);
            SCOPED_TRACE(program.to_json() + " customer " + std::to_string(row));
            if (customers[row].empty() || oracle.first > as_of) {
                EXPECT_EQ(found.since[row], no_day);
                EXPECT_EQ(found.tier[row], 0);
                EXPECT_EQ(found.metric[row], 0);
                continue;
            }
            auto const at = static_cast<std::size_t>(as_of - oracle.first);
            int const tier = oracle.tier[at];
            ASSERT_EQ(found.tier[row], tier);
            EXPECT_EQ(found.metric[row], oracle.metric[at]);
            std::size_t since = at;
            while (since > 0 && oracle.tier[since - 1] == tier)
                --since;
            EXPECT_EQ(found.since[row], oracle.first + static_cast<std::int32_t>(since));
            std::size_t lifted = at;
            while (lifted > 0 && oracle.tier[lifted - 1] >= tier)
                --lifted;
            EXPECT_EQ(found.qualified_by[row],
                      tier == 0 ? no_day : oracle.first + static_cast<std::int32_t>(lifted));
            if (tier > 0) {
                EXPECT_EQ(found.qualified_metric[row], oracle.metric[lifted]);
            }
            std::size_t end = at;
            while (end + 1 < oracle.tier.size() && oracle.tier[end + 1] >= tier)
                ++end;
            bool const ends = end + 1 < oracle.tier.size();
            EXPECT_EQ(found.keeps_until[row], ends ? oracle.first + static_cast<std::int32_t>(end) : no_day);
            auto const next = static_cast<std::size_t>(tier) + 1;
            EXPECT_EQ(found.to_next[row],
                      next < program.tiers.size()
                          ? program.tiers[next].threshold.at_least(unit) - oracle.metric[at]
                          : -1);
            EXPECT_FALSE(reason(program, found, row).empty());
        }
    }
}

TEST(Tiers, IntervalsTileEveryCustomersDays) {
    unsigned seed = 100;
    for (auto const& program : programmes()) {
        auto const customers = random_customers(40, ++seed);
        auto const history = history_of(customers);
        std::int32_t const until = on(2011y / 1 / 1) + 300;
        auto const found = intervals(program, history, sys_days{days{until}});
        std::map<std::pair<std::int64_t, std::int32_t>, int> tier_on;
        for (std::size_t i = 0; i < found.size(); ++i) {
            std::int32_t const last = found.to[i] == no_day ? until : found.to[i];
            ASSERT_LE(found.from[i], last);
            for (std::int32_t today = found.from[i]; today <= last; ++today) {
                bool const fresh = tier_on.emplace(std::pair(found.customer[i], today), found.tier[i]).second;
                ASSERT_TRUE(fresh) << "two tiers on one day";
            }
        }
        std::size_t expected = 0;
        for (std::size_t row = 0; row < customers.size(); ++row) {
            day_by_day const oracle(program, customers[row], until, until, 2);
            expected += oracle.tier.size();
            for (std::size_t i = 0; i < oracle.tier.size(); ++i) {
                auto const day = oracle.first + static_cast<std::int32_t>(i);
                auto const where = tier_on.find({static_cast<std::int64_t>(row), day});
                ASSERT_NE(where, tier_on.end());
                ASSERT_EQ(where->second, oracle.tier[i]) << program.to_json();
            }
        }
        EXPECT_EQ(tier_on.size(), expected);
    }
}

// tier(T) = max{k: some t <= T with metric(t) >= threshold_k and t + validity >= T}
TEST(Tiers, ValidityHoldsATierBeyondTheLastDayItWasReached) {
    auto program = shop();
    program.window.days = 20;
    program.validity_days = 15;
    auto const customers = random_customers(60, 7);
    auto const history = history_of(customers, 0);
    std::int32_t const as_of = on(2011y / 5 / 1);
    auto const found = replay(program, history, sys_days{days{as_of}});
    int above_base = 0;
    for (std::size_t row = 0; row < customers.size(); ++row) {
        int best = 0;
        for (std::int32_t t = as_of - program.validity_days; t <= as_of; ++t) {
            std::int64_t sum = 0;
            for (auto const& e : customers[row]) {
                if (e.day <= t && e.day > t - program.window.days) sum += e.sales - e.returns;
            }
            best = std::max(best, sum >= 500 ? 2 : sum >= 100 ? 1 : 0);
        }
        EXPECT_EQ(found.tier[row], best);
        above_base += best > 0 ? 1 : 0;
    }
    EXPECT_GT(above_base, 10);
}

TEST(Tiers, WhatComesLaterIsInvisibleAndOrderOfCustomersDoesNotMatter) {
    auto const program = shop();
    auto const customers = random_customers(300, 8);
    std::int32_t const as_of = on(2011y / 4 / 1);
    std::vector<std::vector<event>> past = customers;
    for (auto& events : past)
        std::erase_if(events, [&](event const& e) { return e.day > as_of; });
    auto const full = replay(program, history_of(customers, 0), sys_days{days{as_of}});
    auto const cut = replay(program, history_of(past, 0), sys_days{days{as_of}});
    EXPECT_EQ(full.tier, cut.tier);
    EXPECT_EQ(full.since, cut.since);
    EXPECT_EQ(full.keeps_until, cut.keeps_until);
    EXPECT_EQ(full.to_next, cut.to_next);

    auto reversed = customers;
    std::reverse(reversed.begin(), reversed.end());
    auto back = replay(program, history_of(reversed, 0), sys_days{days{as_of}}, 3);
    std::reverse(back.tier.begin(), back.tier.end());
    std::reverse(back.keeps_until.begin(), back.keeps_until.end());
    EXPECT_EQ(full.tier, back.tier);
    EXPECT_EQ(full.keeps_until, back.keeps_until);
}

TEST(Tiers, MoreSpendNeverLowersATier) {
    auto program = shop();
    program.window.days = 30;
    program.validity_days = 10;
    program.tiers[2].keep = decimal::parse("250");
    auto customers = random_customers(200, 9);
    std::int32_t const as_of = on(2011y / 4 / 1);
    auto const before = replay(program, history_of(customers, 0), sys_days{days{as_of}});
    std::mt19937 random(9);
    for (auto& events : customers) {
        for (auto& e : events)
            e.sales += static_cast<std::int64_t>(random() % 200);
    }
    auto const after = replay(program, history_of(customers, 0), sys_days{days{as_of}});
    EXPECT_NE(before.tier, after.tier);
    for (std::size_t row = 0; row < before.size(); ++row)
        EXPECT_GE(after.tier[row], before.tier[row]);
}

TEST(Tiers, AnyNumberOfThreadsGivesTheSame) {
    auto const program = shop();
    auto const history = history_of(random_customers(5000, 10), 0);
    auto const one = replay(program, history, 2011y / 5 / 1, 1);
    auto const four = replay(program, history, 2011y / 5 / 1, 4);
    EXPECT_EQ(one.tier, four.tier);
    EXPECT_EQ(one.metric, four.metric);
    EXPECT_EQ(one.keeps_until, four.keeps_until);
    auto const a = intervals(program, history, {}, 1);
    auto const b = intervals(program, history, {}, 4);
    EXPECT_EQ(a.customer, b.customer);
    EXPECT_EQ(a.from, b.from);
    EXPECT_EQ(a.to, b.to);
    EXPECT_EQ(a.metric, b.metric);
    progress const stop([](std::string_view, double) { return false; });
    EXPECT_THROW(replay(program, history, 2011y / 5 / 1, 1, stop), cancelled);
}

// ---------------------------------------------------------------------------------------------------------------
// Cases a reader can check by hand.

TEST(Tiers, TheWindowHoldsExactlyItsDays) {
    auto const program = shop();
    std::int32_t const bought = on(2011y / 3 / 4);
    auto const history = history_of({{{.day = bought, .sales = 10000}}});
    auto tier = [&](std::int32_t day) { return replay(program, history, sys_days{days{day}}).tier[0]; };
    EXPECT_EQ(tier(bought - 1), 0);
    EXPECT_EQ(tier(bought), 1);
    EXPECT_EQ(tier(bought + 364), 1);
    EXPECT_EQ(tier(bought + 365), 0);
    auto const standing = replay(program, history, 2011y / 12 / 31);
    EXPECT_EQ(standing.keeps_until[0], on(2012y / 3 / 2));  // 2012 has a 29 February
    EXPECT_EQ(standing.qualified_by[0], bought);
    EXPECT_EQ(standing.qualified_amount[0], 10000);
    EXPECT_EQ(standing.to_next[0], 40000);
    EXPECT_EQ(
        reason(program, standing, 0),
        "Silver since 2011-03-04: spending 100.00 brought the last 365 days to 100.00; Silver needs 100.00. "
        "On 2011-12-31 the last 365 days came to 100.00. Silver stays until 2012-03-02 without another "
        "purchase. "
        "400.00 more reaches Gold.");
    auto const later = replay(program, history, 2012y / 12 / 31);
    EXPECT_EQ(later.since[0], on(2012y / 3 / 3));
    EXPECT_EQ(later.cause[0], tier_cause::window);
    EXPECT_EQ(reason(program, later, 0),
              "Base since 2012-03-03: the last 365 days came to less than the 100.00 that Silver needs. "
              "On 2012-12-31 the last 365 days came to 0.00. 100.00 more reaches Silver.");
}

TEST(Tiers, ThresholdsAreMetExactlyInDecimals) {
    auto program = tier_program::from_json(R"({"metric": "spend", "window": {"rolling_days": 10},
        "tiers": [{"name": "Base"}, {"name": "Silver", "threshold": 0.3}]})");
    std::int32_t const today = on(2011y / 3 / 4);
    auto const tier = [&](std::int64_t a, std::int64_t b, int scale) {
        return replay(program, history_of({{{today - 1, a}, {today, b}}}, scale), sys_days{days{today}})
            .tier[0];
    };
    EXPECT_EQ(tier(10, 20, 2), 1);  // 0.1 + 0.2
    EXPECT_EQ(tier(10, 19, 2), 0);
    EXPECT_EQ(tier(100000, 200000, 6), 1);
    EXPECT_EQ(tier(100000, 199999, 6), 0);
    program.tiers[1].threshold = decimal::parse("0.299");  // between two cents
    EXPECT_EQ(tier(10, 20, 2), 1);
    EXPECT_EQ(tier(10, 19, 2), 0);
    EXPECT_EQ(tier(0, 1, 0), 1);
    EXPECT_EQ(decimal::parse("0.299").at_least(0), 1);
}

TEST(Tiers, AReturnTakesTheTierBack) {
    auto const program = shop();
    auto const history =
        history_of({{{.day = on(2011y / 1 / 10), .sales = 9000},
                     {.day = on(2011y / 2 / 1), .sales = 2000},
                     {.day = on(2011y / 2 / 20), .sales = 0, .returns = 1001, .orders = 0}}});
    EXPECT_EQ(replay(program, history, 2011y / 2 / 19).tier[0], 1);
    auto const after = replay(program, history, 2011y / 2 / 20);
    EXPECT_EQ(after.tier[0], 0);
    EXPECT_EQ(after.since[0], on(2011y / 2 / 20));
    EXPECT_EQ(after.cause[0], tier_cause::return_);
    EXPECT_EQ(after.to_next[0], 1);
    EXPECT_EQ(reason(program, after, 0),
              "Base since 2011-02-20: a return took the last 365 days below the 100.00 that Silver needs. "
              "On 2011-02-20 the last 365 days came to 99.99. 0.01 more reaches Silver.");
    // A year on, the return still counts for a while after the purchases left: never below the first tier.
    auto const negative = replay(program, history, 2012y / 2 / 10);
    EXPECT_EQ(negative.tier[0], 0);
    EXPECT_EQ(negative.metric[0], -1001);
    EXPECT_EQ(negative.to_next[0], 11001);
}

TEST(Tiers, ABalanceRuleMovesBothWays) {
    // Bands 0, 100, 500, 1000 on a balance: +100 on 10 January, −50 on 15 February, +500 on 25 February.
    auto const program =
        tier_program::from_json(R"({"metric": "spend", "window": {"lifetime": true}, "tiers": [
        {"name": "Basic", "threshold": 0}, {"name": "Silver", "threshold": 100}, {"name": "Gold", "threshold": 500},
        {"name": "Platinum", "threshold": 1000}]})");
    auto const history = history_of({{{.day = on(2022y / 1 / 10), .sales = 10000},
                                      {.day = on(2022y / 2 / 15), .sales = 0, .returns = 5000, .orders = 0},
                                      {.day = on(2022y / 2 / 25), .sales = 50000}}});
    auto const found = intervals(program, history);
    EXPECT_EQ(found.tier, (std::vector<std::int32_t>{1, 0, 2}));
    EXPECT_EQ(found.from,
              (std::vector<std::int32_t>{on(2022y / 1 / 10), on(2022y / 2 / 15), on(2022y / 2 / 25)}));
    EXPECT_EQ(found.to, (std::vector<std::int32_t>{on(2022y / 2 / 14), on(2022y / 2 / 24), no_day}));
    EXPECT_EQ(found.metric, (std::vector<std::int64_t>{10000, 5000, 55000}));
    EXPECT_EQ(found.cause, (std::vector{tier_cause::purchase, tier_cause::return_, tier_cause::purchase}));
    EXPECT_EQ(found.until, on(2022y / 2 / 25));
    EXPECT_EQ(replay(program, history, 2030y / 1 / 1).keeps_until[0], no_day);
}

TEST(Tiers, ALateEventInsideThePeriodKeepsTheTier) {
    // Silver needs 60000 to be kept: 55000 on record loses it, 10000 more dated inside the window keeps it.
    auto const program =
        tier_program::from_json(R"({"metric": "spend", "window": {"calendar": "year"}, "tiers": [
        {"name": "Base"}, {"name": "Silver", "threshold": 60000}]})");
    std::vector<event> events{{.day = on(2010y / 3 / 1), .sales = 55000}};
    EXPECT_EQ(replay(program, history_of({events}, 0), 2010y / 12 / 31).tier[0], 0);
    events.push_back({.day = on(2010y / 11 / 1), .sales = 10000});
    auto const found = replay(program, history_of({events}, 0), 2010y / 12 / 31);
    EXPECT_EQ(found.tier[0], 1);
    EXPECT_EQ(found.metric[0], 65000);
    EXPECT_EQ(found.keeps_until[0], on(2010y / 12 / 31));
}

TEST(Tiers, TheTierIsThatOfTheAmountNotOfAnotherBand) {
    // 196 is below a bar of 200 and 217 above it.
    auto const program =
        tier_program::from_json(R"({"metric": "spend", "window": {"lifetime": true}, "tiers": [
        {"name": "Base"}, {"name": "Higher", "threshold": 200}]})");
    std::int32_t const today = on(2022y / 11 / 1);
    auto const found = replay(program, history_of({{{today, 196}}, {{today, 217}}}, 0), 2022y / 11 / 1);
    EXPECT_EQ(found.tier, (std::vector<std::int32_t>{0, 1}));
}

TEST(Tiers, NobodyAndNothing) {
    auto const program = shop();
    auto const nobody = replay(program, history_of({}), 2011y / 1 / 1);
    EXPECT_EQ(nobody.size(), 0U);
    EXPECT_EQ(intervals(program, history_of({})).size(), 0U);
    auto const silent =
        replay(program, history_of({{}, {{.day = on(2011y / 1 / 2), .sales = 1}}}), 2011y / 1 / 1);
    EXPECT_EQ(silent.since, (std::vector<std::int32_t>{no_day, no_day}));
    EXPECT_EQ(silent.to_next[1], 10000);
    EXPECT_EQ(reason(program, silent, 1), "Base: nothing on record until 2011-01-01.");
}

TEST(Tiers, BrokenHistoriesAreRefused) {
    auto const program = shop();
    auto history = history_of({{{5, 1}, {5, 1}}});
    EXPECT_NE(problem([&] { replay(program, history, 2011y / 1 / 1); }).find("day"), std::string::npos);
    history = history_of({{{5, INT64_MAX}, {6, 1}}});
    EXPECT_NE(problem([&] { replay(program, history, 2011y / 1 / 1); }).find("beyond 64 bits"),
              std::string::npos);
    history = history_of({{{INT32_MAX, 1}}});
    EXPECT_NE(problem([&] { replay(program, history, 2011y / 1 / 1); }).find("10 million"),
              std::string::npos);
    history = history_of({{{5, 1}}});
    history.sales.clear();
    EXPECT_THROW(replay(program, history, 2011y / 1 / 1), input_error);
}

// ---------------------------------------------------------------------------------------------------------------
// The document.

TEST(TierProgram, ReadsWhatItWrites) {
    for (auto const& program : programmes()) {
        EXPECT_EQ(tier_program::from_json(program.to_json()).to_json(), program.to_json());
    }
    auto const program = tier_program::from_json(
        R"({"metric": "orders", "window": {"calendar": "quarter"}, "tiers": [{"name": "\u00e9"},
            {"name": "B", "threshold": "12.50", "keep": 1.25}], "validity": {"days": 7}})");
    EXPECT_EQ(program.to_json(),
              R"({"name":"","metric":"orders","window":{"calendar":"quarter"},"tiers":[{"name":"é"},)"
              R"({"name":"B","threshold":"12.5","keep":"1.25"}],"validity":{"days":7}})");
}

TEST(TierProgram, RefusesBadDocumentsInASentence) {
    auto document = [](std::string const& tiers, std::string const& rest = "") {
        return R"({"metric": "spend", "window": {"rolling_days": 365}, "tiers": )" + tiers + rest + "}";
    };
    std::vector<std::pair<std::string, std::string>> const cases{
        {"", "not JSON"},
        {"[1, 2", "not JSON at byte"},
        {"[]", "[] is not an object"},
        {"\"\xff\"", "not JSON"},
        {R"({"metric": "spend", "tiers": []})", "window is missing"},
        {document("[]"), "there is no tier"},
        {document("{}"), "tiers: {} is not a list"},
        {document(R"([{"name": "A", "threshold": 5}])"),
         "tiers[0]: the first tier is where everybody starts"},
        {document(R"([{"name": "A"}, {"name": "B"}])"), "tiers[1]: threshold is missing"},
        {document(R"([{"name": "A"}, {"threshold": 1}])"), "tiers[1]: name is missing"},
        {document(R"([{"name": "A"}, {"name": 3, "threshold": 1}])"), "tiers[1].name: 3 is not text"},
        {document(R"([{"name": "A"}, {"name": "A", "threshold": 1}])"), "\"A\" stands twice"},
        {document(R"([{"name": "A"}, {"name": "B", "threshold": "abc"}])"),
         "tier program, tiers[1].threshold: \"abc\" is not a number"},
        {document(R"([{"name": "A"}, {"name": "B", "threshold": -1}])"), "\"-1\" is negative"},
        {document(R"([{"name": "A"}, {"name": "B", "threshold": true}])"), "true is not a number"},
        {document(R"([{"name": "A"}, {"name": "B", "threshold": 1e300}])"), "more than 18 digits"},
        {document(R"([{"name": "A"}, {"name": "B", "threshold": 1e999}])"), "out of range"},
        {document(R"([{"name": "A"}, {"name": "B", "threshold": 2}, {"name": "C", "threshold": 2.0}])"),
         "the threshold 2 is not above 2"},
        {document(R"([{"name": "A"}, {"name": "B", "threshold": 2, "keep": 3}])"),
         "keep threshold 3 is above"},
        {document(
             R"([{"name": "A"}, {"name": "B", "threshold": 2}, {"name": "C", "threshold": 5, "keep": 1}])"),
         "keep threshold 1 is below 2"},
        {document(R"([{"name": "A", "colour": "red"}])"), "tiers[0]: unknown key \"colour\"; known are name"},
        {document(R"([{"name": "A"}])", R"(, "expires": 1)"), "unknown key \"expires\""},
        {document(R"([{"name": "A"}])", R"(, "metric": "spend")"), "\"metric\" stands twice"},
        {document(R"([{"name": "A"}])", R"(, "validity": {"days": 1.5})"),
         "1.5 is not a whole number of days"},
        {document(R"([{"name": "A"}])", R"(, "validity": {"days": 18446744073709551615})"),
         "does not lie between"},
        {R"({"metric": "profit", "window": {"rolling_days": 1}, "tiers": []})",
         "\"profit\" is not one of spend, orders"},
        {R"({"metric": "spend", "window": {"rolling_days": 0}, "tiers": []})",
         "0 does not lie between 1 and 36500"},
        {R"({"metric": "spend", "window": {}, "tiers": []})", "needs one of rolling_days"},
        {R"({"metric": "spend", "window": {"rolling_days": 1, "lifetime": true}, "tiers": []})",
         "needs one of"},
        {R"({"metric": "spend", "window": {"calendar": "week"}, "tiers": []})",
         "\"week\" is not one of month"},
        {R"({"metric": "spend", "window": {"lifetime": 1}, "tiers": []})", "1 is not true"},
        {R"({"metric": "spend", "window": 365, "tiers": []})", "365 is not an object"},
        {std::string(100'000, '['), "nests deeper"},
        {std::string(2'000'000, ' '), "larger than 1 MB"},
    };
    for (auto const& [text, expected] : cases) {
        auto const said = problem([&] { (void)tier_program::from_json(text); });
        EXPECT_NE(said.find(expected), std::string::npos) << text.substr(0, 200) << "\n  says: " << said;
        EXPECT_EQ(said.rfind("tier program", 0), 0U) << said;
    }
}

TEST(TierProgram, DecimalsAreRead) {
    EXPECT_EQ(decimal::parse("0.10").text(), "0.1");
    EXPECT_EQ(decimal::parse("00012.50").text(), "12.5");
    EXPECT_EQ(decimal::parse("0.005").text(), "0.005");
    EXPECT_EQ(decimal::parse("999999999999999999").text(), "999999999999999999");
    EXPECT_EQ(decimal::parse("1.005").at_least(2), 101);
    EXPECT_EQ(decimal::parse("1.00").at_least(6), 1'000'000);
    for (auto const* text : {"", ".", "1.", "-", "1,5", "1e3", "0x1", " 1", "1.2.3", "1234567890123456789"}) {
        EXPECT_THROW((void)decimal::parse(text), input_error) << text;
    }
    EXPECT_THROW((void)decimal::parse("999999999999999999").at_least(6), input_error);
}

}  // namespace
}  // namespace clavis::loyalty

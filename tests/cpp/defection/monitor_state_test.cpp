// A monitor saved, merged and late: none of it changes an alert.

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/defection/monitor.hpp"
#include "defection/monitor_bytes.hpp"
#include "defection/population.hpp"

namespace clavis::defection {
namespace {

using test::customer;
using test::fate;
using test::simulate;
using test::to_history;
using bytes = std::vector<std::uint8_t>;

constexpr std::int32_t begin = 10000 + 364;
constexpr std::int32_t end = begin + 500;

sys_days on(std::int32_t day) {
    return sys_days{std::chrono::days{day}};
}

/// Customers who stay, halve and stop.
ledger::history population(std::size_t size, std::uint64_t seed) {
    std::vector<customer> customers;
    for (std::size_t i = 0; i < size; ++i) {
        double const change = 400.0 + static_cast<double>(i % 150);
        customers.push_back(
            simulate({}, seed, i, i % 3 == 0 ? fate{} : fate{change, i % 3 == 1 ? 0.5 : 0.0}));
    }
    return to_history(customers, begin - 364);
}

/// The entries of a history that `keeps(customer, day)` lets through, and all of its customers.
ledger::history part_of(ledger::history const& all,
                        std::function<bool(std::int64_t, std::int32_t)> const& keeps) {
    ledger::history result;
    std::vector<std::int64_t> ids;
    for (std::size_t i = 0; i < all.size(); ++i) {
        std::int64_t const id = all.customer_id.integers()[i];
        bool any = false;
        for (auto k = static_cast<std::size_t>(all.offsets[i]);
             k < static_cast<std::size_t>(all.offsets[i + 1]); ++k) {
            if (!keeps(id, all.day[k])) continue;
            any = true;
            result.day.push_back(all.day[k]);
            result.orders.push_back(1);
            result.sales.push_back(all.sales[k]);
            result.returns.push_back(0);
        }
        if (!any) continue;
        ids.push_back(id);
        result.offsets.push_back(static_cast<std::int64_t>(result.day.size()));
    }
    result.customer_id = std::move(ids);
    return result;
}

monitor watch_over(ledger::history const& records, monitor_options options = {}) {
    return monitor(learn_baseline(records, on(begin), hazard_clock{2, 14}), std::move(options));
}

std::vector<std::string> lines(alerts const& found) {
    std::vector<std::string> result;
    for (std::size_t i = 0; i < found.size(); ++i)
        result.push_back(clavis::to_string(found.rows[i].raised) + " " + to_string(found.rows[i].state) +
                         " " + clavis::to_string(found.rows[i].since_low) + " " + found.sentence(i));
    return result;
}

std::vector<std::string>& operator+=(std::vector<std::string>& all, std::vector<std::string> const& more) {
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

TEST(MonitorState, SavingAndReadingBetweenBatchesChangesNothing) {
    auto const records = population(300, 5);
    for (monitor_options const& options :
         {monitor_options{}, monitor_options{.retained = {0.3}, .keep_events = 16},
          monitor_options{.retained = {0, 0.25, 0.5, 0.8}, .keep_events = 3, .reorder_days = 5}}) {
        auto whole = watch_over(records, options);
        auto saved = whole;
        std::vector<std::string> expected;
        std::vector<std::string> found;
        for (std::int32_t day = begin; day <= end; day += 20) {
            expected += lines(whole.update(records, on(day)));
            found += lines(saved.update(records, on(day)));
            std::string note;
            saved = monitor::from_bytes(saved.to_bytes("n\xc3\xb6te"), &note);
            EXPECT_EQ(note, "n\xc3\xb6te");
        }
        EXPECT_GT(expected.size(), 50U);
        EXPECT_EQ(found, expected);
        EXPECT_EQ(saved.to_bytes(), whole.to_bytes());
        EXPECT_EQ(saved.states(on(end)).statistic, whole.states(on(end)).statistic);
        EXPECT_EQ(saved.states(on(end)).since_high, whole.states(on(end)).since_high);
    }
}

TEST(MonitorState, ARunThatIsCutOffAndTakenUpAgainEndsInTheSameBytes) {
    auto const records = population(200, 6);
    auto whole = watch_over(records, {.keep_events = 8});
    for (std::int32_t day = begin; day <= end; day += 10)
        whole.update(records, on(day));
    auto state = watch_over(records, {.keep_events = 8}).to_bytes();
    int updates = 0;
    for (std::int32_t day = begin; day <= end;) {
        monitor watch = monitor::from_bytes(state);
        progress const stop([&](std::string_view, double) { return updates % 3 != 1; });
        try {
            ++updates;
            watch.update(records, on(day), 1, stop);
        } catch (cancelled const&) {
            continue;  // what was saved last stands
        }
        state = watch.to_bytes();
        day += 10;
    }
    EXPECT_EQ(state, whole.to_bytes());
}

TEST(MonitorState, MonitorsOfDifferentCustomersMerge) {
    auto const records = population(300, 7);
    // Parts of unequal size, one of them of a single customer.
    auto part = [](std::int64_t id) { return id == 17 ? 0 : id < 40 ? 1 : 2 + id % 2; };
    for (int const reorder : {0, 9}) {
        monitor_options const options{.keep_events = 4, .reorder_days = reorder};
        auto whole = watch_over(records, options);
        whole.update(records, on(begin + 250));
        std::vector<monitor> parts;
        for (int i = 0; i < 4; ++i) {
            auto const own = part_of(records, [&](std::int64_t id, std::int32_t) { return part(id) == i; });
            parts.push_back(watch_over(own, options));
            parts.back().update(own, on(begin + 250));
        }
        monitor merged = parts[2];
        for (std::size_t const i : {0U, 3U, 1U})
            merged.merge(parts[i]);
        EXPECT_EQ(merged.to_bytes(), whole.to_bytes());
        auto const expected = lines(whole.update(records, on(end)));
        EXPECT_GT(expected.size(), 20U);
        EXPECT_EQ(lines(merged.update(records, on(end))), expected);
    }
}

TEST(MonitorState, WhatCannotBeMergedIsRefusedAndNothingChanges) {
    auto const records = population(20, 8);
    auto some = part_of(records, [](std::int64_t id, std::int32_t) { return id < 10; });
    auto others = part_of(records, [](std::int64_t id, std::int32_t) { return id >= 10; });
    auto watch = watch_over(some);
    bytes const before = watch.to_bytes();
    auto refused = [&](monitor const& other, char const* why) {
        try {
            watch.merge(other);
            ADD_FAILURE() << why;
        } catch (input_error const& error) {
            EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
        }
        EXPECT_EQ(watch.to_bytes(), before);
    };
    refused(watch_over(records), "customer 0 is in both");
    refused(watch_over(others, {.keep_events = 1}), "options differ");
    refused(monitor(learn_baseline(others, on(begin), hazard_clock{2, 15})), "clocks differ");
    refused(monitor(learn_baseline(others, on(begin + 1), hazard_clock{2, 14})), "began on different days");
    auto ahead = watch_over(others);
    ahead.update(others, on(begin + 3));
    refused(ahead, "has watched until");
    auto named = others;
    text_column text;
    for (std::int64_t const id : others.customer_id.integers())
        text.push_back("c" + std::to_string(id));
    named.customer_id = text;
    refused(watch_over(named), "is text where the other has integers");
}

TEST(MonitorWaiting, RecordsMayComeLateByTheDaysAllowed) {
    auto const records = population(200, 9);
    auto punctual = watch_over(records);
    std::vector<std::string> expected;
    for (std::int32_t day = begin; day <= end; ++day)
        expected += lines(punctual.update(records, on(day)));
    // Every visit comes up to six days late, and some come twice.
    monitor_options options{.reorder_days = 6};
    auto late = watch_over(records, options);
    auto delay = [](std::int64_t id, std::int32_t day) {
        return static_cast<std::int32_t>((id * 31 + day * 17) % 7);
    };
    std::vector<std::string> found;
    for (std::int32_t day = begin; day <= end + 6; ++day) {
        auto const batch = part_of(records, [&](std::int64_t id, std::int32_t visit) {
            return visit >= begin && visit <= end &&
                   (visit + delay(id, visit) == day ||
                    (id % 5 == 0 && delay(id, visit) < 3 && visit + 3 == day));
        });
        found += lines(late.update(batch, on(day)));
        EXPECT_EQ(late.watched_until(), on(std::max(begin - 1, day - 6)));
        EXPECT_EQ(late.received_until(), on(day));
    }
    EXPECT_GT(expected.size(), 50U);
    EXPECT_EQ(found, expected);
    EXPECT_EQ(late.received().visits_used, punctual.received().visits_used);
    EXPECT_GT(late.received().visits_late, 100);
    EXPECT_EQ(late.visits_waiting(), 0U);
    EXPECT_EQ(late.states().state, punctual.states(on(end + 6)).state);
}

TEST(MonitorWaiting, StatesTellWhatWaits) {
    auto const records = population(100, 10);
    auto punctual = watch_over(records);
    auto late = watch_over(records, {.reorder_days = 30});
    punctual.update(records, on(begin + 200));
    late.update(records, on(begin + 200));
    EXPECT_GT(late.visits_waiting(), 50U);
    bytes const before = late.to_bytes();
    auto const expected = punctual.states();
    auto const found = late.states();
    EXPECT_EQ(found.as_of, expected.as_of);
    EXPECT_EQ(found.state, expected.state);
    EXPECT_EQ(found.last_visit, expected.last_visit);
    EXPECT_EQ(late.to_bytes(), before);
    EXPECT_THROW(late.states(on(begin + 199)), input_error);
    EXPECT_THROW(late.update(records, on(begin + 199)), input_error);
    // Later than allowed: counted and not used.
    auto const old = part_of(records, [](std::int64_t, std::int32_t day) { return day == begin + 170; });
    auto const counted = late.update(old, on(begin + 200)).received;
    EXPECT_EQ(counted.visits_late, static_cast<std::int64_t>(old.day.size()));
    EXPECT_EQ(counted.visits_used, 0);
}

TEST(MonitorBytes, OfStrangersAreReadOrRefused) {
    auto const records = population(30, 11);
    auto watch = watch_over(records, {.keep_events = 3, .reorder_days = 4});
    watch.update(records, on(begin + 240));
    bytes const good = watch.to_bytes();
    EXPECT_EQ(monitor::from_bytes(good).to_bytes(), good);
    for (std::size_t size = 0; size < good.size(); size += 7)
        EXPECT_THROW(monitor::from_bytes({good.data(), size}), input_error) << size;
    bytes other = good;
    other[6] = 9;
    EXPECT_THROW(monitor::from_bytes(other), input_error);
    // Damage whose checksum fits: refused, or a state that can be used.
    std::mt19937_64 random(1);
    int read = 0;
    for (int i = 0; i < 4000; ++i) {
        bytes damaged(good.begin(), good.end() - 8);
        damaged[8 + random() % (damaged.size() - 8)] = static_cast<std::uint8_t>(random());
        end_state(damaged);
        try {
            monitor state = monitor::from_bytes(damaged);
            ++read;
            EXPECT_EQ(monitor::from_bytes(state.to_bytes()).to_bytes(), state.to_bytes());
            state.update({}, state.received_until() + std::chrono::days{30});
            state.states();
        } catch (input_error const&) {
        }
    }
    EXPECT_GT(read, 100);
    EXPECT_THROW(watch.to_bytes(std::string(70000, 'x')), input_error);
}

}  // namespace
}  // namespace clavis::defection

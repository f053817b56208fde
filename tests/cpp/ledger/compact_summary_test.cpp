// A compact summary says, bit for bit, what a summary says.

#include "clavis/ledger/compact_summary.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <string>

#include "clavis/ledger/summarize.hpp"

namespace {

using namespace clavis;
using namespace clavis::ledger;

struct shape {
    bool amounts = true, text = false, sparse = false, gaps = false, returns = false, kinds = false,
         large = false;
};

struct log {
    std::vector<std::int64_t> ids;
    std::vector<std::int32_t> days;
    std::vector<std::int64_t> cents;
    text_column names, kinds;
    transactions_view view;

    log(std::size_t rows, std::int64_t customers, shape const& form, unsigned seed) {
        std::mt19937_64 random(seed);
        auto const below = [&](std::uint64_t n) { return static_cast<std::int64_t>(random() % n); };
        for (std::size_t i = 0; i < rows; ++i) {
            std::int64_t const customer =
                below(static_cast<std::uint64_t>(customers)) * (form.gaps ? 3 : 1) + 7;
            ids.push_back(form.sparse ? customer * 1000000007 - 5000000000 : customer);
            names.push_back("c" + std::to_string(customer * 7919 % 100003));
            days.push_back(19000 + static_cast<std::int32_t>(below(400)));
            // Later rows in larger amounts: blocks then count in other units, or do not fit the small form.
            std::int64_t const factor = i < rows / 2 ? 1 : 1000;
            cents.push_back(factor * below(form.large && i > rows / 2
                                               ? (std::uint64_t{1} << 33) + (std::uint64_t{1} << 28)
                                               : 5000));
            if (form.returns && below(4) == 0) cents.back() = -cents.back();
            kinds.push_back(std::vector<std::string>{
                "sale", "adjust", "return"}[static_cast<std::size_t>(below(8) < 6 ? 0 : 1 + below(2))]);
        }
        view.customer_id = form.text ? names.view() : column_view(std::span<std::int64_t const>(ids));
        view.time = column_view::days(days);
        if (form.amounts) view.amount = column_view(std::span<std::int64_t const>(cents));
        if (form.kinds) view.kind = kinds.view();
    }
};

template <class A, class B>
void expect_equal(A const& a, B const& b, char const* name) {
    ASSERT_EQ(a.size(), b.size()) << name;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if constexpr (std::is_same_v<typename A::value_type, double>) {
            ASSERT_EQ(std::bit_cast<std::uint64_t>(a[i]), std::bit_cast<std::uint64_t>(b[i]))
                << name << ' ' << i;
        } else if constexpr (std::is_same_v<typename B::value_type, instant>) {
            ASSERT_EQ(a[i], b[i].time_since_epoch().count()) << name << ' ' << i;
        } else {
            ASSERT_EQ(a[i], b[i]) << name << ' ' << i;
        }
    }
}

void expect_equal(compact_summary const& a, summary const& b, unsigned threads) {
    EXPECT_EQ(a.customer_id(), b.customer_id);
    expect_equal(a.ordered(a.frequency), b.frequency, "frequency");
    expect_equal(a.recency(threads), b.recency, "recency");
    expect_equal(a.T(threads), b.T, "T");
    expect_equal(a.ordered(a.log_gap_sum), b.log_gap_sum, "log_gap_sum");
    expect_equal(a.first_time(threads), b.first_time, "first_time");
    expect_equal(a.last_time(threads), b.last_time, "last_time");
    expect_equal(a.last_days(threads), b.last_day, "last_day");
    expect_equal(a.order_counts(threads), b.orders, "orders");
    expect_equal(a.days(threads), b.days, "days");
    expect_equal(a.lines(threads), b.lines, "lines");
    EXPECT_EQ(a.unit, b.unit);
    EXPECT_EQ(a.observed_until, b.observed_until);
    if (b.net_amount.empty()) {
        EXPECT_TRUE(a.net_amount.empty());
        return;
    }
    expect_equal(a.ordered(a.net_amount), b.net_amount, "net_amount");
    expect_equal(a.ordered(a.monetary_value), b.monetary_value, "monetary_value");
    expect_equal(a.returns(threads), b.returns_amount, "returns_amount");
}

TEST(CompactSummary, IsTheSummary) {
    std::vector<shape> const shapes{
        {},
        {.amounts = false},
        {.gaps = true},
        {.returns = true},
        {.kinds = true},
        {.sparse = true, .returns = true},
        {.text = true, .returns = true},
        {.text = true, .gaps = true, .kinds = true},
        {.returns = true, .large = true},
        {.sparse = true, .gaps = true, .large = true},
    };
    unsigned seed = 0;
    for (shape const& form : shapes) {
        for (std::size_t const rows : {std::size_t{50}, std::size_t{3000}, std::size_t{150000}}) {
            log const made(rows, static_cast<std::int64_t>(rows / 3), form, ++seed);
            for (unsigned const threads : {1U, 3U}) {
                SCOPED_TRACE("seed " + std::to_string(seed) + ", " + std::to_string(threads) + " threads");
                summarizer whole({.threads = threads});
                whole.update(made.view);
                auto const found = whole.finish_compact();
                ASSERT_TRUE(found);
                summary const expected = whole.finish();
                expect_equal(*found, expected, threads);

                // In batches, backwards: the same.
                summarizer parts({.threads = threads});
                for (std::size_t end = rows; end > 0;) {
                    std::size_t const begin = end > rows / 5 + 1 ? end - rows / 5 - 1 : 0;
                    parts.update(made.view.slice(begin, end - begin));
                    end = begin;
                }
                auto const again = parts.finish_compact();
                ASSERT_TRUE(again);
                expect_equal(*again, expected, threads);
                EXPECT_EQ(parts.to_bytes(), whole.to_bytes());
            }
        }
    }
}

TEST(CompactSummary, IsAbsentWhereItWouldNotDo) {
    log const made(100, 20, {}, 1);
    auto const compact = [&made](summarize_options const& options) {
        return summarizer(options).update(made.view).finish_compact().has_value();
    };
    EXPECT_TRUE(compact({}));
    EXPECT_FALSE(compact({.collapse_by = collapse::week}));
    EXPECT_FALSE(compact({.collapse_by = collapse::none}));
    EXPECT_FALSE(compact({.calibrate_until = sys_days(std::chrono::days(19200))}));
}

}  // namespace

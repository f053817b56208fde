// The law of the summarizer's state: any split of the rows, in any order, over 1 to 64 states and any threads gives the
// same bytes; and what saved states that are damaged do.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <random>
#include <string>

#include "clavis/core/errors.hpp"
#include "clavis/ledger/summarize.hpp"
#include "ledger/summary_records.hpp"

namespace {

using namespace clavis;
using namespace clavis::ledger;
using bytes = std::vector<std::uint8_t>;

struct row {
    std::int64_t customer = 0;  // below 0: missing
    std::int64_t time = 0;      // microseconds
    std::string amount;
    std::int64_t order = -1;
    char const* kind = "";
    std::int64_t event = -1;
};

/// What a table looks like.
struct shape {
    bool amounts = true, dates = false, text = false, sparse = false, orders = false, kinds = false,
         bad = false, fine = false, zone = false, events = false;
};

/// Columns of some rows.
struct table {
    text_column names, amounts, kinds;
    std::vector<std::int64_t> ids, times, orders, events;
    std::vector<std::int32_t> days;
    std::vector<std::uint8_t> known, ordered, evented;
    transactions_view view;

    table(std::vector<row> const& rows, shape const& form)
        : known(rows.size() / 8 + 1), ordered(rows.size() / 8 + 1), evented(rows.size() / 8 + 1) {
        for (row const& one : rows) {
            std::size_t const i = ids.size();
            if (one.customer >= 0) known[i / 8] |= static_cast<std::uint8_t>(1U << (i % 8));
            if (one.order >= 0) ordered[i / 8] |= static_cast<std::uint8_t>(1U << (i % 8));
            if (one.event >= 0) evented[i / 8] |= static_cast<std::uint8_t>(1U << (i % 8));
            events.push_back(one.event);
            ids.push_back(form.sparse ? one.customer * 1000000007 - 5000000000 : one.customer);
            names.push_back(one.customer < 0 ? "" : "c" + std::to_string(one.customer * 7919 % 1000));
            times.push_back(one.time);
            days.push_back(static_cast<std::int32_t>(one.time / day.count()));
            amounts.push_back(one.amount);
            orders.push_back(one.order);
            kinds.push_back(one.kind);
        }
        view.customer_id = form.text ? names.view() : column_view(std::span<std::int64_t const>(ids));
        if (!form.text) view.customer_id.validity = known.data();
        view.time = form.dates ? column_view::days(days) : column_view(std::span<std::int64_t const>(times));
        if (!form.dates) view.time.type = column_type::timestamp;
        if (form.zone) view.time.zone = "America/New_York";
        if (form.amounts) view.amount = amounts.view();
        if (form.kinds) view.kind = kinds.view();
        if (form.events) {
            view.event_id = column_view(std::span<std::int64_t const>(events));
            view.event_id.validity = evented.data();
        }
        if (form.orders) {
            view.order_id = column_view(std::span<std::int64_t const>(orders));
            view.order_id.validity = ordered.data();
        }
    }
};

std::vector<row> random_rows(std::mt19937_64& random, std::size_t size, shape const& form) {
    auto below = [&](std::int64_t n) {
        return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n));
    };
    std::vector<row> rows(size);
    for (row& one : rows) {
        one.customer = below(12) == 0 ? -1 : below(3) == 0 ? below(5) : below(200);
        one.time = (18000 + below(below(4) == 0 ? 900 : 40)) * day.count() -
                   (below(50) == 0 ? 20000 * day.count() : 0);
        if (!form.dates) one.time += below(86400) * 1000000 + (form.fine ? below(1000000) : 0);
        std::int64_t const cents = below(6) == 0    ? -below(3000)
                                   : below(10) == 0 ? below(1000000000000)
                                                    : below(5000);
        one.amount = (cents < 0 ? "-" : "") + std::to_string(std::abs(cents) / 100) + "." +
                     std::to_string(100 + std::abs(cents) % 100).substr(1) + (below(40) == 0 ? "0001" : "");
        if (form.bad && below(15) == 0) one.amount = "x" + std::to_string(below(30));
        if (form.orders && below(4) > 0) one.order = below(400);
        if (form.kinds) {
            constexpr char const* kinds[] = {"", "sale", "return", "cancel", "adjust", ""};
            one.kind = form.bad && below(30) == 0 ? "gift" : kinds[below(6)];
        }
    }
    if (form.events) {
        for (std::size_t i = 0; i < size; ++i)
            if (below(8) > 0) rows[i].event = below(static_cast<std::int64_t>(size));  // some at odds
        for (std::size_t i = 1; i < size; ++i)
            if (below(3) == 0) rows[i] = rows[static_cast<std::size_t>(below(static_cast<std::int64_t>(i)))];
    }
    return rows;
}

summarize_options options_of(shape const& form, int variant) {
    summarize_options options{.collapse_by = static_cast<collapse>(variant % 5),
                              .returns = variant % 3 == 0 ? returns_policy::ignore : returns_policy::net,
                              .observe_until = sys_days(std::chrono::days(18880)),
                              .skip_late = true,
                              .include_first = variant % 4 == 1,
                              .on_bad_rows = form.bad ? bad_rows::refuse : bad_rows::raise,
                              .threads = 1};
    if (variant % 4 == 2) options.calibrate_until = sys_days(std::chrono::days(18400));
    return options;
}

void expect_same(summary const& a, summary const& b) {
    EXPECT_EQ(a.customer_id, b.customer_id);
    EXPECT_EQ(a.frequency, b.frequency);
    EXPECT_EQ(a.first_time, b.first_time);
    EXPECT_EQ(a.last_time, b.last_time);
    EXPECT_EQ(a.last_day, b.last_day);
    EXPECT_EQ(a.orders, b.orders);
    EXPECT_EQ(a.days, b.days);
    EXPECT_EQ(a.lines, b.lines);
    EXPECT_EQ(a.net_amount, b.net_amount);
    EXPECT_EQ(a.returns_amount, b.returns_amount);
    EXPECT_EQ(a.frequency_holdout, b.frequency_holdout);
    EXPECT_EQ(a.quality.rows_used, b.quality.rows_used);
    EXPECT_EQ(a.quality.rows_refused(), b.quality.rows_refused());
    EXPECT_EQ(a.quality.amount_total, b.quality.amount_total);
    EXPECT_EQ(a.quality.amount_without_customer, b.quality.amount_without_customer);
}

std::string message(bytes const& saved) {
    try {
        summarizer::from_bytes(saved);
    } catch (input_error const& problem) {
        return problem.what();
    }
    return "no error";
}

shape shape_of(int variant) {
    std::mt19937_64 random(static_cast<std::uint64_t>(variant));
    auto coin = [&] { return random() % 2 == 0; };
    shape form{.amounts = variant % 6 != 5, .dates = coin(), .text = coin(), .sparse = coin()};
    form.orders = random() % 3 == 0;
    form.kinds = random() % 3 == 0;
    form.bad = coin();
    form.fine = random() % 3 == 0;
    form.zone = !form.dates && coin();
    form.events = random() % 4 == 0;
    form.bad = form.bad || form.events;
    return form;
}

TEST(SummarizerState, AnySplitGivesTheSameBytes) {
    std::mt19937_64 random(20261122);
    for (int variant = 0; variant < 60; ++variant) {
        shape const form = shape_of(variant);
        summarize_options options = options_of(form, variant);
        auto rows = random_rows(random, 1 + random() % 3000, form);
        summarizer whole(options);
        whole.update(table(rows, form).view);
        bytes const expected = whole.to_bytes();
        for (std::size_t shards : {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{64}}) {
            SCOPED_TRACE("variant " + std::to_string(variant) + ", shards " + std::to_string(shards));
            std::shuffle(rows.begin(), rows.end(), random);
            options.threads = 1 + static_cast<unsigned>(random() % 4);
            std::vector<summarizer> states(shards, summarizer(options));
            for (std::size_t begin = 0; begin < rows.size();) {
                // Unequal parts: some of one row, and states that never read any.
                std::size_t const end =
                    std::min(rows.size(), begin + 1 + random() % (random() % 5 == 0 ? 2 : 900));
                std::vector<row> const part(rows.begin() + static_cast<std::ptrdiff_t>(begin),
                                            rows.begin() + static_cast<std::ptrdiff_t>(end));
                states[random() % shards].update(table(part, form).view);
                begin = end;
            }
            // A tree of merges in any order, some through bytes.
            while (states.size() > 1) {
                std::size_t const from = random() % states.size();
                std::size_t const to = (from + 1 + random() % (states.size() - 1)) % states.size();
                if (random() % 3 == 0) states[from] = summarizer::from_bytes(states[from].to_bytes());
                if (random() % 3 == 0) states[to] = summarizer::from_bytes(states[to].to_bytes(), 2);
                states[to].merge(states[from]);
                states.erase(states.begin() + static_cast<std::ptrdiff_t>(from));
            }
            EXPECT_EQ(states[0].to_bytes(), expected);
            summarizer const read = summarizer::from_bytes(expected, options.threads);
            EXPECT_EQ(read.to_bytes(), expected);
            if (whole.quality().rows_used > 0) {
                summary got;
                try {
                    got = whole.finish();
                } catch (input_error const&) {
                    continue;  // calibration ends before the first day
                }
                expect_same(states[0].finish(), got);
                expect_same(read.finish(), got);
                history const days = whole.daily();
                EXPECT_EQ(read.daily().day, days.day);
                EXPECT_EQ(states[0].daily().sales, days.sales);
                EXPECT_EQ(states[0].daily().orders, days.orders);
                EXPECT_EQ(states[0].daily().customer_id, days.customer_id);
            }
            if (HasFailure()) return;
        }
    }
}

TEST(SummarizerState, ManyPartitionsFoldedAndNot) {
    // More rows than one part of a batch, more customers than a partition; fed so that rows are folded now and then.
    std::mt19937_64 random(5);
    std::size_t const size = 2500000;
    std::vector<std::int64_t> ids(size), cents(size);
    std::vector<std::int32_t> days(size);
    for (std::size_t i = 0; i < size; ++i) {
        ids[i] = static_cast<std::int64_t>(random() % (i % 3 == 0 ? 100 : 100000));
        days[i] = static_cast<std::int32_t>(19000 + random() % 700);
        cents[i] = static_cast<std::int64_t>(random() % 10000) - 300;
    }
    auto feed = [&](summarizer& state, std::size_t begin, std::size_t end) {
        auto part = [&](auto const& column) { return std::span(column).subspan(begin, end - begin); };
        state.update({std::span<std::int64_t const>(part(ids)), std::span<std::int32_t const>(part(days)),
                      std::span<std::int64_t const>(part(cents))});
    };
    summarizer whole({.threads = 1});
    feed(whole, 0, size);
    bytes const expected = whole.to_bytes();
    summary const s = whole.finish();
    for (unsigned threads : {1U, 3U}) {
        summarizer parts({.threads = threads});
        summarizer other({.threads = threads});
        for (std::size_t begin = 0; begin < size; begin += 100000)
            feed(begin % 300000 == 0 ? other : parts, begin, begin + 100000);
        EXPECT_EQ(other.merge(parts).to_bytes(), expected);
        expect_same(other.finish(), s);
        EXPECT_LT(other.held().days, 64 * s.size() * 2);  // some 25 rows a customer
    }
    // Columns of wild amounts and of other days are wide lines, and give the same bytes beside small ones.
    summarizer mixed({.threads = 2});
    feed(mixed, 0, 1000);
    std::vector<std::int64_t> const far{3, 4};
    std::vector<std::int32_t> const old{-500000, 2932000};
    std::vector<std::int64_t> const large{400000000000001, -400000000000001};
    mixed.update({far, old, large});
    feed(mixed, 1000, 2000);
    summarizer again({.threads = 1});
    feed(again, 0, 2000);
    again.update({far, old, large});
    EXPECT_EQ(mixed.to_bytes(), again.to_bytes());
    expect_same(mixed.finish(), again.finish());
}

TEST(SummarizerState, MergingWithItselfCountsTwice) {
    std::mt19937_64 random(8);
    for (int variant = 0; variant < 12; ++variant) {
        shape const form = shape_of(variant);
        table const rows(random_rows(random, 200, form), form);
        if (form.events) continue;  // they count once
        summarizer once(options_of(form, variant));
        once.update(rows.view);
        summarizer twice(options_of(form, variant));
        twice.update(rows.view).update(rows.view);
        EXPECT_EQ(once.merge(once).to_bytes(), twice.to_bytes()) << variant;
    }
}

TEST(SummarizerState, AFailedUpdateLeavesNoTraceInAnyPart) {
    std::size_t const size = 1500000;  // two parts; the bad row stands in the second
    std::vector<std::int64_t> ids(size);
    std::iota(ids.begin(), ids.end(), 0);
    std::vector<std::int32_t> const days(size, 19000);
    std::vector<double> amounts(size, 1.5);
    amounts[1400000] = std::nan("");
    transactions_view const bad{std::span<std::int64_t const>(ids), column_view::days(days),
                                std::span<double const>(amounts)};
    summarizer state({.threads = 2});
    EXPECT_THROW(state.update(bad), input_error);
    EXPECT_EQ(state.to_bytes(), summarizer().to_bytes());
    text_column names;
    names.push_back("a");
    transactions_view good{names.view(), column_view::days(std::span(days).first(1)),
                           std::span<double const>(amounts).first(1)};
    state.update(good);  // text ids after integers that left no trace
    bytes const before = state.to_bytes();
    good.amount = column_view(std::span<double const>(amounts).subspan(1400000, 1));
    EXPECT_THROW(state.update(good), input_error);
    EXPECT_EQ(state.to_bytes(), before);
    int reports = 0;
    progress const stop([&reports](std::string_view, double) { return ++reports < 40; });
    summarizer stopped({.threads = 1, .watch = stop});
    amounts[1400000] = 1;
    EXPECT_THROW(stopped.update(bad), cancelled);
    EXPECT_EQ(stopped.quality().rows_read, 0);
}

TEST(SummarizerState, UnequalOptionsAreNotMerged) {
    std::vector<std::int64_t> const ids{1, 2};
    std::vector<std::int32_t> const days{19000, 19001};
    summarizer state({.unit = day});
    state.update({ids, days});
    summarizer const read = summarizer::from_bytes(state.to_bytes());
    EXPECT_EQ(read.options().unit, day);
    EXPECT_THROW(summarizer().merge(read), input_error);
    auto const rates = std::make_shared<currency_rates const>(
        std::vector<currency_rates::series>{
            {.currency = "EUR", .always = true, .rates = {{.day = 0, .mantissa = 1, .exponent = 0}}},
            {.currency = "USD", .always = false, .rates = {{.day = 5, .mantissa = 91, .exponent = -2}}}},
        "EUR");
    summarizer const options({.time_zone = "Europe/Paris",
                              .known_at = sys_days(std::chrono::days(20000)),
                              .rates = rates,
                              .include_first = true,
                              .amount_scale = 2});
    summarizer const again = summarizer::from_bytes(options.to_bytes());
    EXPECT_EQ(again.options().known_at, options.options().known_at);
    EXPECT_EQ(again.options().time_zone, "Europe/Paris");
    EXPECT_EQ(*again.options().rates, *rates);
    EXPECT_EQ(again.to_bytes(), options.to_bytes());
    summarizer weeks({.unit = day, .collapse_by = collapse::week});
    EXPECT_THROW(weeks.merge(read), input_error);
}

TEST(SummarizerState, DamagedBytesAreErrors) {
    std::mt19937_64 random(9);
    for (int variant = 0; variant < 10; ++variant) {
        shape const form = shape_of(variant);
        summarizer state(options_of(form, variant));
        state.update(table(random_rows(random, 60, form), form).view);
        bytes const good = state.to_bytes();
        EXPECT_EQ(message(good), "no error");
        for (std::size_t size = 0; size < good.size(); ++size)
            EXPECT_NE(message(bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))),
                      "no error");
        for (std::size_t at = 0; at < good.size(); ++at) {
            bytes bad = good;
            bad[at] ^= static_cast<std::uint8_t>(1U << random() % 8);
            EXPECT_NE(message(bad), "no error") << at;
        }
        bytes longer = good;
        longer.push_back(0);
        EXPECT_NE(message(longer), "no error");
    }
    EXPECT_EQ(message({}), "these bytes are no saved state of a summarizer");
    bytes later = summarizer().to_bytes();
    later[6] = 9;
    EXPECT_EQ(message(later), "the saved state is of version 9; this library reads version 2");
}

// Every form of a day, in zones as far from UTC as clocks go, in every unit of time.
TEST(SummarizerState, RecordsOfInstantsAreReadAsTheyWereWritten) {
    std::mt19937_64 random(8);
    auto const below = [&](std::int64_t n) {
        return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n));
    };
    for (int round = 0; round < 2000; ++round) {
        std::int64_t const unit = std::array<std::int64_t, 4>{1, 1000, 1000000, 60000000}[round % 4];
        std::vector<day_entry> days;
        std::int32_t today =
            first_known_day + static_cast<std::int32_t>(below(last_known_day - first_known_day - 9000));
        for (std::int64_t i = 1 + below(8); i > 0; --i) {
            today += 1 + static_cast<std::int32_t>(below(round % 3 == 0 ? 900 : 60));
            day_entry entry;
            entry.day = today;
            auto const times = [&](std::int64_t& first, std::int64_t& last, std::int64_t lines) {
                std::int64_t const shift = (below(2 * 26 * 60) - 26 * 60) * 60000000;
                first = entry.midnight() + below(day.count() / unit) * unit + shift;
                last = first + (lines > 1 ? below(day.count() / unit) * unit : 0);
            };
            while (entry.lines() == 0) {
                entry.sale_lines = below(3), entry.return_lines = below(3), entry.adjust_lines = below(2);
            }
            if (entry.sale_lines > 0) {
                entry.sales = below(1000000);
                times(entry.first_sale, entry.last_sale, entry.sale_lines);
            }
            if (entry.return_lines > 0) entry.returns = below(1000000);
            if (entry.adjust_lines > 0) entry.adjustments = below(1000) - 500;
            if (std::int64_t const others = entry.return_lines + entry.adjust_lines; others > 0)
                times(entry.first_other, entry.last_other, others);
            days.push_back(entry);
        }
        record_format const format{.timed = true, .power = 4};
        bytes out;
        write_record(days, format, out);
        byte_reader from(out);
        std::vector<day_entry> read;
        read_record(from, format, read);
        EXPECT_EQ(from.left(), 0U);
        ASSERT_EQ(read.size(), days.size());
        for (std::size_t i = 0; i < days.size(); ++i) {
            EXPECT_EQ(read[i].day, days[i].day);
            EXPECT_EQ(read[i].first_sale, days[i].first_sale);
            EXPECT_EQ(read[i].last_sale, days[i].last_sale);
            EXPECT_EQ(read[i].first_other, days[i].first_other);
            EXPECT_EQ(read[i].last_other, days[i].last_other);
            EXPECT_TRUE(read[i].sales == days[i].sales && read[i].returns == days[i].returns);
        }
    }
}

TEST(SummarizerState, RecordsAreShort) {
    record_format const format{.power = 4};
    std::vector<day_entry> days;
    for (int i = 0; i < 9; ++i) {
        day_entry& entry = days.emplace_back();
        entry.day = 19000 + 80 * i;
        entry.sale_lines = 1;
        entry.sales = 25010000 + 10000 * i;
        entry.first_sale = entry.last_sale = entry.midnight();
    }
    bytes out;
    write_record(days, {.timed = true, .power = 4}, out);
    EXPECT_LE(out.size(), 60U);  // dates and instants of whole seconds alike
    out.clear();
    write_record(days, format, out);
    EXPECT_LE(out.size(), 38U);
    byte_reader from(out);
    std::vector<day_entry> read;
    read_record(from, format, read);
    ASSERT_EQ(read.size(), days.size());
    for (std::size_t i = 0; i < days.size(); ++i) {
        EXPECT_EQ(read[i].day, days[i].day);
        EXPECT_TRUE(read[i].sales == days[i].sales);
    }
}

}  // namespace

// Event ids, late knowledge and rates of exchange: against brute force over every order, batch and merge.

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/ledger/summarize.hpp"

namespace {

using namespace clavis;
using namespace clavis::ledger;

text_column text(std::vector<std::string> const& values) {
    text_column column;
    for (auto const& value : values)
        column.push_back(value);
    return column;
}

template <class Call>
std::string message_of(Call const& call) {
    try {
        call();
    } catch (input_error const& error) {
        return error.what();
    }
    return {};
}

struct line {
    std::int64_t customer;  // < 0: none
    std::int32_t day;
    std::int64_t cents;
    std::int64_t order;
    std::string event;  // empty: none
    bool operator==(line const&) const = default;
    auto content() const {
        // What is compared: an order counts only with a customer.
        return std::tuple(customer < 0, day, cents, cents < 0, customer < 0 ? 0 : order, customer);
    }
};

struct table {
    std::vector<std::int64_t> customers, cents, orders;
    std::vector<std::uint8_t> there;
    std::vector<std::int32_t> days;
    text_column events;

    explicit table(std::vector<line> const& lines) : there(lines.size() / 8 + 1) {
        for (auto const& one : lines) {
            if (one.customer >= 0)
                there[customers.size() / 8] |= static_cast<std::uint8_t>(1U << (customers.size() % 8));
            customers.push_back(one.customer);
            cents.push_back(one.cents);
            orders.push_back(one.order);
            days.push_back(one.day);
            events.push_back(one.event);
        }
    }
    transactions_view view() const {
        transactions_view rows;
        rows.customer_id = std::span<std::int64_t const>(customers);
        rows.customer_id.validity = there.data();
        rows.time = column_view::days(days);
        rows.amount = column_view::minor_units(cents);
        rows.order_id = std::span<std::int64_t const>(orders);
        rows.event_id = events.view();
        return rows;
    }
};

/// The lines that are used, by brute force: of each event the smallest content.
std::vector<line> used_lines(std::vector<line> const& all) {
    std::map<std::string, line> events;
    std::vector<line> used;
    for (auto const& one : all) {
        if (one.event.empty()) {
            used.push_back(one);
            continue;
        }
        auto const [at, fresh] = events.emplace(one.event, one);
        if (!fresh && one.content() < at->second.content()) at->second = one;
    }
    for (auto const& [event, one] : events)
        used.push_back(one);
    return used;
}

struct outcome {
    summary result;
    quality_report quality;
};

void expect_same(outcome const& found, summary const& expected, std::vector<line> const& all,
                 std::vector<line> const& used) {
    EXPECT_EQ(found.result.customer_id, expected.customer_id);
    EXPECT_EQ(found.result.frequency, expected.frequency);
    EXPECT_EQ(found.result.net_amount, expected.net_amount);
    EXPECT_EQ(found.result.orders, expected.orders);
    EXPECT_EQ(found.result.lines, expected.lines);
    EXPECT_EQ(found.result.observed_until, expected.observed_until);
    quality_report const& quality = found.quality;
    EXPECT_EQ(quality.rows_read, static_cast<std::int64_t>(all.size()));
    EXPECT_EQ(quality.rows_used, expected.quality.rows_used);
    EXPECT_EQ(quality.rows_without_customer, expected.quality.rows_without_customer);
    EXPECT_EQ(quality.amount_total, expected.quality.amount_total);
    EXPECT_EQ(quality.amount_without_customer, expected.quality.amount_without_customer);
    std::int64_t duplicates = -static_cast<std::int64_t>(used.size());
    std::int64_t without = 0;
    std::map<std::string, line> winners;
    for (auto const& one : used)
        if (!one.event.empty()) winners.emplace(one.event, one);
    for (auto const& one : all) {
        without += one.event.empty() ? 1 : 0;
        duplicates += one.event.empty() || winners.at(one.event).content() == one.content() ? 1 : 0;
    }
    EXPECT_EQ(quality.rows_duplicate, duplicates);
    EXPECT_EQ(quality.rows_without_event, without);
    EXPECT_EQ(
        quality.rows_refused() + quality.rows_duplicate + quality.rows_used + quality.rows_without_customer,
        quality.rows_read);
    // Every row is listed once, either as a duplicate or as refused.
    for (auto const* entries : {&quality.duplicates, &quality.refused})
        for (auto const& entry : *entries) {
            EXPECT_EQ(entry.count, static_cast<std::int64_t>(entry.rows.size()));
            EXPECT_TRUE(std::is_sorted(entry.rows.begin(), entry.rows.end()));
            for (std::size_t i = 0; i < entry.rows.size(); ++i)
                EXPECT_EQ(all[static_cast<std::size_t>(entry.rows[i])].event, entry.values[i]);
        }
}

TEST(IntakeEvents, EveryOrderBatchAndMergeGivesTheSame) {
    std::mt19937_64 random(7);
    auto draw = [&random](int below) { return static_cast<int>(random() % static_cast<unsigned>(below)); };
    summarize_options const options{.on_bad_rows = bad_rows::refuse, .threads = 2};
    for (int round = 0; round < 60; ++round) {
        std::vector<line> lines(static_cast<std::size_t>(1 + draw(60)));
        int const events = 1 + draw(20);
        for (auto& one : lines)
            one = {.customer = draw(4) - 1,
                   .day = 19000 + draw(3) * 40,
                   .cents = (draw(4) - 1) * 100,
                   .order = draw(2),
                   .event = draw(5) == 0 ? "" : "e" + std::to_string(draw(events))};
        // Something is always used.
        lines.push_back({.customer = 3, .day = 19020, .cents = 100, .order = 9, .event = "z"});
        std::vector<line> const used = used_lines(lines);
        summary expected;
        {
            auto plain = used;
            for (auto& one : plain)
                one.event.clear();
            expected = summarize(table(plain).view(), options);
        }
        for (int order = 0; order < 6; ++order) {
            std::shuffle(lines.begin(), lines.end(), random);
            summarizer state(options);
            summarizer other(options);
            auto const cut = static_cast<std::size_t>(draw(static_cast<int>(lines.size()) + 1));
            auto feed = [&](summarizer& to, std::size_t begin, std::size_t end) {
                while (begin < end) {
                    std::size_t const stop = begin + 1 + static_cast<std::size_t>(draw(20));
                    table const part(
                        std::vector<line>(lines.begin() + static_cast<std::ptrdiff_t>(begin),
                                          lines.begin() + static_cast<std::ptrdiff_t>(std::min(stop, end))));
                    to.update(part.view());
                    begin = std::min(stop, end);
                }
            };
            feed(state, 0, cut);
            feed(other, cut, lines.size());
            state.merge(other);
            expect_same({state.finish(), state.quality()}, expected, lines, used);
            // Events that come once more change nothing but the counts.
            auto const before = state.quality();
            state.merge(state);
            EXPECT_EQ(state.quality().rows_read, 2 * before.rows_read);
            EXPECT_EQ(state.finish().observed_until, expected.observed_until);
            if (before.rows_without_event == 0) {
                EXPECT_EQ(state.finish().net_amount, expected.net_amount);
            }
        }
    }
}

TEST(IntakeEvents, RowsAtOddsAreNamed) {
    std::vector<line> const lines{{1, 100, 500, 1, "a"},
                                  {2, 101, 700, 2, ""},
                                  {1, 100, 500, 1, "a"},
                                  {1, 100, 501, 1, "a"},
                                  {2, 101, 700, 2, "b"}};
    summarizer state;
    EXPECT_EQ(
        message_of([&] { state.update(table(lines).view()); }),
        "transactions, column \"event_id\", row 3: \"a\" is the event of row 0 as well, which differs in "
        "amount");
    EXPECT_EQ(state.quality().rows_read, 0);
    // The state is what it was: the same events are new.
    state.update(table({lines[3], lines[4]}).view());
    EXPECT_EQ(state.quality().rows_duplicate, 0);
    EXPECT_EQ(state.quality().rows_used, 2);
    summarizer other;
    other.update(table({lines[1], lines[0]}).view());
    EXPECT_EQ(
        message_of([&] { state.merge(other); }),
        "transactions, column \"event_id\", row 3: \"a\" is the event of row 0 as well, which differs in "
        "amount");
    EXPECT_EQ(state.quality().rows_read, 2);
    EXPECT_EQ(state.finish().net_amount, (std::vector<double>{5.01, 7.0}));
}

TEST(IntakeEvents, IdsMayBeNumbersAndMustBeWhole) {
    std::vector<std::int64_t> const ids{1, 2, 3};
    std::vector<std::int32_t> const days{10, 20, 30};
    std::vector<double> const events{5, 5.5, std::numeric_limits<double>::quiet_NaN()};
    transactions_view view(ids, days);
    view.event_id = std::span<double const>(events);
    EXPECT_EQ(message_of([&] { summarize(view); }),
              "transactions, column \"event_id\", row 1: \"5.5\" is not a whole number");
    auto const quality = summarize(view, {.on_bad_rows = bad_rows::refuse}).quality;
    EXPECT_EQ(quality.rows_used, 2);
    EXPECT_EQ(quality.rows_without_event, 1);
    summarizer state;
    state.update(transactions_view(ids, days));
    EXPECT_EQ(message_of([&] { state.update(view); }),
              "transactions, column \"event_id\": is there, but the batches before did not have it");
}

TEST(IntakeKnownTimes, RowsKnownLaterAreLeftOut) {
    std::vector<std::int64_t> const ids{1, 1, 2, 3, 4};
    std::vector<std::int32_t> const days{10, 20, 30, 40, 50};
    auto const known = text({"1970-01-11", "1970-03-01", "", "1970-02-01", "1970-02-21"});
    transactions_view view(ids, days);
    view.known_time = known.view();
    auto const all = summarize(view);
    EXPECT_EQ(all.quality.rows_used, 5);
    EXPECT_EQ(all.quality.rows_not_yet_known, 0);
    EXPECT_EQ(all.quality.notes, (std::vector<std::string>{"1 rows were known before they happened"}));
    // 1970-02-10 is day 40: of customer 1 one row is known by then, customer 2's row at its time.
    auto const then = summarize(view, {.known_at = sys_days(std::chrono::days(40))});
    EXPECT_EQ(then.quality.rows_not_yet_known, 2);
    EXPECT_EQ(then.quality.rows_used, 3);
    EXPECT_EQ(then.customer_id.integers(), (std::vector<std::int64_t>{1, 2, 3}));
    EXPECT_EQ(then.frequency, (std::vector<std::int32_t>{0, 0, 0}));
    // Without the column a row is known at its time.
    EXPECT_EQ(summarize(transactions_view(ids, days), {.known_at = sys_days(std::chrono::days(35))})
                  .quality.rows_used,
              3);
    EXPECT_EQ(message_of([&] { summarize(view, {.known_at = sys_days(std::chrono::days(5))}); }),
              "transactions: none of the 5 rows can be used: all became known after known_at");
    auto const wrong = text({"", "", "1970-13-01", "", ""});
    view.known_time = wrong.view();
    EXPECT_EQ(message_of([&] { summarize(view); }),
              "transactions, column \"known_time\", row 2: \"1970-13-01\" is a date that does not exist");
}

std::shared_ptr<currency_rates const> rates_of(std::vector<std::string> const& currencies,
                                               std::vector<std::string> const& rates,
                                               std::vector<std::string> const& dates, std::string to) {
    auto const names = text(currencies);
    auto const values = text(rates);
    auto const days = text(dates);
    currency_rates::columns columns{.currency = names.view(), .rate = values.view(), .date = {}};
    if (!dates.empty()) columns.date = days.view();
    return std::make_shared<currency_rates>(std::vector{columns}, std::move(to));
}

TEST(CurrencyRates, ConvertExactlyHalvesAwayFromZero) {
    auto const rates = rates_of({"USD"}, {"0.5"}, {}, "EUR");
    auto const& half = *rates->on(*rates->find("USD"), 0);
    EXPECT_EQ(currency_rates::convert(3, half), 2);
    EXPECT_EQ(currency_rates::convert(-3, half), -2);
    EXPECT_EQ(currency_rates::convert(1, half), 1);
    EXPECT_EQ(currency_rates::convert(-1, half), -1);
    EXPECT_EQ(currency_rates::convert(4, half), 2);
    // 123456789012345 times 0.00613497 is 757403696887.06...
    auto const yen = rates_of({"JPY"}, {"0.00613497"}, {}, "EUR");
    EXPECT_EQ(currency_rates::convert(123456789012345, *yen->on(*yen->find("JPY"), 0)), 757403696887);
    auto const many = rates_of({"X"}, {"250000"}, {}, "EUR");
    EXPECT_EQ(currency_rates::convert(4000000000000000000, *many->on(*many->find("X"), 0)), std::nullopt);
    EXPECT_EQ(currency_rates::convert(-4, *many->on(*many->find("X"), 0)), -1000000);
    auto const tiny = rates_of({"X"}, {"1e-30"}, {}, "EUR");
    EXPECT_EQ(
        currency_rates::convert(std::numeric_limits<std::int64_t>::max(), *tiny->on(*tiny->find("X"), 0)), 0);
}

TEST(CurrencyRates, ARateHoldsUntilTheNext) {
    auto const rates = rates_of({"USD", "USD", "GBP"}, {"0.9", "0.8", "1.2"},
                                {"1970-01-11", "1970-01-21", "1970-01-01"}, "EUR");
    std::vector<std::int64_t> const ids{1, 1, 1, 2};
    std::vector<std::int32_t> const days{10, 19, 20, 5};
    std::vector<std::int64_t> const cents{1000, 1000, -1000, 100};
    auto const currencies = text({"USD", "USD", "USD", "EUR"});
    transactions_view view(ids, days, cents);
    view.currency = currencies.view();
    auto const s = summarize(view, {.rates = rates});
    EXPECT_EQ(s.net_amount, (std::vector<double>{10.0, 1.0}));
    EXPECT_EQ(s.quality.converted, (std::vector<conversion>{{"EUR", 1}, {"USD", 3}}));

    std::vector<std::int32_t> const early{10, 19, 9, 5};
    view = transactions_view(ids, early, cents);
    auto const others = text({"USD", "", "USD", "CHF"});
    view.currency = others.view();
    auto const refusing = [&](transactions_view const& rows) {
        summarizer state({.rates = rates, .on_bad_rows = bad_rows::refuse});
        return state.update(rows).quality();
    };
    auto const quality = refusing(view);
    ASSERT_EQ(quality.refused.size(), 3U);
    EXPECT_EQ(quality.refused[0].reason, "has no rate");
    EXPECT_EQ(quality.refused[0].values, (std::vector<std::string>{"CHF"}));
    EXPECT_EQ(quality.refused[1].reason, "has no rate for that day yet");
    EXPECT_EQ(quality.refused[1].rows, (std::vector<std::int64_t>{2}));
    EXPECT_EQ(quality.refused[2].reason, "is missing, and with rates nothing is assumed");
    EXPECT_EQ(message_of([&] { summarize(transactions_view(ids, days, cents), {.rates = rates}); }),
              "transactions, column \"currency\": is missing, and amounts are to be converted by it");
}

TEST(CurrencyRates, TablesThatCannotBeRight) {
    auto problem = [](std::vector<std::string> const& currencies, std::vector<std::string> const& rates,
                      std::vector<std::string> const& dates, std::string to = "EUR") {
        return message_of([&] { rates_of(currencies, rates, dates, std::move(to)); });
    };
    EXPECT_EQ(problem({"USD"}, {"0"}, {}),
              "rates, column \"rate\", row 0: \"0\" is no rate: a number above 0 of at most 18 digits");
    EXPECT_EQ(problem({"USD"}, {"-1.1"}, {}),
              "rates, column \"rate\", row 0: \"-1.1\" is no rate: a number above 0 of at most 18 digits");
    EXPECT_EQ(problem({"USD", ""}, {"1", "1"}, {}), "rates, column \"currency\", row 1: is missing");
    EXPECT_EQ(problem({"USD", "GBP"}, {"1", ""}, {}), "rates, column \"rate\", row 1: is missing");
    EXPECT_EQ(problem({"USD", "USD"}, {"1.1", "1.2"}, {}),
              "rates, column \"rate\", row 1: \"1.2\" is a second rate of \"USD\" for the same day");
    EXPECT_EQ(problem({"USD", "USD"}, {"1.1", "1.1"}, {}), "");
    EXPECT_EQ(
        problem({"USD", "USD"}, {"1.1", "1.2"}, {"", "2024-01-01"}),
        "rates, column \"date\", row 1: \"2024-01-01\" stands beside rates of \"USD\" that have a date where "
        "this has none, or the other way round");
    EXPECT_EQ(problem({"USD"}, {"1.1"}, {"2024-02-30"}),
              "rates, column \"date\", row 0: \"2024-02-30\" is no date");
    EXPECT_EQ(problem({"EUR"}, {"1.1"}, {}),
              "rates, column \"rate\", row 0: \"1.1\" is the rate of the reporting currency, which is 1");
    EXPECT_EQ(problem({"USD"}, {"1.1"}, {}, ""),
              "reporting_currency: say which currency the rates convert to");
}

}  // namespace

// Every kind of bad input: the error names table, column, row and value; or the row is counted, listed and left out.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "clavis/ledger/summarize.hpp"

namespace {

using namespace clavis;
using namespace clavis::ledger;
using namespace std::chrono_literals;

text_column text(std::initializer_list<std::string_view> values) {
    text_column column;
    for (auto value : values)
        column.push_back(value);
    return column;
}

/// Three good rows; tests spoil one column.
struct sample {
    std::vector<std::int64_t> ids{1, 2, 1};
    std::vector<std::int32_t> days{10000, 10001, 10007};
    std::vector<double> amounts{1.5, 2.5, 3.0};

    transactions_view view() const {
        return {std::span<std::int64_t const>(ids), column_view::days(days),
                std::span<double const>(amounts)};
    }
};

std::string message(auto const& call) {
    try {
        call();
    } catch (input_error const& problem) {
        return problem.what();
    }
    return "no error";
}

std::string update_message(transactions_view const& rows, summarize_options options = {}) {
    return message([&] { summarizer(options).update(rows); });
}

std::uint8_t const second_is_null[] = {0b101};

TEST(SummarizeBadInput, NobodyIsNoError) {
    summary const nothing = summarizer().finish();
    EXPECT_EQ(nothing.size(), 0U);
    EXPECT_EQ(nothing.customer_id.size(), 0U);
    std::vector<std::int64_t> const ids;
    std::vector<std::int32_t> const days;
    using namespace std::chrono;
    summary const empty =
        summarize({ids, days}, {.observe_until = 2024y / 3 / 1, .calibrate_until = 2024y / 2 / 1});
    EXPECT_EQ(empty.size(), 0U);
    EXPECT_EQ(empty.observed_until, sys_days(2024y / 2 / 1));
    EXPECT_EQ(empty.holdout_until, sys_days(2024y / 3 / 1));
    EXPECT_EQ(message([] { summarizer().daily(); }), "transactions: there are no rows");
}

TEST(SummarizeBadInput, ColumnsThatAreMissingOrOfTheWrongKind) {
    sample rows;
    auto view = rows.view();
    view.labels.time = "InvoiceDate";
    view.time = {};
    EXPECT_EQ(update_message(view), "transactions, column \"InvoiceDate\": is missing");
    view.time = std::span<std::int32_t const>(rows.days);
    EXPECT_EQ(
        update_message(view),
        "transactions, column \"InvoiceDate\": holds whole numbers; times are dates, timestamps or ISO text");
    view = rows.view();
    view.customer_id = {};
    EXPECT_EQ(update_message(view), "transactions, column \"customer_id\": is missing");
    view.customer_id = column_view::days(rows.days);
    EXPECT_EQ(update_message(view),
              "transactions, column \"customer_id\": holds dates; ids are integers or text");
    view = rows.view();
    view.amount = column_view::days(rows.days);
    EXPECT_EQ(update_message(view), "transactions, column \"amount\": holds dates; amounts are numbers");
    view = rows.view();
    view.amount.size = 2;
    EXPECT_EQ(update_message(view), "transactions, column \"amount\": has 2 rows where the others have 3");
    view = rows.view();
    view.currency = std::span<double const>(rows.amounts);
    EXPECT_EQ(update_message(view), "transactions, column \"currency\": holds numbers; currencies are text");
}

TEST(SummarizeBadInput, Amounts) {
    sample rows;
    auto view = rows.view();
    view.labels.amount = "Price";
    rows.amounts[1] = std::nan("");
    EXPECT_EQ(update_message(view), "transactions, column \"Price\", row 1: \"nan\" is not a number");
    rows.amounts[1] = -std::numeric_limits<double>::infinity();
    EXPECT_EQ(update_message(view), "transactions, column \"Price\", row 1: \"-inf\" is not finite");
    rows.amounts[1] = 1e13;
    EXPECT_EQ(
        update_message(view),
        "transactions, column \"Price\", row 1: \"1e+13\" is too large for 6 decimal places in 64 bits");
    EXPECT_EQ(update_message(view, {.amount_scale = 2}), "no error");
    rows.amounts[1] = 1;
    view.amount.validity = second_is_null;
    EXPECT_EQ(update_message(view), "transactions, column \"Price\", row 1: is missing");
    auto const words = text({"12.50", "12,50", "x"});
    view.amount = words.view();
    EXPECT_EQ(update_message(view), "transactions, column \"Price\", row 1: \"12,50\" is not a number");
    std::vector<std::int64_t> const units{1, std::numeric_limits<std::int64_t>::max(), 1};
    view.amount = std::span<std::int64_t const>(units);
    EXPECT_EQ(update_message(view),
              "transactions, column \"Price\", row 1: \"9223372036854775807\" is too large for 6 decimal "
              "places in 64 "
              "bits");
    EXPECT_EQ(update_message(view, {.amount_scale = 0}), "no error");
}

TEST(SummarizeBadInput, Times) {
    sample rows;
    auto view = rows.view();
    auto const dates = text({"2021-01-31", "2021-02-30", "junk"});
    view.time = dates.view();
    EXPECT_EQ(update_message(view),
              "transactions, column \"time\", row 1: \"2021-02-30\" is a date that does not exist");
    auto const clocks = text({"2021-01-31", "2021-02-03 25:00", "junk"});
    view.time = clocks.view();
    EXPECT_TRUE(
        update_message(view).starts_with("transactions, column \"time\", row 1: \"2021-02-03 25:00\" "));
    auto const junk = text({"2021-01-31", "31.01.2021", "junk"});
    view.time = junk.view();
    EXPECT_TRUE(update_message(view).starts_with("transactions, column \"time\", row 1: \"31.01.2021\" "));
    auto const empty = text({"2021-01-31", "", ""});
    view.time = empty.view();
    EXPECT_EQ(update_message(view), "transactions, column \"time\", row 1: is missing");
    view = rows.view();
    view.time.validity = second_is_null;
    EXPECT_EQ(update_message(view), "transactions, column \"time\", row 1: is missing");
    rows.days[1] = 2932897;
    view = rows.view();
    EXPECT_TRUE(update_message(view).ends_with("lies outside of the years 0 to 9999"));
    rows.days[1] = 10001;
    EXPECT_EQ(update_message(view, {.observe_until = 1997y / 5 / 23}),
              "transactions, column \"time\", row 2: \"1997-05-26\" lies after observe_until, 1997-05-23");
    EXPECT_EQ(update_message(view, {.observe_until = 1997y / 5 / 26}), "no error");

    std::vector<std::int64_t> ticks{0, std::numeric_limits<std::int64_t>::min(), 0};
    view.time = std::span<std::int64_t const>(ticks);
    view.time.type = column_type::timestamp;
    for (auto resolution : {time_resolution::seconds, time_resolution::milliseconds,
                            time_resolution::microseconds, time_resolution::nanoseconds}) {
        view.time.resolution = resolution;
        ticks[1] = std::numeric_limits<std::int64_t>::min();  // NumPy's NaT
        EXPECT_TRUE(update_message(view).ends_with("is missing"));
        ticks[1] = std::numeric_limits<std::int64_t>::max();
        // As many nanoseconds end in the year 2262.
        EXPECT_EQ(update_message(view),
                  resolution == time_resolution::nanoseconds
                      ? "no error"
                      : "transactions, column \"time\", row 1: \"9223372036854775807 ticks since "
                        "1970\" lies outside of the years 0 to 9999");
    }
}

TEST(SummarizeBadInput, CustomersKindsAndOrders) {
    sample rows;
    auto view = rows.view();
    std::vector<double> ids{1, 17850.5, 2};
    view.customer_id = std::span<double const>(ids);
    EXPECT_EQ(update_message(view),
              "transactions, column \"customer_id\", row 1: \"17850.5\" is not a whole number");
    ids[1] = std::numeric_limits<double>::infinity();
    EXPECT_TRUE(update_message(view).ends_with("\"inf\" is too large to be a whole number exactly"));
    view = rows.view();
    auto const kinds = text({"Sale", "gift", ""});
    view.kind = kinds.view();
    EXPECT_EQ(update_message(view),
              "transactions, column \"kind\", row 1: \"gift\" is none of sale, return, cancel, adjust");
    view = rows.view();
    view.order_id = std::span<double const>(ids);
    EXPECT_EQ(update_message(view),
              "transactions, column \"order_id\", row 1: \"inf\" is not a whole number");
}

TEST(SummarizeBadInput, SeveralCurrencies) {
    sample rows;
    auto view = rows.view();
    auto const currencies = text({"GBP", "", "EUR"});
    view.currency = currencies.view();
    std::string const problem =
        " differs from \"GBP\" in the rows before; amounts of several currencies cannot be added up "
        "without rates: give rates (currency, rate and perhaps date) and reporting_currency";
    EXPECT_EQ(update_message(view), "transactions, column \"currency\", row 2: \"EUR\"" + problem);
    EXPECT_EQ(update_message(view, {.on_bad_rows = bad_rows::refuse}),
              "transactions, column \"currency\", row 2: \"EUR\"" + problem);
    auto const pounds = text({"GBP", "GBP", "GBP"});
    auto const euros = text({"EUR", "EUR", "EUR"});
    view.currency = pounds.view();
    summarizer state;
    state.update(view);
    view.currency = euros.view();
    EXPECT_EQ(message([&] { state.update(view); }),
              "transactions, column \"currency\", row 3: \"EUR\"" + problem);
    summarizer other;
    other.update(view);
    EXPECT_NE(message([&] { state.merge(other); }).find("\"GBP\" and in \"EUR\""), std::string::npos);
}

TEST(SummarizeBadInput, BatchesThatDoNotBelongTogether) {
    sample rows;
    auto const names = text({"a", "b", "c"});
    auto named = rows.view();
    named.customer_id = names.view();
    summarizer state;
    state.update(rows.view());
    EXPECT_EQ(message([&] { state.update(named); }),
              "transactions, column \"customer_id\": holds text, but the batches before held numbers");
    auto bare = rows.view();
    bare.amount = {};
    EXPECT_EQ(message([&] { state.update(bare); }),
              "transactions, column \"amount\": is missing, but the batches before had it");
    auto ordered = rows.view();
    ordered.order_id = std::span<std::int64_t const>(rows.ids);
    EXPECT_EQ(message([&] { state.update(ordered); }),
              "transactions, column \"order_id\": is there, but the batches before did not have it");
    summarizer other;
    other.update(named);
    EXPECT_EQ(message([&] { state.merge(other); }),
              "transactions: the states to be merged hold text ids and integer ids");
    EXPECT_EQ(message([&] { state.merge(summarizer({.unit = day})); }),
              "states to be merged must have equal options, but these differ: unit");

    std::vector<std::int64_t> const ticks{0, 1, 2};
    auto london = rows.view();
    london.time = std::span<std::int64_t const>(ticks);
    london.time.type = column_type::timestamp;
    london.time.zone = "Europe/London";
    auto paris = london;
    paris.time.zone = "Europe/Paris";
    summarizer zones;
    zones.update(london);
    EXPECT_EQ(
        message([&] { zones.update(paris); }),
        "transactions, column \"time\": is in the zone \"Europe/Paris\", but the batches before were in "
        "\"Europe/London\": say in time_zone whose days count");
    EXPECT_EQ(message([&] { summarizer({.time_zone = "Europe/Paris"}).update(london).update(paris); }),
              "no error");
    paris.time.zone = "Mars/Olympus";
    EXPECT_NE(update_message(paris).find("Mars/Olympus"), std::string::npos);
}

TEST(SummarizeBadInput, OptionsThatDoNotFit) {
    sample rows;
    EXPECT_EQ(message([&] { summarize(rows.view(), {.calibrate_until = 1990y / 1 / 1}); }),
              "calibrate_until: 1990-01-01 lies before the first day, 1997-05-19");
    EXPECT_EQ(message([&] { summarize(rows.view(), {.calibrate_until = 1999y / 1 / 1}); }),
              "calibrate_until: 1999-01-01 lies after the last day, 1997-05-26; without a holdout leave it "
              "out or say "
              "observe_until");
    EXPECT_EQ(
        message([&] { summarizer({.observe_until = 1997y / 1 / 1, .calibrate_until = 1999y / 1 / 1}); }),
        "calibrate_until: 1999-01-01 lies after observe_until, 1997-01-01");
    EXPECT_EQ(message([&] { summarizer({.unit = duration(0)}); }), "unit: must be longer than nothing");
    EXPECT_EQ(message([&] { summarizer({.amount_scale = 13}); }), "amount_scale: 13 is not in 0 to 12");
    EXPECT_EQ(message([&] { parse_collapse("fortnight"); }),
              "collapse: \"fortnight\" is none of none hour day week month");
    EXPECT_EQ(parse_collapse("week"), collapse::week);
    EXPECT_EQ(parse_returns_policy("ignore"), returns_policy::ignore);
    EXPECT_EQ(message([&] { parse_returns_policy("link"); }), "returns: \"link\" is none of net ignore");
}

TEST(SummarizeBadInput, AnErrorLeavesTheStateAsItWas) {
    sample rows;
    summarizer state;
    state.update(rows.view());
    summary const before = state.finish();
    sample bad;
    bad.ids = {7, 8, 9};
    bad.amounts[2] = std::nan("");
    // Rows count on over the batches.
    EXPECT_EQ(message([&] { state.update(bad.view()); }),
              "transactions, column \"amount\", row 5: \"nan\" is not a number");
    summary const after = state.finish();
    EXPECT_EQ(after.customer_id, before.customer_id);
    EXPECT_EQ(after.net_amount, before.net_amount);
    EXPECT_EQ(after.quality.rows_read, 3);
    EXPECT_EQ(state.daily().size(), 2U);

    // A first batch that fails leaves no trace of its kind of ids.
    summarizer fresh;
    EXPECT_NE(message([&] { fresh.update(bad.view()); }), "no error");
    auto const names = text({"a", "b", "a"});
    auto named = rows.view();
    named.customer_id = names.view();
    EXPECT_EQ(fresh.update(named).finish().customer_id.label(1), "b");

    progress stop([](std::string_view, double) { return false; });
    summarizer stopped({.threads = 1, .watch = stop});
    EXPECT_THROW(stopped.update(rows.view()), cancelled);
    EXPECT_EQ(stopped.quality().rows_read, 0);
}

TEST(SummarizeBadInput, RefusedRowsAreCountedAndListed) {
    auto const ids = text({"a", "b", "", "a", "c", "a"});
    auto const times =
        text({"2024-01-01", "2024-01-02", "2024-01-03", "2024-02-30", "2024-01-05", "2024-01-08"});
    auto const amounts = text({"1", "x", "5.00", "2", "oops", "4"});
    transactions_view view{ids.view(), times.view(), amounts.view()};
    view.labels.time = "when";
    summarizer state({.on_bad_rows = bad_rows::refuse});
    state.update(view).update(view);
    summary const s = state.finish();
    ASSERT_EQ(s.size(), 1U);  // b and c have no row that can be used
    EXPECT_EQ(s.customer_id.label(0), "a");
    EXPECT_EQ(s.frequency[0], 1);
    EXPECT_DOUBLE_EQ(s.recency[0], 1);
    EXPECT_EQ(s.quality.rows_read, 12);
    EXPECT_EQ(s.quality.rows_used, 4);
    EXPECT_EQ(s.quality.rows_without_customer, 2);
    EXPECT_DOUBLE_EQ(s.quality.amount_without_customer, 10);
    EXPECT_DOUBLE_EQ(s.quality.amount_total, 10);
    EXPECT_EQ(s.quality.rows_refused(), 6);
    ASSERT_EQ(s.quality.refused.size(), 2U);
    EXPECT_EQ(s.quality.refused[0].column, "amount");
    EXPECT_EQ(s.quality.refused[0].reason, "is not a number");
    EXPECT_EQ(s.quality.refused[0].rows, (std::vector<std::int64_t>{1, 4, 7, 10}));
    EXPECT_EQ(s.quality.refused[0].values, (std::vector<std::string>{"x", "oops", "x", "oops"}));
    EXPECT_EQ(s.quality.refused[1].column, "when");
    EXPECT_EQ(s.quality.refused[1].rows, (std::vector<std::int64_t>{3, 9}));
    EXPECT_EQ(s.left_out, 0);
    EXPECT_EQ(state.daily().size(), 1U);

    // Merging counts the other's rows after these.
    summarizer other({.on_bad_rows = bad_rows::refuse});
    other.update(view);
    other.merge(state);
    EXPECT_EQ(other.quality().refused[1].rows, (std::vector<std::int64_t>{3, 9, 15}));
    EXPECT_EQ(other.quality().refused[0].count, 6);
}

TEST(SummarizeBadInput, ManyRefusedRowsAreCountedBeyondTheList) {
    std::vector<std::int64_t> const ids(100000, 5);
    std::vector<std::int32_t> const days(100000, 10000);
    std::vector<double> amounts(100000, std::nan(""));
    amounts[70000] = 2;
    transactions_view const view{std::span<std::int64_t const>(ids), column_view::days(days),
                                 std::span<double const>(amounts)};
    summary const s = summarize(view, {.on_bad_rows = bad_rows::refuse, .threads = 2});
    EXPECT_EQ(s.quality.rows_refused(), 99999);
    EXPECT_EQ(s.quality.refused[0].rows.size(), refusal::listed);
    EXPECT_EQ(s.quality.refused[0].values.size(), refusal::listed);
    EXPECT_EQ(s.net_amount, std::vector<double>{2});
    // In parallel, too, the first bad row is the one that is named.
    EXPECT_TRUE(update_message(view, {.threads = 4}).starts_with("transactions, column \"amount\", row 0: "));
    amounts.assign(amounts.size(), std::nan(""));
    EXPECT_EQ(message([&] { summarize(view, {.on_bad_rows = bad_rows::refuse}); }),
              "transactions: none of the 100000 rows can be used: column \"amount\" is not a number");
}

}  // namespace

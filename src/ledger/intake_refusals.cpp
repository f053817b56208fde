// What is wrong with a batch, in words: columns that do not fit, the first bad row, or every bad row counted and listed.

#include <algorithm>
#include <cmath>
#include <utility>

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "clavis/core/time_text.hpp"
#include "ledger/intake_batch.hpp"

namespace clavis::ledger {

using clavis::to_string;

namespace {

struct problem_text {
    role column;
    std::string_view reason;
};

problem_text describe(row_problem problem) {
    switch (problem) {
        case row_problem::none:
        case row_problem::no_customer:
        case row_problem::not_yet_known:
        case row_problem::event_duplicate:
        case row_problem::event_at_odds:  // listed where it is found out
            break;
        case row_problem::time_missing:
            return {role::time, "is missing"};
        case row_problem::time_malformed:
            return {role::time, describe(time_text_problem::malformed)};
        case row_problem::date_impossible:
            return {role::time, describe(time_text_problem::impossible_date)};
        case row_problem::clock_impossible:
            return {role::time, describe(time_text_problem::impossible_time)};
        case row_problem::time_out_of_range:
            return {role::time, "lies outside of the years 0 to 9999"};
        case row_problem::time_after_end:
            return {role::time, "lies after observe_until"};
        case row_problem::amount_missing:
            return {role::amount, "is missing"};
        case row_problem::amount_malformed:
            return {role::amount, "is not a number"};
        case row_problem::amount_not_finite:
            return {role::amount, "is not finite"};
        case row_problem::amount_too_large:
            return {role::amount, "is too large"};
        case row_problem::kind_unknown:
            return {role::kind, "is none of sale, return, cancel, adjust"};
        case row_problem::customer_fraction:
            return {role::customer_id, "is not a whole number"};
        case row_problem::customer_too_large:
            return {role::customer_id, "is too large to be a whole number exactly"};
        case row_problem::currency_missing:
            return {role::currency, "is missing, and with rates nothing is assumed"};
        case row_problem::currency_unknown:
            return {role::currency, "has no rate"};
        case row_problem::rate_missing:
            return {role::currency, "has no rate for that day yet"};
        case row_problem::converted_too_large:
            return {role::amount, "is too large once converted"};
        case row_problem::known_malformed:
            return {role::known_time, describe(time_text_problem::malformed)};
        case row_problem::known_date_impossible:
            return {role::known_time, describe(time_text_problem::impossible_date)};
        case row_problem::known_clock_impossible:
            return {role::known_time, describe(time_text_problem::impossible_time)};
        case row_problem::known_out_of_range:
            return {role::known_time, "lies outside of the years 0 to 9999"};
        case row_problem::event_fraction:
            return {role::event_id, "is not a whole number"};
        case row_problem::event_too_large:
            return {role::event_id, "is too large to be a whole number exactly"};
    }
    return {role::customer_id, ""};
}

std::string_view type_name(column_type type) {
    switch (type) {
        case column_type::none:
            return "nothing";
        case column_type::int32:
        case column_type::int64:
            return "whole numbers";
        case column_type::float64:
            return "numbers";
        case column_type::utf8:
        case column_type::large_utf8:
            return "text";
        case column_type::date32:
            return "dates";
        case column_type::timestamp:
            return "timestamps";
        case column_type::decimal64:
            return "decimal numbers";
    }
    return "nothing";
}

}  // namespace

void list_row(refusal& entry, std::int64_t row, std::string value) {
    ++entry.count;
    note_example(entry, value);
    if (row < 0) return;  // of a saved state, which has no row numbers
    auto const at = std::upper_bound(entry.rows.begin(), entry.rows.end(), row) - entry.rows.begin();
    if (at >= static_cast<std::ptrdiff_t>(refusal::listed)) return;
    entry.rows.insert(entry.rows.begin() + at, row);
    entry.values.insert(entry.values.begin() + at, std::move(value));
    if (entry.rows.size() <= refusal::listed) return;
    entry.rows.pop_back();
    entry.values.pop_back();
}

void note_example(refusal& entry, std::string_view value) {
    auto& known = entry.examples;
    if (known.size() == refusal::most_examples && value >= known.back()) return;
    auto const at = std::lower_bound(known.begin(), known.end(), value);
    if (at != known.end() && *at == value) return;
    known.insert(at, std::string(value));
    if (known.size() > refusal::most_examples) known.pop_back();
}

refusal& refusal_of(std::vector<refusal>& refused, std::string_view column, std::string_view reason) {
    auto const key = std::pair(column, reason);
    auto const at =
        std::lower_bound(refused.begin(), refused.end(), key, [](refusal const& entry, auto const& k) {
            return std::pair(std::string_view(entry.column), std::string_view(entry.reason)) < k;
        });
    if (at != refused.end() && at->column == column && at->reason == reason) return *at;
    refusal entry;
    entry.column = column;
    entry.reason = reason;
    return *refused.insert(at, std::move(entry));
}

void batch_reader::raise(std::int64_t rows_before) const {
    std::size_t row = 0;
    while (!is_bad(row))
        ++row;
    auto const problem = static_cast<row_problem>(status[row]);
    problem_text const text = describe(problem);
    std::string reason(text.reason);
    if (problem == row_problem::time_after_end) reason += ", " + to_string(*options.observe_until);
    if (problem == row_problem::amount_too_large)
        reason += " for " + std::to_string(options.amount_scale) + " decimal places in 64 bits";
    throw input_error({.table = batch.labels.table,
                       .column = label(text.column),
                       .row = rows_before + static_cast<std::int64_t>(row),
                       .value = show_value(column(text.column), row)},
                      reason);
}

void batch_reader::list_refused(std::vector<refusal>& refused, std::int64_t rows_before) const {
    for (std::size_t row = 0; row < batch.size(); ++row) {
        if (!is_bad(row)) continue;
        problem_text const text = describe(static_cast<row_problem>(status[row]));
        refusal& entry = refusal_of(refused, label(text.column), text.reason);
        list_row(entry, rows_before + static_cast<std::int64_t>(row), show_value(column(text.column), row));
    }
}

std::string batch_reader::check_currency(std::string_view known, std::int64_t rows_before) const {
    column_view const& currency = batch.currency;
    for (std::size_t row = 0; known.empty() && row < batch.size(); ++row)
        if (!currency.is_null(row)) known = currency.text(row);
    std::vector<std::size_t> differing(block_count(batch.size(), intake_block_rows), batch.size());
    parallel_blocks(batch.size(), intake_block_rows, options.threads,
                    [&](std::size_t block, std::size_t begin, std::size_t end) {
                        for (std::size_t row = begin; row < end; ++row) {
                            if (currency.is_null(row)) continue;
                            std::string_view const text = currency.text(row);
                            if (text == known || text.empty()) continue;
                            differing[block] = row;
                            return;
                        }
                    });
    for (std::size_t row : differing) {
        if (row == batch.size()) continue;
        throw input_error(
            {.table = batch.labels.table,
             .column = batch.labels.currency,
             .row = rows_before + static_cast<std::int64_t>(row),
             .value = show_value(currency, row)},
            "differs from \"" + std::string(known) +
                "\" in the rows before; amounts of several currencies cannot be added up without rates: "
                "give rates (currency, rate and perhaps date) and reporting_currency");
    }
    return std::string(known);
}

namespace {

[[noreturn]] void refuse_column(transactions_view const& batch, std::string_view column,
                                std::string const& problem) {
    throw input_error({.table = batch.labels.table, .column = column}, problem);
}

}  // namespace

void check_columns(transactions_view const& batch) {
    auto const& labels = batch.labels;
    auto require = [&](column_view const& column, std::string_view label, bool fits,
                       std::string_view wanted) {
        if (!column) return;
        if (!fits)
            refuse_column(batch, label,
                          "holds " + std::string(type_name(column.type)) + "; " + std::string(wanted));
        if (column.size != batch.size())
            refuse_column(batch, label,
                          "has " + std::to_string(column.size) + " rows where the others have " +
                              std::to_string(batch.size()));
    };
    auto is = [](column_view const& column, auto... types) { return ((column.type == types) || ...); };
    auto is_id = [&](column_view const& column) {
        return column.is_text() || is(column, column_type::int32, column_type::int64, column_type::float64) ||
               (column.type == column_type::decimal64 && column.scale == 0);
    };
    if (!batch.customer_id) refuse_column(batch, labels.customer_id, "is missing");
    if (!batch.time) refuse_column(batch, labels.time, "is missing");
    require(batch.customer_id, labels.customer_id, is_id(batch.customer_id), "ids are integers or text");
    require(batch.time, labels.time,
            batch.time.is_text() || is(batch.time, column_type::date32, column_type::timestamp),
            "times are dates, timestamps or ISO text");
    require(batch.amount, labels.amount,
            batch.amount.is_text() || is(batch.amount, column_type::int32, column_type::int64,
                                         column_type::float64, column_type::decimal64),
            "amounts are numbers");
    require(batch.order_id, labels.order_id, is_id(batch.order_id), "ids are integers or text");
    require(batch.currency, labels.currency, batch.currency.is_text(), "currencies are text");
    require(batch.kind, labels.kind, batch.kind.is_text(), "kinds are text");
    require(batch.event_id, labels.event_id, is_id(batch.event_id), "ids are integers or text");
    require(batch.known_time, labels.known_time,
            batch.known_time.is_text() || is(batch.known_time, column_type::date32, column_type::timestamp),
            "times are dates, timestamps or ISO text");
    if (batch.amount.type == column_type::decimal64 && std::abs(batch.amount.scale) > 18)
        refuse_column(batch, labels.amount, "has " + std::to_string(batch.amount.scale) + " decimal places");
}

}  // namespace clavis::ledger

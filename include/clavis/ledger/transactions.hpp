#pragma once

// The transaction table as callers hand it over: one row a line of a receipt, in any order, column by column,
// in memory that stays the caller's.
//
//   customer_id  integers or text (float64 must hold whole numbers). Missing, NaN or empty: not attributed,
//                counted apart.
//   time         date32, timestamp of any resolution, with or without a zone, or ISO text. Bare integers are
//                days or ticks of nobody knows what: wrap days in column_view::days.
//   amount       float64, decimal64, text decimals (read exactly) or whole numbers. Negative: a return.
//   order_id     integers or text; missing: an order of its own.
//   currency     text; more than one currency in a table is an error unless rates are given. Missing or empty:
//                the same as the others; with rates a bad row.
//   kind         text: sale, return, cancel or adjust (any case). Missing or empty: by the sign of the amount.
//   event_id     integers or text; a row whose event was read before is not used again. Missing: always used.
//   known_time   as time: when the row became known. Missing: at its time.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "clavis/core/columns.hpp"

namespace clavis::ledger {

/// What the user calls the columns, for messages.
struct transaction_labels {
    std::string_view table = "transactions";
    std::string_view customer_id = "customer_id";
    std::string_view time = "time";
    std::string_view amount = "amount";
    std::string_view order_id = "order_id";
    std::string_view currency = "currency";
    std::string_view kind = "kind";
    std::string_view event_id = "event_id";
    std::string_view known_time = "known_time";
};

/// One batch of transactions. Columns that are there have one length; customer_id and time must be there.
struct transactions_view {
    column_view customer_id;
    column_view time;
    column_view amount;
    column_view order_id;
    column_view currency;
    column_view kind;
    column_view event_id;
    column_view known_time;
    transaction_labels labels;

    transactions_view() = default;
    transactions_view(column_view customers, column_view times, column_view amounts = {})
        : customer_id(customers), time(times), amount(amounts) {}
    /// Ids, days since 1970-01-01, amounts in minor units: update({ids, days, cents}).
    transactions_view(std::span<std::int64_t const> ids, std::span<std::int32_t const> days,
                      std::span<std::int64_t const> minor_units, int scale = 2)
        : transactions_view(column_view(ids), column_view::days(days),
                            column_view::minor_units(minor_units, scale)) {}
    transactions_view(std::span<std::int32_t const> ids, std::span<std::int32_t const> days,
                      std::span<std::int64_t const> minor_units, int scale = 2)
        : transactions_view(column_view(ids), column_view::days(days),
                            column_view::minor_units(minor_units, scale)) {}
    transactions_view(std::span<std::int64_t const> ids, std::span<std::int32_t const> days)
        : transactions_view(column_view(ids), column_view::days(days)) {}
    transactions_view(std::span<std::int32_t const> ids, std::span<std::int32_t const> days)
        : transactions_view(column_view(ids), column_view::days(days)) {}

    std::size_t size() const { return customer_id.size; }
    /// Rows [begin, begin + count) of every column.
    transactions_view slice(std::size_t begin, std::size_t count) const {
        transactions_view part = *this;
        for (column_view* column : {&part.customer_id, &part.time, &part.amount, &part.order_id,
                                    &part.currency, &part.kind, &part.event_id, &part.known_time})
            *column = column->slice(begin, count);
        return part;
    }
};

/// What a row does. A return takes its amount off and is never a purchase; an adjustment changes amounts
/// only.
enum class line_kind : std::uint8_t { sale, give_back, adjust };

/// What returns do to amounts and purchases.
enum class returns_policy : std::uint8_t {
    net,     ///< they are subtracted, and cancel the purchase that they wholly take back
    ignore,  ///< they are counted in returns_amount and change nothing else
};

/// What counts as one purchase: everything a customer did within one local hour, day, week (from Monday) or
/// month; or (none) within one instant.
enum class collapse : std::uint8_t { none, hour, day, week, month };

/// Read and write the names above; parsing throws input_error that lists them.
returns_policy parse_returns_policy(std::string_view text);
collapse parse_collapse(std::string_view text);
std::string_view to_string(returns_policy value) noexcept;
std::string_view to_string(collapse value) noexcept;

}  // namespace clavis::ledger

#pragma once

// Transactions after the intake: checked, decoded, one type a column.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "clavis/core/time.hpp"
#include "clavis/ledger/transactions.hpp"

namespace clavis::ledger {

/// Rows that can be used, with a customer. Columns that nothing was read for are empty.
struct canonical_rows {
    static constexpr std::uint32_t no_order = std::numeric_limits<std::uint32_t>::max();
    static constexpr std::uint32_t no_event = std::numeric_limits<std::uint32_t>::max();

    std::vector<std::uint32_t> customer;  ///< code of the customer
    std::vector<std::int32_t> day;        ///< days since 1970-01-01 in the local calendar
    std::vector<std::int64_t> time;    ///< UTC microseconds; empty where all times are dates (midnight UTC)
    std::vector<std::int64_t> amount;  ///< units of 10^-amount_scale; negative for give_back
    std::vector<std::uint32_t> order;  ///< code of the order, or no_order
    std::vector<std::uint32_t> event;  ///< code of the event, or no_event; empty where none were read
    std::vector<line_kind> kind;       ///< empty where no kind was given: then amounts below 0 are give_back

    std::size_t size() const { return customer.size(); }
    /// Keeps the memory for the next batch.
    void clear() {
        for (auto* codes : {&customer, &order, &event})
            codes->clear();
        for (auto* numbers : {&time, &amount})
            numbers->clear();
        day.clear();
        kind.clear();
    }
    line_kind kind_of(std::size_t row) const {
        if (!kind.empty()) return kind[row];
        return !amount.empty() && amount[row] < 0 ? line_kind::give_back : line_kind::sale;
    }
    instant time_of(std::size_t row) const {
        return time.empty() ? instant(day[row] * clavis::day) : instant(duration(time[row]));
    }
};

}  // namespace clavis::ledger

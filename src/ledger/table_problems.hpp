#pragma once

// What can be wrong with a value of a book's table, and how that is said.

#include <cstdint>
#include <string>
#include <string_view>

#include "clavis/ledger/table_check.hpp"

namespace clavis::ledger {

enum class problem : std::uint8_t {
    none,
    missing,
    none_of,
    not_whole,
    no_number,
    not_finite,
    out_of_range,
    no_choice,
    no_time,
    no_such_date,
    no_such_clock,
    far_time,
    score_out_of_range,
};

/// What is said of the value.
std::string describe(problem why, column_rule const& rule, table_rule const& table);

/// What belongs into such a column.
std::string_view wanted(column_kind kind);
/// Whether a column of this type can hold it.
bool fits(column_kind kind, column_view const& column);

}  // namespace clavis::ledger

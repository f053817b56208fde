#pragma once

// One foreign column: validated, then looked at in place or converted into memory of our own.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "clavis/core/columns.hpp"
#include "clavis/ledger/arrow_abi.hpp"
#include "ledger/arrow_format.hpp"
#include "ledger/arrow_memory.hpp"

namespace clavis::ledger::arrow {

/// The format of a column: of its own elements, or of the indices into a dictionary whose values have another one; and
/// where either comes in runs, of the ends of the runs.
struct column_plan {
    column_format format;
    std::optional<column_format> values;
    std::optional<column_format> run_ends;

    column_format const& result() const { return values ? *values : format; }
};

/// A column of the plan's type without rows.
column_view empty_column(column_format const& format);

/// Rows or bits beyond this are a producer's mistake.
inline constexpr std::int64_t most_rows = std::int64_t{1} << 40;

/// Checks the counts that every array has, and that it reaches `begin + length` elements beyond its offset.
void check_array(ArrowArray const& array, std::int64_t begin, std::int64_t length, column_place const& place);

/// The validity bitmap from element `array.offset + begin` on. Checked: an array that says it has nulls has one.
bitmap validity_of(ArrowArray const& array, std::int64_t begin, column_place const& place);

/// Elements [begin, begin + length) of a column (counted from its own offset), of which those that `parent` marks as
/// absent are missing. The view looks into `array` or into `memory`, its zone into `plan`.
column_view read_column(ArrowArray const& array, column_plan const& plan, std::int64_t begin,
                        std::size_t length, bitmap parent, column_place const& place, batch_memory& memory);

}  // namespace clavis::ledger::arrow

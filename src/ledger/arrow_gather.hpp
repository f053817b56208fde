#pragma once

// Columns made of other columns: rows looked up in a dictionary or in runs, and batches one below the other.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "clavis/core/columns.hpp"
#include "ledger/arrow_memory.hpp"

namespace clavis::ledger::arrow {

/// Row i of the result is row positions[i] of `values`, or missing where positions[i] is values.size. Text becomes
/// utf8 where all is short and less than 2 GB, else large_utf8.
column_view gather(column_view const& values, std::uint32_t const* positions, std::size_t length,
                   batch_memory& memory);
column_view gather(column_view const& values, std::uint8_t const* positions, std::size_t length,
                   batch_memory& memory);

/// The columns one below the other, in memory of our own; text becomes large_utf8. They are of the type, resolution
/// and zone of `like`; decimals may differ in scale, and come in the largest.
column_view concatenate(std::vector<column_view> const& parts, column_view const& like,
                        column_place const& place, batch_memory& memory);

}  // namespace clavis::ledger::arrow

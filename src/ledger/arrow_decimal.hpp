#pragma once

// Decimals of 32 to 256 bits as 64-bit multiples of 10^-scale.

#include <cstddef>
#include <cstdint>

#include "clavis/core/columns.hpp"
#include "ledger/arrow_memory.hpp"

namespace clavis::ledger::arrow {

/// Little-endian words of a two's complement number.
template <std::size_t Words>
struct wide_integer {
    std::uint64_t word[Words];
};

/// Fills the values, and where need be the scale, of a decimal64 column of `scale` decimal places, or of an int64
/// column where `scale` is not positive (units, tens, hundreds …). Places that are zero in all rows are let go where
/// the values do not fit in 64 bits otherwise; throws for the first present row that does not fit even so.
/// `Stored` is std::int32_t, std::int64_t, wide_integer<2> or wide_integer<4>.
template <class Stored>
void read_decimals(column_view& column, Stored const* stored, int scale, column_place const& place,
                   batch_memory& memory);

}  // namespace clavis::ledger::arrow

#pragma once

// The order of compressed rows: those of one x by T and then tx, each once. Places are sorted a million at a time beside
// their times. What comes out is a function of the set of rows: counts are exact, and weights are sorted before they are
// added.

#include <cstdint>
#include <vector>

#include "row_store.hpp"
#include "rows.hpp"

namespace clavis::lifetime {

/// More rows stay in the caller's columns.
inline constexpr std::size_t own_rows = std::size_t{1} << 21U;

/// Places of rows in the order of x, each with the number of rows it stands for.
struct places_by_x {
    std::vector<std::int32_t> x;     // distinct, rising
    std::vector<std::size_t> start;  // one more than x
    std::vector<std::uint32_t> place;
    std::vector<std::uint32_t> count;  // empty: 1 each
};

/// The store of what these places hold, and where the rows of each x begin and end in it.
row_store arrange(row_columns source, places_by_x places, std::vector<compressed_rows::run>& runs);

}  // namespace clavis::lifetime

#pragma once

// A batch on its way through the check of event ids, shared by intake.cpp and intake_events.cpp.

#include <cstdint>
#include <string>
#include <string_view>

#include "clavis/ledger/intake.hpp"
#include "ledger/intake_batch.hpp"

namespace clavis::ledger {

/// Why a row is listed among the duplicates.
inline constexpr std::string_view read_before = "was read before";

struct intake::reading {
    std::size_t base;          ///< the first row of the batch in canonical_rows
    std::int64_t rows_before;  ///< read before it
    block_facts facts;
    quality_report quality{};
    std::int64_t moved = 0;  ///< rows without a customer that made way for one with a customer
    bool replaced = false;   ///< rows were at odds, so that the first and the last day are to be found anew
};

/// One more row of an event that is in use: counted and listed.
void list_duplicate(quality_report& quality, std::string_view column, std::int64_t row, std::string value);
/// A row of an event at odds with the one in use, and `duplicates` more that said what it says.
void list_at_odds(quality_report& quality, std::string_view column, std::int64_t row,
                  std::string const& value, std::int64_t duplicates);
/// The error for a row at odds with an earlier one; `difference` names what differs.
[[noreturn]] void raise_at_odds(location where, std::int64_t earlier, std::string_view difference);

}  // namespace clavis::ledger

#pragma once

// Which events were read, so that none is used twice. An event is kept with where its row stands, not with a copy of
// it: 24 bytes and the id. Rows of equal content are duplicates; of rows that differ, the one with the smallest
// content is kept, whatever the order in which they came (see intake.cpp).

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "clavis/ledger/intake_rows.hpp"

namespace clavis::ledger {

/// What a row says: rows of one event that differ in it are at odds. When a row became known is no part of it.
struct event_content {
    static constexpr std::uint32_t no_customer = std::numeric_limits<std::uint32_t>::max();
    std::uint32_t customer = no_customer;
    std::uint32_t order = canonical_rows::no_order;
    std::int64_t time = 0;
    std::int64_t amount = 0;
    std::int32_t day = 0;
    line_kind kind = line_kind::sale;
    bool operator==(event_content const&) const = default;
};

struct event_entry {
    static constexpr std::uint64_t nowhere = std::numeric_limits<std::uint64_t>::max();
    static constexpr std::uint64_t loose = std::uint64_t{1} << 63;  ///< in event_log::unattributed
    static constexpr std::int64_t of_saved_state = -1;              ///< a row of another reading

    std::uint64_t place = nowhere;  ///< the row in canonical_rows, or loose | place in `unattributed`
    std::int64_t row = 0;           ///< the row as it was read, over all batches
    std::uint32_t duplicates = 0;   ///< further rows of equal content

    bool known() const { return place != nowhere; }
    bool is_loose() const { return known() && (place & loose) != 0; }
};

/// By the code of the event.
struct event_log {
    std::vector<event_entry> entries;
    std::vector<event_content> unattributed;  ///< rows without a customer, which are in no canonical_rows
};

}  // namespace clavis::ledger

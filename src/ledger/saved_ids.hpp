#pragma once

// Customer ids in a saved state: ascending and distinct, so that each integer takes its distance from the last.

#include "clavis/core/columns.hpp"
#include "core/bytes.hpp"

namespace clavis::ledger {

/// Ids in ascending order.
void write_ids(identifiers const& ids, byte_writer& to);
/// Throws input_error where they do not ascend or an empty text is among them.
identifiers read_ids(byte_reader& from);

}  // namespace clavis::ledger

#pragma once

#include <cstddef>
#include <cstdint>

#include "clavis/defection/evidence_watch.hpp"
#include "core/bytes.hpp"

namespace clavis::defection {

/// Models, names and every customer, in a form that depends on nothing but their values.
void write_evidence(evidence_watch const& watch, byte_writer& to);

/// Of `size` customers watched until `seen`; every number is checked.
evidence_watch read_evidence(byte_reader& from, evidence_choice choice, std::size_t size, std::int32_t seen);

}  // namespace clavis::defection

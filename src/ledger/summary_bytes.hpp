#pragma once

// The parts of a saved summarizer that are not purchase days: options, facts, ids, and rows where rows are kept. All of
// it is read back with every length checked against the bytes that are left.
//
//     "CLVSUM", version (2 bytes), options, facts, customers, days; or customers, orders,
//     events, rows; checksum (8 bytes)

#include <cstdint>
#include <span>
#include <vector>

#include "clavis/ledger/summarize.hpp"
#include "core/bytes.hpp"
#include "ledger/saved_ids.hpp"
#include "ledger/summary_records.hpp"

namespace clavis::ledger {

inline constexpr state_format saved_summarizer{{'C', 'L', 'V', 'S', 'U', 'M'}, 2, "a summarizer"};

void write_options(summarize_options const& options, byte_writer& to);
summarize_options read_options(byte_reader& from);

void write_facts(intake_facts const& facts, summarize_options const& options, byte_writer& to);
/// Without what follows from the days or rows: rows_used_ and amount_total_.
intake_facts read_facts(byte_reader& from, summarize_options const& options);

/// Enters ids into an empty directory; their codes, which ascend.
std::vector<std::uint32_t> enter(directory& into, identifiers const& ids);

/// Rows of customers in the order of `rank`, sorted; `order_rank` and `event_rank` hold ranks by code.
void write_rows(canonical_rows const& rows, std::vector<std::uint32_t> const& rank,
                std::vector<std::uint32_t> const& order_rank, std::vector<std::uint32_t> const& event_rank,
                intake_facts const& facts, summarize_options const& options,
                std::vector<std::uint8_t>& bytes);
canonical_rows read_rows(byte_reader& from, std::vector<std::uint32_t> const& customers,
                         std::vector<std::uint32_t> const& orders, std::vector<std::uint32_t> const& events,
                         intake_facts const& facts);

/// How often each event was repeated, and what those without a customer say; `codes` in ascending order of ids.
void write_events(event_log const& events, std::vector<std::uint32_t> const& codes, byte_writer& to);
/// Places of events with a customer are still to be found.
event_log read_events(byte_reader& from, std::vector<std::uint32_t> const& codes, intake_facts const& facts);

}  // namespace clavis::ledger

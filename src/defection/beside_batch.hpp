#pragma once

// What a batch brings beside visits, and where the monitor's customers stand with it.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "clavis/defection/monitor.hpp"
#include "defection/records.hpp"

namespace clavis::defection {

struct monitor::beside_batch {
    /// `pairs` are the rows of customers before and in the batch; `joined` their ids, where anybody joins.
    beside_batch(monitor const& own, ledger::history const& records, evidence_records const& more,
                 id_pairs const& pairs, std::size_t count, std::int32_t last_day, identifiers const& joined);

    ledger::history const& batch;
    evidence_records more;
    double unit;  ///< of the amounts
    std::int32_t last;
    evidence_watch watch;                 ///< of the customers after the batch
    std::vector<std::int32_t> category;   ///< the batch's categories in watch.names
    std::vector<std::size_t> wallet_row;  ///< of each customer after the batch
    person* people = nullptr;
    track* tracks = nullptr;
    std::int32_t* events = nullptr;
};

}  // namespace clavis::defection

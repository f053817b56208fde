#pragma once

// Every customer's purchase days in compressed rows: what detectors, tier programmes and tests replay. One
// entry per customer and local day on which anything happened, ascending in time; entries of customer i are
// [offsets[i], offsets[i + 1]).

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "clavis/core/columns.hpp"

namespace clavis::ledger {

struct history {
    identifiers customer_id;               ///< sorted, one per customer
    std::vector<std::int64_t> offsets{0};  ///< customers + 1
    std::vector<std::int32_t> day;         ///< days since 1970-01-01 in the local calendar
    std::vector<std::int64_t> sales;       ///< sum of sale amounts and adjustments of the day, minor units
    std::vector<std::int64_t> returns;     ///< sum of what came back, minor units, >= 0
    /// sale orders (or sale lines) of the day; 0: returns only, not a purchase
    std::vector<std::int32_t> orders;
    int amount_scale = 6;  ///< amounts count 10^-amount_scale of the currency unit

    std::size_t size() const { return offsets.size() - 1; }
};

}  // namespace clavis::ledger

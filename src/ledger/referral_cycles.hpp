#pragma once

// Which referrals go round in a circle: strongly connected components (Tarjan 1972) without recursion, in time and
// memory of nodes and edges.

#include <cstddef>
#include <vector>

#include "clavis/ledger/table_check.hpp"

namespace clavis::ledger {

/// The referrals that lie on a circle of two customers or more, in the order given. Codes are below `customers`.
std::vector<referral> referrals_on_cycles(std::vector<referral> const& referrals, std::size_t customers);

}  // namespace clavis::ledger

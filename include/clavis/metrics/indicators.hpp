#pragma once

// Indicators of the whole base: one number each, with its definition, so that nobody has to guess what "active" meant.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "clavis/defection/monitor.hpp"
#include "clavis/ledger/summary.hpp"

namespace clavis::metrics {

struct indicator {
    std::string name;        ///< "repeat_rate"
    double value;            ///< NaN where it does not exist
    std::string definition;  ///< one sentence
};

/// `states` may be empty (nobody watched), as may the columns of money (no amounts); what rests on them is left out.
/// The columns have one place a row of `customers`.
std::vector<indicator> indicators(ledger::summary const& customers, defection::states_table const& states,
                                  std::span<double const> lifetime_value,
                                  std::span<double const> value_at_risk);

}  // namespace clavis::metrics

#pragma once

// Several ways to end (switched to a competitor, stopped the category, moved away): the cumulative incidence of each,
// the part that has ended that way by t (Aalen and Johansen 1978),
//   F_j(t) = Σ S(t⁻) d_j / n,
// with S the Kaplan-Meier curve of all ends, so that the F_j and S add to 1. The variance is Greenwood's for the
// Aalen-Johansen estimate (Andersen and others 1993, IV.4.1), carried along in time with its covariance with S, so that
// nothing cancels. Intervals are symmetric on ln(−ln F).

#include <vector>

#include "clavis/statistics/life_table.hpp"

namespace clavis::statistics {

struct incidence_curve {
    std::vector<double> incidence;
    std::vector<double> se;
    std::vector<double> low, high;  ///< NaN before the first event of the cause
};

struct competing_curves {
    std::vector<double> time, at_risk, events, censored;
    std::vector<double> survival;  ///< of all ends
    std::vector<incidence_curve> causes;
};

competing_curves aalen_johansen(life_table const& table, double confidence = 0.95);

}  // namespace clavis::statistics

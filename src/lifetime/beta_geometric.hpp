#pragma once

// The law of leaving that discrete models share: before each opportunity the customer leaves with chance theta ~
// Beta(leave, stay), so that S(i) = B(leave, stay + i) / B(leave, stay) is the chance of staying i times.

#include "clavis/ledger/summary.hpp"

namespace clavis::lifetime {

struct beta_geometric {
    double leave;
    double stay;

    double log_survival(double n) const noexcept;
    /// Chance of leaving after n times, given that one stayed so long.
    double hazard(double n) const noexcept { return leave / (leave + stay + n); }
    /// Sum of S(i) over 1 <= i <= n; infinite for an endless n where leave <= 1.
    double sum(double n) const noexcept;
    /// Sum of exp(-rate i) S(i) over 1 <= i <= n.
    double discounted_sum(double n, double rate) const noexcept;
};

/// How many opportunities a length of time holds.
double opportunities(double t) noexcept;

/// A time that is whole but for the rounding of a change of units, made whole.
double whole(double t) noexcept;

/// Throws input_error unless recency and T are whole numbers once multiplied by `factor`, and frequency is at most
/// recency (or equal to it, where `every_time`).
void check_opportunities(ledger::summary_view const& customers, double factor, bool every_time);

}  // namespace clavis::lifetime

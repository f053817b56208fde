#pragma once

// What passes within a time, of a customer of BG/CNBD-k between two purchases: sums over the phases that pass, and means
// over the chance to leave. `phases` are the chances of 0 ... k - 1 phases since the last purchase. Times are finite and
// positive.

#include <array>
#include <cstdint>

#include "clavis/lifetime/beta_geo_cnbd.hpp"

namespace clavis::lifetime {

using chances = std::array<double, largest_k>;

/// Whether phases that pass within `ratio` times alpha, n being the parameter of their rate, are so few that a sum over
/// them is short.
bool is_short_sum(double n, double ratio) noexcept;

struct phase_counts {
    double in_gap;   ///< P(first <= N < first + k)
    double reached;  ///< P(N >= first)
};
phase_counts count_phases(double n, double ratio, double first, std::int32_t k);

/// Expected purchases, and the chance of staying.
double expected_within(beta_geo_cnbd_process const& p, chances const& phases, double t);
double survival_within(beta_geo_cnbd_process const& p, chances const& phases, double t);

/// Discounted purchases, rate != 0, and those of each phase.
double discounted_within(beta_geo_cnbd_process const& p, chances const& phases, double t, double rate);
chances discounted_within_by_phase(beta_geo_cnbd_process const& p, double t, double rate);

/// Those of each phase without an end, rate > 0.
chances discounted_endless_by_phase(beta_geo_cnbd_process const& p, double rate);

}  // namespace clavis::lifetime

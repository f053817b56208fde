#pragma once

// MBG/CNBD-k customers (Reutterer, Platzer and Schroeder 2020): BG/CNBD-k customers who may also leave right after their
// first purchase.

#include <cstdint>
#include <span>

#include "clavis/lifetime/modified_beta_geo_cnbd.hpp"
#include "clavis/simulate/purchases.hpp"

namespace clavis::simulate {

/// One customer for each T (>= 0, finite). threads: 0 means every core.
simulated_purchases simulate(lifetime::modified_beta_geo_cnbd const& model, std::span<double const> T,
                             std::uint64_t seed, unsigned threads = 0);

}  // namespace clavis::simulate

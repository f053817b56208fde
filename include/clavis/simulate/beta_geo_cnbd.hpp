#pragma once

// BG/CNBD-k customers (Reutterer, Platzer and Schroeder 2020): gaps are Erlang-k with rate ~ Gamma(r, rate alpha), leaves
// after a repeat purchase with chance p ~ Beta(a, b). `rate` is that of purchases, of which each takes k phases.

#include <cstdint>
#include <span>

#include "clavis/lifetime/beta_geo_cnbd.hpp"
#include "clavis/simulate/purchases.hpp"

namespace clavis::simulate {

/// One customer for each T (>= 0, finite). threads: 0 means every core.
simulated_purchases simulate(lifetime::beta_geo_cnbd const& model, std::span<double const> T,
                             std::uint64_t seed, unsigned threads = 0);

}  // namespace clavis::simulate

#pragma once

// BG/NBD customers (Fader, Hardie and Lee 2005): rate ~ Gamma(r, rate alpha), leaves after a repeat purchase with
// chance p ~ Beta(a, b).

#include <cstdint>
#include <span>

#include "clavis/lifetime/beta_geo_nbd.hpp"
#include "clavis/simulate/purchases.hpp"

namespace clavis::simulate {

/// One customer for each T (>= 0, finite). threads: 0 means every core.
simulated_purchases simulate(lifetime::beta_geo_nbd const& model, std::span<double const> T,
                             std::uint64_t seed, unsigned threads = 0);

}  // namespace clavis::simulate

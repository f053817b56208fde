#pragma once

// MBG/NBD customers (Batislam, Denizel and Filiztekin 2007): BG/NBD customers who may leave after the first purchase
// as well.

#include <cstdint>
#include <span>

#include "clavis/lifetime/modified_beta_geo_nbd.hpp"
#include "clavis/simulate/purchases.hpp"

namespace clavis::simulate {

/// One customer for each T (>= 0, finite). threads: 0 means every core.
simulated_purchases simulate(lifetime::modified_beta_geo_nbd const& model, std::span<double const> T,
                             std::uint64_t seed, unsigned threads = 0);

}  // namespace clavis::simulate

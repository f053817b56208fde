#pragma once

// Contracts (Fader and Hardie 2007): lost at each renewal with chance theta ~ Beta(alpha, beta). A renewal is a purchase,
// `rate` is 1, and `left` is the renewal that was not made.

#include <cstdint>
#include <span>

#include "clavis/lifetime/shifted_beta_geo.hpp"
#include "clavis/simulate/purchases.hpp"

namespace clavis::simulate {

/// One customer for each T (>= 0, finite), observed for the whole units in it. threads: 0 means every core.
simulated_purchases simulate(lifetime::shifted_beta_geo const& model, std::span<double const> T,
                             std::uint64_t seed, unsigned threads = 0);

}  // namespace clavis::simulate

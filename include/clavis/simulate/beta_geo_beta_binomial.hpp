#pragma once

// BG/BB customers (Fader, Hardie and Shang 2010): before each opportunity leaves with chance theta ~ Beta(gamma, delta),
// else buys with chance p ~ Beta(alpha, beta), which is `rate`. `left` is the first opportunity missed for good.

#include <cstdint>
#include <span>

#include "clavis/lifetime/beta_geo_beta_binomial.hpp"
#include "clavis/simulate/purchases.hpp"

namespace clavis::simulate {

/// One customer for each T (>= 0, finite), observed for the whole units in it. threads: 0 means every core.
simulated_purchases simulate(lifetime::beta_geo_beta_binomial const& model, std::span<double const> T,
                             std::uint64_t seed, unsigned threads = 0);

}  // namespace clavis::simulate

#pragma once

// NBD customers (Ehrenberg 1959): rate ~ Gamma(r, rate alpha), and nobody ever leaves.

#include <cstdint>
#include <span>

#include "clavis/lifetime/nbd.hpp"
#include "clavis/simulate/purchases.hpp"

namespace clavis::simulate {

/// One customer for each T (>= 0, finite). threads: 0 means every core.
simulated_purchases simulate(lifetime::nbd const& model, std::span<double const> T, std::uint64_t seed,
                             unsigned threads = 0);

}  // namespace clavis::simulate

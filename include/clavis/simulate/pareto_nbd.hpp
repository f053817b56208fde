#pragma once

// Pareto/NBD customers (Schmittlein, Morrison and Colombo 1987): rate ~ Gamma(r, rate alpha), leaves at the rate mu ~
// Gamma(s, rate beta).

#include <cstdint>
#include <span>

#include "clavis/lifetime/pareto_nbd.hpp"
#include "clavis/simulate/purchases.hpp"

namespace clavis::simulate {

/// One customer for each T (>= 0, finite). threads: 0 means every core.
simulated_purchases simulate(lifetime::pareto_nbd const& model, std::span<double const> T, std::uint64_t seed,
                             unsigned threads = 0);

}  // namespace clavis::simulate

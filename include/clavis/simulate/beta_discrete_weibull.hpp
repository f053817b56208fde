#pragma once

// Contracts (Fader, Hardie, Liu, Davin and Steenburgh 2018): with theta ~ Beta(gamma, delta) a contract is renewed t times
// or more with chance (1 - theta)^(t^c). A renewal is a purchase, `rate` is 1, and `left` is the renewal not made.

#include <cstdint>
#include <span>

#include "clavis/lifetime/beta_discrete_weibull.hpp"
#include "clavis/simulate/purchases.hpp"

namespace clavis::simulate {

/// One customer for each T (>= 0, finite), observed for the whole units in it. threads: 0 means every core.
simulated_purchases simulate(lifetime::beta_discrete_weibull const& model, std::span<double const> T,
                             std::uint64_t seed, unsigned threads = 0);

}  // namespace clavis::simulate

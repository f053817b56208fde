#pragma once

// GGom/NBD customers (Bemmaor and Glady 2012): rate ~ Gamma(r, rate alpha), leaves at age t with hazard b eta e^(b t),
// eta ~ Gamma(s, rate beta).

#include <cstdint>
#include <span>

#include "clavis/lifetime/gamma_gompertz_nbd.hpp"
#include "clavis/simulate/purchases.hpp"

namespace clavis::simulate {

/// One customer for each T (>= 0, finite). threads: 0 means every core.
simulated_purchases simulate(lifetime::gamma_gompertz_nbd const& model, std::span<double const> T,
                             std::uint64_t seed, unsigned threads = 0);

}  // namespace clavis::simulate

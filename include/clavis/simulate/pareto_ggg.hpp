#pragma once

// Pareto/GGG customers (Platzer and Reutterer 2016): gaps are Gamma(k, rate k lambda) with k ~ Gamma(t, rate gamma) and
// lambda ~ Gamma(r, rate alpha); the time until leaving is exponential with rate ~ Gamma(s, rate beta). `rate` is lambda.

#include <cstdint>
#include <span>

#include "clavis/lifetime/pareto_ggg.hpp"
#include "clavis/simulate/purchases.hpp"

namespace clavis::simulate {

/// One customer for each T (>= 0, finite). threads: 0 means every core. Throws input_error where a customer would buy more
/// than ten million times, as one of the smallest k does.
simulated_purchases simulate(lifetime::pareto_ggg const& model, std::span<double const> T, std::uint64_t seed,
                             unsigned threads = 0);

}  // namespace clavis::simulate

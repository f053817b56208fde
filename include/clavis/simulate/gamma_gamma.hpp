#pragma once

// Gamma-gamma spend (Colombo and Jiang 1999): a customer's amounts are Gamma(p, rate nu) with nu ~ Gamma(q, rate
// gamma), independent of the purchases. Amounts are exact, not rounded to cents.

#include <cstdint>
#include <span>
#include <vector>

#include "clavis/lifetime/gamma_gamma.hpp"

namespace clavis::simulate {

struct simulated_spend {
    std::vector<double> mean;            ///< the customer's expected amount p / nu
    std::vector<double> amount;          ///< of every purchase
    std::vector<double> monetary_value;  ///< mean amount of the repeat purchases, 0 where there is none
};

/// An amount for every purchase; those of customer i are [offsets[i], offsets[i + 1]), the first one included, as in
/// simulated_purchases. threads: 0 means every core.
simulated_spend simulate(lifetime::gamma_gamma const& model, std::span<std::int64_t const> offsets,
                         std::uint64_t seed, unsigned threads = 0);

}  // namespace clavis::simulate

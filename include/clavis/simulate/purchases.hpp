#pragma once

// Customers drawn from a model of repeat purchases: every purchase of everyone, and what a customer carries that no
// record shows. Each model has a header here with simulate(model, T, seed): customer i is observed from the first
// purchase, at age 0, to age T[i] in the unit of the model's parameters. The draws follow the story the model tells,
// purchase by purchase, and never its formulas, so that formulas can be checked against them. Results do not depend on
// the number of threads or the platform (core/random.hpp), and further customers leave the first ones as they were.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "clavis/core/time.hpp"
#include "clavis/ledger/summary.hpp"

namespace clavis::simulate {

struct simulated_purchases {
    std::vector<std::int64_t> offsets{0};  ///< purchases of customer i are [offsets[i], offsets[i + 1])
    std::vector<double> age;               ///< of each purchase, ascending; the first is 0
    std::vector<double> T;                 ///< age at the end of observation
    std::vector<double> rate;              ///< purchases per unit while active
    std::vector<double> left;              ///< age at which the customer left; inf where still active at T
    std::vector<std::int32_t> frequency;   ///< repeat purchases
    std::vector<double> recency;           ///< age at the last purchase
    std::vector<double> log_gap_sum;       ///< sum of ln(gap) over repeat purchases
    duration unit{};                       ///< that of the model; zero: unknown

    std::size_t size() const { return T.size(); }
    /// The columns a model is fitted to.
    ledger::summary_view view() const;
    /// What would be known had customer i been observed to age T[i] <= this->T[i] alone.
    simulated_purchases until(std::span<double const> T) const;
    simulated_purchases until(double T) const;
};

}  // namespace clavis::simulate

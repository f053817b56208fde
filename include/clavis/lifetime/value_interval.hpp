#pragma once

// Intervals of lifetime value. A customer's value ahead is uncertain in three ways: what the customer is like (rate,
// chance to leave, usual spend), what chance then makes of it, and the parameters themselves.
//   realised  The sum that will be seen: margin times the discounted amounts of the purchases made within the horizon.
//             All three count. It is drawn from the story each model tells about an active customer with this history;
//             beyond 24 purchases a draw takes the gamma law with the exact mean and variance of their sum.
//   mean      The expectation that lifetime_value gives, whose only uncertainty are the parameters.
// An interval of level c has equal tails. Where no purchase at all is likelier than a tail, low is 0 and the whole of 1 -
// c lies above: the interval still holds the realised value with chance c, or with the chance of no purchase where that
// is larger, and then it is [0, 0]. A row's draws follow
// from the seed and its values alone, whatever the order of the rows and the number of threads.

#include <cstdint>
#include <span>

#include "clavis/lifetime/clv.hpp"

namespace clavis::lifetime {

enum class interval_kind { realised, mean };

struct interval_options {
    value_options value{};
    double level = 0.9;
    interval_kind kind = interval_kind::realised;
    std::size_t draws = 1000;  ///< of the future
    std::uint64_t seed = 1;
};

/// low and high of each row. `models` and `spends` are the parameters, or draws of their posterior, taken in turn. Where
/// `spends` is empty every amount is that of its row in `amounts`. NaN where the value is. Throws input_error for a level
/// outside (0, 1), and for an endless horizon without a positive rate, over which sums need not end.
template <class Model>
void value_interval(std::span<Model const> models, std::span<gamma_gamma const> spends,
                    std::span<double const> amounts, ledger::summary_view const& customers,
                    interval_options const& options, std::span<double> low, std::span<double> high);

}  // namespace clavis::lifetime

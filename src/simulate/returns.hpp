#pragma once

// Lines that come back.

#include <vector>

#include "baskets.hpp"
#include "clavis/core/random.hpp"
#include "seasons.hpp"

namespace clavis::simulate {

/// The chance that a line of this customer comes back: beta across customers.
double draw_return_chance(shop_options const& options, random_stream& random);

/// Merges the returns of the sale lines from `first` on into them, each of one piece up to all pieces of its line, some
/// open days later; what would come back after the period is not in the records. `returned` is a buffer.
void add_returns(shop_options const& options, season_clock const& clock, double chance, random_stream& random,
                 std::vector<order_time> const& orders, std::size_t first, std::vector<order_line>& lines,
                 std::vector<order_line>& returned);

}  // namespace clavis::simulate

#pragma once

// Lines that come back.

#include <vector>

#include "baskets.hpp"
#include "clavis/core/random.hpp"
#include "seasons.hpp"

namespace clavis::simulate {

/// The chance that a line of this customer comes back: beta across customers.
double draw_return_chance(shop_options const& options, random_stream& random);

/// Appends the returns of the sale lines in `lines`, each of one piece up to all pieces of its line, some
/// open days later; what would come back after the period is not in the records.
void add_returns(shop_options const& options, season_clock const& clock, double chance, random_stream& random,
                 std::vector<order_line>& lines);

}  // namespace clavis::simulate

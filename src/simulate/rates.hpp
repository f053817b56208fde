#pragma once

// How customers differ while nothing changes, and their purchases as a renewal process in season time.

#include <limits>
#include <vector>

#include "clavis/core/random.hpp"
#include "clavis/simulate/shop.hpp"
#include "defection.hpp"
#include "seasons.hpp"

namespace clavis::simulate {

struct buying_habit {
    double rate;        ///< purchases a week of average season
    double regularity;  ///< shape of the gaps
    double arrival;     ///< season time of the first purchase
};

/// `arrival_end` is the season time at which arrivals end.
buying_habit draw_habit(shop_options const& options, double arrival_end, random_stream random);

/// Appends the season times of all purchases, the first included, before season time `end`.
void draw_purchases(buying_habit const& habit, change_plan const& plan, season_clock const& clock,
                    random_stream random, std::vector<double>& season_times);

}  // namespace clavis::simulate

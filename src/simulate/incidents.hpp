#pragma once

// What happens to customers beside their purchases: contacts with the shop, and events in their lives. Most come at a
// constant rate (in season time) and mean nothing; those that are the cause of a change come shortly before it.

#include <vector>

#include "clavis/core/random.hpp"
#include "clavis/simulate/shop.hpp"
#include "defection.hpp"
#include "seasons.hpp"

namespace clavis::simulate {

/// One customer's part in the shop, as far as incidents depend on it.
struct customer_story {
    std::int64_t customer_id;
    double arrival;  ///< season time
    int first_day;   ///< from 0
    change_plan plan;
    change_cause cause;
};

void add_contacts(shop_options const& options, season_clock const& clock, customer_story const& story,
                  random_stream random, shop_contacts& contacts);
void add_life_events(shop_options const& options, season_clock const& clock, customer_story const& story,
                     random_stream random, shop_life_events& events);

}  // namespace clavis::simulate

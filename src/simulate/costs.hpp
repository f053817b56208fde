#pragma once

// What customers cost beside the goods: their acquisition by its channel, each contact, each campaign.

#include <vector>

#include "campaigns.hpp"
#include "clavis/simulate/shop.hpp"
#include "seasons.hpp"
#include "story.hpp"

namespace clavis::simulate {

/// One row for each year (of 365 days) of the period in which the customer is with the shop.
void add_costs(shop_options const& options, season_clock const& clock, campaign_plan const& campaigns,
               customer_story const& story, std::vector<campaign_entry> const& entries, instant acquired,
               shop_costs& table);

/// What the company sets itself by segment and year; nothing is drawn.
shop_targets make_targets(shop_options const& options);

}  // namespace clavis::simulate

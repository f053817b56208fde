#pragma once

// Surveys: an invitation every survey_interval days from a random day after the first purchase on while the customer
// buys, of which a part is answered. Scores follow the attitude of the day (and the share of wallet, for ranks).

#include "clavis/core/random.hpp"
#include "clavis/simulate/shop.hpp"
#include "seasons.hpp"
#include "story.hpp"

namespace clavis::simulate {

/// Returns how many invitations there were.
std::int32_t add_surveys(shop_options const& options, season_clock const& clock, customer_story const& story,
                         random_stream random, shop_surveys& table);

}  // namespace clavis::simulate

#pragma once

// Who the customers are, as the customers table tells it.

#include "clavis/core/random.hpp"
#include "clavis/simulate/shop.hpp"
#include "seasons.hpp"
#include "story.hpp"

namespace clavis::simulate {

customer_segment segment_of(shop_options const& options, std::int64_t customer_id);
customer_profile draw_profile(shop_options const& options, std::int64_t customer_id);

/// The account of a business customer is that of the first one among eight ids; private customers are their own.
std::int64_t account_of(shop_options const& options, std::int64_t customer_id, customer_segment segment);

/// Writes row story.id - 1.
void set_customer(shop_options const& options, season_clock const& clock, customer_story const& story,
                  instant acquired, shop_customers& table);

std::vector<std::string> region_names();

}  // namespace clavis::simulate

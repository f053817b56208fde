#pragma once

// What happens to customers beside their purchases: contacts with the shop, and events in their lives. They come at
// constant rates (in season time) from the first purchase on, and not after a stop.

#include "clavis/core/random.hpp"
#include "clavis/simulate/shop.hpp"
#include "clavis/simulate/shop_options.hpp"
#include "seasons.hpp"
#include "story.hpp"

namespace clavis::simulate {

/// What would happen to the end of the period, into story.contacts.
void draw_contacts(shop_options const& options, season_clock const& clock, customer_story& story,
                   random_stream random);
void draw_life_events(shop_options const& options, season_clock const& clock, customer_story& story,
                      random_stream random);

/// Appends what happened before a stop.
void add_contacts(season_clock const& clock, customer_story const& story, shop_contacts& table);
void add_life_events(season_clock const& clock, customer_story const& story, shop_life_events& table);

/// The names behind the codes.
std::vector<std::string> staff_names();
std::vector<std::string> contact_texts();
inline constexpr int staff_size = 8;

}  // namespace clavis::simulate

#pragma once

// Interviews with a sample of those who stopped or halved, one to eight weeks later. What they say follows the cause
// that was planted, with a known share of errors.

#include <string>
#include <vector>

#include "clavis/core/random.hpp"
#include "clavis/simulate/shop.hpp"
#include "seasons.hpp"
#include "story.hpp"

namespace clavis::simulate {

void add_interview(shop_options const& options, season_clock const& clock, customer_story const& story,
                   random_stream random, shop_interviews& table);

/// Topics of contacts, life events, what nothing in the record tells, and each of these with "price" beside it.
std::vector<std::string> interview_cause_names();

}  // namespace clavis::simulate

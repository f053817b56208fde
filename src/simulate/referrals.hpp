#pragma once

// Who sends whom: a forest, since a referrer is always acquired earlier. Referrers are satisfied (attitude above 0).

#include "clavis/core/random.hpp"
#include "clavis/simulate/shop.hpp"
#include "story.hpp"

namespace clavis::simulate {

/// The referrer, or 0: drawn among the customers of smaller id, so that more customers leave the first as they were.
std::int64_t draw_referrer(shop_options const& options, double arrival_end, customer_story const& story,
                           random_stream random);

}  // namespace clavis::simulate

#pragma once

// Who changes, how and when.

#include "clavis/core/random.hpp"
#include "clavis/simulate/shop.hpp"

namespace clavis::simulate {

struct change_plan {
    shop_change kind = shop_change::none;
    int day = -1;      ///< the first day of the new rate, from 0; -1 without change
    double ratio = 1;  ///< rate after over rate before
};

/// Days from 0, both inclusive, on which changes may begin.
struct change_window {
    int from;
    int until;
};

/// A customer whose first purchase leaves no day of the window for a planned change keeps buying as before.
change_plan draw_change(shop_options const& options, change_window window, int first_day,
                        random_stream random);

/// What made the customer change.
change_cause draw_cause(shop_options const& options, change_plan const& plan, random_stream random);

}  // namespace clavis::simulate

#pragma once

// The days, counted from 0, on which things may happen.

#include "clavis/simulate/shop_options.hpp"

namespace clavis::simulate {

/// Days from 0, both inclusive, on which changes may begin.
struct change_window {
    int from;
    int until;
};

struct period_plan {
    int acquired_until;
    change_window changes;
};

/// Throws input_error where a day asked for is not in the period.
period_plan plan_period(shop_options const& options);

}  // namespace clavis::simulate

#pragma once

// What customers spend on all suppliers, which part of it here, and how they feel about the shop.

#include "clavis/core/random.hpp"
#include "clavis/simulate/shop_options.hpp"
#include "story.hpp"

namespace clavis::simulate {

/// Attitude before any change, and whether the loyalty is spurious: the first numbers of the stream of attitudes.
struct base_attitude {
    double value;
    bool spurious;
};
base_attitude draw_attitude(shop_options const& options, random_stream& random);

/// Sets wallet, share, their changes, the label and the attitude of a story whose plan is made.
void draw_loyalty(shop_options const& options, customer_story& story, random_stream wallets,
                  random_stream attitudes);

/// The attitude on a day: lower by attitude_drop from the day of change on, and falling in the days before it.
double attitude_at(shop_options const& options, customer_story const& story, int day);

}  // namespace clavis::simulate

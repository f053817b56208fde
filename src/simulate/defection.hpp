#pragma once

// Who changes, how and when. Each customer has a fate, drawn by the shares asked for. Stops and halvings have a hazard:
// on day t the base q(t), that of a uniform day, and for every incident of the record q(t) (ratio - 1)
// 2^-(days since / half-life) more. The base is drawn with the fate; each incident may then come before it.

#include "clavis/core/random.hpp"
#include "clavis/simulate/shop_options.hpp"
#include "period.hpp"
#include "story.hpp"

namespace clavis::simulate {

/// The fate by the base hazard alone. A customer whose first purchase leaves no day of the window for a planned change
/// keeps buying as before.
change_plan draw_change(shop_options const& options, change_window window, int first_day,
                        random_stream random);

/// The hazard that a customer with no incidents stops or halves on each day of the window.
class base_hazard {
  public:
    base_hazard(shop_options const& options, change_window window, int first_day);
    int from() const { return from_; }
    int until() const { return until_; }
    /// For from() <= day <= until().
    double at(int day) const { return share_ / (length_ - share_ * (day - from_)); }

  private:
    int from_;
    int until_;
    double length_;
    double share_;  // of the customers who neither grow nor come once
};

/// The story's change, or an earlier one that an incident brings about.
change_plan apply_incidents(shop_options const& options, change_window window, int price_day,
                            customer_story const& story, random_stream random);

}  // namespace clavis::simulate

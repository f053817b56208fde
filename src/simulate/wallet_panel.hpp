#pragma once

// A panel of customers who say every quarter what they spent elsewhere. It is gamma around what the wallet leaves after
// the share spent here, and reported with an error that is lognormal with mean 1.

#include <string>
#include <vector>

#include "baskets.hpp"
#include "clavis/core/random.hpp"
#include "clavis/simulate/shop.hpp"
#include "seasons.hpp"
#include "story.hpp"

namespace clavis::simulate {

/// The calendar quarters of the period.
class quarters {
  public:
    explicit quarters(shop_options const& options);
    std::size_t size() const { return names_.size(); }
    std::vector<std::string> const& names() const { return names_; }
    /// The first day of a quarter, from 0; the period's length for the one after the last.
    int first_day(std::size_t quarter) const { return first_day_[quarter]; }

  private:
    std::vector<std::string> names_;  // "2023-Q1"
    std::vector<int> first_day_;
};

/// Appends what the customer reports, if on the panel. The lines are the customer's, ascending in time.
void add_wallet(shop_options const& options, season_clock const& clock, quarters const& periods,
                customer_story const& story, order_line const* lines, std::size_t size, random_stream random,
                shop_wallet& table);

}  // namespace clavis::simulate

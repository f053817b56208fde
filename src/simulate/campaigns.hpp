#pragma once

// Campaigns with randomised control groups, and what they do: persuadable customers buy more while a campaign that they
// are treated with works, sleeping dogs buy less, sure things and lost causes buy as ever. Which customers are what
// depends on their segment.

#include <string>
#include <vector>

#include "baskets.hpp"
#include "clavis/core/random.hpp"
#include "clavis/simulate/shop.hpp"
#include "seasons.hpp"
#include "story.hpp"

namespace clavis::simulate {

class campaign_plan {
  public:
    campaign_plan(shop_options const& options, season_clock const& clock);
    std::size_t size() const { return days_.size(); }
    /// The day each campaign starts, from 0.
    std::vector<int> const& days() const { return days_; }
    std::vector<std::string> names() const;

  private:
    std::vector<int> days_;
};

/// What a customer of this segment is.
response_type draw_response(shop_options const& options, customer_segment segment, random_stream random);

/// A customer's part in the campaigns.
struct campaign_entry {
    std::uint8_t campaign;
    campaign_arm arm;
    std::uint8_t offer;
};

/// Draws a customer's part in all campaigns after the first purchase, and the windows of changed rates that follow.
void draw_campaigns(shop_options const& options, season_clock const& clock, campaign_plan const& plan,
                    customer_story& story, random_stream random, std::vector<campaign_entry>& entries);

void add_campaigns(shop_options const& options, season_clock const& clock, campaign_plan const& plan,
                   customer_story const& story, std::vector<campaign_entry> const& entries,
                   std::vector<order_time> const& orders, shop_campaigns& table);

std::vector<std::string> offer_names();

}  // namespace clavis::simulate

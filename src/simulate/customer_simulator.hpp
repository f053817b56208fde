#pragma once

// One customer after the other, aspect by aspect: what each block of customers adds to the tables.

#include <cstdint>
#include <tuple>
#include <vector>

#include "baskets.hpp"
#include "campaigns.hpp"
#include "clavis/simulate/shop.hpp"
#include "period.hpp"
#include "rates.hpp"
#include "seasons.hpp"
#include "story.hpp"
#include "wallet_panel.hpp"

namespace clavis::simulate {

/// What is the same for all customers.
struct shop_plan {
    shop_plan(shop_options const& options, season_clock const& clock);

    period_plan days;
    double arrival_end;  ///< season time
    int price_rise_day;
    quarters periods;
    campaign_plan campaigns;
};

/// The tables that are made in blocks, in the order of shop.cpp's whole_tables.
using small_tables =
    std::tuple<shop_contacts, shop_surveys, shop_wallet, shop_life_events, shop_costs, shop_referrals,
               shop_campaigns, shop_interviews, shop_late_lines, shop_payments>;

struct customer_size {
    std::int32_t lines;
    std::int32_t orders;
};

/// What a block of customers did; rows of late lines and payments count from its first line.
struct block_result {
    std::vector<order_line> lines;
    std::vector<customer_size> customers;
    small_tables tables;

    /// Forgets all rows and keeps the memory.
    void clear();
};

/// Keeps its buffers from customer to customer.
class customer_simulator {
  public:
    customer_simulator(shop_options const& options, season_clock const& clock, shop_plan const& plan)
        : options_(options), clock_(clock), plan_(plan), purchases_(clock), baskets_(options) {}

    /// Customer `id`: the rows of truth and customers into `whole`, all else to the end of `out`.
    void run(std::int64_t id, shop& whole, block_result& out);

  private:
    void draw_story(std::int64_t id);
    void draw_orders();
    void set_truth(double return_chance, std::int32_t invitations, shop_truth& truth) const;

    shop_options const& options_;
    season_clock const& clock_;
    shop_plan const& plan_;
    purchase_maker purchases_;
    basket_maker baskets_;
    customer_story story_;
    std::vector<campaign_entry> campaigns_;
    std::vector<double> season_times_;
    std::vector<order_time> orders_;
    std::vector<order_line> returned_;
};

}  // namespace clavis::simulate

#pragma once

// What an order is made of: its amount by the gamma-gamma law, split over lines of the customer's categories.

#include <cstdint>
#include <vector>

#include "clavis/core/random.hpp"
#include "clavis/simulate/shop_options.hpp"
#include "clavis/simulate/shop_tables.hpp"
#include "story.hpp"

namespace clavis::simulate {

/// A line of an order until all customers are simulated: 24 bytes, what is said again for every line left out.
struct order_line {
    std::int64_t price = 0;    ///< of a piece, cents
    std::uint32_t time = 0;    ///< seconds since the start of the period
    std::int32_t order = 0;    ///< the customer's orders, from 0
    std::int8_t quantity = 0;  ///< negative for returns
    std::uint8_t category = 0;
    std::uint8_t product = 0;   ///< product line within the category, 0 to 2
    std::uint8_t discount = 0;  ///< per cent
    std::uint8_t store = 0;
};

/// When an order was placed.
struct order_time {
    std::uint32_t time;  ///< seconds since the start of the period
    std::int32_t day;    ///< from 0
};

/// The customer's expected amount of an order: p times gamma over a Gamma(q) variate.
double draw_spend_mean(shop_options const& options, random_stream random);

/// The streams of one customer that make baskets.
struct basket_streams {
    random_stream baskets;
    random_stream articles;
    random_stream stores;
};

/// Draws one customer's orders. Keeps its buffers from customer to customer.
class basket_maker {
  public:
    explicit basket_maker(shop_options const& options);

    /// The lines of all orders, in the order of time, to the end of `lines`. Sets story.dropped_category.
    void run(customer_story& story, basket_streams random, std::vector<order_time> const& orders,
             std::vector<order_line>& lines);

  private:
    void draw_preferences(customer_story& story, random_stream& random);
    std::int64_t draw_extra_lines(random_stream& random) const;

    shop_options const& options_;
    double no_extra_line_;  // e^-extra_lines
    int price_rise_day_;
    std::vector<double> preference_;  // cumulative over categories
    std::vector<double> afterwards_;  // the same without the category that is dropped
    std::vector<double> part_;
};

}  // namespace clavis::simulate

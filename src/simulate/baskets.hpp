#pragma once

// What an order is made of: its amount by the gamma-gamma law, split over lines of the customer's categories.

#include <cstdint>
#include <vector>

#include "clavis/core/random.hpp"
#include "clavis/simulate/shop.hpp"

namespace clavis::simulate {

/// A line of an order while its customer is being simulated.
struct order_line {
    instant time{};
    int day = 0;             ///< from 0
    std::int32_t order = 0;  ///< the customer's orders, from 0
    std::int64_t price = 0;  ///< cents
    std::int32_t quantity = 0;
    std::uint8_t category = 0;
    line_kind kind = line_kind::sale;
};

/// The customer's expected amount of an order: p times gamma over a Gamma(q) variate.
double draw_spend_mean(shop_options const& options, random_stream random);

/// Draws one customer's orders. Keeps its buffers from customer to customer.
class basket_maker {
  public:
    explicit basket_maker(shop_options const& options) : options_(options) {}

    /// The next customer.
    void start(double spend_mean, random_stream random);
    /// Appends the lines of one order.
    void add_order(instant time, int day, std::int32_t order, std::vector<order_line>& lines);

  private:
    shop_options const& options_;
    random_stream random_{0, 0, 0};
    double spend_mean_ = 0;
    std::vector<double> preference_;  // cumulative over categories
    std::vector<double> part_;
};

}  // namespace clavis::simulate

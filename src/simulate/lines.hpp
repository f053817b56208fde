#pragma once

// The transactions table from the lines of all customers: ids, money, late knowledge and payment.

#include <cstdint>
#include <vector>

#include "baskets.hpp"
#include "clavis/simulate/shop.hpp"
#include "seasons.hpp"

namespace clavis::simulate {

/// Where a customer's lines and orders begin in the table.
struct line_position {
    std::size_t line = 0;
    std::int64_t order = 0;
};

/// Writes rows of the transactions table; one of them may serve many threads.
class line_writer {
  public:
    line_writer(shop_options const& options, season_clock const& clock);

    /// The lines of one customer, from row at.line on.
    void write(std::int64_t customer_id, order_line const* lines, std::size_t size, line_position at,
               shop_transactions& table) const;

  private:
    std::int64_t cost_of(order_line const& line, std::int64_t list_price) const;

    season_clock const& clock_;
    std::vector<double> cost_ratio_;  // three of each category
};

/// Which of the lines from `first` on became known late. Rows are places among `lines`.
void add_late_lines(shop_options const& options, season_clock const& clock, std::int64_t customer_id,
                    std::vector<order_line> const& lines, std::size_t first, shop_late_lines& table);

/// When a business customer owes and pays the lines from `first` on. Rows are places among `lines`.
void add_payments(shop_options const& options, season_clock const& clock, std::int64_t customer_id,
                  double late_payment_chance, std::vector<order_line> const& lines, std::size_t first,
                  shop_payments& table);

std::vector<std::string> product_line_names(std::vector<std::string> const& categories);

}  // namespace clavis::simulate

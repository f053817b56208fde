#pragma once

// What lines and days add up to, and how many orders they are.

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "clavis/core/exact_sum.hpp"
#include "clavis/ledger/intake.hpp"
#include "ledger/summary_days.hpp"
#include "ledger/summary_records.hpp"

namespace clavis::ledger {

/// What a run of rows adds up to, and whether that is a purchase.
struct line_totals : line_sums {
    template <class Row>
    void add(Row const& row) {
        switch (row.kind()) {
            case line_kind::sale:
                ++sale_lines;
                sales += row.amount;
                break;
            case line_kind::give_back:
                ++return_lines;
                returns -= row.amount;
                break;
            case line_kind::adjust:
                ++adjust_lines;
                adjustments += row.amount;
                break;
        }
    }
    void add(day_entry const& entry) { line_sums::add(entry); }
    void add(plain_day const& entry) {
        sale_lines += entry.sale_lines;
        return_lines += entry.return_lines;
        sales += entry.sales;
        returns += entry.returns;
    }
    void add(line_totals const& other) { line_sums::add(other); }
    /// Whether these lines are a purchase. `cancels`: there are amounts, and returns are netted.
    bool is_purchase(bool cancels) const {
        return sale_lines > 0 && !(cancels && return_lines > 0 && sales <= returns);
    }
    int128 net(bool subtract_returns) const { return sales + adjustments - (subtract_returns ? returns : 0); }
};

/// Counts the orders among some rows: distinct order ids whose lines are a purchase, and sale lines without an order.
class order_counter {
  public:
    template <class Row>
    std::int64_t count(std::span<Row const> rows, bool cancels) {
        std::int64_t orders = 0;
        lines_.clear();
        for (auto const& row : rows) {
            if (row.order() == canonical_rows::no_order) {
                orders += row.kind() == line_kind::sale ? 1 : 0;
            } else {
                lines_.push_back({row.order(), row.kind(), row.amount});
            }
        }
        std::sort(lines_.begin(), lines_.end(),
                  [](line const& a, line const& b) { return a.order < b.order; });
        for (std::size_t i = 0; i < lines_.size();) {
            line_totals totals;
            std::uint32_t const order = lines_[i].order;
            for (; i < lines_.size() && lines_[i].order == order; ++i)
                totals.add(lines_[i]);
            orders += totals.is_purchase(cancels) ? 1 : 0;
        }
        return orders;
    }

  private:
    struct line {
        std::uint32_t order;
        line_kind kind_;
        std::int64_t amount;
        line_kind kind() const { return kind_; }
    };
    std::vector<line> lines_;
};

}  // namespace clavis::ledger

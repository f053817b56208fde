#pragma once

// A summary in 40 bytes a customer instead of 104: what follows from other columns is worked out when it is asked for,
// and what few customers have (returns, no purchase at all) stands in lists. Columns come out in the order of a summary,
// bit for bit as in one.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "clavis/core/columns.hpp"
#include "clavis/core/large_memory.hpp"
#include "clavis/core/time.hpp"
#include "clavis/ledger/quality.hpp"

namespace clavis::ledger {

/// Values of the few rows that have any, ascending; 0 elsewhere.
template <class T>
struct sparse_column {
    std::vector<std::uint32_t> rows;
    std::vector<T> values;
};

/// Of dates, by day, without calibration: see summarizer::finish_compact. Rows stand in the order in which customers were
/// seen; `order` says where those of the table are.
struct compact_summary {
    large_vector<std::int32_t> frequency;
    large_vector<std::int32_t> first_day;  ///< of the first purchase (first event where there is none)
    large_vector<std::int32_t> last_day;   ///< of the last
    large_vector<std::int32_t> orders;     ///< sale lines
    large_vector<double> net_amount;       ///< empty without amounts, like the next
    large_vector<double> monetary_value;
    large_vector<double> log_gap_sum;
    sparse_column<double> returns_amount;
    sparse_column<std::int32_t> other_lines;  ///< that are no sales
    std::vector<std::uint32_t> never;         ///< rows without any purchase, ascending
    std::vector<std::uint32_t> order;         ///< row of the table to row here; empty: the same
    identifiers ids;  ///< in the order of the table; empty: first_id, first_id + 1 ...
    std::int64_t first_id = 0;

    duration unit = week;
    sys_days observed_until{};
    quality_report quality;
    bool has_amounts = false;

    std::size_t size() const { return frequency.size(); }

    // Columns of the table; what each holds stands in summary.hpp.
    identifiers customer_id() const;
    large_vector<double> recency(unsigned threads) const;
    large_vector<double> T(unsigned threads) const;
    large_vector<std::int64_t> first_time(unsigned threads) const;  ///< microseconds
    large_vector<std::int64_t> last_time(unsigned threads) const;
    large_vector<std::int64_t> last_days(unsigned threads) const;
    large_vector<std::int64_t> order_counts(unsigned threads) const;
    large_vector<std::int64_t> days(unsigned threads) const;
    large_vector<std::int64_t> lines(unsigned threads) const;
    large_vector<double> returns(unsigned threads) const;
    /// A column from above in the order of the table.
    template <class Number>
    large_vector<Number> ordered(large_vector<Number> const& column) const {
        if (order.empty()) return column;
        large_vector<Number> result(order.size());
        for (std::size_t row = 0; row < result.size(); ++row)
            result[row] = column[order[row]];
        return result;
    }
};

}  // namespace clavis::ledger

// Visits by the rows of customers: sorted by counting, so that neither ids nor comparisons cost anything.

#include <algorithm>
#include <numeric>
#include <string>

#include "clavis/core/errors.hpp"
#include "clavis/defection/monitor.hpp"
#include "defection/records.hpp"

namespace clavis::defection {

alerts monitor::update(std::span<std::int32_t const> rows, std::span<std::int32_t const> days, sys_days as_of,
                       unsigned threads, progress const& progress_watch) {
    if (rows.size() != days.size())
        throw input_error("visits: " + std::to_string(rows.size()) + " rows and " +
                          std::to_string(days.size()) + " days");
    ledger::history batch;
    batch.offsets.assign(size() + 1, 0);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows[i] < 0 || static_cast<std::size_t>(rows[i]) >= size())
            throw input_error(
                {.table = "visits", .column = "row", .row = static_cast<std::int64_t>(i)},
                std::to_string(rows[i]) + " is no row of " + std::to_string(size()) + " customers");
        ++batch.offsets[static_cast<std::size_t>(rows[i]) + 1];
    }
    std::partial_sum(batch.offsets.begin(), batch.offsets.end(), batch.offsets.begin());
    batch.day.resize(rows.size());
    // Each offset runs to the next one's place and is put back after.
    for (std::size_t i = 0; i < rows.size(); ++i)
        batch.day[static_cast<std::size_t>(batch.offsets[static_cast<std::size_t>(rows[i])]++)] = days[i];
    std::copy_backward(batch.offsets.begin(), batch.offsets.end() - 1, batch.offsets.end());
    batch.offsets.front() = 0;
    for (std::size_t row = 0; row < size(); ++row) {
        auto const begin = batch.day.begin() + batch.offsets[row];
        auto const end = batch.day.begin() + batch.offsets[row + 1];
        if (!std::is_sorted(begin, end)) std::sort(begin, end);
    }
    batch.orders.assign(rows.size(), 1);
    batch.customer_id = customer_id_;
    return update(batch, as_of, threads, progress_watch);
}

}  // namespace clavis::defection

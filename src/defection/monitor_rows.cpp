// Visits by the rows of customers: sorted by counting, first into groups whose counts a processor keeps at hand, so that
// neither ids nor comparisons nor distant memory cost anything.

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/core/large_memory.hpp"
#include "clavis/defection/monitor.hpp"
#include "defection/records.hpp"

namespace clavis::defection {

namespace {

/// Customers whose counts a processor keeps at hand.
constexpr int group_bits = 15;

struct visit_of {
    std::int32_t row;
    std::int32_t day;
};

/// The visits of each `group` of customers after those of the groups before it, in the order in which they came; and where
/// each group begins. Throws input_error for a row that is none.
std::pair<large_vector<visit_of>, std::vector<std::size_t>> in_groups(std::span<std::int32_t const> rows,
                                                                      std::span<std::int32_t const> days,
                                                                      std::size_t customers) {
    std::vector<std::size_t> begin((customers >> group_bits) + 2);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows[i] < 0 || static_cast<std::size_t>(rows[i]) >= customers)
            throw input_error(
                {.table = "visits", .column = "row", .row = static_cast<std::int64_t>(i)},
                std::to_string(rows[i]) + " is no row of " + std::to_string(customers) + " customers");
        ++begin[static_cast<std::size_t>(rows[i] >> group_bits) + 1];
    }
    std::partial_sum(begin.begin(), begin.end(), begin.begin());
    std::vector<std::size_t> next = begin;
    large_vector<visit_of> grouped(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i)
        grouped[next[static_cast<std::size_t>(rows[i] >> group_bits)]++] = {rows[i], days[i]};
    return {std::move(grouped), std::move(begin)};
}

}  // namespace

alerts monitor::update(std::span<std::int32_t const> rows, std::span<std::int32_t const> days, sys_days as_of,
                       unsigned threads, progress const& progress_watch) {
    if (rows.size() != days.size())
        throw input_error("visits: " + std::to_string(rows.size()) + " rows and " +
                          std::to_string(days.size()) + " days");
    if (options_.evidence.any())
        throw input_error("visits by rows carry no amounts and categories, which this monitor watches");
    check_as_of(as_of);
    auto const [grouped, begin] = in_groups(rows, days, size());
    ledger::history batch;
    batch.offsets.assign(size() + 1, 0);
    batch.day.resize(rows.size());
    std::int64_t before = 0;
    for (std::size_t group = 0; group + 1 < begin.size(); ++group) {
        std::span<visit_of const> const visits(grouped.data() + begin[group],
                                               begin[group + 1] - begin[group]);
        for (visit_of const& one : visits)
            ++batch.offsets[static_cast<std::size_t>(one.row) + 1];
        // Each offset is where its customer begins, runs to the next one's place and is put there.
        std::size_t const first = group << group_bits;
        std::size_t const last = std::min(size(), (group + 1) << group_bits);
        for (std::size_t row = first; row < last; ++row)
            before += std::exchange(batch.offsets[row + 1], before);
        for (visit_of const& one : visits)
            batch.day[static_cast<std::size_t>(batch.offsets[static_cast<std::size_t>(one.row) + 1]++)] =
                one.day;
    }
    for (std::size_t row = 0; row < size(); ++row) {
        auto const start = batch.day.begin() + batch.offsets[row];
        auto const end = batch.day.begin() + batch.offsets[row + 1];
        if (!std::is_sorted(start, end)) std::sort(start, end);
    }
    batch.orders.assign(rows.size(), 1);
    if (options_.reorder_days > 0) {
        batch.customer_id = customer_id_;
        return update(batch, as_of, threads, progress_watch);
    }
    alerts result = watch(batch, as_of, threads, progress_watch, {}, true);
    received_until_ = as_of;
    return result;
}

}  // namespace clavis::defection

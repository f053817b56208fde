// Records that come late: their visits wait in the order of their days until nothing may come before them.

#include <algorithm>
#include <cstddef>

#include "clavis/defection/monitor.hpp"
#include "defection/records.hpp"

namespace clavis::defection {

namespace {

void append(ledger::history const& from, std::size_t entry, ledger::history& to) {
    to.day.push_back(from.day[entry]);
    to.orders.push_back(from.orders[entry]);
    to.sales.push_back(entry < from.sales.size() ? from.sales[entry] : 0);
    to.returns.push_back(entry < from.returns.size() ? from.returns[entry] : 0);
}

/// Ends the customer's entries; false where there are none.
bool close(ledger::history& to) {
    auto const end = static_cast<std::int64_t>(to.day.size());
    if (end == to.offsets.back()) return false;
    to.offsets.push_back(end);
    return true;
}

}  // namespace

monitor::sorted_visits monitor::sort_by_day(ledger::history const& batch, sys_days until,
                                            sys_days as_of) const {
    std::int32_t const after = day_number(seen_);
    std::int32_t const due = day_number(until);
    std::int32_t const last = day_number(as_of);
    sorted_visits result;
    result.due.amount_scale = result.waiting.amount_scale = batch.amount_scale;
    check_same_kind(waiting_.customer_id, batch.customer_id, "batch", "a batch before it");
    id_pairs const pairs = pair_ids(waiting_.customer_id, batch.customer_id);
    id_pairs due_pairs;
    id_pairs waiting_pairs;
    for (id_pair const& one : pairs) {
        auto entries = [](ledger::history const& of, std::size_t row) {
            return row == id_pair::none
                       ? std::pair<std::size_t, std::size_t>{0, 0}
                       : std::pair<std::size_t, std::size_t>{of.offsets[row], of.offsets[row + 1]};
        };
        auto [i, known_end] = entries(waiting_, one.left);
        auto [k, batch_end] = entries(batch, one.right);
        while (i < known_end || k < batch_end) {
            if (k < batch_end && (batch.orders[k] == 0 || batch.day[k] <= after || batch.day[k] > last)) {
                count_unused(batch, k++, last, result.unused);
                continue;
            }
            bool const from_waiting = k == batch_end || (i < known_end && waiting_.day[i] <= batch.day[k]);
            if (from_waiting && k < batch_end && waiting_.day[i] == batch.day[k]) {
                ++result.unused.visits_late;
                ++k;
            }
            ledger::history const& source = from_waiting ? waiting_ : batch;
            std::size_t const entry = from_waiting ? i++ : k++;
            append(source, entry, source.day[entry] <= due ? result.due : result.waiting);
        }
        if (close(result.due)) due_pairs.push_back(one);
        if (close(result.waiting)) waiting_pairs.push_back(one);
    }
    result.due.customer_id = join_ids(waiting_.customer_id, batch.customer_id, due_pairs);
    result.waiting.customer_id = join_ids(waiting_.customer_id, batch.customer_id, waiting_pairs);
    return result;
}

}  // namespace clavis::defection

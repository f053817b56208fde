// Visits with what else is known of them into the monitor: one customer after the other, day by day.

#include <algorithm>
#include <cmath>
#include <span>

#include "clavis/defection/monitor.hpp"
#include "defection/beside_batch.hpp"
#include "defection/records.hpp"
#include "defection/watcher.hpp"

namespace clavis::defection {

monitor::beside_batch::beside_batch(monitor const& own, ledger::history const& records,
                                    evidence_records const& told, id_pairs const& pairs, std::size_t count,
                                    std::int32_t last_day, identifiers const& joined)
    : batch(records), more(told), unit(std::pow(10.0, -records.amount_scale)), last(last_day) {
    if (!own.options_.evidence.any()) return;
    watch = own.beside_.empty_copy(count);
    if (own.options_.evidence.category && more.categories != nullptr) {
        for (std::string const& name : more.categories->names) {
            auto const known = std::find(watch.names.begin(), watch.names.end(), name);
            category.push_back(static_cast<std::int32_t>(known - watch.names.begin()));
            if (known == watch.names.end()) watch.names.push_back(name);
        }
    }
    wallet_row.assign(count, id_pair::none);
    if (own.options_.evidence.wallet && more.wallet != nullptr) {
        identifiers const& ids = pairs.size() > own.size() ? joined : own.customer_id_;
        std::size_t i = 0;
        for (id_pair const& one : pair_ids(ids, more.wallet->customer_id)) {
            if (one.left == id_pair::none) continue;
            i = one.left;
            wallet_row[i] = one.right;
        }
    }
}

void monitor::take_beside(beside_batch& with, std::size_t row, std::size_t old_row, std::size_t batch_row,
                          std::vector<alert>& raised, intake& received) const {
    ledger::history const& batch = with.batch;
    std::int32_t const after = day_number(seen_);
    person& one = with.people[row];
    evidence_watch& beside = with.watch;
    watcher seen(*this, one, with.tracks + row * rho_.size(), with.events + row * events_width(), &beside,
                 row);
    bool fresh = old_row == id_pair::none;
    if (!fresh) beside.copy(row, beside_, old_row);
    auto raise = [&](alert found) {
        found.row = row;
        raised.push_back(std::move(found));
    };

    // Answers about wallets, from the end of their period on.
    std::size_t answer = 0;
    std::size_t answers = 0;
    if (with.wallet_row[row] != id_pair::none) {
        answer = static_cast<std::size_t>(with.more.wallet->offsets[with.wallet_row[row]]);
        answers = static_cast<std::size_t>(with.more.wallet->offsets[with.wallet_row[row] + 1]);
    }
    auto answer_until = [&](std::int32_t day) {
        for (; answer < answers; ++answer) {
            wallet_answers::answer const& told = with.more.wallet->answers[answer];
            std::int32_t const over = std::max(after + 1, beside.models().first_day_of(told.period + 1));
            if (over > day) return;
            if (fresh) continue;
            seen.wait(over - 1, raise);
            seen.answer(over, told, raise);
        }
    };

    std::int32_t before = fresh ? after : std::max(after, one.last_day);
    std::size_t bought = 0;
    std::size_t bought_end = 0;
    if (batch_row != id_pair::none && with.more.categories != nullptr && !with.category.empty()) {
        bought = static_cast<std::size_t>(with.more.categories->offsets[batch_row]);
        bought_end = static_cast<std::size_t>(with.more.categories->offsets[batch_row + 1]);
    }
    std::vector<std::int32_t> categories;
    std::size_t const stop =
        batch_row == id_pair::none ? 0 : static_cast<std::size_t>(batch.offsets[batch_row + 1]);
    for (std::size_t k = batch_row == id_pair::none ? 0 : static_cast<std::size_t>(batch.offsets[batch_row]);
         k < stop; ++k) {
        std::int32_t const day = batch.day[k];
        bool const in_time = day > after && day <= with.last;
        double const net = with.unit * static_cast<double>(batch.sales[k] - batch.returns[k]);
        if (batch.orders[k] == 0 || !in_time || day <= before) {
            count_unused(batch, k, with.last, received);
            if (!fresh && in_time && batch.orders[k] == 0) {
                answer_until(day);
                beside.spent(row, day, net);
            }
            continue;
        }
        before = day;
        ++received.visits_used;
        categories.clear();
        for (; bought < bought_end && with.more.categories->day[bought] <= day; ++bought)
            if (with.more.categories->day[bought] == day)
                categories.push_back(
                    with.category[static_cast<std::size_t>(with.more.categories->category[bought])]);
        double const amount = with.unit * static_cast<double>(batch.sales[k]);
        if (fresh) {
            one = {day, 0, 0, state::ACTIVE, 0, 0, false, false};
            seen.restart(day);
            beside.start(row, day);
            beside.visit(time_, row, day, amount, categories);
            fresh = false;
        } else {
            answer_until(day);
            // An alarm stands at the end of a day, so a visit on this very day forestalls it.
            seen.wait(day - 1, raise);
            seen.visit(day, amount, categories);
        }
        beside.spent(row, day, net);
    }
    answer_until(with.last);
    seen.wait(with.last, raise);
}

}  // namespace clavis::defection

// Monitors of different customers become one.

#include <algorithm>
#include <utility>

#include "clavis/core/errors.hpp"
#include "clavis/defection/monitor.hpp"
#include "defection/records.hpp"

namespace clavis::defection {

namespace {

void refuse(std::string const& why) {
    throw input_error("these monitors cannot be merged: " + why);
}

/// Throws where a customer is in both.
id_pairs pair_strangers(identifiers const& left, identifiers const& right) {
    id_pairs pairs = pair_ids(left, right);
    for (id_pair const& one : pairs)
        if (one.left != id_pair::none && one.right != id_pair::none)
            refuse(
                "customer " + left.label(one.left) +
                " is in both; records of one customer are joined in one summarizer before they are watched");
    return pairs;
}

}  // namespace

void monitor::merge(monitor const& other) {
    if (!(options_ == other.options_)) refuse("their options differ");
    if (!(clock_ == other.clock_ && time_ == other.time_))
        refuse("their clocks differ; learn one and give its parameters to both");
    if (!(beside_.models() == other.beside_.models()))
        refuse(
            "what they learned of spend, categories or wallets differs; learn it once and give it to both");
    if (start_ != other.start_) refuse("their watches began on different days");
    if (seen_ != other.seen_ || received_until_ != other.received_until_)
        refuse("one has watched until " + clavis::to_string(received_until_) + ", the other until " +
               clavis::to_string(other.received_until_));
    check_same_kind(customer_id_, other.customer_id_, "monitor", "the other");
    check_same_kind(waiting_.customer_id, other.waiting_.customer_id, "monitor", "the other");

    id_pairs const pairs = pair_strangers(customer_id_, other.customer_id_);
    id_pairs const waiting_pairs = pair_strangers(waiting_.customer_id, other.waiting_.customer_id);
    // Somebody may wait to join in one and be known to the other.
    for (auto const* crossed : {&other, static_cast<monitor const*>(this)}) {
        monitor const& known = crossed == this ? other : *this;
        if (crossed->waiting_.size() > 0 && known.size() > 0)
            pair_strangers(known.customer_id_, crossed->waiting_.customer_id);
    }

    large_vector<person> people(pairs.size());
    large_vector<track> tracks(pairs.size() * rho_.size());
    large_vector<std::int32_t> events(pairs.size() * events_width());
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        monitor const& source = pairs[i].left != id_pair::none ? *this : other;
        source.copy_customer(pairs[i].left != id_pair::none ? pairs[i].left : pairs[i].right, people[i],
                             tracks.data() + i * rho_.size(), events.data() + i * events_width());
    }
    evidence_watch beside;
    if (options_.evidence.any()) {
        beside = beside_.empty_copy(pairs.size());
        std::vector<std::int32_t> place;  // of the other's categories
        for (std::string const& name : other.beside_.names) {
            auto const known = std::find(beside.names.begin(), beside.names.end(), name);
            place.push_back(static_cast<std::int32_t>(known - beside.names.begin()));
            if (known == beside.names.end()) beside.names.push_back(name);
        }
        for (std::size_t i = 0; i < pairs.size(); ++i) {
            bool const mine = pairs[i].left != id_pair::none;
            beside.copy(i, mine ? beside_ : other.beside_, mine ? pairs[i].left : pairs[i].right);
            if (mine || !options_.evidence.category) continue;
            for (std::size_t k = 0; k < evidence_watch::slots; ++k) {
                category_slot& slot = beside.categories[i * evidence_watch::slots + k];
                if (slot.category >= 0) slot.category = place[static_cast<std::size_t>(slot.category)];
            }
        }
    }
    ledger::history waiting;
    waiting.amount_scale = waiting_.amount_scale;
    waiting.customer_id = join_ids(waiting_.customer_id, other.waiting_.customer_id, waiting_pairs);
    for (id_pair const& one : waiting_pairs) {
        ledger::history const& source = one.left != id_pair::none ? waiting_ : other.waiting_;
        std::size_t const row = one.left != id_pair::none ? one.left : one.right;
        auto copy = [&](auto const& from, auto& to) {
            to.insert(to.end(), from.begin() + source.offsets[row], from.begin() + source.offsets[row + 1]);
        };
        copy(source.day, waiting.day);
        copy(source.orders, waiting.orders);
        copy(source.sales, waiting.sales);
        copy(source.returns, waiting.returns);
        waiting.offsets.push_back(static_cast<std::int64_t>(waiting.day.size()));
    }
    customer_id_ = join_ids(customer_id_, other.customer_id_, pairs);
    people_ = std::move(people);
    tracks_ = std::move(tracks);
    events_ = std::move(events);
    waiting_ = std::move(waiting);
    beside_ = std::move(beside);
    received_ += other.received_;
}

}  // namespace clavis::defection

#pragma once

// Which stream of random numbers serves which aspect of the shop: a fixed list, so that a change in one
// aspect leaves the numbers of the others as they were. New aspects go to the end.

#include <cstdint>

#include "clavis/core/random.hpp"

namespace clavis::simulate {

enum class aspect : std::uint32_t {
    rates,
    changes,
    purchases,
    spending,
    baskets,
    returns,
    hazards,
    contacts,
    life_events,
    segments,
    profiles,
    wallets,
    attitudes,
    articles,
    stores,
    lateness,
    payments,
    surveys,
    wallet_panel,
    response_types,
    campaigns,
    referrals,
    interviews,
    model_purchases = 256,
    model_spend,
};

/// The numbers of one customer (from 1) for one aspect.
inline random_stream stream_of(std::uint64_t seed, aspect which, std::int64_t customer_id) {
    return {seed, static_cast<std::uint32_t>(which), static_cast<std::uint64_t>(customer_id)};
}

}  // namespace clavis::simulate

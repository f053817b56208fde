#pragma once

// Replays the purchase days of every customer through a tier programme: where each stands on a day, since
// when, why, until when, and what is missing to the next tier; or every stay in a tier as an interval. Tiers
// change only on days with an event, on days when an event leaves the window, and on days when a validity
// ends, so two pointers into a customer's days and one look at the tiers at each such day are enough:
// O(events + changes · tiers) in all. Events after `as_of` are invisible. Customers are independent, so any
// number of threads gives the same result.

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "clavis/core/progress.hpp"
#include "clavis/core/time.hpp"
#include "clavis/ledger/history.hpp"
#include "clavis/loyalty/tier_program.hpp"

namespace clavis::loyalty {

/// No such day: not seen yet, or no end in sight.
inline constexpr std::int32_t no_day = std::numeric_limits<std::int32_t>::min();

/// Why a stay in a tier began.
enum class tier_cause : std::uint8_t {
    first_event,   ///< the customer's first day on record, which did not reach a higher tier
    purchase,      ///< a purchase reached the threshold
    return_,       ///< a return took the metric below the keep threshold
    window,        ///< what left the window did (down), or a return that left it (up)
    validity_end,  ///< the validity ran out with the keep threshold unmet
};

/// "first event", "purchase", "return", "window", "validity end".
char const* to_string(tier_cause cause);

/// One row per customer of the history, in its order. Days are local days since 1970; amounts are minor units
/// of the history (orders where the programme counts orders).
struct tier_standings {
    std::vector<std::int32_t> tier;   ///< position in tier_program::tiers
    std::vector<std::int32_t> since;  ///< first day of the present stay; no_day: no event until as_of
    std::vector<tier_cause> cause;    ///< why it began
    /// day that last lifted the customer to this tier or above it; no_day: first tier
    std::vector<std::int32_t> qualified_by;
    std::vector<std::int64_t> qualified_amount;  ///< by how much the events of that day changed the metric
    std::vector<std::int64_t> qualified_metric;  ///< the metric on that day
    std::vector<std::int64_t> metric;            ///< the metric on as_of
    /// last day of the tier if nothing more happens; no_day: it does not end
    std::vector<std::int32_t> keeps_until;
    std::vector<std::int64_t> to_next;  ///< missing to the next tier on as_of, > 0; −1: there is none
    std::int32_t as_of = 0;
    int amount_scale = 0;  ///< amounts count 10^-amount_scale; 0 for orders

    std::size_t size() const { return tier.size(); }
};

tier_standings replay(tier_program const& program, ledger::history const& history, sys_days as_of,
                      unsigned threads = 1, progress const& watch = {});

/// The standing of one row in sentences that the customer could read.
std::string reason(tier_program const& program, tier_standings const& standings, std::size_t row);

/// Every stay of every customer, by customer, then by day.
struct tier_intervals {
    std::vector<std::int64_t> customer;  ///< position in history::customer_id
    std::vector<std::int32_t> from;      ///< first day
    std::vector<std::int32_t> to;        ///< last day; no_day: still so at the end
    std::vector<std::int32_t> tier;
    std::vector<tier_cause> cause;
    std::vector<std::int64_t> metric;     ///< on the first day
    std::vector<std::int64_t> threshold;  ///< the threshold reached, or the keep threshold missed
    std::vector<std::int64_t> change;     ///< by how much the metric changed on the first day
    std::int32_t until = 0;
    int amount_scale = 0;

    std::size_t size() const { return customer.size(); }
};

/// Up to `until`; absent: up to the last day in the history.
tier_intervals intervals(tier_program const& program, ledger::history const& history,
                         std::optional<sys_days> until = {}, unsigned threads = 1,
                         progress const& watch = {});

}  // namespace clavis::loyalty

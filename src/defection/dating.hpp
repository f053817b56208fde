#pragma once

// Between which days a change lies. A customer who keeps the fraction f of the visits from day tau on lives on a time of their
// own, which from tau on goes at the pace f. Visits known from t_0 to t_x with gaps y_i of that time, G their sum, and a last
// silence of s of it have the likelihood
//     L(tau, f) = prod over gaps of (y_i / g_i)^(k - 1), times f for every visit from tau on,
//                 times (alpha + G)^-(r + k x) P(gap > s | x, G),
// where g_i is what the gap took on the clock, P the clock's, and the rate is integrated out over what the clock knows of it.
// The clock's time is the season's. All days are alike beforehand; so are a stop (f = 0, which only days after the last visit
// allow) and a drop, whose fraction is 0.1, 0.3, 0.5, 0.7 or 0.9. What raised the alarm does not enter: of a drop that passes
// for a stop the interval tells both. The interval is the middle 95 % of the posterior of tau, in whole days.

#include <cstdint>
#include <optional>
#include <span>

#include "clavis/defection/clock_tables.hpp"
#include "clavis/defection/operational_time.hpp"

namespace clavis::defection {

struct date_interval {
    std::int32_t low;
    std::int32_t high;
};

/// What changes are thought possible.
struct possible_changes {
    bool stop = true;
    bool drop = true;
};

/// A day before the visits kept and how many visits came from it on, them included: visits in between count as spread evenly.
struct earlier_day {
    std::int32_t day;
    double visits;
};

/// A change noticed on `date`, no sooner than `from`. `days`: the last visits kept, ascending, the newest the last of all.
/// The clock knows `visits` gaps of `gap_days` calendar days, up to that last visit.
date_interval date_change(clock_tables const& tables, operational_time const& time, std::int32_t visits,
                          std::int32_t gap_days, std::span<std::int32_t const> days, std::int32_t from,
                          std::int32_t date, possible_changes possible = {},
                          std::optional<earlier_day> earlier = {});

}  // namespace clavis::defection

#pragma once

// Between which days a change lies. A customer who keeps the fraction f of the visits from day tau on lives at the pace f
// from there: with x gaps known that took G days and a last silence s, of which d days and `after` visits came from tau on,
//     L(tau, f) = f^after (alpha + G + s - (1 - f) d)^-(r + x),
// the rate integrated out over what the clock knows of it, exactly so for k = 1; for other k a visit counts k phases, and the
// last silence as if the next were at hand. Days are the calendar's, whatever the season. All days are alike beforehand; so are a stop (f = 0, which only
// days after the last visit allow) and a drop, whose fraction is 0.1, 0.3, 0.5, 0.7 or 0.9. What raised the alarm does not
// enter: of a drop that passes for a stop the interval tells both. The interval is the middle 95 % of the posterior of tau,
// in whole days.

#include <cstdint>
#include <optional>
#include <span>

#include "clavis/defection/hazard_clock.hpp"

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
/// The clock knows `visits` gaps of `gap_days`, up to that last visit.
date_interval date_change(hazard_clock const& clock, double visits, double gap_days,
                          std::span<std::int32_t const> days, std::int32_t from, std::int32_t date,
                          possible_changes possible = {}, std::optional<earlier_day> earlier = {});

}  // namespace clavis::defection

#pragma once

// What the monitor (monitor.hpp) says: states, alerts with their sentence, and what became of the records.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "clavis/core/columns.hpp"
#include "clavis/core/time.hpp"
#include "clavis/defection/evidence_watch.hpp"

namespace clavis::defection {

enum class state : std::uint8_t { NEW, ACTIVE, WATCH, PARTIAL, LAPSED, RECOVERED };
/// "NEW", "ACTIVE", ...
char const* to_string(state value) noexcept;

/// Stands where there is no day.
inline constexpr std::int32_t missing_day = std::numeric_limits<std::int32_t>::min();
inline constexpr sys_days missing_date{std::chrono::days{missing_day}};

/// One alarm.
struct alert {
    std::size_t row = 0;                     ///< into alerts::customer_id
    defection::state state = state::LAPSED;  ///< LAPSED or PARTIAL
    sys_days raised{};                       ///< the first day on which the alarm stands
    sys_days since{};                        ///< most likely day of the change: LAPSED: the last visit
    std::int32_t visits = 0;                 ///< since then
    double expected = 0;                     ///< visits an unchanged customer would have made since then
    double retained_ratio = 0;               ///< visits / expected
    double statistic = 0;                    ///< R when raised: the limit, or more for LAPSED after PARTIAL
    double overdue_p = 1;                    ///< when raised
    double usual_gap = 0;                    ///< days from visit to visit, by the clock before the change
    /// The change lies between these days with probability 95 %; `missing_date` where no events are kept.
    sys_days since_low = missing_date;
    sys_days since_high = missing_date;
    /// What raised it. Where that is not visits, `visits` is 0, `expected` NaN but for categories (purchases of the one
    /// given up), `retained_ratio` is after / before, and there is no interval.
    evidence_kind evidence = evidence_kind::VISITS;
    std::string category{};  ///< given up
    double before =
        std::numeric_limits<double>::quiet_NaN();  ///< spend a visit, or share of wallet, until `since`
    double after = std::numeric_limits<double>::quiet_NaN();  ///< and from then on
};

/// What update() did with the records it was handed.
struct intake {
    std::int64_t visits_used = 0;
    /// On a day already watched, before the watch, or on a day whose visit is waiting already: not used.
    std::int64_t visits_late = 0;
    std::int64_t visits_early = 0;      ///< after as_of: not used
    std::int64_t return_days = 0;       ///< customer-days with returns only: not visits
    std::int64_t customers_joined = 0;  ///< first seen now: they start with the population's clock

    intake& operator+=(intake const& other);
    bool operator==(intake const&) const = default;
};

/// New alerts, by day raised and then by customer.
struct alerts {
    identifiers customer_id;  ///< of each row
    std::vector<alert> rows;
    intake received;
    double false_alarms_per_year = 0;

    std::size_t size() const { return rows.size(); }
    auto begin() const { return rows.begin(); }
    auto end() const { return rows.end(); }
    /// What was expected, what happened, and how often such an alert is false.
    std::string sentence(std::size_t row) const;
};

/// One row a customer. Days are days since 1970-01-01, `missing_day` where there is none.
struct states_table {
    sys_days as_of{};
    identifiers customer_id;
    std::vector<defection::state> state;
    /// What raised the alarm that stands, or speaks loudest.
    std::vector<evidence_kind> evidence;
    /// Own spend rises, and the share of wallet falls: evidence_watch.
    std::vector<std::uint8_t> growing_but_losing_share;
    std::vector<double> statistic;  ///< R
    std::vector<double> overdue_p;
    /// The largest chance that an unchanged customer shows such an R by now.
    std::vector<double> false_alarm_bound;
    /// Most likely day of the change: WATCH, PARTIAL, LAPSED.
    std::vector<std::int32_t> since;
    /// Where events are kept: the days between which the change of a PARTIAL or LAPSED customer lies with
    /// probability 95 %, as it was known when the alarm was raised.
    std::vector<std::int32_t> since_low;
    std::vector<std::int32_t> since_high;
    /// Visits since the change over those expected; NaN where none is dated.
    std::vector<double> retained_ratio;
    std::vector<std::int32_t> last_visit;
    /// Those that the clock has learned from; 0: judged by the population.
    std::vector<std::int32_t> repeat_visits;
    /// Days; the posterior mean rate inverted.
    std::vector<double> expected_gap;

    std::size_t size() const { return state.size(); }
};

}  // namespace clavis::defection

#pragma once

// Who is leaving, wholly or in part, and since when: a monitor that watches every customer's visits on the
// hazard clock and raises an alarm when the mixture of Shiryaev-Roberts statistics reaches its limit.
//
// The promise. A customer who does not change raises an alarm within the first year watched with probability
// at most false_alarms_per_year (0.10), whatever their rate; the mean time to a false alarm is at least
// 1/false_alarms_per_year years. It is a bound by proof where purchases are Poisson given the customer's rate
// and rates are Gamma(r, alpha) as learned; docs/methods/defection.md states what was measured, there and
// where neither holds.
//
// learn_baseline() (baseline.hpp) learns r and alpha from the population. The watch starts at R = 0 at midnight
// at the start of the baseline's `until`. R is followed in continuous
// time and the crossing is solved for, not noticed at the next look: an alarm stands from the first midnight
// at or after the crossing, unless the customer came in between, so that alerts do not depend on how records
// are cut into batches. A visit is taken to happen at the start of its day; days are too coarse for customers
// who come nearly daily, which errs to the safe side.
//
// States. NEW: no repeat visit yet, judged by the population alone. ACTIVE. WATCH: R >= limit/5, or already
// overdue at p <= 0.01 when the watch began and silent since. LAPSED: an alarm where the evidence lies with a
// full stop. PARTIAL: an alarm where it lies with a drop; it turns into LAPSED when a stop becomes the better
// explanation. RECOVERED: a visit after LAPSED, or R back below limit/5 at a visit after PARTIAL; the
// statistic starts at zero again, the clock forgets what came after the change, and the third visit from
// there makes the customer ACTIVE. From an alarm for PARTIAL on the clock stands as it was at the change, or
// it would come to take the lower rate for the normal one.
//
// Cost: O(1) an event; 16 bytes a customer and 24 for each retained fraction above zero (40 with the default
// mixture).

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "clavis/core/columns.hpp"
#include "clavis/core/progress.hpp"
#include "clavis/core/time.hpp"
#include "clavis/defection/baseline.hpp"
#include "clavis/defection/hazard_clock.hpp"
#include "clavis/ledger/history.hpp"

namespace clavis::defection {

enum class state : std::uint8_t { NEW, ACTIVE, WATCH, PARTIAL, LAPSED, RECOVERED };
/// "NEW", "ACTIVE", ...
char const* to_string(state value) noexcept;

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
};

/// What update() did with the records it was handed.
struct intake {
    std::int64_t visits_used = 0;
    std::int64_t visits_late = 0;       ///< on a day already watched, or before the watch: not used
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
    static constexpr std::int32_t missing_day = std::numeric_limits<std::int32_t>::min();

    sys_days as_of{};
    identifiers customer_id;
    std::vector<defection::state> state;
    std::vector<double> statistic;  ///< R
    std::vector<double> overdue_p;
    /// The largest chance that an unchanged customer shows such an R by now.
    std::vector<double> false_alarm_bound;
    /// Most likely day of the change: WATCH, PARTIAL, LAPSED.
    std::vector<std::int32_t> since;
    /// Visits since the change over those expected; NaN where none is dated.
    std::vector<double> retained_ratio;
    std::vector<std::int32_t> last_visit;
    /// Those that the clock has learned from; 0: judged by the population.
    std::vector<std::int32_t> repeat_visits;
    /// Days; the posterior mean rate inverted.
    std::vector<double> expected_gap;

    std::size_t size() const { return state.size(); }
};

struct monitor_options {
    std::vector<double> retained{0.0, 0.5};  ///< retained fractions, each in [0, 1), of equal weight
    double false_alarms_per_year = 0.10;     ///< in (0, 1]

    void validate() const;
};

class monitor {
  public:
    /// Starts the watch. Throws input_error for a bad option or clock.
    explicit monitor(baseline const& start, monitor_options options = {});

    /// Takes the visits after those already watched up to the day `as_of` inclusive, and returns the alarms
    /// that stand on `as_of` and were not returned before. A history's rows may come from any order of
    /// records; visits outside are counted in `received` and not used. Throws input_error where as_of lies
    /// before the last day watched.
    alerts update(ledger::history const& batch, sys_days as_of, unsigned threads = 1,
                  progress const& watch = {});

    /// Everybody as of a day not before the last one watched, taking it that nobody came since. Does not
    /// change the monitor.
    states_table states(sys_days as_of, unsigned threads = 1) const;
    states_table states() const { return states(watched_until()); }

    std::size_t size() const { return people_.size(); }
    hazard_clock const& clock() const { return clock_; }
    monitor_options const& options() const { return options_; }
    double limit() const { return limit_; }
    sys_days watched_from() const { return start_; }  ///< its first instant
    /// The last day whose visits are in; before the first update the day before watched_from().
    sys_days watched_until() const { return seen_; }
    intake const& received() const { return received_; }  ///< over all updates

  private:
    /// What is kept of a customer apart from the tracks, which stand at the later of last_day and the start
    /// of the watch.
    struct person {
        std::int32_t last_day;
        std::int32_t gap_days;
        std::int32_t visits;
        defection::state state : 8;  ///< ACTIVE, PARTIAL, LAPSED or RECOVERED as decided so far
        std::uint8_t leading;        ///< after PARTIAL: 1 + the track that dates the change; else 0
        std::uint8_t returned;       ///< visits since the recovery
        bool frozen : 1;             ///< the clock stands at the leading track's last zero
        bool overdue : 1;            ///< overdue when the watch began, and silent since
    };
    /// One retained fraction above zero: ln R and the CUSUM that dates the change. For rho = 0 both are zero
    /// at every visit and need no memory.
    struct track {
        double log_statistic;
        float cusum;
        std::int32_t zero_day;       ///< of the CUSUM's last zero
        std::int32_t zero_visits;    ///< person::visits then
        std::int32_t zero_gap_days;  ///< person::gap_days then
    };
    class watcher;
    static double clock_units(double shape, double scale, double silence) noexcept;
    static void count_unused(ledger::history const& batch, std::size_t entry, std::int32_t until,
                             intake& received);

    hazard_clock clock_;
    monitor_options options_;
    std::vector<double> rho_;  ///< the fractions above zero
    bool full_stop_ = false;   ///< whether zero is among the fractions
    double limit_ = 0;
    sys_days start_{};
    sys_days seen_{};
    intake received_;
    identifiers customer_id_;
    std::vector<person> people_;
    std::vector<track> tracks_;  ///< rho_.size() a customer
};

}  // namespace clavis::defection

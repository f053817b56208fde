#pragma once

// Who is leaving, wholly or in part, and since when: a monitor that watches every customer's visits on the
// hazard clock and raises an alarm when the mixture of Shiryaev-Roberts statistics reaches its limit.
//
// The promise. A customer who does not change raises an alarm within the first year watched with probability
// at most false_alarms_per_year (0.10), whatever their rate; the mean time to a false alarm is at least
// 1/false_alarms_per_year years. It is a bound by proof where gaps are Gamma(k, lambda) given the customer, on the time
// of the season's index, and lambda is Gamma(r, alpha) as learned; docs/methods/defection.md states what was measured, there and
// where neither holds.
//
// learn_baseline() (baseline.hpp) learns k, r, alpha and the index from the population; what silences do is read from
// tables (clock_tables.hpp). After a recovery the past that the clock keeps is taken as if it had just ended. The watch starts at R = 0 at midnight
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
// Evidence beyond visits (spend, categories, wallets) is an option: evidence_watch.hpp. It is added to the statistic so that the
// promise holds for all together, takes its own bytes a customer, and an alarm tells which evidence raised it.
//
// Records may come late by up to reorder_days: their days are watched that much later, and visits wait in order of
// their days. What is later still is counted and not used.
//
// A monitor is a value: it is copied, saved as bytes with a checksum and read again, safely from strangers, and
// monitors of different customers over the same days are merged; all three leave every later alert as it would have
// been. Days watched apart are joined one step before: summarizers of any split of the records merge, and hand their
// days to one update().
//
// Silences of a batch are read from the tables at once; who raises an alarm or stands in one is taken visit by visit, with
// the same result. Cost: O(1) an event; 16 bytes a customer and 24 for each retained fraction above zero (40 with the default
// mixture), 4 for each visit kept and 8 more where any are, and what waits.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clavis/core/columns.hpp"
#include "clavis/core/large_memory.hpp"
#include "clavis/core/progress.hpp"
#include "clavis/core/time.hpp"
#include "clavis/defection/alerts.hpp"
#include "clavis/defection/baseline.hpp"
#include "clavis/defection/clock_tables.hpp"
#include "clavis/defection/hazard_clock.hpp"
#include "clavis/defection/operational_time.hpp"
#include "clavis/ledger/history.hpp"

namespace clavis::defection {

struct monitor_options {
    std::vector<double> retained{0.0, 0.5};  ///< retained fractions, each in [0, 1), of equal weight
    double false_alarms_per_year = 0.10;     ///< in (0, 1]
    /// How many of each customer's last visits are kept, to date changes with an interval; 0 to 64.
    int keep_events = 0;
    /// How long records may come after their day; 0 to 366. Days are watched when they are this old.
    int reorder_days = 0;
    /// Evidence beside visits. Categories and wallets cannot wait: they need reorder_days = 0.
    evidence_choice evidence{};

    void validate() const;
    bool operator==(monitor_options const&) const = default;
};

class monitor {
  public:
    /// Starts the watch. Throws input_error for a bad option or clock.
    explicit monitor(baseline const& start, monitor_options options = {});
    /// With evidence beside visits as learned (learn_evidence); options.evidence becomes what that watches.
    monitor(baseline const& start, monitor_options options, evidence_watch beside);

    /// Takes the visits after those already watched up to the day `as_of` inclusive, and returns the alarms
    /// that stand on `as_of` (reorder_days earlier) and were not returned before. A history's rows may come from any order of
    /// records; visits outside are counted in `received` and not used. Throws input_error where as_of lies
    /// before the last day watched.
    /// `more` is in the batch's rows: categories; and wallets, of which an answer counts from the later of its period's end
    /// and the first day not watched yet, and is not used where its period ended before the last one that did.
    alerts update(ledger::history const& batch, sys_days as_of, unsigned threads = 1,
                  progress const& watch = {}, evidence_records const& more = {});

    /// The same for visits that come as pairs of a customer's row (as in states() and customer_id()) and a day since
    /// 1970-01-01, in any order: for callers who keep the rows. Strangers cannot join, and there are no amounts. Throws input_error
    /// for a row that is none, and where more than visits is watched.
    alerts update(std::span<std::int32_t const> rows, std::span<std::int32_t const> days, sys_days as_of,
                  unsigned threads = 1, progress const& watch = {});

    /// Everybody as of a day not before the last one watched, taking it that nobody came since. Does not
    /// change the monitor.
    states_table states(sys_days as_of, unsigned threads = 1) const;
    states_table states() const { return states(received_until()); }

    /// The whole state, in a form that depends on nothing but its value. `note` is kept with it.
    std::vector<std::uint8_t> to_bytes(std::string_view note = {}) const;
    /// Throws input_error for bytes that are no whole state; they may come from anybody.
    static monitor from_bytes(std::span<std::uint8_t const> bytes, std::string* note = nullptr);

    /// Takes in a monitor of other customers with the same options and clock over the same days. Throws
    /// input_error where any of these differ, and leaves this one as it was.
    void merge(monitor const& other);

    std::size_t size() const { return people_.size(); }
    identifiers const& customer_id() const { return customer_id_; }  ///< sorted
    hazard_clock const& clock() const { return clock_; }
    evidence_watch const& beside() const { return beside_; }
    operational_time const& time() const { return time_; }
    monitor_options const& options() const { return options_; }
    double limit() const { return limit_; }
    sys_days watched_from() const { return start_; }  ///< its first instant
    /// The last day whose visits are in; before the first update the day before watched_from().
    sys_days watched_until() const { return seen_; }
    /// The last day that an update named: reorder_days later, or the same without a buffer.
    sys_days received_until() const { return received_until_; }
    /// Visits that wait for their day to be watched.
    std::size_t visits_waiting() const { return waiting_.day.size(); }
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
    /// One retained fraction above zero: R and the CUSUM that dates the change. For rho = 0 both are zero
    /// at every visit and need no memory.
    struct track {
        double statistic;
        float cusum;
        std::int32_t zero_day;       ///< of the CUSUM's last zero
        std::int32_t zero_visits;    ///< person::visits then
        std::int32_t zero_gap_days;  ///< person::gap_days then
    };
    class watcher;
    class wave;
    /// Visits whose days are to be watched now, those that wait on, and what became of the other records.
    struct sorted_visits {
        ledger::history due;
        ledger::history waiting;
        intake unused;
    };
    monitor() = default;
    void derive();
    void make_tables();
    double fractions() const { return static_cast<double>(rho_.size() + (full_stop_ ? 1 : 0)); }
    std::size_t events_width() const;
    void copy_customer(std::size_t row, person& one, track* tracks, std::int32_t* events) const;
    sorted_visits sort_by_day(ledger::history const& batch, sys_days until, sys_days as_of) const;
    /// `by_rows`: the batch's rows are the monitor's own, and it has no ids.
    alerts watch(ledger::history const& batch, sys_days until, unsigned threads, progress const& watch,
                 evidence_records const& more, bool by_rows = false);
    void check_as_of(sys_days as_of) const;
    struct beside_batch;
    /// Takes one customer through a batch with everything beside visits.
    void take_beside(beside_batch& batch, std::size_t row, std::size_t old_row, std::size_t batch_row,
                     std::vector<alert>& raised, intake& received) const;
    static void count_unused(ledger::history const& batch, std::size_t entry, std::int32_t until,
                             intake& received);

    hazard_clock clock_;
    operational_time time_;
    std::shared_ptr<clock_tables const> tables_;  ///< of the fractions above zero, then of zero
    monitor_options options_;
    std::vector<double> rho_;      ///< the fractions above zero
    std::vector<double> log_rho_;  ///< their logarithms
    bool full_stop_ = false;       ///< whether zero is among the fractions
    double limit_ = 0;
    sys_days start_{};
    sys_days seen_{};
    sys_days received_until_{};
    intake received_;
    identifiers customer_id_;
    large_vector<person> people_;
    large_vector<track> tracks_;  ///< rho_.size() a customer
    /// Where events are kept, events_width() a customer: the days of the last visits, the newest last and
    /// `missing_day` before the first; then since_low and since_high of the alarm that stands, or else the visit
    /// from which the customer has been watched and person::visits then.
    large_vector<std::int32_t> events_;
    ledger::history waiting_;  ///< visits after seen_
    evidence_watch beside_;    ///< empty without evidence beside visits
};

}  // namespace clavis::defection

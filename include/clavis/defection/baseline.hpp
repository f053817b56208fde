#pragma once

// What is usual, learned before the watch begins: the population's clock and every customer's own past. The
// regularity k comes first, from pairs of neighbouring gaps (regularity.hpp), which neither rates nor dropout
// touch. Given k, r and alpha are estimated by maximum likelihood of the modified BG/NBD model (Batislam, Denizel
// and Filiztekin 2007) with gamma gaps (MBG/CNBD-k; Reutterer, Platzer and Schroeder 2020), jointly with dropout,
// so that those who left long ago do not pass for slow buyers. Where the records do not tell how customers leave,
// the rates are learned with the dropout held as found, and `notes` says so. Where two years are known, the clock runs
// on an index of seasons and trends (operational_time.hpp).

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "clavis/core/columns.hpp"
#include "clavis/core/progress.hpp"
#include "clavis/core/time.hpp"
#include "clavis/defection/hazard_clock.hpp"
#include "clavis/defection/operational_time.hpp"
#include "clavis/defection/regularity.hpp"
#include "clavis/ledger/history.hpp"
#include "clavis/lifetime/fit.hpp"

namespace clavis::defection {

/// What is known of everybody at the start of the watch. Times are counted in days.
struct baseline {
    hazard_clock clock;                  ///< r, alpha (days) and k
    sys_days until{};                    ///< the first day watched
    identifiers customer_id;             ///< sorted
    std::vector<std::int32_t> last_day;  ///< day of the last visit
    std::vector<std::int32_t> gap_days;  ///< first visit to last
    std::vector<std::int32_t> visits;    ///< repeat visits (gaps)

    /// The time the clock runs on: the calendar's, or that of an index of seasons and trends.
    operational_time time;
    double season_variation = 0;  ///< coefficient of variation of the index where it was learned

    /// How the clock was learned: r, alpha, a and b (of dropout), k; days. Empty where r and alpha were handed over.
    std::optional<lifetime::fit_report> fit;
    /// What the gaps of the baseline say of k, whether it was learned or not.
    defection::regularity regularity;
    /// Silences that the clock gives one in a hundred and that yet ended in a visit: how often they were seen
    /// among the gaps of the baseline, over 0.01. At most about 1 where the clock holds, however many have
    /// left; above, false alarms are more frequent than promised. NaN without gaps.
    double long_silence_excess = std::numeric_limits<double>::quiet_NaN();
    std::vector<std::string> notes;            ///< how the clock was learned, where that needs a word
    std::vector<std::string> warnings;         ///< what makes the promise doubtful, in words
    std::int64_t visits_after = 0;             ///< visits on or after `until`: left for update()
    std::int64_t return_days = 0;              ///< customer-days with returns only: not visits
    std::int64_t customers_without_visit = 0;  ///< before `until`; they join when they first come

    std::size_t size() const { return visits.size(); }
};

/// What of the clock is known beforehand; the rest is learned.
struct clock_knowledge {
    std::optional<hazard_clock> clock{};
    std::optional<double> k{};               ///< the regularity alone; 1: customers come at random
    std::optional<operational_time> time{};  ///< operational_time{}: the calendar's

    clock_knowledge() = default;
    /// All of it, on the calendar's time.
    // NOLINTNEXTLINE: meant to convert
    clock_knowledge(hazard_clock const& known) : clock(known), time(operational_time{}) {}
    explicit clock_knowledge(double regularity) : k(regularity) {}
};

/// Learns the clock, but what of it is `known`, and every customer's past from the visits before `until`.
/// Throws input_error where there is no visit before `until`, or no repeat visit to learn from.
baseline learn_baseline(ledger::history const& records, sys_days until, clock_knowledge const& known = {},
                        unsigned threads = 1, progress const& watch = {});

}  // namespace clavis::defection

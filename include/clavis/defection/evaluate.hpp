#pragma once

// Alarm rules compared at equal false alarms. Each rule's limit is set so that the same share of the customers who do
// not change raise an alarm in the first 52 weeks watched; then it is counted how many stops and drops are found, how
// late, and who the false alarms are. A customer who is beyond the limit when the watch begins has no alarm in it:
// left out, everywhere, and counted. So are those alarmed at a check before their change; the first check at or after
// a change can find it. The limit is the highest at which the share is met. Ties at the limit are broken by a number
// drawn for each customer, so that rules of few values meet the share as exactly as others.
//
// Deterministic: the same numbers for any number of threads. O(customers x checks) a rule, plus the rule itself
// (marginal_likelihood is quadratic in checks).

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "clavis/core/progress.hpp"
#include "clavis/defection/alarm_rules.hpp"
#include "clavis/defection/rule_data.hpp"

namespace clavis::defection {

struct evaluation_options {
    double false_alarms = 0.10;  ///< share of unchanged customers who alarm in the first year watched
    std::uint64_t seed = 0;      ///< of the numbers that break ties
    unsigned threads = 0;

    void validate() const;  ///< throws input_error unless 0 < false_alarms < 1
};

/// A share of `customers`, with one standard error.
struct measured_share {
    std::int64_t customers = 0;
    double share = std::numeric_limits<double>::quiet_NaN();
    double error = std::numeric_limits<double>::quiet_NaN();
};

/// How changes of one kind were found.
struct detection {
    std::int64_t alarmed_before = 0;  ///< before the change, or beyond the limit at the start: left out
    measured_share within_13;
    measured_share within_26;
    measured_share within_52;
    double median_delay =
        std::numeric_limits<double>::quiet_NaN();  ///< weeks; inf where fewer than half are found
};

struct rule_result {
    std::string rule;
    double limit = std::numeric_limits<double>::quiet_NaN();
    std::int64_t beyond_at_start = 0;  ///< unchanged customers left out
    measured_share false_alarms;       ///< unchanged customers in the first 52 weeks
    measured_share second_year;        ///< in the next 52, of those who had none
    /// The first year's by tenths of the customers from the fewest visits in the calibration to the most; customers
    /// of equal visits share a tenth. NaN where a tenth is empty.
    std::array<double, 10> by_rate;
    detection stops;
    detection drops;
    /// Rules on the hazard clock: the largest distance between the distribution of unchanged customers' clock gaps,
    /// running silences counted as censored (Kaplan and Meier 1958), and the unit exponential.
    double clock_distance = std::numeric_limits<double>::quiet_NaN();
    /// Rules that date: median distance of `since` from the change, in mean gaps before it, and how often the interval
    /// holds the change, over alarms within 52 weeks of the change.
    std::int64_t dated = 0;
    double date_error = std::numeric_limits<double>::quiet_NaN();
    measured_share interval_coverage;
    std::vector<std::int32_t> first_alarm;  ///< per customer: the check, 0 (beyond at the start) or -1 (none)
};

/// What rules may know of everybody, from the calibration.
rule_context context_of(rule_data const& data, hazard_clock const& clock);

/// Scores of every customer at every check, row by row (customers x checks).
std::vector<double> rule_score(rule_data const& data, rule_context const& context, alarm_rule const& rule,
                               unsigned threads = 0);

/// Sets the limit on the scores and counts. `date`, if any, is asked at alarms alone.
rule_result assess_scores(rule_data const& data, rule_context const& context, std::span<double const> scores,
                          alarm_rule const& rule, evaluation_options const& options = {});

/// The two for each rule.
std::vector<rule_result> evaluate_rules(rule_data const& data, rule_context const& context,
                                        std::span<alarm_rule const> rules,
                                        evaluation_options const& options = {}, progress const& watch = {});

}  // namespace clavis::defection

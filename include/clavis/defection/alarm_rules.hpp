#pragma once

// Rules that raise an alarm over a customer, as a score at weekly checks (larger: more alarming; NaN: no opinion): the
// trade's, the literature's and clavis's own, to be compared by evaluate.hpp at equal false alarms. With x gaps that
// took G in all, s the silence so far and weeks as the unit:
//
//   fixed_silence         s
//   gap_multiple          s / (G / x)
//   gap_z                 (s - mean gap) / standard deviation of the gaps, where x >= 2
//   trailing_ratio        visits of the last 12 weeks over those that the rate before them brings; few are alarming
//   probability_alive     odds of being gone by the BG/NBD model (Fader, Hardie and Lee 2005) with a = b = 1:
//                         ln(1 / x) + (r + x) ln((alpha + G + s) / (alpha + G))
//   overdue_p             H = -ln P(gap > s), the hazard clock's
//   holtrop_wieringa      (s - mean) / standard deviation of the gamma-gamma predictive of the next gap (Holtrop and
//                         Wieringa 2023)
//   buckinx_van_den_poel  over the last 26 weeks, how far visits lie below the average customer's and the coefficient
//                         of variation of the gaps (the silence counted as one) above it, the lesser of the two in
//                         standard deviations over customers (Buckinx and Van den Poel 2005)
//   migueis               each of the last two quarters' visits over those of the calibration's average quarter, the
//                         larger of the two; little is alarming (Migueis, Van den Poel, Camanho and Cunha 2012, who
//                         take it of spend)
//   cusum                 the rate-drop CUSUM on the hazard clock, rho = 1/2
//   sr_mixture            the monitor's statistic: ln of the mean of the Shiryaev-Roberts statistics for rho = 0, 1/2
//   sr_mixture_frozen     the same where the clock learns nothing more once it knows five gaps
//   marginal_likelihood   what visits alone can tell: ln of the sum over every week of the watch in which the rate may
//                         have fallen, and over rho = 0, 1/2, of the exact ratio of the marginal likelihoods of all
//                         visits; it keeps every visit, where the monitor keeps two numbers
//
// The clock is the gamma-exponential one of hazard_clock.hpp with r and alpha in weeks. A rule must look no further
// than the check it scores; tests hold the named ones to it.

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clavis/defection/hazard_clock.hpp"

namespace clavis::defection {

/// What a rule may know of everybody.
struct rule_context {
    int calibration_weeks = 52;
    int watched_weeks = 104;
    hazard_clock clock;         ///< weeks
    double mean_visits = 0;     ///< visits a customer makes in the calibration
    double sd_visits = 0;       ///< over customers
    double mean_variation = 0;  ///< coefficient of variation of a customer's gaps in the calibration
    double sd_variation = 0;    ///< over customers

    /// Checks are at the beginning of the watch (number 0) and at the end of every week watched.
    std::size_t checks() const { return static_cast<std::size_t>(watched_weeks) + 1; }
    /// The time of a check, in weeks since the calibration began.
    double check_time(std::size_t number) const { return calibration_weeks + static_cast<double>(number); }
};

/// Scores of one customer at every check, context.checks() of them. `visits` are all visits in weeks, ascending, those after a check included.
using rule_scores = std::function<void(rule_context const& context, std::span<double const> visits,
                                       std::span<double> scores)>;

/// When a change began, in weeks since the calibration began; NaN where a rule does not say.
struct dated_change {
    double since = std::numeric_limits<double>::quiet_NaN();
    double low = std::numeric_limits<double>::quiet_NaN();
    double high = std::numeric_limits<double>::quiet_NaN();
};
/// The date as told at a check from the visits up to it.
using rule_date = std::function<dated_change(rule_context const& context, std::size_t row,
                                             std::span<double const> visits, std::size_t check)>;

struct alarm_rule {
    std::string name;
    rule_scores scores;
    rule_date date{};
    bool on_clock = false;  ///< whether it rests on the hazard clock, so that the clock's check applies
};

/// The names above, in their order.
std::span<std::string_view const> named_rules();
/// Throws input_error where there is no such rule.
alarm_rule named_rule(std::string_view name);

/// ln of the sum behind `marginal_likelihood` at time `now`, with the visits up to it; `begin`: when the watch began.
double log_change_evidence(hazard_clock const& clock, std::span<double const> visits, double begin,
                           double now);

/// The posterior of the change's date behind it, uniform over the weeks watched and the two retained fractions given:
/// the median and the interval between the quantiles (1 - level)/2 and (1 + level)/2.
dated_change date_change(hazard_clock const& clock, std::span<double const> visits, double begin, double now,
                         double level = 0.95);

}  // namespace clavis::defection

#pragma once

// The survival function and the cumulative hazard from counts. With d events among n at risk at each time
//   S(t)  = Π (1 − d/n)                       Kaplan and Meier 1958
//   Var S = S² Σ d / (n (n − d))              Greenwood 1926
//   H(t)  = Σ d/n,  Var H = Σ d/n²            Nelson 1972, Aalen 1978
// over times up to t. Intervals are symmetric on the scale ln(−ln S) (log-log: within [0, 1], good from some 25 events
// on: Borgan and Liestøl 1990), ln S, or S itself. A quantile is the first time at which S <= 1 − p, the middle of the
// stretch where S equals it, with the interval that the limits of S give (Brookmeyer and Crowley 1982). The restricted
// mean is the area under S up to τ, with variance Σ A(t)² d / (n (n − d)), A(t) the area from t to τ.
// Products and sums run forwards in time; errors grow like the number of distinct times, some 1e-16 each.

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "clavis/statistics/life_table.hpp"

namespace clavis::statistics {

enum class interval_scale : unsigned char { log_log, log, plain };

/// "log-log", "log" or "plain"; throws input_error that lists them.
interval_scale parse_interval_scale(std::string_view text);

/// An estimate with its interval. NaN where there is none: the curve does not come down so far, or no event was seen.
struct interval_estimate {
    double value;
    double low;
    double high;
};

/// The Kaplan-Meier curve: one entry for each time of the table, S just after it.
struct survival_curve {
    std::vector<double> time, at_risk, events, censored;
    std::vector<double> survival;
    std::vector<double> se;  ///< Greenwood's; NaN where S is 0
    std::vector<double> low, high;

    std::size_t size() const noexcept { return time.size(); }
    /// S(t): 1 before the first time, NaN after the last unless the curve has come down to 0.
    double at(double t) const noexcept;
    /// The time by which a part p (0 to 1) has had the event.
    interval_estimate quantile(double p) const;
    /// The mean of min(T, until), with its standard error in the first entry of `se_out` (`low`, `high` are symmetric).
    /// Throws input_error where observation ends before `until` and S is not 0.
    interval_estimate restricted_mean(double until, double confidence, double* se_out = nullptr) const;
};

survival_curve kaplan_meier(life_table const& table, double confidence = 0.95,
                            interval_scale scale = interval_scale::log_log);

/// The Nelson-Aalen estimate; intervals are symmetric on the logarithm of H.
struct hazard_curve {
    std::vector<double> time, at_risk, events, censored;
    std::vector<double> cumulative_hazard;
    std::vector<double> se;
    std::vector<double> low, high;

    double at(double t) const noexcept;
};

hazard_curve nelson_aalen(life_table const& table, double confidence = 0.95);

/// What the log-rank test of k groups says: whether they share one hazard.
struct log_rank_result {
    double statistic;  ///< chi-squared
    int degrees;       ///< of freedom: groups that could be compared, less 1
    double p_value;
    std::vector<double> observed;  ///< by group, summed over strata; weighted as the test is
    std::vector<double> expected;
};

/// tables[stratum * groups + group]. Differences of observed and expected events at each time are weighted by S⁻(t)^rho
/// (1 − S⁻(t))^gamma, S⁻ the pooled survival of the stratum just before t (Harrington and Fleming 1982): 0, 0 is the
/// log-rank test, 1, 0 Peto and Peto's form of Wilcoxon's.
log_rank_result log_rank(std::span<life_table const> tables, int groups, double rho = 0, double gamma = 0);

}  // namespace clavis::statistics

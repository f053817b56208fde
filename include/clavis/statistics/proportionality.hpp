#pragma once

// Whether hazards are proportional: whether a coefficient of a Cox model changes with time. Grambsch and Therneau (1994)
// let the coefficient of a column be β + θ g(t) and test θ = 0. Here it is the score test of θ at the estimate of β: with
// x̄ and V the mean and variance of the covariates over those at risk, at the events k with times t_k,
//   U = Σ g(t_k) (x_k − x̄_k),   A = Σ V_k,   B = Σ g(t_k) V_k,   C = Σ g(t_k)² V_k,
// the statistic of column j is U_j² / (C_jj − B_j· A⁻¹ B_·j), that of all U' (C − B A⁻¹ B)⁻¹ U. No V_k is formed: the sums
// weighted by g come from the same two passes as the information (cox.hpp). U / (C − B A⁻¹ B) is a first estimate of θ.
//
// Schoenfeld residuals (1982) x_k − x̄_k, a row for each event, show how: scaled, their running mean is that of β(t).
// With ties Efron's way x̄ is the mean over the steps. Reference: R's cox.zph and residuals.coxph (3.5) to 1e-8. No order
// of rows and no number of threads changes a bit.

#include <cstdint>
#include <span>
#include <vector>

#include "clavis/statistics/cox.hpp"

namespace clavis::statistics {

/// g(t): t itself, its logarithm (times above 0), its rank among all durations (equal ones share their mean), or
/// 1 − S(t⁻), S the Kaplan-Meier curve of all rows, which late censoring does not stretch.
enum class time_scale : unsigned char { kaplan_meier, rank, identity, log };

struct proportionality_test {
    std::vector<double> statistic,
        p_value;                  ///< by column, chi-squared with 1 degree; NaN without a coefficient
    double global_statistic = 0;  ///< of all columns, chi-squared with `degrees`
    double global_p_value = 1;
    int degrees = 0;
};

/// `coefficient`: of the fit of the same rows, NaN where it is not identified. Throws input_error as fit_cox does.
proportionality_test test_proportionality(cox_view const& data, std::span<double const> coefficient,
                                          time_scale scale = time_scale::kaplan_meier,
                                          tie_rule ties = tie_rule::efron, unsigned threads = 1);

/// One entry an event with weight, by stratum, time and row.
struct schoenfeld_residuals {
    std::vector<std::int64_t> row;  ///< of the event in the data
    std::vector<double> residual;   ///< events x columns, in the columns' units
};

schoenfeld_residuals find_schoenfeld_residuals(cox_view const& data, std::span<double const> coefficient,
                                               tie_rule ties = tie_rule::efron, unsigned threads = 1);

}  // namespace clavis::statistics

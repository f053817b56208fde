#pragma once

// Proportional hazards (Cox 1972): the hazard of a row is λ_s(t) exp(x·β + offset), λ_s any function of time, one a
// stratum s. β maximises the partial likelihood, with ties as Efron (1977) or Breslow (1974) treat them. Rows may be
// stretches (start, stop] of a subject whose covariates change; a row is at risk at t where start < t <= stop.
//
// With r = w exp(x·β), S0 and S1 the sums of r and r x over those at risk and x̄ = S1/S0, the information is written as
//   Σ_rows r x xᵀ Λ(row) − Σ_events x̄ x̄ᵀ,  Λ(row) the cumulative baseline hazard while the row is at risk,
// so that a pass keeps sums of first order alone. Where rows enter late, what leaves is subtracted in twice the digits.
// Columns are centred and scaled inside. Newton's method with halved steps; after the last step the estimate is
// exact to some 1e-12 of a standard error. Columns that do not vary among those at risk together, or are linear
// combinations of columns before them, get NaN and a warning that names them; a likelihood that rises for ever (a
// covariate that separates) is told in words and never counts as converged.
//
// Robust variance: D'D, D the score residuals, summed by cluster, times the inverse information (Lin and Wei 1989).
// Reference: R's package survival to 1e-10 (tests/reference/make_survival.R). No order of rows and no number of threads
// changes a bit.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "clavis/core/progress.hpp"

namespace clavis::statistics {

enum class tie_rule : unsigned char { efron, breslow };

/// One entry a row. What may be absent is empty.
struct cox_view {
    std::span<double const> covariates;  ///< rows x columns, row after row; finite
    std::vector<std::string> names;      ///< of the columns
    std::span<double const> stop;        ///< the duration, >= 0
    std::span<std::uint8_t const> event;
    std::span<double const> start{};    ///< below stop
    std::span<double const> weights{};  ///< > 0 to take part
    std::span<double const> offset{};
    std::span<std::int32_t const> stratum{};  ///< 0 to strata - 1
    std::span<std::int32_t const> cluster{};  ///< 0 to clusters - 1
    int strata = 1;
    int clusters = 0;
};

struct cox_options {
    tie_rule ties = tie_rule::efron;
    bool robust = false;  ///< also without clusters: every row its own
    int max_iterations = 60;
    unsigned threads = 1;
    progress watch{};
};

struct cox_fit {
    std::vector<double> coefficient;  ///< NaN: not identified
    std::vector<double>
        mean;  ///< of the columns, weighted: the baseline is that of a row like this, offset 0
    std::vector<double> covariance;         ///< columns x columns, from the information
    std::vector<double> robust_covariance;  ///< empty unless asked for
    double log_likelihood_null = 0;         ///< at β = 0
    double log_likelihood = 0;
    double score_statistic = 0;  ///< of β = 0
    double wald_statistic = 0;
    double gradient_norm = 0;  ///< largest derivative by a standardised coefficient
    double condition = 0;      ///< of the information of standardised coefficients
    double concordance = 0;    ///< pairs ordered as predicted, ties half; within strata
    std::size_t rows = 0;
    std::size_t events = 0;
    int iterations = 0;  ///< Newton steps on all rows, from 0 or from the estimate of a part of the rows
    int degrees = 0;     ///< columns identified
    bool converged = false;
    std::string status;
    std::vector<std::string> warnings;

    /// The cumulative baseline hazard just after each event time, by stratum and ascending time.
    std::vector<std::int32_t> baseline_stratum;
    std::vector<double> baseline_time;
    std::vector<double> baseline_hazard;
};

/// Throws input_error that names column and row of what cannot be used, and where there are no rows or no events.
cox_fit fit_cox(cox_view const& data, cox_options const& options = {});

}  // namespace clavis::statistics

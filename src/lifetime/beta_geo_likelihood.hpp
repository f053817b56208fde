#pragma once

// The likelihood of BG/NBD and MBG/NBD with gradient and Hessian. The two differ in one thing: whether there
// is a chance to leave at time 0.

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clavis/lifetime/fit.hpp"
#include "clavis/numerics/special.hpp"
#include "fit_rows.hpp"
#include "rows.hpp"

namespace clavis::lifetime {

enum class first_chance_to_leave { at_first_repeat, at_once };

/// Parameters (r, alpha, a, b) in the unit of the rows, with the report complete.
fit_solution fit_beta_geo(ledger::summary_view const& customers, fit_options const& options,
                          std::string_view model, first_chance_to_leave first);

/// -log L of rows at theta = ln (r, alpha / rows.scale, a, b), in scaled time.
double beta_geo_objective(compressed_rows const& rows, first_chance_to_leave first,
                          std::span<double const> theta, std::span<double> gradient,
                          std::span<double> hessian, unsigned threads);

/// Starts for (r, alpha, a, b), and what a search that ended on a ridge says of them.
search_region beta_geo_region(rate_moments const& moments);
void beta_geo_ridges(fit_solution const& fit, std::vector<std::string>& words);

/// 1 / (1 + odds e^y): the chance of being active where those of having left stand at odds e^y. It may be denormal.
inline double active_chance(double odds, double y) noexcept {
    return y < 600.0 ? 1.0 / (1.0 + odds * std::exp(y)) : numerics::logistic(-(std::log(odds) + y));
}

/// ln(e^x + e^y).
inline double log_sum(double x, double y) noexcept {
    double const high = std::max(x, y);
    return high + std::log1p(std::exp(-std::abs(x - y)));
}

/// log L of one row; parameters and times in one unit.
double beta_geo_log_likelihood(double r, double alpha, double a, double b, first_chance_to_leave first,
                               double x, double tx, double T) noexcept;

}  // namespace clavis::lifetime

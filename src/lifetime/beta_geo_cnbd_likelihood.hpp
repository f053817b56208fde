#pragma once

// The likelihood of BG/CNBD-k and MBG/CNBD-k with gradient and Hessian, and the fit of both. As with BG/NBD, the two
// differ in whether there is a chance to leave at time 0.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "beta_geo_likelihood.hpp"
#include "clavis/lifetime/beta_geo_cnbd.hpp"
#include "clavis/lifetime/fit.hpp"
#include "rows.hpp"

namespace clavis::lifetime {

/// ln of the sum over j < k of (n)_j / j! w^j, which is (1 - w)^-n cut off.
double log_phase_sum(double n, std::int32_t k, double w) noexcept;

/// -log L of rows at theta = ln (r, alpha / rows.scale, a, b), without the gaps.
double beta_geo_cnbd_objective(compressed_rows const& rows, std::int32_t k, first_chance_to_leave first,
                               std::span<double const> theta, std::span<double> gradient,
                               std::span<double> hessian, unsigned threads);

/// log L of one row without the gaps; parameters and times in one unit.
double beta_geo_cnbd_log_likelihood(double r, double alpha, double a, double b, std::int32_t k,
                                    first_chance_to_leave first, double x, double tx, double T) noexcept;

struct beta_geo_cnbd_fit {
    std::array<double, 5> parameters;  ///< r, alpha, a, b in the unit of the rows, and k
    fit_report report;
};

beta_geo_cnbd_fit fit_beta_geo_cnbd(ledger::summary_view const& customers, fit_options const& options,
                                    std::string_view model, first_chance_to_leave first);

/// k as a whole number; throws input_error where it is none or not within 1 ... largest_k.
std::int32_t whole_k(std::string_view model, double k);

}  // namespace clavis::lifetime

#pragma once

// The likelihood of BG/BB with gradient and Hessian, and the words for ridges of beta laws of leaving.

#include <span>
#include <string>
#include <vector>

#include "fit_rows.hpp"
#include "rows.hpp"

namespace clavis::lifetime {

/// -log L of rows at theta = ln (alpha, beta, gamma, delta), less rows.purchases ln(rows.scale): that is what the fit of
/// rows, which takes log L for the density of purchase times in scaled time, adds again.
double beta_geo_beta_binomial_objective(compressed_rows const& rows, std::span<double const> theta,
                                        std::span<double> gradient, std::span<double> hessian,
                                        unsigned threads);

/// Says so where the parameters of a beta law of leaving are open; `first` and `second` are their places.
void leaving_ridge(fit_solution const& fit, std::size_t first, std::size_t second,
                   std::string const& leave_name, std::string const& stay_name,
                   std::vector<std::string>& words);

}  // namespace clavis::lifetime

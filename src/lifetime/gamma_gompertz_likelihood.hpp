#pragma once

// The likelihood of GGom/NBD with gradient and Hessian.

#include <span>

#include "rows.hpp"

namespace clavis::lifetime {

/// -log L of rows at theta = ln (r, alpha, b, s, beta), in scaled time.
double gamma_gompertz_objective(compressed_rows const& rows, std::span<double const> theta,
                                std::span<double> gradient, std::span<double> hessian, unsigned threads);

}  // namespace clavis::lifetime

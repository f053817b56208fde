#pragma once

// The likelihood of Pareto/NBD with gradient and Hessian.

#include <span>

#include "rows.hpp"

namespace clavis::lifetime {

/// -log L of rows at theta = ln (r, alpha, s, beta), in scaled time.
double pareto_objective(compressed_rows const& rows, std::span<double const> theta,
                        std::span<double> gradient, std::span<double> hessian, unsigned threads);

}  // namespace clavis::lifetime

#pragma once

// The likelihood of NBD with gradient and Hessian.

#include <span>

#include "rows.hpp"

namespace clavis::lifetime {

/// -log L of rows at theta = ln (r, alpha), in scaled time.
double nbd_objective(compressed_rows const& rows, std::span<double const> theta, std::span<double> gradient,
                     std::span<double> hessian, unsigned threads);

}  // namespace clavis::lifetime

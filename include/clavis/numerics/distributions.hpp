#pragma once

// Tails and quantiles that tests and intervals need, by Boost.Math: relative error 1e-14. NaN in, NaN out; arguments
// outside the domain give NaN.

namespace clavis::numerics {

/// z with P(Z <= z) = p for a standard normal Z; 0 < p < 1.
double normal_quantile(double p) noexcept;

/// P(X > x) of a chi-squared variable with `degrees` > 0 degrees of freedom; x >= 0.
double chi_squared_tail(double x, double degrees) noexcept;

/// 2 P(Z > |z|) of a standard normal Z.
double two_sided_p(double z) noexcept;

}  // namespace clavis::numerics

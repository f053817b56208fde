#pragma once

// ln I_x(a, b), the logarithm of the regularised incomplete beta function, however small: the continued fraction of DLMF
// 8.17.22 on the side where it is short, its prefactor as a logarithm.
// Domain a > 0, b > 0, 0 <= x <= 1, else NaN. Error against 25 digits: 2e-12 of max(1, |ln I|), and relative for values
// near zero, where 1 - I is what counts (a <= 1e6, b <= 20).

namespace clavis::numerics {

/// y = 1 - x is given beside x, so that neither loses digits near its end.
double log_incomplete_beta(double a, double b, double x, double y) noexcept;

}  // namespace clavis::numerics

#pragma once

// The ratio of rising factorials that beta-geometric laws are made of,
//     R(z, g, n) = ln [Gamma(z + g + n) Gamma(z) / (Gamma(z + g) Gamma(z + n))] = -ln [B(g, z + n) / B(g, z)],
// which for whole n is the sum over j < n of ln(1 + g / (z + j)): -R is the logarithm of the chance to stay n times
// where the chance to leave is Beta(g, z). Small z is shifted up by exact steps, Stirling's series (DLMF 5.11) is then
// differenced by hand, so that every term has one sign: nothing cancels for small, large or unequal arguments. n need
// not be whole; g may be negative down to -z / 2 for n >= 1.
// Relative error 3e-15 of the value and of every derivative, against 50 digits.

namespace clavis::numerics {

/// R(z, g, n) for z > 0, g >= -z / 2, n >= 0, where n may be infinite.
double log_rising_ratio(double z, double g, double n) noexcept;

/// R with its derivatives, for z, g > 0 and n >= 0. By z and g twice it is `gg`, by z and n twice `nn`.
struct rising_ratio {
    double value, z, g, n;
    double zz, gg, nn, gn;
};
rising_ratio log_rising_ratio_derivatives(double z, double g, double n) noexcept;

/// psi(z + n) - psi(z), z > 0 and n >= 0: for whole n the sum over j < n of 1 / (z + j).
double digamma_rise(double z, double n) noexcept;

}  // namespace clavis::numerics

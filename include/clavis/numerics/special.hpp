#pragma once

// Special functions of the probability models, for positive real arguments. The error bounds are those the tests hold
// against tables made with 50 digits (tests/reference/make_lifetime.py): |computed - exact| <= bound * max(1, |exact|)
// for logarithms and digamma, relative for the rest. NaN in, NaN out; arguments outside the domain give NaN. Unlike
// std::lgamma nothing here touches global state, so all of it may run on any number of threads.
//   log_gamma             7e-15    Stirling's series after a shift to z >= 10 (DLMF 5.11, 5.5)
//   digamma, trigamma     2e-15    likewise
//   log_rising            5e-15    difference of two such series, taken before anything cancels
//   incomplete_beta       1e-15    Boost.Math
//   scaled_upper_gamma    1e-14    continued fraction (DLMF 8.9.2) or quadrature
//   log_negative_binomial 1e-13    of max(1, |exact| / 100), within ten standard deviations of the mean
//   laplace_power         5e-15    likewise; times -z end where it grows by more than e
//   negative_binomial_tail 2e-12   Boost.Math; within six standard deviations

#include <cmath>

namespace clavis::numerics {

/// ln Gamma(z), z > 0.
double log_gamma(double z) noexcept;

/// psi(z) = d ln Gamma(z) / dz, z > 0.
double digamma(double z) noexcept;

/// psi'(z), z > 0.
double trigamma(double z) noexcept;

/// ln Gamma(z + n) - ln Gamma(z), z > 0 and n >= 0: the logarithm of the rising factorial.
double log_rising(double z, double n) noexcept;

/// ln B(a, b), a > 0 and b > 0.
double log_beta(double a, double b) noexcept;

/// I_x(a, b), the regularised incomplete beta function: a > 0, b > 0, 0 <= x <= 1.
double incomplete_beta(double a, double b, double x) noexcept;

/// z^n e^z Gamma(-n, z) = integral over v > 0 of exp(-z v) (1 + v)^-(n + 1), for n > -1 and z >= 0: 1 / n at z
/// = 0 (infinite for n <= 0), and never an overflow.
double scaled_upper_gamma(double n, double z) noexcept;

/// The same with an end: integral over 0 < v < end of exp(-z v) (1 + v)^-m, for m > 0. For a finite end z may be
/// negative; for an endless one it is scaled_upper_gamma(m - 1, z).
double laplace_power(double m, double z, double end) noexcept;

/// ln P(n events) of a negative binomial: Gamma(r + n) / (Gamma(r) n!) (1 + ratio)^-r (ratio / (1 + ratio))^n, as a
/// deviance (Loader 2000), so that it keeps its digits for large n and r; n >= 0, r > 0, ratio > 0 and finite.
double log_negative_binomial(double n, double r, double ratio) noexcept;

/// P(at least n events) of the same negative binomial: I_z(n, r) with z = ratio / (1 + ratio); n >= 0 whole, ratio may be
/// infinite. Beyond n = 1e10 it is that of n / ratio under Gamma(r), which it then is to 1e-10 or better.
double negative_binomial_tail(double n, double r, double ratio) noexcept;

/// ln(1 + e^x) without overflow.
inline double log1p_exp(double x) noexcept {
    return x > 0.0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}

/// 1 / (1 + e^-x) without overflow.
inline double logistic(double x) noexcept {
    return 1.0 / (1.0 + std::exp(-x));
}

}  // namespace clavis::numerics

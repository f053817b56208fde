#pragma once

// The inner integrals of Pareto/GGG, given k: over the gap u after the last purchase, whose density is f(u) du = Beta
// prime(k, n) of k u / A. With l = ln(1 + k u / A) and e = s ln(1 + u / B)
//     due later   S = integral over u > tau of f(u)
//     left before D = integral over u < tau of f(u) (1 - exp(-e)).
// Both run along y = ln(k u / A), where the integrands are log-concave and their singularities keep a distance of pi from
// the axis, from their mode outwards in panels of 16 Gauss-Legendre points on which they fall by at most e^16, until they
// have fallen by e^33. Every instruction set gives the same bits. Relative error 1e-13, that of the logarithm of a Beta
// function of k and n where this is larger.

#include <array>
#include <cstddef>

namespace clavis::lifetime {

/// What one k makes of a history.
struct ggg_gap {
    double k, n, A;     ///< all > 0
    double s, B, beta;  ///< of leaving; beta is part of what gradients need
    double tau;         ///< >= 0, finite

    double N() const { return n + k; }
};

/// ln S, ln D.
struct ggg_fates {
    double log_later, log_left;
};
ggg_fates ggg_log_fates(ggg_gap const& gap) noexcept;
double ggg_log_later(ggg_gap const& gap) noexcept;

/// Sums over the integrand of S + D (with `scale` its logarithm): features l, q = A / (A + k u), E = e / (exp(e) - 1),
/// F = R E with R = d ln e / d ln beta, negated; E and F are 0 for u > tau.
struct ggg_moments {
    double log_scale = 0.0;
    double total = 0.0;
    std::array<double, 4> first{};
    std::array<double, 10> second{};                   ///< upper triangle, row after row
    double eE = 0.0, eF = 0.0, eRF = 0.0, bend = 0.0;  ///< bend: of F beta / (B + u)
};
ggg_moments ggg_gap_moments(ggg_gap const& gap) noexcept;

}  // namespace clavis::lifetime

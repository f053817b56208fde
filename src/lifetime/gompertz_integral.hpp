#pragma once

// The part of the GGom/NBD likelihood that belongs to customers who left between the last purchase and now, as
// pareto_integral.hpp has it for Pareto/NBD. With t counted from the last purchase, a = ln(1 + t / A) and H of what is left
// of a life after tx it is
//     I = integral over 0 < t < tau of s H'(t) exp(-n a - s H) dt.
// Panels run along y = ln(c + t), -c being the nearest singularity behind, are no longer than 2 or than the distance to the
// singularities beside the axis, and on each the integrand's powers fall by at most e^12; so 16 Gauss-Legendre points give
// I to 1e-14. Every instruction set gives the same bits.

#include <array>

namespace clavis::lifetime {

struct gompertz_path {
    double n, A;        // n > 0
    double b, s, beta;  // at age 0
    double tx, tau;

    /// What a life is after tx: its beta, exact where it is near 1 and where it is far from it.
    double beta_after() const;
    /// H from the last purchase until tau.
    double H() const;
};

double gompertz_integral(gompertz_path const& path) noexcept;

/// Means when t has the density of I, over b t, h = H' / b and v = -dH / d ln beta at age tx + t.
struct gompertz_moments {
    double integral;
    std::array<double, 5> mean;         ///< of (a, t / (A + t), g, H, v), g = 1 + b t (1 - h) - s b t h
    std::array<double, 15> covariance;  ///< upper triangle, row after row
    double curvature_b;                 ///< of b t - (1 + s) w (1 + b t - w), w = b t h
    double w;
    double w_rest;  ///< of w (1 - v)
    double v_rest;  ///< of v (1 - v)
};

gompertz_moments gompertz_integral_moments(gompertz_path const& path) noexcept;

}  // namespace clavis::lifetime

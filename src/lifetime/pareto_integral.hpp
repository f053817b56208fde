#pragma once

// The part of the Pareto/NBD likelihood that belongs to customers who left between the last purchase and now. With
// a = ln(1 + t / A), b = ln(1 + t / B) and t counted from the last purchase it is s I,
//     I = integral over 0 < t < tau of exp(-n a - s b) db.
// Along y = ln(1 + t / min(A, B)) the other singularity of the integrand keeps a distance of pi from the axis, and -ln of
// the integrand is convex with slope between c0 and c0 + c1; so 16 Gauss-Legendre points on panels no longer than 3 on
// which it falls by at most e^20 give I to 1e-14, and panels end where what is left is 1e-17 of the sum. Every
// instruction set gives the same bits.

#include <array>

namespace clavis::lifetime {

struct pareto_path {
    double n, A, s, B, tau;
};

double pareto_integral(pareto_path const& path) noexcept;

/// Mean and covariance of (a, t / (A + t), b, t / (B + t)) when t has the density of I: what gradient and Hessian need.
struct pareto_moments {
    double integral;
    std::array<double, 4> mean;
    std::array<double, 10> covariance;  ///< upper triangle, row after row
};

pareto_moments pareto_integral_moments(pareto_path const& path) noexcept;

}  // namespace clavis::lifetime

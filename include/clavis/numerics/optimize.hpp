#pragma once

// A trust-region Newton method for small dense problems with exact gradient and Hessian (More and Sorensen
// 1983): the subproblem is solved exactly in the eigenbasis, so negative curvature is used rather than
// feared. Variables stay in a box; a variable at its bound whose slope points outward is set aside. The
// search ends when the decrease a Newton step promises is below `tolerance`, with the Hessian positive
// definite on the free variables.

#include <functional>
#include <span>
#include <vector>

namespace clavis::numerics {

/// Returns the value at x and writes the gradient (n) and the symmetric Hessian (n * n). A value that is not
/// finite means that x is too far out: the step is shortened.
using objective =
    std::function<double(std::span<double const> x, std::span<double> gradient, std::span<double> hessian)>;

struct minimize_options {
    int max_iterations = 200;
    double radius = 1.0;           ///< of the first trust region
    double max_radius = 4.0;       ///< no step is longer
    double tolerance = 1e-12;      ///< promised decrease of the last Newton step
    double bound = 1e300;          ///< |x_i - center_i| <= bound
    std::vector<double> center{};  ///< of the box; empty: 0
};

enum class minimize_status {
    converged,   ///< a minimum inside the box
    at_bound,    ///< a minimum of the box, with at least one variable at its bound
    iterations,  ///< max_iterations reached
    stalled,     ///< no decrease although the gradient does not vanish
    no_start,    ///< the value at the start is not finite
};

struct minimize_result {
    std::vector<double> x;
    double value;
    std::vector<double> gradient;
    std::vector<double> hessian;  ///< row after row
    int iterations;
    minimize_status status;
    std::vector<bool> bound;  ///< variables at their bound
};

minimize_result minimize(objective const& function, std::vector<double> start,
                         minimize_options const& options = {});

/// Eigenvalues (ascending) of a symmetric n * n matrix, and its inverse where it is positive definite (else
/// empty).
struct symmetric_analysis {
    std::vector<double> eigenvalues;
    std::vector<double> inverse;
};
symmetric_analysis analyse_symmetric(std::span<double const> matrix, std::size_t n);

}  // namespace clavis::numerics

#include "clavis/numerics/optimize.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

namespace clavis::numerics {
namespace {

using vector = Eigen::VectorXd;
using matrix = Eigen::MatrixXd;

struct step {
    vector move;
    double promised;  // decrease of the quadratic model
    bool newton;      // the full Newton step of a positive definite Hessian
};

// Minimises g's + s'Hs / 2 over |s| <= radius in the eigenbasis of H.
step solve_subproblem(vector const& g, Eigen::SelfAdjointEigenSolver<matrix> const& eigen, double radius) {
    vector const& lambda = eigen.eigenvalues();
    vector const slope = eigen.eigenvectors().transpose() * g;
    Eigen::Index const n = g.size();
    double const floor = std::max(std::abs(lambda[0]), std::abs(lambda[n - 1])) * 1e-15;
    auto along = [&](double shift) {
        vector s(n);
        for (Eigen::Index i = 0; i < n; ++i)
            s[i] = -slope[i] / std::max(lambda[i] + shift, floor + 1e-300);
        return s;
    };
    step result{.move = {}, .promised = 0.0, .newton = false};
    vector s;
    if (lambda[0] > floor && (s = along(0.0)).norm() <= radius) {
        result.newton = true;
    } else {
        // The step shrinks as the shift grows; the root lies between these ends.
        double low = std::max(0.0, -lambda[0]);
        double high = low + g.norm() / radius + floor;
        for (int i = 0; i < 200 && high - low > 1e-12 * high; ++i) {
            double const middle = 0.5 * (low + high);
            (along(middle).norm() > radius ? low : high) = middle;
        }
        s = along(high);
        double const length = s.norm();
        if (lambda[0] < 0.0 && length < 0.99 * radius) {
            // The hard case: the gradient does not see the direction of negative curvature. Go along it.
            s[0] += (slope[0] > 0.0 ? -1.0 : 1.0) * std::sqrt(radius * radius - length * length);
        }
    }
    for (Eigen::Index i = 0; i < n; ++i)
        result.promised -= s[i] * (slope[i] + 0.5 * lambda[i] * s[i]);
    result.move = eigen.eigenvectors() * s;
    return result;
}

}  // namespace

minimize_result minimize(objective const& function, std::vector<double> start,
                         minimize_options const& options) {
    std::size_t const n = start.size();
    std::vector<double> const center = options.center.empty() ? std::vector<double>(n, 0.0) : options.center;
    auto clamp = [&](std::size_t i, double value) {
        return std::clamp(value, center[i] - options.bound, center[i] + options.bound);
    };
    minimize_result at{.x = std::move(start),
                       .value = 0.0,
                       .gradient = std::vector<double>(n),
                       .hessian = std::vector<double>(n * n),
                       .iterations = 0,
                       .status = minimize_status::iterations,
                       .bound = std::vector<bool>(n, false)};
    for (std::size_t i = 0; i < n; ++i)
        at.x[i] = clamp(i, at.x[i]);
    at.value = function(at.x, at.gradient, at.hessian);
    if (!std::isfinite(at.value)) {
        at.status = minimize_status::no_start;
        return at;
    }
    double radius = options.radius;
    std::vector<double> trial(n);
    std::vector<double> gradient(n);
    std::vector<double> hessian(n * n);
    std::vector<std::size_t> free;
    for (; at.iterations < options.max_iterations; ++at.iterations) {
        free.clear();
        for (std::size_t i = 0; i < n; ++i) {
            bool const high = at.x[i] >= center[i] + options.bound && at.gradient[i] <= 0.0;
            bool const low = at.x[i] <= center[i] - options.bound && at.gradient[i] >= 0.0;
            at.bound[i] = high || low;
            if (!at.bound[i]) free.push_back(i);
        }
        bool const any_bound = free.size() < n;
        auto const done = any_bound ? minimize_status::at_bound : minimize_status::converged;
        if (free.empty()) {
            at.status = done;
            return at;
        }
        auto const size = static_cast<Eigen::Index>(free.size());
        vector g(size);
        matrix h(size, size);
        for (Eigen::Index i = 0; i < size; ++i) {
            g[i] = at.gradient[free[static_cast<std::size_t>(i)]];
            for (Eigen::Index j = 0; j < size; ++j)
                h(i, j) =
                    at.hessian[free[static_cast<std::size_t>(i)] * n + free[static_cast<std::size_t>(j)]];
        }
        Eigen::SelfAdjointEigenSolver<matrix> const eigen(h);

        // Shorten the trust region until a step goes down as promised.
        for (;;) {
            step const next = solve_subproblem(g, eigen, radius);
            trial = at.x;
            for (Eigen::Index i = 0; i < size; ++i) {
                std::size_t const k = free[static_cast<std::size_t>(i)];
                trial[k] = clamp(k, trial[k] + next.move[i]);
            }
            double const value = function(trial, gradient, hessian);
            bool const last = next.newton && next.promised <= options.tolerance;
            // Near the minimum the decrease drowns in the rounding of the value; there the slope decides.
            double const noise = 1e-13 * (1.0 + std::abs(at.value));
            bool accept = std::isfinite(value) && at.value - value >= 1e-4 * next.promised;
            if (!accept && next.promised < noise && std::isfinite(value) && value <= at.value + noise) {
                double before = 0.0;
                double after = 0.0;
                for (std::size_t k : free) {
                    before += at.gradient[k] * at.gradient[k];
                    after += gradient[k] * gradient[k];
                }
                accept = after < before;
            }
            if (accept) {
                double const ratio = (at.value - value) / next.promised;
                double const length = next.move.norm();
                if (ratio > 0.75 && length > 0.8 * radius)
                    radius = std::min(2.0 * radius, options.max_radius);
                if (ratio < 0.25) radius = 0.5 * std::max(length, 1e-300);
                at.x = trial;
                at.value = value;
                at.gradient = gradient;
                at.hessian = hessian;
                if (last) {
                    ++at.iterations;
                    at.status = done;
                    return at;
                }
                break;
            }
            if (last || next.promised < noise) {
                // Nothing left to gain that arithmetic could show.
                at.status = next.newton ? done : minimize_status::stalled;
                return at;
            }
            radius = 0.25 * std::min(radius, next.move.norm());
            if (radius < 1e-14) {
                at.status = minimize_status::stalled;
                return at;
            }
        }
    }
    return at;
}

symmetric_analysis analyse_symmetric(std::span<double const> values, std::size_t n) {
    if (n == 0) return {};
    auto const size = static_cast<Eigen::Index>(n);
    matrix const m = Eigen::Map<matrix const>(values.data(), size, size);
    Eigen::SelfAdjointEigenSolver<matrix> const eigen(m);
    symmetric_analysis result;
    result.eigenvalues.assign(eigen.eigenvalues().data(), eigen.eigenvalues().data() + size);
    if (eigen.eigenvalues()[0] > 0.0) {
        matrix const inverse = eigen.eigenvectors() * eigen.eigenvalues().cwiseInverse().asDiagonal() *
                               eigen.eigenvectors().transpose();
        result.inverse.assign(inverse.data(), inverse.data() + size * size);
    }
    return result;
}

}  // namespace clavis::numerics

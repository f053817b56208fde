#include "clavis/numerics/quadrature.hpp"

#include <Eigen/Eigenvalues>
#include <numbers>

namespace clavis::numerics {

quadrature_rule gauss_legendre(std::size_t n) {
    quadrature_rule rule{std::vector<double>(n), std::vector<double>(n)};
    double const size = static_cast<double>(n);
    for (std::size_t i = 0; i < (n + 1) / 2; ++i) {
        double x = std::cos(std::numbers::pi * (static_cast<double>(i) + 0.75) / (size + 0.5));
        double slope = 1.0;
        for (int step = 0; step < 20; ++step) {
            double before = 1.0;
            double value = x;
            for (std::size_t k = 2; k <= n; ++k) {
                double const degree = static_cast<double>(k);
                double const next = ((2.0 * degree - 1.0) * x * value - (degree - 1.0) * before) / degree;
                before = value;
                value = next;
            }
            slope = size * (before - x * value) / (1.0 - x * x);
            double const move = value / slope;
            x -= move;
            if (std::abs(move) < 1e-16) break;
        }
        if (n % 2 == 1 && i == n / 2) x = 0.0;
        double const weight = 2.0 / ((1.0 - x * x) * slope * slope);
        rule.nodes[i] = -x;
        rule.nodes[n - 1 - i] = x;
        rule.weights[i] = rule.weights[n - 1 - i] = weight;
    }
    return rule;
}

quadrature_rule gauss_jacobi(std::size_t n, double a, double b) {
    // The monic Jacobi polynomials of weight p^(a - 1) (1 - p)^(b - 1) on [0, 1] obey a three-term
    // recurrence; nodes are the eigenvalues of its tridiagonal matrix, weights the squared first components
    // of the eigenvectors.
    auto const size = static_cast<Eigen::Index>(n);
    Eigen::VectorXd diagonal(size);
    Eigen::VectorXd off(std::max<Eigen::Index>(size - 1, 0));
    double const s = a + b;
    diagonal[0] = a / s;
    for (Eigen::Index i = 1; i < size; ++i) {
        double const k = static_cast<double>(i);
        double const c = 2.0 * k + s;
        diagonal[i] = 0.5 + 0.5 * (a - b) * (s - 2.0) / ((c - 2.0) * c);
        // k + s - 1 over c - 3 is 1 at k = 1, also where s = 1 would make it 0 / 0.
        double const ratio = i == 1 ? 1.0 / (c - 1.0) : (k + s - 2.0) / ((c - 3.0) * (c - 1.0));
        off[i - 1] = std::sqrt(k * (k + a - 1.0) * (k + b - 1.0) * ratio) / (c - 2.0);
    }
    quadrature_rule rule{std::vector<double>(n), std::vector<double>(n)};
    if (n == 1) {
        rule.nodes[0] = diagonal[0];
        rule.weights[0] = 1.0;
        return rule;
    }
    Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver;
    solver.computeFromTridiagonal(diagonal, off);
    for (Eigen::Index i = 0; i < size; ++i) {
        rule.nodes[static_cast<std::size_t>(i)] = solver.eigenvalues()[i];
        double const first = solver.eigenvectors()(0, i);
        rule.weights[static_cast<std::size_t>(i)] = first * first;
    }
    return rule;
}

quadrature_rule const& legendre16() {
    static quadrature_rule const rule = gauss_legendre(16);
    return rule;
}

}  // namespace clavis::numerics

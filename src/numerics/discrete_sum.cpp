#include "clavis/numerics/discrete_sum.hpp"

#include <Eigen/Eigenvalues>
#include <array>

namespace clavis::numerics {
namespace {

constexpr int shortest = 5;
constexpr int longest = 40;  // from here on the rule is Gauss and Legendre's to the last digit

quadrature_rule make_rule(int exponent) {
    constexpr int n = 16;
    double const shrink = std::ldexp(1.0, -2 * exponent);
    Eigen::VectorXd off(n - 1);
    for (int k = 1; k < n; ++k) {
        double const k2 = static_cast<double>(k) * k;
        off[k - 1] = std::sqrt(k2 * (1.0 - k2 * shrink) / (4.0 * (4.0 * k2 - 1.0)));
    }
    Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver;
    solver.computeFromTridiagonal(Eigen::VectorXd::Zero(n), off);
    quadrature_rule rule{std::vector<double>(n), std::vector<double>(n)};
    // Symmetric about the middle, to the last digit.
    for (int i = 0; i < n / 2; ++i) {
        double const node = 0.5 * (solver.eigenvalues()[n - 1 - i] - solver.eigenvalues()[i]);
        double const low = solver.eigenvectors()(0, i);
        double const high = solver.eigenvectors()(0, n - 1 - i);
        auto const a = static_cast<std::size_t>(i);
        auto const b = static_cast<std::size_t>(n - 1 - i);
        rule.nodes[a] = -node;
        rule.nodes[b] = node;
        rule.weights[a] = rule.weights[b] = 0.5 * (low * low + high * high);
    }
    return rule;
}

}  // namespace

quadrature_rule const& gram16(int exponent) {
    static std::array<quadrature_rule, longest - shortest + 1> const rules = [] {
        std::array<quadrature_rule, longest - shortest + 1> made;
        for (int e = shortest; e <= longest; ++e)
            made[static_cast<std::size_t>(e - shortest)] = make_rule(e);
        return made;
    }();
    return rules[static_cast<std::size_t>(std::clamp(exponent, shortest, longest) - shortest)];
}

}  // namespace clavis::numerics

#include "clavis/numerics/quadrature.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "clavis/numerics/special.hpp"

namespace clavis::numerics {
namespace {

TEST(quadrature, legendre_is_exact_for_polynomials) {
    for (std::size_t n : {1U, 2U, 5U, 16U, 33U}) {
        auto const rule = gauss_legendre(n);
        for (std::size_t degree = 0; degree < 2 * n; ++degree) {
            double sum = 0.0;
            for (std::size_t i = 0; i < n; ++i)
                sum += rule.weights[i] * std::pow(rule.nodes[i], static_cast<double>(degree));
            EXPECT_NEAR(sum, degree % 2 == 1 ? 0.0 : 2.0 / (static_cast<double>(degree) + 1.0), 5e-15)
                << n << ' ' << degree;
        }
    }
}

TEST(quadrature, jacobi_gives_the_moments_of_beta) {
    for (auto const& [a, b] : {std::pair{0.3, 0.2}, {0.5, 0.5}, {1.0, 1.0}, {0.79, 28.4}, {40.0, 3.0}})
        for (std::size_t n : {1U, 4U, 16U}) {
            auto const rule = gauss_jacobi(n, a, b);
            double moment = 1.0;  // E[p^k] = prod (a + i) / (a + b + i)
            for (std::size_t k = 0; k < 2 * n; ++k) {
                double sum = 0.0;
                for (std::size_t i = 0; i < n; ++i)
                    sum += rule.weights[i] * std::pow(rule.nodes[i], static_cast<double>(k));
                EXPECT_NEAR(sum / moment, 1.0, 2e-11) << a << ' ' << b << ' ' << n << ' ' << k;
                double const i = static_cast<double>(k);
                moment *= (a + i) / (a + b + i);
            }
        }
}

TEST(quadrature, beta_expectation_of_powers_of_q) {
    // E[(1 - p)^m] = prod (b + i) / (a + b + i), falling in p and with all shapes of the density.
    for (double const a : {1e-3, 0.3, 1.0, 7.0, 500.0})
        for (double const b : {1e-3, 0.2, 1.0, 30.0, 1e5})
            for (double const m : {1.0, 5.0, 40.0}) {
                double const exact = std::exp(log_rising(b, m) - log_rising(a + b, m));
                double const value = beta_expectation(
                    a, b, m, 3e-9 / m, [&](double p) { return std::exp(m * std::log1p(-std::min(p, 1.0))); });
                EXPECT_NEAR(value / exact, 1.0, 1e-11) << a << ' ' << b << ' ' << m;
            }
}

TEST(quadrature, integrate16_is_legendre_on_an_interval) {
    EXPECT_NEAR(integrate16([](double x) { return std::exp(x); }, 1.0, 3.0), std::exp(3.0) - std::exp(1.0),
                1e-13);
}

}  // namespace
}  // namespace clavis::numerics

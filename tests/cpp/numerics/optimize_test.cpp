#include "clavis/numerics/optimize.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace clavis::numerics {
namespace {

double rosenbrock(std::span<double const> x, std::span<double> g, std::span<double> h) {
    double const a = 1.0 - x[0];
    double const b = x[1] - x[0] * x[0];
    g[0] = -2.0 * a - 400.0 * x[0] * b;
    g[1] = 200.0 * b;
    h[0] = 2.0 - 400.0 * (b - 2.0 * x[0] * x[0]);
    h[1] = h[2] = -400.0 * x[0];
    h[3] = 200.0;
    return a * a + 100.0 * b * b;
}

TEST(minimize, finds_the_bottom_of_a_bent_valley) {
    auto const result = minimize(rosenbrock, {-1.2, 1.0});
    EXPECT_EQ(result.status, minimize_status::converged);
    EXPECT_NEAR(result.x[0], 1.0, 1e-9);
    EXPECT_NEAR(result.x[1], 1.0, 1e-9);
    EXPECT_LT(result.iterations, 40);
}

TEST(minimize, leaves_a_saddle_by_its_negative_curvature) {
    // x^4 - x^2 + y^2 has a saddle at 0 where the gradient vanishes; its minima are at x = +-1/sqrt(2).
    auto const result = minimize(
        [](std::span<double const> x, std::span<double> g, std::span<double> h) {
            g[0] = 4.0 * std::pow(x[0], 3.0) - 2.0 * x[0];
            g[1] = 2.0 * x[1];
            h[0] = 12.0 * x[0] * x[0] - 2.0;
            h[1] = h[2] = 0.0;
            h[3] = 2.0;
            return std::pow(x[0], 4.0) - x[0] * x[0] + x[1] * x[1];
        },
        {0.0, 0.0});
    EXPECT_EQ(result.status, minimize_status::converged);
    EXPECT_NEAR(std::abs(result.x[0]), std::sqrt(0.5), 1e-8);
    EXPECT_NEAR(result.value, -0.25, 1e-15);
}

// e^-x has no minimum: the search must end at the bound and say so.
double slope(std::span<double const> x, std::span<double> g, std::span<double> h) {
    g[0] = -std::exp(-x[0]);
    h[0] = std::exp(-x[0]);
    return std::exp(-x[0]);
}

TEST(minimize, says_when_the_minimum_is_at_the_bound) {
    minimize_options options;
    options.bound = 5.0;
    auto const result = minimize(slope, {0.0}, options);
    EXPECT_EQ(result.status, minimize_status::at_bound);
    EXPECT_EQ(result.x[0], 5.0);
    EXPECT_TRUE(result.bound[0]);
}

TEST(minimize, says_when_iterations_end_or_the_start_is_impossible) {
    minimize_options options;
    options.max_iterations = 3;
    EXPECT_EQ(minimize(rosenbrock, {-1.2, 1.0}, options).status, minimize_status::iterations);
    auto const nowhere = [](std::span<double const>, std::span<double>, std::span<double>) {
        return std::numeric_limits<double>::quiet_NaN();
    };
    EXPECT_EQ(minimize(nowhere, {0.0}).status, minimize_status::no_start);
}

TEST(minimize, steps_back_from_where_the_value_is_not_finite) {
    // x - ln x, defined for x > 0 only; the first steps of a large region would leave it.
    minimize_options options;
    options.radius = 100.0;
    options.max_radius = 100.0;
    auto const result = minimize(
        [](std::span<double const> x, std::span<double> g, std::span<double> h) {
            g[0] = 1.0 - 1.0 / x[0];
            h[0] = 1.0 / (x[0] * x[0]);
            return x[0] > 0.0 ? x[0] - std::log(x[0]) : std::numeric_limits<double>::infinity();
        },
        {50.0}, options);
    EXPECT_EQ(result.status, minimize_status::converged);
    EXPECT_NEAR(result.x[0], 1.0, 1e-8);
}

TEST(symmetric, eigenvalues_and_inverse) {
    std::vector<double> const m{4.0, 1.0, 1.0, 3.0};
    auto const result = analyse_symmetric(m, 2);
    EXPECT_NEAR(result.eigenvalues[0] * result.eigenvalues[1], 11.0, 1e-13);
    EXPECT_NEAR(result.eigenvalues[0] + result.eigenvalues[1], 7.0, 1e-14);
    EXPECT_NEAR(result.inverse[0], 3.0 / 11.0, 1e-15);
    EXPECT_NEAR(result.inverse[1], -1.0 / 11.0, 1e-15);
    std::vector<double> const saddle{1.0, 2.0, 2.0, 1.0};
    EXPECT_TRUE(analyse_symmetric(saddle, 2).inverse.empty());
    EXPECT_TRUE(analyse_symmetric({}, 0).eigenvalues.empty());
}

}  // namespace
}  // namespace clavis::numerics

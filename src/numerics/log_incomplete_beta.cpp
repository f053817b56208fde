#include "clavis/numerics/log_incomplete_beta.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "clavis/numerics/special.hpp"

namespace clavis::numerics {
namespace {

// I_x(a, b) over x^a y^b / (a B(a, b)), by Lentz's method; fast for x < (a + 1) / (a + b + 2).
double beta_fraction(double a, double b, double x) {
    constexpr double tiny = 1e-300;
    auto const away = [](double value) { return std::abs(value) < tiny ? tiny : value; };
    double c = 1.0;
    double d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    double result = d;
    for (int m = 1; m < 20000; ++m) {
        double const even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        result *= d * c;
        double const odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0));
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        double const factor = d * c;
        result *= factor;
        if (std::abs(factor - 1.0) < 3e-16) break;
    }
    return result;
}

}  // namespace

double log_incomplete_beta(double a, double b, double x, double y) noexcept {
    if (!(a > 0.0) || !(b > 0.0) || !(x >= 0.0) || !(x <= 1.0) || !(y >= 0.0) || !(y <= 1.0))
        return std::numeric_limits<double>::quiet_NaN();
    if (x == 0.0) return -std::numeric_limits<double>::infinity();
    if (y == 0.0) return 0.0;
    double const front = a * (y < 0.5 ? std::log1p(-y) : std::log(x)) +
                         b * (x < 0.5 ? std::log1p(-x) : std::log(y)) - log_beta(a, b);
    if (x <= (a + 1.0) / (a + b + 2.0)) return front - std::log(a) + std::log(beta_fraction(a, b, x));
    return std::log1p(-std::min(std::exp(front - std::log(b)) * beta_fraction(b, a, y), 1.0));
}

}  // namespace clavis::numerics

#include "clavis/numerics/rising_ratio.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "clavis/numerics/special.hpp"

namespace clavis::numerics {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

// From here on the five terms of the series below leave less than 1e-16.
constexpr double asymptotic = 20.0;
constexpr std::size_t powers = 12;

// z^m times the second difference of 1 / z^m over g and n, m = 1 ... 11, as sums of terms of the sign of g:
// (1 - u^m)(1 - v^m) + (w^m - (u v)^m) with u = z / (z + g), v = z / (z + n), w = z / (z + g + n).
std::array<double, powers> second_differences(double z, double g, double n) {
    double const u = z / (z + g);
    double const v = z / (z + n);
    double const w = z / (z + g + n);
    double const left_u = g / (z + g);
    double const left_v = n / (z + n);
    double const apart = w * left_u * left_v;  // w - u v
    double const uv = u * v;
    std::array<double, powers> result{};
    double U = left_u, V = left_v, W = apart, pu = u, pv = v, puv = uv;
    for (std::size_t m = 1; m < powers; ++m) {
        result[m] = U * V + W;
        U += pu * left_u;
        V += pv * left_v;
        W = w * W + puv * apart;
        pu *= u, pv *= v, puv *= uv;
    }
    return result;
}

// z^m [1 / z^m - 1 / (z + h)^m], m = 1 ... 11.
std::array<double, powers> first_differences(double z, double h) {
    double const u = z / (z + h);
    double const left = h / (z + h);
    std::array<double, powers> result{};
    double U = left, power = u;
    for (std::size_t m = 1; m < powers; ++m) {
        result[m] = U;
        U += power * left;
        power *= u;
    }
    return result;
}

// psi(z + h) - psi(z) and the same of psi'.
struct rise {
    double first, second;
};

rise rise_of(double z, double h) {
    rise r{0.0, 0.0};
    for (; z < asymptotic; z += 1.0) {
        double const step = h / (z * (z + h));
        r.first += step;
        r.second -= step * (1.0 / z + 1.0 / (z + h));
    }
    auto const d = first_differences(z, h);
    double const i = 1.0 / z;
    double const j = i * i;
    r.first += std::log1p(h / z) + 0.5 * i * d[1] +
               j * (d[2] / 12 - j * (d[4] / 120 - j * (d[6] / 252 - j * (d[8] / 240 - j * (d[10] / 132)))));
    r.second -=
        i * (d[1] + 0.5 * i * d[2] +
             j * (d[3] / 6 - j * (d[5] / 30 - j * (d[7] / 42 - j * (d[9] / 30 - j * (d[11] * 5.0 / 66))))));
    return r;
}

// R where Stirling's series holds, from its second differences d.
double far_ratio(double z, double g, double n, std::array<double, powers> const& d) {
    if (g > n) std::swap(g, n);
    double const end = z + g + n - 0.5;
    double const Lg = std::log1p(g / z);
    double const Ln = std::log1p(n / z);
    // The second difference of (z - 1/2) ln z in two forms, each free of cancellation on its side.
    double const leading = n <= z ? n * Lg + g * Ln - end * std::log1p(n / (z + g + n) * (g / z))
                                  : g * Ln - (z + g - 0.5) * Lg + end * std::log1p(g / (z + n));
    double const i = 1.0 / z;
    double const j = i * i;
    return leading +
           i * (d[1] / 12 - j * (d[3] / 360 - j * (d[5] / 1260 - j * (d[7] / 1680 - j * d[9] / 1188))));
}

bool inside(double z, double g, double n) {
    return z > 0.0 && z + g > 0.0 && n >= 0.0;
}

}  // namespace

double log_rising_ratio(double z, double g, double n) noexcept {
    if (!inside(z, g, n)) return nan;
    if (n == 0.0 || g == 0.0) return 0.0;
    if (n == inf) return g > 0.0 ? inf : -inf;
    double product = 0.0;  // of the steps' factors, less 1
    double shift = 0.0;
    for (; z < asymptotic; z += 1.0) {
        double const step = n / (z + g + n) * (g / z);
        product += step + product * step;
        if (product > 1e150) shift += std::log1p(std::exchange(product, 0.0));
    }
    return shift + std::log1p(product) + far_ratio(z, g, n, second_differences(z, g, n));
}

rising_ratio log_rising_ratio_derivatives(double z, double g, double n) noexcept {
    if (!inside(z, g, n) || !(g > 0.0) || n == inf) return {nan, nan, nan, nan, nan, nan, nan, nan};
    rising_ratio r{};
    rise const by_n = rise_of(z + g, n);
    rise const by_g = rise_of(z + n, g);
    r.g = by_n.first;
    r.gg = by_n.second;
    r.n = by_g.first;
    r.nn = by_g.second;
    r.gn = trigamma(z + g + n);
    if (n == 0.0) return r;
    r.value = log_rising_ratio(z, g, n);
    for (; z < asymptotic; z += 1.0) {
        auto const d = second_differences(z, g, n);
        r.z -= d[1] / z;
        r.zz += d[2] / (z * z);
    }
    auto const d = second_differences(z, g, n);
    double const i = 1.0 / z;
    double const j = i * i;
    r.z -= std::log1p(n / (z + g + n) * (g / z)) + 0.5 * i * d[1] +
           j * (d[2] / 12 - j * (d[4] / 120 - j * (d[6] / 252 - j * (d[8] / 240 - j * (d[10] / 132)))));
    r.zz +=
        i * (d[1] + 0.5 * i * d[2] +
             j * (d[3] / 6 - j * (d[5] / 30 - j * (d[7] / 42 - j * (d[9] / 30 - j * (d[11] * 5.0 / 66))))));
    return r;
}

double digamma_rise(double z, double n) noexcept {
    if (!(z > 0.0) || !(n >= 0.0)) return nan;
    return n == inf ? inf : rise_of(z, n).first;
}

}  // namespace clavis::numerics

#include "pareto_integral.hpp"

#include <algorithm>
#include <cmath>

#include "numerics/vector_math.hpp"
#include "panel_rule.hpp"

namespace clavis::lifetime {
namespace {

using numerics::sum16;
using numerics::vector_exp;
using numerics::vector_expm1;
using numerics::vector_log1p;

constexpr std::size_t points = panel_rule::points;
constexpr double longest_panel = 3.0;
constexpr double steepest_panel = 20.0;

// The integrand along y is exp(-c0 y - c1 ln(1 + ratio (e^y - 1))), up to a factor.
struct integrand {
    double c0, c1, ratio;
};

// Sums over one panel [low, low + length]: of the integrand; and, for moments, of it times y, l, their rates
// (e^y - 1) / e^y and z / (1 + z), and the ten products of these.
struct value_sums {
    double integral = 0.0;
};
struct moment_sums {
    double integral = 0.0;
    double first[4] = {};
    double second[10] = {};
};

panel_rule const rule;

CLAVIS_INLINE void add_value(integrand const& f, double low, double length, double* total) {
    alignas(64) double w[points];
    for (std::size_t i = 0; i < points; ++i) {
        double const y = low + length * rule.node[i];
        double const l = vector_log1p(f.ratio * vector_expm1(y));
        w[i] = rule.weight[i] * vector_exp(-f.c0 * y - f.c1 * l);
    }
    *total += length * sum16(w);
}

CLAVIS_INLINE void add_moments(integrand const& f, double low, double length, moment_sums* total) {
    alignas(64) double w[points];
    alignas(64) double v[4][points];
    for (std::size_t i = 0; i < points; ++i) {
        double const y = low + length * rule.node[i];
        double const e = vector_expm1(y);
        double const z = f.ratio * e;
        double const l = vector_log1p(z);
        w[i] = length * rule.weight[i] * vector_exp(-f.c0 * y - f.c1 * l);
        v[0][i] = y;
        v[1][i] = e / (1.0 + e);
        v[2][i] = l;
        v[3][i] = z / (1.0 + z);
    }
    total->integral += sum16(w);
    double* second = total->second;
    for (std::size_t j = 0; j < 4; ++j) {
        alignas(64) double weighted[points];
        for (std::size_t i = 0; i < points; ++i)
            weighted[i] = w[i] * v[j][i];
        total->first[j] += sum16(weighted);
        for (std::size_t k = j; k < 4; ++k) {
            alignas(64) double product[points];
            for (std::size_t i = 0; i < points; ++i)
                product[i] = weighted[i] * v[k][i];
            *second++ += sum16(product);
        }
    }
}

void add_value_portable(integrand const& f, double low, double length, double* total) {
    add_value(f, low, length, total);
}
CLAVIS_AVX2 void add_value_avx2(integrand const& f, double low, double length, double* total) {
    add_value(f, low, length, total);
}
CLAVIS_AVX512 void add_value_avx512(integrand const& f, double low, double length, double* total) {
    add_value(f, low, length, total);
}
void add_moments_portable(integrand const& f, double low, double length, moment_sums* total) {
    add_moments(f, low, length, total);
}
CLAVIS_AVX2 void add_moments_avx2(integrand const& f, double low, double length, moment_sums* total) {
    add_moments(f, low, length, total);
}
CLAVIS_AVX512 void add_moments_avx512(integrand const& f, double low, double length, moment_sums* total) {
    add_moments(f, low, length, total);
}

auto* const chosen_value = numerics::choose(&add_value_portable, &add_value_avx2, &add_value_avx512);
auto* const chosen_moments = numerics::choose(&add_moments_portable, &add_moments_avx2, &add_moments_avx512);

void add_panel(integrand const& f, double low, double length, value_sums& total) {
    chosen_value(f, low, length, &total.integral);
}
void add_panel(integrand const& f, double low, double length, moment_sums& total) {
    chosen_moments(f, low, length, &total);
}

// Panels over [0, end].
template <class Sums>
Sums integrate(integrand const& f, double end, double fall) {
    Sums sums;
    if (end <= longest_panel && fall <= steepest_panel) {
        add_panel(f, 0.0, end, sums);
        return sums;
    }
    // -ln f is convex: what lies behind 38 / its first slope is e^-38 of the rest.
    double const first_slope = f.c0 + f.c1 * f.ratio;
    if (first_slope * end > 38.0) end = 38.0 / first_slope;
    double const last = std::expm1(end);
    double const last_slope = f.c0 + f.c1 * (f.ratio * (1.0 + last) / (1.0 + f.ratio * last));
    // A few panels of equal length where the slope does not change much.
    double const panels = std::ceil(std::max(end / longest_panel, end * last_slope / steepest_panel));
    if (panels <= 3.0) {
        for (double k = 0.0; k < panels; ++k)
            add_panel(f, k * (end / panels), end / panels, sums);
        return sums;
    }
    auto const log_f = [&](double y) { return -f.c0 * y - f.c1 * std::log1p(f.ratio * std::expm1(y)); };
    auto const slope = [&](double y) {
        double const e = std::exp(-y);
        return f.c0 + f.c1 * (f.ratio / (e + f.ratio * (1.0 - e)));
    };
    for (double low = 0.0; low < end;) {
        double const top = log_f(low);
        double const steep = slope(low);
        if (steep > 0.0 && std::exp(top) < 1e-17 * steep * sums.integral) break;
        double length = std::min(longest_panel, end - low);
        // -ln f is convex, so Newton's steps approach the end of the panel from the right.
        for (int step = 0; step < 8; ++step) {
            double const excess = top - log_f(low + length) - steepest_panel;
            if (excess <= 1.0) break;
            length -= excess / slope(low + length);
        }
        add_panel(f, low, length, sums);
        low = end - (low + length) <= 1e-15 * end ? end : low + length;
    }
    return sums;
}

struct prepared {
    integrand f;
    double end;     // in y
    double fall;    // of ln f over all of it
    double factor;  // of the integral
    bool swapped;   // y belongs to B
};

prepared prepare(pareto_path const& p) {
    prepared result{};
    // Beyond e^700 nothing is left of any integrand.
    double const a = std::min(std::log1p(p.tau / p.A), 700.0);
    double const b = std::min(std::log1p(p.tau / p.B), 700.0);
    result.swapped = p.B < p.A;
    if (result.swapped) {
        result.f = {p.s, p.n, p.B / p.A};
        result.end = b;
        result.factor = 1.0;
        result.fall = p.s * b + p.n * a;
    } else {
        result.f = {p.n - 1.0, p.s + 1.0, p.A / p.B};
        result.end = a;
        result.factor = result.f.ratio;
        result.fall = result.f.c0 * a + result.f.c1 * b;
    }
    return result;
}

}  // namespace

double pareto_integral(pareto_path const& path) noexcept {
    prepared const p = prepare(path);
    return p.factor * integrate<value_sums>(p.f, p.end, p.fall).integral;
}

pareto_moments pareto_integral_moments(pareto_path const& path) noexcept {
    prepared const p = prepare(path);
    moment_sums const sums = integrate<moment_sums>(p.f, p.end, p.fall);
    pareto_moments result{.integral = p.factor * sums.integral, .mean = {}, .covariance = {}};
    if (!(sums.integral > 0.0)) return result;
    std::array<double, 4> mean{};
    for (std::size_t i = 0; i < 4; ++i)
        mean[i] = sums.first[i] / sums.integral;
    // Where y belongs to B its two places come after those of A.
    static constexpr std::array<std::size_t, 10> straight{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    static constexpr std::array<std::size_t, 10> exchanged{7, 8, 2, 5, 9, 3, 6, 0, 1, 4};
    auto const& place = p.swapped ? exchanged : straight;
    std::array<double, 10> covariance{};
    for (std::size_t i = 0, k = 0; i < 4; ++i)
        for (std::size_t j = i; j < 4; ++j, ++k)
            covariance[k] = sums.second[k] / sums.integral - mean[i] * mean[j];
    for (std::size_t i = 0; i < 4; ++i)
        result.mean[i] = mean[p.swapped ? (i + 2) % 4 : i];
    for (std::size_t k = 0; k < 10; ++k)
        result.covariance[k] = covariance[place[k]];
    return result;
}

}  // namespace clavis::lifetime

#pragma once

// Quadrature for smooth integrands. gauss_legendre and gauss_jacobi are exact for polynomials up to degree 2
// n - 1 (Golub and Welsch 1969; Newton for Legendre). beta_expectation is the trapezoidal rule in logit(p),
// which converges exponentially for integrands analytic around (0, 1) (Trefethen and Weideman 2014) however
// singular the density is at its ends; both tails are summed as geometric series, so that a and b may be as
// small as one likes.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace clavis::numerics {

struct quadrature_rule {
    std::vector<double> nodes;
    std::vector<double> weights;
};

/// Nodes and weights on [-1, 1], ascending; n >= 1.
quadrature_rule gauss_legendre(std::size_t n);

/// Nodes on [0, 1] and weights of E[f(p)], p ~ Beta(a, b); the weights add to 1. n >= 1, a > 0, b > 0.
quadrature_rule gauss_jacobi(std::size_t n, double a, double b);

/// The 16-point rule, made once.
quadrature_rule const& legendre16();

/// Integral of f over [low, high] by the 16-point Gauss-Legendre rule.
template <class Function>
double integrate16(Function&& f, double low, double high) {
    quadrature_rule const& rule = legendre16();
    double const half = 0.5 * (high - low);
    double const middle = 0.5 * (high + low);
    double sum = 0.0;
    for (std::size_t i = 0; i < 16; ++i)
        sum += rule.weights[i] * f(middle + half * rule.nodes[i]);
    return half * sum;
}

/// Integral over (-infinity, last] of exp(log_f), where log_f is concave, has this derivative and is analytic within pi
/// of the axis (as functions of e^y with powers of e^y + c are). Panels begin at the mode, are no longer than 3 and end
/// where the integrand has fallen by e^12; beyond e^-38 of its mode nothing counts. Relative error 1e-14.
template <class Function, class Slope>
double integrate_log_concave(Function&& log_f, Slope&& slope, double last) {
    double mode = last;
    if (slope(last) < 0.0) {
        double step = 1.0;
        double low = last;
        double high = last;
        for (; slope(low) < 0.0; step *= 2.0) {
            high = low;
            low -= step;
        }
        // Near enough for a peak as narrow as 1e-3, however far away `last` is.
        while (high - low > 1e-4)
            (slope(mode = 0.5 * (low + high)) < 0.0 ? high : low) = mode;
    }
    double const top = log_f(mode);
    if (!(top > -1e300)) return 0.0;
    double sum = 0.0;
    for (double const direction : {-1.0, 1.0}) {
        double at = mode;
        double fallen = 0.0;
        // A concave function needs a dozen panels; the limit is for one that rounding has made none.
        for (int panels = 0; panels < 500 && fallen < 38.0 && (direction < 0.0 || at < last); ++panels) {
            double length = direction < 0.0 ? 3.0 : std::min(3.0, last - at);
            double next = 0.0;
            for (int step = 0; step < 40; ++step) {
                double const end = at + direction * length;
                next = top - log_f(end);
                if (next - fallen <= 13.0) break;
                // Convex: Newton's steps come from outside.
                length -= std::min((next - fallen - 12.0) / std::max(-direction * slope(end), 1e-300),
                                   0.9 * length);
            }
            double const low = direction < 0.0 ? at - length : at;
            sum += integrate16([&](double y) { return std::exp(log_f(y) - top); }, low, low + length);
            at += direction * length;
            if (last - at < 1e-15 * (1.0 + std::abs(last))) at = direction > 0.0 ? last : at;
            fallen = next;
        }
    }
    return sum * std::exp(top);
}

/// The same for any smooth log_f that falls at last to the left by 1 or more a unit: panels of 1 are halved until their
/// two halves agree with them, and about the highest point down to a thousandth. Slower by far, and right where there are
/// several peaks. `hint` is where a peak too narrow for the panels may be.
template <class Function>
double integrate_peaks(Function&& log_f, double last, double hint) {
    double top = log_f(last);
    double low = last;
    double peak = last;
    // Down to where it has fallen by 45 below its highest and keeps falling.
    for (;;) {
        low -= 1.0;
        double const here = log_f(low);
        if (here > top) top = here, peak = low;
        if (here < top - 45.0 && here < log_f(low + 1.0)) break;
        if (last - low > 2000.0 || std::isnan(here)) break;
    }
    if (hint > low && hint < last)
        if (double const here = log_f(hint); here > top) top = here, peak = hint;
    // Between the points of that grid a narrow peak may be far higher.
    for (double step = 0.5; step > 1e-4; step *= 0.5)
        for (double const at : {peak - step, std::min(peak + step, last)})
            if (double const here = log_f(at); here > top) top = here, peak = at;
    if (!(top > -1e300)) return 0.0;
    auto const panel = [&](double from, double length) {
        return integrate16([&](double y) { return std::exp(std::min(log_f(y) - top, 600.0)); }, from,
                           from + length);
    };
    double sum = 0.0;
    auto const refine = [&](auto&& self, double from, double length, double whole, int depth) -> void {
        double const left = panel(from, 0.5 * length);
        double const right = panel(from + 0.5 * length, 0.5 * length);
        bool const at_peak = depth < 9 && std::abs(peak - from - 0.5 * length) <= 0.5 * length;
        // The halves are righter than their difference from the whole by many orders.
        if (!at_peak && (depth > 14 || std::abs(left + right - whole) <= 1e-11 * (left + right) ||
                         std::abs(left + right - whole) <= 1e-15 * sum)) {
            sum += left + right;
            return;
        }
        self(self, from, 0.5 * length, left, depth + 1);
        self(self, from + 0.5 * length, 0.5 * length, right, depth + 1);
    };
    for (double from = last - 1.0; from >= low - 0.5; from -= 1.0)
        refine(refine, from, 1.0, panel(from, 1.0), 0);
    return sum * std::exp(top);
}

/// E[f(p)], p ~ Beta(a, b), for a positive function that falls in p, is finite at p = 0 and analytic for
/// Re p > 0. `order` is the power with which f can tilt the density, as in (1 - p)^order or (1 + c p)^-order;
/// below p = `straight` f is a straight line to the last digit (c p < 3e-9 in the example). Relative error 1e-11.
template <class Function>
double beta_expectation(double a, double b, double order, double straight, Function&& f) {
    // With y = logit(p) the density is exp(a y) / (1 + e^y)^(a + b). The step resolves its narrowest feature:
    // the poles of 1 / (1 + e^y) at distance pi, or the peak of width sqrt(1/a + 1/b), narrower where f tilts it.
    double const tilted = b + order;
    double const h = 0.25 / std::sqrt(1.0 + 0.13 * (a / (a + tilted)) * tilted);
    double const mode = std::log(a / b);
    struct point {
        double p, log_weight;
    };
    auto at = [&](double y) -> point {
        double const e = std::exp(-std::abs(y));
        double const l = std::log1p(e);
        if (y > 0.0) return {1.0 / (1.0 + e), -(a + b) * l - b * y};
        return {e / (1.0 + e), a * y - (a + b) * l};
    };
    double const top = at(mode).log_weight;
    double const at_zero = f(0.0);
    double mass = 0.0;
    double sum = 0.0;
    // To the right f only falls: stop where the mass does not matter any more, or where p is 1 to the last digit.
    double const right = -std::expm1(-b * h);  // a geometric series adds up to its first term / right
    for (double k = 0.0;; ++k) {
        double const y = mode + k * h;
        point const here = at(y);
        double const weight = std::exp(here.log_weight - top);
        if (y > 40.0 || !(weight > 1e-17 * right * mass)) {
            mass += weight / right;
            sum += weight / right * f(here.p);
            break;
        }
        mass += weight;
        sum += weight * f(here.p);
    }
    // To the left, until density and function are straight lines in p = e^y: the rest is two geometric series.
    double const left = -std::expm1(-a * h);
    double const left_of_p = -std::expm1(-(a + 1.0) * h);
    double const lowest = std::log(std::min(straight, 3e-9 / (a + b + 1.0)));
    for (double k = 1.0;; ++k) {
        double const y = mode - k * h;
        point const here = at(y);
        double const weight = std::exp(here.log_weight - top);
        if (!(weight * at_zero > 1e-17 * left * sum)) break;
        if (y < lowest) {
            double const limit = std::exp(a * y - top);
            mass += limit / left + (weight - limit) / left_of_p;
            sum += limit / left * at_zero + (weight * f(here.p) - limit * at_zero) / left_of_p;
            break;
        }
        mass += weight;
        sum += weight * f(here.p);
    }
    return sum / mass;
}

}  // namespace clavis::numerics

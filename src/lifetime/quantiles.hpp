#pragma once

// Quantiles of what is to come, from the tail P(N >= n) of a process that is active at time 0.

#include <algorithm>
#include <boost/math/tools/toms748_solve.hpp>
#include <cmath>
#include <cstdint>
#include <limits>

#include "beta_geometric.hpp"

namespace clavis::lifetime {

/// The smallest whole n >= first with tail(n) <= level for a tail that falls; infinite where there is none below 1e18:
/// nobody counts further, and sums over more units of time would not end.
/// Steps double until one is past it. Then the secant of ln(tail) and the middle take turns: it is the smooth
/// distribution of counts for few evaluations, and never worse than twice a bisection.
template <class Tail>
double first_below(Tail&& tail, double first, double level) {
    double low = first;
    double above = tail(first);
    if (!(above > level)) return first;
    double high = low;
    double below = above;
    for (double step = 1.0; below > level; step *= 2.0) {
        if (high > 1e18) return std::numeric_limits<double>::infinity();
        low = high;
        above = below;
        high = low + step;
        below = tail(high);
    }
    for (bool secant = true; high - low > 1.0; secant = !secant) {
        double middle = std::floor(low + 0.5 * (high - low));
        if (secant && high - low > 4.0 && below > 0.0 && level > 0.0) {
            double const part = std::log(above / level) / std::log(above / below);
            middle = std::clamp(std::floor(low + part * (high - low)), low + 1.0, high - 1.0);
        }
        if (!(middle > low && middle < high)) break;  // neighbouring doubles, beyond 2^53
        double const here = tail(middle);
        (here > level ? low : high) = middle;
        (here > level ? above : below) = here;
    }
    return high;
}

/// The smallest n with P(N <= n) >= q, where N is 0 with chance 1 - alive and else what the process makes within t.
template <bool whole_units, class Process>
double count_quantile(double alive, Process const& process, double t, double q) {
    if (alive == 0.0 || t == 0.0 || q == 0.0) return 0.0;
    if (std::isnan(alive)) return alive;
    if (q == 1.0)
        return whole_units && !(process.at_least(1.0, t) == 0.0) ? opportunities(t)
                                                                 : std::numeric_limits<double>::infinity();
    return first_below([&](double n) { return alive * process.at_least(n + 1.0, t); }, 0.0, 1.0 - q);
}

/// The shortest wait w with alive * P(a purchase in (0, w]) >= q; infinite too where it is no double.
template <bool whole_units, class Process>
double wait_quantile(double alive, Process const& process, double q) {
    constexpr double inf = std::numeric_limits<double>::infinity();
    if (q == 0.0) return 0.0;
    if (std::isnan(alive)) return alive;
    if (!(q < alive)) return inf;
    double const target = q / alive;
    double const rest = (alive - q) / alive;
    // 1 - P(none) where that is large and P(some) where it is small: each has its digits.
    auto const lacks = [&](double w) {
        return target < 0.5 ? target - process.at_least(1.0, w) : process.no_purchase(w) - rest;
    };
    if (!(lacks(inf) < 0.0)) return inf;
    if constexpr (whole_units) {
        return first_below(lacks, 1.0, 0.0);
    } else if constexpr (requires { process.wait(target); }) {
        return process.wait(target);
    } else {
        // Whoever never leaves and needs one event only waits less. Waits run over many orders: solved for ln w.
        double events = process.r;
        if constexpr (requires { process.k; }) events += process.k - 1;
        auto const f = [&](double y) { return lacks(std::exp(y)); };
        double const shortest = process.alpha * std::expm1(-std::log1p(-target) / events);
        double low = std::clamp(std::log(shortest), -700.0, 680.0);
        double f_low = f(low);
        for (double step = 1e-6; !(f_low > 0.0) && low > -740.0; step *= 2.0)
            f_low = f(low -= step);
        // As far as a wait over alpha is a number.
        double const longest = 690.0 + std::min(0.0, std::log(process.alpha));
        double high = low;
        double f_high = f_low;
        for (double step = 0.25; f_high > 0.0; step *= 2.0) {
            low = high;
            f_low = f_high;
            if (low >= longest) return inf;
            high = std::min(longest, low + step);
            f_high = f(high);
        }
        if (f_high == 0.0 || low == high) return std::exp(high);
        std::uintmax_t steps = 100;
        auto const close = [](double a, double b) { return b - a <= 1e-15 * (1.0 + std::abs(a)); };
        auto const [below, above] =
            boost::math::tools::toms748_solve(f, low, high, f_low, f_high, close, steps);
        return std::exp(0.5 * (below + above));
    }
}

}  // namespace clavis::lifetime

#pragma once

// A gamma mixture of Gompertz lives: the chance of staying beyond t is exp(-s H(t)), H(t) = ln(1 + (e^(b t) - 1) / beta).

#include <algorithm>
#include <cmath>
#include <limits>

#include "clavis/numerics/quadrature.hpp"

namespace clavis::lifetime {

struct gompertz_life {
    double b, s, beta;

    /// What goes on after an age of t.
    gompertz_life after(double t) const { return {b, s, beta * std::exp(-b * t) - std::expm1(-b * t)}; }
    double H(double t) const {
        double const z = b * t;
        double const most = std::min(z, 600.0);  // beyond, e^z is all that counts
        return std::log1p(std::expm1(most) / beta) + (z - most);
    }
    /// dH/dt.
    double rate(double t) const { return b / (beta * std::exp(-b * t) - std::expm1(-b * t)); }

    /// How long a panel of 16 points may be that begins at t: the distance to a singularity behind it (alpha > 0 stands
    /// for one at -alpha), and less where one comes up beside the axis.
    double panel(double t, double alpha) const {
        double reach = alpha > 0.0 ? alpha + t : std::numeric_limits<double>::infinity();
        if (beta < 1.0) reach = std::min(reach, t - std::log1p(-beta) / b);
        if (beta > 1.0) {
            double const away = t - std::log(beta - 1.0) / b;
            reach = std::min(reach, std::max(3.0 / b, away < 0.0 ? -0.5 * away : away));
        }
        return reach;
    }
};

/// Integral over 0 < t < end by panels; visit(t, weight) sees every node, behind(t) bounds what lies behind t against
/// the sum so far and says whether to stop. On a panel (alpha + t)^-n e^(-s H - rate t) falls by at most e^12.
template <class Visit, class Stop>
void gompertz_panels(gompertz_life const& life, double alpha, double n, double rate, double end,
                     Visit&& visit, Stop&& stop) {
    auto const& rule = numerics::legendre16();
    for (double low = 0.0; low < end && !stop(low);) {
        double length = std::min(end - low, life.panel(low, n > 0.0 ? alpha : 0.0));
        // Bounds that need no search, so that an endless end becomes a length.
        if (rate != 0.0) length = std::min(length, 12.0 / std::abs(rate));
        length = std::min(length, 12.0 / (life.s * std::min(life.b, life.rate(low))));
        double const before = life.H(low);
        for (int step = 0; step < 100; ++step) {
            double const fall = life.s * (life.H(low + length) - before) + std::abs(rate) * length +
                                (n > 0.0 ? n * std::log1p(length / (alpha + low)) : 0.0);
            if (fall <= 12.0) break;
            length *= std::max(11.5 / fall, 0.1);
        }
        for (std::size_t i = 0; i < 16; ++i)
            visit(low + 0.5 * length * (1.0 + rule.nodes[i]), 0.5 * length * rule.weights[i]);
        double const high = low + length;
        low = high > low && (end - high) > 1e-15 * high ? high : end;
    }
}

}  // namespace clavis::lifetime

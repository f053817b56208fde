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

    /// From here on nobody is left to the last digit of any double.
    double end() const { return (750.0 / s + std::log(std::max(beta, 1.0))) / b; }

    /// Until here the hazard grows like e^(b t).
    double beta_time() const { return beta > 1.0 ? std::log(beta) / b : 0.0; }

    /// How far behind t = 0 H has its singularity on the axis (endless for beta >= 1).
    double behind() const {
        return beta < 1.0 ? -std::log1p(-beta) / b : std::numeric_limits<double>::infinity();
    }

    /// How long a panel that begins at t may be for the singularities beside the axis: at ln(beta - 1) / b and a height of
    /// pi / b for beta > 1, at -behind() and twice that height for beta < 1.
    double beside(double t) const {
        if (beta > 1.0) {
            double const away = t - std::log(beta - 1.0) / b;
            return std::max(3.0 / b, away < 0.0 ? -0.5 * away : away);
        }
        return beta < 1.0 ? std::max(5.0 / b, t + behind()) : std::numeric_limits<double>::infinity();
    }
};

/// Integral over 0 < t < end by panels; visit(t, weight) sees every node, stop(t) says whether what lies behind t counts.
/// Panels run along y = ln(c + t), -c being the nearest singularity behind (that of (alpha + t)^-n, or of H), and are no
/// longer than 2; on each (alpha + t)^-n e^(-s H - rate t) falls by at most e^12.
template <class Visit, class Stop>
void gompertz_panels(gompertz_life const& life, double alpha, double n, double rate, double end,
                     Visit&& visit, Stop&& stop) {
    auto const& rule = numerics::legendre16();
    double const c = n > 0.0 ? std::min(alpha, life.behind()) : life.behind();
    bool const along_y = c < std::numeric_limits<double>::infinity();
    for (double low = 0.0; low < end && !stop(low);) {
        double length = std::min({end - low, life.beside(low), 6.38 * (c + low)});
        // Bounds that need no search, so that an endless end becomes a length.
        if (rate != 0.0) length = std::min(length, 12.0 / std::abs(rate));
        length = std::min(length, 12.0 / (life.s * std::min(life.b, life.rate(low))));
        double const before = life.H(low);
        for (int step = 0; step < 100; ++step) {
            double const fall = life.s * (life.H(low + length) - before) + std::abs(rate) * length +
                                (n > 0.0 ? n * std::log1p(length / (alpha + low)) : 0.0);
            // While the hazard still grows e^(-s H) is an exponential of an exponential, which bends within 2 / b.
            bool const bends = fall > 1e-3 && low < life.beta_time() && length > 2.0 / life.b;
            if (fall <= 12.0 && !bends) break;
            length = fall > 12.0 ? length * std::max(11.5 / fall, 0.1) : 2.0 / life.b;
        }
        double const width = along_y ? std::log1p(length / (c + low)) : length;
        for (std::size_t i = 0; i < 16; ++i) {
            double const y = 0.5 * width * (1.0 + rule.nodes[i]);
            double const weight = 0.5 * width * rule.weights[i];
            if (along_y) {
                double const grown = std::expm1(y);
                visit(low + (c + low) * grown, weight * (c + low) * (1.0 + grown));
            } else {
                visit(low + y, weight);
            }
        }
        double const high = low + length;
        low = high > low && (end - high) > 1e-15 * high ? high : end;
    }
}

}  // namespace clavis::lifetime

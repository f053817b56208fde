#pragma once

// Panels for the integral of exp(log_f) where log_f has one peak: from the mode outwards.

#include <algorithm>
#include <cmath>

namespace clavis::lifetime {

/// Calls panel(from, length) with panels that cover [low, high] (either may be infinite) as far as the integrand has not
/// fallen by e^33 from its mode. On each it falls by at most e^16 and its length is at most longest(start).
template <class LogF, class Longest, class Panel>
void outward_panels(LogF&& log_f, double mode, double low, double high, Longest&& longest, Panel&& panel) {
    constexpr double steepest = 16.0;
    constexpr double negligible = 33.0;
    double const top = log_f(mode);
    if (!(top > -1e300)) return;
    for (double const direction : {-1.0, 1.0}) {
        double const last = direction < 0.0 ? low : high;
        double at = mode;
        double here = top;
        // A function with one peak needs a dozen panels; the limit is for one that rounding has made none.
        for (int panels = 0; panels < 400 && direction * (last - at) > 0.0 && top - here < negligible;
             ++panels) {
            double length = std::min(longest(at), direction * (last - at));
            double next = 0.0;
            for (int step = 0; step < 60; ++step) {
                next = log_f(at + direction * length);
                double const fall = here - next;
                if (fall <= steepest) break;
                // A parabola near the mode, a straight line further out.
                length *= fall < 1e300 ? std::clamp(std::sqrt(0.85 * steepest / fall), 1e-3, 0.9) : 0.1;
            }
            if (!(length > 0.0)) break;
            double const end = at + direction * length;
            if (end == at) break;
            panel(direction < 0.0 ? end : at, std::abs(end - at));
            at = std::abs(last - end) <= 1e-15 * (1.0 + std::abs(last)) ? last : end;
            here = next;
        }
    }
}

}  // namespace clavis::lifetime

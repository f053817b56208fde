#include <algorithm>
#include <cmath>
#include <numbers>

#include "beta_geo_cnbd_sums.hpp"
#include "clavis/numerics/quadrature.hpp"

// Purchases of BG/CNBD-k within a time, discounted.

namespace clavis::lifetime {

// Within t: E(t) e^(-rate t) + rate * integral of e^(-rate s) E(s), over panels in s.
double discounted_within(beta_geo_cnbd_process const& p, chances const& phases, double t, double rate) {
    double const expected = expected_within(p, phases, t);
    double const k = p.k;
    double const fastest = (p.r + k + 5.0 + 4.0 * std::sqrt(p.r + k)) / p.alpha;
    // Purchases of customers who are much alike and regular come in waves, the slowest of which is that of the second
    // root: (1 + turn s / alpha)^-r. A panel holds no more than one and a half of them while they last.
    double const half = std::sin(std::numbers::pi / k);
    double const turn_real = 2.0 * half * half;
    double const turn_size = 2.0 * half;
    double integral = 0.0;
    for (double low = 0.0; low < t;) {
        double const at = turn_real * low / p.alpha;
        double const wide = std::hypot(1.0 + at, turn_size * low / p.alpha);
        double length = std::max({4.0 / fastest, low});
        if (p.k > 2 && p.r * std::log1p(at) < 36.0)
            length = std::min(length, 9.0 * p.alpha * wide / (p.r * turn_size));
        length = std::min(length, 8.0 / std::abs(rate));
        double const high = low + length < t ? low + length : t;
        integral += numerics::integrate16(
            [&](double s) { return std::exp(-rate * s) * expected_within(p, phases, s); }, low, high);
        if (rate > 0.0 && std::exp(-rate * high) * expected < 1e-17 * rate * integral) break;
        low = high;
    }
    return std::exp(-rate * t) * expected + rate * integral;
}

chances discounted_within_by_phase(beta_geo_cnbd_process const& p, double t, double rate) {
    chances result{};
    for (std::size_t j = 0; j < static_cast<std::size_t>(p.k); ++j) {
        chances only{};
        only[j] = 1.0;
        result[j] = discounted_within(p, only, t, rate);
    }
    return result;
}

}  // namespace clavis::lifetime

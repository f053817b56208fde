#pragma once

// The hazard clock: how much silence a customer's own past makes surprising. Gaps between visits are Gamma(k, lambda),
// so that the mean gap is k / lambda: k = 1 is the Poisson customer, k > 1 one who comes regularly, k < 1 one who comes
// in bursts. The customer's lambda is drawn from Gamma(r, alpha). After x gaps that took G in all it is Gamma(r + k x,
// alpha + G), and the customer stays silent longer than s with
//     P(gap > s | x, G) = I_z(r + k x, k),    z = (alpha + G) / (alpha + G + s),    H(s) = -ln P,
// the regularised incomplete beta function: gap / (gap + alpha + G) is Beta(k, r + k x). For k = 1 it is the Pareto type
// II (Lomax) predictive, H(s) = (r + x) ln(1 + s / (alpha + G)) (Ehrenberg 1959; Schmittlein, Morrison and Colombo
// 1987; gamma gaps: Herniter 1971; Platzer and Reutterer 2016). On the clock that H runs, the purchases of *every*
// customer are a Poisson process of rate one for as long as the customer stays the same, whatever their rate and
// regularity (time change by the compensator, Meyer 1971): so one threshold means the same for all. exp(-H) is the
// overdue p-value: how often a customer like this one, unchanged, is silent for longer. A customer without gaps (x = 0)
// is judged by the population alone.
//
// Domain: r > 0, alpha > 0 in the unit of G and s, k in [0.2, 20]; x, G, s >= 0. Anything else, NaN included, gives NaN.
// H is capped at 700, so the p-value never reaches zero. Error of H: k = 1 4e-16 relative per factor, else 2e-12 of
// max(H, 1), and 2e-12 of H below 1e-3 too. A gap is counted between distinct local days of purchase: several receipts
// of a day are one visit, returns are none.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "clavis/core/errors.hpp"

namespace clavis::defection {

/// Shape and scale of the customers' rates and the regularity of their gaps; alpha is counted in the unit of the gaps.
struct hazard_clock {
    static constexpr double cap = 700;
    static constexpr double least_k = 0.2;
    static constexpr double largest_k = 20;

    double r = std::numeric_limits<double>::quiet_NaN();
    double alpha = std::numeric_limits<double>::quiet_NaN();
    double k = 1;

    /// Throws input_error unless r and alpha are positive and finite and k lies in its domain.
    void validate() const {
        auto usable = [](double value) { return value > 0 && std::isfinite(value); };
        if (!usable(r)) throw input_error("hazard clock: r must be positive and finite");
        if (!usable(alpha)) throw input_error("hazard clock: alpha must be positive and finite");
        if (!(k >= least_k && k <= largest_k))
            throw input_error("hazard clock: k must lie between 0.2 and 20");
    }

    /// What the customer's lambda is after `visits` gaps that took `gap_sum`: Gamma(shape, scale).
    double shape(double visits) const noexcept { return r + k * visits; }
    double scale(double gap_sum) const noexcept { return alpha + gap_sum; }

    /// The posterior mean of visits per unit of time after `visits` gaps that took `gap_sum` and a silence since.
    double rate(double visits, double gap_sum, double silence = 0) const noexcept {
        if (k == 1) return (r + visits) / (alpha + gap_sum + silence);
        return general_rate(visits, gap_sum, silence);
    }

    /// H run up by a silence.
    double hazard(double visits, double gap_sum, double silence) const noexcept {
        return hazard_between(visits, gap_sum, 0, silence);
    }

    /// H run up while one silence grows from `from` to `to`: what a watch that starts in mid-silence sees.
    double hazard_between(double visits, double gap_sum, double from, double to) const noexcept {
        if (!(visits >= 0 && gap_sum >= 0 && from >= 0 && to >= from && in_domain()))
            return std::numeric_limits<double>::quiet_NaN();
        if (k == 1) return std::min(cap, (r + visits) * std::log1p((to - from) / (alpha + gap_sum + from)));
        return std::min(cap, general_hazard(visits, gap_sum, to) - general_hazard(visits, gap_sum, from));
    }

    /// How often a customer of this past, unchanged, is silent for longer: exp(-H).
    double overdue_p(double visits, double gap_sum, double silence) const noexcept {
        return std::exp(-hazard(visits, gap_sum, silence));
    }

    /// The silence that a customer of this past exceeds with probability p: the p-value's inverse. Relative error
    /// 1e-13 for k = 1, else 1e-10.
    double silence_at(double visits, double gap_sum, double p) const noexcept {
        if (!(visits >= 0 && gap_sum >= 0 && p > 0 && p <= 1 && in_domain()))
            return std::numeric_limits<double>::quiet_NaN();
        if (k == 1) return (alpha + gap_sum) * std::expm1(-std::log(p) / (r + visits));
        return general_silence(visits, gap_sum, -std::log(p));
    }

    bool operator==(hazard_clock const&) const = default;

  private:
    bool in_domain() const noexcept { return r > 0 && alpha > 0 && k >= least_k && k <= largest_k; }
    double general_hazard(double visits, double gap_sum, double silence) const noexcept;  ///< not capped
    double general_rate(double visits, double gap_sum, double silence) const noexcept;
    double general_silence(double visits, double gap_sum, double hazard) const noexcept;
};

/// exp(-H) row by row. Throws input_error where the spans differ in length.
void overdue_p(hazard_clock const& clock, std::span<double const> visits, std::span<double const> gap_sum,
               std::span<double const> silence, std::span<double> out, unsigned threads = 1);

/// The largest distance between the distribution of `clock_gaps` and the unit exponential, and the asymptotic
/// p-value of Kolmogorov's test. Gaps counted in whole days cannot be exactly exponential: for customers who
/// come nearly daily a small p-value says so, not that the clock is wrong in the tail, where silences are
/// judged.
struct clock_check {
    std::size_t gaps = 0;
    double distance = std::numeric_limits<double>::quiet_NaN();
    double p_value = std::numeric_limits<double>::quiet_NaN();
};
clock_check check_clock(std::span<double const> clock_gaps);

}  // namespace clavis::defection

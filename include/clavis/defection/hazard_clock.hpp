#pragma once

// The hazard clock: how much silence a customer's own past makes surprising. With exponential gaps and a
// customer rate drawn from Gamma(r, alpha), a customer of x gaps that took G in all stays silent longer than
// s with
//     P(gap > s | x, G) = ((alpha + G) / (alpha + G + s))^(r + x),    H(s) = -ln P = (r + x) ln(1 + s /
//     (alpha + G)),
// the Pareto type II (Lomax) predictive of the gamma-exponential model (Ehrenberg 1959; Schmittlein, Morrison
// and Colombo 1987). On the clock that H runs, the purchases of *every* customer are a Poisson process of
// rate one for as long as the customer stays the same, whatever their rate (time change by the compensator,
// Meyer 1971): so one threshold means the same for all. exp(-H) is the overdue p-value: how often a customer
// like this one, unchanged, is silent for longer. A customer without gaps (x = 0) is judged by the population
// alone.
//
// Domain: r > 0, alpha > 0 in the unit of G and s; x, G, s >= 0. Anything else, NaN included, gives NaN. H is
// capped at 700, so the p-value never reaches zero. Relative error below 4e-16 per factor. A gap is counted
// between distinct local days of purchase: several receipts of a day are one visit, returns are none.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "clavis/core/errors.hpp"

namespace clavis::defection {

/// Shape and scale of the customers' rates; alpha is counted in the unit of the gaps.
struct hazard_clock {
    static constexpr double cap = 700;

    double r = std::numeric_limits<double>::quiet_NaN();
    double alpha = std::numeric_limits<double>::quiet_NaN();

    /// Throws input_error unless r and alpha are positive and finite.
    void validate() const {
        auto usable = [](double value) { return value > 0 && std::isfinite(value); };
        if (!usable(r)) throw input_error("hazard clock: r must be positive and finite");
        if (!usable(alpha)) throw input_error("hazard clock: alpha must be positive and finite");
    }

    /// The posterior mean rate after `visits` gaps that took `gap_sum` and a silence since.
    double rate(double visits, double gap_sum, double silence = 0) const noexcept {
        return (r + visits) / (alpha + gap_sum + silence);
    }

    /// H run up by a silence.
    double hazard(double visits, double gap_sum, double silence) const noexcept {
        return hazard_between(visits, gap_sum, 0, silence);
    }

    /// H run up while one silence grows from `from` to `to`: what a watch that starts in mid-silence sees.
    double hazard_between(double visits, double gap_sum, double from, double to) const noexcept {
        if (!(r > 0 && alpha > 0 && visits >= 0 && gap_sum >= 0 && from >= 0 && to >= from))
            return std::numeric_limits<double>::quiet_NaN();
        return std::min(cap, (r + visits) * std::log1p((to - from) / (alpha + gap_sum + from)));
    }

    /// How often a customer of this past, unchanged, is silent for longer: exp(-H).
    double overdue_p(double visits, double gap_sum, double silence) const noexcept {
        return std::exp(-hazard(visits, gap_sum, silence));
    }

    /// The silence that a customer of this past exceeds with probability p: the p-value's inverse.
    double silence_at(double visits, double gap_sum, double p) const noexcept {
        if (!(r > 0 && alpha > 0 && visits >= 0 && gap_sum >= 0 && p > 0 && p <= 1))
            return std::numeric_limits<double>::quiet_NaN();
        return (alpha + gap_sum) * std::expm1(-std::log(p) / (r + visits));
    }

    bool operator==(hazard_clock const&) const = default;
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

#pragma once

// Detectors of a fall in a customer's rate, on the hazard clock, where an unchanged customer's purchases are
// a Poisson process of rate one and those of a customer who keeps the fraction rho one of rate rho.
//
// 1. The rate-drop CUSUM (Page 1954): S rises by (1 - rho) dH in silence and falls by ln(1/rho), at most to
// zero, at a
//    purchase (rho = 0: to zero). Its last zero is the maximum-likelihood time of the change. The mean wait
//    until S >= h, the average run length, follows from the scale function W of the spectrally negative Levy
//    process ct - d N_t (Bertoin 1996), c = 1 - rho, d = ln(1/rho), N of rate lambda:
//        ARL = int_0^h W(y) dy = (1/lambda) sum_{j=0}^{floor(h/d)} [ e^{Y_j} sum_{i<=j} (-Y_j)^i / i! - 1 ],
//        Y_j = (lambda/c) (h - j d);      rho = 0: (e^{lambda h} - 1) / lambda.
//    Where the sum cancels (h/d > 12) c W' = lambda (W(y) - W(y - d)) is integrated instead.
//    Relative error <= 1e-9 for 0 <= rho <= 0.99 and ARL < 1e12.
//
// 2. The Shiryaev-Roberts statistic (Shiryaev 1963; Roberts 1966), the default: R grows by dR = dt/u + (1 -
// rho) R dH in
//    silence and is multiplied by rho at a purchase. Without change E[R_t] = t/u in *calendar time, whatever
//    the customer*, so that by Doob's inequality P(R reaches A within t) <= t / (A u) and the mean time to a
//    false alarm is at least A u. A mean of such statistics over several rho (the mixture) keeps both
//    promises. With b = alpha + G + (silence so far) and p = (1 - rho)(r + x), silence of length s takes R to
//        (1 + s/b)^p R + (b / (u (p - 1))) [ (1 + s/b)^p - (1 + s/b) ],          p = 1: second term (b + s)
//        ln(1 + s/b) / u.
//    For gaps of another regularity k silence has a memory: from s to s' of one silence, P the clock's P(gap > s),
//        R(s') = (P(s) / P(s'))^{1-rho} [ R(s) + (1/u) integral from s to s' of (P(v) / P(s))^{1-rho} dv ],
//    by Gauss-Legendre quadrature on panels that double from the shortest silence on, the first in (v)^{1/k}.
//    Kept as ln R: finite for every silence; relative error of R <= 1e-13 (1 + |ln R|) for k = 1, else 1e-11 (1 + H).

#include <cmath>
#include <limits>

#include "clavis/core/time.hpp"
#include "clavis/defection/hazard_clock.hpp"

namespace clavis::defection {

/// Mean wait, on the clock, until the CUSUM for `rho` started at zero reaches `limit`, where purchases come
/// at `rate` (1: no change, rho: after the change designed for). Domain 0 <= rho < 1, limit >= 0, rate >= 0,
/// else NaN; infinite where it exceeds the range of double.
double average_run_length(double rho, double limit, double rate = 1.0) noexcept;

/// The limit whose average run length is `run_length` >= 0; inverse of the above to 1e-12 of the limit.
double threshold_for(double rho, double run_length, double rate = 1.0) noexcept;

/// ln of the Shiryaev-Roberts statistic after a silence. `log_statistic` (-inf: zero) stands at a moment when
/// the posterior of the rate is Gamma(`shape`, `scale`), that is r + x and alpha + G + silence so far; the
/// silence goes on for `silence`; u is `unit`, the three in one unit of time. NaN in, NaN out.
double shiryaev_roberts_after(double log_statistic, double rho, double shape, double scale, double silence,
                              double unit) noexcept;

/// The same on a clock of any regularity: one silence of a customer of this past goes on from `from` to `to`. This is
/// the exact evaluation; clock_tables (clock_tables.hpp) is the fast one.
double shiryaev_roberts_after(double log_statistic, double rho, hazard_clock const& clock, double visits,
                              double gap_sum, double from, double to, double unit) noexcept;

/// ln(e^a + e^b), exact at -inf.
inline double log_add(double a, double b) noexcept {
    double const high = a < b ? b : a;
    double const low = a < b ? a : b;
    if (low == -std::numeric_limits<double>::infinity()) return high;
    return high + std::log1p(std::exp(low - high));
}

/// The limit A of a Shiryaev-Roberts statistic started at zero such that an unchanged customer raises an
/// alarm within a year with probability at most `false_alarms_per_year`: A u = (1 / false_alarms_per_year)
/// years. Throws input_error unless 0 < false_alarms_per_year <= 1 and unit > 0.
double shiryaev_roberts_limit(double false_alarms_per_year, duration unit = week);

/// The promise behind the limit: the largest probability that an unchanged customer's statistic reaches
/// `statistic` within `watched` days, min(1, watched / (statistic u)).
inline double false_alarm_bound(double statistic, double watched_days, double unit_days = 7) noexcept {
    double const at_stake = statistic * unit_days;
    return at_stake <= watched_days ? 1.0 : watched_days / at_stake;
}

}  // namespace clavis::defection

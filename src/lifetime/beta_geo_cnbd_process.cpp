#include <algorithm>
#include <cmath>
#include <limits>

#include "beta_geo_cnbd_likelihood.hpp"
#include "beta_geo_cnbd_sums.hpp"
#include "clavis/lifetime/beta_geo_cnbd.hpp"
#include "clavis/numerics/rising_ratio.hpp"
#include "clavis/numerics/special.hpp"

namespace clavis::lifetime {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

}  // namespace

std::array<double, largest_k> beta_geo_cnbd_process::phases() const noexcept {
    chances result{};
    double term = 1.0, sum = 1.0;
    result[0] = 1.0;
    for (std::int32_t j = 1; j < k; ++j) {
        term *= (r + (j - 1)) / j * silence;
        sum += term;
        result[static_cast<std::size_t>(j)] = term;
    }
    for (double& w : result)
        w /= sum;
    return result;
}

double beta_geo_cnbd_process::expected(double t) const noexcept {
    if (!(t >= 0.0)) return nan;
    if (t == 0.0) return 0.0;
    // E[1 / p], the number of purchases until the customer leaves.
    if (t == inf) return a > 1.0 ? (a + b - 1.0) / (a - 1.0) : inf;
    return expected_within(*this, phases(), t);
}

std::array<double, largest_k> beta_geo_cnbd_process::discounted_by_phase(double t,
                                                                         double rate) const noexcept {
    chances result{};
    if (!(t >= 0.0) || std::isnan(rate)) {
        result.fill(nan);
        return result;
    }
    if (t == inf && rate > 0.0) return discounted_endless_by_phase(*this, rate);
    if (t == 0.0) return result;
    if (rate != 0.0 && t != inf) return discounted_within_by_phase(*this, t, rate);
    for (std::size_t j = 0; j < static_cast<std::size_t>(k); ++j) {
        chances only{};
        only[j] = 1.0;
        result[j] = t != inf ? expected_within(*this, only, t) : rate < 0.0 ? inf : expected(t);
    }
    return result;
}

double beta_geo_cnbd_process::discounted(double t, double rate) const noexcept {
    if (!(t >= 0.0) || std::isnan(rate)) return nan;
    if (t == 0.0) return 0.0;
    if (rate == 0.0) return expected(t);
    chances const now = phases();
    if (t != inf) return discounted_within(*this, now, t, rate);
    if (rate < 0.0) return inf;
    chances const each = discounted_endless_by_phase(*this, rate);
    double sum = 0.0;
    for (std::size_t j = 0; j < static_cast<std::size_t>(k); ++j)
        sum += now[j] * each[j];
    return sum;
}

double beta_geo_cnbd_process::survival(double t) const noexcept {
    if (!(t >= 0.0)) return nan;
    if (t == inf) return 0.0;
    double const ratio = t / alpha;
    if (ratio == 0.0) return 1.0;
    return survival_within(*this, phases(), t);
}

double beta_geo_cnbd_process::no_purchase(double t) const noexcept {
    if (!(t >= 0.0)) return nan;
    if (t == inf) return 0.0;
    // Fewer than k phases since the last purchase, given that there were when time began.
    double const ratio = t / alpha;
    return std::min(1.0, std::exp(log_phase_sum(r, k, (silence + ratio) / (1.0 + ratio)) -
                                  log_phase_sum(r, k, silence) - r * std::log1p(ratio)));
}

double beta_geo_cnbd_process::pmf(std::int64_t n, double t) const noexcept {
    if (n < 0 || !(t >= 0.0)) return nan;
    if (n == 0) return no_purchase(t);
    if (t == 0.0) return 0.0;
    double const x = static_cast<double>(n);
    double const ratio = t / alpha;
    chances const now = phases();
    // Still active after n purchases, all within t; or left at the n-th, which came within t.
    double active = 0.0;
    double reached = 0.0;
    for (std::int32_t j = 0; j < k; ++j) {
        double const w = now[static_cast<std::size_t>(j)];
        if (w == 0.0) continue;
        double const shape = r + j;
        double const first = k * x - j;
        phase_counts const of = count_phases(shape, ratio, first, k);
        active += w * of.in_gap;
        reached += w * of.reached;
    }
    double const stay = numerics::log_rising(b, x) - numerics::log_rising(a + b, x);
    double const before = numerics::log_rising(b, x - 1.0) - numerics::log_rising(a + b, x - 1.0);
    return std::exp(stay) * active + std::exp(before) * a / (a + b + (x - 1.0)) * reached;
}

double beta_geo_cnbd_process::at_least(double n, double t) const noexcept {
    if (!(n >= 0.0) || !(t >= 0.0)) return nan;
    if (n == 0.0) return 1.0;
    // Not gone before the n-th, which comes within t; the two are independent.
    chances const now = phases();
    double reached = 0.0;
    for (std::int32_t j = 0; j < k; ++j) {
        double const w = now[static_cast<std::size_t>(j)];
        if (w != 0.0) reached += w * numerics::negative_binomial_tail(k * n - j, r + j, t / alpha);
    }
    return std::exp(-numerics::log_rising_ratio(b, a, n - 1.0)) * std::min(1.0, reached);
}

}  // namespace clavis::lifetime

#include "clavis/lifetime/beta_geo_nbd.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "beta_geo_batches.hpp"
#include "beta_geo_likelihood.hpp"
#include "clavis/numerics/quadrature.hpp"
#include "clavis/numerics/rising_ratio.hpp"
#include "clavis/numerics/special.hpp"
#include "conditional.hpp"

namespace clavis::lifetime {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

// Purchases N of a customer who never leaves are negative binomial, P(N = j) = Gamma(n + j) / (Gamma(n) j!)
// z^j (1 - z)^n with z = t / (alpha + t); who leaves after K purchases makes min(N, K). So every mean is a
// sum over j of P(N = j) times something of K that is positive and bounded by j: nothing cancels, whatever a
// and b are. The sum is used while it is short, the integral over p otherwise.
constexpr double longest_series = 400.0;

bool is_short(double n, double ratio) {
    // Mean and spread of N, then a geometric tail; (1 - z)^n must not underflow.
    double const mean = n * ratio;
    double const tail = 40.0 * (1.0 + ratio) + 9.0 * std::sqrt(mean * (1.0 + ratio));
    return mean + tail < longest_series && (mean < 600.0 || n * std::log1p(ratio) < 600.0);
}

// 1 / (j + 1) where most sums end: a division less a term.
constexpr std::array<double, 64> inverses = [] {
    std::array<double, 64> result{};
    for (std::size_t j = 0; j < result.size(); ++j)
        result[j] = 1.0 / (static_cast<double>(j) + 1.0);
    return result;
}();

// Sum over j >= first of P(N = j) value(j), where next(j) moves value from j to j + 1 and value never exceeds
// j or 1.
template <class Next>
double negative_binomial_sum(double n, double ratio, int first, double value, Next&& next) {
    double const z = ratio / (1.0 + ratio);
    double mass = std::exp(-n * std::log1p(ratio));
    if (first == 1) mass *= n * z;
    double sum = 0.0;
    for (int j = first; j < 4000; ++j) {
        double const term = mass * value;
        sum += term;
        auto const place = static_cast<std::size_t>(j);
        double const growth = z * (n + j) * (place < inverses.size() ? inverses[place] : 1.0 / (j + 1.0));
        // Behind the mode terms fall faster than a geometric series of this ratio (times j, which the factor
        // covers).
        if (growth < 1.0 && term < 1e-15 * (1.0 - growth) * sum) break;
        mass *= growth;
        value = next(j, value);
    }
    return sum;
}

// E over p ~ Beta(a, b) of (1 + p ratio)^-n: the chance that no purchase so far was the last.
double survival_ratio(double n, double a, double b, double ratio) {
    if (ratio == 0.0) return 1.0;
    if (is_short(n, ratio))
        return negative_binomial_sum(n, ratio, 0, 1.0,
                                     [&](int j, double s) { return s * (b + j) / (a + b + j); });
    return numerics::beta_expectation(a, b, n, 3e-9 / (n * ratio),
                                      [&](double p) { return std::exp(-n * std::log1p(p * ratio)); });
}

}  // namespace

void beta_geo_nbd::validate() const {
    require_positive(*this);
}

double beta_geo_nbd::log_likelihood(double x, double tx, double T) const noexcept {
    return beta_geo_log_likelihood(r, alpha, a, b, first_chance_to_leave::at_first_repeat, x, tx, T);
}

customer_state<beta_geo_nbd> beta_geo_nbd::given(double x, double tx, double T) const noexcept {
    beta_geo_nbd const updated{r + x, alpha + T, a, b + x, unit};
    if (x == 0.0) return {std::isnan(tx + T) ? nan : 1.0, updated};
    double const silence = (r + x) * std::log1p((T - tx) / (alpha + tx));
    return {active_chance(a / (b + (x - 1.0)), silence), updated};
}

double beta_geo_nbd::expected(double t) const noexcept {
    if (!(t >= 0.0)) return nan;
    if (t == 0.0) return 0.0;
    // E[1 / p], the number of purchases until the customer leaves.
    if (t == inf) return a > 1.0 ? (a + b - 1.0) / (a - 1.0) : inf;
    double const ratio = t / alpha;
    if (is_short(r, ratio)) {
        // E[min(j, K)] = sum over m <= j of P(K >= m).
        double reached = 1.0;
        return negative_binomial_sum(r, ratio, 1, 1.0, [&](int j, double mean) {
            reached *= (b + (j - 1.0)) / (a + b + (j - 1.0));
            return mean + reached;
        });
    }
    return numerics::beta_expectation(a, b, r + 1.0, 3e-9 / ((r + 1.0) * ratio), [&](double p) {
        return p == 0.0 ? r * ratio : -std::expm1(-r * std::log1p(p * ratio)) / p;
    });
}

double beta_geo_nbd::discounted(double t, double rate) const noexcept {
    if (!(t >= 0.0) || std::isnan(rate)) return nan;
    if (t == 0.0) return 0.0;
    if (rate == 0.0) return expected(t);
    if (t == inf) {
        if (rate < 0.0) return inf;
        // Given p the purchase rate at time s is (r / alpha) (1 + p s / alpha)^-(r + 1); its discounted
        // integral is (r / p) G(r, alpha rate / p).
        double const z = alpha * rate;
        return numerics::beta_expectation(a, b, r + 1.0, 3e-9 * z / (r + 1.0), [&](double p) {
            // zeta G(r, zeta) -> 1 as zeta = z / p grows.
            return p < 1e-17 * z / (r + 1.0) ? r / z : r / p * numerics::scaled_upper_gamma(r, z / p);
        });
    }
    // Integrate the rate of purchases over y = ln(1 + s / alpha). It is a mixture of (1 + p s / alpha)^-n, and those of
    // large p fall fast and die early: panels start so short that the fastest falls by e^8 at most and then double.
    double const end = std::log1p(t / alpha);
    double const n = r + 1.0;
    double const largest_p = std::min(1.0, (a + 40.0 + 9.0 * std::sqrt(a)) / (a + b));
    double sum = 0.0;
    for (double low = 0.0; low < end;) {
        double const grown = std::exp(low + 1.0);
        double const by_mixture = std::max(8.0 / (n * largest_p * grown), -std::expm1(-low));
        double const by_discount = 8.0 / (1.0 + std::abs(rate) * alpha * grown);
        double const high = std::min(end, low + std::min({1.0, by_mixture, by_discount}));
        double const panel = numerics::integrate16(
            [&](double y) {
                double const ratio = std::expm1(y);
                return r * (1.0 + ratio) * std::exp(-rate * alpha * ratio) * survival_ratio(n, a, b, ratio);
            },
            low, high);
        sum += panel;
        // The rate of purchases only falls, which bounds all that is still to come.
        double const ratio = std::expm1(high);
        double const later = t - alpha * ratio;
        double const discount = rate > 0.0 ? std::exp(-rate * alpha * ratio) * std::min(later, 1.0 / rate)
                                           : std::exp(-rate * t) * later;
        if (!(r / alpha * survival_ratio(n, a, b, ratio) * discount > 1e-16 * sum)) break;
        low = high;
    }
    return sum;
}

double beta_geo_nbd::survival(double t) const noexcept {
    if (!(t >= 0.0)) return nan;
    if (t == inf) return 0.0;
    return survival_ratio(r, a, b, t / alpha);
}

double beta_geo_nbd::no_purchase(double t) const noexcept {
    if (!(t >= 0.0)) return nan;
    return std::exp(-r * std::log1p(t / alpha));
}

double beta_geo_nbd::pmf(std::int64_t n, double t) const noexcept {
    if (n < 0 || !(t >= 0.0)) return nan;
    if (n == 0) return no_purchase(t);
    if (t == 0.0) return 0.0;
    double const x = static_cast<double>(n);
    // Still active after n purchases, all within t; or left at the n-th, which came within t.
    double const ratio = t / alpha;
    double const stay = numerics::log_rising(b, x) - numerics::log_rising(a + b, x);
    double active = 0.0;
    double reached = 1.0;
    if (t != inf) {
        active = std::exp(stay + numerics::log_negative_binomial(x, r, ratio));
        reached = numerics::negative_binomial_tail(x, r, ratio);
    }
    double const before = numerics::log_rising(b, x - 1.0) - numerics::log_rising(a + b, x - 1.0);
    return active + std::exp(before) * a / (a + b + (x - 1.0)) * reached;
}

double beta_geo_nbd::at_least(double n, double t) const noexcept {
    if (!(n >= 0.0) || !(t >= 0.0)) return nan;
    if (n == 0.0) return 1.0;
    // Not gone before the n-th, which comes within t; the two are independent.
    return std::exp(-numerics::log_rising_ratio(b, a, n - 1.0)) *
           numerics::negative_binomial_tail(n, r, t / alpha);
}

double beta_geo_nbd::wait(double q) const noexcept {
    return alpha * std::expm1(-std::log1p(-q) / r);
}

template <>
class state_of_batches<beta_geo_nbd> : public beta_geo_batches {
  public:
    state_of_batches(beta_geo_nbd const& m, ledger::summary_view const&, unsigned)
        : beta_geo_batches(m.r, m.alpha, m.a, m.b, first_chance_to_leave::at_first_repeat) {}
    state_of_batches(beta_geo_nbd const& m, ledger::summary_view const&, double t, unsigned)
        : beta_geo_batches(m.r, m.alpha, m.a, m.b, first_chance_to_leave::at_first_repeat, t) {}
};

template struct predictions<beta_geo_nbd>;

template <>
fit_result<beta_geo_nbd> fit<beta_geo_nbd>(ledger::summary_view const& customers,
                                           fit_options const& options) {
    fit_solution found =
        fit_beta_geo(customers, options, beta_geo_nbd::name, first_chance_to_leave::at_first_repeat);
    auto const& p = found.parameters;
    return {{p[0], p[1], p[2], p[3], customers.unit}, std::move(found.report)};
}

}  // namespace clavis::lifetime

#include "clavis/lifetime/pareto_nbd.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "clavis/numerics/quadrature.hpp"
#include "clavis/numerics/special.hpp"
#include "conditional.hpp"
#include "fit_rows.hpp"
#include "pareto_batches.hpp"
#include "pareto_integral.hpp"
#include "pareto_likelihood.hpp"

namespace clavis::lifetime {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();
// Behind it all chances are powers of time, -(r + s) in all.
constexpr double longest = 1e300;

// With t counted from the last purchase: ln of exp(-n a - s b) at tau, for those who stayed, and of its integral for
// those who left.
struct fates {
    double log_stayed, log_left;
};

fates fates_of(pareto_nbd const& m, double n, double tx, double T) noexcept {
    double const A = m.alpha + tx;
    double const B = m.beta + tx;
    double const tau = T - tx;
    return {-n * std::log1p(tau / A) - m.s * std::log1p(tau / B),
            std::log(m.s * pareto_integral({n, A, m.s, B, tau}))};
}

double log_sum(fates const& f) noexcept {
    double const high = std::max(f.log_stayed, f.log_left);
    if (!(high > -inf)) return high;
    return high + std::log1p(std::exp(-std::abs(f.log_stayed - f.log_left)));
}

search_region region(rate_moments const& moments) {
    double const rate = moments.rate;
    double const r = moments.r;
    return {.starts = {{r, r / (1.5 * rate), 0.6, 0.5},
                       {1.0, 1.0 / (2.0 * rate), 0.5, 1.0},
                       {0.5, 0.5 / (3.0 * rate), 1.0, 0.3},
                       {r, r / (1.1 * rate), 2.0, 20.0},
                       {1.0, 1.0 / (4.0 * rate), 3.0, 1.0},
                       {r, r / (1.1 * rate), 0.1, 0.1}},
            .center = {1.0, std::max(1.0, 1.0 / rate), 1.0, 1.0}};
}

void ridges(fit_solution const& fit, std::vector<std::string>& words) {
    rate_ridge(fit, words);
    if (!is_open(fit, 2) && !is_open(fit, 3)) return;
    double const s = fit.theta[2];
    double const beta = fit.theta[3];
    if (beta - s > 7.0)
        words.push_back(
            "no sign of customers leaving: s / beta goes to 0, and how they differ in it is not identified");
    else if (s > 3.0 && beta > 3.0)
        words.push_back(
            "the dropout heterogeneity is not identified: s and beta grow without bound (customers do not "
            "differ in "
            "how long they stay more than chance explains); only s / beta is known");
    else if (beta < -3.0)
        words.push_back(
            "the dropout heterogeneity is not identified: beta goes to 0 (customers leave at once or hardly "
            "ever)");
    else
        words.push_back("s and beta are not identified by these data");
}

}  // namespace

void pareto_nbd::validate() const {
    require_positive(*this);
}

double pareto_nbd::log_likelihood(double x, double tx, double T) const noexcept {
    double const n = r + x;
    return numerics::log_rising(r, x) - x * std::log(alpha) - n * std::log1p(tx / alpha) -
           s * std::log1p(tx / beta) + log_sum(fates_of(*this, n, tx, T));
}

customer_state<pareto_nbd> pareto_nbd::given(double x, double tx, double T) const noexcept {
    auto const [stayed, left] = fates_of(*this, r + x, tx, T);
    return {numerics::logistic(stayed - left), {r + x, alpha + T, s, beta + T, unit}};
}

double pareto_nbd::expected(double t) const noexcept {
    if (!(t >= 0.0)) return nan;
    if (t == inf) return s > 1.0 ? r / alpha * (beta / (s - 1.0)) : inf;
    // The mean of r / alpha times the mean time as customer, beta (1 - (beta / (beta + t))^(s - 1)) / (s - 1).
    double const l = std::log1p(t / beta);
    double const years = s == 1.0 ? l : -std::expm1((1.0 - s) * l) / (s - 1.0);
    return r / alpha * (beta * years);
}

double pareto_nbd::discounted(double t, double rate) const noexcept {
    if (!(t >= 0.0) || std::isnan(rate)) return nan;
    if (rate == 0.0) return expected(t);
    if (t == inf && rate < 0.0) return inf;
    return r / alpha * (beta * numerics::laplace_power(s, rate * beta, t / beta));
}

double pareto_nbd::survival(double t) const noexcept {
    if (!(t >= 0.0)) return nan;
    return std::exp(-s * std::log1p(t / beta));
}

double pareto_nbd::no_purchase(double t) const noexcept {
    if (!(t >= 0.0)) return nan;
    fates fate = fates_of(*this, r, 0.0, std::min(t, longest));
    // Who is still there leaves before buying with this chance.
    if (t == inf) fate.log_stayed += std::log(s / (r + s));
    return std::exp(log_sum(fate));
}

double pareto_nbd::pmf(std::int64_t n, double t) const noexcept {
    if (n < 0 || !(t >= 0.0)) return nan;
    if (n == 0) return no_purchase(t);
    if (t == 0.0) return 0.0;
    double const x = static_cast<double>(n);
    // Of those active for a time u, the chance of x purchases is that of the negative binomial.
    auto const log_counts = [&](double u) {
        return numerics::log_negative_binomial(x, r, std::min(u / alpha, 1e305));
    };
    // Along y = ln u the density of having left after u with x purchases is log-concave.
    auto const log_density = [&](double y) {
        double const u = std::exp(y);
        return log_counts(u) - s * std::log1p(u / beta) - std::log1p(beta / u);
    };
    auto const slope = [&](double y) {
        double const u = std::exp(y);
        return 1.0 + (x * alpha - r * u) / (alpha + u) - (s + 1.0) * (u / (beta + u));
    };
    double const last = std::log(std::min(t, longest));
    double const left = s * numerics::integrate_log_concave(log_density, slope, last);
    return left + (t == inf ? s / (r + s) * std::exp(log_density(last))
                            : std::exp(log_counts(t) - s * std::log1p(t / beta)));
}

double pareto_nbd::at_least(double n, double t) const noexcept {
    if (!(n >= 0.0) || !(t >= 0.0)) return nan;
    if (n == 0.0) return 1.0;
    if (t == 0.0) return 0.0;
    // The n-th purchase comes at u, n / u times the chance of n by then, and finds the customer active.
    auto const log_density = [&](double y) {
        double const u = std::exp(y);
        return numerics::log_negative_binomial(n, r, std::min(u / alpha, 1e305)) - s * std::log1p(u / beta);
    };
    auto const slope = [&](double y) {
        double const u = std::exp(y);
        return (n * alpha - r * u) / (alpha + u) - s * (u / (beta + u));
    };
    double const last = std::log(std::min(t, longest));
    double const later = t == inf ? std::exp(log_density(last)) / (r + s) : 0.0;
    return std::min(1.0, n * (numerics::integrate_log_concave(log_density, slope, last) + later));
}

template struct predictions<pareto_nbd>;

template <>
fit_result<pareto_nbd> fit<pareto_nbd>(ledger::summary_view const& customers, fit_options const& options) {
    return fit_rows<pareto_nbd>(customers, options, pareto_objective, region, ridges);
}

}  // namespace clavis::lifetime

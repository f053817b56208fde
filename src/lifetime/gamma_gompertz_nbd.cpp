#include "clavis/lifetime/gamma_gompertz_nbd.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "clavis/lifetime/pareto_nbd.hpp"
#include "clavis/numerics/special.hpp"
#include "conditional.hpp"
#include "fit_rows.hpp"
#include "gompertz.hpp"
#include "mixture.hpp"
#include "rising.hpp"

namespace clavis::lifetime {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

// Calls visit(t, density) with t from the last purchase on, for all who left between it and tau.
template <class Visit>
void for_who_left(gompertz_life const& life, double alpha, double n, double tau, Visit&& visit) {
    double left = 0.0;
    gompertz_panels(
        life, alpha, n, 0.0, tau,
        [&](double t, double weight) {
            double const density =
                weight * life.s * life.rate(t) * std::exp(-n * std::log1p(t / alpha) - life.s * life.H(t));
            left += density;
            visit(t, density);
        },
        // Who leaves later is at most who has stayed so far.
        [&](double t) { return std::exp(-n * std::log1p(t / alpha) - life.s * life.H(t)) < 1e-17 * left; });
}

struct fates {
    double log_stayed, log_left;
};

fates fates_of(gamma_gompertz_nbd const& m, double n, double tx, double T) noexcept {
    if (std::isnan(n + tx + T)) return {nan, nan};
    gompertz_life const life = gompertz_life{m.b, m.s, m.beta}.after(tx);
    double const alpha = m.alpha + tx;
    double const tau = T - tx;
    double left = 0.0;
    for_who_left(life, alpha, n, tau, [&](double, double density) { left += density; });
    return {-n * std::log1p(tau / alpha) - m.s * life.H(tau), std::log(left)};
}

double log_sum(fates const& f) noexcept {
    double const high = std::max(f.log_stayed, f.log_left);
    if (!(high > -inf)) return high;
    return high + std::log1p(std::exp(-std::abs(f.log_stayed - f.log_left)));
}

constexpr std::size_t dimension = 5;
using totals = derivatives<dimension>;
enum parameter : std::size_t { R, ALPHA, B, S, BETA };
constexpr auto at = &totals::at;

// Gradient and Hessian of the density of a history that ended at age t; `left` is 1 for who left then and 0 for who
// stayed. Without what all t share: for r and alpha only the difference from tx is in the gradient.
struct part {
    std::array<double, dimension> gradient{};
    std::array<double, dimension*(dimension + 1) / 2> hessian{};
};

part part_of(gamma_gompertz_nbd const& m, double n, double tx, double since, double left) {
    double const t = tx + since;
    double const u = t / (m.alpha + t);
    double const bt = m.b * t;
    double const e = std::exp(-bt);
    double const h = 1.0 / (m.beta * e - std::expm1(-bt));  // dH/dt / b
    double const v = -std::expm1(-bt) * h;                  // -dH / d ln beta
    double const not_v = m.beta * e * h;
    double const w = bt * h;  // dH / d ln b
    double const growth = 1.0 + bt - w;
    double const H = gompertz_life{m.b, m.s, m.beta}.H(t);
    part p;
    p.gradient[R] = -m.r * std::log1p(since / (m.alpha + tx));
    p.gradient[ALPHA] = n * (m.alpha / (m.alpha + tx)) * (since / (m.alpha + t));
    p.gradient[B] = left * growth - m.s * w;
    p.gradient[S] = left - m.s * H;
    p.gradient[BETA] = m.s * v - left * not_v;
    p.hessian[at(R, ALPHA)] = m.r * u;
    p.hessian[at(ALPHA, ALPHA)] = -n * u * (m.alpha / (m.alpha + t));
    p.hessian[at(B, B)] = left * (bt - w * growth) - m.s * w * growth;
    p.hessian[at(B, S)] = -m.s * w;
    p.hessian[at(B, BETA)] = (m.s + left) * w * not_v;
    p.hessian[at(S, S)] = -m.s * H;
    p.hessian[at(S, BETA)] = m.s * v;
    p.hessian[at(BETA, BETA)] = -(m.s + left) * v * not_v;
    return p;
}

totals row_of(gamma_gompertz_nbd const& m, double x, rate_sums const& rate, double tx, double T) {
    double const n = m.r + x;
    gompertz_life const whole{m.b, m.s, m.beta};
    gompertz_life const life = whole.after(tx);
    double const alpha = m.alpha + tx;
    double const tau = T - tx;
    mixture<dimension> parts;
    for_who_left(life, alpha, n, tau, [&](double since, double density) {
        part const p = part_of(m, n, tx, since, 1.0);
        parts.add(density, p.gradient, p.hessian);
    });
    part const stayed = part_of(m, n, tx, tau, 0.0);
    parts.add(std::exp(-n * std::log1p(tau / alpha) - m.s * life.H(tau)), stayed.gradient, stayed.hessian);

    totals row = parts.logarithm();
    double const before = std::log1p(tx / m.alpha);
    row.value += rate.log - x * std::log(m.alpha) - n * before - m.s * whole.H(tx);
    row.first[R] += m.r * (rate.first - before);
    row.first[ALPHA] += n * (tx / alpha) - x;
    row.second[at(R, R)] += row.first[R] - m.r * m.r * rate.second;
    return row;
}

double objective(compressed_rows const& rows, std::span<double const> theta, std::span<double> gradient,
                 std::span<double> hessian, unsigned threads) {
    gamma_gompertz_nbd const m{std::exp(theta[R]), std::exp(theta[ALPHA]), std::exp(theta[B]),
                               std::exp(theta[S]), std::exp(theta[BETA])};
    auto const rates = rate_sums_of(rows, m.r);
    auto const total =
        sum_runs<totals>(rows, threads, [&](std::size_t k, std::size_t begin, std::size_t end, totals& sum) {
            for (std::size_t i = begin; i < end; ++i) {
                totals row = row_of(m, rows.runs[k].x, rates[k], rows.tx[i], rows.T[i]);
                double const weight = rows.weight[i];
                row.value *= weight;
                for (double& v : row.first)
                    v *= weight;
                for (double& v : row.second)
                    v *= weight;
                sum += row;
            }
        });
    return total.negative(gradient, hessian);
}

void ridges(fit_solution const& fit, std::vector<std::string>& words) {
    rate_ridge(fit, words);
    if (!is_open(fit, B) && !is_open(fit, S) && !is_open(fit, BETA)) return;
    double const b = fit.theta[B];
    if (b < -3.0)
        words.push_back(
            "the hazard of leaving does not grow with age: b goes to 0 and only beta / b is known; this is "
            "Pareto/NBD "
            "with that as its beta");
    else if (fit.theta[BETA] - fit.theta[S] > 7.0)
        words.push_back("no sign of customers leaving: s / beta goes to 0; b, s and beta are not identified");
    else if (fit.theta[S] > 3.0 && fit.theta[BETA] > 3.0)
        words.push_back(
            "the dropout heterogeneity is not identified: s and beta grow without bound; only s / beta is "
            "known");
    else
        words.push_back("b, s and beta are not all identified by these data");
}

}  // namespace

void gamma_gompertz_nbd::validate() const {
    require_positive(*this);
}

double gamma_gompertz_nbd::log_likelihood(double x, double tx, double T) const noexcept {
    double const n = r + x;
    return numerics::log_rising(r, x) - x * std::log(alpha) - n * std::log1p(tx / alpha) -
           s * gompertz_life{b, s, beta}.H(tx) + log_sum(fates_of(*this, n, tx, T));
}

customer_state<gamma_gompertz_nbd> gamma_gompertz_nbd::given(double x, double tx, double T) const noexcept {
    auto const [stayed, left] = fates_of(*this, r + x, tx, T);
    return {numerics::logistic(stayed - left),
            {r + x, alpha + T, b, s, gompertz_life{b, s, beta}.after(T).beta, unit}};
}

double gamma_gompertz_nbd::expected(double t) const noexcept {
    return discounted(t, 0.0);
}

double gamma_gompertz_nbd::discounted(double t, double rate) const noexcept {
    if (!(t >= 0.0) || std::isnan(rate)) return nan;
    gompertz_life const life{b, s, beta};
    // Customers leave at s b at last, or faster.
    if (t == inf && rate <= -s * b) return inf;
    double sum = 0.0;
    gompertz_panels(
        life, 0.0, 0.0, rate, t,
        [&](double u, double weight) { sum += weight * std::exp(-s * life.H(u) - rate * u); },
        [&](double u) {
            double const decay = s * std::min(b, life.rate(u)) + rate;
            double const behind = decay > 0.0 ? std::min(1.0 / decay, t - u) : t - u;
            return decay > 0.0 && std::exp(-s * life.H(u) - rate * u) * behind < 1e-17 * sum;
        });
    return r / alpha * sum;
}

double gamma_gompertz_nbd::survival(double t) const noexcept {
    if (!(t >= 0.0)) return nan;
    return t == inf ? 0.0 : std::exp(-s * gompertz_life{b, s, beta}.H(t));
}

double gamma_gompertz_nbd::no_purchase(double t) const noexcept {
    if (!(t >= 0.0)) return nan;
    return std::exp(log_sum(fates_of(*this, r, 0.0, std::min(t, 1e300))));
}

double gamma_gompertz_nbd::pmf(std::int64_t n, double t) const noexcept {
    if (n < 0 || !(t >= 0.0)) return nan;
    if (n == 0) return no_purchase(t);
    if (t == 0.0) return 0.0;
    double const x = static_cast<double>(n);
    gompertz_life const life{b, s, beta};
    auto const log_counts = [&](double u) {
        return numerics::log_negative_binomial(x, r, std::min(u / alpha, 1e305));
    };
    // Along y = ln u; there may be two peaks, one where the purchases come and one where the customers go.
    auto const log_density = [&](double y) {
        double const u = std::exp(y);
        return log_counts(u) - s * life.H(u) + std::log(s * life.rate(u)) + y;
    };
    double const last = std::min(t, 1e300);
    return numerics::integrate_peaks(log_density, std::log(last), std::log(x * (alpha / r))) +
           (t == inf ? 0.0 : std::exp(log_counts(t) - s * life.H(t)));
}

double gamma_gompertz_nbd::at_least(double n, double t) const noexcept {
    if (!(n >= 0.0) || !(t >= 0.0)) return nan;
    if (n == 0.0) return 1.0;
    if (t == 0.0) return 0.0;
    gompertz_life const life{b, s, beta};
    // The n-th purchase comes at u, n / u times the chance of n by then, and finds the customer active.
    auto const log_density = [&](double y) {
        double const u = std::exp(y);
        return numerics::log_negative_binomial(n, r, std::min(u / alpha, 1e305)) - s * life.H(u);
    };
    double const last = std::log(std::min(t, 1e300));
    return std::min(1.0, n * numerics::integrate_peaks(log_density, last, std::log(n * (alpha / r))));
}

template struct predictions<gamma_gompertz_nbd>;

template <>
fit_result<gamma_gompertz_nbd> fit<gamma_gompertz_nbd>(ledger::summary_view const& customers,
                                                       fit_options const& options) {
    fit_options nested = options;
    std::erase_if(nested.fixed,
                  [](auto const& f) { return f.first != "r" && f.first != "alpha" && f.first != "s"; });
    nested.starts.clear();
    std::erase_if(nested.priors, [](prior const& p) {
        return p.parameter != "r" && p.parameter != "alpha" && p.parameter != "s" &&
               p.parameter != weak_prior;
    });
    pareto_nbd const pareto = fit<pareto_nbd>(customers, nested).model;
    auto const region = [&](rate_moments const& moments) -> search_region {
        double const rate = moments.rate;
        double const r = moments.r;
        double const scale = moments.scale;
        double const alpha = pareto.alpha / scale;
        double const beta = pareto.beta / scale;
        auto const near = [&](double b) {
            return std::vector<double>{pareto.r, alpha, b, pareto.s, b * beta};
        };
        // Few leave, and those all at once: a second peak far from that of Pareto/NBD.
        auto const sudden = [&](double beta_start) {
            return std::vector<double>{pareto.r, alpha, 50.0, 0.01, beta_start};
        };
        return {.starts = {near(0.1),
                           sudden(1e-3),
                           {r, r / (1.5 * rate), 1.0, 0.5, 1.0},
                           sudden(1e4),
                           near(1.0),
                           near(1e-3),
                           {r, r / (1.5 * rate), 4.0, 0.1, 10.0},
                           {1.0, 1.0 / (2.0 * rate), 2.0, 1.0, 5.0}},
                .center = {1.0, std::max(1.0, 1.0 / rate), 1.0, 1.0, 1.0}};
    };
    return fit_rows<gamma_gompertz_nbd>(customers, options, objective, region, ridges);
}

}  // namespace clavis::lifetime

#include "clavis/lifetime/gamma_gompertz_nbd.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "clavis/lifetime/pareto_nbd.hpp"
#include "clavis/numerics/special.hpp"
#include "conditional.hpp"
#include "fit_rows.hpp"
#include "gamma_gompertz_likelihood.hpp"
#include "gompertz.hpp"
#include "gompertz_integral.hpp"
#include "numerics/vector_math.hpp"
#include "rising.hpp"

namespace clavis::lifetime {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

struct fates {
    double log_stayed, log_left;
};

fates fates_of(gamma_gompertz_nbd const& m, double n, double tx, double T) noexcept {
    if (std::isnan(n + tx + T)) return {nan, nan};
    gompertz_path const path{n, m.alpha + tx, m.b, m.s, m.beta, tx, T - tx};
    return {-n * std::log1p(path.tau / path.A) - m.s * path.H(), std::log(gompertz_integral(path))};
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

// Given the age t at which the customer left (or T for who stayed) the density of a history has a gradient that is linear
// in y = (a, t' / (A + t'), g, H, v) of gompertz_moments, t' = t - tx: differences from tx, which keep their digits where n
// is large and all t are close. The gradient of the row is its mean, the Hessian the covariance plus the mean of the
// second derivatives.
void add_row(gamma_gompertz_nbd const& m, double x, rate_sums const& rate, double tx, double T, double weight,
             totals& total) {
    double const n = m.r + x;
    double const s = m.s;
    gompertz_path const path{n, m.alpha + tx, m.b, s, m.beta, tx, T - tx};
    gompertz_moments const left = gompertz_integral_moments(path);
    double const a = numerics::vector_log1p(path.tau / path.A);
    double const H = path.H();
    double const stayed = std::exp(-n * a - s * H);
    double const both = left.integral + stayed;
    double const q = left.integral / both;
    double const stay = stayed / both;

    // At T, for who stayed.
    double const bt = m.b * T;
    double const e = std::exp(-bt);
    double const h = 1.0 / (m.beta * e - std::expm1(-bt));
    double const v = -std::expm1(-bt) * h;
    double const v_rest = m.beta * e * h;
    double const w = bt * h;
    double const growth = 1.0 + bt * ((m.beta - 1.0) * e * h);
    double const share = m.alpha / path.A;
    double const ka = path.tau / (m.alpha + T);

    std::array<double, dimension> const slope{-m.r, n * share, 1.0, -s, s + 1.0};
    std::array<double, dimension> const who_left{-m.r * left.mean[0], n * share * left.mean[1], left.mean[2],
                                                 1.0 - s * left.mean[3], (s + 1.0) * left.mean[4] - 1.0};
    std::array<double, dimension> const who_stayed{-m.r * a, n * share * ka, -s * w, -s * H, s * v};
    totals row;
    for (std::size_t i = 0, k = 0; i < dimension; ++i) {
        row.first[i] = q * who_left[i] + stay * who_stayed[i];
        for (std::size_t j = i; j < dimension; ++j, ++k)
            row.second[k] = q * (slope[i] * slope[j] * left.covariance[k] +
                                 stay * (who_left[i] - who_stayed[i]) * (who_left[j] - who_stayed[j]));
    }

    // What the first and second derivatives have without regard to t, and the mean of the second.
    double const before = numerics::vector_log1p(tx / m.alpha);
    double const H_before = gompertz_life{m.b, s, m.beta}.H(tx);
    row.value = rate.log - x * std::log(m.alpha) - n * before - s * H_before + std::log(both);
    row.first[R] += m.r * (rate.first - before);
    row.first[ALPHA] += n * (tx / path.A) - x;
    row.first[S] -= s * H_before;
    // u = t / (alpha + t) = u0 + share * ka and 1 - u = share (1 - ka).
    double const u0 = tx / path.A;
    double const mean_ka = q * left.mean[1] + stay * ka;
    double const mean_ka2 =
        q * (left.covariance[at(ALPHA, ALPHA)] + left.mean[1] * left.mean[1]) + stay * ka * ka;
    row.second[at(R, R)] += row.first[R] - m.r * m.r * rate.second;
    row.second[at(R, ALPHA)] += m.r * (u0 + share * mean_ka);
    row.second[at(ALPHA, ALPHA)] -= n * share * (u0 + (share - u0) * mean_ka - share * mean_ka2);
    row.second[at(B, B)] += q * left.curvature_b - stay * s * w * growth;
    row.second[at(B, S)] -= s * (q * left.w + stay * w);
    row.second[at(B, BETA)] += q * (s + 1.0) * left.w_rest + stay * s * w * v_rest;
    row.second[at(S, S)] -= s * (H_before + q * left.mean[3] + stay * H);
    row.second[at(S, BETA)] += s * (q * left.mean[4] + stay * v);
    row.second[at(BETA, BETA)] -= q * (s + 1.0) * left.v_rest + stay * s * v * v_rest;

    total.value += weight * row.value;
    for (std::size_t i = 0; i < row.first.size(); ++i)
        total.first[i] += weight * row.first[i];
    for (std::size_t i = 0; i < row.second.size(); ++i)
        total.second[i] += weight * row.second[i];
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

double gamma_gompertz_objective(compressed_rows const& rows, std::span<double const> theta,
                                std::span<double> gradient, std::span<double> hessian, unsigned threads) {
    gamma_gompertz_nbd const m{std::exp(theta[R]), std::exp(theta[ALPHA]), std::exp(theta[B]),
                               std::exp(theta[S]), std::exp(theta[BETA])};
    auto const rates = rate_sums_of(rows, m.r);
    auto const total =
        sum_runs<totals>(rows, threads, [&](std::size_t k, bool, row_tile const& tile, totals& sum) {
            for (std::size_t i = 0; i < tile.size(); ++i)
                add_row(m, rows.runs[k].x, rates[k], tile.tx[i], tile.T[i], tile.weight[i], sum);
        });
    return total.negative(gradient, hessian);
}

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
    double const last = std::min(t, life.end());
    return numerics::integrate_peaks(log_density, std::log(last), std::log(x * (alpha / r))) +
           (t > last ? 0.0 : std::exp(log_counts(t) - s * life.H(t)));
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
    double const last = std::log(std::min(t, life.end()));
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
        // Hardly anybody leaves until the oldest do: beta near e^(bT) of these, where s and beta only trade off.
        std::vector<double> const late{pareto.r, alpha, 8.0, 1.0, 1e4};
        return {.starts = {near(0.1),
                           sudden(1e-3),
                           {r, r / (1.5 * rate), 1.0, 0.5, 1.0},
                           sudden(1e4),
                           near(1.0),
                           near(1e-3),
                           {r, r / (1.5 * rate), 4.0, 0.1, 10.0},
                           {1.0, 1.0 / (2.0 * rate), 2.0, 1.0, 5.0}},
                .center = {1.0, std::max(1.0, 1.0 / rate), 1.0, 1.0, 1.0},
                .several_peaks = 3000,
                .more_starts = {late}};
    };
    return fit_rows<gamma_gompertz_nbd>(customers, options, gamma_gompertz_objective, region, ridges);
}

}  // namespace clavis::lifetime

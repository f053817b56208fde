#include "clavis/lifetime/nbd.hpp"

#include <cmath>
#include <limits>

#include "clavis/numerics/special.hpp"
#include "conditional.hpp"
#include "fit_rows.hpp"
#include "nbd_likelihood.hpp"
#include "rising.hpp"

namespace clavis::lifetime {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

search_region region(rate_moments const& moments) {
    double const rate = moments.rate;
    double const r = moments.r;
    return {.starts = {{r, r / rate}, {1.0, 1.0 / rate}, {0.2, 0.2 / rate}},
            .center = {1.0, std::max(1.0, 1.0 / rate)}};
}

}  // namespace

// log L = sum of ln(r + i) over i < x, - x ln alpha - (r + x) ln(1 + T / alpha).
double nbd_objective(compressed_rows const& rows, std::span<double const> theta, std::span<double> gradient,
                     std::span<double> hessian, unsigned threads) {
    double const r = std::exp(theta[0]);
    double const alpha = std::exp(theta[1]);
    auto const rates = rate_sums_of(rows, r);
    using totals = derivatives<2>;
    auto const total =
        sum_runs<totals>(rows, threads, [&](std::size_t k, bool, row_tile const& tile, totals& sum) {
            double const x = rows.runs[k].x;
            double l = 0.0;   // ln(1 + T / alpha)
            double u = 0.0;   // T / (alpha + T)
            double uu = 0.0;  // u (1 - u)
            double weight = 0.0;
            for (std::size_t i = 0; i < tile.size(); ++i) {
                double const w = tile.weight[i];
                double const share = tile.T[i] / (alpha + tile.T[i]);
                weight += w;
                l += w * std::log1p(tile.T[i] / alpha);
                u += w * share;
                uu += w * (share * (alpha / (alpha + tile.T[i])));
            }
            double const n = r + x;
            totals piece;
            piece.value = weight * (rates[k].log - x * theta[1]) - n * l;
            piece.first = {r * (weight * rates[k].first - l), n * u - weight * x};
            piece.second = {piece.first[0] - weight * r * r * rates[k].second, r * u, -n * uu};
            sum += piece;
        });
    return total.negative(gradient, hessian);
}

void nbd::validate() const {
    require_positive(*this);
}

double nbd::log_likelihood(double x, double tx, double T) const noexcept {
    if (std::isnan(tx)) return nan;
    return numerics::log_rising(r, x) - x * std::log(alpha) - (r + x) * std::log1p(T / alpha);
}

customer_state<nbd> nbd::given(double x, double tx, double T) const noexcept {
    return {std::isnan(x + tx + T) ? nan : 1.0, {r + x, alpha + T, unit}};
}

double nbd::expected(double t) const noexcept {
    return t >= 0.0 ? r * (t / alpha) : nan;
}

double nbd::discounted(double t, double rate) const noexcept {
    if (!(t >= 0.0) || std::isnan(rate)) return nan;
    if (rate == 0.0) return expected(t);
    if (t == inf) return rate > 0.0 ? r / alpha / rate : inf;
    return r / alpha * (-std::expm1(-rate * t) / rate);
}

double nbd::survival(double t) const noexcept {
    return t >= 0.0 ? 1.0 : nan;
}

double nbd::no_purchase(double t) const noexcept {
    return t >= 0.0 ? std::exp(-r * std::log1p(t / alpha)) : nan;
}

double nbd::pmf(std::int64_t n, double t) const noexcept {
    if (n < 0 || !(t >= 0.0)) return nan;
    if (n == 0) return no_purchase(t);
    if (t == 0.0 || t == inf) return 0.0;
    double const x = static_cast<double>(n);
    return std::exp(numerics::log_negative_binomial(x, r, t / alpha));
}

double nbd::at_least(double n, double t) const noexcept {
    if (!(n >= 0.0) || !(t >= 0.0)) return nan;
    return numerics::negative_binomial_tail(n, r, t / alpha);
}

double nbd::wait(double q) const noexcept {
    return alpha * std::expm1(-std::log1p(-q) / r);
}

template struct predictions<nbd>;

template <>
fit_result<nbd> fit<nbd>(ledger::summary_view const& customers, fit_options const& options) {
    return fit_rows<nbd>(customers, options, nbd_objective, region, rate_ridge);
}

}  // namespace clavis::lifetime

#include "pareto_likelihood.hpp"

#include <array>
#include <cmath>

#include "fit_rows.hpp"
#include "numerics/vector_math.hpp"
#include "pareto_integral.hpp"
#include "rising.hpp"

namespace clavis::lifetime {
namespace {

constexpr std::size_t dimension = 4;
using totals = derivatives<dimension>;

struct parameters {
    double r, alpha, s, beta;
};

// Given that the customer left at time t (or not before T) the logarithm of the history's density is, up to what all
// t share, -n la - s lb and for those who left ln s - ln(beta + t), where la = ln(1 + t / alpha) and lb alike. Its
// derivatives by ln r, ln alpha, ln s and ln beta are linear in
//     y = (a, ka, s b - left, kb' ((s + left) kb - left))
// with a = la - la(tx), ka = t' / (alpha + t) for t' = t - tx, b and kb alike, kb' = beta / (beta + tx) and left = 1 for
// who left, else 0. The gradient is the mean over t given the history, the Hessian the covariance plus the mean of the
// second derivatives; differences from tx keep their digits where n is large and all t are close.
void add_row(parameters const& p, double x, rate_sums const& rate, double tx, double T, double weight,
             totals& total) {
    double const n = p.r + x;
    double const A = p.alpha + tx;
    double const B = p.beta + tx;
    double const tau = T - tx;
    double const z[4] = {tx / p.alpha, tx / p.beta, tau / A, tau / B};
    double l[4];
    for (std::size_t i = 0; i < 4; ++i)
        l[i] = numerics::vector_log1p(z[i]);
    double const before_a = l[0];
    double const before_b = l[1];
    double const share_a = p.alpha / A;
    double const share_b = p.beta / B;
    pareto_moments const m = pareto_integral_moments({n, A, p.s, B, tau});

    double const left = p.s * m.integral;
    double const stayed = std::exp(-n * l[2] - p.s * l[3]);
    double const both = left + stayed;
    double const q = left / both;
    double const stay = stayed / both;
    double const kaT = tau / (p.alpha + T);
    double const kbT = tau / (p.beta + T);

    // Mean and covariance of y.
    std::array<double, 4> const scale{1.0, 1.0, p.s, share_b * (p.s + 1.0)};
    std::array<double, 4> const y_left{m.mean[0], m.mean[1], p.s * m.mean[2] - 1.0,
                                       share_b * ((p.s + 1.0) * m.mean[3] - 1.0)};
    std::array<double, 4> const y_stayed{l[2], kaT, p.s * l[3], share_b * p.s * kbT};
    std::array<double, 4> const slope{-p.r, n * share_a, -1.0, 1.0};
    std::array<double, 4> y{};
    for (std::size_t i = 0; i < 4; ++i)
        y[i] = q * y_left[i] + stay * y_stayed[i];
    totals row;
    for (std::size_t i = 0, k = 0; i < 4; ++i)
        for (std::size_t j = i; j < 4; ++j, ++k)
            row.second[k] = slope[i] * slope[j] *
                            (q * scale[i] * scale[j] * m.covariance[k] +
                             q * stay * (y_left[i] - y_stayed[i]) * (y_left[j] - y_stayed[j]));

    double const ka = y[1];
    double const ka2 = q * (m.covariance[4] + m.mean[1] * m.mean[1]) + stay * kaT * kaT;
    double const b = q * m.mean[2] + stay * l[3];
    double const kb = q * m.mean[3] + stay * kbT;
    double const kb2_left = m.covariance[9] + m.mean[3] * m.mean[3];
    double const u0 = tx / A;
    double const v0 = tx / B;
    // Means of u (1 - u) and v (1 - v), with u = t / (alpha + t) = u0 + share_a ka and 1 - u = share_a (1 - ka).
    double const u_spread = share_a * (u0 + (share_a - u0) * ka - share_a * ka2);
    double const v_left = share_b * (v0 + (share_b - v0) * m.mean[3] - share_b * kb2_left);
    double const v_stayed = share_b * (v0 + (share_b - v0) * kbT - share_b * kbT * kbT);

    row.value = rate.log - x * std::log(p.alpha) - n * before_a - p.s * before_b + std::log(both);
    row.first[0] = p.r * (rate.first - before_a - y[0]);
    row.first[1] = n * (u0 + share_a * ka) - x;
    row.first[2] = -p.s * before_b - y[2];
    row.first[3] = p.s * v0 + y[3];
    row.second[0] += row.first[0] - p.r * p.r * rate.second;
    row.second[1] += p.r * (u0 + share_a * ka);
    row.second[4] -= n * u_spread;
    row.second[7] -= p.s * (before_b + b);
    row.second[8] += p.s * (v0 + share_b * kb);
    row.second[9] -= q * (p.s + 1.0) * v_left + stay * p.s * v_stayed;

    total.value += weight * row.value;
    for (std::size_t i = 0; i < row.first.size(); ++i)
        total.first[i] += weight * row.first[i];
    for (std::size_t i = 0; i < row.second.size(); ++i)
        total.second[i] += weight * row.second[i];
}

}  // namespace

double pareto_objective(compressed_rows const& rows, std::span<double const> theta,
                        std::span<double> gradient, std::span<double> hessian, unsigned threads) {
    parameters const p{std::exp(theta[0]), std::exp(theta[1]), std::exp(theta[2]), std::exp(theta[3])};
    auto const rates = rate_sums_of(rows, p.r);
    auto const total =
        sum_runs<totals>(rows, threads, [&](std::size_t k, bool, row_tile const& tile, totals& sum) {
            for (std::size_t i = 0; i < tile.size(); ++i)
                add_row(p, rows.runs[k].x, rates[k], tile.tx[i], tile.T[i], tile.weight[i], sum);
        });
    return total.negative(gradient, hessian);
}

}  // namespace clavis::lifetime

#include "contract_likelihood.hpp"

#include <array>
#include <cmath>

#include "beta_geometric.hpp"
#include "clavis/numerics/rising_ratio.hpp"

namespace clavis::lifetime {
namespace {

constexpr std::size_t L = 0, S = 1, C = 2;
using totals = derivatives<3>;

struct parameters {
    double leave, stay, c;
};

// -ln S(t) with derivatives by the logarithms of the parameters.
totals loss_until(parameters const& p, double t) {
    totals d;
    if (t == 0.0) return d;
    double const log_t = std::log(t);
    double const n = std::exp(p.c * log_t);
    auto const r = numerics::log_rising_ratio_derivatives(p.stay, p.leave, n);
    double const by_c = n * p.c * log_t;  // dn / d ln c
    d.value = r.value;
    d.first = {p.leave * r.g, p.stay * r.z, by_c * r.n};
    d.second[totals::at(L, L)] = p.leave * (p.leave * r.gg + r.g);
    d.second[totals::at(L, S)] = p.leave * p.stay * r.gg;
    d.second[totals::at(L, C)] = p.leave * by_c * r.gn;
    d.second[totals::at(S, S)] = p.stay * (p.stay * r.zz + r.z);
    d.second[totals::at(S, C)] = p.stay * by_c * r.nn;
    d.second[totals::at(C, C)] = by_c * (by_c * r.nn + (p.c * log_t + 1.0) * r.n);
    return d;
}

void add_scaled(totals& sum, double weight, totals const& d) {
    sum.value += weight * d.value;
    for (std::size_t i = 0; i < d.first.size(); ++i)
        sum.first[i] += weight * d.first[i];
    for (std::size_t i = 0; i < d.second.size(); ++i)
        sum.second[i] += weight * d.second[i];
}

// ln(1 - e^-q) where q = q(t + 1) - q(t) is the loss at renewal t + 1.
void add_lost(parameters const& p, double t, double weight, totals const& before, totals& sum) {
    totals q = loss_until(p, t + 1.0);
    add_scaled(q, -1.0, before);
    double const n = std::pow(t, p.c);
    double const step = t == 0.0 ? 1.0 : n * std::expm1(p.c * std::log1p(1.0 / t));
    q.value = numerics::log_rising_ratio(p.stay + n, p.leave, step);
    double const phi = 1.0 / std::expm1(q.value);
    totals d;
    d.value = std::log(-std::expm1(-q.value));
    for (std::size_t i = 0; i < q.first.size(); ++i) {
        d.first[i] = phi * q.first[i];
        for (std::size_t j = i; j < q.first.size(); ++j)
            d.second[totals::at(i, j)] =
                phi * (q.second[totals::at(i, j)] - (1.0 + phi) * q.first[i] * q.first[j]);
    }
    add_scaled(sum, weight, d);
}

}  // namespace

double contract_objective(compressed_rows const& rows, std::span<double const> theta,
                          std::span<double> gradient, std::span<double> hessian) {
    parameters const p{std::exp(theta[L]), std::exp(theta[S]), theta.size() > C ? std::exp(theta[C]) : 1.0};
    totals total;
    for (auto const& run : rows.runs) {
        // All rows of a run have made the same renewals; the next was lost, or has not come due.
        double due = 0.0;
        for (std::size_t i = run.begin; i < run.end; ++i)
            if (whole(rows.T[i] * rows.scale) > run.x) due += rows.weight[i];
        totals const until = loss_until(p, run.x);
        add_scaled(total, -run.weight, until);
        if (due > 0.0) add_lost(p, run.x, due, until, total);
    }
    std::size_t const n = theta.size();
    for (std::size_t i = 0; i < n; ++i) {
        gradient[i] = -total.first[i];
        for (std::size_t j = i; j < n; ++j)
            hessian[i * n + j] = hessian[j * n + i] = -total.second[totals::at(i, j)];
    }
    return -total.value - rows.purchases * std::log(rows.scale);
}

}  // namespace clavis::lifetime

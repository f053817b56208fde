#include "contract_likelihood.hpp"

#include <array>
#include <cmath>

#include "beta_geometric.hpp"
#include "clavis/numerics/rising_ratio.hpp"
#include "clavis/numerics/special.hpp"

namespace clavis::lifetime {
namespace {

constexpr std::size_t L = 0, S = 1, C = 2;
using totals = derivatives<3>;

struct parameters {
    double leave, stay, c;
};

// Where t^c is beyond e^200 Stirling's first term is all there is; a step beyond e^230 from below it counts by its
// logarithm alone.
constexpr double huge_log = 200.0;
constexpr double huge_step_log = 230.0;

// -ln [S(t + steps) / S(t)] with derivatives by the logarithms of the parameters: R(stay + t^c, leave, step), where step is
// what (t + steps)^c exceeds t^c by. Taken as one function of the two, so that nothing cancels however small it is.
totals loss_between(parameters const& p, double t, double steps) {
    totals d;
    if (steps == 0.0) return d;
    double const log_end = p.c * std::log(t + steps);
    double const log_start = t == 0.0 ? -HUGE_VAL : p.c * std::log(t);
    double const longer = t == 0.0 ? log_end : p.c * std::log1p(steps / t);
    auto const at = &totals::at;
    d.value = contract_loss(p.leave, p.stay, p.c, t, steps);
    if (log_start > huge_log) {
        d.first = {d.value, 0.0, d.value};
        d.second[at(L, L)] = d.second[at(L, C)] = d.second[at(C, C)] = d.value;
        return d;
    }
    double const start = t == 0.0 ? 0.0 : std::exp(log_start);
    // t^c and the step by ln c, once and twice.
    double const start_c = t == 0.0 ? 0.0 : start * log_start;
    double const start_cc = t == 0.0 ? 0.0 : start_c * (log_start + 1.0);
    auto const ratio = [&](double step) {
        return numerics::log_rising_ratio_derivatives(p.stay + start, p.leave, step);
    };
    // Of the step: itself times the derivatives by it, which stay finite.
    double by_leave = 0.0, by_step_c = 0.0, leave_step_c = 0.0, stay_step_c = 0.0, step_step_c = 0.0;
    numerics::rising_ratio r{};
    if (log_end > huge_step_log) {
        r = ratio(std::exp(huge_step_log));
        by_leave = r.g + (log_end - huge_step_log);
        by_step_c = p.leave * log_end;
        leave_step_c = log_end;
        step_step_c = p.leave * log_end;
    } else {
        double const step = t == 0.0 ? std::exp(log_end) : start * std::expm1(longer);
        double const step_c = step * log_end + (t == 0.0 ? 0.0 : start * longer);
        double const step_cc = step * log_end * (log_end + 1.0) +
                               (t == 0.0 ? 0.0 : start * longer * (1.0 + log_end + log_start));
        r = ratio(step);
        by_leave = r.g;
        by_step_c = step_c * r.n;
        leave_step_c = step_c * r.gn;
        stay_step_c = step_c * r.nn;
        step_step_c = (step_c + 2.0 * start_c) * step_c * r.nn + step_cc * r.n;
    }
    d.first = {p.leave * by_leave, p.stay * r.z, start_c * r.z + by_step_c};
    d.second[at(L, L)] = p.leave * (p.leave * r.gg + by_leave);
    d.second[at(L, S)] = p.leave * p.stay * r.gg;
    d.second[at(L, C)] = p.leave * (start_c * r.gg + leave_step_c);
    d.second[at(S, S)] = p.stay * (p.stay * r.zz + r.z);
    d.second[at(S, C)] = p.stay * (start_c * r.zz + stay_step_c);
    d.second[at(C, C)] = start_c * start_c * r.zz + start_cc * r.z + step_step_c;
    return d;
}

void add_scaled(totals& sum, double weight, totals const& d) {
    sum.value += weight * d.value;
    for (std::size_t i = 0; i < d.first.size(); ++i)
        sum.first[i] += weight * d.first[i];
    for (std::size_t i = 0; i < d.second.size(); ++i)
        sum.second[i] += weight * d.second[i];
}

// ln(1 - e^-q) where q is the loss at renewal t + 1.
void add_lost(parameters const& p, double t, double weight, totals& sum) {
    totals const q = loss_between(p, t, 1.0);
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

double contract_loss(double leave, double stay, double c, double from, double t) noexcept {
    if (t == 0.0) return 0.0;
    constexpr double huge = 1e100;  // where Stirling's first term is all there is
    double const log_end = c * std::log(from + t);
    double const start = from == 0.0 ? 0.0 : std::pow(from, c);
    double const power = from == 0.0 ? std::exp(log_end) : start * std::expm1(c * std::log1p(t / from));
    if (start > huge) return leave * c * std::log1p(t / from);
    if (!(power < huge)) return leave * log_end - numerics::log_rising(stay + start, leave);
    return numerics::log_rising_ratio(stay + start, leave, power);
}

double contract_objective(compressed_rows const& rows, std::span<double const> theta,
                          std::span<double> gradient, std::span<double> hessian) {
    parameters const p{std::exp(theta[L]), std::exp(theta[S]), theta.size() > C ? std::exp(theta[C]) : 1.0};
    totals total;
    row_tile::buffer scratch;
    for (auto const& run : rows.runs) {
        // All rows of a run have made the same renewals; the next was lost, or has not come due.
        double due = 0.0;
        for (std::size_t begin = run.begin; begin < run.end; begin += tile_rows) {
            auto const tile = rows.histories.tile(begin, std::min(run.end, begin + tile_rows), scratch);
            for (std::size_t i = 0; i < tile.size(); ++i)
                if (whole(tile.T[i] * rows.scale) > run.x) due += tile.weight[i];
        }
        totals const until = loss_between(p, 0.0, run.x);
        add_scaled(total, -run.weight, until);
        if (due > 0.0) add_lost(p, run.x, due, total);
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

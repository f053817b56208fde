#include "beta_geo_cnbd_likelihood.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "clavis/core/errors.hpp"
#include "clavis/core/exact_sum.hpp"
#include "clavis/numerics/special.hpp"
#include "rising.hpp"

namespace clavis::lifetime {
namespace {

// What the phases since the last purchase make of one n = r + k x: (n)_j / j! by steps, and the first two derivatives
// of ln (n)_j.
struct phase_steps {
    std::array<double, largest_k> growth{};
    std::array<double, largest_k> first{};   // sum over i < j of 1 / (n + i)
    std::array<double, largest_k> second{};  // sum over i < j of 1 / (n + i)^2

    phase_steps() = default;
    phase_steps(double n, std::int32_t k) {
        for (std::size_t j = 0; j + 1 < static_cast<std::size_t>(k); ++j) {
            double const at = n + static_cast<double>(j);
            growth[j] = at / (static_cast<double>(j) + 1.0);
            first[j + 1] = first[j] + 1.0 / at;
            second[j + 1] = second[j] + 1.0 / (at * at);
        }
    }
};

// ln of the sum over phases at w, with derivatives by n and by ln w: moments of j and of the derivatives of ln (n)_j
// under the chances of the phases.
struct phase_sum {
    double log, n, w, nn, nw, ww;
};

phase_sum sum_phases(phase_steps const& steps, std::int32_t k, double w) {
    double term = 1.0, sum = 1.0;
    double j1 = 0.0, j2 = 0.0, h1 = 0.0, h2 = 0.0, h11 = 0.0, hj = 0.0;
    for (std::size_t j = 1; j < static_cast<std::size_t>(k); ++j) {
        term *= steps.growth[j - 1] * w;
        double const d = static_cast<double>(j);
        double const h = term * steps.first[j];
        sum += term;
        j1 += term * d;
        j2 += term * d * d;
        h1 += h;
        h11 += h * steps.first[j];
        hj += h * d;
        h2 += term * steps.second[j];
    }
    double const inverse = 1.0 / sum;
    j1 *= inverse, h1 *= inverse;
    return {.log = std::log(sum),
            .n = h1,
            .w = j1,
            .nn = h11 * inverse - h1 * h1 - h2 * inverse,
            .nw = hj * inverse - h1 * j1,
            .ww = j2 * inverse - j1 * j1};
}

struct run_terms {
    double n = 0.0;           // r + k x
    double gone = -HUGE_VAL;  // ln of the odds, before time, of having left at the last purchase
    double b_share = 0.0;     // b / (b + x - 1), or b / (b + x) with a chance at time 0
    rate_sums rate;
    stay_sums stay;
    phase_steps steps;
};

// log L of a row is a constant of x plus -n lt + ln(S e^(-n delta) + e^gone) with lt = ln(1 + tx / alpha), delta the same
// from tx to T and S the sum over phases. The sums over rows of its derivatives by n, ln alpha and D = gone + n delta - ln S.
struct row_sums {
    double value = 0.0, n = 0.0, alpha = 0.0, nn = 0.0, n_alpha = 0.0, alpha_alpha = 0.0;
    double d = 0.0, dd = 0.0, d_n = 0.0, d_alpha = 0.0;
};

row_sums sum_rows(row_tile const& rows, double alpha, std::int32_t k, run_terms const& run) {
    row_sums s;
    bool const can_have_left = run.gone != -HUGE_VAL;
    double const n = run.n;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        double const weight = rows.weight[i];
        double const T = rows.T[i];
        double const tx = rows.tx[i];
        double const inverse_T = 1.0 / (alpha + T);
        double const inverse_t = 1.0 / (alpha + tx);
        double const u = T * inverse_T;
        double const v = alpha * inverse_T;
        phase_sum const phases = sum_phases(run.steps, k, (T - tx) * inverse_T);
        double const lt = std::log1p(tx / alpha);
        double const delta = std::log1p((T - tx) * inverse_t);
        double const kappa = v * (T - tx) * inverse_t;  // -d delta / d ln alpha
        double const share = tx * inverse_t;            // -d lt / d ln alpha
        // By n and ln alpha, of which w = (T - tx) / (alpha + T) falls as alpha grows: d ln w / d ln alpha = -v.
        double const stay_alpha = -v * phases.w;
        double const stay_na = -v * phases.nw;
        double const stay_aa = v * (v * phases.ww - u * phases.w);
        double const apart_n = delta - phases.n;
        double const apart_a = -n * kappa - stay_alpha;
        double const stays = phases.log - n * delta;
        double value = stays;
        double p = 1.0;
        double qp = 0.0;
        if (can_have_left) {
            double const D = run.gone - stays;
            double const e = std::exp(-std::abs(D));
            double const small = 1.0 / (1.0 + e);
            double const q = D > 0.0 ? small : e * small;  // the chance of having left
            p = D > 0.0 ? e * small : small;
            qp = e * small * small;
            value = std::max(run.gone, stays) + std::log1p(e);
            s.d += weight * q;
            s.dd += weight * qp;
            s.d_n += weight * qp * apart_n;
            s.d_alpha += weight * qp * apart_a;
        }
        s.value += weight * (value - n * lt);
        s.n -= weight * (lt + p * apart_n);
        s.alpha += weight * (n * share - p * apart_a);
        s.nn += weight * (p * phases.nn + qp * apart_n * apart_n);
        s.n_alpha += weight * (share + p * (stay_na + kappa) + qp * apart_n * apart_a);
        s.alpha_alpha += weight * (p * (stay_aa - n * kappa * (1.0 - u - share)) - n * share * (1.0 - share) +
                                   qp * apart_a * apart_a);
    }
    return s;
}

derivatives<4> combine(run_terms const& run, row_sums const& s, double x, double purchases_phases,
                       double weight, double r, double log_alpha, double a, double b, double log_gamma_k) {
    using d = derivatives<4>;
    constexpr std::size_t R = 0, A = 1, P = 2, B = 3;
    d t;
    double const share = run.b_share;
    t.value =
        s.value + weight * (run.rate.log - run.stay.log - purchases_phases * log_alpha - x * log_gamma_k);
    t.first[R] = r * (weight * run.rate.first + s.n);
    t.first[A] = s.alpha - weight * purchases_phases;
    t.first[P] = s.d - a * weight * run.stay.a_first;
    t.first[B] = b * weight * run.stay.b_first - s.d * share;
    t.second[d::at(R, R)] = r * r * (s.nn - weight * run.rate.second) + t.first[R];
    t.second[d::at(R, A)] = r * s.n_alpha;
    t.second[d::at(R, P)] = r * s.d_n;
    t.second[d::at(R, B)] = -r * s.d_n * share;
    t.second[d::at(A, A)] = s.alpha_alpha;
    t.second[d::at(A, P)] = s.d_alpha;
    t.second[d::at(A, B)] = -s.d_alpha * share;
    t.second[d::at(P, P)] = s.dd + a * weight * (a * run.stay.a_second - run.stay.a_first);
    t.second[d::at(P, B)] = a * b * weight * run.stay.a_second - s.dd * share;
    t.second[d::at(B, B)] = t.first[B] - b * b * weight * run.stay.b_second + (s.dd + s.d) * share * share;
    return t;
}

// Sum over the customers a fit uses, the same for any order of rows: in fixed point, 2^-64 each.
double log_gap_total(ledger::summary_view const& customers) {
    constexpr int fraction = 64;
    int128 total = 0;
    for (std::size_t i = 0; i < customers.size(); ++i) {
        if (std::isnan(customers.T[i])) continue;
        double const weight = customers.weights.empty() ? 1.0 : customers.weights[i];
        if (weight > 0.0)
            total += static_cast<int128>(std::ldexp(weight * customers.log_gap_sum[i], fraction));
    }
    return std::ldexp(static_cast<double>(total), -fraction);
}

}  // namespace

double log_phase_sum(double n, std::int32_t k, double w) noexcept {
    double term = 1.0, sum = 1.0;
    for (std::int32_t j = 1; j < k; ++j) {
        term *= (n + (j - 1)) / j * w;
        sum += term;
    }
    return std::log(sum);
}

double beta_geo_cnbd_log_likelihood(double r, double alpha, double a, double b, std::int32_t k,
                                    first_chance_to_leave first_chance, double x, double tx,
                                    double T) noexcept {
    double const chances = x + (first_chance == first_chance_to_leave::at_once ? 1.0 : 0.0);
    double const phases = k * x;
    double const n = r + phases;
    double const stay = numerics::log_rising(b, chances) - numerics::log_rising(a + b, chances);
    double const common = numerics::log_rising(r, phases) + stay - phases * std::log(alpha) -
                          x * numerics::log_gamma(k) - n * std::log1p(tx / alpha);
    double const stays =
        log_phase_sum(n, k, (T - tx) / (alpha + T)) - n * std::log1p((T - tx) / (alpha + tx));
    if (chances == 0.0) return common + stays;
    return common + log_sum(stays, std::log(a) - std::log(b + (chances - 1.0)));
}

double beta_geo_cnbd_objective(compressed_rows const& rows, std::int32_t k,
                               first_chance_to_leave first_chance, std::span<double const> theta,
                               std::span<double> gradient, std::span<double> hessian, unsigned threads) {
    double const r = std::exp(theta[0]);
    double const alpha = std::exp(theta[1]);
    double const a = std::exp(theta[2]);
    double const b = std::exp(theta[3]);
    std::int32_t const first = first_chance == first_chance_to_leave::at_once ? 1 : 0;
    double const log_gamma_k = numerics::log_gamma(k);

    std::vector<run_terms> runs(rows.runs.size());
    rate_sums rate;
    stay_sums stay;
    std::int32_t walked = 0;
    stay.walk(a, b, 0, first);
    for (std::size_t i = 0; i < runs.size(); ++i) {
        std::int32_t const x = rows.runs[i].x;
        rate.walk(r, k * walked, k * x);
        stay.walk(a, b, walked + first, x + first);
        walked = x;
        run_terms& run = runs[i];
        run.n = r + static_cast<double>(k) * x;
        run.rate = rate;
        run.stay = stay;
        run.steps = {run.n, k};
        if (x + first > 0) {
            double const left = b + (x + first - 1);
            run.gone = std::log(a) - std::log(left);
            run.b_share = b / left;
        }
    }
    auto const total = sum_runs<derivatives<4>>(
        rows, threads, [&](std::size_t i, bool begins, row_tile const& tile, derivatives<4>& sum) {
            auto const& run = rows.runs[i];
            double const weight = begins ? run.weight : 0.0;
            sum += combine(runs[i], sum_rows(tile, alpha, k, runs[i]), run.x, static_cast<double>(k) * run.x,
                           weight, r, theta[1], a, b, log_gamma_k);
        });
    // A phase is an event in scaled time; without the gaps its density changes by scale^-k a purchase, of which the
    // caller knows one.
    return total.negative(gradient, hessian) + (k - 1) * rows.purchases * std::log(rows.scale);
}

std::int32_t whole_k(std::string_view model, double k) {
    if (!(k >= 1.0) || !(k <= largest_k) || k != std::floor(k))
        throw input_error(std::string(model) + ": the parameter \"k\" is " + number_text(k) +
                          " where a whole number from 1 to " + std::to_string(largest_k) + " is needed");
    return static_cast<std::int32_t>(k);
}

beta_geo_cnbd_fit fit_beta_geo_cnbd(ledger::summary_view const& customers, fit_options const& options,
                                    std::string_view model, first_chance_to_leave first) {
    static constexpr std::array<std::string_view, 4> names{"r", "alpha", "a", "b"};
    static constexpr std::array<int, 4> time_power{0, 1, 0, 0};
    fit_options given = options;
    std::optional<std::int32_t> fixed;
    std::erase_if(given.fixed, [&](auto const& parameter) {
        if (parameter.first != "k") return false;
        fixed = whole_k(model, parameter.second);
        return true;
    });
    check_rows(customers);
    check_weights(customers);
    check_log_gaps(customers, unknown_gaps::refused);
    bool const gaps = !customers.log_gap_sum.empty();
    if (!fixed && !gaps)
        throw input_error(
            {.table = "summary", .column = "log_gap_sum"},
            "is missing: k is found from the gaps between purchases; give the sum of their logarithms, "
            "or hold k fixed");
    double const total = gaps ? log_gap_total(customers) : 0.0;

    prepared_rows const rows_of_all_k = prepare(customers, given);
    auto const fit_with = [&](std::int32_t k) {
        auto const region = [k](rate_moments moments) {
            moments.rate *= k;
            return beta_geo_region(moments);
        };
        auto const objective = [k, first](compressed_rows const& rows, std::span<double const> theta,
                                          std::span<double> gradient, std::span<double> hessian,
                                          unsigned threads) {
            return beta_geo_cnbd_objective(rows, k, first, theta, gradient, hessian, threads);
        };
        fit_solution found = fit_rows(rows_of_all_k, given,
                                      {.name = model,
                                       .parameter_names = names,
                                       .time_power = time_power,
                                       .objective = objective,
                                       .region = region,
                                       .ridges = beta_geo_ridges});
        found.report.log_likelihood += (k - 1) * total;
        return found;
    };

    std::int32_t k = fixed.value_or(1);
    fit_solution best = fit_with(k);
    std::vector<profile_point> profile;
    bool const silent = std::none_of(customers.frequency.begin(), customers.frequency.end(),
                                     [](std::int32_t x) { return x > 0; });
    if (!fixed && !silent) {
        // The profile has one peak: k is past it once three in a row are worse.
        profile.push_back({1.0, best.report.log_likelihood});
        for (std::int32_t next = 2; next <= std::min(k + 3, largest_k); ++next) {
            fit_solution found = fit_with(next);
            profile.push_back({static_cast<double>(next), found.report.log_likelihood});
            if (found.report.log_posterior() > best.report.log_posterior()) {
                best = std::move(found);
                k = next;
            }
        }
    }
    fit_report& report = best.report;
    report.profile = std::move(profile);
    if (!fixed && k == largest_k) {
        report.converged = false;
        report.status = "not converged: k reached its largest value, " + std::to_string(largest_k);
        report.warnings.push_back("gaps are more regular than k = " + std::to_string(largest_k) + " tells");
    }
    if (!gaps && k > 1)
        report.warnings.push_back(
            "the rows have no log_gap_sum, so the log-likelihood leaves the gaps out: it compares with fits "
            "of the "
            "same k only");
    report.parameter_names.emplace_back("k");
    report.estimates.push_back(k);
    report.standard_errors.push_back(0.0);
    std::vector<double> covariance(25, 0.0);
    for (std::size_t i = 0; i < 4; ++i)
        std::copy_n(report.covariance.begin() + static_cast<std::ptrdiff_t>(4 * i), 4,
                    covariance.begin() + static_cast<std::ptrdiff_t>(5 * i));
    report.covariance = std::move(covariance);
    auto const& p = best.parameters;
    return {{p[0], p[1], p[2], p[3], static_cast<double>(k)}, std::move(report)};
}

}  // namespace clavis::lifetime

#include "beta_geo_likelihood.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "clavis/numerics/special.hpp"
#include "rising.hpp"

namespace clavis::lifetime {
namespace {

constexpr std::size_t dimension = 4;
// Value, gradient, upper triangle of the Hessian in the order of (r, alpha, a, b).
struct totals {
    double value = 0.0;
    double g_r = 0.0, g_alpha = 0.0, g_a = 0.0, g_b = 0.0;
    double rr = 0.0, r_alpha = 0.0, ra = 0.0, rb = 0.0;
    double alpha_alpha = 0.0, alpha_a = 0.0, alpha_b = 0.0;
    double aa = 0.0, ab = 0.0, bb = 0.0;

    void operator+=(totals const& o) {
        value += o.value;
        g_r += o.g_r, g_alpha += o.g_alpha, g_a += o.g_a, g_b += o.g_b;
        rr += o.rr, r_alpha += o.r_alpha, ra += o.ra, rb += o.rb;
        alpha_alpha += o.alpha_alpha, alpha_a += o.alpha_a, alpha_b += o.alpha_b;
        aa += o.aa, ab += o.ab, bb += o.bb;
    }
};

// What all rows of one x share.
struct run_terms {
    double n;     // r + x
    double gone;  // ln of the odds, before time, of having left at the last purchase; -infinity: cannot have
    double b_share;  // b / (b + x - 1), or b / (b + x) with a chance at time 0
    rate_sums rate;
    stay_sums stay;
};

// log L of a row is a constant of x plus  -n lt + ln(e^(-n delta) + e^gone)  with lt = ln(1 + tx / alpha) and delta the
// same from tx to T, so that what is large and common to both fates never cancels; p and q = 1 - p are the chances of
// being active and of having left. Below, k and v are the derivatives of delta and lt by -ln alpha. What depends on rows
// enters through these sums alone.
struct row_sums {
    double lse = 0.0, lt = 0.0, l = 0.0, u = 0.0, uu = 0.0, q = 0.0;  // l is lt + p delta, u is v + p k
    double s = 0.0, s_delta = 0.0, s_delta2 = 0.0, s_k = 0.0, s_k_delta = 0.0, s_k2 = 0.0;  // s is p q
};

row_sums sum_rows(row_tile const& rows, double alpha, run_terms const& run) {
    row_sums s;
    double const inverse_alpha = 1.0 / alpha;
    if (run.gone == -HUGE_VAL) {
        for (std::size_t i = 0; i < rows.size(); ++i) {
            double const w = rows.weight[i];
            double const T = rows.T[i];
            double const u = T / (alpha + T);
            s.lt += w * std::log1p(T * inverse_alpha);
            s.u += w * u;
            s.uu += w * (u * (1.0 - u));
        }
        s.l = s.lt;
        return s;
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
        double const w = rows.weight[i];
        double const T = rows.T[i];
        double const tx = rows.tx[i];
        double const inverse_T = 1.0 / (alpha + T);
        double const inverse_t = 1.0 / (alpha + tx);
        double const lt = std::log1p(tx * inverse_alpha);
        double const delta = std::log1p((T - tx) * inverse_t);
        double const v = tx * inverse_t;
        double const k = alpha * (T - tx) * (inverse_T * inverse_t);
        double const stays = -run.n * delta;
        double const D = run.gone - stays;
        double const e = std::exp(-std::abs(D));
        double const small = 1.0 / (1.0 + e);
        double const large_part = e * small;
        double const q = D > 0.0 ? small : large_part;
        double const p = D > 0.0 ? large_part : small;
        double const spread = w * (large_part * small);
        s.lse += w * (std::max(run.gone, stays) + std::log1p(e));
        s.lt += w * lt;
        s.l += w * (lt + p * delta);
        s.u += w * (v + p * k);
        s.uu += w * (v * (1.0 - v) + p * k * (1.0 - v - T * inverse_T));
        s.q += w * q;
        s.s += spread;
        s.s_delta += spread * delta;
        s.s_delta2 += spread * delta * delta;
        s.s_k += spread * k;
        s.s_k_delta += spread * k * delta;
        s.s_k2 += spread * k * k;
    }
    return s;
}

run_terms terms_of(double r, double a, double b, std::int32_t first, std::int32_t x, rate_sums const& rate,
                   stay_sums const& stay) {
    run_terms run{.n = r + x, .gone = -HUGE_VAL, .b_share = 0.0, .rate = rate, .stay = stay};
    if (x + first > 0) {
        double const left = b + (x + first - 1);
        run.gone = std::log(a) - std::log(left);
        run.b_share = b / left;
    }
    return run;
}

// From sums over rows (and, once a run, its constants times the weight) to derivatives in logarithms of
// parameters.
totals combine(run_terms const& run, row_sums const& s, double x, double weight, double r, double log_alpha,
               double a, double b) {
    totals t;
    double const n = run.n;
    double const share = run.b_share;
    t.value = s.lse - n * s.lt + weight * (run.rate.log - run.stay.log - x * log_alpha);
    t.g_r = r * (weight * run.rate.first - s.l);
    t.rr = r * r * (s.s_delta2 - weight * run.rate.second) + t.g_r;
    t.r_alpha = r * (s.u - n * s.s_k_delta);
    t.ra = r * s.s_delta;
    t.rb = -r * s.s_delta * share;
    t.g_alpha = n * s.u - x * weight;
    t.alpha_alpha = n * n * s.s_k2 - n * s.uu;
    t.alpha_a = -n * s.s_k;
    t.alpha_b = n * s.s_k * share;
    t.g_a = s.q - a * weight * run.stay.a_first;
    t.aa = s.s + a * weight * (a * run.stay.a_second - run.stay.a_first);
    t.ab = a * b * weight * run.stay.a_second - s.s * share;
    t.g_b = b * weight * run.stay.b_first - s.q * share;
    t.bb = t.g_b - b * b * weight * run.stay.b_second + (s.s + s.q) * share * share;
    return t;
}

}  // namespace

// Dropout makes rates look smaller than they are, and by how much is open: some starts are faster.
search_region beta_geo_region(rate_moments const& moments) {
    double const rate = moments.rate;
    double const r = moments.r;
    return {.starts = {{r, r / (1.5 * rate), 0.8, 2.5},
                       {2.0, 2.0 / (2.0 * rate), 0.5, 5.0},
                       {0.3, 0.3 / (3.0 * rate), 1.0, 1.0},
                       {r, r / (1.1 * rate), 5.0, 100.0},
                       {1.0, 1.0 / (4.0 * rate), 3.0, 3.0}},
            .center = {1.0, std::max(1.0, 1.0 / rate), 1.0, 1.0}};
}

void beta_geo_ridges(fit_solution const& fit, std::vector<std::string>& words) {
    rate_ridge(fit, words);
    double const a = fit.theta[2];
    double const b = fit.theta[3];
    if (is_open(fit, 2) || is_open(fit, 3)) {
        if (b - a > 6.0)
            words.push_back(
                "no sign of customers leaving: a / (a + b) goes to 0, and how they differ in it is not "
                "identified");
        else if (a > 3.0 && b > 3.0)
            words.push_back(
                "the dropout heterogeneity is not identified: a + b grows without bound; only a / (a + b) is "
                "known");
        else if (a < -3.0 && b < -3.0)
            words.push_back(
                "the dropout heterogeneity is not identified: a + b goes to 0 (each customer leaves at once "
                "or never)");
        else
            words.push_back("a and b are not identified by these data");
    }
}

double beta_geo_objective(compressed_rows const& rows, first_chance_to_leave first_chance,
                          std::span<double const> theta, std::span<double> gradient,
                          std::span<double> hessian, unsigned threads) {
    double const r = std::exp(theta[0]);
    double const alpha = std::exp(theta[1]);
    double const a = std::exp(theta[2]);
    double const b = std::exp(theta[3]);
    std::int32_t const first = first_chance == first_chance_to_leave::at_once ? 1 : 0;

    std::vector<run_terms> runs(rows.runs.size());
    rate_sums rate;
    stay_sums stay;
    std::int32_t walked = 0;
    stay.walk(a, b, 0, first);
    for (std::size_t k = 0; k < runs.size(); ++k) {
        std::int32_t const x = rows.runs[k].x;
        rate.walk(r, walked, x);
        stay.walk(a, b, walked + first, x + first);
        walked = x;
        runs[k] = terms_of(r, a, b, first, x, rate, stay);
    }

    auto const t =
        sum_runs<totals>(rows, threads, [&](std::size_t k, bool begins, row_tile const& tile, totals& total) {
            auto const& run = rows.runs[k];
            row_sums const sums = sum_rows(tile, alpha, runs[k]);
            double const weight = begins ? run.weight : 0.0;
            total += combine(runs[k], sums, run.x, weight, r, theta[1], a, b);
        });

    std::array<double, dimension> const g{t.g_r, t.g_alpha, t.g_a, t.g_b};
    std::array<double, dimension * dimension> const h{
        t.rr, t.r_alpha, t.ra, t.rb, t.r_alpha, t.alpha_alpha, t.alpha_a, t.alpha_b,
        t.ra, t.alpha_a, t.aa, t.ab, t.rb,      t.alpha_b,     t.ab,      t.bb};
    for (std::size_t i = 0; i < dimension; ++i)
        gradient[i] = -g[i];
    for (std::size_t i = 0; i < dimension * dimension; ++i)
        hessian[i] = -h[i];
    return -t.value;
}

double beta_geo_log_likelihood(double r, double alpha, double a, double b, first_chance_to_leave first_chance,
                               double x, double tx, double T) noexcept {
    double const first = first_chance == first_chance_to_leave::at_once ? 1.0 : 0.0;
    double const n = r + x;
    double const chances = x + first;
    double const stay = numerics::log_rising(b, chances) - numerics::log_rising(a + b, chances);
    double const common =
        numerics::log_rising(r, x) + stay - x * std::log(alpha) - n * std::log1p(tx / alpha);
    double const stays = -n * std::log1p((T - tx) / (alpha + tx));
    if (chances == 0.0) return common + stays;
    return common + log_sum(stays, std::log(a) - std::log(b + (chances - 1.0)));
}

fit_solution fit_beta_geo(ledger::summary_view const& customers, fit_options const& options,
                          std::string_view model, first_chance_to_leave first) {
    static constexpr std::array<std::string_view, dimension> names{"r", "alpha", "a", "b"};
    static constexpr std::array<int, dimension> time_power{0, 1, 0, 0};
    return fit_rows(customers, options,
                    {.name = model,
                     .parameter_names = names,
                     .time_power = time_power,
                     .objective =
                         [first](compressed_rows const& rows, std::span<double const> theta,
                                 std::span<double> gradient, std::span<double> hessian, unsigned threads) {
                             return beta_geo_objective(rows, first, theta, gradient, hessian, threads);
                         },
                     .region = beta_geo_region,
                     .ridges = beta_geo_ridges});
}

}  // namespace clavis::lifetime

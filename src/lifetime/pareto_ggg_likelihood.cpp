#include "pareto_ggg_likelihood.hpp"

#include <array>
#include <numbers>

#include "clavis/core/parallel.hpp"
#include "clavis/numerics/special.hpp"
#include "fit_rows.hpp"

namespace clavis::lifetime {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t dimension = 6;
using totals = derivatives<dimension>;
enum parameter : std::size_t { SHAPE, RATE, R, ALPHA, S, BETA };
constexpr auto at = &totals::at;

// e^z - 1 - z.
double expm1_less(double z) {
    if (std::abs(z) > 0.1) return std::expm1(z) - z;
    double term = 0.5 * z * z;
    double sum = term;
    for (int i = 3; i < 14; ++i)
        sum += term *= z / i;
    return sum;
}

// ln t - psi(t).
double log_less_digamma(double t) {
    if (t < 100.0) return std::log(t) - numerics::digamma(t);
    double const w = 1.0 / (t * t);
    return 0.5 / t + w * (1.0 / 12 - w * (1.0 / 120 - w / 252));
}

// One k: the logarithm of the integrand, the mean of the scores of the complete data (k, u) and of their products plus
// second derivatives, by logarithms of the parameters.
struct entry {
    double y = 0.0;
    double log_f = 0.0;
    std::array<double, dimension> first{};
    std::array<double, dimension*(dimension + 1) / 2> second{};
};

struct row_constants {
    double log_gamma_less, trigamma_t, digamma_r, trigamma_r;
};

entry entry_at(pareto_ggg const& m, ggg_history const& history, row_constants const& c, double y) {
    entry result;
    result.y = y;
    double const k = std::exp(y);
    ggg_gap const gap = history.gap(k);
    ggg_moments const sums = ggg_gap_moments(gap);
    result.log_f = history.log_before(k) + sums.log_scale + std::log(sums.total);
    if (!(sums.total > 0.0)) {
        result.log_f = std::isnan(sums.total) ? nan : -HUGE_VAL;
        return result;
    }
    double const inverse = 1.0 / sums.total;
    std::array<double, 4> mean{};
    for (std::size_t i = 0; i < 4; ++i)
        mean[i] = sums.first[i] * inverse;
    std::array<double, 10> product{};
    for (std::size_t i = 0; i < 10; ++i)
        product[i] = sums.second[i] * inverse;

    double const N = gap.N();
    double const share = m.alpha / gap.A;
    double const bshare = m.beta / gap.B;
    double const past = history.recency() / gap.B;
    double const z = y + std::log(m.gamma) - std::log(m.t);
    double const before = std::log1p(history.recency() / m.beta);
    // Scores are level_i + slope_i * feature, features l, q, E, F for r, alpha, s, beta.
    double const digamma_N = numerics::digamma(N);
    std::array<double, 4> const slope{-m.r, -N * share, 1.0, -1.0};
    std::array<double, dimension> const level{
        m.t * (z + c.log_gamma_less),
        -m.t * std::expm1(z),
        m.r * (digamma_N - c.digamma_r - std::log1p(k * history.tx() / m.alpha)),
        m.r,
        -m.s * before,
        m.s * past};
    for (std::size_t i = 0; i < dimension; ++i)
        result.first[i] = level[i] + (i < 2 ? 0.0 : slope[i - 2] * mean[i - 2]);
    for (std::size_t i = 0, p = 0; i < dimension; ++i)
        for (std::size_t j = i; j < dimension; ++j, ++p) {
            // E[(a + b f)(c + d g)] = E[first] E[first] + b d cov(f, g)
            double value = result.first[i] * result.first[j];
            if (i >= 2) {
                std::size_t const a = i - 2;
                std::size_t const b = j - 2;
                std::size_t const place = a * 4 - a * (a + 1) / 2 + b;
                value += slope[a] * slope[b] * (product[place] - mean[a] * mean[b]);
            }
            result.second[p] = value;
        }
    // Means of the second derivatives.
    auto& second = result.second;
    double const q = mean[1];
    second[at(SHAPE, SHAPE)] += result.first[SHAPE] - m.t * m.t * c.trigamma_t;
    second[at(SHAPE, RATE)] += m.t;
    second[at(RATE, RATE)] -= m.t * std::exp(z);
    second[at(R, R)] += result.first[R] + m.r * m.r * (numerics::trigamma(N) - c.trigamma_r);
    second[at(R, ALPHA)] += m.r * (1.0 - share * q);
    second[at(ALPHA, ALPHA)] -= N * share * (q - share * product[4]);
    double const E = mean[2];
    double const F = mean[3];
    double const EE = product[7];
    double const EF = product[8];
    double const FF = product[9];
    second[at(S, S)] += -m.s * before + E - sums.eE * inverse - EE;
    second[at(S, BETA)] += m.s * past - (F - sums.eF * inverse - EF);
    second[at(BETA, BETA)] +=
        -m.s * past * bshare - (F * (1.0 - bshare) - sums.bend * inverse) - (sums.eRF * inverse + FF);
    return result;
}

void add_row(pareto_ggg const& m, row_constants const& c, double x, double tx, double T, double log_gaps,
             double weight, std::vector<entry>& entries, totals& total) {
    ggg_history const history(m, x, tx, T, log_gaps);
    double const step =
        ggg_rule(history.first_guess(), entries, [&](double y) { return entry_at(m, history, c, y); });
    double top = -HUGE_VAL;
    for (entry const& e : entries)
        top = std::max(top, e.log_f);
    double mass = 0.0;
    totals row;
    for (entry const& e : entries) {
        double const w = std::exp(e.log_f - top);
        if (!(w > 0.0)) continue;
        mass += w;
        for (std::size_t i = 0; i < row.first.size(); ++i)
            row.first[i] += w * e.first[i];
        for (std::size_t i = 0; i < row.second.size(); ++i)
            row.second[i] += w * e.second[i];
    }
    total.value += weight * (top + std::log(mass * step));
    for (double& v : row.first)
        v /= mass;
    for (std::size_t i = 0, p = 0; i < dimension; ++i) {
        total.first[i] += weight * row.first[i];
        for (std::size_t j = i; j < dimension; ++j, ++p)
            total.second[p] += weight * (row.second[p] / mass - row.first[i] * row.first[j]);
    }
}

}  // namespace

double log_gamma_peak(double t) noexcept {
    if (t < 100.0) return t * std::log(t) - t - numerics::log_gamma(t);
    double const w = 1.0 / (t * t);
    return 0.5 * std::log(t / (2.0 * std::numbers::pi)) - (1.0 / 12 - w * (1.0 / 360 - w / 1260)) / t;
}

ggg_history::ggg_history(pareto_ggg const& model, double x, double tx, double T, double log_gap_sum) noexcept
    : model_(model), x_(x), tx_(tx), recency_(tx), tau_(T - tx), log_gaps_(log_gap_sum) {
    if (x == 0.0) {
        log_gaps_ = 0.0;
    } else if (!(log_gap_sum > -std::numeric_limits<double>::infinity())) {
        kind_ = tx > 0.0 ? gaps::summed : gaps::none;
        if (kind_ == gaps::none) tx_ = 0.0;
    }
    if (kind_ == gaps::summed) log_tx_ = std::log(tx);
    constant_ = -model.s * std::log1p(tx / model.beta);
    log_k_prior_ = log_gamma_peak(model.t);
}

double ggg_history::log_before(double k) const noexcept {
    double const z = std::log(k) + std::log(model_.gamma) - std::log(model_.t);
    double const n = shape(k);
    double const rate = numerics::log_rising(model_.r, n) - n * std::log(model_.alpha) -
                        (model_.r + n) * std::log1p(k * tx_ / model_.alpha);
    double gap_density = 0.0;
    if (kind_ == gaps::known)
        gap_density = x_ * (k * std::log(k) - numerics::log_gamma(k)) + (k - 1.0) * log_gaps_;
    else if (kind_ == gaps::summed)
        gap_density = x_ * (k * std::log(k) + (k - 1.0) * log_tx_) + numerics::log_gamma(x_) -
                      numerics::log_gamma(k * x_);
    return constant_ + log_k_prior_ - model_.t * expm1_less(z) + gap_density + rate;
}

double ggg_history::slope(double y) const noexcept {
    double const k = std::exp(y);
    double const prior = -model_.t * std::expm1(y + std::log(model_.gamma) - std::log(model_.t));
    if (x_ == 0.0 || kind_ == gaps::none) return prior;
    double const n = model_.r + k * x_;
    double const A = model_.alpha + k * tx_;
    double gap_density = 0.0;
    if (kind_ == gaps::known)
        gap_density = x_ * (y + 1.0 - numerics::digamma(k)) + log_gaps_;
    else
        gap_density = x_ * (y + 1.0 + log_tx_ - numerics::digamma(k * x_));
    return prior + k * (gap_density + x_ * (numerics::digamma(n) - std::log(A)) - n * (tx_ / A));
}

ggg_history::place ggg_history::first_guess() const noexcept {
    double const start = std::log(model_.t) - std::log(model_.gamma);
    double low = start;
    double high = start;
    for (double step = 0.5; step < 300.0 && slope(low) < 0.0; step *= 2.0)
        low -= step;
    for (double step = 0.5; step < 300.0 && slope(high) > 0.0; step *= 2.0)
        high += step;
    for (int i = 0; i < 40 && high - low > 1e-3; ++i) {
        double const middle = 0.5 * (low + high);
        (slope(middle) > 0.0 ? low : high) = middle;
    }
    double mode = 0.5 * (low + high);
    double curvature = 0.0;
    for (int i = 0; i < 3; ++i) {
        double const d = i == 0 ? 1e-3 : std::min(1e-3, 0.1 / std::sqrt(std::max(curvature, 1.0)));
        curvature = (slope(mode - d) - slope(mode + d)) / (2.0 * d);
        if (!(curvature > 1e4)) break;
        mode += std::clamp(slope(mode) / curvature, -2e-3, 2e-3);
    }
    double const narrow = curvature > 0.0 ? 0.6 / std::sqrt(curvature) : 0.28;
    return {mode, std::min(0.28, narrow)};
}

double pareto_ggg_objective(compressed_rows const& rows, std::span<double const> theta,
                            std::span<double> gradient, std::span<double> hessian, unsigned threads) {
    std::array<double, dimension> p{};
    for (std::size_t i = 0; i < dimension; ++i)
        p[i] = std::exp(theta[i]);
    pareto_ggg const m = pareto_ggg::from(p, {});
    row_constants const c{log_less_digamma(m.t), numerics::trigamma(m.t), numerics::digamma(m.r),
                          numerics::trigamma(m.r)};
    constexpr std::size_t rows_a_block = 32;
    std::vector<totals> blocks(block_count(rows.size(), rows_a_block));
    parallel_blocks(
        rows.size(), rows_a_block, threads, [&](std::size_t block, std::size_t begin, std::size_t end) {
            std::vector<entry> entries;
            row_tile::buffer scratch;
            auto run = std::upper_bound(
                rows.runs.begin(), rows.runs.end(), begin,
                [](std::size_t row, compressed_rows::run const& one) { return row < one.end; });
            for (std::size_t i = begin; i < end; ++i) {
                if (i >= run->end) ++run;
                auto const row = rows.histories.tile(i, i + 1, scratch);
                add_row(m, c, run->x, row.tx[0], row.T[0], rows.log_gaps.empty() ? nan : rows.log_gaps[i],
                        row.weight[0], entries, blocks[block]);
            }
        });
    totals total;
    for (totals const& block : blocks)
        total += block;
    return total.negative(gradient, hessian);
}

}  // namespace clavis::lifetime

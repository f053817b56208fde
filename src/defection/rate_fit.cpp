#include "defection/rate_fit.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <string>
#include <tuple>

#include "clavis/core/parallel.hpp"
#include "clavis/numerics/log_incomplete_beta.hpp"
#include "clavis/numerics/optimize.hpp"
#include "clavis/numerics/special.hpp"

namespace clavis::defection {
namespace {

using numerics::digamma;
using numerics::log_gamma;
using numerics::trigamma;

/// The value with four bits of mantissa: neighbours within 1/16.
std::int64_t coarse(double value) {
    return std::bit_cast<std::int64_t>(value) >> 48;
}

template <class Key>
std::vector<rate_row> merged(std::vector<rate_row> rows, Key&& key) {
    std::sort(rows.begin(), rows.end(), [&](rate_row const& a, rate_row const& b) {
        auto const left = key(a);
        auto const right = key(b);
        return left != right ? left < right
                             : std::tie(a.visits, a.span, a.age) < std::tie(b.visits, b.span, b.age);
    });
    std::vector<rate_row> result;
    for (std::size_t begin = 0; begin < rows.size();) {
        rate_row sum{0, 0, 0, 0};
        std::size_t end = begin;
        for (; end < rows.size() && key(rows[end]) == key(rows[begin]); ++end) {
            sum.visits += rows[end].weight * rows[end].visits;
            sum.span += rows[end].weight * rows[end].span;
            sum.age += rows[end].weight * rows[end].age;
            sum.weight += rows[end].weight;
        }
        result.push_back({sum.visits / sum.weight, sum.span / sum.weight, sum.age / sum.weight, sum.weight});
        begin = end;
    }
    return result;
}

/// Value, gradient and upper triangle of the Hessian of the log-likelihood on logarithms of r, alpha, a, b.
struct sums {
    double value = 0;
    std::array<double, 4> first{};
    std::array<std::array<double, 4>, 4> second{};
};

void add_row(rate_row const& row, double k, std::array<double, 4> const& p, sums& total) {
    auto const [r, alpha, a, b] = p;
    double const x = row.visits;
    double const w = row.weight;
    double const shape = r + k * x;
    double const silence = std::max(row.age - row.span, 0.0);
    double const known = alpha + row.span;
    // ln P(gap > T - G) on a small cross of ln r and ln alpha: its derivatives in the first argument of the incomplete
    // beta function have no closed form.
    constexpr double h = 1e-3;
    double f[3][3];
    for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j) {
            double const n = r * std::exp(h * (i - 1)) + k * x;
            double const scale = alpha * std::exp(h * (j - 1)) + row.span;
            f[i][j] =
                numerics::log_incomplete_beta(n, k, scale / (scale + silence), silence / (scale + silence));
        }
    double const fr = (f[2][1] - f[0][1]) / (2 * h);
    double const fa = (f[1][2] - f[1][0]) / (2 * h);
    double const frr = (f[2][1] - 2 * f[1][1] + f[0][1]) / (h * h);
    double const faa = (f[1][2] - 2 * f[1][1] + f[1][0]) / (h * h);
    double const fra = (f[2][2] - f[2][0] - f[0][2] + f[0][0]) / (4 * h * h);

    double const left = std::log(a) - std::log(b + x);
    double const high = std::max(f[1][1], left);
    double const both = high + std::log(std::exp(f[1][1] - high) + std::exp(left - high));
    double const here = std::exp(f[1][1] - both);
    double const gone = std::exp(left - both);
    double const mixed = here * gone;
    double const vb = -b / (b + x);

    double const log_ratio = std::log(alpha / known);
    double const rise = digamma(shape) - digamma(r);
    double const end = a + b + x + 1;
    total.value += w * (log_gamma(shape) - log_gamma(r) + r * log_ratio - k * x * std::log(known) +
                        log_gamma(b + x + 1) - log_gamma(b) + log_gamma(a + b) - log_gamma(end) + both);
    double const all = digamma(a + b) - digamma(end);
    double const own = digamma(b + x + 1) - digamma(b);
    double const all2 = trigamma(a + b) - trigamma(end);
    double const own2 = trigamma(b + x + 1) - trigamma(b);
    total.first[0] += w * (r * (rise + log_ratio) + here * fr);
    total.first[1] += w * (r - shape * alpha / known + here * fa);
    total.first[2] += w * (a * all + gone);
    total.first[3] += w * (b * (own + all) + gone * vb);
    total.second[0][0] +=
        w * (r * (rise + log_ratio) + r * r * (trigamma(shape) - trigamma(r)) + here * frr + mixed * fr * fr);
    total.second[0][1] += w * (r * row.span / known + here * fra + mixed * fr * fa);
    total.second[1][1] += w * (-shape * alpha * row.span / (known * known) + here * faa + mixed * fa * fa);
    total.second[0][2] += w * (-mixed * fr);
    total.second[1][2] += w * (-mixed * fa);
    total.second[0][3] += w * (-mixed * fr * vb);
    total.second[1][3] += w * (-mixed * fa * vb);
    total.second[2][2] += w * (a * all + a * a * all2 + mixed);
    total.second[2][3] += w * (a * b * all2 + mixed * vb);
    total.second[3][3] +=
        w * (b * (own + all) + b * b * (own2 + all2) + gone * (vb + vb * vb) + mixed * vb * vb);
}

}  // namespace

std::vector<rate_row> gather_rows(std::vector<std::int32_t> const& visits, std::vector<double> const& span,
                                  std::vector<double> const& age, std::size_t most) {
    std::vector<rate_row> rows;
    rows.reserve(visits.size());
    for (std::size_t i = 0; i < visits.size(); ++i)
        rows.push_back({static_cast<double>(visits[i]), span[i], age[i], 1});
    rows = merged(std::move(rows),
                  [](rate_row const& row) { return std::tuple(row.visits, row.span, row.age); });
    if (rows.size() <= most) return rows;
    return merged(std::move(rows), [](rate_row const& row) {
        return std::tuple(row.visits <= 32 ? std::bit_cast<std::int64_t>(row.visits) : coarse(row.visits),
                          coarse(row.span), coarse(row.age - row.span));
    });
}

lifetime::fit_report fit_rates(std::vector<rate_row> const& rows, double k, std::span<double const, 4> start,
                               bool dropout, unsigned threads) {
    std::size_t const free = dropout ? 4 : 2;
    auto const parameters = [&](std::span<double const> theta) {
        std::array<double, 4> p{start[0], start[1], start[2], start[3]};
        for (std::size_t i = 0; i < free; ++i)
            p[i] = std::exp(theta[i]);
        return p;
    };
    constexpr std::size_t block = 512;
    auto const evaluate = [&](std::span<double const> theta) {
        std::vector<sums> parts(block_count(rows.size(), block));
        auto const p = parameters(theta);
        parallel_blocks(rows.size(), block, threads,
                        [&](std::size_t part, std::size_t begin, std::size_t end) {
                            for (std::size_t i = begin; i < end; ++i)
                                add_row(rows[i], k, p, parts[part]);
                        });
        sums total;
        for (sums const& part : parts) {
            total.value += part.value;
            for (std::size_t i = 0; i < 4; ++i) {
                total.first[i] += part.first[i];
                for (std::size_t j = i; j < 4; ++j)
                    total.second[i][j] += part.second[i][j];
            }
        }
        return total;
    };
    numerics::objective const objective = [&](std::span<double const> theta, std::span<double> gradient,
                                              std::span<double> hessian) {
        sums const total = evaluate(theta);
        for (std::size_t i = 0; i < free; ++i) {
            gradient[i] = -total.first[i];
            for (std::size_t j = i; j < free; ++j)
                hessian[i * free + j] = hessian[j * free + i] = -total.second[i][j];
        }
        return -total.value;
    };
    std::vector<double> theta;
    for (std::size_t i = 0; i < free; ++i)
        theta.push_back(std::log(start[i]));
    double customers = 0;
    for (rate_row const& row : rows)
        customers += row.weight;
    numerics::minimize_options options;
    options.center = theta;
    options.bound = 12;
    options.tolerance = 1e-9 * customers;
    auto const found = numerics::minimize(objective, theta, options);

    lifetime::fit_report report;
    report.parameter_names = {"r", "alpha", "a", "b"};
    auto const p = parameters(found.x);
    report.estimates.assign(p.begin(), p.end());
    report.standard_errors.assign(4, 0.0);
    report.log_likelihood = -found.value;
    report.iterations = found.iterations;
    report.distinct_rows = static_cast<std::int64_t>(rows.size());
    report.customers = customers;
    report.gradient_norm = 0;
    for (double const slope : found.gradient)
        report.gradient_norm = std::max(report.gradient_norm, std::abs(slope));
    auto const analysis = numerics::analyse_symmetric(found.hessian, free);
    report.converged = found.status == numerics::minimize_status::converged && !analysis.inverse.empty();
    report.status = report.converged ? "converged after " + std::to_string(found.iterations) + " iterations"
                                     : "the search for r and alpha ended without a maximum";
    for (std::size_t i = 0; i < free; ++i)
        report.standard_errors[i] = analysis.inverse.empty()
                                        ? std::numeric_limits<double>::quiet_NaN()
                                        : report.estimates[i] * std::sqrt(analysis.inverse[i * free + i]);
    return report;
}

}  // namespace clavis::defection

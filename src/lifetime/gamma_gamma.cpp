#include "clavis/lifetime/gamma_gamma.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "clavis/numerics/special.hpp"
#include "conditional.hpp"
#include "fit_rows.hpp"
#include "newton_fit.hpp"
#include "rows.hpp"

namespace clavis::lifetime {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

void check_spend(ledger::summary_view const& customers) {
    if (customers.monetary_value.size() != customers.size() || customers.monetary_value.empty())
        throw input_error({.table = "summary", .column = "monetary_value"},
                          customers.monetary_value.empty() ? "is missing: the spend model needs it"
                                                           : "has another number of rows than frequency");
    for (std::size_t i = 0; i < customers.size(); ++i) {
        bool const absent = i < customers.T.size() && std::isnan(customers.T[i]);
        std::string_view problem;
        std::string_view column = "frequency";
        double value = customers.frequency[i];
        if (customers.frequency[i] < 0 && !absent) {
            problem = "is negative";
        } else if (customers.frequency[i] > 0 && !absent && !std::isfinite(customers.monetary_value[i])) {
            column = "monetary_value";
            value = customers.monetary_value[i];
            problem = "is not a finite amount";
        }
        if (problem.empty()) continue;
        std::string const text = number_text(value);
        throw input_error(
            {.table = "summary", .column = column, .row = static_cast<std::int64_t>(i), .value = text},
            problem);
    }
}

/// What a fit reads: distinct (x, m), and who was left out.
struct spend_data {
    compressed_rows rows;
    double log_m = 0.0;  // sum of weight * ln m
    double least = inf, most = 0.0;
    std::int64_t not_positive = 0, absent = 0;
};

spend_data read_spend(ledger::summary_view const& customers) {
    check_spend(customers);
    spend_data result{.rows = compress_spend(customers)};
    for (std::size_t i = 0; i < customers.size(); ++i) {
        if (i < customers.T.size() && std::isnan(customers.T[i]))
            ++result.absent;
        else if (customers.frequency[i] > 0 && !(customers.monetary_value[i] > 0.0))
            ++result.not_positive;
    }
    for_each_tile(result.rows, [&](compressed_rows::run const&, row_tile const& tile) {
        for (std::size_t i = 0; i < tile.size(); ++i)
            result.log_m += tile.weight[i] * std::log(tile.T[i]);
        result.least = std::min(result.least, tile.T.front());
        result.most = std::max(result.most, tile.T.back());
    });
    return result;
}

using totals = derivatives<3>;
constexpr std::size_t P = 0, Q = 1, C = 2;  // C: ln gamma

// log L + ln m = log_rising(px, q) - lnGamma(q) - px ln(1 + gamma / mx) - q ln(1 + mx / gamma): every term
// keeps its digits where p or q is large. theta = ln (p, q, gamma / scale).
double spend_objective(spend_data const& data, std::span<double const> theta, std::span<double> gradient,
                       std::span<double> hessian, unsigned threads) {
    double const p = std::exp(theta[0]);
    double const q = std::exp(theta[1]);
    double const gamma = std::exp(theta[2]);
    double const q_log = numerics::log_gamma(q);
    double const q_first = numerics::digamma(q);
    double const q_second = numerics::trigamma(q);
    auto const add = [&](std::size_t k, bool begins, row_tile const& tile, totals& t) {
        auto const& run = data.rows.runs[k];
        double const x = run.x;
        double low = 0.0;    // sum of w ln(1 + gamma / mx)
        double high = 0.0;   // sum of w ln(1 + mx / gamma)
        double share = 0.0;  // sum of w gamma / (gamma + mx)
        double spread = 0.0;
        double weight = 0.0;
        for (std::size_t i = 0; i < tile.size(); ++i) {
            double const w = tile.weight[i];
            double const mx = tile.T[i] * x;
            double const s = gamma / (gamma + mx);
            low += w * std::log1p(gamma / mx);
            high += w * std::log1p(mx / gamma);
            share += w * s;
            spread += w * (s * (1.0 - s));
            weight += w;
        }
        double const px = p * x;
        double const n = px + q;
        t.value -= px * low + q * high;
        t.first[P] -= px * low;
        t.first[Q] -= q * high;
        t.second[totals::at(P, P)] -= px * low;
        t.second[totals::at(Q, Q)] -= q * high;
        // d low / d ln gamma = share, d high / d ln gamma = share - 1, d share / d ln gamma = spread.
        t.first[C] += q * (weight - share) - px * share;
        t.second[totals::at(P, C)] -= px * share;
        t.second[totals::at(Q, C)] += q * (weight - share);
        t.second[totals::at(C, C)] -= n * spread;
        if (!begins) return;
        double const w = run.weight;
        double const first = numerics::digamma(n);
        double const second = numerics::trigamma(n);
        double const dp = w * px * (first - numerics::digamma(px));
        double const dq = w * q * (first - q_first);
        t.value += w * (numerics::log_rising(px, q) - q_log);
        t.first[P] += dp;
        t.first[Q] += dq;
        t.second[totals::at(P, P)] += dp + w * px * px * (second - numerics::trigamma(px));
        t.second[totals::at(P, Q)] += w * px * q * second;
        t.second[totals::at(Q, Q)] += dq + w * q * q * (second - q_second);
    };
    return sum_runs<totals>(data.rows, threads, add).negative(gradient, hessian) + data.log_m;
}

}  // namespace

void gamma_gamma::validate() const {
    require_positive(*this);
}

double gamma_gamma::log_likelihood(double x, double m) const noexcept {
    if (!(x > 0.0) || !(m > 0.0)) return nan;
    // A negative binomial chance of p x, any real number, but for the factor p x / m: as a deviance it keeps its digits
    // where the gamma functions are large.
    return std::log(p * x / m) + numerics::log_negative_binomial(p * x, q, m * x / gamma);
}

double gamma_gamma::population_mean() const noexcept {
    return q > 1.0 ? p * gamma / (q - 1.0) : inf;
}

double gamma_gamma::expected_spend(double x, double m) const noexcept {
    if (x == 0.0) return population_mean();
    if (!(x > 0.0) || !(m > 0.0)) return nan;
    double const below = p * x + (q - 1.0);
    return below > 0.0 ? p * (gamma + x * m) / below : inf;
}

void expected_spend(gamma_gamma const& model, ledger::summary_view const& customers, std::span<double> out,
                    unsigned threads) {
    model.validate();
    check_spend(customers);
    check_result(out.size(), customers.size());
    parallel_blocks(
        out.size(), prediction_rows, threads, [&](std::size_t, std::size_t begin, std::size_t end) {
            for (std::size_t i = begin; i < end; ++i) {
                bool const absent = i < customers.T.size() && std::isnan(customers.T[i]);
                out[i] =
                    absent ? nan : model.expected_spend(customers.frequency[i], customers.monetary_value[i]);
            }
        });
}

void log_likelihood(gamma_gamma const& model, ledger::summary_view const& customers, std::span<double> out,
                    unsigned threads) {
    model.validate();
    check_spend(customers);
    check_result(out.size(), customers.size());
    parallel_blocks(
        out.size(), prediction_rows, threads, [&](std::size_t, std::size_t begin, std::size_t end) {
            for (std::size_t i = begin; i < end; ++i) {
                bool const absent = i < customers.T.size() && std::isnan(customers.T[i]);
                std::int32_t const x = customers.frequency[i];
                out[i] = absent ? nan : x == 0 ? 0.0 : model.log_likelihood(x, customers.monetary_value[i]);
            }
        });
}

template <>
fit_result<gamma_gamma> fit<gamma_gamma>(ledger::summary_view const& customers, fit_options const& options) {
    options.watch.report("compressing rows", 0.0);
    spend_data const data = read_spend(customers);
    compressed_rows const& rows = data.rows;
    if (rows.rows == 0)
        throw input_error({.table = "summary", .column = "monetary_value"},
                          "no row has a repeat purchase (frequency above 0) and a positive mean amount");
    // Moments of m over customers: E = p gamma / (q - 1); with q = 3 as a usual heaviness of the tail.
    double const mean = rows.exposure / rows.customers;
    auto start = [&](double p, double q) {
        return std::vector<double>{std::log(p), std::log(q), std::log(mean * std::max(q - 1.0, 0.5) / p)};
    };
    fit_problem problem;
    problem.model = gamma_gamma::name;
    problem.names = gamma_gamma::parameter_names;
    problem.units = {1.0, 1.0, rows.scale};
    problem.center = {0.0, 0.0, 0.0};
    problem.dimensionless = {0.0, 0.0, -std::log(mean)};
    problem.sample_rows = rows.size();
    problem.starts = {start(6.0, 3.0), start(1.0, 3.0), start(50.0, 3.0), start(2.0, 20.0), start(6.0, 0.8)};
    problem.function = [&](std::span<double const> theta, std::span<double> gradient,
                           std::span<double> hessian,
                           bool) { return spend_objective(data, theta, gradient, hessian, options.threads); };
    fit_solution found = solve(problem, options);

    fit_report& report = found.report;
    report.log_likelihood = -found.value - rows.customers * std::log(rows.scale);
    report.rows = rows.rows;
    report.distinct_rows = static_cast<std::int64_t>(rows.size());
    report.left_out = data.not_positive + data.absent;
    report.customers = rows.customers;
    auto& words = report.warnings;
    bool const informed = all_informed(problem, options);
    std::size_t free = 0;
    for (known k : found.knowledge)
        free += k != known::fixed;
    if (data.not_positive > 0)
        words.push_back(
            counted(data.not_positive, "customer", "customers") +
            " with repeat purchases left out: monetary_value is zero or negative (net of returns), which "
            "this model does not cover");
    if (data.absent > 0)
        words.push_back(counted(data.absent, "customer", "customers") +
                        " without any purchase (T is missing) left out");
    double const count = std::max(rows.customers, static_cast<double>(rows.rows));
    if (count <= 1.0)
        words.push_back("one customer only: heterogeneity between customers cannot be estimated");
    else if (count < static_cast<double>(free))
        words.push_back("fewer customers than parameters: " + number_text(count) + " for " +
                        std::to_string(free));
    if (data.least == data.most) {
        words.push_back(
            "every customer spends the same: the spread of amounts, and with it p and q, is not identified");
        if (free > 0 && !informed) report.converged = false;
    }
    if (free > 0 && count < static_cast<double>(free) && !informed) report.converged = false;
    auto open = [&](std::size_t i) {
        return found.knowledge[i] != known::well && found.knowledge[i] != known::fixed;
    };
    if (open(0) || open(1) || open(2)) {
        if (found.theta[0] > 3.0 && found.theta[1] < 6.0)
            words.push_back("p grows without bound: a customer's purchases hardly differ from each other");
        else if (found.theta[1] > 3.0)
            words.push_back(
                "q grows without bound: customers do not differ in their mean spend more than chance "
                "explains; only "
                "the population mean is known");
        else
            words.push_back("p, q and gamma are not all identified by these data");
    }
    if (found.parameters[1] <= 1.0)
        words.push_back(
            "q is " + number_text(found.parameters[1]) +
            ": for q <= 1 the population mean spend is infinite, and so is the value of every customer "
            "without repeat purchase");
    if (!report.converged && report.status.starts_with("converged"))
        report.status = "not converged: the data cannot tell the parameters";
    auto const& v = found.parameters;
    return {{v[0], v[1], v[2]}, std::move(report)};
}

}  // namespace clavis::lifetime

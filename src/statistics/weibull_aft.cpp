#include "clavis/statistics/weibull_aft.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "clavis/core/errors.hpp"

namespace clavis::statistics {
namespace {

using matrix = Eigen::MatrixXd;
using vector = Eigen::VectorXd;
constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

void check(weibull_view const& data) {
    std::size_t const n = data.duration.size();
    std::size_t const p = data.names.size();
    if (n == 0) throw input_error("survival data: there are no rows");
    if (data.event.size() != n || data.covariates.size() != n * p ||
        (!data.weights.empty() && data.weights.size() != n))
        throw input_error("durations, events, weights and covariates have one row each for a subject");
    auto refuse = [](std::string_view column, std::size_t row, double value, char const* problem) {
        throw input_error({.table = "survival data",
                           .column = column,
                           .row = static_cast<std::int64_t>(row),
                           .value = std::to_string(value)},
                          problem);
    };
    bool seen = false;
    for (std::size_t row = 0; row < n; ++row) {
        if (!(data.duration[row] > 0) || std::isinf(data.duration[row]))
            refuse("duration", row, data.duration[row], "is no duration: durations are finite and above 0");
        if (data.event[row] > 1)
            refuse("event", row, data.event[row], "is neither 0 (censored) nor 1 (event)");
        if (!data.weights.empty() && (!(data.weights[row] >= 0) || std::isinf(data.weights[row])))
            refuse("weights", row, data.weights[row], "is no weight: weights are finite and not negative");
        seen = seen || (data.event[row] != 0 && (data.weights.empty() || data.weights[row] > 0));
    }
    for (std::size_t i = 0; i < n * p; ++i)
        if (!std::isfinite(data.covariates[i]))
            refuse(data.names[i % p], i / p, data.covariates[i], "is no finite number");
    if (!seen) throw input_error("survival data: there are no events, so nothing can be learned");
}

/// Rows sorted, so that their order changes no bit; the first column is 1, the others standardised.
struct design {
    matrix x;
    vector log_time, weight, died;
    vector mean, spread;

    explicit design(weibull_view const& data) {
        std::size_t const n = data.duration.size();
        std::size_t const p = data.names.size();
        std::vector<std::size_t> order(n);
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
            if (data.duration[a] != data.duration[b]) return data.duration[a] < data.duration[b];
            if (data.event[a] != data.event[b]) return data.event[a] < data.event[b];
            for (std::size_t c = 0; c < p; ++c)
                if (data.covariates[a * p + c] != data.covariates[b * p + c])
                    return data.covariates[a * p + c] < data.covariates[b * p + c];
            return !data.weights.empty() && data.weights[a] < data.weights[b];
        });
        auto const rows = static_cast<Eigen::Index>(n);
        auto const columns = static_cast<Eigen::Index>(p);
        x.resize(rows, columns + 1);
        log_time.resize(rows);
        weight.resize(rows);
        died.resize(rows);
        for (Eigen::Index i = 0; i < rows; ++i) {
            std::size_t const row = order[static_cast<std::size_t>(i)];
            x(i, 0) = 1;
            for (std::size_t c = 0; c < p; ++c)
                x(i, static_cast<Eigen::Index>(c) + 1) = data.covariates[row * p + c];
            log_time[i] = std::log(data.duration[row]);
            weight[i] = data.weights.empty() ? 1 : data.weights[row];
            died[i] = data.event[row];
        }
        mean = vector::Zero(columns + 1);
        spread = vector::Ones(columns + 1);
        for (Eigen::Index c = 1; c <= columns; ++c) {
            double const shift = x(0, c);
            mean[c] = shift + (x.col(c).array() - shift).mean();
            double const largest = (x.col(c).array() - mean[c]).abs().maxCoeff();
            if (largest <= 1e-14 * std::abs(mean[c]) || largest == 0) {
                spread[c] = 0;
                x.col(c).setZero();
                continue;
            }
            vector const part = (x.col(c).array() - mean[c]) / largest;
            spread[c] = largest * std::sqrt(part.squaredNorm() / static_cast<double>(n));
            x.col(c) = part * (largest / spread[c]);
        }
    }
};

struct evaluation {
    double value;
    vector gradient;  ///< by b, then a
    matrix information;
};

/// `columns` of the design take part.
evaluation evaluate(design const& d, std::vector<Eigen::Index> const& columns, vector const& b, double a) {
    auto const p = static_cast<Eigen::Index>(columns.size());
    evaluation e{0, vector::Zero(p + 1), matrix::Zero(p + 1, p + 1)};
    vector row(p + 1);
    for (Eigen::Index i = 0; i < d.x.rows(); ++i) {
        double z = a * d.log_time[i];
        for (Eigen::Index c = 0; c < p; ++c) {
            row[c] = -d.x(i, columns[static_cast<std::size_t>(c)]);
            z += row[c] * b[c];
        }
        row[p] = d.log_time[i];
        double const risk = d.weight[i] * std::exp(z);
        double const died = d.weight[i] * d.died[i];
        e.value += died * (z + std::log(a) - d.log_time[i]) - risk;
        e.gradient += (died - risk) * row;
        e.gradient[p] += died / a;
        e.information.noalias() += risk * row * row.transpose();
        e.information(p, p) += died / (a * a);
    }
    if (!(a > 0)) e.value = nothing;
    return e;
}

struct maximum {
    vector b;
    double a;
    evaluation at;
    int iterations = 0;
    bool converged = false;
};

maximum search(design const& d, std::vector<Eigen::Index> const& columns, int max_iterations) {
    auto const p = static_cast<Eigen::Index>(columns.size());
    maximum best{vector::Zero(p), 1, {}, 0, false};
    // The exponential distribution's rate is known at once.
    double const events = d.weight.dot(d.died);
    double exposure = 0;
    double const shift = d.log_time.maxCoeff();
    for (Eigen::Index i = 0; i < d.x.rows(); ++i)
        exposure += d.weight[i] * std::exp(d.log_time[i] - shift);
    best.b[0] = shift + std::log(exposure / events);
    best.at = evaluate(d, columns, best.b, best.a);
    while (best.iterations < max_iterations) {
        vector const scale = best.at.information.diagonal().cwiseMax(1e-300).cwiseSqrt().cwiseInverse();
        matrix const scaled = scale.asDiagonal() * best.at.information * scale.asDiagonal();
        vector const step = scale.asDiagonal() * scaled.ldlt().solve(scale.asDiagonal() * best.at.gradient);
        double const promised = best.at.gradient.dot(step);
        if (!step.allFinite() || !(promised >= 0)) break;
        ++best.iterations;
        double factor = 1;
        evaluation next;
        for (int halving = 0; halving < 50; ++halving, factor /= 2) {
            next = evaluate(d, columns, best.b + factor * step.head(p), best.a + factor * step[p]);
            if (next.value >= best.at.value - 1e-13 * std::abs(best.at.value)) break;
        }
        if (!(next.value >= best.at.value - 1e-13 * std::abs(best.at.value))) break;
        best.b += factor * step.head(p);
        best.a += factor * step[p];
        best.at = std::move(next);
        if (promised < 1e-11) {
            best.converged = true;
            break;
        }
    }
    return best;
}

}  // namespace

weibull_fit fit_weibull_aft(weibull_view const& data, int max_iterations) {
    check(data);
    design const d(data);
    std::size_t const p = data.names.size();
    weibull_fit fit;
    fit.rows = data.duration.size();
    fit.events = static_cast<std::size_t>(std::count(data.event.begin(), data.event.end(), 1));
    fit.coefficient.assign(p, nothing);

    std::vector<Eigen::Index> columns{0};
    matrix const gram = d.x.transpose() * d.x;
    for (std::size_t c = 0; c < p; ++c) {
        auto const k = static_cast<Eigen::Index>(c) + 1;
        if (d.spread[k] == 0) {
            fit.warnings.push_back('"' + data.names[c] + "\" is constant: its coefficient is left out");
            continue;
        }
        auto const size = static_cast<Eigen::Index>(columns.size());
        matrix before(size, size);
        vector across(size);
        for (Eigen::Index i = 0; i < size; ++i) {
            across[i] = gram(columns[static_cast<std::size_t>(i)], k);
            for (Eigen::Index j = 0; j < size; ++j)
                before(i, j) =
                    gram(columns[static_cast<std::size_t>(i)], columns[static_cast<std::size_t>(j)]);
        }
        if (gram(k, k) - across.dot(before.ldlt().solve(across)) > 1e-10 * gram(k, k)) {
            columns.push_back(k);
        } else {
            fit.warnings.push_back(
                '"' + data.names[c] +
                "\" is a linear combination of columns before it: its coefficient is left out");
        }
    }
    fit.log_likelihood_null = search(d, {0}, max_iterations).at.value;
    auto const best = search(d, columns, max_iterations);
    fit.iterations = best.iterations;
    fit.converged = best.converged;
    fit.log_likelihood = best.at.value;
    fit.scale = 1 / best.a;
    if (!fit.converged || fit.scale < 1e-8 || fit.scale > 1e8) {
        fit.converged = false;
        fit.warnings.push_back(fit.events < columns.size() + 1
                                   ? "there are fewer events than parameters: the likelihood rises for ever"
                                   : "the search did not reach a maximum");
    }
    fit.status = fit.converged ? "converged" : "not converged";

    // From (b, a) of standardised columns to intercept, β of the columns as they are, and ln scale: a linear map of the
    // derivatives. β_c = b_c / (a spread_c), intercept = b_0 / a − Σ β_c mean_c, ln scale = −ln a.
    auto const size = static_cast<Eigen::Index>(columns.size());
    matrix map = matrix::Zero(static_cast<Eigen::Index>(p) + 2, size + 1);
    fit.intercept = best.b[0] / best.a;
    map(0, 0) = 1 / best.a;
    map(0, size) = -best.b[0] / (best.a * best.a);
    for (Eigen::Index i = 1; i < size; ++i) {
        auto const k = columns[static_cast<std::size_t>(i)];
        double const beta = best.b[i] / best.a / d.spread[k];
        fit.coefficient[static_cast<std::size_t>(k - 1)] = beta;
        fit.intercept -= beta * d.mean[k];
        map(k, i) = 1 / best.a / d.spread[k];
        map(k, size) = -beta / best.a;
        map.row(0) -= d.mean[k] * map.row(k);
    }
    map(static_cast<Eigen::Index>(p) + 1, size) = -1 / best.a;
    matrix const inverse = best.at.information.ldlt().solve(matrix::Identity(size + 1, size + 1));
    matrix covariance = map * inverse * map.transpose();
    for (std::size_t c = 0; c < p; ++c)
        if (std::isnan(fit.coefficient[c])) {
            covariance.row(static_cast<Eigen::Index>(c) + 1).setConstant(nothing);
            covariance.col(static_cast<Eigen::Index>(c) + 1).setConstant(nothing);
        }
    for (Eigen::Index i = 0; i < covariance.rows(); ++i)
        for (Eigen::Index k = 0; k < covariance.cols(); ++k)
            fit.covariance.push_back(covariance(i, k));
    return fit;
}

}  // namespace clavis::statistics

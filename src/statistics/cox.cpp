#include "clavis/statistics/cox.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "clavis/core/errors.hpp"
#include "clavis/statistics/survival_scores.hpp"
#include "statistics/cox_likelihood.hpp"

namespace clavis::statistics {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

using matrix = Eigen::MatrixXd;
using vector = Eigen::VectorXd;

std::string number(char const* format, double value) {
    char text[40];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

/// Columns whose information is not that of the columns before them; says of the others why not.
std::vector<Eigen::Index> identified(matrix const& information, cox_rows const& rows,
                                     std::vector<std::string> const& names,
                                     std::vector<std::string>& warnings) {
    auto const p = static_cast<Eigen::Index>(names.size());
    double const most = information.diagonal().maxCoeff();
    std::vector<Eigen::Index> kept;
    for (Eigen::Index c = 0; c < p; ++c) {
        auto const& name = names[static_cast<std::size_t>(c)];
        if (rows.spread[static_cast<std::size_t>(c)] == 0) {
            warnings.push_back('"' + name +
                               "\" is constant: its coefficient cannot be known and is left out");
            continue;
        }
        double const own = information(c, c);
        if (!(own > 1e-11 * most)) {
            warnings.push_back(
                '"' + name +
                "\" does not vary among those at risk together: its coefficient cannot be known "
                "and is left out");
            continue;
        }
        auto const size = static_cast<Eigen::Index>(kept.size());
        matrix before(size, size);
        vector across(size);
        for (Eigen::Index i = 0; i < size; ++i) {
            across[i] = information(kept[static_cast<std::size_t>(i)], c);
            for (Eigen::Index k = 0; k < size; ++k)
                before(i, k) =
                    information(kept[static_cast<std::size_t>(i)], kept[static_cast<std::size_t>(k)]);
        }
        vector const part = size > 0 ? vector(before.ldlt().solve(across)) : vector(0);
        if (own - across.dot(part) > 1e-10 * own) {
            kept.push_back(c);
            continue;
        }
        std::string of;
        for (Eigen::Index i = 0; i < size; ++i) {
            auto const k = kept[static_cast<std::size_t>(i)];
            if (std::abs(part[i]) * std::sqrt(information(k, k) / own) > 1e-4)
                of += (of.empty() ? "\"" : ", \"") + names[static_cast<std::size_t>(k)] + '"';
        }
        warnings.push_back('"' + name + "\" is a linear combination of " + of +
                           " among those at risk together: its coefficient is left out");
    }
    return kept;
}

template <class Values>
vector select(Values const& values, std::vector<Eigen::Index> const& kept) {
    vector result(static_cast<Eigen::Index>(kept.size()));
    for (std::size_t i = 0; i < kept.size(); ++i)
        result[static_cast<Eigen::Index>(i)] = values[kept[i]];
    return result;
}
matrix select_square(matrix const& values, std::vector<Eigen::Index> const& kept) {
    auto const size = static_cast<Eigen::Index>(kept.size());
    matrix result(size, size);
    for (Eigen::Index i = 0; i < size; ++i)
        for (Eigen::Index k = 0; k < size; ++k)
            result(i, k) = values(kept[static_cast<std::size_t>(i)], kept[static_cast<std::size_t>(k)]);
    return result;
}

/// A covariance of kept standardised coefficients, of all columns in their own units.
std::vector<double> in_own_units(matrix const& covariance, cox_rows const& rows,
                                 std::vector<Eigen::Index> const& kept) {
    std::size_t const p = rows.columns;
    std::vector<double> result(p * p, nothing);
    for (std::size_t i = 0; i < kept.size(); ++i)
        for (std::size_t k = 0; k < kept.size(); ++k) {
            auto const a = static_cast<std::size_t>(kept[i]);
            auto const b = static_cast<std::size_t>(kept[k]);
            result[a * p + b] = covariance(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(k)) /
                                rows.spread[a] / rows.spread[b];
        }
    return result;
}

std::string listed(std::vector<std::string> const& names) {
    std::string text;
    for (auto const& name : names)
        text += (text.empty() ? "\"" : ", \"") + name + '"';
    return text;
}

/// Where Newton's method ended, and its last step.
struct ascent {
    double value;
    double promised = 0;  ///< twice what one more step would gain
    vector step;
    int iterations = 0;
    bool converged = false;
    bool out_of_range = false;
};

/// Newton's method with halved steps from `beta`, where the model has been evaluated. Ends after the step that
/// promises less than `gain`; what that step changes is left unevaluated where it is next to nothing.
ascent climb(cox_likelihood& model, std::vector<Eigen::Index> const& kept, cox_options const& options,
             double gain, double value, vector& beta) {
    ascent at{.value = value, .step = vector()};
    for (;;) {
        matrix const information = select_square(model.information(), kept);
        vector const gradient = select(model.gradient(), kept);
        // Scaled to a unit diagonal: what a flat column loses in size stays in its proportion.
        vector const scale = information.diagonal().cwiseMax(1e-300).cwiseSqrt().cwiseInverse();
        Eigen::LDLT<matrix> const solver(scale.asDiagonal() * information * scale.asDiagonal());
        at.step = scale.asDiagonal() * solver.solve(scale.asDiagonal() * gradient);
        at.promised = gradient.dot(at.step);
        if (at.iterations >= options.max_iterations || !at.step.allFinite() || !(at.promised >= 0)) break;
        options.watch.report("fitting", -1);
        bool const last = at.promised < gain;
        vector const from = beta;
        auto const move = [&](double factor) {
            for (std::size_t i = 0; i < kept.size(); ++i)
                beta[kept[i]] = from[kept[i]] + factor * at.step[static_cast<Eigen::Index>(i)];
        };
        if (last && at.step.cwiseAbs().maxCoeff() < 1e-11) {
            move(1);
            at.converged = true;
            break;
        }
        ++at.iterations;
        double factor = 1;
        double next = nothing;
        for (int halving = 0; halving < 40; ++halving, factor /= 2) {
            move(factor);
            next = model.evaluate(beta);
            if (std::isnan(next)) at.out_of_range = true;
            if (next >= at.value - 1e-12 * std::abs(at.value)) break;
        }
        if (!(next >= at.value - 1e-12 * std::abs(at.value))) {
            beta = from;
            at.value = model.evaluate(beta);
            break;
        }
        at.value = next;
        if (last) {
            at.converged = true;
            break;
        }
    }
    return at;
}

/// Where the rows are many, a start near the estimate: that of a part of them. Left where it is if they do not have one.
void approach(cox_rows const& rows, std::size_t events, std::vector<Eigen::Index> const& kept,
              cox_options const& options, vector& beta) {
    std::size_t const enough = 1000 + 100 * rows.columns;
    std::size_t const step = std::min<std::size_t>(16, events / enough);
    if (step < 4) return;
    cox_rows const part = sample_cox_rows(rows, step, options.threads);
    if (part.times.empty()) return;
    cox_likelihood model(part, options.ties == tie_rule::efron, options.threads);
    vector found = beta;
    ascent const at = climb(model, kept, options, 1e-3, model.evaluate(found), found);
    if (at.converged) beta = found;
}

/// Searches from 0, where the model has been evaluated; `beta` is standardised and ends at the maximum.
void search(cox_likelihood& model, cox_rows const& rows, std::vector<Eigen::Index> const& kept,
            cox_view const& data, cox_options const& options, vector& beta, cox_fit& fit) {
    double start = fit.log_likelihood_null;
    approach(rows, fit.events, kept, options, beta);
    if (!beta.isZero(0)) {
        start = model.evaluate(beta);
        if (!(start >= fit.log_likelihood_null)) {
            beta.setZero();
            start = model.evaluate(beta);
        }
    }
    ascent const at = climb(model, kept, options, 1e-11, start, beta);
    double const value = at.value;
    double const promised = at.promised;
    bool const out_of_range = at.out_of_range;
    vector const& step = at.step;
    fit.iterations = at.iterations;
    fit.converged = at.converged;
    fit.log_likelihood = value;
    // Where the likelihood rises for ever, gradient and information vanish together and steps keep their length.
    std::vector<std::string> endless;
    for (std::size_t i = 0; i < kept.size(); ++i)
        if (std::abs(step[static_cast<Eigen::Index>(i)]) > 1e-3)
            endless.push_back(data.names[static_cast<std::size_t>(kept[i])]);
    if (!endless.empty() && (fit.converged || out_of_range || promised < 1e-6)) {
        fit.converged = false;
        fit.status = "the likelihood rises for ever";
        fit.warnings.push_back(
            "the likelihood rises for ever as the coefficient of " + listed(endless) +
            " grows: events and survivors are separated, and the values shown are where the search "
            "stopped");
    } else if (fit.converged) {
        fit.status = "converged";
    } else {
        fit.status = fit.iterations >= options.max_iterations ? "the iterations were used up"
                                                              : "no step raises the likelihood any more";
        fit.warnings.push_back("the search did not reach a maximum: " + fit.status);
    }
}

}  // namespace

cox_fit fit_cox(cox_view const& data, cox_options const& options) {
    cox_rows const rows = make_cox_rows(data, options.threads);
    auto const p = static_cast<Eigen::Index>(rows.columns);
    cox_likelihood model(rows, options.ties == tie_rule::efron, options.threads);
    cox_fit fit;
    fit.rows = rows.size;
    for (auto const& time : rows.times)
        fit.events += time.deaths_end - time.begin;
    fit.mean = rows.mean;

    vector beta = vector::Zero(p);
    fit.log_likelihood_null = model.evaluate(beta);
    if (std::isnan(fit.log_likelihood_null))
        throw input_error("the offset spans more than exp can tell apart: it must lie within -600 and 600");
    auto const kept = identified(model.information(), rows, data.names, fit.warnings);
    fit.degrees = static_cast<int>(kept.size());
    fit.coefficient.assign(rows.columns, nothing);
    if (!kept.empty()) {
        vector const gradient = select(model.gradient(), kept);
        fit.score_statistic = gradient.dot(select_square(model.information(), kept).ldlt().solve(gradient));
        search(model, rows, kept, data, options, beta, fit);
        matrix const information = select_square(model.information(), kept);
        vector const scale = information.diagonal().cwiseMax(1e-300).cwiseSqrt().cwiseInverse();
        matrix const correlation = scale.asDiagonal() * information * scale.asDiagonal();
        Eigen::SelfAdjointEigenSolver<matrix> const eigen(correlation);
        fit.condition = eigen.eigenvalues().maxCoeff() / std::max(eigen.eigenvalues().minCoeff(), 1e-300);
        matrix const covariance =
            scale.asDiagonal() *
            correlation.ldlt().solve(matrix::Identity(information.rows(), information.cols())) *
            scale.asDiagonal();
        vector const chosen = select(beta, kept);
        fit.wald_statistic = chosen.dot(information * chosen);
        fit.gradient_norm = select(model.gradient(), kept).cwiseAbs().maxCoeff();
        fit.covariance = in_own_units(covariance, rows, kept);
        if (options.robust || data.clusters > 0) {
            matrix const meat =
                select_square(model.residual_products(static_cast<std::size_t>(data.clusters)), kept);
            matrix const robust = covariance * meat * covariance;
            fit.robust_covariance = in_own_units(robust, rows, kept);
            fit.wald_statistic = chosen.dot(robust.ldlt().solve(chosen));
        }
        for (auto const c : kept)
            fit.coefficient[static_cast<std::size_t>(c)] = beta[c] / rows.spread[static_cast<std::size_t>(c)];
        if (fit.converged && fit.condition > 1e8)
            fit.warnings.push_back("columns are nearly collinear (condition " +
                                   number("%.2g", fit.condition) + "): single coefficients mean little");
    } else {
        fit.log_likelihood = fit.log_likelihood_null;
        fit.covariance.assign(rows.columns * rows.columns, nothing);
        fit.status = "no covariate tells anything";
    }

    std::vector<double> score(rows.size);
    for (std::size_t row = 0; row < rows.size; ++row) {
        double eta = rows.entering.offset.empty() ? 0.0 : rows.entering.offset[row];
        for (std::size_t c = 0; c < rows.columns; ++c)
            eta += beta[static_cast<Eigen::Index>(c)] * rows.entering.at(row, c);
        score[row] = eta;
    }
    fit.concordance = concordance({.stop = rows.stop,
                                   .event = rows.event,
                                   .score = score,
                                   .start = rows.start,
                                   .weights = rows.entering.weight,
                                   .stratum = rows.code,
                                   .strata = data.strata})
                          .index;
    fit.baseline_stratum.reserve(rows.times.size());
    fit.baseline_time.reserve(rows.times.size());
    fit.baseline_hazard.reserve(rows.times.size());
    for (std::size_t s = 0; s < rows.strata.size(); ++s) {
        auto const& stratum = rows.strata[s];
        for (std::size_t j = stratum.times_end; j-- > stratum.times_begin;) {
            fit.baseline_stratum.push_back(rows.code.empty() ? 0 : rows.code[stratum.rows_begin]);
            fit.baseline_time.push_back(rows.times[j].time);
            fit.baseline_hazard.push_back(model.hazard()[j + s]);
        }
    }
    return fit;
}

}  // namespace clavis::statistics

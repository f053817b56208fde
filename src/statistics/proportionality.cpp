#include "clavis/statistics/proportionality.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "clavis/core/errors.hpp"
#include "clavis/numerics/distributions.hpp"
#include "clavis/statistics/life_table.hpp"
#include "clavis/statistics/survival_curve.hpp"
#include "statistics/cox_likelihood.hpp"

namespace clavis::statistics {
namespace {

using matrix = cox_likelihood::matrix;
using vector = cox_likelihood::vector;

/// The coefficients of standardised columns; 0 where there is none.
vector standardised(cox_rows const& rows, std::span<double const> coefficient) {
    if (coefficient.size() != rows.columns)
        throw input_error("there are " + std::to_string(coefficient.size()) + " coefficients for " +
                          std::to_string(rows.columns) + " covariates");
    vector beta = vector::Zero(static_cast<Eigen::Index>(rows.columns));
    for (std::size_t c = 0; c < rows.columns; ++c)
        if (!std::isnan(coefficient[c])) beta[static_cast<Eigen::Index>(c)] = coefficient[c] * rows.spread[c];
    return beta;
}

double evaluated(cox_likelihood& model, vector const& beta, std::span<double const> factor) {
    double const value = model.evaluate(beta, factor);
    if (std::isnan(value)) throw input_error("the coefficients give risks that exp cannot tell apart");
    return value;
}

std::vector<double> ranks(cox_rows const& rows) {
    auto times = rows.stop;
    std::sort(times.begin(), times.end());
    std::vector<double> result;
    for (auto const& time : rows.times) {
        auto const [low, high] = std::equal_range(times.begin(), times.end(), time.time);
        result.push_back(static_cast<double>((low - times.begin()) + (high - times.begin()) + 1) / 2);
    }
    return result;
}

std::vector<double> parts_gone(cox_rows const& rows, unsigned threads) {
    auto const curve = kaplan_meier(make_life_tables({.duration = std::span<double const>(rows.stop),
                                                      .event = std::span<std::uint8_t const>(rows.event),
                                                      .entry = std::span<double const>(rows.start)},
                                                     threads)[0]);
    std::vector<double> result;
    for (auto const& time : rows.times) {
        auto const at =
            std::lower_bound(curve.time.begin(), curve.time.end(), time.time) - curve.time.begin();
        result.push_back(at == 0 ? 0 : 1 - curve.survival[static_cast<std::size_t>(at) - 1]);
    }
    return result;
}

/// g at each time, with mean 0 and spread 1 over the events, which no statistic depends on.
std::vector<double> scaled_times(cox_rows const& rows, time_scale scale, unsigned threads) {
    std::vector<double> g;
    if (scale == time_scale::rank) {
        g = ranks(rows);
    } else if (scale == time_scale::kaplan_meier) {
        g = parts_gone(rows, threads);
    } else {
        for (auto const& time : rows.times) {
            if (scale == time_scale::log && !(time.time > 0))
                throw input_error("the logarithm of time needs events after time 0");
            g.push_back(scale == time_scale::log ? std::log(time.time) : time.time);
        }
    }
    double count = 0;
    double sum = 0;
    for (std::size_t j = 0; j < g.size(); ++j) {
        double const deaths = rows.times[j].deaths_end - rows.times[j].begin;
        count += deaths;
        sum += deaths * g[j];
    }
    double squares = 0;
    for (std::size_t j = 0; j < g.size(); ++j) {
        g[j] -= sum / count;
        squares += (rows.times[j].deaths_end - rows.times[j].begin) * g[j] * g[j];
    }
    if (!(squares > 0)) throw input_error("all events are at one time: nothing can change with it");
    for (double& one : g)
        one /= std::sqrt(squares / count);
    return g;
}

}  // namespace

proportionality_test test_proportionality(cox_view const& data, std::span<double const> coefficient,
                                          time_scale scale, tie_rule ties, unsigned threads) {
    cox_rows const rows = make_cox_rows(data, threads);
    vector const beta = standardised(rows, coefficient);
    auto g = scaled_times(rows, scale, threads);
    cox_likelihood model(rows, ties == tie_rule::efron, threads);
    evaluated(model, beta, {});
    matrix const a = model.information();
    evaluated(model, beta, g);
    vector const u = model.gradient();
    matrix const b = model.information();
    for (double& one : g)
        one *= one;
    evaluated(model, beta, g);
    matrix const c = model.information();

    std::vector<Eigen::Index> kept;
    for (std::size_t j = 0; j < rows.columns; ++j)
        if (!std::isnan(coefficient[j])) kept.push_back(static_cast<Eigen::Index>(j));
    double const nothing = std::numeric_limits<double>::quiet_NaN();
    proportionality_test found;
    found.statistic.assign(rows.columns, nothing);
    found.p_value.assign(rows.columns, nothing);
    found.degrees = static_cast<int>(kept.size());
    if (kept.empty()) return found;
    matrix const across = b(kept, kept);
    matrix const rest = c(kept, kept) - across * a(kept, kept).ldlt().solve(across);
    vector const score = u(kept);
    for (std::size_t i = 0; i < kept.size(); ++i) {
        auto const k = static_cast<Eigen::Index>(i);
        auto const j = static_cast<std::size_t>(kept[i]);
        found.statistic[j] = score[k] * score[k] / rest(k, k);
        found.p_value[j] = numerics::chi_squared_tail(found.statistic[j], 1);
    }
    found.global_statistic = score.dot(rest.ldlt().solve(score));
    found.global_p_value = numerics::chi_squared_tail(found.global_statistic, found.degrees);
    return found;
}

schoenfeld_residuals find_schoenfeld_residuals(cox_view const& data, std::span<double const> coefficient,
                                               tie_rule ties, unsigned threads) {
    cox_rows const rows = make_cox_rows(data, threads);
    cox_likelihood model(rows, ties == tie_rule::efron, threads);
    evaluated(model, standardised(rows, coefficient), {});
    auto const means = model.means();
    std::size_t const p = rows.columns;
    schoenfeld_residuals found;
    for (auto const& stratum : rows.strata)
        for (std::size_t j = stratum.times_end; j-- > stratum.times_begin;) {
            std::vector<std::size_t> deaths(rows.times[j].deaths_end - rows.times[j].begin);
            std::iota(deaths.begin(), deaths.end(), std::size_t{rows.times[j].begin});
            std::sort(deaths.begin(), deaths.end(),
                      [&](std::size_t x, std::size_t y) { return rows.given[x] < rows.given[y]; });
            for (std::size_t const row : deaths) {
                found.row.push_back(rows.given[row]);
                for (std::size_t k = 0; k < p; ++k)
                    found.residual.push_back((rows.entering.at(row, k) - means[j * p + k]) * rows.spread[k]);
            }
        }
    return found;
}

}  // namespace clavis::statistics

#include "clavis/statistics/proportionality.hpp"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>
#include <map>
#include <utility>

#include "clavis/core/errors.hpp"
#include "statistics/survival_rows.hpp"

namespace clavis::statistics {
namespace {

using matrix = Eigen::MatrixXd;
using vector = Eigen::VectorXd;

/// The statistics from their definition, with the variance of the covariates at every event.
struct definition {
    vector statistic;
    double global;
    std::map<std::int64_t, vector> residual;  ///< by row
};

definition by_definition(test::survival_rows const& rows, std::vector<double> const& coefficient, bool efron,
                         bool logarithm) {
    auto const p = static_cast<Eigen::Index>(rows.columns);
    auto const x = [&](std::size_t i) { return Eigen::Map<vector const>(&rows.x[i * rows.columns], p); };
    Eigen::Map<vector const> const beta(coefficient.data(), p);
    std::map<std::pair<int, double>, std::vector<std::size_t>> deaths;
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (rows.event[i] != 0 && rows.weight(i) > 0) deaths[{rows.stratum_of(i), rows.stop[i]}].push_back(i);
    definition found;
    matrix a = matrix::Zero(p, p);
    matrix b = a;
    matrix c = a;
    vector u = vector::Zero(p);
    for (auto const& [at, dying] : deaths) {
        double const g = logarithm ? std::log(at.second) : at.second;
        auto const d = static_cast<double>(dying.size());
        double weight = 0;
        for (std::size_t const i : dying)
            weight += rows.weight(i);
        vector mean_of_steps = vector::Zero(p);
        for (int k = 0; k < static_cast<int>(dying.size()); ++k) {
            double total = 0;
            vector mean = vector::Zero(p);
            matrix square = matrix::Zero(p, p);
            for (std::size_t i = 0; i < rows.size(); ++i) {
                if (rows.stratum_of(i) != at.first || rows.stop[i] < at.second || rows.entry(i) >= at.second)
                    continue;
                bool const dies = rows.stop[i] == at.second && rows.event[i] != 0;
                double const r = rows.weight(i) * std::exp(beta.dot(x(i))) * (dies && efron ? 1 - k / d : 1);
                total += r;
                mean += r * x(i);
                square += r * x(i) * x(i).transpose();
            }
            mean /= total;
            mean_of_steps += mean / d;
            matrix const variance = square / total - mean * mean.transpose();
            a += weight / d * variance;
            b += weight / d * g * variance;
            c += weight / d * g * g * variance;
        }
        for (std::size_t const i : dying) {
            vector const residual = x(i) - mean_of_steps;
            u += rows.weight(i) * g * residual;
            found.residual[static_cast<std::int64_t>(i)] = residual;
        }
    }
    matrix const rest = c - b * a.inverse() * b;
    found.statistic = u.array().square() / rest.diagonal().array();
    found.global = u.dot(rest.inverse() * u);
    return found;
}

TEST(proportionality, statistics_and_residuals_by_their_definition) {
    for (unsigned kind = 0; kind < 32; ++kind) {
        auto const ties = (kind & 1) == 0 ? tie_rule::efron : tie_rule::breslow;
        auto const scale = kind % 3 == 0 ? time_scale::log : time_scale::identity;
        auto const rows = test::draw_survival_rows({.size = 600,
                                                    .columns = 3,
                                                    .late = (kind & 2) != 0,
                                                    .weighted = (kind & 4) != 0,
                                                    .strata = (kind & 8) != 0 ? 3 : 1,
                                                    .step = (kind & 16) != 0 ? 20.0 : 0.0,
                                                    .seed = 100 + kind});
        cox_options options;
        options.ties = ties;
        auto const fit = fit_cox(rows.view(), options);
        auto const exact =
            by_definition(rows, fit.coefficient, ties == tie_rule::efron, scale == time_scale::log);
        auto const found = test_proportionality(rows.view(), fit.coefficient, scale, ties);
        for (std::size_t c = 0; c < 3; ++c)
            EXPECT_NEAR(found.statistic[c], exact.statistic[static_cast<Eigen::Index>(c)],
                        1e-8 * (1 + found.statistic[c]))
                << kind;
        EXPECT_NEAR(found.global_statistic, exact.global, 1e-8 * (1 + exact.global));
        EXPECT_EQ(found.degrees, 3);
        auto const residuals = find_schoenfeld_residuals(rows.view(), fit.coefficient, ties);
        ASSERT_EQ(residuals.row.size(), exact.residual.size());
        for (std::size_t k = 0; k < residuals.row.size(); ++k)
            for (std::size_t c = 0; c < 3; ++c)
                EXPECT_NEAR(residuals.residual[3 * k + c],
                            exact.residual.at(residuals.row[k])[static_cast<Eigen::Index>(c)], 1e-9);
    }
}

TEST(proportionality, threads_and_order_change_no_bit) {
    auto const rows = test::draw_survival_rows({.size = 40000, .columns = 2, .step = 0.5, .seed = 140});
    auto const moved = rows.permuted(141);
    auto const fit = fit_cox(rows.view());
    auto const one = test_proportionality(rows.view(), fit.coefficient);
    auto const other =
        test_proportionality(moved.view(), fit.coefficient, time_scale::kaplan_meier, tie_rule::efron, 3);
    EXPECT_EQ(one.statistic, other.statistic);
    EXPECT_EQ(one.global_statistic, other.global_statistic);
}

TEST(proportionality, what_cannot_be_tested_is_told) {
    auto rows = test::draw_survival_rows({.size = 30, .columns = 2, .seed = 142});
    EXPECT_THROW(test_proportionality(rows.view(), std::vector<double>{1.0}), input_error);
    EXPECT_THROW(test_proportionality(rows.view(), std::vector<double>{1e6, 1.0}), input_error);
    rows.stop.assign(30, 2.0);
    EXPECT_THROW(test_proportionality(rows.view(), std::vector<double>{0.1, 0.1}), input_error);
    auto const none = test_proportionality(test::draw_survival_rows({.size = 30, .seed = 143}).view(),
                                           std::vector<double>{std::nan(""), std::nan("")});
    EXPECT_EQ(none.degrees, 0);
    EXPECT_TRUE(std::isnan(none.statistic[0]));
}

}  // namespace
}  // namespace clavis::statistics

#include "clavis/statistics/cox.hpp"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <set>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/core/random.hpp"
#include "statistics/cox_kernels.hpp"
#include "statistics/survival_rows.hpp"

namespace clavis::statistics {
namespace {

using matrix = Eigen::MatrixXd;
using vector = Eigen::VectorXd;

struct definition {
    long double value = 0;
    vector gradient;
    matrix information;
    matrix scores;  ///< rows x columns
    std::vector<double> hazard;
};

/// Likelihood, derivatives, score residuals and baseline (of a row at `centre`) by loops over events and rows.
definition by_definition(test::survival_rows const& rows, cox_fit const& fit, bool efron) {
    auto const p = static_cast<Eigen::Index>(rows.columns);
    definition found;
    found.gradient = vector::Zero(p);
    found.information = matrix::Zero(p, p);
    found.scores = matrix::Zero(static_cast<Eigen::Index>(rows.size()), p);
    matrix x(static_cast<Eigen::Index>(rows.size()), p);
    std::vector<double> risk(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        double eta = rows.offset.empty() ? 0 : rows.offset[i];
        for (Eigen::Index c = 0; c < p; ++c) {
            x(static_cast<Eigen::Index>(i), c) = rows.x[i * rows.columns + static_cast<std::size_t>(c)] -
                                                 fit.mean[static_cast<std::size_t>(c)];
            eta += x(static_cast<Eigen::Index>(i), c) * fit.coefficient[static_cast<std::size_t>(c)];
        }
        risk[i] = rows.weight(i) * std::exp(eta);
        if (rows.event[i] != 0) found.value += rows.weight(i) * static_cast<long double>(eta);
    }
    std::set<std::pair<int, double>> times;
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (rows.event[i] != 0 && rows.weight(i) > 0) times.insert({rows.stratum_of(i), rows.stop[i]});
    double hazard = 0;
    int stratum = -1;
    for (auto const& [s, time] : times) {
        if (s != stratum) hazard = 0;
        stratum = s;
        std::vector<std::size_t> at_risk;
        double deaths = 0;
        double weight = 0;
        for (std::size_t i = 0; i < rows.size(); ++i) {
            if (rows.weight(i) == 0 || rows.stratum_of(i) != s || rows.stop[i] < time ||
                rows.entry(i) >= time)
                continue;
            at_risk.push_back(i);
            if (rows.stop[i] == time && rows.event[i] != 0) ++deaths, weight += rows.weight(i);
        }
        for (int k = 0; k < static_cast<int>(deaths); ++k) {
            double total = 0;
            vector mean = vector::Zero(p);
            auto const share = [&](std::size_t i) {
                bool const dying = rows.stop[i] == time && rows.event[i] != 0;
                return risk[i] * (dying && efron ? 1 - k / deaths : 1);
            };
            for (std::size_t const i : at_risk) {
                total += share(i);
                mean += share(i) * x.row(static_cast<Eigen::Index>(i)).transpose();
            }
            mean /= total;
            found.value -= weight / deaths * std::log(static_cast<long double>(total));
            hazard += weight / deaths / total;
            for (std::size_t const i : at_risk) {
                bool const dying = rows.stop[i] == time && rows.event[i] != 0;
                vector const centred = x.row(static_cast<Eigen::Index>(i)).transpose() - mean;
                double const expected = weight / deaths * share(i) / total;
                found.information += expected * centred * centred.transpose();
                found.scores.row(static_cast<Eigen::Index>(i)) +=
                    ((dying ? rows.weight(i) / deaths : 0) - expected) * centred.transpose();
            }
        }
        found.hazard.push_back(hazard);
    }
    found.gradient = found.scores.colwise().sum().transpose();
    return found;
}

void expect_near(matrix const& exact, std::vector<double> const& values, double bound) {
    ASSERT_EQ(static_cast<std::size_t>(exact.size()), values.size());
    for (Eigen::Index a = 0; a < exact.rows(); ++a)
        for (Eigen::Index c = 0; c < exact.cols(); ++c)
            EXPECT_NEAR(values[static_cast<std::size_t>(a * exact.cols() + c)], exact(a, c),
                        bound * std::sqrt(exact(a, a) * exact(c, c)));
}

// Tiles have 512 rows, so these rows fill several, in which strata begin and times end.
TEST(cox, everything_by_its_definition) {
    for (unsigned kind = 0; kind < 32; ++kind) {
        bool const efron = (kind & 1) == 0;
        auto rows = test::draw_survival_rows({.size = 1300,
                                              .columns = 3,
                                              .late = (kind & 2) != 0,
                                              .weighted = (kind & 4) != 0,
                                              .strata = (kind & 8) != 0 ? 5 : 1,
                                              .step = (kind & 16) != 0 ? 20.0 : 0.0,
                                              .seed = kind});
        if (kind % 3 == 0)
            for (std::size_t i = 0; i < rows.size(); ++i)
                rows.offset.push_back(0.01 * static_cast<double>(i % 7));
        cox_options options;
        options.ties = efron ? tie_rule::efron : tie_rule::breslow;
        options.robust = true;
        for (bool const clustered : {false, true}) {
            auto view = rows.view();
            if (clustered) view.cluster = rows.cluster, view.clusters = 40;
            auto const fit = fit_cox(view, options);
            ASSERT_TRUE(fit.converged) << kind;
            auto const exact = by_definition(rows, fit, efron);
            EXPECT_NEAR(fit.log_likelihood, static_cast<double>(exact.value),
                        1e-12 * std::abs(fit.log_likelihood));
            matrix const bread = exact.information.inverse();
            // The gradient in standard errors.
            EXPECT_LT((exact.gradient.array() * bread.diagonal().array().sqrt()).abs().maxCoeff(), 1e-9)
                << kind;
            expect_near(bread, fit.covariance, 1e-9);
            matrix scores = exact.scores;
            if (clustered) {
                scores = matrix::Zero(40, 3);
                for (std::size_t i = 0; i < rows.size(); ++i)
                    scores.row(rows.cluster[i]) += exact.scores.row(static_cast<Eigen::Index>(i));
            }
            expect_near(bread * scores.transpose() * scores * bread, fit.robust_covariance, 1e-8);
            ASSERT_EQ(fit.baseline_hazard.size(), exact.hazard.size());
            for (std::size_t j = 0; j < exact.hazard.size(); ++j)
                EXPECT_NEAR(fit.baseline_hazard[j], exact.hazard[j], 1e-10 * exact.hazard[j]);
        }
    }
}

bool same(std::vector<double> const& a, std::vector<double> const& b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](double x, double y) {
               return x == y || (std::isnan(x) && std::isnan(y));
           });
}

/// Log-likelihood and gradient at distinct times from sums over those who stay longer, in long double.
void expect_maximum(test::survival_rows const& rows, cox_fit const& fit) {
    std::size_t const p = rows.columns;
    std::vector<std::size_t> order(rows.size());
    std::iota(order.begin(), order.end(), 0U);
    std::sort(order.begin(), order.end(), [&](auto a, auto b) { return rows.stop[a] > rows.stop[b]; });
    std::vector<long double> sum(p + 1, 0);
    std::vector<long double> gradient(p, 0);
    long double value = 0;
    for (std::size_t const i : order) {
        long double eta = 0;
        for (std::size_t c = 0; c < p; ++c)
            eta += static_cast<long double>(rows.x[i * p + c]) * fit.coefficient[c];
        long double const r = std::exp(eta);
        sum[p] += r;
        for (std::size_t c = 0; c < p; ++c)
            sum[c] += r * rows.x[i * p + c];
        if (rows.event[i] == 0) continue;
        value += eta - std::log(sum[p]);
        for (std::size_t c = 0; c < p; ++c)
            gradient[c] += rows.x[i * p + c] - sum[c] / sum[p];
    }
    EXPECT_NEAR(fit.log_likelihood, static_cast<double>(value), 1e-13 * std::abs(fit.log_likelihood));
    for (std::size_t c = 0; c < p; ++c)
        EXPECT_LT(std::abs(static_cast<double>(gradient[c])) * std::sqrt(fit.covariance[c * p + c]), 1e-9)
            << c;
}

// Enough rows for several blocks and a start from a part of them.
TEST(cox, many_rows_reach_the_maximum_with_the_same_bits_by_any_threads_and_order) {
    auto const rows = test::draw_survival_rows({.size = 70000, .columns = 4, .seed = 77});
    auto const one = fit_cox(rows.view());
    ASSERT_TRUE(one.converged);
    EXPECT_LE(one.iterations, 4);
    expect_maximum(rows, one);
    test::survival_rows const shuffled = rows.permuted(78);
    cox_options options;
    options.threads = 3;
    for (auto const* data : {&rows, &shuffled}) {
        auto const other = fit_cox(data->view(), options);
        EXPECT_TRUE(same(one.coefficient, other.coefficient));
        EXPECT_TRUE(same(one.covariance, other.covariance));
        EXPECT_TRUE(same(one.baseline_hazard, other.baseline_hazard));
        EXPECT_EQ(one.log_likelihood, other.log_likelihood);
        EXPECT_EQ(one.concordance, other.concordance);
    }
    // The same rows as stretches that begin before anybody ends.
    auto late = rows;
    late.start.assign(rows.size(), -1.0);
    auto const stretched = fit_cox(late.view(), options);
    for (std::size_t c = 0; c < 4; ++c)
        EXPECT_NEAR(stretched.coefficient[c], one.coefficient[c], 1e-12);
    EXPECT_NEAR(stretched.log_likelihood, one.log_likelihood, 1e-12 * std::abs(one.log_likelihood));
}

// What is rare is not in the part of the rows that the search starts from; the estimate does not depend on that.
TEST(cox, rare_columns_are_found_from_all_rows) {
    auto rows = test::draw_survival_rows({.size = 70000, .columns = 2, .seed = 79});
    int marked = 0;
    for (std::size_t i = 0; i < rows.size(); ++i)
        rows.x[2 * i + 1] = rows.stop[i] > 5 && rows.stop[i] < 30 && marked < 12 && ++marked > 0 ? 1.0 : 0.0;
    auto const fit = fit_cox(rows.view());
    ASSERT_TRUE(fit.converged) << fit.status;
    EXPECT_EQ(fit.degrees, 2);
    expect_maximum(rows, fit);
}

// Ties in everything but one column, and rows that are equal in all.
TEST(cox, equal_rows_count_each) {
    auto rows = test::draw_survival_rows({.size = 600, .columns = 2, .step = 40, .seed = 80});
    for (std::size_t i = 0; i < rows.size(); ++i)
        rows.x[2 * i] = static_cast<double>(i % 2), rows.x[2 * i + 1] = static_cast<double>(i % 3);
    auto twice = rows;
    twice.append(rows);
    auto weighted = rows;
    weighted.weights.assign(rows.size(), 2.0);
    cox_options options;
    options.ties = tie_rule::breslow;
    auto const a = fit_cox(twice.view(), options);
    auto const b = fit_cox(weighted.view(), options);
    for (std::size_t c = 0; c < 2; ++c)
        EXPECT_NEAR(a.coefficient[c], b.coefficient[c], 1e-10);
    EXPECT_NEAR(a.log_likelihood, b.log_likelihood, 1e-11 * std::abs(a.log_likelihood));
    auto const moved = twice.permuted(81);
    EXPECT_TRUE(same(a.coefficient, fit_cox(moved.view(), options).coefficient));
}

TEST(cox, what_cannot_be_used_is_named) {
    auto const good = test::draw_survival_rows({.size = 50, .columns = 2, .seed = 82});
    auto const message = [](test::survival_rows const& rows) -> std::string {
        try {
            fit_cox(rows.view());
        } catch (input_error const& error) {
            return error.what();
        }
        return "";
    };
    auto rows = good;
    rows.x[2 * 7 + 1] = std::nan("");
    EXPECT_NE(message(rows).find("column \"b\", row 7"), std::string::npos) << message(rows);
    rows = good;
    rows.stop[3] = -1;
    EXPECT_NE(message(rows).find("row 3"), std::string::npos) << message(rows);
    rows = good;
    rows.event.assign(50, 0);
    EXPECT_NE(message(rows).find("no events"), std::string::npos) << message(rows);
    rows = good;
    rows.weights.assign(50, 0.0);
    EXPECT_NE(message(rows).find("no row has a weight above 0"), std::string::npos) << message(rows);
}

// Every instruction set that this processor has gives the bits of the portable one, whatever the number of rows.
TEST(cox_kernels, instruction_sets_agree_in_every_bit) {
    constexpr std::size_t p = 5;
    auto const& portable = cox_kernels_for(numerics::instruction_set::portable);
    std::vector<numerics::instruction_set> sets;
    auto const best = numerics::best_instruction_set();
    if (best != numerics::instruction_set::portable) sets.push_back(numerics::instruction_set::avx2);
    if (best == numerics::instruction_set::avx512) sets.push_back(best);
    if (sets.empty()) GTEST_SKIP() << "this processor has neither AVX2 nor AVX-512";
    random_stream random(83, 0, 0);
    std::vector<double> x(p * tile_rows), offset(tile_rows), weight(tile_rows), b(p);
    for (auto* values : {&x, &offset, &weight, &b})
        for (auto& value : *values)
            value = random.uniform(0.1, 1.3);
    auto const all = [&](cox_kernels const& kernels, std::size_t rows) {
        std::vector<double> out;
        std::vector<double> risk(tile_rows);
        out.push_back(kernels.risks(x.data(), offset.data(), weight.data(), b.data(), p, rows, risk.data()));
        std::vector<double> sum(2 * (p + 1), 0.25), low(p + 1), packed(p * (p + 1) / 2);
        kernels.sums(x.data(), risk.data(), p, rows, sum.data());
        kernels.products(x.data(), risk.data(), p, rows, packed.data());
        std::vector<double> running((p + 1) * tile_rows), high(running), lost(running), hazard(tile_rows);
        kernels.running(x.data(), risk.data(), p, rows, sum.data(), running.data());
        kernels.running_exact(x.data(), risk.data(), p, rows, sum.data(), low.data(), high.data(),
                              lost.data());
        auto const logs = kernels.means(running.data(), weight.data(), p, rows, hazard.data());
        auto const ties = kernels.ties(100, 20, rows);
        for (auto const* values : {&risk, &sum, &low, &packed, &running, &high, &lost, &hazard})
            out.insert(out.end(), values->begin(), values->end());
        for (double const value : {logs.value, logs.least, ties.log_sum, ties.hazard, ties.own_hazard,
                                   ties.tilt, ties.tilt2, ties.tilt_hazard, ties.own_tilt})
            out.push_back(value);
        return out;
    };
    for (std::size_t const rows : {1U, 15U, 16U, 17U, 100U, 512U})
        for (auto const set : sets)
            EXPECT_EQ(all(portable, rows), all(cox_kernels_for(set), rows)) << rows;
}

}  // namespace
}  // namespace clavis::statistics

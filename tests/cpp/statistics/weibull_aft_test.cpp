#include "clavis/statistics/weibull_aft.hpp"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>
#include <string>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/core/random.hpp"

namespace clavis::statistics {
namespace {

struct rows_type {
    std::vector<double> x, duration, weights;
    std::vector<std::uint8_t> event;

    weibull_view view() const {
        return {
            .covariates = x, .names = {"a", "b"}, .duration = duration, .event = event, .weights = weights};
    }
};

rows_type draw(std::size_t size, bool weighted, std::uint64_t seed) {
    rows_type rows;
    for (std::size_t i = 0; i < size; ++i) {
        random_stream random(seed, 0, i);
        double const a = random.normal();
        double const b = random.uniform(10, 30);
        rows.x.insert(rows.x.end(), {a, b});
        double const t = std::exp(2 + 0.5 * a - 0.04 * b + 0.6 * std::log(random.exponential()));
        double const c = random.uniform(0.5, 12);
        rows.duration.push_back(std::min(t, c));
        rows.event.push_back(t <= c);
        if (weighted) rows.weights.push_back(random.uniform(0.2, 3));
    }
    return rows;
}

/// Σ w ln of the density of events and of the survival of the others: T is Weibull with shape 1/scale.
long double log_likelihood(rows_type const& rows, std::vector<long double> const& theta) {
    long double const scale = std::exp(theta[3]);
    long double sum = 0;
    for (std::size_t i = 0; i < rows.duration.size(); ++i) {
        long double const location = theta[0] + theta[1] * rows.x[2 * i] + theta[2] * rows.x[2 * i + 1];
        long double const shape = 1 / scale;
        long double const ratio = rows.duration[i] / std::exp(location);
        long double const log_survival = -std::pow(ratio, shape);
        long double const log_hazard = std::log(shape) - location + (shape - 1) * std::log(ratio);
        sum += (rows.weights.empty() ? 1 : rows.weights[i]) *
               (log_survival + (rows.event[i] != 0 ? log_hazard : 0));
    }
    return sum;
}

TEST(weibull_aft, maximum_and_information_by_the_likelihood) {
    for (bool const weighted : {false, true}) {
        auto const rows = draw(400, weighted, 5);
        auto const fit = fit_weibull_aft(rows.view());
        ASSERT_TRUE(fit.converged) << fit.status;
        std::vector<long double> const best{fit.intercept, fit.coefficient[0], fit.coefficient[1],
                                            std::log(fit.scale)};
        EXPECT_NEAR(fit.log_likelihood, static_cast<double>(log_likelihood(rows, best)),
                    1e-12 * std::abs(fit.log_likelihood));
        // Differences of the likelihood in steps of a hundredth of a standard error.
        Eigen::MatrixXd information(4, 4);
        auto const at = [&](int i, long double di, int k, long double dk) {
            auto moved = best;
            moved[static_cast<std::size_t>(i)] += di;
            moved[static_cast<std::size_t>(k)] += dk;
            return log_likelihood(rows, moved);
        };
        for (int i = 0; i < 4; ++i) {
            long double const h = std::sqrt(fit.covariance[static_cast<std::size_t>(5 * i)]) / 100;
            long double const slope = (at(i, h, i, 0) - at(i, -h, i, 0)) / (2 * h);
            // In standard errors; what is left is of the order of the step squared.
            EXPECT_LT(std::abs(static_cast<double>(slope * 100 * h)), 1e-4);
            for (int k = 0; k < 4; ++k) {
                long double const g = std::sqrt(fit.covariance[static_cast<std::size_t>(5 * k)]) / 100;
                information(i, k) = static_cast<double>(
                    -(at(i, h, k, g) - at(i, h, k, -g) - at(i, -h, k, g) + at(i, -h, k, -g)) / (4 * h * g));
            }
        }
        Eigen::MatrixXd const covariance = information.inverse();
        for (int i = 0; i < 4; ++i)
            for (int k = 0; k < 4; ++k)
                EXPECT_NEAR(fit.covariance[static_cast<std::size_t>(4 * i + k)], covariance(i, k),
                            1e-3 * std::sqrt(covariance(i, i) * covariance(k, k)));
    }
}

// Without covariates the scale solves one equation: 1/a + mean of ln t = Σ t^a ln t / Σ t^a.
TEST(weibull_aft, a_distribution_for_all_by_bisection) {
    auto rows = draw(300, false, 6);
    rows.event.assign(300, 1);
    auto const fit =
        fit_weibull_aft({.covariates = {}, .names = {}, .duration = rows.duration, .event = rows.event});
    auto const excess = [&](double a) {
        double powers = 0;
        double logs = 0;
        double both = 0;
        for (double const t : rows.duration) {
            powers += std::pow(t, a);
            both += std::pow(t, a) * std::log(t);
            logs += std::log(t) / 300;
        }
        return std::pair{both / powers - 1 / a - logs, powers / 300};
    };
    double low = 0.01;
    double high = 50;
    for (int i = 0; i < 200; ++i)
        (excess((low + high) / 2).first > 0 ? high : low) = (low + high) / 2;
    EXPECT_NEAR(fit.scale, 1 / low, 1e-10);
    EXPECT_NEAR(fit.intercept, std::log(excess(low).second) / low, 1e-10);
    EXPECT_EQ(fit.log_likelihood, fit.log_likelihood_null);
}

TEST(weibull_aft, estimates_lie_around_the_truth) {
    auto const rows = draw(20000, false, 7);
    auto const fit = fit_weibull_aft(rows.view());
    std::vector<double> const truth{2, 0.5, -0.04, std::log(0.6)};
    std::vector<double> const found{fit.intercept, fit.coefficient[0], fit.coefficient[1],
                                    std::log(fit.scale)};
    for (std::size_t i = 0; i < 4; ++i)
        EXPECT_LT(std::abs(found[i] - truth[i]), 4 * std::sqrt(fit.covariance[5 * i])) << i;
}

TEST(weibull_aft, what_cannot_be_known_or_used_is_told) {
    auto rows = draw(60, false, 8);
    for (std::size_t i = 0; i < 60; ++i)
        rows.x[2 * i + 1] = 2 * rows.x[2 * i] - 1;
    auto const fit = fit_weibull_aft(rows.view());
    EXPECT_TRUE(std::isnan(fit.coefficient[1]));
    ASSERT_EQ(fit.warnings.size(), 1U);
    EXPECT_NE(fit.warnings[0].find("\"b\""), std::string::npos) << fit.warnings[0];
    auto const message = [](rows_type const& bad) -> std::string {
        try {
            fit_weibull_aft(bad.view());
        } catch (input_error const& error) {
            return error.what();
        }
        return "";
    };
    auto bad = rows;
    bad.duration[9] = 0;
    EXPECT_NE(message(bad).find("row 9"), std::string::npos) << message(bad);
    bad = rows;
    bad.x[2 * 11] = std::nan("");
    EXPECT_NE(message(bad).find("row 11"), std::string::npos) << message(bad);
    bad = rows;
    bad.event.assign(60, 0);
    EXPECT_NE(message(bad).find("no events"), std::string::npos) << message(bad);
}

}  // namespace
}  // namespace clavis::statistics

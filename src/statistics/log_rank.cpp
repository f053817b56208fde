#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

#include "clavis/core/errors.hpp"
#include "clavis/numerics/distributions.hpp"
#include "clavis/statistics/survival_curve.hpp"

namespace clavis::statistics {

log_rank_result log_rank(std::span<life_table const> tables, int groups, double rho, double gamma) {
    auto const k = static_cast<std::size_t>(groups);
    if (groups < 2 || tables.empty() || tables.size() % k != 0)
        throw input_error("the log-rank test compares two groups or more");
    if (!(rho >= 0 && gamma >= 0) || std::isinf(rho) || std::isinf(gamma))
        throw input_error("rho and gamma are finite and not negative");
    Eigen::VectorXd difference = Eigen::VectorXd::Zero(groups);
    Eigen::MatrixXd covariance = Eigen::MatrixXd::Zero(groups, groups);
    log_rank_result result{0, 0, 1, std::vector<double>(k), std::vector<double>(k)};
    std::vector<std::size_t> next(k);
    Eigen::VectorXd share(groups);
    for (std::size_t stratum = 0; stratum * k < tables.size(); ++stratum) {
        auto const table = [&](std::size_t g) -> life_table const& { return tables[stratum * k + g]; };
        std::fill(next.begin(), next.end(), 0);
        std::vector<std::size_t> entries(k, 0);
        std::vector<double> at_risk(k);
        std::vector<double> under(k, 0);  // observation, where entries are delayed
        double survival = 1;
        for (;;) {
            double when = std::numeric_limits<double>::infinity();
            for (std::size_t g = 0; g < k; ++g)
                if (next[g] < table(g).size()) when = std::min(when, table(g).time[next[g]]);
            if (std::isinf(when)) break;
            double n = 0;
            double d = 0;
            for (std::size_t g = 0; g < k; ++g) {
                auto const& own = table(g);
                if (own.entry_time.empty()) {
                    at_risk[g] = next[g] < own.size() ? own.at_risk[next[g]] : 0;
                } else {
                    for (auto& e = entries[g]; e < own.entry_time.size() && own.entry_time[e] < when; ++e)
                        under[g] += own.entered[e];
                    at_risk[g] = next[g] < own.size() ? std::max(under[g], 0.0) : 0;
                }
                n += at_risk[g];
                if (next[g] < own.size() && own.time[next[g]] == when) d += own.events[next[g]];
            }
            if (d > 0) {
                double const weight = std::pow(survival, rho) * std::pow(1 - survival, gamma);
                double const spread = n > 1 ? d * ((n - d) / (n - 1)) : 0;
                for (std::size_t g = 0; g < k; ++g) {
                    auto const& own = table(g);
                    double const seen =
                        next[g] < own.size() && own.time[next[g]] == when ? own.events[next[g]] : 0;
                    double const part = at_risk[g] / n;
                    share[static_cast<Eigen::Index>(g)] = part;
                    result.observed[g] += weight * seen;
                    result.expected[g] += weight * d * part;
                    difference[static_cast<Eigen::Index>(g)] += weight * (seen - d * part);
                }
                covariance += (weight * weight * spread) * Eigen::MatrixXd(share.asDiagonal());
                covariance.noalias() -= (weight * weight * spread) * share * share.transpose();
                survival *= d >= n ? 0 : (n - d) / n;
            }
            for (std::size_t g = 0; g < k; ++g) {
                auto const& own = table(g);
                if (next[g] >= own.size() || own.time[next[g]] != when) continue;
                under[g] -= own.events[next[g]] + own.censored[next[g]];
                ++next[g];
            }
        }
    }
    // The differences add to 0, and a group never at risk beside others tells nothing: a generalised inverse.
    Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> const eigen(covariance);
    double const largest = eigen.eigenvalues().maxCoeff();
    for (Eigen::Index i = 0; i < groups; ++i) {
        double const value = eigen.eigenvalues()[i];
        if (!(value > 1e-10 * largest)) continue;
        double const along = eigen.eigenvectors().col(i).dot(difference);
        result.statistic += along * along / value;
        ++result.degrees;
    }
    if (result.degrees > 0) {
        result.p_value = numerics::chi_squared_tail(result.statistic, result.degrees);
    } else {
        result.statistic = result.p_value = std::numeric_limits<double>::quiet_NaN();
    }
    return result;
}

}  // namespace clavis::statistics

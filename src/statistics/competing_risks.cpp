#include "clavis/statistics/competing_risks.hpp"

#include <cmath>
#include <limits>
#include <span>
#include <string>

#include "clavis/core/errors.hpp"
#include "clavis/numerics/distributions.hpp"

namespace clavis::statistics {

competing_curves aalen_johansen(life_table const& table, double confidence) {
    if (!(confidence > 0 && confidence < 1))
        throw input_error("confidence lies between 0 and 1, not " + std::to_string(confidence));
    double const z = numerics::normal_quantile(0.5 + confidence / 2);
    constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
    competing_curves curves{table.time, table.at_risk, table.events, table.censored, {}, {}};
    std::size_t const size = table.size();
    double s = 1;
    for (std::size_t i = 0; i < size; ++i) {
        double const n = table.at_risk[i];
        if (table.events[i] > 0) s = table.events[i] >= n ? 0 : s * ((n - table.events[i]) / n);
        curves.survival.push_back(s);
    }
    std::size_t const causes = table.by_cause.empty() ? 1 : table.by_cause.size();
    for (std::size_t cause = 0; cause < causes; ++cause) {
        auto const& events = table.by_cause.empty() ? table.events : table.by_cause[cause];
        incidence_curve curve;
        double f = 0;
        double before = 1;  // S(t⁻)
        double var_s = 0;
        double covariance = 0;
        double var_f = 0;
        for (std::size_t i = 0; i < size; ++i) {
            double const n = table.at_risk[i];
            if (table.events[i] > 0) {
                double const h = table.events[i] / n;
                double const own = events[i] / n;
                double const stay = (n - table.events[i]) / n;
                // S' = S (1 − h), F' = F + S h_j, with multinomial errors of h and h_j.
                var_f += own * (2 * covariance + own * var_s) + before * before * own * (1 - own) / n;
                covariance = stay * (covariance + own * var_s) - before * before * own * stay / n;
                var_s = stay * stay * var_s + before * before * h * stay / n;
                f += before * own;
                before *= stay;
            }
            double const se = std::sqrt(std::max(var_f, 0.0));
            curve.incidence.push_back(f);
            curve.se.push_back(se);
            if (f > 0 && f < 1) {
                double const log_f = std::log(f);
                double const half = z * se / (f * -log_f);
                curve.low.push_back(std::exp(log_f * std::exp(half)));
                curve.high.push_back(std::exp(log_f * std::exp(-half)));
            } else {
                curve.low.push_back(nothing);
                curve.high.push_back(nothing);
            }
        }
        curves.causes.push_back(std::move(curve));
    }
    return curves;
}

}  // namespace clavis::statistics

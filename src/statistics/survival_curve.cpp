#include "clavis/statistics/survival_curve.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "clavis/core/errors.hpp"
#include "clavis/numerics/distributions.hpp"

namespace clavis::statistics {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

double width_of(double confidence) {
    if (!(confidence > 0 && confidence < 1))
        throw input_error("confidence lies between 0 and 1, not " + std::to_string(confidence));
    return numerics::normal_quantile(0.5 + confidence / 2);
}

/// The index of the last time <= t, or size where t is before the first.
std::size_t last_at(std::vector<double> const& time, double t) {
    auto const after = std::upper_bound(time.begin(), time.end(), t);
    return after == time.begin() ? time.size() : static_cast<std::size_t>(after - time.begin()) - 1;
}

/// The first time at which a falling curve is at or below `level`; the middle of the stretch at the level itself. Times
/// without an event do not end a stretch.
double crossing(std::vector<double> const& time, std::vector<double> const& curve, double level) {
    constexpr double close = 1e-12;
    for (std::size_t i = 0; i < time.size(); ++i) {
        if (std::isnan(curve[i]) || curve[i] > level + close) continue;
        if (curve[i] < level - close) return time[i];
        for (std::size_t k = i + 1; k < time.size(); ++k)
            if (curve[k] < level - close) return 0.5 * (time[i] + time[k]);
        return time[i];
    }
    return nothing;
}

}  // namespace

interval_scale parse_interval_scale(std::string_view text) {
    if (text == "log-log") return interval_scale::log_log;
    if (text == "log") return interval_scale::log;
    if (text == "plain") return interval_scale::plain;
    throw input_error("interval is log-log, log or plain, not \"" + std::string(text) + '"');
}

survival_curve kaplan_meier(life_table const& table, double confidence, interval_scale scale) {
    double const z = width_of(confidence);
    survival_curve curve{table.time, table.at_risk, table.events, table.censored, {}, {}, {}, {}};
    std::size_t const size = table.size();
    for (auto* column : {&curve.survival, &curve.se, &curve.low, &curve.high})
        column->resize(size);
    double s = 1;
    double sum = 0;  // Greenwood's
    for (std::size_t i = 0; i < size; ++i) {
        double const d = table.events[i];
        double const n = table.at_risk[i];
        if (d > 0) {
            s = d >= n ? 0 : s * ((n - d) / n);
            sum += d / n / (n - d);
        }
        curve.survival[i] = s;
        double const relative = std::sqrt(sum);  // the error of ln S
        curve.se[i] = s > 0 ? s * relative : nothing;
        double low = nothing;
        double high = nothing;
        if (sum == 0) {
            low = high = 1;
        } else if (s > 0) {
            switch (scale) {
                case interval_scale::log_log: {
                    double const log_s = std::log(s);
                    double const half = z * relative / -log_s;
                    low = std::exp(log_s * std::exp(half));
                    high = std::exp(log_s * std::exp(-half));
                    break;
                }
                case interval_scale::log:
                    low = s * std::exp(-z * relative);
                    high = std::min(1.0, s * std::exp(z * relative));
                    break;
                case interval_scale::plain:
                    low = std::max(0.0, s - z * s * relative);
                    high = std::min(1.0, s + z * s * relative);
                    break;
            }
        }
        curve.low[i] = low;
        curve.high[i] = high;
    }
    return curve;
}

double survival_curve::at(double t) const noexcept {
    if (std::isnan(t) || time.empty()) return nothing;
    std::size_t const i = last_at(time, t);
    if (i == time.size()) return 1;
    if (t > time.back() && survival.back() > 0) return nothing;
    return survival[i];
}

interval_estimate survival_curve::quantile(double p) const {
    if (!(p >= 0 && p <= 1)) throw input_error("a quantile lies between 0 and 1");
    // The upper limit of S reaches the level last.
    return {crossing(time, survival, 1 - p), crossing(time, low, 1 - p), crossing(time, high, 1 - p)};
}

interval_estimate survival_curve::restricted_mean(double until, double confidence, double* se_out) const {
    double const z = width_of(confidence);
    if (!(until > 0) || std::isinf(until))
        throw input_error("the restricted mean needs a finite time above 0");
    if (time.empty() || (until > time.back() && survival.back() > 0))
        throw input_error("observation ends at " + (time.empty() ? "0" : std::to_string(time.back())) +
                          ": nothing is known of survival up to " + std::to_string(until));
    // From the end: the area from each time to `until`.
    double area = 0;
    double end = until;
    double variance = 0;
    for (std::size_t i = time.size(); i-- > 0;) {
        if (time[i] > until) continue;
        area += survival[i] * (end - time[i]);
        end = time[i];
        if (events[i] > 0 && area > 0)
            variance += area * area * (events[i] / at_risk[i] / (at_risk[i] - events[i]));
    }
    area += end;
    double const error = std::sqrt(variance);
    if (se_out != nullptr) *se_out = error;
    return {area, area - z * error, area + z * error};
}

hazard_curve nelson_aalen(life_table const& table, double confidence) {
    double const z = width_of(confidence);
    hazard_curve curve{table.time, table.at_risk, table.events, table.censored, {}, {}, {}, {}};
    double h = 0;
    double variance = 0;
    for (std::size_t i = 0; i < table.size(); ++i) {
        double const d = table.events[i];
        double const n = table.at_risk[i];
        if (d > 0) {
            h += d / n;
            variance += d / n / n;
        }
        double const se = std::sqrt(variance);
        curve.cumulative_hazard.push_back(h);
        curve.se.push_back(se);
        curve.low.push_back(h > 0 ? h * std::exp(-z * se / h) : 0);
        curve.high.push_back(h > 0 ? h * std::exp(z * se / h) : nothing);
    }
    return curve;
}

double hazard_curve::at(double t) const noexcept {
    if (std::isnan(t) || time.empty() || t > time.back()) return nothing;
    std::size_t const i = last_at(time, t);
    return i == time.size() ? 0 : cumulative_hazard[i];
}

}  // namespace clavis::statistics

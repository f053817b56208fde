#include "clavis/defection/detectors.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/numerics/log_incomplete_beta.hpp"
#include "clavis/numerics/quadrature.hpp"

namespace clavis::defection {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

/// The closed form; `segments` = floor(h / d) must be small, for the sum alternates.
double closed_run_length(double drift, double drop, double limit, double rate, int segments) {
    double sum = 0;
    for (int j = segments; j >= 0; --j) {
        double const y = rate / drift * (limit - j * drop);
        double term = 1;
        double partial = 1;
        for (int i = 1; i <= j; ++i) {
            term *= -y / i;
            partial += term;
        }
        sum += j == 0 ? std::expm1(y) : std::exp(y) * partial - 1;
    }
    return sum / rate;
}

/// One stretch [j d, (j + 1) d] of the scale function: values and one-sided slopes on a grid, a cubic
/// between.
class stretch {
  public:
    static constexpr int steps = 512;

    stretch() : value_(steps + 1), slope_(steps + 1) {}

    double at(double position, double step) const {
        int const cell = std::min(static_cast<int>(position / step), steps - 1);
        double const t = position / step - cell;
        auto const k = static_cast<std::size_t>(cell);
        double const rise = value_[k + 1] - value_[k];
        double const left = slope_[k] * step - rise;
        double const right = rise - slope_[k + 1] * step;
        return value_[k] + t * (rise + (1 - t) * (left * (1 - t) + right * t));
    }
    void set(int node, double value, double slope) {
        value_[static_cast<std::size_t>(node)] = value;
        slope_[static_cast<std::size_t>(node)] = slope;
    }
    double last() const { return value_.back(); }

  private:
    std::vector<double> value_;
    std::vector<double> slope_;
};

/// Integrates W' = growth (W(y) - W(y - drop)) stretch by stretch (classical Runge-Kutta, the delayed value
/// from the cubic through the stretch before) and W along with it.
double integrated_run_length(double drift, double drop, double limit, double rate) {
    double const growth = rate / drift;
    double const grid = drop / stretch::steps;
    stretch before;
    stretch now;
    for (int k = 0; k <= stretch::steps; ++k) {
        double const value = std::exp(growth * grid * k) / drift;
        before.set(k, value, growth * value);
    }
    double area = std::expm1(growth * drop) / rate;
    for (double from = drop; from < limit && std::isfinite(area); from += drop) {
        double const step = std::min(drop, limit - from) / stretch::steps;
        double value = before.last();
        double slope = growth * (value - before.at(0, grid));
        now.set(0, value, slope);
        for (int k = 0; k < stretch::steps; ++k) {
            double const middle = before.at((k + 0.5) * step, grid);
            double const right = before.at((k + 1) * step, grid);
            double const k1 = slope;
            double const k2 = growth * (value + step / 2 * k1 - middle);
            double const k3 = growth * (value + step / 2 * k2 - middle);
            double const k4 = growth * (value + step * k3 - right);
            double const next = value + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
            double const next_slope = growth * (next - right);
            area += step / 2 * (value + next) + step * step / 12 * (slope - next_slope);
            value = next;
            slope = next_slope;
            now.set(k + 1, value, slope);
        }
        std::swap(before, now);
    }
    return std::isfinite(area) ? area : infinity;
}

}  // namespace

double average_run_length(double rho, double limit, double rate) noexcept {
    if (!(rho >= 0 && rho < 1 && limit >= 0 && rate >= 0)) return nan;
    double const drift = 1 - rho;
    if (rate == 0) return limit / drift;
    if (std::isinf(limit)) return infinity;
    if (rho == 0) return std::expm1(rate * limit) / rate;
    double const drop = -std::log(rho);
    if (limit / drop <= 12)
        return closed_run_length(drift, drop, limit, rate, static_cast<int>(limit / drop));
    return integrated_run_length(drift, drop, limit, rate);
}

double threshold_for(double rho, double run_length, double rate) noexcept {
    if (!(rho >= 0 && rho < 1 && run_length >= 0 && rate >= 0)) return nan;
    if (std::isinf(run_length)) return infinity;
    if (rate == 0) return run_length * (1 - rho);
    if (rho == 0) return std::log1p(rate * run_length) / rate;
    if (run_length == 0) return 0;
    double const target = std::log(run_length);
    auto excess = [&](double limit) { return std::log(average_run_length(rho, limit, rate)) - target; };
    double high = 1;
    double high_excess = excess(high);
    while (high_excess < 0)
        high_excess = excess(high *= 2);
    double low = high / 2;
    double low_excess = excess(low);
    while (low_excess >= 0) {
        high = low;
        high_excess = low_excess;
        low_excess = excess(low /= 2);
    }
    // False position with the weight of an end halved where it stays twice (Illinois), bisection where that stalls.
    int kept = 0;
    for (int step = 0; step < 200 && high - low > 1e-13 * high; ++step) {
        double middle = std::isfinite(high_excess) && step % 8 != 7
                            ? (low * high_excess - high * low_excess) / (high_excess - low_excess)
                            : low + (high - low) / 2;
        if (!(middle > low && middle < high)) middle = low + (high - low) / 2;
        if (middle <= low || middle >= high) break;
        double const found = excess(middle);
        if (found == 0) return middle;
        if (found < 0) {
            low = middle;
            low_excess = found;
            if (kept == -1) high_excess /= 2;
            kept = -1;
        } else {
            high = middle;
            high_excess = found;
            if (kept == 1) low_excess /= 2;
            kept = 1;
        }
    }
    return low + (high - low) / 2;
}

double shiryaev_roberts_after(double log_statistic, double rho, double shape, double scale, double silence,
                              double unit) noexcept {
    if (std::isnan(log_statistic) ||
        !(rho >= 0 && rho < 1 && shape > 0 && scale > 0 && silence >= 0 && unit > 0))
        return nan;
    if (silence == 0) return log_statistic;
    double const growth = std::log1p(silence / scale);
    double const power = (1 - rho) * shape;
    // (e^{pL} - e^L) / (p - 1) = e^L L (e^y - 1) / y with y = (p - 1) L, smooth through p = 1.
    double const y = (power - 1) * growth;
    double ratio = 0;  // ln((e^y - 1) / y)
    if (std::abs(y) < 1e-4) {
        ratio = y / 2 + y * y / 24;
    } else if (y > 0) {
        ratio = y + std::log(-std::expm1(-y) / y);
    } else {
        ratio = std::log(std::expm1(y) / y);
    }
    double const fresh = std::log(scale / unit * growth) + growth + ratio;
    return log_add(log_statistic + power * growth, fresh);
}

double shiryaev_roberts_after(double log_statistic, double rho, hazard_clock const& clock, double visits,
                              double gap_sum, double from, double to, double unit) noexcept {
    if (clock.k == 1 && to >= from && from >= 0)
        return shiryaev_roberts_after(log_statistic, rho, clock.shape(visits), clock.scale(gap_sum) + from,
                                      to - from, unit);
    if (std::isnan(log_statistic) || !(rho >= 0 && rho < 1 && unit > 0) ||
        std::isnan(clock.hazard_between(visits, gap_sum, from, to)))
        return nan;
    if (to == from) return log_statistic;
    // In silences as parts of alpha + G.
    double const scale = clock.scale(gap_sum);
    double const shape = clock.shape(visits);
    double const first = from / scale;
    double const last = to / scale;
    auto const hazard = [&](double v) {
        return -numerics::log_incomplete_beta(shape, clock.k, 1 / (1 + v), v / (1 + v));
    };
    double const begun = hazard(first);
    double const ended = hazard(last);
    auto const growth = [&](double v) { return std::exp((1 - rho) * (begun - hazard(v))); };
    double sum = 0;
    // A panel on which H rises by more than 3 is halved; below e^-40 of the beginning nothing counts.
    auto const add = [&](auto&& self, double low, double high, double at_low, double at_high) -> void {
        if ((1 - rho) * (at_low - begun) > 40) return;
        if ((1 - rho) * (at_high - at_low) > 3 && high - low > 1e-12 * high) {
            double const middle = low + (high - low) / 2;
            double const at_middle = hazard(middle);
            self(self, low, middle, at_low, at_middle);
            self(self, middle, high, at_middle, at_high);
            return;
        }
        sum += numerics::integrate16(growth, low, high);
    };
    double const shortest = std::max(first, std::min(last, clock.k / shape) * 0x1p-12);
    if (first < shortest) {
        // H starts like v^k.
        double const power = std::max(1.0, 1 / clock.k);
        double const low = std::pow(first / shortest, 1 / power);
        sum += numerics::integrate16(
            [&](double q) {
                return power * shortest * std::pow(q, power - 1) * growth(shortest * std::pow(q, power));
            },
            low, 1.0);
    }
    double at_low = hazard(shortest);
    for (double low = shortest; low < last;) {
        double const high = std::min(2 * low, last);
        double const at_high = hazard(high);
        add(add, low, high, at_low, at_high);
        low = high;
        at_low = at_high;
    }
    return (1 - rho) * (ended - begun) + log_add(log_statistic, std::log(scale / unit * sum));
}

double shiryaev_roberts_limit(double false_alarms_per_year, duration unit) {
    if (!(false_alarms_per_year > 0 && false_alarms_per_year <= 1))
        throw input_error("false_alarms_per_year must lie in (0, 1], not " +
                          std::to_string(false_alarms_per_year));
    if (unit.count() <= 0) throw input_error("the unit of a Shiryaev-Roberts statistic must be positive");
    return in_units(year, unit) / false_alarms_per_year;
}

}  // namespace clavis::defection

#include "defection/dating.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

namespace clavis::defection {

namespace {

constexpr double confidence = 0.95;
constexpr std::array<double, 5> drops{0.1, 0.3, 0.5, 0.7, 0.9};
constexpr double log_drops = 1.6094379124341003;  // of their number

/// The days between which the cumulated weights pass from `below` to `above` of their sum; weights of `from`, `from` + 1 ...
date_interval middle(std::vector<double> const& weights, std::int32_t from, double below, double above) {
    double total = 0;
    for (double const weight : weights)
        total += weight;
    date_interval result{from, from + static_cast<std::int32_t>(weights.size()) - 1};
    double sum = 0;
    bool begun = false;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        sum += weights[i];
        if (!begun && sum > below * total) {
            result.low = from + static_cast<std::int32_t>(i);
            begun = true;
        }
        if (sum >= above * total) {
            result.high = from + static_cast<std::int32_t>(i);
            break;
        }
    }
    return result;
}

}  // namespace

date_interval date_change(clock_tables const& tables, operational_time const& time, std::int32_t visits,
                          std::int32_t gap_days, std::span<std::int32_t const> days, std::int32_t from,
                          std::int32_t date, possible_changes possible, std::optional<earlier_day> earlier) {
    hazard_clock const& clock = tables.clock();
    double const last = time.at(days.back());
    double const known = last - time.at(days.back() - gap_days);
    double const now = time.at(date);
    double const shape = clock.shape(visits);
    double const regularity = clock.k - 1;
    std::size_t const size = static_cast<std::size_t>(date - from) + 1;
    std::vector<double> logs;
    logs.reserve(size * (1 + drops.size()));
    std::size_t next = 0;  // the first visit not before the day
    for (std::int32_t day = from; day <= date; ++day) {
        while (next < days.size() && days[next] < day)
            ++next;
        double after = static_cast<double>(days.size() - next);
        double const change = time.at(day);
        // The part of the gap in which the change lies that was over by then, where there is such a gap.
        double over = 1;
        if (earlier && day < days.front()) {
            after += (earlier->visits - after) * (days.front() - day) / (days.front() - earlier->day);
            over = 0.5;
        } else if (next > 0 && next < days.size()) {
            double const begun = time.at(days[next - 1]);
            over = (change - begun) / (time.at(days[next]) - begun);
        }
        auto const log_likelihood = [&](double fraction) {
            double const gap_sum = known - (1 - fraction) * std::max(last - change, 0.0);
            double const silence =
                change < last ? fraction * (now - last) : change - last + fraction * (now - change);
            double result = -shape * std::log(clock.scale(gap_sum)) - tables.hazard(visits, gap_sum, silence);
            if (after > 0) {
                double const whole = std::max(after - 1, 0.0);  // gaps from the change on
                result += (clock.k * whole + std::min(after, 1.0)) * std::log(fraction) +
                          regularity * std::log(over + fraction * (1 - over));
            }
            return result;
        };
        logs.push_back(possible.stop && after == 0 ? log_likelihood(0) : -HUGE_VAL);
        for (double const fraction : drops)
            logs.push_back(possible.drop ? log_likelihood(fraction) - log_drops : -HUGE_VAL);
    }
    double const largest = *std::max_element(logs.begin(), logs.end());
    std::vector<double> weights(size);
    for (std::size_t i = 0; i < logs.size(); ++i)
        weights[i / (1 + drops.size())] += std::exp(logs[i] - largest);
    return middle(weights, from, (1 - confidence) / 2, (1 + confidence) / 2);
}

}  // namespace clavis::defection

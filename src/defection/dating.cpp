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

date_interval date_change(hazard_clock const& clock, double visits, double gap_days,
                          std::span<std::int32_t const> days, std::int32_t from, std::int32_t date,
                          possible_changes possible, std::optional<earlier_day> earlier) {
    double const exposure = clock.alpha + gap_days + (date - days.back());
    double const shape = clock.shape(visits);
    std::size_t const size = static_cast<std::size_t>(date - from) + 1;
    std::vector<double> logs;
    logs.reserve(size * (1 + drops.size()));
    std::size_t next = 0;  // the first visit not before the day
    for (std::int32_t day = from; day <= date; ++day) {
        while (next < days.size() && days[next] < day)
            ++next;
        double after = static_cast<double>(days.size() - next);
        if (earlier && day < days.front())
            after += (earlier->visits - after) * (days.front() - day) / (days.front() - earlier->day);
        double const rest = date - day;
        logs.push_back(possible.stop && after == 0 ? -shape * std::log(exposure - rest) : -HUGE_VAL);
        for (double const fraction : drops)
            logs.push_back(possible.drop ? clock.k * after * std::log(fraction) - log_drops -
                                               shape * std::log(exposure - (1 - fraction) * rest)
                                         : -HUGE_VAL);
    }
    double const largest = *std::max_element(logs.begin(), logs.end());
    std::vector<double> weights(size);
    for (std::size_t i = 0; i < logs.size(); ++i)
        weights[i / (1 + drops.size())] += std::exp(logs[i] - largest);
    return middle(weights, from, (1 - confidence) / 2, (1 + confidence) / 2);
}

}  // namespace clavis::defection

#include "clavis/metrics/indicators.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "clavis/metrics/class_statistics.hpp"

namespace clavis::metrics {

namespace {

double share(std::int64_t part, std::int64_t whole) {
    return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole)
                     : std::numeric_limits<double>::quiet_NaN();
}

double total(std::span<double const> values) {
    return describe(values, std::vector<std::int32_t>(values.size(), 0), 1).front().sum;
}

}  // namespace

std::vector<indicator> indicators(ledger::summary const& customers, defection::states_table const& states,
                                  std::span<double const> lifetime_value,
                                  std::span<double const> value_at_risk) {
    std::vector<indicator> result;
    auto add = [&](char const* name, double value, char const* definition) {
        result.push_back({name, value, definition});
    };
    auto const n = static_cast<std::int64_t>(customers.size());
    auto const buyers = std::count_if(customers.days.begin(), customers.days.end(),
                                      [](std::int64_t days) { return days > 0; });
    auto const repeaters =
        std::count_if(customers.days.begin(), customers.days.end(), [](auto days) { return days > 1; });
    add("customers", static_cast<double>(n), "customers with any record until as_of");
    add("buyers", static_cast<double>(buyers), "customers with at least one purchase");
    add("repeat_rate", share(repeaters, buyers), "share of the buyers who came back on another day");
    if (!customers.net_amount.empty()) {
        add("net_amount", total(customers.net_amount), "sales less returns of all customers");
        add("returns_amount", total(customers.returns_amount), "what came back");
    }
    if (states.size() > 0) {
        auto count = [&](defection::state wanted) {
            return static_cast<double>(std::count(states.state.begin(), states.state.end(), wanted));
        };
        add("lapsed", count(defection::state::LAPSED), "buyers with a standing alarm of complete defection");
        add("partial", count(defection::state::PARTIAL), "buyers with a standing alarm of partial defection");
        add("watch", count(defection::state::WATCH), "buyers on the way to an alarm");
    }
    if (!lifetime_value.empty()) {
        add("lifetime_value", total(lifetime_value),
            "discounted value ahead of all customers over the horizon");
        add("value_at_risk", total(value_at_risk),
            "what customers with a standing alarm would bring over the horizon at their former pace and no "
            "longer do");
    }
    return result;
}

}  // namespace clavis::metrics

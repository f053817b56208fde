#include "clavis/metrics/class_table.hpp"

#include <limits>

#include "clavis/defection/monitor.hpp"
#include "clavis/metrics/class_statistics.hpp"

namespace clavis::metrics {

namespace {

std::vector<class_statistics> count_state(class_columns const& customers, defection::state wanted) {
    std::vector<double> is(customers.state.size());
    for (std::size_t i = 0; i < is.size(); ++i)
        is[i] = customers.state[i] == static_cast<std::int32_t>(wanted) ? 1.0 : 0.0;
    return describe(is, customers.class_of, customers.classes);
}

}  // namespace

class_table by_class(class_columns const& customers) {
    std::vector<double> const ones(customers.class_of.size(), 1.0);
    auto const sizes = describe(ones, customers.class_of, customers.classes);
    std::vector<std::size_t> present;
    class_table table;
    for (std::size_t k = 0; k < customers.classes; ++k) {
        if (sizes[k].customers == 0) continue;
        present.push_back(k);
        table.class_index.push_back(static_cast<std::int32_t>(k));
        table.customers.push_back(sizes[k].customers);
        table.customer_share.push_back(static_cast<double>(sizes[k].customers) /
                                       static_cast<double>(ones.size()));
    }
    auto pick = [&](std::vector<class_statistics> const& from, double class_statistics::*member, auto& into) {
        using value = typename std::decay_t<decltype(into)>::value_type;
        for (std::size_t const k : present)
            into.push_back(static_cast<value>(from[k].*member));
    };
    auto known = [&](std::span<double const> values) { return !values.empty() || ones.empty(); };

    if (known(customers.net_amount)) {
        auto const money = describe(customers.net_amount, customers.class_of, customers.classes);
        double total = 0;
        for (auto const& entry : money)
            total += entry.sum;
        pick(money, &class_statistics::sum, table.net_amount);
        for (double const amount : table.net_amount)
            table.net_amount_share.push_back(total > 0 ? amount / total
                                                       : std::numeric_limits<double>::quiet_NaN());
        pick(money, &class_statistics::mean, table.mean_net_amount);
        pick(money, &class_statistics::median, table.median_net_amount);
    }
    if (known(customers.lifetime_value)) {
        auto const ahead = describe(customers.lifetime_value, customers.class_of, customers.classes);
        pick(ahead, &class_statistics::sum, table.lifetime_value);
        pick(ahead, &class_statistics::mean, table.mean_lifetime_value);
    }
    if (known(customers.value_at_risk))
        pick(describe(customers.value_at_risk, customers.class_of, customers.classes), &class_statistics::sum,
             table.value_at_risk);
    if (!customers.state.empty() || ones.empty()) {
        pick(count_state(customers, defection::state::LAPSED), &class_statistics::sum, table.lapsed);
        pick(count_state(customers, defection::state::PARTIAL), &class_statistics::sum, table.partial);
    }
    return table;
}

}  // namespace clavis::metrics

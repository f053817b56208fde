#include "clavis/defection/reasons.hpp"

#include <algorithm>
#include <cmath>

#include "clavis/core/errors.hpp"

namespace clavis::defection {

char const* to_string(spend_change_kind kind) noexcept {
    switch (kind) {
        case spend_change_kind::CHANGED:
            return "CHANGED";
        case spend_change_kind::COMPLETE:
            return "COMPLETE";
        case spend_change_kind::APPEARED:
            return "APPEARED";
        case spend_change_kind::NONE:
            return "NONE";
        case spend_change_kind::RETURNING:
            return "RETURNING";
    }
    return "";
}

double logarithmic_mean(double a, double b) noexcept {
    if (a == b) return a;
    if (a <= 0 || b <= 0) return 0;
    double const change = (a - b) / b;
    // Near one another the quotient a / b would lose what tells them apart.
    return (a - b) / (std::abs(change) < 0.5 ? std::log1p(change) : std::log(a / b));
}

spend_change explain_spend(period_spend const& before, period_spend const& after) noexcept {
    spend_change result;
    result.before = before.net();
    result.after = after.net();
    double const change = result.after - result.before;
    bool const bought = before.sales > 0;
    bool const buys = after.sales > 0;
    auto all_by = [&](std::size_t factor) { result.effects[factor] = change; };
    if (std::isnan(change)) {
        result.effects.fill(change);
        return result;
    }
    if (!bought && !buys) {
        all_by(3);  // what still came back
        if (change != 0) result.kind = spend_change_kind::RETURNING;
        return result;
    }
    bool const product = before.net() >= 0 && after.net() >= 0;
    // Sales alone where the returns stand apart.
    double const from = product ? result.before : before.sales;
    double const to = product ? result.after : after.sales;
    if (!product) result.effects[3] = before.returns - after.returns;
    double const rest = product ? change : after.sales - before.sales;
    if (!bought || !buys) {
        result.kind = !product ? spend_change_kind::RETURNING
                      : bought ? spend_change_kind::COMPLETE
                               : spend_change_kind::APPEARED;
        result.effects[0] = rest;
        return result;
    }
    result.kind = product ? spend_change_kind::CHANGED : spend_change_kind::RETURNING;
    if (from == 0 || to == 0) {  // everything bought in a period came back
        result.effects[3] += rest;
        return result;
    }
    auto log_ratio = [](double high, double low) { return std::log(high / low); };
    auto visits = [](period_spend const& one) { return std::max(1.0, one.visits); };
    auto items = [](period_spend const& one) { return one.items > 0 ? one.items : 1.0; };
    double const mean = logarithmic_mean(to, from);
    double const by_visits = log_ratio(visits(after), visits(before));
    double const by_items = log_ratio(items(after), items(before));
    double const by_sales = log_ratio(after.sales, before.sales);
    result.effects[0] = mean * by_visits;
    result.effects[1] = mean * (by_items - by_visits);
    result.effects[2] = mean * (by_sales - by_items);
    if (product) result.effects[3] = mean * log_ratio(after.net() / after.sales, before.net() / before.sales);
    // What rounding left goes to the largest, so that the parts sum as money does.
    double sum = 0;
    for (double const effect : result.effects)
        sum += effect;
    auto const largest = std::max_element(result.effects.begin(), result.effects.end(),
                                          [](double a, double b) { return std::abs(a) < std::abs(b); });
    double const residual = change - sum;
    double const scale = std::max(std::abs(result.before), std::abs(result.after));
    if (std::abs(residual) <= 1e-9 * std::max(scale, before.sales + after.sales)) *largest += residual;
    return result;
}

void explain_spend(std::span<period_spend const> before, std::span<period_spend const> after,
                   std::span<spend_change> out) {
    if (before.size() != after.size() || before.size() != out.size())
        throw input_error("reasons: spans of different length");
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = explain_spend(before[i], after[i]);
}

}  // namespace clavis::defection

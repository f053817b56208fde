// clavis._clavis.analysis: the whole run, handed over as dicts of columns.

#include <optional>

#include "bindings.hpp"
#include "clavis/analysis/analyse.hpp"
#include "clavis/core/errors.hpp"
#include "clavis/core/exact_sum.hpp"
#include "clavis/ledger/summarize.hpp"
#include "defection.hpp"

namespace clavis::bindings {

namespace {

using analysis::analyse_options;

/// column[row] where the customer has a row of states, `otherwise` elsewhere.
template <class T>
std::vector<T> spread(std::vector<std::int64_t> const& rows, std::vector<T> const& column, T otherwise) {
    std::vector<T> result(rows.size(), otherwise);
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (rows[i] >= 0) result[i] = column[static_cast<std::size_t>(rows[i])];
    return result;
}

std::vector<double> to_amounts(std::vector<std::int64_t> const& minor, int scale) {
    std::vector<double> result(minor.size());
    for (std::size_t i = 0; i < minor.size(); ++i)
        result[i] = minor[i] < 0 ? std::numeric_limits<double>::quiet_NaN() : to_amount(minor[i], scale);
    return result;
}

py::dict customer_columns(analysis::analysis const& found) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    auto const& s = found.customers;
    auto const& states = found.states;
    auto const& rows = found.state_row;
    py::dict columns;
    auto copy = [](auto const& values) { return to_numpy(std::decay_t<decltype(values)>(values)); };
    columns["customer_id"] = to_numpy(s.customer_id);
    columns["first_time"] = copy(s.first_time);
    columns["last_time"] = copy(s.last_time);
    columns["orders"] = copy(s.orders);
    columns["days"] = copy(s.days);
    columns["frequency"] = copy(s.frequency);
    columns["recency"] = copy(s.recency);
    columns["T"] = copy(s.T);
    if (!s.net_amount.empty()) {
        columns["monetary_value"] = copy(s.monetary_value);
        columns["net_amount"] = copy(s.net_amount);
        columns["returns_amount"] = copy(s.returns_amount);
    }
    columns["r"] = copy(found.rfm.r);
    columns["f"] = copy(found.rfm.f);
    columns["m"] = copy(found.rfm.m);
    columns["score"] = copy(found.rfm.score);
    columns["segment"] = categorical(found.rfm.segment_names, found.rfm.segment);
    columns["expected_purchases"] = copy(found.expected_purchases);
    columns["probability_no_purchase"] = copy(found.probability_no_purchase);
    bool const money = !s.net_amount.empty();
    if (money) {
        columns["expected_spend"] = copy(found.expected_spend);
        columns["lifetime_value"] = copy(found.lifetime_value);
    }
    columns["state"] = state_names(found.state);
    columns["overdue_p"] = to_numpy(spread(rows, states.overdue_p, nan));
    columns["statistic"] = to_numpy(spread(rows, states.statistic, nan));
    columns["since"] = days_to_numpy(spread(rows, states.since, defection::missing_day));
    columns["retained_ratio"] = to_numpy(spread(rows, states.retained_ratio, nan));
    if (money) columns["value_at_risk"] = copy(found.value_at_risk);

    std::vector<std::string> tier_names;
    for (auto const& tier : found.program.tiers)
        tier_names.push_back(tier.name);
    py::list reasons;
    for (std::size_t i = 0; i < found.tiers.size(); ++i)
        reasons.append(loyalty::reason(found.program, found.tiers, i));
    columns["tier"] = categorical(tier_names, found.tiers.tier);
    columns["tier_since"] = days_to_numpy(found.tiers.since);
    columns["tier_keeps_until"] = days_to_numpy(found.tiers.keeps_until);
    columns["tier_to_next"] = to_numpy(to_amounts(found.tiers.to_next, found.tiers.amount_scale));
    columns["tier_reason"] = py::module_::import("numpy").attr("array")(reasons, "object");
    return columns;
}

py::dict segment_columns(analysis::analysis& found) {
    auto& table = found.segments;
    py::dict columns;
    columns["segment"] = categorical(found.rfm.segment_names, table.class_index);
    columns["customers"] = to_numpy(std::move(table.customers));
    columns["customer_share"] = to_numpy(std::move(table.customer_share));
    auto add_known = [&](char const* name, auto& column) {
        if (!column.empty()) columns[name] = to_numpy(std::move(column));
    };
    add_known("net_amount", table.net_amount);
    add_known("net_amount_share", table.net_amount_share);
    add_known("mean_net_amount", table.mean_net_amount);
    add_known("median_net_amount", table.median_net_amount);
    add_known("lifetime_value", table.lifetime_value);
    add_known("mean_lifetime_value", table.mean_lifetime_value);
    add_known("value_at_risk", table.value_at_risk);
    add_known("lapsed", table.lapsed);
    add_known("partial", table.partial);
    return columns;
}

py::dict metric_columns(analysis::analysis const& found) {
    text_column names, definitions;
    std::vector<double> values;
    for (auto const& entry : found.indicators) {
        names.push_back(entry.name);
        values.push_back(entry.value);
        definitions.push_back(entry.definition);
    }
    py::dict columns;
    columns["metric"] = to_numpy(names);
    columns["value"] = to_numpy(std::move(values));
    columns["definition"] = to_numpy(definitions);
    return columns;
}

py::dict fit_dict(lifetime::fit_report const& report, std::string_view model) {
    py::dict parameters, errors;
    for (std::size_t i = 0; i < report.parameter_names.size(); ++i) {
        parameters[py::str(report.parameter_names[i])] = report.estimates[i];
        errors[py::str(report.parameter_names[i])] = report.standard_errors[i];
    }
    py::dict result;
    result["model"] = std::string(model);
    result["parameters"] = parameters;
    result["standard_errors"] = errors;
    result["log_likelihood"] = report.log_likelihood;
    result["converged"] = report.converged;
    result["status"] = report.status;
    result["warnings"] = report.warnings;
    return result;
}

py::dict run(ledger::summarizer const& records, std::int64_t horizon, double annual_rate, double margin,
             std::optional<std::int32_t> baseline_until, std::vector<double> retained,
             double false_alarms_per_year, std::optional<std::string> const& tiers, int bins,
             unsigned threads, py::object callback) {
    analyse_options options;
    options.rfm.bins = bins;
    options.horizon = duration(horizon);
    options.annual_rate = annual_rate;
    options.margin = margin;
    options.baseline_until = optional_date(baseline_until);
    options.monitor.retained = std::move(retained);
    options.monitor.false_alarms_per_year = false_alarms_per_year;
    if (tiers) options.tiers = loyalty::tier_program::from_json(*tiers);
    options.threads = threads;
    options.watch = make_progress(std::move(callback));
    auto found = [&] {
        py::gil_scoped_release unlocked;
        return analysis::analyse(records.finish(), records.daily(), options);
    }();

    py::dict fits;
    if (found.purchases) fits["purchases"] = fit_dict(found.purchases->report, found.purchases->model.name);
    if (found.spend) fits["spend"] = fit_dict(found.spend->report, found.spend->model.name);
    py::dict result;
    result["customers"] = customer_columns(found);
    result["segments"] = segment_columns(found);
    result["alerts"] = to_dict(found.alerts);
    result["metrics"] = metric_columns(found);
    result["quality"] = to_dict(found.customers.quality);
    result["as_of"] = day_number(found.as_of());
    result["baseline_until"] = day_number(found.baseline_until);
    result["tier_program"] = found.program.to_json();
    result["fits"] = fits;
    result["notes"] = found.notes;
    return result;
}

}  // namespace

void bind_analysis(py::module_& module) {
    py::module_ room = module.def_submodule("analysis", "Everything at once.");
    room.def("analyse", &run, py::arg("records"), py::kw_only(), py::arg("horizon"), py::arg("annual_rate"),
             py::arg("margin"), py::arg("baseline_until"), py::arg("retained"),
             py::arg("false_alarms_per_year"), py::arg("tiers"), py::arg("bins"), py::arg("threads"),
             py::arg("progress"));
}

}  // namespace clavis::bindings

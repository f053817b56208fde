#include "clavis/analysis/analyse.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "analysis/default_tiers.hpp"
#include "clavis/core/errors.hpp"
#include "clavis/lifetime/clv.hpp"
#include "clavis/lifetime/model.hpp"

namespace clavis::analysis {

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

sys_days first_day(ledger::history const& records) {
    std::int32_t earliest = std::numeric_limits<std::int32_t>::max();
    for (std::size_t i = 0; i < records.size(); ++i)
        if (records.offsets[i] < records.offsets[i + 1])
            earliest = std::min(earliest, records.day[static_cast<std::size_t>(records.offsets[i])]);
    return sys_days{std::chrono::days{earliest}};
}

void value_customers(analysis& result, analyse_options const& options) {
    result.rfm = value::rfm(result.customers, options.rfm, options.threads);
    for (auto const& note : result.rfm.notes)
        result.notes.push_back("RFM: " + note);
}

void add_fit_notes(analysis& result, std::string const& name, lifetime::fit_report const& report) {
    if (!report.converged) result.notes.push_back(name + ": " + report.status);
    for (auto const& warning : report.warnings)
        result.notes.push_back(name + ": " + warning);
}

/// Purchases and money ahead. Where the purchases of these customers cannot be modelled at all the columns stay NaN.
void value_ahead(analysis& result, analyse_options const& options) {
    auto const view = result.customers.view();
    lifetime::fit_options const fitting{.threads = options.threads, .watch = options.watch};
    std::size_t const n = view.size();
    for (auto* column : {&result.expected_purchases, &result.probability_no_purchase, &result.expected_spend,
                         &result.lifetime_value})
        column->assign(n, missing);

    try {
        result.purchases = lifetime::fit<lifetime::modified_beta_geo_nbd>(view, fitting);
    } catch (input_error const& problem) {
        result.notes.push_back(std::string("purchases ahead are not known: ") + problem.what());
        return;
    }
    auto const& model = result.purchases->model;
    add_fit_notes(result, "purchases (MBG/NBD)", result.purchases->report);
    lifetime::expected_purchases(model, view, options.horizon, result.expected_purchases, options.threads);
    lifetime::probability_no_purchase(model, view, options.horizon, result.probability_no_purchase,
                                      options.threads);

    if (view.monetary_value.empty()) {
        result.notes.push_back("lifetime values are not known: the records have no amounts");
        return;
    }
    try {
        result.spend = lifetime::fit<lifetime::gamma_gamma>(view, fitting);
    } catch (input_error const& problem) {
        result.notes.push_back(std::string("lifetime values are not known: ") + problem.what());
        return;
    }
    add_fit_notes(result, "spend (Gamma-Gamma)", result.spend->report);
    lifetime::expected_spend(result.spend->model, view, result.expected_spend, options.threads);
    auto const unpriced = std::count_if(result.expected_spend.begin(), result.expected_spend.end(),
                                        [](double amount) { return std::isnan(amount); });
    if (unpriced > 0)
        result.notes.push_back("no expected spend and no lifetime value for " + std::to_string(unpriced) +
                               (unpriced == 1 ? " customer" : " customers") +
                               " whose repeat purchases net to zero or less, or who never bought");
    lifetime::lifetime_value(model, result.spend->model, view,
                             {.horizon = options.horizon,
                              .annual_rate = options.annual_rate,
                              .margin = options.margin,
                              .threads = options.threads},
                             result.lifetime_value);
}

/// The middle of the records, but never before the day after the first.
sys_days default_baseline(ledger::history const& records, sys_days until) {
    sys_days const first = first_day(records);
    return first + std::max(std::chrono::days{1}, (until - first) / 2);
}

void watch_customers(analysis& result, ledger::history const& records, analyse_options const& options) {
    sys_days const until = result.customers.observed_until;
    result.baseline_until = options.baseline_until.value_or(default_baseline(records, until));
    defection::baseline start;
    try {
        start = defection::learn_baseline(records, result.baseline_until, {}, options.threads, options.watch);
    } catch (input_error const& problem) {
        if (options.baseline_until) throw;
        result.notes.push_back(std::string("nobody could be watched: ") + problem.what());
        return;
    }
    for (auto const* sentences : {&start.notes, &start.warnings})
        for (auto const& sentence : *sentences)
            result.notes.push_back("defection: " + sentence);
    defection::monitor monitor(start, options.monitor);
    result.alerts = monitor.update(records, until, options.threads, options.watch);
    result.states = monitor.states(until, options.threads);
}

/// Both tables are sorted by customer: one pass finds every customer's row of `states`.
std::vector<std::int64_t> rows_of(identifiers const& wanted, identifiers const& present) {
    std::vector<std::int64_t> rows(wanted.size(), -1);
    auto match = [&](auto const& left, auto const& right) {
        for (std::size_t i = 0, k = 0; i < wanted.size() && k < present.size(); ++i) {
            while (k < present.size() && right[k] < left[i])
                ++k;
            if (k < present.size() && right[k] == left[i]) rows[i] = static_cast<std::int64_t>(k);
        }
    };
    if (present.size() == 0) return rows;
    if (wanted.is_text())
        match(wanted.text(), present.text());
    else
        match(wanted.integers(), present.integers());
    return rows;
}

std::vector<std::int32_t> state_codes(defection::states_table const& states,
                                      std::vector<std::int64_t> const& rows) {
    std::vector<std::int32_t> codes(rows.size(), -1);
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (rows[i] >= 0)
            codes[i] = static_cast<std::int32_t>(states.state[static_cast<std::size_t>(rows[i])]);
    return codes;
}

/// What a horizon of purchases at the pace before the change would bring, less the part that still comes: the price of
/// doing nothing, for those with a standing alarm. 0 for everybody else, NaN where spend is not known.
std::vector<double> value_at_risk(analysis const& result, analyse_options const& options) {
    std::vector<double> values(result.customers.size(), 0.0);
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (result.state_row[i] < 0) continue;
        auto const row = static_cast<std::size_t>(result.state_row[i]);
        auto const state = result.states.state[row];
        if (state != defection::state::LAPSED && state != defection::state::PARTIAL) continue;
        double const purchases = in_units(options.horizon, day) / result.states.expected_gap[row];
        double const lost = std::clamp(1.0 - result.states.retained_ratio[row], 0.0, 1.0);
        values[i] = purchases * lost * result.expected_spend[i] * options.margin;
    }
    return values;
}

void place_in_tiers(analysis& result, ledger::history const& records, analyse_options const& options) {
    sys_days const until = result.as_of();
    result.program = options.tiers ? *options.tiers : default_tiers(records, until, options.threads);
    result.tiers = loyalty::replay(result.program, records, until, options.threads, options.watch);
}

}  // namespace

analysis analyse(ledger::summary summary, ledger::history const& records, analyse_options const& options) {
    if (!(summary.customer_id == records.customer_id))
        throw input_error("analyse: the summary and the history are of different customers");
    analysis result;
    result.customers = std::move(summary);
    value_customers(result, options);
    value_ahead(result, options);
    watch_customers(result, records, options);
    result.state_row = rows_of(result.customers.customer_id, result.states.customer_id);
    result.state = state_codes(result.states, result.state_row);
    result.value_at_risk = value_at_risk(result, options);
    place_in_tiers(result, records, options);

    // Values that could not be computed say nothing in a sum: their columns are left out of the tables.
    std::span<double const> ahead;
    std::span<double const> at_risk;
    if (result.spend) {
        ahead = result.lifetime_value;
        at_risk = result.value_at_risk;
    }
    result.segments = metrics::by_class({.class_of = result.rfm.segment,
                                         .classes = result.rfm.segment_names.size(),
                                         .net_amount = result.customers.net_amount,
                                         .lifetime_value = ahead,
                                         .value_at_risk = at_risk,
                                         .state = result.state});
    result.indicators = metrics::indicators(result.customers, result.states, ahead, at_risk);
    return result;
}

}  // namespace clavis::analysis

// clavis._clavis.defection: who is leaving, and since when.

#include "clavis/defection/detectors.hpp"

#include <algorithm>
#include <optional>
#include <tuple>

#include "bindings.hpp"
#include "clavis/defection/monitor.hpp"
#include "defection.hpp"
#include "defection_evidence.hpp"

namespace clavis::bindings {
namespace {

using defection::evidence_kind;
using defection::monitor;

std::int32_t day_of(sys_days date) {
    return static_cast<std::int32_t>(day_number(date));
}
sys_days date_of(std::int32_t days) {
    return sys_days{std::chrono::days{days}};
}

py::dict to_dict(defection::intake const& received) {
    py::dict result;
    result["visits_used"] = received.visits_used;
    result["visits_late"] = received.visits_late;
    result["visits_early"] = received.visits_early;
    result["return_days"] = received.return_days;
    result["customers_joined"] = received.customers_joined;
    return result;
}

py::array evidence_names(std::vector<defection::evidence_kind> const& kinds) {
    std::vector<std::string> names;
    for (auto value :
         {evidence_kind::VISITS, evidence_kind::SPEND, evidence_kind::CATEGORY, evidence_kind::WALLET})
        names.emplace_back(defection::to_string(value));
    std::vector<std::int32_t> codes;
    for (auto const kind : kinds)
        codes.push_back(static_cast<std::int32_t>(kind));
    return categorical(names, codes);
}

py::dict to_dict(defection::states_table&& table) {
    std::vector<std::int32_t> state(table.size());
    for (std::size_t i = 0; i < state.size(); ++i)
        state[i] = static_cast<std::int32_t>(table.state[i]);
    py::dict columns;
    columns["customer_id"] = to_numpy(table.customer_id);
    columns["state"] = state_names(state);
    columns["evidence"] = evidence_names(table.evidence);
    py::array_t<bool> growing(static_cast<py::ssize_t>(table.size()));
    std::copy(table.growing_but_losing_share.begin(), table.growing_but_losing_share.end(),
              growing.mutable_data());
    columns["growing_but_losing_share"] = std::move(growing);
    columns["statistic"] = to_numpy(std::move(table.statistic));
    columns["overdue_p"] = to_numpy(std::move(table.overdue_p));
    columns["false_alarm_bound"] = to_numpy(std::move(table.false_alarm_bound));
    columns["since"] = days_to_numpy(table.since);
    columns["since_low"] = days_to_numpy(table.since_low);
    columns["since_high"] = days_to_numpy(table.since_high);
    columns["retained_ratio"] = to_numpy(std::move(table.retained_ratio));
    columns["last_visit"] = days_to_numpy(table.last_visit);
    columns["repeat_visits"] = to_numpy(std::move(table.repeat_visits));
    columns["expected_gap"] = to_numpy(std::move(table.expected_gap));
    return columns;
}

}  // namespace

py::array state_names(std::vector<std::int32_t> const& states) {
    using defection::state;
    std::vector<std::string> names;
    for (auto value :
         {state::NEW, state::ACTIVE, state::WATCH, state::PARTIAL, state::LAPSED, state::RECOVERED})
        names.emplace_back(defection::to_string(value));
    return categorical(names, states);
}

py::dict to_dict(defection::alerts const& found) {
    std::size_t const size = found.size();
    std::vector<std::int32_t> state(size);
    std::vector<std::int32_t> raised(size);
    std::vector<std::int32_t> since(size);
    std::vector<std::int32_t> since_low(size);
    std::vector<std::int32_t> since_high(size);
    std::vector<std::int32_t> visits(size);
    std::vector<double> expected(size);
    std::vector<double> ratio(size);
    std::vector<double> statistic(size);
    std::vector<double> overdue_p(size);
    std::vector<double> usual_gap(size);
    std::vector<evidence_kind> evidence(size);
    std::vector<double> before(size);
    std::vector<double> after(size);
    text_column sentence;
    std::vector<std::string> categories;
    std::vector<std::int32_t> category(size, -1);
    for (std::size_t i = 0; i < size; ++i) {
        defection::alert const& one = found.rows[i];
        state[i] = static_cast<std::int32_t>(one.state);
        raised[i] = day_of(one.raised);
        since[i] = day_of(one.since);
        since_low[i] = day_of(one.since_low);
        since_high[i] = day_of(one.since_high);
        visits[i] = one.visits;
        expected[i] = one.expected;
        ratio[i] = one.retained_ratio;
        statistic[i] = one.statistic;
        overdue_p[i] = one.overdue_p;
        usual_gap[i] = one.usual_gap;
        evidence[i] = one.evidence;
        before[i] = one.before;
        after[i] = one.after;
        if (!one.category.empty()) {
            auto const known = std::find(categories.begin(), categories.end(), one.category);
            category[i] = static_cast<std::int32_t>(known - categories.begin());
            if (known == categories.end()) categories.push_back(one.category);
        }
        sentence.push_back(found.sentence(i));
    }
    py::dict columns;
    columns["customer_id"] = to_numpy(found.customer_id);
    columns["state"] = state_names(state);
    columns["evidence"] = evidence_names(evidence);
    columns["raised"] = days_to_numpy(raised);
    columns["since"] = days_to_numpy(since);
    columns["visits"] = to_numpy(std::move(visits));
    columns["expected"] = to_numpy(std::move(expected));
    columns["retained_ratio"] = to_numpy(std::move(ratio));
    columns["since_low"] = days_to_numpy(since_low);
    columns["since_high"] = days_to_numpy(since_high);
    columns["usual_gap"] = to_numpy(std::move(usual_gap));
    columns["statistic"] = to_numpy(std::move(statistic));
    columns["overdue_p"] = to_numpy(std::move(overdue_p));
    columns["category"] = categorical(categories, category);
    columns["before"] = to_numpy(std::move(before));
    columns["after"] = to_numpy(std::move(after));
    columns["sentence"] = to_numpy(sentence);
    return columns;
}

namespace {

/// A monitor and what was said of its baseline.
struct watch {
    monitor state;
    py::dict learned;
};

watch fit(ledger::history const& records, std::int32_t baseline_until, std::vector<double> retained,
          double false_alarms_per_year, int keep_events, int reorder_days, std::optional<double> r,
          std::optional<double> alpha, std::optional<double> k,
          std::optional<std::pair<std::int32_t, std::vector<double>>> season,
          std::vector<std::string> const& evidence, evidence_input const* more, unsigned threads,
          py::object callback) {
    defection::clock_knowledge given;
    given.k = k;
    if (r && alpha) given.clock = defection::hazard_clock{*r, *alpha, k.value_or(1.0)};
    if (season) given.time = defection::operational_time(date_of(season->first), season->second);
    progress const reporter = make_progress(std::move(callback));
    defection::evidence_choice const chosen = chosen_evidence(evidence);
    auto [start, state, beside] = [&] {
        py::gil_scoped_release unlocked;
        defection::monitor_options options{std::move(retained), false_alarms_per_year, keep_events,
                                           reorder_days, chosen};
        options.validate();
        auto known = defection::learn_baseline(records, date_of(baseline_until), given, threads, reporter);
        defection::learned_evidence learned;
        if (!chosen.any()) return std::tuple(std::move(known), monitor(known, std::move(options)), learned);
        evidence_of_batch const told(records, more);
        learned = defection::learn_evidence(records, known, chosen, told.records(),
                                            more != nullptr ? more->wallet_months : 3, threads);
        monitor begun(known, std::move(options), std::move(learned.watch));
        return std::tuple(std::move(known), std::move(begun), std::move(learned));
    }();
    start.notes.insert(start.notes.end(), beside.notes.begin(), beside.notes.end());
    start.warnings.insert(start.warnings.end(), beside.warnings.begin(), beside.warnings.end());
    py::dict params;
    params["r"] = start.clock.r;
    params["alpha"] = start.clock.alpha;
    params["k"] = start.clock.k;
    py::dict errors;
    py::dict learned;
    if (start.fit) {
        params["a"] = start.fit->estimate("a");
        params["b"] = start.fit->estimate("b");
        for (char const* name : {"r", "alpha", "k", "a", "b"})
            errors[name] = start.fit->standard_error(name);
        learned["log_likelihood"] = start.fit->log_likelihood;
        learned["converged"] = start.fit->converged;
        learned["status"] = start.fit->status;
    } else {
        learned["log_likelihood"] = py::none();
        learned["converged"] = true;
        learned["status"] = "r and alpha were given";
    }
    learned["params"] = params;
    learned["standard_errors"] = errors;
    learned["notes"] = start.notes;
    learned["warnings"] = start.warnings;
    learned["long_silence_excess"] = start.long_silence_excess;
    learned["season_variation"] = start.season_variation;
    learned["gap_pairs"] = start.regularity.pairs;
    learned["k_by_moments"] = start.regularity.by_moments;
    learned["customers"] = start.size();
    learned["visits_after"] = start.visits_after;
    learned["return_days"] = start.return_days;
    learned["customers_without_visit"] = start.customers_without_visit;
    return {std::move(state), std::move(learned)};
}

}  // namespace

void bind_defection(py::module_& module) {
    py::module_ room =
        module.def_submodule("defection", "Who is leaving, wholly or in part, and since when.");

    room.def("average_run_length", &defection::average_run_length, py::arg("rho"), py::arg("limit"),
             py::arg("rate"));
    room.def("threshold_for", &defection::threshold_for, py::arg("rho"), py::arg("run_length"),
             py::arg("rate"));

    bind_evidence(room);
    py::class_<watch>(room, "Monitor")
        .def_static("fit", &fit, py::kw_only(), py::arg("records"), py::arg("baseline_until"),
                    py::arg("retained"), py::arg("false_alarms_per_year"), py::arg("keep_events"),
                    py::arg("reorder_days"), py::arg("r"), py::arg("alpha"), py::arg("k"), py::arg("season"),
                    py::arg("evidence") = std::vector<std::string>{}, py::arg("more").none(true) = nullptr,
                    py::arg("threads"), py::arg("progress"))
        .def("to_bytes",
             [](watch const& self, std::string const& note) {
                 auto const bytes = [&] {
                     py::gil_scoped_release unlocked;
                     return self.state.to_bytes(note);
                 }();
                 return py::bytes(reinterpret_cast<char const*>(bytes.data()), bytes.size());
             })
        // The monitor and its note; `learned` is empty until it is set.
        .def_static("from_bytes",
                    [](py::bytes const& data) {
                        std::string_view const text = data;
                        std::string note;
                        auto state = [&] {
                            py::gil_scoped_release unlocked;
                            return monitor::from_bytes(
                                {reinterpret_cast<std::uint8_t const*>(text.data()), text.size()}, &note);
                        }();
                        return py::make_tuple(watch{std::move(state), py::dict()}, py::bytes(note));
                    })
        .def("merge",
             [](watch& self, watch const& other) {
                 py::gil_scoped_release unlocked;
                 self.state.merge(other.state);
             })
        .def(
            "update",
            // No batch: nothing happened.
            [](watch& self, ledger::history const* batch, std::int32_t as_of, evidence_input const* more,
               unsigned threads, py::object callback) {
                progress const reporter = make_progress(std::move(callback));
                ledger::history const quiet;
                defection::alerts found;
                {
                    py::gil_scoped_release unlocked;
                    ledger::history const& records = batch != nullptr ? *batch : quiet;
                    evidence_of_batch const told(records, more);
                    found = self.state.update(records, date_of(as_of), threads, reporter, told.records());
                }
                return py::make_tuple(to_dict(found), to_dict(found.received));
            },
            py::arg("batch").none(true), py::arg("as_of"), py::arg("more").none(true), py::arg("threads"),
            py::arg("progress"))
        .def(
            "states",
            [](watch const& self, std::int32_t as_of, unsigned threads) {
                defection::states_table table;
                {
                    py::gil_scoped_release unlocked;
                    table = self.state.states(date_of(as_of), threads);
                }
                return to_dict(std::move(table));
            },
            py::arg("as_of"), py::arg("threads"))
        .def("__len__", [](watch const& self) { return self.state.size(); })
        .def_readwrite("learned", &watch::learned)
        .def_property_readonly("season_first",
                               [](watch const& self) { return day_number(self.state.time().first()); })
        .def_property_readonly("season",
                               [](watch const& self) { return to_numpy(self.state.time().index()); })
        .def_property_readonly("limit", [](watch const& self) { return self.state.limit(); })
        .def_property_readonly("watched_from",
                               [](watch const& self) { return day_number(self.state.watched_from()); })
        .def_property_readonly("watched_until",
                               [](watch const& self) { return day_number(self.state.watched_until()); })
        .def_property_readonly("received_until",
                               [](watch const& self) { return day_number(self.state.received_until()); })
        .def_property_readonly("visits_waiting",
                               [](watch const& self) { return self.state.visits_waiting(); })
        .def_property_readonly("options",
                               [](watch const& self) {
                                   auto const& options = self.state.options();
                                   py::dict result;
                                   result["retained"] = options.retained;
                                   result["false_alarms_per_year"] = options.false_alarms_per_year;
                                   result["keep_events"] = options.keep_events;
                                   result["reorder_days"] = options.reorder_days;
                                   result["evidence"] = chosen_names(options.evidence);
                                   return result;
                               })
        .def_property_readonly("beside",
                               [](watch const& self) { return to_dict(self.state.beside().models()); })
        .def_property_readonly("received", [](watch const& self) { return to_dict(self.state.received()); });
    bind_changes(room);
    bind_warning(room);
    bind_rules(room);
}

}  // namespace clavis::bindings

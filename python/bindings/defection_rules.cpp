// clavis._clavis.defection: alarm rules compared at equal false alarms.

#include <string>
#include <utility>
#include <vector>

#include "bindings.hpp"
#include "clavis/defection/evaluate.hpp"
#include "defection.hpp"

namespace clavis::bindings {
namespace {

using defection::rule_data;
using reals = py::array_t<double, py::array::c_style | py::array::forcecast>;

template <class T>
py::array_t<T> copied(std::vector<T> const& values) {
    return to_numpy(std::vector<T>(values));
}

void add(py::dict& row, char const* name, defection::measured_share const& measured) {
    row[name] = measured.share;
    row[(std::string(name) + "_error").c_str()] = measured.error;
}

void add(py::dict& row, std::string const& kind, defection::detection const& found) {
    row[kind.c_str()] = found.within_13.customers;
    row[(kind + "_alarmed_before").c_str()] = found.alarmed_before;
    add(row, (kind + "_13").c_str(), found.within_13);
    add(row, (kind + "_26").c_str(), found.within_26);
    add(row, (kind + "_52").c_str(), found.within_52);
    row[(kind + "_delay").c_str()] = found.median_delay;
}

py::dict row_of(defection::rule_result const& found) {
    py::dict row;
    row["rule"] = found.rule;
    row["limit"] = found.limit;
    row["unchanged"] = found.false_alarms.customers;
    row["beyond_at_start"] = found.beyond_at_start;
    add(row, "false_alarms", found.false_alarms);
    add(row, "second_year", found.second_year);
    add(row, std::string("stops"), found.stops);
    add(row, std::string("drops"), found.drops);
    row["clock_distance"] = found.clock_distance;
    row["dated"] = found.dated;
    row["date_error"] = found.date_error;
    add(row, "interval_coverage", found.interval_coverage);
    for (std::size_t k = 0; k < found.by_rate.size(); ++k)
        row[("false_alarms_decile_" + std::to_string(k + 1)).c_str()] = found.by_rate[k];
    return row;
}

py::tuple result_of(defection::rule_result&& found) {
    py::dict const row = row_of(found);
    return py::make_tuple(row, to_numpy(std::move(found.first_alarm)));
}

rule_data from_history(ledger::history const& records, reals const& retained,
                       py::array_t<std::int64_t, py::array::c_style> const& change, std::int64_t watched_from,
                       int calibration_weeks, int watched_weeks) {
    if (retained.size() != change.size()) throw py::value_error("retained and change differ in length");
    std::vector<defection::known_fate> fate(static_cast<std::size_t>(retained.size()));
    for (std::size_t i = 0; i < fate.size(); ++i)
        fate[i] = {retained.data()[i], sys_days{std::chrono::days{change.data()[i]}}};
    return defection::rule_data_from(records, fate, sys_days{std::chrono::days{watched_from}},
                                     calibration_weeks, watched_weeks);
}

}  // namespace

void bind_rules(py::module_& room) {
    room.def("named_rules", [] {
        std::vector<std::string> names;
        for (auto const name : defection::named_rules())
            names.emplace_back(name);
        return names;
    });
    py::class_<rule_data>(room, "RuleData")
        .def_static(
            "simulate",
            [](std::int64_t customers, double r, double alpha, double regularity, int calibration_weeks,
               int watched_weeks, int change_within, int least_visits, double retained, std::uint64_t seed,
               unsigned threads) {
                py::gil_scoped_release unlocked;
                return defection::simulate_rule_data(
                    {customers, r, alpha, regularity, calibration_weeks, watched_weeks, change_within,
                     least_visits, retained, seed},
                    threads);
            },
            py::kw_only(), py::arg("customers"), py::arg("r"), py::arg("alpha"), py::arg("regularity"),
            py::arg("calibration_weeks"), py::arg("watched_weeks"), py::arg("change_within"),
            py::arg("least_visits"), py::arg("retained"), py::arg("seed"), py::arg("threads"))
        .def_static("from_history", &from_history, py::arg("records"), py::arg("retained"), py::arg("change"),
                    py::arg("watched_from"), py::arg("calibration_weeks"), py::arg("watched_weeks"))
        .def("__len__", &rule_data::size)
        .def_readonly("left_out", &rule_data::left_out)
        .def_property_readonly("offsets", [](rule_data const& self) { return copied(self.offsets); })
        .def_property_readonly("time", [](rule_data const& self) { return copied(self.time); })
        .def_property_readonly("retained", [](rule_data const& self) { return copied(self.retained); })
        .def_property_readonly("change", [](rule_data const& self) { return copied(self.change); })
        .def_property_readonly("rate", [](rule_data const& self) { return copied(self.rate); })
        .def_property_readonly("customer_id",
                               [](rule_data const& self) { return to_numpy(self.customer_id); })
        .def(
            "evaluate",
            [](rule_data const& self, std::string const& name, double r, double alpha, double false_alarms,
               std::uint64_t seed, unsigned threads) {
                defection::rule_result found;
                {
                    py::gil_scoped_release unlocked;
                    defection::alarm_rule const rule = defection::named_rule(name);
                    found = defection::evaluate_rules(self, defection::context_of(self, {r, alpha}),
                                                      std::span(&rule, 1), {false_alarms, seed, threads})
                                .front();
                }
                return result_of(std::move(found));
            },
            py::arg("name"), py::arg("r"), py::arg("alpha"), py::arg("false_alarms"), py::arg("seed"),
            py::arg("threads"))
        .def(
            "assess",
            [](rule_data const& self, std::string const& name, reals const& scores, reals const& since,
               reals const& low, reals const& high, double r, double alpha, double false_alarms,
               std::uint64_t seed) {
                auto const context = defection::context_of(self, {r, alpha});
                std::size_t const cells = self.size() * context.checks();
                defection::alarm_rule rule{name, {}};
                auto const dates = span_of(since);
                auto const lows = span_of(low);
                auto const highs = span_of(high);
                for (auto const given : {dates, lows, highs})
                    if (given.size() != 0 && given.size() != cells)
                        throw py::value_error("dates must be customers x checks");
                auto value = [](std::span<double const> from, std::size_t cell) {
                    return from.empty() ? std::numeric_limits<double>::quiet_NaN() : from[cell];
                };
                if (!dates.empty())
                    rule.date = [&, value](defection::rule_context const& told, std::size_t row,
                                           std::span<double const>, std::size_t check) {
                        std::size_t const cell = row * told.checks() + check;
                        return defection::dated_change{dates[cell], value(lows, cell), value(highs, cell)};
                    };
                defection::rule_result found;
                {
                    py::gil_scoped_release unlocked;
                    found =
                        defection::assess_scores(self, context, span_of(scores), rule, {false_alarms, seed});
                }
                return result_of(std::move(found));
            },
            py::arg("name"), py::arg("scores"), py::arg("since"), py::arg("low"), py::arg("high"),
            py::arg("r"), py::arg("alpha"), py::arg("false_alarms"), py::arg("seed"));
}

}  // namespace clavis::bindings

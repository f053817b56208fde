// clavis._clavis.statistics: durations in, survival estimates out.

#include <optional>
#include <string>
#include <type_traits>

#include "bindings.hpp"
#include "clavis/core/errors.hpp"
#include "clavis/statistics/life_table.hpp"
#include "clavis/statistics/survival_curve.hpp"

namespace clavis::bindings {
namespace {

using statistics::durations_view;
using statistics::hazard_curve;
using statistics::interval_estimate;
using statistics::life_table;
using statistics::number_column;
using statistics::survival_curve;

using doubles = py::array_t<double, py::array::c_style | py::array::forcecast>;
using codes = py::array_t<std::int32_t, py::array::c_style | py::array::forcecast>;

/// Looks into an array of any type of number_column; Python has brought the others into one of them.
number_column column_of(py::object const& object) {
    if (object.is_none()) return {};
    auto const array = object.cast<py::array>();
    if (array.ndim() != 1 || (array.flags() & py::array::c_style) == 0)
        throw input_error("columns of durations are one-dimensional and contiguous");
    auto as = [&]<class T>(T) {
        return number_column(
            std::span(static_cast<T const*>(array.data()), static_cast<std::size_t>(array.size())));
    };
    char const kind = array.dtype().kind();
    auto const width = array.dtype().itemsize();
    if (kind == 'f') return width == 4 ? as(float{}) : as(double{});
    if (kind == 'b' || kind == 'u') return as(std::uint8_t{});
    if (width == 1) return as(std::int8_t{});
    if (width == 2) return as(std::int16_t{});
    return width == 4 ? as(std::int32_t{}) : as(std::int64_t{});
}

std::vector<life_table> life_tables(py::object const& duration, py::object const& event,
                                    py::object const& entry, std::optional<doubles> const& weights,
                                    std::optional<codes> const& group, int groups, int causes,
                                    unsigned threads, py::object callback) {
    durations_view rows{
        .duration = column_of(duration), .event = column_of(event), .entry = column_of(entry)};
    if (weights) rows.weights = span_of<double>(*weights);
    if (group) rows.group = span_of<std::int32_t>(*group);
    rows.groups = groups;
    rows.causes = causes;
    progress const watch = make_progress(std::move(callback));
    py::gil_scoped_release unlocked;
    return statistics::make_life_tables(rows, threads, watch);
}

py::array copy(std::vector<double> const& values) {
    return to_numpy(std::vector<double>(values));
}

template <class Curve>
py::dict counts_of(Curve const& curve) {
    py::dict columns;
    columns["time"] = copy(curve.time);
    columns["at_risk"] = copy(curve.at_risk);
    columns["events"] = copy(curve.events);
    columns["censored"] = copy(curve.censored);
    return columns;
}

template <class Curve>
py::array predict(Curve const& curve, doubles const& times) {
    std::vector<double> result(static_cast<std::size_t>(times.size()));
    for (std::size_t i = 0; i < result.size(); ++i)
        result[i] = curve.at(times.data()[i]);
    return to_numpy(std::move(result));
}

py::tuple to_tuple(interval_estimate const& one) {
    return py::make_tuple(one.value, one.low, one.high);
}

}  // namespace

void bind_statistics(py::module_& module) {
    py::module_ room = module.def_submodule("statistics", "Survival: durations in, estimates out.");

    py::class_<life_table>(room, "LifeTable")
        .def("merge", &life_table::merge, py::arg("other"))
        .def_readonly("total", &life_table::total)
        .def_property_readonly("counts", [](life_table const& table) { return counts_of(table); })
        .def_property_readonly("by_cause", [](life_table const& table) {
            py::list causes;
            for (auto const& one : table.by_cause)
                causes.append(copy(one));
            return causes;
        });
    room.def("life_tables", &life_tables, py::arg("duration"), py::arg("event"), py::kw_only(),
             py::arg("entry"), py::arg("weights"), py::arg("group"), py::arg("groups"), py::arg("causes"),
             py::arg("threads"), py::arg("progress"));

    py::class_<survival_curve>(room, "SurvivalCurve")
        .def_property_readonly("columns",
                               [](survival_curve const& curve) {
                                   py::dict columns = counts_of(curve);
                                   columns["survival"] = copy(curve.survival);
                                   columns["se"] = copy(curve.se);
                                   columns["low"] = copy(curve.low);
                                   columns["high"] = copy(curve.high);
                                   return columns;
                               })
        .def("predict", &predict<survival_curve>, py::arg("times"))
        .def(
            "quantile", [](survival_curve const& curve, double p) { return to_tuple(curve.quantile(p)); },
            py::arg("p"))
        .def(
            "restricted_mean",
            [](survival_curve const& curve, double until, double confidence) {
                double se = 0;
                auto const mean = curve.restricted_mean(until, confidence, &se);
                return py::make_tuple(mean.value, se, mean.low, mean.high);
            },
            py::arg("until"), py::arg("confidence"));
    room.def(
        "kaplan_meier",
        [](life_table const& table, double confidence, std::string const& interval) {
            return statistics::kaplan_meier(table, confidence, statistics::parse_interval_scale(interval));
        },
        py::arg("table"), py::arg("confidence"), py::arg("interval"));

    py::class_<hazard_curve>(room, "HazardCurve")
        .def_property_readonly("columns",
                               [](hazard_curve const& curve) {
                                   py::dict columns = counts_of(curve);
                                   columns["cumulative_hazard"] = copy(curve.cumulative_hazard);
                                   columns["se"] = copy(curve.se);
                                   columns["low"] = copy(curve.low);
                                   columns["high"] = copy(curve.high);
                                   return columns;
                               })
        .def("predict", &predict<hazard_curve>, py::arg("times"));
    room.def("nelson_aalen", &statistics::nelson_aalen, py::arg("table"), py::arg("confidence"));

    room.def(
        "log_rank",
        [](std::vector<life_table const*> const& tables, int groups, double rho, double gamma) {
            std::vector<life_table> own;
            for (auto const* table : tables)
                own.push_back(*table);
            auto const found = statistics::log_rank(own, groups, rho, gamma);
            py::dict result;
            result["statistic"] = found.statistic;
            result["degrees"] = found.degrees;
            result["p_value"] = found.p_value;
            result["observed"] = copy(found.observed);
            result["expected"] = copy(found.expected);
            return result;
        },
        py::arg("tables"), py::arg("groups"), py::arg("rho"), py::arg("gamma"));
}

}  // namespace clavis::bindings

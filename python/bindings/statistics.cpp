// clavis._clavis.statistics: durations in, survival estimates out.

#include <cmath>
#include <optional>
#include <string>
#include <type_traits>

#include "bindings.hpp"
#include "clavis/core/errors.hpp"
#include "clavis/statistics/competing_risks.hpp"
#include "clavis/statistics/life_table.hpp"
#include "clavis/statistics/survival_curve.hpp"
#include "clavis/statistics/survival_scores.hpp"
#include "clavis/statistics/weibull_aft.hpp"
#include "survival.hpp"

namespace clavis::bindings {
namespace {

using statistics::durations_view;
using statistics::hazard_curve;
using statistics::interval_estimate;
using statistics::life_table;
using statistics::number_column;
using statistics::survival_curve;

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

py::dict weibull(doubles const& covariates, std::vector<std::string> names, doubles const& duration,
                 truths const& event, std::optional<doubles> const& weights) {
    statistics::weibull_view const data{.covariates = span_of<double>(covariates),
                                        .names = std::move(names),
                                        .duration = span_of<double>(duration),
                                        .event = span_of<std::uint8_t>(event),
                                        .weights = optional_span(weights)};
    statistics::weibull_fit fit;
    {
        py::gil_scoped_release unlocked;
        fit = statistics::fit_weibull_aft(data);
    }
    py::dict result;
    result["intercept"] = fit.intercept;
    result["coefficient"] = to_numpy(std::move(fit.coefficient));
    result["scale"] = fit.scale;
    result["covariance"] = square(std::move(fit.covariance));
    result["log_likelihood_null"] = fit.log_likelihood_null;
    result["log_likelihood"] = fit.log_likelihood;
    result["rows"] = fit.rows;
    result["events"] = fit.events;
    result["iterations"] = fit.iterations;
    result["converged"] = fit.converged;
    result["status"] = fit.status;
    result["warnings"] = fit.warnings;
    return result;
}

py::dict competing(life_table const& table, double confidence) {
    auto const curves = statistics::aalen_johansen(table, confidence);
    py::dict result;
    result["counts"] = counts_of(curves);
    result["survival"] = copy(curves.survival);
    py::list causes;
    for (auto const& one : curves.causes) {
        py::dict columns;
        columns["incidence"] = copy(one.incidence);
        columns["se"] = copy(one.se);
        columns["low"] = copy(one.low);
        columns["high"] = copy(one.high);
        causes.append(columns);
    }
    result["causes"] = causes;
    return result;
}

py::dict concordance(doubles const& stop, truths const& event, doubles const& score,
                     std::optional<doubles> const& start, std::optional<doubles> const& weights,
                     std::optional<codes> const& stratum, int strata, bool censoring_weights, double until) {
    statistics::concordance_view const data{.stop = span_of<double>(stop),
                                            .event = span_of<std::uint8_t>(event),
                                            .score = span_of<double>(score),
                                            .start = optional_span(start),
                                            .weights = optional_span(weights),
                                            .stratum = optional_span(stratum),
                                            .strata = strata,
                                            .censoring_weights = censoring_weights,
                                            .until = until};
    statistics::concordance_result found{};
    {
        py::gil_scoped_release unlocked;
        found = statistics::concordance(data);
    }
    py::dict result;
    result["index"] = found.index;
    result["concordant"] = found.concordant;
    result["discordant"] = found.discordant;
    result["tied"] = found.tied;
    return result;
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

    room.def("weibull_aft", &weibull, py::arg("covariates"), py::arg("names"), py::arg("duration"),
             py::arg("event"), py::kw_only(), py::arg("weights"));
    room.def("aalen_johansen", &competing, py::arg("table"), py::arg("confidence"));
    room.def("concordance", &concordance, py::arg("stop"), py::arg("event"), py::arg("score"), py::kw_only(),
             py::arg("start"), py::arg("weights"), py::arg("stratum"), py::arg("strata"),
             py::arg("censoring_weights"), py::arg("until"));
    room.def(
        "brier_score",
        [](doubles const& duration, truths const& event, doubles const& survival, doubles const& times) {
            auto found = statistics::brier_score(span_of<double>(duration), span_of<std::uint8_t>(event),
                                                 span_of<double>(survival), span_of<double>(times));
            return py::make_tuple(to_numpy(std::move(found.score)), found.integrated);
        },
        py::arg("duration"), py::arg("event"), py::arg("survival"), py::arg("times"));
}

}  // namespace clavis::bindings

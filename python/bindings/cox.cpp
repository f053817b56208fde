// clavis._clavis.statistics: rows of durations with covariates in, what Cox's model says of them out.

#include "clavis/statistics/cox.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bindings.hpp"
#include "clavis/core/errors.hpp"
#include "clavis/statistics/proportionality.hpp"
#include "survival.hpp"

namespace clavis::bindings {
namespace {

using statistics::tie_rule;
using statistics::time_scale;

/// Holds what a view looks at.
struct cox_arrays {
    doubles covariates;
    std::vector<std::string> names;
    doubles stop;
    truths event;
    std::optional<doubles> start, weights, offset;
    std::optional<codes> stratum, cluster;
    int strata;
    int clusters;

    statistics::cox_view view() const {
        return {.covariates = span_of<double>(covariates),
                .names = names,
                .stop = span_of<double>(stop),
                .event = span_of<std::uint8_t>(event),
                .start = optional_span(start),
                .weights = optional_span(weights),
                .offset = optional_span(offset),
                .stratum = optional_span(stratum),
                .cluster = optional_span(cluster),
                .strata = strata,
                .clusters = clusters};
    }
};

tie_rule parse_ties(std::string const& ties) {
    if (ties == "efron") return tie_rule::efron;
    if (ties == "breslow") return tie_rule::breslow;
    throw input_error("ties is efron or breslow, not \"" + ties + '"');
}

time_scale parse_scale(std::string const& scale) {
    if (scale == "km") return time_scale::kaplan_meier;
    if (scale == "rank") return time_scale::rank;
    if (scale == "identity") return time_scale::identity;
    if (scale == "log") return time_scale::log;
    throw input_error("time is km, rank, identity or log, not \"" + scale + '"');
}

py::dict cox(cox_arrays const& rows, std::string const& ties, bool robust, unsigned threads,
             py::object callback) {
    statistics::cox_options const options{.ties = parse_ties(ties),
                                          .robust = robust,
                                          .threads = threads,
                                          .watch = make_progress(std::move(callback))};
    statistics::cox_fit fit;
    {
        py::gil_scoped_release unlocked;
        fit = statistics::fit_cox(rows.view(), options);
    }
    py::dict result;
    result["coefficient"] = to_numpy(std::move(fit.coefficient));
    result["mean"] = to_numpy(std::move(fit.mean));
    result["covariance"] = square(std::move(fit.covariance));
    result["robust_covariance"] = square(std::move(fit.robust_covariance));
    result["log_likelihood_null"] = fit.log_likelihood_null;
    result["log_likelihood"] = fit.log_likelihood;
    result["score_statistic"] = fit.score_statistic;
    result["wald_statistic"] = fit.wald_statistic;
    result["gradient_norm"] = fit.gradient_norm;
    result["condition"] = fit.condition;
    result["concordance"] = fit.concordance;
    result["rows"] = fit.rows;
    result["events"] = fit.events;
    result["iterations"] = fit.iterations;
    result["degrees"] = fit.degrees;
    result["converged"] = fit.converged;
    result["status"] = fit.status;
    result["warnings"] = fit.warnings;
    result["baseline_stratum"] = to_numpy(std::move(fit.baseline_stratum));
    result["baseline_time"] = to_numpy(std::move(fit.baseline_time));
    result["baseline_hazard"] = to_numpy(std::move(fit.baseline_hazard));
    return result;
}

py::dict proportionality(cox_arrays const& rows, doubles const& coefficient, std::string const& time,
                         std::string const& ties, unsigned threads) {
    statistics::proportionality_test found;
    auto const scale = parse_scale(time);
    auto const rule = parse_ties(ties);
    {
        py::gil_scoped_release unlocked;
        found =
            statistics::test_proportionality(rows.view(), span_of<double>(coefficient), scale, rule, threads);
    }
    py::dict result;
    result["statistic"] = to_numpy(std::move(found.statistic));
    result["p_value"] = to_numpy(std::move(found.p_value));
    result["global_statistic"] = found.global_statistic;
    result["global_p_value"] = found.global_p_value;
    result["degrees"] = found.degrees;
    return result;
}

py::tuple schoenfeld(cox_arrays const& rows, doubles const& coefficient, std::string const& ties,
                     unsigned threads) {
    statistics::schoenfeld_residuals found;
    auto const rule = parse_ties(ties);
    {
        py::gil_scoped_release unlocked;
        found =
            statistics::find_schoenfeld_residuals(rows.view(), span_of<double>(coefficient), rule, threads);
    }
    return py::make_tuple(to_numpy(std::move(found.row)), to_numpy(std::move(found.residual)));
}

}  // namespace

void bind_cox(py::module_& module) {
    py::module_ room = module.def_submodule("statistics");
    py::class_<cox_arrays>(room, "CoxRows")
        .def(py::init([](doubles covariates, std::vector<std::string> names, doubles stop, truths event,
                         std::optional<doubles> start, std::optional<doubles> weights,
                         std::optional<doubles> offset, std::optional<codes> stratum,
                         std::optional<codes> cluster, int strata, int clusters) {
                 return cox_arrays{std::move(covariates),
                                   std::move(names),
                                   std::move(stop),
                                   std::move(event),
                                   std::move(start),
                                   std::move(weights),
                                   std::move(offset),
                                   std::move(stratum),
                                   std::move(cluster),
                                   strata,
                                   clusters};
             }),
             py::arg("covariates"), py::arg("names"), py::arg("stop"), py::arg("event"), py::kw_only(),
             py::arg("start"), py::arg("weights"), py::arg("offset"), py::arg("stratum"), py::arg("cluster"),
             py::arg("strata"), py::arg("clusters"));
    room.def("cox", &cox, py::arg("rows"), py::kw_only(), py::arg("ties"), py::arg("robust"),
             py::arg("threads"), py::arg("progress"));
    room.def("proportionality", &proportionality, py::arg("rows"), py::arg("coefficient"), py::kw_only(),
             py::arg("time"), py::arg("ties"), py::arg("threads"));
    room.def("schoenfeld", &schoenfeld, py::arg("rows"), py::arg("coefficient"), py::kw_only(),
             py::arg("ties"), py::arg("threads"));
}

}  // namespace clavis::bindings

// clavis._clavis.lifetime: models as small immutable objects with their fits; what they predict is in
// lifetime_predictions.cpp and lifetime_values.cpp.

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <variant>

#include "clavis/lifetime/posterior.hpp"
#include "clavis/lifetime/saved_model.hpp"
#include "lifetime.hpp"

namespace clavis::bindings {

namespace {

py::dict to_dict(lifetime::fit_report const& report) {
    std::size_t const n = report.parameter_names.size();
    py::dict errors;
    for (std::size_t i = 0; i < n; ++i)
        errors[py::str(report.parameter_names[i])] = report.standard_errors[i];
    py::array_t<double> covariance({n, n});
    std::copy(report.covariance.begin(), report.covariance.end(), covariance.mutable_data());
    py::dict result;
    result["converged"] = report.converged;
    result["status"] = report.status;
    result["standard_errors"] = errors;
    result["covariance"] = covariance;
    result["log_likelihood"] = report.log_likelihood;
    result["log_prior"] = report.log_prior;
    result["priors"] = py::tuple(py::cast(report.priors));
    result["gradient_norm"] = report.gradient_norm;
    result["condition"] = report.condition;
    result["iterations"] = report.iterations;
    result["rows"] = report.rows;
    result["distinct_rows"] = report.distinct_rows;
    result["left_out"] = report.left_out;
    result["customers"] = report.customers;
    result["warnings"] = py::tuple(py::cast(report.warnings));
    py::dict profile;
    for (auto const& point : report.profile)
        profile[py::float_(point.value)] = point.log_likelihood;
    result["profile"] = profile;
    return result;
}

lifetime::fit_report report_from(py::dict const& values, py::tuple const& names) {
    lifetime::fit_report report;
    auto const read = [&](char const* key, auto& into) {
        into = values[key].cast<std::decay_t<decltype(into)>>();
    };
    auto const errors = values["standard_errors"].cast<py::dict>();
    for (auto const& name : names) {
        report.parameter_names.push_back(name.cast<std::string>());
        report.standard_errors.push_back(errors[name].cast<double>());
    }
    using array = py::array_t<double, py::array::c_style | py::array::forcecast>;
    auto const covariance = values["covariance"].cast<array>();
    report.covariance.assign(covariance.data(), covariance.data() + covariance.size());
    read("converged", report.converged);
    read("status", report.status);
    read("log_likelihood", report.log_likelihood);
    read("log_prior", report.log_prior);
    read("priors", report.priors);
    read("gradient_norm", report.gradient_norm);
    read("condition", report.condition);
    read("iterations", report.iterations);
    read("rows", report.rows);
    read("distinct_rows", report.distinct_rows);
    read("left_out", report.left_out);
    read("customers", report.customers);
    read("warnings", report.warnings);
    for (auto const& [value, log_likelihood] : values["profile"].cast<std::map<double, double>>())
        report.profile.push_back({value, log_likelihood});
    return report;
}

template <class Model>
std::string saved_text(Model const& model, std::optional<py::dict> const& report) {
    if (!report) return lifetime::to_json(model);
    py::list names;
    for (auto parameter : Model::parameter_names)
        names.append(py::str(std::string(parameter)));
    auto const told = report_from(*report, py::tuple(names));
    return lifetime::to_json(model, &told);
}

/// (model, report or None)
py::tuple model_from_text(std::string_view text) {
    auto const saved = [&] {
        py::gil_scoped_release unlocked;
        return lifetime::from_json(text);
    }();
    py::object report = py::none();
    if (saved.report) report = to_dict(*saved.report);
    return py::make_tuple(std::visit([](auto const& model) { return py::cast(model); }, saved.model), report);
}

/// (parameter, family, first, second)
using given_priors = std::vector<std::tuple<std::string, std::string, double, double>>;

lifetime::fit_options options_from(std::map<std::string, double> const& fixed, unsigned threads,
                                   py::object callback, given_priors const& priors,
                                   std::vector<std::vector<double>> const& starts) {
    lifetime::fit_options options;
    options.fixed.assign(fixed.begin(), fixed.end());
    for (auto const& [parameter, family, first, second] : priors)
        options.priors.push_back(
            {parameter,
             family == "gamma" ? lifetime::prior::family::gamma : lifetime::prior::family::log_normal, first,
             second});
    options.starts = starts;
    options.threads = threads;
    options.watch = make_progress(std::move(callback));
    return options;
}

template <class Model>
py::tuple fit_model(summary_arrays const& rows, std::map<std::string, double> const& fixed, unsigned threads,
                    py::object callback, given_priors const& priors,
                    std::vector<std::vector<double>> const& starts) {
    auto const options = options_from(fixed, threads, std::move(callback), priors, starts);
    auto const found = [&] {
        py::gil_scoped_release unlocked;
        return lifetime::fit<Model>(rows.view(), options);
    }();
    return py::make_tuple(found.model, to_dict(found.report));
}

/// Draws, and what there is to know of them: whether they are exact, their efficiency, warnings.
template <class Model>
py::tuple posterior(Model const& estimate, std::vector<double> const& standard_errors,
                    amounts_array const& covariance, summary_arrays const* rows, std::size_t draws,
                    std::uint64_t seed, unsigned threads) {
    lifetime::fit_report report;
    for (auto parameter : Model::parameter_names)
        report.parameter_names.emplace_back(parameter);
    report.standard_errors = standard_errors;
    report.covariance.assign(covariance.data(), covariance.data() + covariance.size());
    lifetime::posterior_draws found;
    {
        py::gil_scoped_release unlocked;
        found = lifetime::posterior(estimate, report, rows == nullptr ? ledger::summary_view{} : rows->view(),
                                    {.draws = draws, .seed = seed, .threads = threads});
    }
    py::array_t<double> values({draws, found.parameters});
    std::copy(found.values.begin(), found.values.end(), values.mutable_data());
    return py::make_tuple(values, found.exact, found.efficiency, found.warnings);
}

template <class Model>
void bind_model(py::module_& room, char const* name) {
    py::list names;
    for (auto parameter : Model::parameter_names)
        names.append(py::str(std::string(parameter)));
    py::class_<Model> model(room, name);
    model.attr("names") = py::tuple(names);
    model.attr("time_power") =
        py::tuple(py::cast(std::vector<int>(Model::time_power.begin(), Model::time_power.end())));
    model
        .def(py::init(
                 [](std::array<double, Model::parameter_names.size()> const& parameters, std::int64_t unit) {
                     Model const made = Model::from(parameters, duration(unit));
                     made.validate();
                     return made;
                 }),
             py::arg("parameters"), py::arg("unit"))
        .def_property_readonly("parameters", &Model::parameters)
        .def_property_readonly("unit", [](Model const& m) { return m.unit.count(); })
        .def_static("fit", &fit_model<Model>, py::arg("rows"), py::arg("fixed"), py::arg("threads"),
                    py::arg("progress"), py::arg("priors") = given_priors{},
                    py::arg("starts") = std::vector<std::vector<double>>{})
        .def("to_json", &saved_text<Model>, py::arg("report"))
        .def("posterior", &posterior<Model>, py::arg("standard_errors"), py::arg("covariance"),
             py::arg("rows"), py::arg("draws"), py::arg("seed"), py::arg("threads"));
    // Models of contracts have the curves of a cohort besides.
    if constexpr (requires(Model const& m, double t) { m.retention_rate(t); })
        model.def("survival_curve", &Model::survival).def("retention_rate", &Model::retention_rate);
}

void bind_gamma_gamma(py::module_& room) {
    using lifetime::gamma_gamma;
    py::class_<gamma_gamma> model(room, "GammaGamma");
    model.attr("names") = py::make_tuple("p", "q", "gamma");
    model
        .def(py::init([](std::array<double, 3> const& parameters) {
                 gamma_gamma const made = gamma_gamma::from(parameters);
                 made.validate();
                 return made;
             }),
             py::arg("parameters"))
        .def_property_readonly("parameters", &gamma_gamma::parameters)
        .def_property_readonly("population_mean", &gamma_gamma::population_mean)
        .def("posterior", &posterior<gamma_gamma>, py::arg("standard_errors"), py::arg("covariance"),
             py::arg("rows"), py::arg("draws"), py::arg("seed"), py::arg("threads"))
        .def_static("fit", &fit_model<gamma_gamma>, py::arg("rows"), py::arg("fixed"), py::arg("threads"),
                    py::arg("progress"), py::arg("priors") = given_priors{},
                    py::arg("starts") = std::vector<std::vector<double>>{})
        .def("to_json", &saved_text<gamma_gamma>, py::arg("report"))
        .def("log_likelihood",
             [](gamma_gamma const& m, summary_arrays const& rows, unsigned threads) {
                 return filled({size_of(rows)},
                               [&](auto out) { lifetime::log_likelihood(m, rows.view(), out, threads); });
             })
        .def("expected_spend", [](gamma_gamma const& m, summary_arrays const& rows, unsigned threads) {
            return filled({size_of(rows)},
                          [&](auto out) { lifetime::expected_spend(m, rows.view(), out, threads); });
        });
}

}  // namespace

void bind_lifetime(py::module_& module) {
    py::module_ room = module.def_submodule("lifetime", "Models of repeat purchases and spend.");

    py::class_<summary_arrays>(room, "Rows")
        .def(py::init([](py::array_t<std::int32_t, py::array::c_style> frequency,
                         py::array_t<double, py::array::c_style> recency,
                         py::array_t<double, py::array::c_style> T,
                         py::array_t<double, py::array::c_style> monetary_value,
                         py::array_t<double, py::array::c_style> log_gap_sum,
                         py::array_t<double, py::array::c_style> weights, std::int64_t unit) {
                 summary_arrays rows;
                 rows.frequency = std::move(frequency);
                 rows.recency = std::move(recency);
                 rows.T = std::move(T);
                 rows.monetary_value = std::move(monetary_value);
                 rows.log_gap_sum = std::move(log_gap_sum);
                 rows.weights = std::move(weights);
                 rows.unit_microseconds = unit;
                 return rows;
             }),
             py::arg("frequency"), py::arg("recency"), py::arg("T"), py::arg("monetary_value"),
             py::arg("log_gap_sum"), py::arg("weights"), py::arg("unit"))
        .def("__len__", &size_of)
        .def_property_readonly("unit", [](summary_arrays const& rows) { return rows.unit_microseconds; });

    for_every_model([&]<class Model>(char const* name) { bind_model<Model>(room, name); });
    bind_predictions(room);
    bind_values(room);
    bind_gamma_gamma(room);
    room.def("from_json", &model_from_text, py::arg("text"));
}

}  // namespace clavis::bindings

// clavis._clavis.statistics: lists one can trust, out of many customers judged at once.

#include "clavis/statistics/multiplicity.hpp"

#include "bindings.hpp"

namespace clavis::bindings {
namespace {

using statistics::conformal_scores;
using statistics::isotonic_calibration;
using reals = py::array_t<double, py::array::c_style | py::array::forcecast>;
using integers = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;

std::size_t common_size(py::ssize_t a, py::ssize_t b) {
    if (a != b) throw py::value_error("columns of different length");
    return static_cast<std::size_t>(a);
}

}  // namespace

void bind_multiplicity(py::module_& module) {
    py::module_ room = module.def_submodule("statistics", "Statistics that every room uses.");
    room.def(
        "discovery_levels",
        [](reals const& values, std::string const& rule) {
            std::vector<double> levels(static_cast<std::size_t>(values.size()));
            statistics::discovery_levels(span_of(values), levels, statistics::discovery_rule_of(rule));
            return to_numpy(std::move(levels));
        },
        py::arg("values"), py::arg("rule"));
    py::class_<conformal_scores>(room, "ConformalScores")
        .def(py::init<>())
        .def(
            "add",
            [](conformal_scores& self, reals const& scores, integers const& strata) {
                std::size_t const size = common_size(scores.size(), strata.size());
                for (std::size_t i = 0; i < size; ++i)
                    self.add(strata.data()[i], scores.data()[i]);
            },
            py::arg("scores"), py::arg("strata"))
        .def(
            "merge", [](conformal_scores& self, conformal_scores const& other) { self.merge(other); },
            py::arg("other"))
        .def(
            "p_values",
            [](conformal_scores const& self, reals const& scores, integers const& strata) {
                std::vector<double> p(common_size(scores.size(), strata.size()));
                for (std::size_t i = 0; i < p.size(); ++i)
                    p[i] = self.p_value(strata.data()[i], scores.data()[i]);
                return to_numpy(std::move(p));
            },
            py::arg("scores"), py::arg("strata"))
        .def("size", &conformal_scores::size, py::arg("stratum"))
        .def_property_readonly("missing", &conformal_scores::missing);
    py::class_<isotonic_calibration>(room, "IsotonicCalibration")
        .def(py::init<std::size_t>(), py::arg("bins"))
        .def(
            "add",
            [](isotonic_calibration& self, reals const& probability, integers const& happened) {
                std::size_t const size = common_size(probability.size(), happened.size());
                for (std::size_t i = 0; i < size; ++i)
                    self.add(probability.data()[i], happened.data()[i] != 0);
            },
            py::arg("probability"), py::arg("happened"))
        .def(
            "merge", [](isotonic_calibration& self, isotonic_calibration const& other) { self.merge(other); },
            py::arg("other"))
        .def(
            "apply",
            [](isotonic_calibration const& self, reals const& probability) {
                std::vector<double> result(static_cast<std::size_t>(probability.size()));
                for (std::size_t i = 0; i < result.size(); ++i)
                    result[i] = self(probability.data()[i]);
                return to_numpy(std::move(result));
            },
            py::arg("probability"))
        .def_property_readonly("count", &isotonic_calibration::count);
}

}  // namespace clavis::bindings

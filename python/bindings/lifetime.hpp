#pragma once

// What the files of the room of lifetime models share: the list of models, and results as arrays. The compiler takes long
// over each function of each model, so they are spread over files: fits, predictions, values.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bindings.hpp"
#include "clavis/lifetime/clv.hpp"
#include "clavis/lifetime/model.hpp"
#include "clavis/lifetime/saved_model.hpp"

namespace clavis::bindings {

/// visit<Model>(name in Python) for every model of repeat purchases: adding one is one line here.
template <class Visit>
void for_every_model(Visit&& visit) {
    visit.template operator()<lifetime::beta_geo_nbd>("BetaGeoNBD");
    visit.template operator()<lifetime::modified_beta_geo_nbd>("ModifiedBetaGeoNBD");
    visit.template operator()<lifetime::beta_geo_cnbd>("BetaGeoCNBD");
    visit.template operator()<lifetime::modified_beta_geo_cnbd>("ModifiedBetaGeoCNBD");
    visit.template operator()<lifetime::pareto_nbd>("ParetoNBD");
    visit.template operator()<lifetime::pareto_ggg>("ParetoGGG");
    visit.template operator()<lifetime::gamma_gompertz_nbd>("GammaGompertzNBD");
    visit.template operator()<lifetime::nbd>("NBD");
    visit.template operator()<lifetime::beta_geo_beta_binomial>("BetaGeoBetaBinomial");
    visit.template operator()<lifetime::shifted_beta_geo>("ShiftedBetaGeo");
    visit.template operator()<lifetime::beta_discrete_weibull>("BetaDiscreteWeibull");
}

/// The class of a model that bind_lifetime has made.
template <class Model>
py::class_<Model> class_of(py::module_& room, char const* name) {
    return py::reinterpret_borrow<py::class_<Model>>(room.attr(name));
}

/// What every model predicts, and the values of its customers.
void bind_predictions(py::module_& room);
void bind_values(py::module_& room);

inline lifetime::time_span span_from(double count, std::int64_t unit) {
    return {count, duration(unit)};
}

/// A NumPy array that `fill(out)` writes without the interpreter lock.
template <class Fill>
py::array_t<double> filled(std::vector<std::size_t> const& shape, Fill&& fill) {
    py::array_t<double> result(shape);
    std::span<double> const out(result.mutable_data(), static_cast<std::size_t>(result.size()));
    py::gil_scoped_release unlocked;
    fill(out);
    return result;
}

inline std::size_t size_of(summary_arrays const& rows) {
    return static_cast<std::size_t>(rows.frequency.size());
}

using amounts_array = py::array_t<double, py::array::c_style | py::array::forcecast>;

}  // namespace clavis::bindings

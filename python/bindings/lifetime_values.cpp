// clavis._clavis.lifetime: lifetime values and their intervals for every model of purchases.

#include "clavis/lifetime/value_interval.hpp"
#include "lifetime.hpp"

namespace clavis::bindings {
namespace {

template <class Model>
py::tuple value_interval(std::vector<Model> const& models, std::vector<lifetime::gamma_gamma> const& spends,
                         amounts_array const& amounts, summary_arrays const& rows, double count,
                         std::int64_t unit, double annual_rate, double margin, double level, bool realised,
                         std::size_t draws, std::uint64_t seed, unsigned threads) {
    py::array_t<double> high(static_cast<py::ssize_t>(size_of(rows)));
    std::span<double> const above(high.mutable_data(), size_of(rows));
    auto low = filled({size_of(rows)}, [&](auto below) {
        lifetime::value_interval<Model>(
            models, spends, span_of<double>(amounts), rows.view(),
            {.value = {.horizon = span_from(count, unit),
                       .annual_rate = annual_rate,
                       .margin = margin,
                       .threads = threads},
             .level = level,
             .kind = realised ? lifetime::interval_kind::realised : lifetime::interval_kind::mean,
             .draws = draws,
             .seed = seed},
            below, above);
    });
    return py::make_tuple(low, high);
}

template <class Model>
void bind_model_values(py::class_<Model> model) {
    model
        .def("lifetime_value",
             [](Model const& m, std::vector<lifetime::gamma_gamma> const& spend, amounts_array const& amounts,
                summary_arrays const& rows, double count, std::int64_t unit, double annual_rate,
                double margin, unsigned threads) {
                 return filled({size_of(rows)}, [&](auto out) {
                     lifetime::lifetime_value(m, spend, span_of<double>(amounts), rows.view(),
                                              {.horizon = span_from(count, unit),
                                               .annual_rate = annual_rate,
                                               .margin = margin,
                                               .threads = threads},
                                              out);
                 });
             })
        .def_static("value_interval", &value_interval<Model>, py::arg("models"), py::arg("spends"),
                    py::arg("amounts"), py::arg("rows"), py::arg("count"), py::arg("unit"),
                    py::arg("annual_rate"), py::arg("margin"), py::arg("level"), py::arg("realised"),
                    py::arg("draws"), py::arg("seed"), py::arg("threads"));
}

}  // namespace

void bind_values(py::module_& room) {
    for_every_model([&]<class Model>(char const* name) { bind_model_values(class_of<Model>(room, name)); });
}

}  // namespace clavis::bindings

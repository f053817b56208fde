// clavis._clavis.lifetime: predictions of every model into NumPy arrays.

#include "clavis/core/errors.hpp"
#include "lifetime.hpp"

namespace clavis::bindings {
namespace {

template <class Model>
void bind_model_predictions(py::class_<Model> model) {
    model
        .def("log_likelihood",
             [](Model const& m, summary_arrays const& rows, unsigned threads) {
                 return filled({size_of(rows)},
                               [&](auto out) { lifetime::log_likelihood(m, rows.view(), out, threads); });
             })
        .def("probability_alive",
             [](Model const& m, summary_arrays const& rows, double count, std::int64_t unit,
                unsigned threads) {
                 return filled({size_of(rows)}, [&](auto out) {
                     lifetime::probability_alive(m, rows.view(), span_from(count, unit), out, threads);
                 });
             })
        .def("expected_purchases",
             [](Model const& m, summary_arrays const& rows, double count, std::int64_t unit,
                unsigned threads) {
                 return filled({size_of(rows)}, [&](auto out) {
                     lifetime::expected_purchases(m, rows.view(), span_from(count, unit), out, threads);
                 });
             })
        .def("probability_no_purchase",
             [](Model const& m, summary_arrays const& rows, double count, std::int64_t unit,
                unsigned threads) {
                 return filled({size_of(rows)}, [&](auto out) {
                     lifetime::probability_no_purchase(m, rows.view(), span_from(count, unit), out, threads);
                 });
             })
        .def("purchase_pmf",
             [](Model const& m, summary_arrays const& rows, double count, std::int64_t unit,
                std::int64_t n_max, unsigned threads) {
                 if (n_max < 0) throw input_error("n_max is negative");
                 return filled({size_of(rows), static_cast<std::size_t>(n_max) + 1}, [&](auto out) {
                     lifetime::purchase_pmf(m, rows.view(), span_from(count, unit), n_max, out, threads);
                 });
             })
        .def("discounted_expected_purchases",
             [](Model const& m, summary_arrays const& rows, double annual_rate, double count,
                std::int64_t unit, unsigned threads) {
                 return filled({size_of(rows)}, [&](auto out) {
                     lifetime::discounted_expected_purchases(m, rows.view(), annual_rate,
                                                             span_from(count, unit), out, threads);
                 });
             })
        .def("purchase_quantile",
             [](Model const& m, summary_arrays const& rows, double count, std::int64_t unit, double q,
                unsigned threads) {
                 return filled({size_of(rows)}, [&](auto out) {
                     lifetime::purchase_quantile(m, rows.view(), span_from(count, unit), q, out, threads);
                 });
             })
        .def("next_purchase_quantile",
             [](Model const& m, summary_arrays const& rows, double q, unsigned threads) {
                 return filled({size_of(rows)}, [&](auto out) {
                     lifetime::next_purchase_quantile(m, rows.view(), q, out, threads);
                 });
             })
        .def("expected_purchases_new_customer",
             [](Model const& m, double count, std::int64_t unit) {
                 return lifetime::expected_purchases_new_customer(m, span_from(count, unit));
             })
        .def("purchase_pmf_new_customer",
             [](Model const& m, double count, std::int64_t unit, std::int64_t n_max) {
                 if (n_max < 0) throw input_error("n_max is negative");
                 return filled({static_cast<std::size_t>(n_max) + 1}, [&](auto out) {
                     lifetime::purchase_pmf_new_customer(m, span_from(count, unit), out);
                 });
             });
}

}  // namespace

void bind_predictions(py::module_& room) {
    for_every_model(
        [&]<class Model>(char const* name) { bind_model_predictions(class_of<Model>(room, name)); });
}

}  // namespace clavis::bindings

// clavis._clavis.defection: early warning by conditions that make a change likelier.

#include <algorithm>
#include <cmath>

#include "bindings.hpp"
#include "clavis/core/parallel.hpp"
#include "clavis/defection/early_warning.hpp"
#include "clavis/defection/evidence.hpp"
#include "defection.hpp"

namespace clavis::bindings {
namespace {

using integers = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;
using reals = py::array_t<double, py::array::c_style | py::array::forcecast>;

py::dict fit_warning(integers const& conditions, integers const& events, reals const& exposure,
                     std::size_t count) {
    if (events.size() != conditions.size() || exposure.size() != conditions.size())
        throw py::value_error("columns of cells of different length");
    defection::warning_cells cells;
    for (py::ssize_t k = 0; k < conditions.size(); ++k)
        cells.add(0, static_cast<defection::condition_set>(conditions.at(k)), events.at(k), exposure.at(k));
    auto model = defection::fit_warning(cells, count);
    py::dict result;
    result["log_rate"] = model.log_rate.front();
    result["beta"] = to_numpy(std::move(model.beta));
    result["standard_error"] = to_numpy(std::move(model.standard_error));
    result["log_mean"] = model.log_mean;
    result["converged"] = model.converged;
    return result;
}

/// R of the visits' mixture of each customer at each check; `at` is the clock's time of the history's entries, and the multiplier of
/// segment k of a customer holds from moment[k] on.
py::array warned_statistics(ledger::history const& records, double r, double alpha, double k,
                            std::vector<double> retained, reals const& at, double begin, reals const& checks,
                            integers const& offsets, reals const& moment, reals const& multiplier,
                            unsigned threads) {
    std::size_t const size = records.size();
    auto const width = static_cast<std::size_t>(checks.size());
    if (at.size() != static_cast<py::ssize_t>(records.day.size()) ||
        offsets.size() != static_cast<py::ssize_t>(size) + 1 || multiplier.size() != moment.size() ||
        offsets.at(static_cast<py::ssize_t>(size)) != moment.size())
        throw py::value_error("columns of conditions of different length");
    std::vector<double> out(size * width);
    {
        py::gil_scoped_release unlocked;
        defection::hazard_clock const clock{r, alpha, k};
        clock.validate();
        defection::evidence_options options;
        options.retained = std::move(retained);
        options.unit = 7;
        options.validate();
        std::span const when(checks.data(), width);
        parallel_blocks(size, 256, threads, [&](std::size_t, std::size_t from, std::size_t to) {
            std::vector<double> visits;
            for (std::size_t i = from; i < to; ++i) {
                visits.clear();
                for (auto entry = static_cast<std::size_t>(records.offsets[i]);
                     entry < static_cast<std::size_t>(records.offsets[i + 1]); ++entry)
                    if (records.orders[entry] > 0) visits.push_back(at.data()[entry]);
                auto const first = static_cast<std::size_t>(offsets.data()[i]);
                auto const count = static_cast<std::size_t>(offsets.data()[i + 1]) - first;
                defection::warned_evidence(clock, visits, begin, when, {moment.data() + first, count},
                                           {multiplier.data() + first, count},
                                           std::span(out).subspan(i * width, width), options);
            }
        });
        for (double& one : out)
            one = std::exp(std::min(one, 690.0));
    }
    return to_numpy(std::move(out)).attr("reshape")(size, width);
}

}  // namespace

void bind_warning(py::module_& room) {
    room.def("fit_warning", &fit_warning, py::arg("conditions"), py::arg("events"), py::arg("exposure"),
             py::arg("count"));
    room.def("warned_statistics", &warned_statistics, py::arg("records"), py::arg("r"), py::arg("alpha"),
             py::arg("k"), py::arg("retained"), py::arg("at"), py::arg("begin"), py::arg("checks"),
             py::arg("offsets"), py::arg("moment"), py::arg("multiplier"), py::arg("threads"));
}

}  // namespace clavis::bindings

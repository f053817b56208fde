// clavis._clavis.loyalty: tier programmes and their replay.

#include <limits>
#include <optional>

#include "bindings.hpp"
#include "clavis/core/errors.hpp"
#include "clavis/core/exact_sum.hpp"
#include "clavis/core/parallel.hpp"
#include "clavis/ledger/history.hpp"
#include "clavis/loyalty/tier_program.hpp"
#include "clavis/loyalty/tier_replay.hpp"

namespace clavis::bindings {

namespace {

std::vector<std::string> names_of(loyalty::tier_program const& program) {
    std::vector<std::string> names;
    for (auto const& entry : program.tiers)
        names.push_back(entry.name);
    return names;
}

std::vector<double> to_amounts(std::vector<std::int64_t> const& minor, int scale) {
    std::vector<double> result(minor.size());
    for (std::size_t i = 0; i < minor.size(); ++i)
        result[i] = to_amount(minor[i], scale);
    return result;
}

py::array cause_names(std::vector<loyalty::tier_cause> const& causes) {
    using loyalty::tier_cause;
    std::vector<std::string> labels;
    for (auto const cause : {tier_cause::first_event, tier_cause::purchase, tier_cause::return_,
                             tier_cause::window, tier_cause::validity_end})
        labels.emplace_back(loyalty::to_string(cause));
    std::vector<std::int32_t> codes(causes.size());
    for (std::size_t i = 0; i < causes.size(); ++i)
        codes[i] = static_cast<std::int32_t>(causes[i]);
    return categorical(labels, codes);
}

py::dict replay(loyalty::tier_program const& program, ledger::history const& history, std::int32_t as_of,
                unsigned threads, py::object callback) {
    loyalty::tier_standings found;
    std::vector<std::string> reasons;
    {
        progress const watch = make_progress(std::move(callback));
        py::gil_scoped_release unlocked;
        found = loyalty::replay(program, history, sys_days{std::chrono::days{as_of}}, threads, watch);
        reasons.resize(found.size());
        parallel_blocks(found.size(), 4096, threads, [&](std::size_t, std::size_t begin, std::size_t end) {
            for (std::size_t row = begin; row < end; ++row)
                reasons[row] = loyalty::reason(program, found, row);
        });
    }
    py::list texts;
    for (auto const& text : reasons)
        texts.append(text);
    auto to_next = to_amounts(found.to_next, found.amount_scale);
    for (std::size_t i = 0; i < to_next.size(); ++i)
        if (found.to_next[i] < 0) to_next[i] = std::numeric_limits<double>::quiet_NaN();
    py::dict result;
    result["customer_id"] = to_numpy(history.customer_id);
    result["tier"] = categorical(names_of(program), found.tier);
    result["since"] = days_to_numpy(found.since);
    result["qualified_by"] = days_to_numpy(found.qualified_by);
    result["keeps_until"] = days_to_numpy(found.keeps_until);
    result["to_next"] = to_numpy(std::move(to_next));
    result["reason"] = py::module_::import("numpy").attr("array")(texts, "object");
    result["metric"] = to_numpy(to_amounts(found.metric, found.amount_scale));
    return result;
}

py::dict intervals(loyalty::tier_program const& program, ledger::history const& history,
                   std::optional<std::int32_t> until, unsigned threads, py::object callback) {
    loyalty::tier_intervals found;
    {
        progress const watch = make_progress(std::move(callback));
        py::gil_scoped_release unlocked;
        found = loyalty::intervals(program, history, optional_date(until), threads, watch);
    }
    py::dict result;
    py::array const ids = to_numpy(history.customer_id);
    result["customer_id"] = ids.attr("take")(to_numpy(std::move(found.customer)));
    result["from"] = days_to_numpy(found.from);
    result["to"] = days_to_numpy(found.to);
    result["tier"] = categorical(names_of(program), found.tier);
    result["cause"] = cause_names(found.cause);
    result["metric"] = to_numpy(to_amounts(found.metric, found.amount_scale));
    result["threshold"] = to_numpy(to_amounts(found.threshold, found.amount_scale));
    result["change"] = to_numpy(to_amounts(found.change, found.amount_scale));
    return result;
}

}  // namespace

void bind_loyalty(py::module_& module) {
    py::module_ room = module.def_submodule("loyalty", "Tier programmes and their replay.");

    py::class_<loyalty::tier_program>(room, "TierProgram")
        .def(py::init([](std::string const& text) { return loyalty::tier_program::from_json(text); }),
             py::arg("text"))
        .def("to_json", &loyalty::tier_program::to_json)
        .def_property_readonly("name", [](loyalty::tier_program const& program) { return program.name; })
        .def_property_readonly("metric",
                               [](loyalty::tier_program const& program) {
                                   return program.metric == loyalty::tier_metric::spend ? "spend" : "orders";
                               })
        .def_property_readonly("tiers", &names_of)
        .def("replay", &replay, py::arg("history"), py::kw_only(), py::arg("as_of"), py::arg("threads"),
             py::arg("progress"))
        .def("intervals", &intervals, py::arg("history"), py::kw_only(), py::arg("until"), py::arg("threads"),
             py::arg("progress"));
}

}  // namespace clavis::bindings

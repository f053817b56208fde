// clavis._clavis.defection: who came back, by cohort, period, bracket and spell.

#include <string>
#include <utility>

#include "bindings.hpp"
#include "clavis/core/exact_sum.hpp"
#include "clavis/defection/retention.hpp"

namespace clavis::bindings {
namespace {

sys_days date(std::int32_t days) {
    return sys_days{std::chrono::days{days}};
}

py::array whole(std::vector<std::int64_t>& values) {
    return to_numpy(std::move(values));
}
py::object truths(std::vector<std::uint8_t>& values) {
    return to_numpy(std::move(values)).attr("astype")("bool");
}
py::array money(std::vector<std::int64_t> const& values, int scale) {
    std::vector<double> amounts;
    amounts.reserve(values.size());
    for (auto const value : values)
        amounts.push_back(to_amount(value, scale));
    return to_numpy(std::move(amounts));
}

py::dict cohorts(ledger::history const& records, std::string const& period, std::int32_t until) {
    auto found = defection::cohorts(records, defection::calendar::parse(period), date(until));
    py::dict result;
    result["cohort"] = days_to_numpy(found.cohort);
    result["age"] = to_numpy(std::move(found.age));
    result["customers"] = whole(found.customers);
    result["active"] = whole(found.active);
    result["active_later"] = whole(found.active_later);
    result["gross"] = money(found.gross, records.amount_scale);
    result["net"] = money(found.net, records.amount_scale);
    result["complete"] = truths(found.complete);
    return result;
}

py::dict flows(ledger::history const& records, std::string const& period, std::int32_t until) {
    auto found = defection::flows(records, defection::calendar::parse(period), date(until));
    py::dict result;
    result["period"] = days_to_numpy(found.period);
    result["active"] = whole(found.active);
    result["new"] = whole(found.fresh);
    result["retained"] = whole(found.kept);
    result["reactivated"] = whole(found.reactivated);
    result["lapsed"] = whole(found.lapsed);
    result["dormant"] = whole(found.dormant);
    result["gross"] = money(found.gross, records.amount_scale);
    result["net"] = money(found.net, records.amount_scale);
    result["net_new"] = money(found.net_fresh, records.amount_scale);
    result["net_retained"] = money(found.net_kept, records.amount_scale);
    result["net_reactivated"] = money(found.net_reactivated, records.amount_scale);
    result["base"] = money(found.base, records.amount_scale);
    result["kept_of_base"] = money(found.kept_of_base, records.amount_scale);
    result["complete"] = truths(found.complete);
    return result;
}

py::dict bracket(ledger::history const& records, std::string const& period, int from, int to,
                 std::int32_t until) {
    auto found = defection::bracket(records, defection::calendar::parse(period), from, to, date(until));
    py::dict result;
    result["cohort"] = days_to_numpy(found.cohort);
    result["customers"] = whole(found.customers);
    result["eligible"] = whole(found.eligible);
    result["returned"] = whole(found.returned);
    return result;
}

py::dict spells(ledger::history const& records, int gap, std::int32_t until) {
    auto found = defection::spells(records, gap, date(until));
    py::dict result;
    result["row"] = whole(found.row);
    result["spell"] = to_numpy(std::move(found.number));
    result["first"] = days_to_numpy(found.first);
    result["last"] = days_to_numpy(found.last);
    result["purchases"] = to_numpy(std::move(found.purchases));
    result["duration"] = to_numpy(std::move(found.duration));
    result["event"] = to_numpy(std::move(found.event));
    result["start"] = to_numpy(std::move(found.start));
    return result;
}

}  // namespace

void bind_retention(py::module_& module) {
    py::module_ room = module.def_submodule("defection");
    room.def("cohorts", &cohorts, py::arg("records"), py::arg("period"), py::arg("until"));
    room.def("flows", &flows, py::arg("records"), py::arg("period"), py::arg("until"));
    room.def("bracket", &bracket, py::arg("records"), py::arg("period"), py::arg("start"), py::arg("end"),
             py::arg("until"));
    room.def("spells", &spells, py::arg("records"), py::arg("gap"), py::arg("until"));
}

}  // namespace clavis::bindings

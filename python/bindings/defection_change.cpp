// clavis._clavis.defection: reasons of a change of spend, and changes of shares of wallet.

#include <utility>
#include <vector>

#include "bindings.hpp"
#include "clavis/defection/reasons.hpp"
#include "clavis/defection/share_change.hpp"
#include "defection.hpp"

namespace clavis::bindings {
namespace {

using reals = py::array_t<double, py::array::c_style | py::array::forcecast>;

/// Row i of an array of shape (rows, columns).
double const* row_of(reals const& values, std::size_t row) {
    return values.data() + row * static_cast<std::size_t>(values.shape(1));
}

std::size_t rows_of(reals const& values, py::ssize_t columns) {
    if (values.ndim() != 2 || values.shape(1) != columns)
        throw py::value_error("an array of the wrong shape");
    return static_cast<std::size_t>(values.shape(0));
}

py::dict explain_spend(reals const& before, reals const& after) {
    auto periods = [](reals const& values) {
        std::vector<defection::period_spend> result(rows_of(values, 4));
        for (std::size_t i = 0; i < result.size(); ++i) {
            double const* row = row_of(values, i);
            result[i] = {row[0], row[1], row[2], row[3]};
        }
        return result;
    };
    auto const from = periods(before);
    auto const to = periods(after);
    std::vector<defection::spend_change> changes(from.size());
    defection::explain_spend(from, to, changes);
    text_column kind;
    std::vector<double> columns[6];
    for (auto const& one : changes) {
        kind.push_back(defection::to_string(one.kind));
        columns[0].push_back(one.before);
        columns[1].push_back(one.after);
        for (std::size_t k = 0; k < 4; ++k)
            columns[k + 2].push_back(one.effects[k]);
    }
    py::dict result;
    result["kind"] = to_numpy(kind);
    char const* const names[] = {"before", "after", "visits", "items", "price", "returns"};
    for (std::size_t k = 0; k < 6; ++k)
        result[names[k]] = to_numpy(std::move(columns[k]));
    return result;
}

py::dict change_of_shares(reals const& before, reals const& after, double q) {
    auto periods = [](reals const& values) {
        std::vector<defection::wallet_period> result(rows_of(values, 5));
        for (std::size_t i = 0; i < result.size(); ++i) {
            double const* row = row_of(values, i);
            result[i] = {row[0], row[1], row[2], row[3], row[4]};
        }
        return result;
    };
    auto found = defection::change_of_shares(periods(before), periods(after), q);
    text_column direction;
    for (auto const one : found.direction)
        direction.push_back(defection::to_string(one));
    py::dict result;
    result["share_before"] = to_numpy(std::move(found.before));
    result["share_after"] = to_numpy(std::move(found.after));
    result["error"] = to_numpy(std::move(found.error));
    result["z"] = to_numpy(std::move(found.z));
    result["p_value"] = to_numpy(std::move(found.p_value));
    result["level"] = to_numpy(std::move(found.level));
    result["direction"] = to_numpy(direction);
    result["growing_but_losing_share"] = to_numpy(std::move(found.growing_but_losing_share));
    py::dict parts;
    parts["rising"] = found.part.rising;
    parts["falling"] = found.part.falling;
    parts["significant_rising"] = found.part.significant_rising;
    parts["significant_falling"] = found.part.significant_falling;
    parts["weighted_rising"] = found.part.weighted_rising;
    parts["weighted_falling"] = found.part.weighted_falling;
    result["parts"] = parts;
    result["undefined"] = found.undefined;
    result["negative_own"] = found.negative_own;
    result["wallet_below_own"] = found.wallet_below_own;
    return result;
}

}  // namespace

void bind_changes(py::module_& room) {
    room.def("explain_spend", &explain_spend, py::arg("before"), py::arg("after"));
    room.def("change_of_shares", &change_of_shares, py::arg("before"), py::arg("after"), py::arg("q"));
}

}  // namespace clavis::bindings

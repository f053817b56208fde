#pragma once

// What every room's binding shares: results become NumPy arrays without a copy, progress callbacks see Ctrl-C, and
// tables arrive as `columns`, typed views that keep the Python objects behind them alive.

#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clavis/core/columns.hpp"
#include "clavis/core/progress.hpp"
#include "clavis/core/time.hpp"
#include "clavis/ledger/quality.hpp"
#include "clavis/ledger/summary.hpp"
#include "clavis/ledger/transactions.hpp"

namespace clavis::bindings {

namespace py = pybind11;

/// One batch of a table: column views by name, and what owns the memory they look into.
class columns {
  public:
    struct entry {
        std::string name;   ///< the role the library knows it by ("customer_id")
        std::string label;  ///< the user's name for it, for messages
        column_view view;
    };

    void add(entry column) { entries_.push_back(std::move(column)); }
    void keep(std::shared_ptr<void const> owner) { owners_.push_back(std::move(owner)); }
    /// Keeps a Python object alive; it is released with the interpreter lock held.
    void keep(py::object object);

    std::vector<entry> const& entries() const { return entries_; }
    entry const* find(std::string_view name) const;
    std::size_t size() const { return entries_.empty() ? 0 : entries_.front().view.size; }
    /// Shared by exported streams, which may outlive this object.
    std::shared_ptr<void const> owner() const { return std::make_shared<decltype(owners_)>(owners_); }

  private:
    std::vector<entry> entries_;
    std::vector<std::shared_ptr<void const>> owners_;
};

/// The views of a transaction table, by the roles of api.md.
ledger::transactions_view transactions_of(columns const& table);

/// Moves a vector into a NumPy array that owns it.
template <class T>
py::array_t<T> to_numpy(std::vector<T>&& values) {
    auto* owner = new std::vector<T>(std::move(values));
    py::capsule capsule(owner, [](void* pointer) { delete static_cast<std::vector<T>*>(pointer); });
    return py::array_t<T>(static_cast<py::ssize_t>(owner->size()), owner->data(), capsule);
}
/// datetime64[us] from instants, datetime64[D] from days; the smallest integer is NaT.
py::array to_numpy(std::vector<instant>&& values);
py::array days_to_numpy(std::vector<std::int32_t> const& days);
/// Integers, or an object array of str.
py::array to_numpy(identifiers const& ids);
py::array to_numpy(text_column const& text);
/// labels[codes] as an object array that shares the strings; a negative code is None.
py::array categorical(std::vector<std::string> const& labels, std::vector<std::int32_t> const& codes);

/// A span over a C-contiguous array that the caller keeps alive.
template <class T>
std::span<T const> span_of(py::array_t<T, py::array::c_style | py::array::forcecast> const& values) {
    return {values.data(), static_cast<std::size_t>(values.size())};
}

/// The arrays of a Summary (or of any table with these columns): `log_gap_sum`, `monetary_value` and `weights` may be
/// empty arrays. Holds references; view() is valid while this object lives.
struct summary_arrays {
    py::array_t<std::int32_t, py::array::c_style> frequency;
    py::array_t<double, py::array::c_style> recency;
    py::array_t<double, py::array::c_style> T;
    py::array_t<double, py::array::c_style> monetary_value;
    py::array_t<double, py::array::c_style> log_gap_sum;
    py::array_t<double, py::array::c_style> weights;
    std::int64_t unit_microseconds = 0;

    ledger::summary_view view() const;
};

/// Wraps callback(stage: str, done: float) -> bool | None (False stops). Signals are checked at every report, so Ctrl-C
/// ends a long call even where there is no callback.
progress make_progress(py::object callback);

/// Dates cross as days since 1970-01-01.
std::int64_t day_number(sys_days date);
std::optional<sys_days> optional_date(std::optional<std::int32_t> days);

/// A Python dict of the report.
py::dict to_dict(ledger::quality_report const& report);

}  // namespace clavis::bindings

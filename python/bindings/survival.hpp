#pragma once

// Arrays that survival estimators take and give.

#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "bindings.hpp"

namespace clavis::bindings {

using doubles = py::array_t<double, py::array::c_style | py::array::forcecast>;
using codes = py::array_t<std::int32_t, py::array::c_style | py::array::forcecast>;
using truths = py::array_t<std::uint8_t, py::array::c_style | py::array::forcecast>;

template <class T>
std::span<T const> optional_span(
    std::optional<py::array_t<T, py::array::c_style | py::array::forcecast>> const& values) {
    return values ? span_of<T>(*values) : std::span<T const>();
}

/// A square matrix, or None where there is none.
inline py::object square(std::vector<double>&& values) {
    if (values.empty()) return py::none();
    auto const side = static_cast<py::ssize_t>(std::llround(std::sqrt(static_cast<double>(values.size()))));
    return to_numpy(std::move(values)).attr("reshape")(side, side);
}

}  // namespace clavis::bindings

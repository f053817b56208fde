#pragma once

// Columns of results that become NumPy arrays when somebody asks for them, and arrays of large columns.

#include <functional>
#include <memory>
#include <utility>

#include "bindings.hpp"
#include "clavis/core/large_memory.hpp"

namespace clavis::bindings {

struct late_column {
    std::size_t size;
    std::function<py::array()> make;
};

/// Moves a column into a NumPy array that owns it.
template <class T>
py::array_t<T> to_numpy(large_vector<T>&& values) {
    auto* owner = new large_vector<T>(std::move(values));
    py::capsule capsule(owner, [](void* pointer) { delete static_cast<large_vector<T>*>(pointer); });
    return py::array_t<T>(static_cast<py::ssize_t>(owner->size()), owner->data(), capsule);
}
/// A NumPy array that looks into what `owner` keeps alive.
template <class T>
py::array_t<T> to_numpy(large_vector<T> const& values, std::shared_ptr<void const> owner) {
    auto* held = new std::shared_ptr<void const>(std::move(owner));
    py::capsule capsule(held,
                        [](void* pointer) { delete static_cast<std::shared_ptr<void const>*>(pointer); });
    return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data(), capsule);
}

}  // namespace clavis::bindings

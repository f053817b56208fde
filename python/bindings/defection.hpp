#pragma once

// Columns of the defection room that other rooms' bindings show as well.

#include <cstdint>
#include <vector>

#include "bindings.hpp"
#include "clavis/defection/monitor.hpp"

namespace clavis::bindings {

/// Names of states by their numbers; a negative number is None.
py::array state_names(std::vector<std::int32_t> const& states);

/// One row an alarm.
py::dict to_dict(defection::alerts const& found);

/// Adds the comparison of alarm rules to the room.
void bind_rules(py::module_& room);

/// Adds reasons of changed spend, and changed shares.
void bind_changes(py::module_& room);

/// Adds early warning.
void bind_warning(py::module_& room);

}  // namespace clavis::bindings

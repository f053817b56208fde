#pragma once

// What ledger.cpp registers beside its own: the checks of a book.

#include "bindings.hpp"

namespace clavis::bindings {

void bind_book(py::module_& room);

}  // namespace clavis::bindings

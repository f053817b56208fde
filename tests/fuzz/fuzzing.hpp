#pragma once

// What the fuzzers of saved states share: a law that must hold, and calls that may refuse their input but not fail
// otherwise.

#include <cstdlib>

#include "clavis/core/errors.hpp"

namespace clavis::fuzzing {

inline void require(bool holds) {
    if (!holds) std::abort();
}

template <class Call>
void allow_input_errors(Call const& call) {
    try {
        call();
    } catch (input_error const&) {
    }
}

}  // namespace clavis::fuzzing

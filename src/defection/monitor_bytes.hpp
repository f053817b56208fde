#pragma once

#include "core/bytes.hpp"

namespace clavis::defection {

inline constexpr state_format saved_monitor{{'C', 'L', 'V', 'M', 'O', 'N'}, 3, "a defection monitor"};

}  // namespace clavis::defection

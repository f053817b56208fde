#pragma once

// Draws from the whole domain of the models, for tests that nothing valid gives NaN.

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "clavis/core/random.hpp"

namespace clavis::lifetime::test {

inline constexpr double most_draws = 1e6;

/// The part of the draws to make: 1 % unless CLAVIS_VERIFY says otherwise.
inline double share_of_draws() {
    char const* const text = std::getenv("CLAVIS_VERIFY");
    return text == nullptr ? 0.01 : std::clamp(std::atof(text), 0.0, 1.0);
}

/// Even on the logarithm.
inline double wide(random_stream& random, double low, double high) {
    return std::clamp(std::exp(random.uniform(std::log(low), std::log(high))), low, high);
}

/// Something small, down to the last bits of a double.
inline double tiny(random_stream& random) {
    return wide(random, 1e-17, 0.1);
}

inline double draw_parameter(random_stream& random) {
    switch (random.below(20)) {
        case 0:
            return 1e-6;
        case 1:
            return 1e6;
        case 2:
            return static_cast<double>(1 + random.below(4));
        case 3:
            return 1.0 + tiny(random);
        case 4:
            return 1.0 - tiny(random);
        case 5:
        case 6:
        case 7:
        case 8:
            return wide(random, 0.05, 20.0);
        default:
            return wide(random, 1e-6, 1e6);
    }
}

/// None of 0 ... 1e5 purchases, a few or many.
inline double draw_count(random_stream& random) {
    if (auto const kind = random.below(8); kind >= 5)
        return std::floor(wide(random, 1.0, 1e5 + 0.5));
    else if (kind >= 2)
        return static_cast<double>(1 + random.below(9));
    return 0.0;
}

}  // namespace clavis::lifetime::test

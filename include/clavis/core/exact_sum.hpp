#pragma once

// Sums whose result does not depend on the order of the terms. Money is counted in integer minor units and summed in
// 128 bits, which no real company overflows.

#include <cmath>
#include <cstdint>

namespace clavis {

__extension__ using int128 = __int128;

/// Decimal places kept where amounts arrive as floating point numbers or text: a millionth of the currency unit, so
/// that prices below a cent stay exact. Whole amounts up to 9.2e12 fit.
inline constexpr int default_amount_scale = 6;

/// 10^scale for scale in 0 ... 18.
constexpr std::int64_t power_of_ten(int scale) {
    std::int64_t power = 1;
    while (scale-- > 0)
        power *= 10;
    return power;
}

/// The double nearest to minor / 10^scale.
inline double to_amount(int128 minor, int scale) {
    // Through long double the division rounds once more at most in the last place of a value above 2^64.
    return static_cast<double>(static_cast<long double>(minor) /
                               static_cast<long double>(power_of_ten(scale)));
}

}  // namespace clavis

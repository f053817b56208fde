#pragma once

// Sums over the integers below x, for what a likelihood says of x alone.

#include <cmath>
#include <cstdint>
#include <vector>

#include "clavis/numerics/special.hpp"
#include "rows.hpp"

namespace clavis::lifetime {

// Where two distinct x are further apart than this, Stirling's series replaces the sum over the integers
// between.
inline constexpr std::int32_t longest_walk = 256;

/// Sums over i < x of functions of z + i: the logarithm of the rising factorial and its derivatives. All terms
/// have one sign, so nothing cancels however large or small the parameters are.
struct rate_sums {
    double log = 0.0;     ///< sum of ln(r + i)
    double first = 0.0;   ///< sum of 1 / (r + i)
    double second = 0.0;  ///< sum of 1 / (r + i)^2

    void walk(double r, std::int32_t from, std::int32_t to) {
        if (to - from > longest_walk) {
            log += numerics::log_rising(r + from, to - from);
            first += numerics::digamma(r + to) - numerics::digamma(r + from);
            second += numerics::trigamma(r + from) - numerics::trigamma(r + to);
            return;
        }
        for (std::int32_t i = from; i < to; ++i) {
            double const inverse = 1.0 / (r + i);
            log += std::log(r + i);
            first += inverse;
            second += inverse * inverse;
        }
    }
};

/// The sums of every distinct x.
inline std::vector<rate_sums> rate_sums_of(compressed_rows const& rows, double r) {
    std::vector<rate_sums> result;
    rate_sums sums;
    std::int32_t walked = 0;
    for (auto const& run : rows.runs) {
        sums.walk(r, walked, run.x);
        walked = run.x;
        result.push_back(sums);
    }
    return result;
}

}  // namespace clavis::lifetime

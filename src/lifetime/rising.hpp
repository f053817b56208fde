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

/// ln [B(a, b + n) / B(a, b)] = -sum over i < n of ln(1 + a / (b + i)), and its derivatives.
struct stay_sums {
    double log = 0.0;       // sum of ln(1 + a / (b + i))
    double a_first = 0.0;   // sum of 1 / (a + b + i)
    double a_second = 0.0;  // sum of 1 / (a + b + i)^2
    double b_first = 0.0;   // sum of a / ((b + i) (a + b + i))
    double b_second = 0.0;  // sum of 1 / (b + i)^2 - 1 / (a + b + i)^2

    void walk(double a, double b, std::int32_t from, std::int32_t to) {
        double const s = a + b;
        if (to - from > longest_walk) {
            double const n = to - from;
            log += numerics::log_rising(s + from, n) - numerics::log_rising(b + from, n);
            double const first = numerics::digamma(s + to) - numerics::digamma(s + from);
            double const second = numerics::trigamma(s + from) - numerics::trigamma(s + to);
            a_first += first;
            a_second += second;
            b_first += numerics::digamma(b + to) - numerics::digamma(b + from) - first;
            b_second += numerics::trigamma(b + from) - numerics::trigamma(b + to) - second;
            return;
        }
        for (std::int32_t i = from; i < to; ++i) {
            double const with = 1.0 / (s + i);
            double const without = 1.0 / (b + i);
            double const ratio = a * without;
            log += std::log1p(ratio);
            a_first += with;
            a_second += with * with;
            b_first += ratio * with;
            b_second += ratio * with * (with + without);
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

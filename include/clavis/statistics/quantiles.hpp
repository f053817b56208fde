#pragma once

// Sample quantiles of the nine types of Hyndman and Fan (1996): Q(p) = (1 − γ) x_(j) + γ x_(j+1) with
// j + g = n p + m. Types 1 to 3 are steps (γ is 0, 1/2 or 1), types 4 to 9 interpolate (γ = g); type 7 (m = 1
// − p) is the default of R, NumPy and DuckDB's quantile_cont. The position (j, γ) is computed apart from the
// values, exactly where p is a fraction k/K, so that ranks can be compared with a break without rounding one.
// Selection is exact and does not depend on the order of the values. Weighted quantiles invert the weighted
// distribution function: the smallest x with Σ w_i over x_i <= x at least p Σ w_i.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace clavis::statistics {

/// A place among the sorted values x[0] <= x[1] <= ...: (1 − fraction) x[index] + fraction x[index + 1].
/// fraction is 0 where index is the last.
struct quantile_position {
    std::size_t index = 0;
    double fraction = 0;

    bool operator==(quantile_position const&) const = default;

    /// The value at this place among sorted values.
    double between(double at_index, double at_next) const noexcept {
        if (fraction == 0 || at_index == at_next) return at_index;
        return fraction == 1 ? at_next : (1 - fraction) * at_index + fraction * at_next;
    }
};

/// Where the quantile at numerator/denominator stands among `size` values; exact. Throws input_error unless
/// type is 1 to 9, size > 0, 0 <= numerator <= denominator <= 1e6 and size <= 1e11.
quantile_position locate_quantile(std::size_t size, std::int64_t numerator, std::int64_t denominator,
                                  int type = 7);

/// The same at a probability in [0, 1]. A product n p + m within 4 ulp of a whole number counts as whole,
/// since 0.2 is not one fifth in binary.
quantile_position locate_quantile(std::size_t size, double probability, int type = 7);

/// Writes the values of the given ranks (0: the smallest; ascending, repeats allowed) to `out` and reorders
/// `values`. No NaN among the values. O(n log(1 + number of ranks)).
void order_statistics(std::span<double> values, std::span<std::size_t const> ranks, std::span<double> out);

/// Quantiles at any probabilities, in their order. Values are not NaN and not empty.
std::vector<double> quantiles(std::span<double const> values, std::span<double const> probabilities,
                              int type = 7);

/// Weighted quantiles by the inverse of the weighted distribution function. Weights are finite, >= 0 and not
/// all 0. Sums run over values in ascending order (equal values by ascending weight), so row order does not
/// matter.
std::vector<double> weighted_quantiles(std::span<double const> values, std::span<double const> weights,
                                       std::span<double const> probabilities);

}  // namespace clavis::statistics

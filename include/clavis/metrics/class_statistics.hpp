#pragma once

// Descriptive statistics of a column within classes (segments, tiers, regions): any partition of the customers. Sums
// run in row order, so tables sorted by customer give the same bits whatever order the records came in. NaN values are
// left out and counted.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace clavis::metrics {

/// What a column holds within one class; NaN where there is no value (or, for the deviation, fewer than two).
struct class_statistics {
    std::int64_t customers = 0;  ///< rows of the class
    std::int64_t missing = 0;    ///< of them without a value
    double sum = 0;
    double mean = std::numeric_limits<double>::quiet_NaN();
    double median = std::numeric_limits<double>::quiet_NaN();
    double standard_deviation = std::numeric_limits<double>::quiet_NaN();
    double smallest = std::numeric_limits<double>::quiet_NaN();
    double largest = std::numeric_limits<double>::quiet_NaN();
};

/// One entry a class. `class_of[row]` is in [0, classes), or negative for rows of no class. Throws input_error for
/// other codes or unequal lengths.
std::vector<class_statistics> describe(std::span<double const> values, std::span<std::int32_t const> class_of,
                                       std::size_t classes);

}  // namespace clavis::metrics

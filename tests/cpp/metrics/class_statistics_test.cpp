#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/metrics/class_statistics.hpp"

namespace clavis::metrics {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(ClassStatistics, DescribesEachClass) {
    std::vector<double> const values{1, 2, nan, 4, 10, 20, 7};
    std::vector<std::int32_t> const classes{0, 0, 0, 0, 1, 1, -1};
    auto const table = describe(values, classes, 3);
    ASSERT_EQ(table.size(), 3U);
    EXPECT_EQ(table[0].customers, 4);
    EXPECT_EQ(table[0].missing, 1);
    EXPECT_DOUBLE_EQ(table[0].sum, 7);
    EXPECT_DOUBLE_EQ(table[0].mean, 7.0 / 3);
    EXPECT_DOUBLE_EQ(table[0].median, 2);
    EXPECT_DOUBLE_EQ(table[0].standard_deviation, std::sqrt(7.0 / 3));
    EXPECT_DOUBLE_EQ(table[1].median, 15);
    EXPECT_DOUBLE_EQ(table[1].smallest, 10);
    EXPECT_DOUBLE_EQ(table[1].largest, 20);
    EXPECT_EQ(table[2].customers, 0);
    EXPECT_TRUE(std::isnan(table[2].mean));
}

// A lazy variance (sum of squares less square of sums) answers 22.0 here.
TEST(ClassStatistics, KeepsTheDeviationOfLargeAmounts) {
    std::vector<double> const values{1e8 + 4, 1e8 + 7, 1e8 + 13, 1e8 + 16};
    auto const table = describe(values, std::vector<std::int32_t>(4, 0), 1);
    EXPECT_NEAR(table[0].standard_deviation * table[0].standard_deviation, 30.0, 1e-6);
}

// Added one by one in doubles this comes to 100000.00000133288.
TEST(ClassStatistics, AddsDecimalsAsDecimals) {
    std::vector<double> const values(1'000'000, 0.1);
    EXPECT_EQ(describe(values, std::vector<std::int32_t>(values.size(), 0), 1)[0].sum, 100'000.0);
}

TEST(ClassStatistics, RefusesCodesThatAreNoClass) {
    EXPECT_THROW(describe(std::vector<double>{1}, std::vector<std::int32_t>{2}, 2), input_error);
    EXPECT_THROW(describe(std::vector<double>{1}, std::vector<std::int32_t>{}, 2), input_error);
}

}  // namespace
}  // namespace clavis::metrics

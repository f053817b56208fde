#include "statistics/sorted_order.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "clavis/core/random.hpp"

namespace clavis::statistics {
namespace {

// Keys of every spread: sorting and keeping the order of equal ones is what std::stable_sort does.
TEST(sorted_order, is_a_stable_sort) {
    for (std::size_t const size : {0U, 1U, 2U, 15U, 40U, 2047U, 2048U, 9000U})
        for (int kind = 0; kind < 7; ++kind) {
            random_stream random(7, static_cast<std::uint32_t>(kind), size);
            std::vector<double> values(size);
            for (std::size_t i = 0; i < size; ++i) {
                double const x = random.normal();
                switch (kind) {
                    case 0:
                        values[i] = x;
                        break;
                    case 1:
                        values[i] = std::floor(3 * x);
                        break;
                    case 2:
                        values[i] = 1e15 + std::floor(1000 * x);
                        break;
                    case 3:
                        values[i] = i == 5 ? 1e300 : 1 + 1e-14 * std::floor(100 * x);
                        break;
                    case 4:
                        values[i] = std::exp(300 * x);
                        break;
                    case 5:
                        values[i] = 0.5;
                        break;
                    default:
                        values[i] = static_cast<double>(i);
                        break;
                }
            }
            std::vector<std::uint32_t> expected(size);
            std::iota(expected.begin(), expected.end(), 0U);
            std::stable_sort(expected.begin(), expected.end(),
                             [&](std::uint32_t a, std::uint32_t b) { return values[a] < values[b]; });
            EXPECT_EQ(sorted_order(size, [&](std::uint32_t row) { return sortable(values[row]); }), expected)
                << size << ' ' << kind;
        }
}

}  // namespace
}  // namespace clavis::statistics

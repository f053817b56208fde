#include "numerics/vector_math.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "clavis/core/random.hpp"

namespace clavis::numerics {
namespace {

// The bounds are those of the header; long double has eleven bits more.
TEST(vector_math, errors_stay_within_their_bounds) {
    random_stream random(1, 1, 1);
    double exp_error = 0;
    double log_error = 0;
    double log1p_error = 0;
    auto const relative = [](double value, long double exact) {
        return exact == 0 ? std::abs(value) : static_cast<double>(std::abs((value - exact) / exact));
    };
    for (int i = 0; i < 400000; ++i) {
        double const x = random.uniform(-708, 708);
        exp_error = std::max(exp_error, relative(vector_exp(x), std::exp(static_cast<long double>(x))));
        // Sizes of all kinds, and neighbours of 1.
        double const y = i % 2 == 0 ? std::exp(x) : std::exp(std::ldexp(x, -10 - i % 50));
        log_error = std::max(log_error, relative(vector_log(y), std::log(static_cast<long double>(y))));
        double const z = std::exp(random.uniform(-80, 700));
        log1p_error =
            std::max(log1p_error, relative(vector_log1p(z), std::log1p(static_cast<long double>(z))));
    }
    EXPECT_LE(exp_error, 2.5e-16);
    EXPECT_LE(log_error, 4e-16);
    EXPECT_LE(log1p_error, 4e-16);
    EXPECT_EQ(vector_log(1.0), 0.0);
    EXPECT_EQ(vector_log(0x1p-1022), std::log(0x1p-1022));
}

}  // namespace
}  // namespace clavis::numerics

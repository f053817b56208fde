#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>

#include "clavis/lifetime/modified_beta_geo_cnbd.hpp"
#include "reference.hpp"

// BG/CNBD-k and MBG/CNBD-k against tables of defining integrals (tests/reference/make_lifetime_cnbd.py).

namespace clavis::lifetime {
namespace {

// The bounds stated in beta_geo_cnbd.hpp.
constexpr double likelihood_bound = 1e-13;
constexpr double prediction_bound = 1e-13;

TEST(beta_geo_cnbd, agrees_with_the_defining_integrals) {
    std::map<std::string, double> worst;
    for (auto const& [name, v] : test::reference("lifetime_cnbd.csv")) {
        auto const k = static_cast<std::int32_t>(v[4]);
        beta_geo_cnbd const bg{v[0], v[1], v[2], v[3], k};
        modified_beta_geo_cnbd const mbg{v[0], v[1], v[2], v[3], k};
        beta_geo_cnbd_process const process{v[0], v[1], v[2], v[3], k, v[5]};
        double const exact = v[8];
        double value = 0.0;
        double size = std::abs(exact);
        double bound = prediction_bound;
        if (name == "bg_log_likelihood") {
            value = bg.log_likelihood(v[5], v[6], v[7]), size = std::max(1.0, size), bound = likelihood_bound;
        } else if (name == "mbg_log_likelihood") {
            value = mbg.log_likelihood(v[5], v[6], v[7]), size = std::max(1.0, size),
            bound = likelihood_bound;
        } else if (name == "bg_probability_alive") {
            value = bg.given(v[5], v[6], v[7]).probability_alive;
        } else if (name == "mbg_probability_alive") {
            value = mbg.given(v[5], v[6], v[7]).probability_alive;
        } else if (name == "expected") {
            value = process.expected(v[6]);
        } else if (name == "survival") {
            value = process.survival(v[6]);
        } else if (name == "no_purchase") {
            value = process.no_purchase(v[6]);
        } else if (name == "pmf") {
            value = process.pmf(static_cast<std::int64_t>(v[7]), v[6]);
        } else if (name == "discounted") {
            value = process.discounted(v[6], v[7]);
        } else {
            FAIL() << "unknown value " << name;
        }
        if (exact < 1e-290 && exact >= 0.0) {
            EXPECT_LT(value, 1e-280);  // too small for a double to hold its digits
            continue;
        }
        // The logarithm of what is very small has only so many digits.
        if (exact > 0.0 && name.find("log_likelihood") == std::string::npos)
            bound *= std::max(1.0, -std::log(exact) / 50.0);
        double const error = std::abs(value - exact) / size;
        worst[name] = std::max(worst[name], error);
        EXPECT_LE(error, bound) << name << " at r " << v[0] << " alpha " << v[1] << " a " << v[2] << " b "
                                << v[3] << " k " << k << ": " << v[5] << ' ' << v[6] << ' ' << v[7]
                                << " gives " << value << " not " << exact;
    }
    EXPECT_EQ(worst.size(), 9U);
    for (auto const& [name, error] : worst)
        RecordProperty(name, std::to_string(error * 1e15) + "e-15");
}

}  // namespace
}  // namespace clavis::lifetime

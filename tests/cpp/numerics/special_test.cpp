#include "clavis/numerics/special.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "reference.hpp"

namespace clavis::numerics {
namespace {

// The bounds are those of the header.
TEST(special, agrees_with_fifty_digits) {
    std::map<std::string, double> worst;
    for (auto const& [name, v] : test::reference("lifetime_special.csv")) {
        double const exact = v[3];
        double value = 0.0;
        double bound = 0.0;
        double size = std::abs(exact);
        if (name == "log_gamma") {
            value = log_gamma(v[0]), bound = 7e-15, size = std::max(1.0, size);
        } else if (name == "digamma") {
            value = digamma(v[0]), bound = 2e-15, size = std::max(1.0, size);
        } else if (name == "trigamma") {
            value = trigamma(v[0]), bound = 2e-15;
        } else if (name == "log_rising") {
            value = log_rising(v[0], v[1]), bound = 5e-15, size = std::max(1.0, size);
        } else if (name == "incomplete_beta") {
            value = incomplete_beta(v[0], v[1], v[2]), bound = 1e-15;
        } else if (name == "scaled_upper_gamma") {
            value = scaled_upper_gamma(v[0], v[1]), bound = 1e-14;
        } else if (name == "laplace_power") {
            value = laplace_power(v[0], v[1], v[2]), bound = 5e-15 * std::max(1.0, -v[1] * v[2]);
        } else if (name == "log_negative_binomial") {
            value = log_negative_binomial(v[0], v[1], v[2]), bound = 1e-13,
            size = std::max(1.0, size / 100.0);
        } else if (name == "negative_binomial_tail") {
            value = negative_binomial_tail(v[0], v[1], v[2]), bound = 2e-12;
        } else {
            FAIL() << "unknown function " << name;
        }
        if (name != "log_negative_binomial" && exact >= 0.0 && exact < 1e-290) {
            EXPECT_LT(value, 1e-280);  // too small for a double to hold its digits
            continue;
        }
        double const error = std::abs(value - exact) / size;
        EXPECT_LE(error, bound) << name << '(' << v[0] << ", " << v[1] << ", " << v[2] << ") = " << value;
        worst[name] = std::max(worst[name], error);
    }
    EXPECT_EQ(worst.size(), 9U);
    for (auto const& [name, error] : worst)
        RecordProperty(name, std::to_string(error * 1e16));
}

// Where the integrand falls and then grows, most of the way between its ends counts for nothing. At 50 digits, panel by panel.
TEST(special, laplace_power_of_a_negative_rate) {
    struct {
        double m, z, end, exact;
    } const cases[]{{1e8, -1.0, 1e6, 1.0000000200000005e-8},
                    {636363000.0, -0.163015, 200566.0, 1.571430145730655037e-9},
                    {1263740.0, -1161060.0, 0.000577478, 9.7401626804615125904e-6},
                    {1e8, -1e8, 1e-4, 0.00011949459534553001924},
                    {20000.0, -0.5, 80000.0, 0.00005000375034378828627},
                    {500.585, -500.58, 1.77355, 1.9322028232502073302e161}};
    for (auto const& c : cases)
        EXPECT_NEAR(laplace_power(c.m, c.z, c.end) / c.exact, 1.0,
                    5e-15 * (c.exact > 1.0 ? -c.z * c.end : 1.0))
            << c.m << ' ' << c.z << ' ' << c.end;
    EXPECT_EQ(laplace_power(2.0, -1e6, 1.0), std::numeric_limits<double>::infinity());
}

TEST(special, outside_the_domain_is_nan) {
    double const nan = std::numeric_limits<double>::quiet_NaN();
    for (double const z : {0.0, -1.5, nan}) {
        EXPECT_TRUE(std::isnan(log_gamma(z)));
        EXPECT_TRUE(std::isnan(digamma(z)));
        EXPECT_TRUE(std::isnan(trigamma(z)));
        EXPECT_TRUE(std::isnan(log_rising(z, 1.0)));
        EXPECT_TRUE(std::isnan(incomplete_beta(z, 1.0, 0.5)));
        EXPECT_TRUE(std::isnan(scaled_upper_gamma(z - 1.0, 1.0)));
        EXPECT_TRUE(std::isnan(laplace_power(z, 1.0, 1.0)));
    }
    EXPECT_TRUE(std::isnan(log_rising(1.0, -1.0)));
    EXPECT_TRUE(std::isnan(incomplete_beta(1.0, 1.0, 1.5)));
    EXPECT_TRUE(std::isnan(scaled_upper_gamma(1.0, nan)));
}

TEST(special, ends_of_the_domain) {
    EXPECT_EQ(log_rising(3.0, 0.0), 0.0);
    EXPECT_EQ(incomplete_beta(2.0, 3.0, 0.0), 0.0);
    EXPECT_EQ(incomplete_beta(2.0, 3.0, 1.0), 1.0);
    EXPECT_EQ(scaled_upper_gamma(4.0, 0.0), 0.25);
    EXPECT_EQ(scaled_upper_gamma(-0.5, 0.0), std::numeric_limits<double>::infinity());
    EXPECT_EQ(scaled_upper_gamma(4.0, std::numeric_limits<double>::infinity()), 0.0);
    EXPECT_EQ(log1p_exp(1000.0), 1000.0);
    EXPECT_EQ(log1p_exp(-1000.0), 0.0);
    EXPECT_EQ(logistic(1000.0), 1.0);
    EXPECT_EQ(logistic(-1000.0), 0.0);
    EXPECT_NEAR(log_beta(2.0, 3.0), std::log(1.0 / 12.0), 5e-15);
}

}  // namespace
}  // namespace clavis::numerics

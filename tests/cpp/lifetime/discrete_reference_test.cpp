#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "clavis/lifetime/beta_discrete_weibull.hpp"
#include "clavis/lifetime/beta_geo_beta_binomial.hpp"
#include "clavis/lifetime/shifted_beta_geo.hpp"
#include "clavis/numerics/rising_ratio.hpp"
#include "reference.hpp"

// Against tables of defining integrals at 50 digits (tests/reference/make_lifetime_discrete.py).

namespace clavis::lifetime {
namespace {

// The bounds stated in the headers.
constexpr double ratio_bound = 3e-15;
constexpr double likelihood_bound = 1e-13;
constexpr double prediction_bound = 1e-12;

double value_of(std::string const& name, std::vector<double> const& v) {
    if (name == "log_rising_ratio") return numerics::log_rising_ratio(v[0], v[1], v[2]);
    if (name.starts_with("rising_")) {
        auto const d = numerics::log_rising_ratio_derivatives(v[0], v[1], v[2]);
        std::map<std::string, double> const by{{"z", d.z},   {"g", d.g},   {"n", d.n},  {"zz", d.zz},
                                               {"gg", d.gg}, {"nn", d.nn}, {"gn", d.gn}};
        return by.at(name.substr(7));
    }
    beta_geo_beta_binomial const bgbb{v[0], v[1], v[2], v[3]};
    if (name == "bgbb_log_likelihood") return bgbb.log_likelihood(v[4], v[5], v[6]);
    if (name == "bgbb_probability_alive") return bgbb.given(v[4], v[5], v[6]).probability_alive;
    if (name == "bgbb_no_purchase") return bgbb.no_purchase(v[4]);
    if (name == "bgbb_survival") return bgbb.survival(v[4]);
    if (name == "bgbb_expected") return bgbb.expected(v[4]);
    if (name == "bgbb_discounted") return bgbb.discounted(v[4], v[5]);
    if (name == "bgbb_pmf") return bgbb.pmf(static_cast<std::int64_t>(v[4]), v[5]);
    shifted_beta_geo const sbg{v[0], v[1]};
    if (name == "sbg_expected") return sbg.expected(v[4]);
    if (name == "sbg_discounted") return sbg.discounted(v[4], v[5]);
    if (name == "sbg_log_likelihood") return sbg.log_likelihood(v[4], v[4], v[5]);
    auto const renewed = sbg.given(v[4], v[4], v[4]).process;
    if (name == "sbg_survival") return renewed.survival(v[5]);
    if (name == "sbg_no_purchase") return renewed.no_purchase(v[5]);
    if (name == "sbg_pmf") return renewed.pmf(static_cast<std::int64_t>(v[5]), v[6]);
    beta_discrete_weibull const bdw{v[0], v[1], v[2]};
    if (name == "bdw_log_likelihood") return bdw.log_likelihood(v[4], v[4], v[5]);
    auto const process = bdw.given(v[4], v[4], v[4]).process;
    if (name == "bdw_survival") return process.survival(v[5]);
    if (name == "bdw_no_purchase") return process.no_purchase(v[5]);
    if (name == "bdw_pmf") return process.pmf(static_cast<std::int64_t>(v[5]), v[6]);
    if (name == "bdw_expected") return process.expected(v[5]);
    if (name == "bdw_discounted") return process.discounted(v[5], v[6]);
    ADD_FAILURE() << "unknown value " << name;
    return 0.0;
}

TEST(discrete_models, agree_with_the_defining_integrals) {
    std::map<std::string, double> worst;
    for (auto const& [name, v] : test::reference("lifetime_discrete.csv")) {
        double const exact = v[7];
        double const value = value_of(name, v);
        bool const likelihood = name.find("log_likelihood") != std::string::npos;
        double const bound = name.find("rising") != std::string::npos ? ratio_bound
                             : likelihood                             ? likelihood_bound
                                                                      : prediction_bound;
        if (!likelihood && std::abs(exact) < 1e-290) {
            EXPECT_LT(std::abs(value), 1e-280);  // too small for a double to hold its digits
            continue;
        }
        double const size = likelihood ? std::max(1.0, std::abs(exact)) : std::abs(exact);
        double const error = std::abs(value - exact) / size;
        worst[name] = std::max(worst[name], error);
        EXPECT_LE(error, bound) << name << " at " << v[0] << ' ' << v[1] << ' ' << v[2] << ' ' << v[3] << ": "
                                << v[4] << ' ' << v[5] << ' ' << v[6] << " gives " << value << " not "
                                << exact;
    }
    EXPECT_EQ(worst.size(), 27U);
    for (auto const& [name, error] : worst)
        RecordProperty(name, std::to_string(error / 1e-15) + "e-15");
}

}  // namespace
}  // namespace clavis::lifetime

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <random>

#include "clavis/lifetime/gamma_gompertz_nbd.hpp"
#include "clavis/lifetime/nbd.hpp"
#include "clavis/lifetime/pareto_nbd.hpp"
#include "reference.hpp"

// NBD, Pareto/NBD and GGom/NBD against integrals over the time of leaving at 50 digits
// (tests/reference/make_lifetime_dropout.py), and for being finite.

namespace clavis::lifetime {
namespace {

// The bounds stated in the headers.
constexpr double likelihood_bound = 1e-13;
constexpr double prediction_bound = 1e-12;

template <class Model>
void compare(std::string const& prefix, std::size_t kinds, auto&& make, double log_bound = likelihood_bound) {
    std::map<std::string, double> worst;
    for (auto const& [function, v] : test::reference("lifetime_dropout.csv")) {
        if (!function.starts_with(prefix + '_')) continue;
        std::string const name = function.substr(prefix.size() + 1);
        Model const model = make(v);
        double const exact = v[8];
        double value = 0.0;
        double size = std::abs(exact);
        double bound = prediction_bound;
        if (name == "log_likelihood") {
            value = model.log_likelihood(v[5], v[6], v[7]), size = std::max(1.0, size), bound = log_bound;
        } else if (name == "probability_alive") {
            value = model.given(v[5], v[6], v[7]).probability_alive;
        } else if (name == "expected") {
            value = model.expected(v[5]);
        } else if (name == "survival") {
            value = model.survival(v[5]);
        } else if (name == "no_purchase") {
            value = model.no_purchase(v[5]);
        } else if (name == "pmf") {
            value = model.pmf(static_cast<std::int64_t>(v[5]), v[6]);
        } else if (name == "discounted") {
            value = model.discounted(v[5], v[6]);
        } else {
            FAIL() << "unknown value " << name;
        }
        if (exact < 1e-290 && exact >= 0.0) {
            EXPECT_LT(value, 1e-280);  // too small for a double to hold its digits
            continue;
        }
        // The logarithm of what is very small has only so many digits.
        if (exact > 0.0 && name != "log_likelihood") bound *= std::max(1.0, -std::log(exact) / 50.0);
        double const error = std::abs(value - exact) / size;
        worst[name] = std::max(worst[name], error);
        EXPECT_LE(error, bound) << function << " at r " << v[0] << " alpha " << v[1] << " s " << v[2]
                                << " beta " << v[3] << " b " << v[4] << ": " << v[5] << ' ' << v[6] << ' '
                                << v[7] << " gives " << value << " not " << exact;
    }
    EXPECT_EQ(worst.size(), kinds);
    for (auto const& [name, error] : worst)
        ::testing::Test::RecordProperty(name, std::to_string(error * 1e16));
}

TEST(nbd, agrees_with_the_defining_integrals) {
    compare<nbd>(
        "nbd", 2,
        [](auto const& v) {
            return nbd{v[0], v[1]};
        },
        1e-12);
}

TEST(pareto_nbd, agrees_with_the_defining_integrals) {
    compare<pareto_nbd>("pareto", 7, [](auto const& v) { return pareto_nbd{v[0], v[1], v[2], v[3]}; });
}

TEST(gamma_gompertz_nbd, agrees_with_the_defining_integrals) {
    compare<gamma_gompertz_nbd>("ggom", 7, [](auto const& v) {
        return gamma_gompertz_nbd{v[0], v[1], v[4], v[2], v[3]};
    });
}

double share_of_work() {
    char const* text = std::getenv("CLAVIS_VERIFY");
    return text == nullptr ? 0.01 : std::clamp(std::atof(text), 0.0, 1.0);
}

// Parameters 1e-6 to 1e6, x to 1e5, times 1e-6 to 1e6: no NaN, and infinite only where the mean is.
template <class Model, std::size_t N>
void expect_finite(double draws, bool mean_may_be_endless) {
    std::mt19937_64 random(99);
    std::uniform_real_distribution<double> uniform(0.0, 1.0);
    auto wide = [&](double low, double high) { return std::pow(10.0, low + (high - low) * uniform(random)); };
    for (int i = 0; i < static_cast<int>(draws * share_of_work()); ++i) {
        std::array<double, N> parameters{};
        for (double& p : parameters)
            p = wide(-6, 6);
        Model const model = Model::from(parameters, {});
        double const T = wide(-6, 6);
        double const x = uniform(random) < 0.3 ? 0.0 : std::floor(wide(0, 5));
        double const tx = x == 0.0 ? 0.0 : uniform(random) < 0.2 ? T : T * uniform(random);
        double const t = wide(-6, 6);
        double const rate = wide(-6, 1);
        auto text = ::testing::Message()
                    << "x " << x << " tx " << tx << " T " << T << " t " << t << " rate " << rate;
        for (std::size_t k = 0; k < N; ++k)
            text << ' ' << Model::parameter_names[k] << ' ' << parameters[k];
        auto const state = model.given(x, tx, T);
        auto const& process = state.process;
        ASSERT_TRUE(std::isfinite(model.log_likelihood(x, tx, T))) << text;
        ASSERT_TRUE(state.probability_alive >= 0.0 && state.probability_alive <= 1.0) << text;
        double const survival = process.survival(t);
        ASSERT_TRUE(survival >= 0.0 && survival <= 1.0) << text;
        double const none = process.no_purchase(t);
        ASSERT_TRUE(none >= 0.0 && none <= 1.0 + 1e-12) << text << ": " << none;
        double const mean = process.expected(t);
        double const most = process.parameters()[0] * (t / process.parameters()[1]);
        ASSERT_TRUE(mean >= 0.0 && mean <= most * (1.0 + 1e-11)) << text << ": " << mean;
        double const present = process.discounted(t, rate);
        ASSERT_TRUE(present >= 0.0 && present <= mean * (1.0 + 1e-10))
            << text << ": " << present << " of " << mean;
        double const inf = std::numeric_limits<double>::infinity();
        double const endless = process.discounted(inf, rate);
        ASSERT_TRUE(std::isfinite(endless) && endless >= present * (1.0 - 1e-10)) << text << ": " << endless;
        double const always = process.expected(inf);
        ASSERT_TRUE(always >= mean * (1.0 - 1e-10) && (mean_may_be_endless || std::isfinite(always)))
            << text << ": " << always;
        double const pmf = process.pmf(static_cast<std::int64_t>(1 + 30 * uniform(random)), t);
        ASSERT_TRUE(pmf >= 0.0 && pmf <= 1.0 + 1e-11) << text << ": " << pmf;
    }
}

TEST(nbd, is_finite_everywhere) {
    expect_finite<nbd, 2>(1e6, true);
}
TEST(pareto_nbd, is_finite_everywhere) {
    expect_finite<pareto_nbd, 4>(1e6, true);
}
TEST(gamma_gompertz_nbd, is_finite_everywhere) {
    expect_finite<gamma_gompertz_nbd, 5>(4e4, false);
}

TEST(dropout_models, ends_of_time_and_missing_values) {
    double const inf = std::numeric_limits<double>::infinity();
    double const nan = std::numeric_limits<double>::quiet_NaN();
    pareto_nbd const heavy{0.5, 3.0, 0.8, 2.5};
    pareto_nbd const light{0.5, 3.0, 1.8, 2.5};
    gamma_gompertz_nbd const ageing{0.5, 3.0, 0.1, 0.8, 2.5};
    nbd const staying{0.5, 3.0};
    EXPECT_EQ(heavy.expected(inf), inf);
    EXPECT_EQ(heavy.discounted(inf, 0.0), inf);
    EXPECT_NEAR(light.expected(inf), 0.5 / 3.0 * 2.5 / 0.8, 1e-14);
    EXPECT_EQ(staying.expected(inf), inf);
    EXPECT_NEAR(staying.discounted(inf, 0.1), 0.5 / 0.3, 1e-14);
    EXPECT_TRUE(std::isfinite(ageing.expected(inf)));
    EXPECT_EQ(ageing.discounted(inf, -0.2), inf);
    EXPECT_TRUE(std::isfinite(ageing.discounted(inf, -0.05)));
    auto const ends = [&](auto const& model) {
        EXPECT_EQ(model.expected(0.0), 0.0);
        EXPECT_EQ(model.survival(0.0), 1.0);
        EXPECT_EQ(model.no_purchase(0.0), 1.0);
        EXPECT_EQ(model.pmf(0, 0.0), 1.0);
        EXPECT_EQ(model.pmf(3, 0.0), 0.0);
        EXPECT_EQ(model.given(2.0, 5.0, 5.0).probability_alive, 1.0);
        EXPECT_NEAR(model.discounted(50.0, 1e-12) / model.expected(50.0), 1.0, 1e-9);
        EXPECT_GT(model.discounted(50.0, -0.01), model.expected(50.0));
        EXPECT_LE(model.no_purchase(inf), model.no_purchase(1e6));
        EXPECT_GE(model.pmf(2, inf), 0.0);
        for (double const value :
             {model.expected(nan), model.expected(-1.0), model.survival(nan), model.no_purchase(-1.0),
              model.pmf(-1, 1.0), model.discounted(1.0, nan), model.given(1.0, nan, 2.0).probability_alive,
              model.log_likelihood(1.0, nan, 2.0)})
            EXPECT_TRUE(std::isnan(value));
    };
    ends(heavy);
    ends(light);
    ends(ageing);
    ends(staying);
    EXPECT_EQ(heavy.survival(inf), 0.0);
    EXPECT_EQ(ageing.survival(inf), 0.0);
}

}  // namespace
}  // namespace clavis::lifetime

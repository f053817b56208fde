#include <gtest/gtest.h>

#include <algorithm>
#include <boost/math/distributions/beta.hpp>
#include <boost/math/distributions/gamma.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/simulate/beta_geo_nbd.hpp"
#include "clavis/simulate/gamma_gamma.hpp"
#include "clavis/simulate/modified_beta_geo_nbd.hpp"
#include "core/goodness_of_fit.hpp"

namespace {

namespace cl = clavis::lifetime;
namespace cs = clavis::simulate;
using clavis::test::kolmogorov_p;

constexpr double infinity = std::numeric_limits<double>::infinity();

cl::beta_geo_nbd const cdnow_bg{
    .r = 0.242595, .alpha = 4.413602, .a = 0.792922, .b = 2.425907, .unit = clavis::week};
cl::modified_beta_geo_nbd const cdnow_mbg{
    .r = 0.524843, .alpha = 6.183084, .a = 0.891359, .b = 1.614003, .unit = clavis::week};
cl::gamma_gamma const cdnow_spend{.p = 6.249571, .q = 3.744225, .gamma = 15.443524};

template <class Count>
void expect_mean(std::vector<Count> const& values, double mean) {
    double sum = 0;
    double squares = 0;
    for (auto const value : values) {
        auto const x = static_cast<double>(value);
        sum += x;
        squares += x * x;
    }
    auto const n = static_cast<double>(values.size());
    EXPECT_NEAR(sum / n, mean, 4 * std::sqrt((squares / n - sum / n * sum / n) / n));
}

template <class Model>
cs::simulated_purchases simulate(Model const& model, std::size_t customers, double T, std::uint64_t seed) {
    return cs::simulate(model, std::vector<double>(customers, T), seed, 1);
}

TEST(simulate_beta_geo_nbd, agrees_with_published_expectations) {
    // Fader and Hardie: expected repeat purchases in 52 weeks and the chance of none in 39, at the CDNOW estimates.
    expect_mean(simulate(cdnow_bg, 200000, 52, 1).frequency, 1.444004);
    cl::beta_geo_nbd const rounded{.r = 0.243, .alpha = 4.414, .a = 0.793, .b = 2.426};
    auto frequency = simulate(rounded, 200000, 39, 2).frequency;
    std::vector<int> none;
    for (auto const x : frequency)
        none.push_back(x == 0);
    expect_mean(none, 0.5737864);
}

TEST(simulate_modified_beta_geo_nbd, agrees_with_published_expectations) {
    expect_mean(simulate(cdnow_mbg, 200000, 52, 3).frequency, 1.418885);
}

TEST(simulate_beta_geo_nbd, customers_differ_as_the_model_says) {
    auto const data = simulate(cdnow_bg, 20000, 10, 4);
    boost::math::gamma_distribution<> const law(cdnow_bg.r, 1 / cdnow_bg.alpha);
    EXPECT_GT(kolmogorov_p(data.rate, [&](double x) { return cdf(law, x); }), 1e-3);
    // Those who could leave after their first repeat purchase did with the mean chance a / (a + b).
    std::vector<int> left_at_first;
    for (std::size_t i = 0; i < data.size(); ++i) {
        if (data.frequency[i] == 0) {
            EXPECT_EQ(data.left[i], infinity);
        } else {
            left_at_first.push_back(data.left[i] == data.age[static_cast<std::size_t>(data.offsets[i]) + 1]);
        }
    }
    expect_mean(left_at_first, cdnow_bg.a / (cdnow_bg.a + cdnow_bg.b));
}

TEST(simulate_modified_beta_geo_nbd, some_leave_at_once) {
    auto const data = simulate(cdnow_mbg, 50000, 5, 5);
    std::vector<int> at_once;
    for (std::size_t i = 0; i < data.size(); ++i) {
        at_once.push_back(data.left[i] == 0);
        if (data.left[i] == 0) {
            EXPECT_EQ(data.frequency[i], 0);
        }
    }
    expect_mean(at_once, cdnow_mbg.a / (cdnow_mbg.a + cdnow_mbg.b));
}

TEST(simulated_purchases, columns_agree_with_the_ages) {
    std::vector<double> T;
    for (int i = 0; i < 5000; ++i)
        T.push_back(i % 60);
    auto const data = cs::simulate(cdnow_mbg, T, 6);
    EXPECT_EQ(data.unit, clavis::week);
    EXPECT_EQ(data.T, T);
    for (std::size_t i = 0; i < data.size(); ++i) {
        auto const first = data.age.begin() + data.offsets[i];
        auto const last = data.age.begin() + data.offsets[i + 1] - 1;
        ASSERT_EQ(*first, 0);
        ASSERT_EQ(last - first, data.frequency[i]);
        ASSERT_EQ(*last, data.recency[i]);
        ASSERT_LE(*last, T[i]);
        ASSERT_TRUE(std::is_sorted(first, last + 1));
        ASSERT_TRUE(data.left[i] == infinity || data.left[i] == *last);
        double product = 1;
        for (auto k = first; k != last; ++k)
            product *= k[1] - k[0];
        if (product > 1e-300) {
            ASSERT_NEAR(data.log_gap_sum[i], std::log(product), 1e-9 * (1 + data.frequency[i]));
        }
    }
    auto const view = data.view();
    EXPECT_EQ(view.size(), data.size());
    EXPECT_EQ(view.unit, clavis::week);
}

TEST(simulated_purchases, are_the_same_for_any_number_of_threads_and_customers) {
    auto const T = std::vector<double>(20000, 30.0);
    auto const one = cs::simulate(cdnow_bg, T, 7, 1);
    auto const three = cs::simulate(cdnow_bg, T, 7, 3);
    EXPECT_EQ(one.age, three.age);
    EXPECT_EQ(one.offsets, three.offsets);
    EXPECT_EQ(one.left, three.left);
    auto const fewer = cs::simulate(cdnow_bg, std::span(T).first(100), 7, 2);
    EXPECT_TRUE(std::equal(fewer.age.begin(), fewer.age.end(), one.age.begin()));
}

TEST(simulated_purchases, can_be_seen_at_an_earlier_age) {
    // A longer observation only adds to a shorter one.
    auto const late = simulate(cdnow_bg, 3000, 52, 8);
    auto const early = simulate(cdnow_bg, 3000, 20, 8);
    auto const cut = late.until(20);
    EXPECT_EQ(cut.age, early.age);
    EXPECT_EQ(cut.offsets, early.offsets);
    EXPECT_EQ(cut.frequency, early.frequency);
    EXPECT_EQ(cut.recency, early.recency);
    EXPECT_EQ(cut.log_gap_sum, early.log_gap_sum);
    EXPECT_EQ(cut.T, early.T);
    EXPECT_EQ(cut.left, early.left);
    EXPECT_THROW(late.until(53), clavis::input_error);
    EXPECT_THROW(late.until(std::vector<double>{1, 2}), clavis::input_error);
}

TEST(simulated_purchases, bad_input_is_named) {
    auto message = [](auto const& model, std::vector<double> const& T) -> std::string {
        try {
            cs::simulate(model, T, 1);
        } catch (clavis::input_error const& problem) {
            return problem.what();
        }
        return "nothing thrown";
    };
    EXPECT_EQ(message(cdnow_bg, {1, 2, -3}),
              R"(simulate, column "T", row 2: "-3.000000" must be finite and at least 0)");
    auto wrong = cdnow_bg;
    wrong.alpha = -1;
    EXPECT_NE(message(wrong, {1}), "nothing thrown");
    EXPECT_EQ(simulate(cdnow_bg, 0, 1, 1).size(), 0U);
    EXPECT_EQ(simulate(cdnow_bg, 1, 0, 1).frequency[0], 0);
}

TEST(simulate_gamma_gamma, follows_its_laws) {
    // Three purchases: the mean of the two repeat ones, times 2 / gamma, is beta prime with 2 p and q.
    std::vector<std::int64_t> offsets;
    for (std::int64_t i = 0; i <= 20000; ++i)
        offsets.push_back(3 * i);
    auto const data = cs::simulate(cdnow_spend, offsets, 9);
    boost::math::beta_distribution<> const repeat(2 * cdnow_spend.p, cdnow_spend.q);
    EXPECT_GT(kolmogorov_p(data.monetary_value,
                           [&](double m) {
                               double const z = 2 * m / cdnow_spend.gamma;
                               return cdf(repeat, z / (1 + z));
                           }),
              1e-3);
    boost::math::gamma_distribution<> const q(cdnow_spend.q);
    EXPECT_GT(kolmogorov_p(
                  data.mean,
                  [&](double mean) { return cdf(complement(q, cdnow_spend.p * cdnow_spend.gamma / mean)); }),
              1e-3);
    std::vector<double> first;
    for (std::size_t i = 0; i < data.amount.size(); i += 3)
        first.push_back(data.amount[i]);
    expect_mean(first, 35.17037);
    EXPECT_EQ(cs::simulate(cdnow_spend, offsets, 9, 3).amount, data.amount);
}

TEST(simulate_gamma_gamma, bad_offsets_are_named) {
    EXPECT_THROW(cs::simulate(cdnow_spend, std::vector<std::int64_t>{}, 1), clavis::input_error);
    EXPECT_THROW(cs::simulate(cdnow_spend, std::vector<std::int64_t>{1, 2}, 1), clavis::input_error);
    EXPECT_THROW(cs::simulate(cdnow_spend, std::vector<std::int64_t>{0, 2, 1}, 1), clavis::input_error);
    auto const one = cs::simulate(cdnow_spend, std::vector<std::int64_t>{0, 1}, 1);
    EXPECT_EQ(one.monetary_value[0], 0);
}

}  // namespace

#include "clavis/statistics/concentration.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "clavis/core/errors.hpp"

namespace clavis::statistics {
namespace {

TEST(Concentration, ReferenceIncomes) {
    concentration const c(std::vector<double>{541, 1463, 2445, 3438, 4437, 5401, 6392, 8304, 11904, 22261});
    EXPECT_NEAR(c.gini(), 0.4620911303, 5e-11);
    EXPECT_NEAR(c.gini_unbiased(), 0.5134345892, 5e-11);
    EXPECT_NEAR(c.gini_bounded(), c.gini_unbiased(), 1e-15);
    EXPECT_EQ(c.size(), 10U);
    EXPECT_EQ(c.total(), 66586);
}

TEST(Concentration, SharesOfFourFirms) {
    concentration const c(std::vector<double>{20, 30, 20, 30});
    EXPECT_NEAR(c.hhi(), 0.26, 1e-15);
    EXPECT_NEAR(c.effective_size(), 1 / 0.26, 1e-13);
    EXPECT_NEAR(c.hhi_normalized(), 0.01 / 0.75, 1e-15);
    EXPECT_NEAR(c.top_share(0.25), 0.3, 1e-15);
    EXPECT_NEAR(c.top_share(0.375), 0.45, 1e-15);
    EXPECT_NEAR(c.top_share_whole(0.3), 0.6, 1e-15);
    EXPECT_NEAR(c.holders_of(0.45), 0.375, 1e-15);
    EXPECT_EQ(c.top_share(0), 0);
    EXPECT_EQ(c.top_share(1), 1);
    EXPECT_EQ(c.holders_of(0), 0);
    EXPECT_EQ(c.holders_of(1), 1);
}

// Gini as the mean difference of all pairs, with and without negative values.
TEST(Concentration, GiniIsTheMeanDifferenceOfPairs) {
    std::mt19937 random(1);
    for (int round = 0; round < 60; ++round) {
        std::vector<double> x(2 + random() % 40);
        for (auto& value : x)
            value = static_cast<double>(random() % 1000) - (round % 2 == 0 ? 0.0 : 150.0);
        long double pairs = 0;
        long double sum = 0;
        long double sizes = 0;
        for (double const a : x) {
            sum += a;
            sizes += std::abs(a);
            for (double const b : x)
                pairs += std::abs(a - b);
        }
        if (sum <= 0) continue;
        auto const n = static_cast<long double>(x.size());
        concentration const c(x);
        EXPECT_NEAR(c.gini(), static_cast<double>(pairs / (2 * n * sum)), 1e-12);
        EXPECT_NEAR(c.gini_unbiased(), static_cast<double>(pairs / (2 * (n - 1) * sum)), 1e-12);
        EXPECT_NEAR(c.gini_bounded(), static_cast<double>(pairs / (2 * (n - 1) * sizes)), 1e-12);
        EXPECT_GE(c.gini_bounded(), 0);
        EXPECT_LE(c.gini_bounded(), 1 + 1e-15);
        auto shuffled = x;
        std::shuffle(shuffled.begin(), shuffled.end(), random);
        EXPECT_EQ(concentration(shuffled).gini(), c.gini());
        for (double const share : {0.1, 0.5, 0.8, 1.0}) {
            EXPECT_NEAR(c.top_share(c.holders_of(share)), share, 1e-12);
        }
    }
}

// Eighty of a hundred parts with a fifth of all is a Pareto distribution with α = ln 5 / ln 4: gini 1 / (2α − 1), and the
// top hundredth holds 0.01^(1 − 1/α).
TEST(Concentration, ParetoEightyTwenty) {
    double const alpha = std::log(5.0) / std::log(4.0);
    // Each value is the mean of the distribution over 1/n of it, so that the curve is met at its joints.
    std::size_t const n = 200'000;
    std::vector<double> x(n);
    auto held_by_top = [&](double p) { return std::pow(p, 1 - 1 / alpha); };
    for (std::size_t i = 0; i < n; ++i) {
        x[i] = held_by_top(static_cast<double>(i + 1) / n) - held_by_top(static_cast<double>(i) / n);
    }
    concentration const c(x);
    EXPECT_NEAR(c.top_share(0.2), 0.8, 1e-9);
    EXPECT_NEAR(c.top_share(0.01), 0.5281, 5e-5);
    EXPECT_NEAR(c.holders_of(0.8), 0.2, 1e-9);
    EXPECT_NEAR(c.gini(), 0.756471, 5e-6);
}

TEST(Concentration, WhatHasNoAnswerIsNaN) {
    concentration const none(std::vector<double>{});
    EXPECT_TRUE(std::isnan(none.gini()));
    EXPECT_TRUE(std::isnan(none.top_share(0.5)));
    EXPECT_TRUE(std::isnan(none.hhi()));
    concentration const one(std::vector<double>{5});
    EXPECT_EQ(one.gini(), 0);
    EXPECT_TRUE(std::isnan(one.gini_unbiased()));
    EXPECT_EQ(one.hhi(), 1);
    concentration const loss(std::vector<double>{-5, 3});
    EXPECT_TRUE(std::isnan(loss.gini()));
    EXPECT_TRUE(std::isnan(loss.holders_of(0.5)));
    EXPECT_EQ(loss.gini_bounded(), 1);
    EXPECT_EQ(loss.negative(), 1U);
    EXPECT_TRUE(std::isnan(loss.top_share(2)));
    EXPECT_THROW(concentration(std::vector<double>{1, std::nan("")}), input_error);
}

}  // namespace
}  // namespace clavis::statistics

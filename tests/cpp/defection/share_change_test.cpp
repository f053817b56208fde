// Shares of wallet: what is defined, and what is found among customers whose share does not move or does.

#include "clavis/defection/share_change.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/core/random.hpp"

namespace clavis::defection {
namespace {

/// Compound Poisson spend here and elsewhere; trips of gamma distributed amounts.
wallet_period draw(random_stream& random, double own_trips, double other_trips, bool totals_only) {
    wallet_period result;
    for (auto n = random.poisson(own_trips); n > 0; --n) {
        double const amount = 10 * random.gamma(3);
        result.own += amount;
        result.own_squares += amount * amount;
    }
    for (auto n = random.poisson(other_trips); n > 0; --n) {
        double const amount = 10 * random.gamma(3);
        result.competitor += amount;
        result.competitor_squares += amount * amount;
    }
    if (totals_only) result.competitor_squares = std::nan("");
    return result;
}

TEST(ShareChange, RealisedFalseDiscoveryAndPower) {
    for (bool const totals_only : {false, true}) {
        for (double const q : {0.05, 0.10, 0.20}) {
            double wrong_share = 0;
            double power = 0;
            constexpr int rounds = 12;
            for (int round = 0; round < rounds; ++round) {
                random_stream random(11, 0, static_cast<std::uint64_t>(round));
                std::vector<wallet_period> before;
                std::vector<wallet_period> after;
                std::vector<int> moved;
                for (int i = 0; i < 1500; ++i) {
                    double const trips = 10 + 30 * random.uniform();
                    double const share = random.uniform(0.2, 0.9);
                    int const sign = i % 10 == 0 ? -1 : i % 10 == 1 ? 1 : 0;
                    double const next = sign < 0 ? share * 0.4 : sign > 0 ? 1 - 0.4 * (1 - share) : share;
                    moved.push_back(sign);
                    before.push_back(draw(random, trips * share, trips * (1 - share), totals_only));
                    // The wallet itself grows or shrinks, which moves no share.
                    double const grown = trips * random.uniform(0.7, 1.5);
                    after.push_back(draw(random, grown * next, grown * (1 - next), totals_only));
                }
                auto const found = change_of_shares(before, after, q);
                double wrong = 0;
                double right = 0;
                for (std::size_t i = 0; i < moved.size(); ++i) {
                    auto const direction = found.direction[i];
                    if (direction != share_direction::RISING && direction != share_direction::FALLING)
                        continue;
                    (moved[i] == (direction == share_direction::RISING ? 1 : -1) ? right : wrong) += 1;
                }
                wrong_share += wrong / std::max(1.0, wrong + right) / rounds;
                power += right / 300 / rounds;
            }
            std::printf("[ measured ] %s q %.2f: wrong %.3f, found %.2f\n", totals_only ? "totals" : "trips ",
                        q, wrong_share, power);
            EXPECT_LT(wrong_share, q * 1.15);
            EXPECT_GT(power, 0.1);
        }
    }
}

TEST(ShareChange, WhatIsDefinedAndCounted) {
    auto period = [](double own, double competitor) {
        return wallet_period{own, own * own / 20, competitor, competitor * competitor / 20};
    };
    std::vector<wallet_period> const before{period(100, 100), period(50, 50), period(0, 0),
                                            period(80, 20),   {-5, 9, 10, 5}, period(60, -3),
                                            period(70, 30),   {10, 9, NAN, 9}};
    std::vector<wallet_period> const after{period(150, 850), period(50, 50), period(10, 10), period(0, 0),
                                           period(20, 20),   period(60, 0),  period(30, 70), period(1, 1)};
    auto const found = change_of_shares(before, after, 0.2);
    using enum share_direction;
    EXPECT_EQ(found.direction,
              (std::vector{FALLING, FLAT, UNDEFINED, UNDEFINED, RISING, FLAT, FALLING, UNDEFINED}));
    EXPECT_EQ(found.undefined, 3);
    EXPECT_EQ(found.negative_own, 1);
    EXPECT_EQ(found.wallet_below_own, 1);
    EXPECT_EQ(found.growing_but_losing_share, (std::vector<std::uint8_t>{1, 0, 0, 0, 0, 0, 0, 0}));
    EXPECT_EQ(found.after[0], 0.15);
    EXPECT_EQ(found.before[5], 1);
    EXPECT_EQ(found.part.rising, 1 / 5.0);
    EXPECT_EQ(found.part.falling, 2 / 5.0);
    EXPECT_EQ(found.part.significant_falling, 2 / 5.0);
    EXPECT_DOUBLE_EQ(found.part.weighted_falling, 1400 / (1200 + 200 + 50 + 120 + 200.0));
    // The variance by hand: share 1/2, squares 500 and 500 of a wallet of 200; then 0.15, squares 1125, 36125 of 1000.
    double const first = (0.25 * 500 + 0.25 * 500) / (200.0 * 200.0);
    double const second = (0.85 * 0.85 * 1125 + 0.15 * 0.15 * 36125) / 1e6;
    EXPECT_NEAR(found.error[0], std::sqrt(first + second), 1e-15);
    EXPECT_STREQ(to_string(UNDEFINED), "UNDEFINED");
    EXPECT_THROW(change_of_shares(before, std::vector<wallet_period>(1)), input_error);
    EXPECT_THROW(change_of_shares(before, after, 0), input_error);
    auto const nobody = change_of_shares({}, {});
    EXPECT_TRUE(std::isnan(nobody.part.rising));
}

}  // namespace
}  // namespace clavis::defection

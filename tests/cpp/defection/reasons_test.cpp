// Reasons add up; the split against the defining path integral of the index.

#include "clavis/defection/reasons.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "clavis/core/errors.hpp"
#include "clavis/core/random.hpp"

namespace clavis::defection {
namespace {

double sum_of(spend_change const& one) {
    return std::accumulate(one.effects.begin(), one.effects.end(), 0.0);
}

TEST(Reasons, EffectsAreTheDivisiaIntegralAlongTheGeometricPath) {
    // Along f_k(t) = f0 (f1 / f0)^t the index is the integral of V(t) d ln f_k: by Simpson's rule.
    period_spend const before{12, 30, 450, 45};
    period_spend const after{5, 11, 198, 11};
    auto const found = explain_spend(before, after);
    double const f0[] = {12, 30 / 12.0, 450 / 30.0, 405 / 450.0};
    double const f1[] = {5, 11 / 5.0, 198 / 11.0, 187 / 198.0};
    constexpr int steps = 2000;
    double integral = 0;
    for (int i = 0; i <= steps; ++i) {
        double const t = static_cast<double>(i) / steps;
        double value = 1;
        for (int k = 0; k < 4; ++k)
            value *= f0[k] * std::pow(f1[k] / f0[k], t);
        integral += value * (i == 0 || i == steps ? 1 : i % 2 == 1 ? 4 : 2) / (3.0 * steps);
    }
    for (int k = 0; k < 4; ++k)
        EXPECT_NEAR(found.effects[static_cast<std::size_t>(k)], integral * std::log(f1[k] / f0[k]), 1e-9);
    EXPECT_EQ(found.kind, spend_change_kind::CHANGED);
    EXPECT_DOUBLE_EQ(sum_of(found), -218);
}

TEST(Reasons, TheSumIsExactWhateverHappened) {
    random_stream random(1, 0, 0);
    for (int i = 0; i < 100'000; ++i) {
        auto draw = [&]() -> period_spend {
            if (random.bernoulli(0.1))
                return {0, 0, 0, random.bernoulli(0.3) ? std::floor(100 * random.uniform()) : 0};
            double const visits = 1 + static_cast<double>(random.below(20));
            double const sales = std::exp(random.uniform(-3, 12));
            double const back = random.bernoulli(0.5)   ? 0
                                : random.bernoulli(0.1) ? sales
                                                        : sales * random.uniform(0, 1.3);
            return {visits, random.bernoulli(0.1) ? 0 : visits + static_cast<double>(random.below(50)), sales,
                    back};
        };
        period_spend const before = draw();
        period_spend after = random.bernoulli(0.05) ? before : draw();
        if (random.bernoulli(0.05)) after.sales = std::nextafter(before.sales, 1e9);
        auto const found = explain_spend(before, after);
        double const scale = std::max({std::abs(found.before), std::abs(found.after), 1e-300});
        double const slack =
            found.kind == spend_change_kind::RETURNING ? std::max(before.sales, after.sales) : 0;
        ASSERT_NEAR(sum_of(found), after.net() - before.net(), 1e-12 * (scale + slack))
            << before.sales << ' ' << before.returns << ' ' << after.sales << ' ' << after.returns;
    }
}

TEST(Reasons, LimitsAreReachedSmoothly) {
    period_spend const before{10, 20, 300, 0};
    auto const gone = explain_spend(before, {});
    EXPECT_EQ(gone.kind, spend_change_kind::COMPLETE);
    EXPECT_EQ(gone.effects, (std::array<double, 4>{-300, 0, 0, 0}));
    // As visits vanish, all else equal, the effect of visits tends to all of it.
    auto const nearly = explain_spend(before, {1, 2, 30, 0});
    EXPECT_NEAR(nearly.effects[0], -270, 1e-9);
    EXPECT_EQ(explain_spend({}, before).kind, spend_change_kind::APPEARED);
    EXPECT_EQ(explain_spend({}, before).effects[0], 300);
    EXPECT_EQ(explain_spend({}, {}).kind, spend_change_kind::NONE);
    auto const returned = explain_spend(before, {8, 16, 240, 240});
    EXPECT_EQ(returned.effects, (std::array<double, 4>{0, 0, 0, -300}));
    auto const nearly_returned = explain_spend(before, {10, 20, 300, 300 * (1 - 1e-12)});
    EXPECT_NEAR(nearly_returned.effects[3], -300, 1e-6);
    auto const negative = explain_spend(before, {5, 10, 150, 200});
    EXPECT_EQ(negative.kind, spend_change_kind::RETURNING);
    EXPECT_NEAR(negative.effects[0], -150, 1e-9);
    EXPECT_EQ(negative.effects[3], -200);
    EXPECT_EQ(explain_spend({}, {0, 0, 0, 7}).effects[3], -7);
    EXPECT_STREQ(to_string(spend_change_kind::COMPLETE), "COMPLETE");
    EXPECT_TRUE(std::isnan(explain_spend({1, 1, NAN, 0}, before).effects[0]));
    EXPECT_EQ(logarithmic_mean(2, 2), 2);
    EXPECT_NEAR(logarithmic_mean(1, 1 + 1e-9), 1 + 5e-10, 1e-15);
    EXPECT_EQ(logarithmic_mean(0, 3), 0);
    std::vector<spend_change> out(1);
    std::vector<period_spend> const two(2);
    EXPECT_THROW(explain_spend(two, two, out), input_error);
}

}  // namespace
}  // namespace clavis::defection

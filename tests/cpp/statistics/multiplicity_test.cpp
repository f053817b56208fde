// Levels against the definition by brute force; realised false discovery under independence and dependence.

#include "clavis/statistics/multiplicity.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/core/random.hpp"

namespace clavis::statistics {
namespace {

std::vector<double> levels_of(std::vector<double> const& values, discovery_rule rule) {
    std::vector<double> levels(values.size());
    discovery_levels(values, levels, rule);
    return levels;
}

/// Rejected at q by the definition: the largest k whose k-th most significant value passes.
std::vector<bool> rejected(std::vector<double> const& values, double q, discovery_rule rule) {
    bool const evidence = rule == discovery_rule::e_bh;
    std::size_t n = 0;
    double harmonic = 0;
    for (double const value : values)
        if (!std::isnan(value)) harmonic += 1 / static_cast<double>(++n);
    std::vector<bool> best(values.size());
    for (double const cut : values) {
        std::vector<bool> set(values.size());
        double k = 0;
        for (std::size_t i = 0; i < values.size(); ++i) {
            set[i] = evidence ? values[i] >= cut : values[i] <= cut;
            k += set[i] ? 1 : 0;
        }
        double const size = static_cast<double>(n);
        bool const passes = evidence                     ? cut >= size / (k * q)
                            : rule == discovery_rule::bh ? cut <= k * q / size
                                                         : cut <= k * q / (size * harmonic);
        if (passes && k > static_cast<double>(std::count(best.begin(), best.end(), true))) best = set;
    }
    return best;
}

TEST(Multiplicity, LevelsRejectWhatTheDefinitionRejects) {
    random_stream random(1, 0, 0);
    for (int round = 0; round < 300; ++round) {
        std::vector<double> p(1 + random.below(40));
        for (double& value : p) {
            value = std::pow(random.uniform(), 4);
            if (random.bernoulli(0.2)) value = std::ceil(value * 8) / 8;  // ties
            if (random.bernoulli(0.1)) value = std::nan("");
        }
        std::vector<double> e(p);
        for (double& value : e)
            value = 1 / value;
        for (auto const rule : {discovery_rule::e_bh, discovery_rule::bh, discovery_rule::by}) {
            auto const& values = rule == discovery_rule::e_bh ? e : p;
            auto const levels = levels_of(values, rule);
            for (double const q : {0.0517, 0.1033, 0.4977}) {
                auto const expected = rejected(values, q, rule);
                for (std::size_t i = 0; i < values.size(); ++i)
                    EXPECT_EQ(levels[i] <= q, expected[i]) << i << ' ' << values[i] << ' ' << levels[i];
            }
        }
    }
    EXPECT_EQ(levels_of({std::numeric_limits<double>::infinity(), 0, 1}, discovery_rule::e_bh),
              (std::vector<double>{0, 1, 1}));
    EXPECT_THROW(levels_of({0.5, 1.5}, discovery_rule::bh), input_error);
    EXPECT_THROW(levels_of({-1}, discovery_rule::e_bh), input_error);
    EXPECT_THROW(discovery_rule_of("bonferroni"), input_error);
    EXPECT_EQ(discovery_rule_of("e-bh"), discovery_rule::e_bh);
}

TEST(Multiplicity, RealisedFalseDiscoveryUnderIndependenceAndDependence) {
    // 400 customers of whom 40 changed; normal scores with a common factor, all p-values one-sided. e = exp(3 z - 4.5)
    // has mean 1 under the null. `negative`: the factor pulls half of the customers up and the others down.
    constexpr std::size_t size = 400;
    constexpr std::size_t changed = 40;
    constexpr int rounds = 500;
    for (double const common : {0.0, 0.7}) {
        for (bool const negative : {false, true}) {
            if (common == 0 && negative) continue;
            for (double const q : {0.05, 0.1, 0.2}) {
                double share[3] = {};
                double power[3] = {};
                for (int round = 0; round < rounds; ++round) {
                    random_stream random(7, 1, static_cast<std::uint64_t>(round));
                    double const factor = random.normal();
                    std::vector<double> e(size);
                    std::vector<double> p(size);
                    for (std::size_t i = 0; i < size; ++i) {
                        double const sign = negative && i % 2 == 1 ? -1 : 1;
                        double const z = sign * std::sqrt(common) * factor +
                                         std::sqrt(1 - common) * random.normal() + (i < changed ? 4 : 0);
                        e[i] = std::exp(3 * z - 4.5);
                        p[i] = 0.5 * std::erfc(z / std::sqrt(2.0));
                    }
                    for (auto const rule : {discovery_rule::e_bh, discovery_rule::bh, discovery_rule::by}) {
                        auto const levels = levels_of(rule == discovery_rule::e_bh ? e : p, rule);
                        double found = 0;
                        double wrong = 0;
                        for (std::size_t i = 0; i < size; ++i) {
                            if (levels[i] > q) continue;
                            ++found;
                            wrong += i < changed ? 0 : 1;
                        }
                        auto const k = static_cast<std::size_t>(rule);
                        share[k] += found > 0 ? wrong / found / rounds : 0;
                        power[k] += (found - wrong) / changed / rounds;
                    }
                }
                std::printf(
                    "[ measured ] common %.1f%s q %.2f: e-BH %.4f (power %.2f), BH %.4f (%.2f), BY %.4f "
                    "(%.2f)\n",
                    common, negative ? " both ways" : "", q, share[0], power[0], share[1], power[1], share[2],
                    power[2]);
                double const error = 4 * std::sqrt(q * (1 - q) / rounds);
                for (double const realised : share)
                    EXPECT_LE(realised, q + error);
                if (common == 0) {
                    EXPECT_NEAR(share[1], q * 0.9, 0.01);  // BH: the share of the unchanged, exactly
                    EXPECT_GT(power[0], 0.3);
                }
            }
        }
    }
}

TEST(Multiplicity, ConformalValuesAreUniformOrLargerWithinStrata) {
    // Two strata on different scales; the p-value of a fresh score is at most t with probability at most t.
    constexpr int rounds = 4000;
    int below[3] = {};
    for (int round = 0; round < rounds; ++round) {
        random_stream random(3, 2, static_cast<std::uint64_t>(round));
        conformal_scores known;
        for (int i = 0; i < 99; ++i) {
            known.add(0, random.exponential());
            known.add(1, 100 * random.exponential());
        }
        double const p = known.p_value(1, 100 * random.exponential());
        below[0] += p <= 0.05 ? 1 : 0;
        below[1] += p <= 0.1 ? 1 : 0;
        below[2] += p <= 0.5 ? 1 : 0;
    }
    double const target[3] = {0.05, 0.1, 0.5};
    for (int k = 0; k < 3; ++k)
        EXPECT_NEAR(below[k] / static_cast<double>(rounds), target[k],
                    4 * std::sqrt(target[k] * (1 - target[k]) / rounds));

    conformal_scores known;
    for (double const score : {1.0, 2.0, 2.0, 3.0})
        known.add(5, score);
    known.add(5, std::nan(""));
    EXPECT_EQ(known.p_value(5, 2), 4 / 5.0);
    EXPECT_EQ(known.p_value(5, 2.5), 2 / 5.0);
    EXPECT_EQ(known.p_value(5, 9), 1 / 5.0);
    EXPECT_EQ(known.p_value(6, 9), 1);
    EXPECT_TRUE(std::isnan(known.p_value(5, std::nan(""))));
    EXPECT_EQ(known.missing(), 1);
    conformal_scores left;
    conformal_scores right;
    right.add(5, 3);
    right.add(5, std::nan(""));
    right.add(5, 2);
    left.add(5, 2);
    left.merge(right);
    left.add(5, 1);
    EXPECT_EQ(left, known);
    left.merge(left);
    EXPECT_EQ(left.size(5), 8);
}

TEST(Multiplicity, TheAdaptiveLevelKeepsTheShareOfErrorsUnderDrift) {
    // Scores drift, so that a fixed level of 10 % would err more and more often; errors are decided by the level used.
    random_stream random(9, 3, 0);
    adaptive_level level{.target = 0.1, .step = 0.005, .level = 0.1};
    level.validate();
    double errors = 0;
    double fixed = 0;
    constexpr int times = 20'000;
    for (int t = 0; t < times; ++t) {
        double const drift = 1 + 2.0 * t / times;  // p-values shrink to their power
        double const p = std::pow(random.uniform(), drift);
        bool const wrong = p <= level.level;
        fixed += p <= 0.1 ? 1 : 0;
        errors += wrong ? 1 : 0;
        level.update(wrong ? 1 : 0);
    }
    EXPECT_GT(fixed / times, 0.25);
    EXPECT_NEAR(errors / times, 0.1, 0.012);
    EXPECT_THROW(level.update(2), input_error);
    EXPECT_THROW((adaptive_level{.target = -1}.validate()), input_error);
}

TEST(Multiplicity, IsotonicCalibrationRecoversADistortion) {
    random_stream random(4, 4, 0);
    isotonic_calibration whole(100);
    isotonic_calibration left(100);
    isotonic_calibration right(100);
    EXPECT_EQ(whole(0.3), 0.3);  // nothing learned
    for (int i = 0; i < 200'000; ++i) {
        double const p = random.uniform();
        bool const happened = random.bernoulli(p * p);
        whole.add(p, happened);
        (i % 3 == 0 ? left : right).add(p, happened);
    }
    EXPECT_EQ(left.merge(right), whole);
    EXPECT_EQ(whole.count(), 200'000);
    double before = -1;
    for (double p = 0; p <= 1; p += 0.01) {
        EXPECT_GE(whole(p), before);
        before = whole(p);
        EXPECT_NEAR(whole(p), p * p, 0.03) << p;
        EXPECT_EQ(left(p), whole(p));
    }
    // Pool adjacent violators by hand: shares 1/2, 0/1, 1/1 become 1/3, 1/3, 1.
    isotonic_calibration hand(3);
    hand.add(0.1, true);
    hand.add(0.1, false);
    hand.add(0.5, false);
    hand.add(1.0, true);
    EXPECT_DOUBLE_EQ(hand(0.0), 1 / 3.0);
    EXPECT_DOUBLE_EQ(hand(0.5), 1 / 3.0);
    EXPECT_DOUBLE_EQ(hand(0.9), 1.0);
    EXPECT_NEAR(hand(2 / 3.0), (1 / 3.0 + 1) / 2, 1e-12);
    EXPECT_THROW(hand.add(1.5, true), input_error);
    EXPECT_THROW(hand.merge(whole), input_error);
    EXPECT_THROW(isotonic_calibration(1), input_error);
}

}  // namespace
}  // namespace clavis::statistics

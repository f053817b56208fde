#include "clavis/statistics/quantiles.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "clavis/core/errors.hpp"

namespace clavis::statistics {
namespace {

// Hyndman and Fan's own definition of types 4 to 9: the line through the points (p_k, x_k), whose plotting
// positions p_k differ by type.
double by_plotting_positions(std::vector<double> x, double p, int type) {
    std::sort(x.begin(), x.end());
    auto const n = static_cast<double>(x.size());
    auto position = [&](std::size_t i) {
        auto const k = static_cast<double>(i + 1);
        switch (type) {
            case 4:
                return k / n;
            case 5:
                return (k - 0.5) / n;
            case 6:
                return k / (n + 1);
            case 7:
                return n == 1 ? 0.0 : (k - 1) / (n - 1);
            case 8:
                return (k - 1. / 3) / (n + 1. / 3);
            default:
                return (k - 3. / 8) / (n + 1. / 4);
        }
    };
    if (p <= position(0)) return x.front();
    for (std::size_t i = 1; i < x.size(); ++i) {
        double const left = position(i - 1);
        double const right = position(i);
        if (p <= right) return x[i - 1] + (x[i] - x[i - 1]) * (p - left) / (right - left);
    }
    return x.back();
}

TEST(Quantiles, NineTypesOnTheReferenceData) {
    std::vector<double> const x{1, 2, 2, 2, 3, 7, 7, 10, 15, 40};
    std::vector<double> const p{.2, .4, .6, .8};
    std::vector<double> const second{2, 2.5, 2, 2, 2.5, 2.4, 2.6, 2.0 + 7.0 / 15, 2.475};
    std::vector<double> const last{10, 12.5, 10, 10, 12.5, 14, 11, 13, 12.875};
    for (int type = 1; type <= 9; ++type) {
        auto const q = quantiles(x, p, type);
        EXPECT_NEAR(q[1], second[static_cast<std::size_t>(type - 1)], 1e-13) << "type " << type;
        EXPECT_NEAR(q[3], last[static_cast<std::size_t>(type - 1)], 1e-13) << "type " << type;
    }
}

TEST(Quantiles, FractionAndProbabilityAgreeWithPlottingPositions) {
    std::mt19937 random(1);
    for (int size = 1; size <= 40; ++size) {
        std::vector<double> x(static_cast<std::size_t>(size));
        for (auto& value : x)
            value = std::floor(std::uniform_real_distribution<>(0, 30)(random));
        auto sorted = x;
        std::sort(sorted.begin(), sorted.end());
        for (int bins = 1; bins <= 12; ++bins) {
            for (int k = 0; k <= bins; ++k) {
                double const p = static_cast<double>(k) / bins;
                for (int type = 1; type <= 9; ++type) {
                    auto const where = locate_quantile(x.size(), k, bins, type);
                    double const exact =
                        where.between(sorted[where.index],
                                      where.fraction > 0 ? sorted[where.index + 1] : sorted[where.index]);
                    EXPECT_NEAR(quantiles(x, std::vector{p}, type)[0], exact, 1e-12)
                        << size << ' ' << p << ' ' << type;
                    if (type >= 4) {
                        EXPECT_NEAR(by_plotting_positions(x, p, type), exact, 1e-11)
                            << size << ' ' << p << ' ' << type;
                    }
                }
            }
        }
    }
}

// Types 1 and 2 by the empirical distribution function, type 3 by the nearest rank, all in whole numbers.
TEST(Quantiles, StepTypesFollowTheDistributionFunction) {
    for (int size = 1; size <= 30; ++size) {
        for (int bins = 1; bins <= 10; ++bins) {
            for (int k = 1; k < bins; ++k) {
                auto rank = [&](int type) {  // ranks from 1; type 2 may lie between two
                    auto const where = locate_quantile(static_cast<std::size_t>(size), k, bins, type);
                    return static_cast<double>(where.index) + 1 + where.fraction;
                };
                int first = 1;  // smallest i with i / n >= k / K
                while (first * bins < k * size)
                    ++first;
                EXPECT_EQ(rank(1), first);
                bool const jump = first * bins == k * size && first < size;
                EXPECT_EQ(rank(2), jump ? first + 0.5 : first);
                int nearest = 1;  // i / n nearest to k / K, the even i where two are as near
                for (int i = 1; i <= size; ++i) {
                    int const here = std::abs(i * bins - k * size);
                    int const best = std::abs(nearest * bins - k * size);
                    if (here < best || (here == best && i % 2 == 0)) nearest = i;
                }
                EXPECT_EQ(rank(3), nearest) << size << ' ' << k << '/' << bins;
            }
        }
    }
}

TEST(Quantiles, OrderStatisticsAreThoseOfASort) {
    std::mt19937 random(2);
    for (int round = 0; round < 200; ++round) {
        std::size_t const size = 1 + random() % 300;
        std::vector<double> x(size);
        for (auto& value : x)
            value = static_cast<double>(random() % (round % 2 == 0 ? 5U : 1000U));
        std::vector<std::size_t> ranks(random() % 12);
        for (auto& rank : ranks)
            rank = random() % size;
        std::sort(ranks.begin(), ranks.end());
        auto sorted = x;
        std::sort(sorted.begin(), sorted.end());
        std::vector<double> out(ranks.size());
        order_statistics(x, ranks, out);
        for (std::size_t i = 0; i < ranks.size(); ++i)
            EXPECT_EQ(out[i], sorted[ranks[i]]);
    }
}

TEST(Quantiles, WeightedEqualsRepeatedValues) {
    std::mt19937 random(3);
    for (int round = 0; round < 300; ++round) {
        std::size_t const size = 1 + random() % 12;
        std::vector<double> x(size);
        std::vector<double> weights(size);
        std::vector<double> repeated;
        for (std::size_t i = 0; i < size; ++i) {
            x[i] = static_cast<double>(random() % 9);
            weights[i] = static_cast<double>(random() % 5);
            repeated.insert(repeated.end(), static_cast<std::size_t>(weights[i]), x[i]);
        }
        if (repeated.empty()) continue;
        std::vector<double> const p{0, 0.125, 0.25, 0.5, 0.75, 1};  // exact in binary
        EXPECT_EQ(weighted_quantiles(x, weights, p), quantiles(repeated, p, 1));
    }
}

TEST(Quantiles, RefusesWhatHasNoAnswer) {
    std::vector<double> const none;
    std::vector<double> const one{1};
    std::vector<double> const half{0.5};
    std::vector<double> const nan{1, std::nan("")};
    EXPECT_THROW(quantiles(none, half), input_error);
    EXPECT_THROW(quantiles(one, half, 10), input_error);
    EXPECT_THROW(quantiles(one, std::vector{1.5}), input_error);
    EXPECT_THROW(quantiles(nan, half), input_error);
    EXPECT_THROW(weighted_quantiles(one, std::vector{0.0}, half), input_error);
    EXPECT_THROW(weighted_quantiles(one, std::vector{-1.0}, half), input_error);
    EXPECT_THROW(locate_quantile(3, 4, 3), input_error);
}

}  // namespace
}  // namespace clavis::statistics

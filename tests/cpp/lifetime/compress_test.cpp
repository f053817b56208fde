#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <tuple>
#include <vector>

#include "lifetime/rows.hpp"

namespace clavis::lifetime {
namespace {

struct table {
    std::vector<std::int32_t> frequency;
    std::vector<double> recency, T, weights;

    ledger::summary_view view() const {
        ledger::summary_view rows;
        rows.frequency = frequency;
        rows.recency = recency;
        rows.T = T;
        rows.weights = weights;
        return rows;
    }
    void reverse() {
        std::reverse(frequency.begin(), frequency.end());
        std::reverse(recency.begin(), recency.end());
        std::reverse(T.begin(), T.end());
        std::reverse(weights.begin(), weights.end());
    }
};

table draw(std::size_t n, bool whole, bool weighted) {
    table made;
    std::mt19937_64 random(17);
    std::uniform_real_distribution<double> uniform(0.0, 1.0);
    for (std::size_t i = 0; i < n; ++i) {
        double const T = 52.0 + 52.0 * uniform(random);
        auto const x =
            static_cast<std::int32_t>(uniform(random) < 0.5 ? 0.0 : std::pow(uniform(random), -0.7));
        double const tx = x == 0 ? 0.0 : T * uniform(random);
        made.frequency.push_back(x > 5000 ? 5000 : x);
        made.T.push_back(i % 1001 == 5 ? std::nan("") : whole ? std::ceil(T) : T);
        made.recency.push_back(whole ? std::floor(tx) : tx);
        if (weighted) made.weights.push_back(i % 7 == 0 ? 0.0 : static_cast<double>(i % 5));
    }
    return made;
}

using key = std::tuple<std::int32_t, double, double>;

void check(compressed_rows const& rows, table const& from) {
    std::map<key, double> counted;
    std::int64_t left_out = 0;
    for (std::size_t i = 0; i < from.T.size(); ++i) {
        double const weight = from.weights.empty() ? 1.0 : from.weights[i];
        if (std::isnan(from.T[i]))
            ++left_out;
        else if (weight > 0.0)
            counted[{from.frequency[i], from.T[i], from.recency[i]}] += weight;
    }
    EXPECT_EQ(rows.left_out, left_out);
    ASSERT_EQ(rows.size(), counted.size());
    // A map has the order that compressed rows have.
    auto next = counted.begin();
    double customers = 0.0;
    double purchases = 0.0;
    for (auto const& run : rows.runs) {
        double weight = 0.0;
        for (std::size_t i = run.begin; i < run.end; ++i, ++next) {
            ASSERT_EQ(next->first, (key{run.x, rows.T[i] * rows.scale, rows.tx[i] * rows.scale}));
            ASSERT_EQ(next->second, rows.weight[i]);
            weight += next->second;
        }
        ASSERT_EQ(run.weight, weight);
        customers += weight;
        purchases += weight * run.x;
    }
    EXPECT_EQ(rows.customers, customers);
    EXPECT_EQ(rows.purchases, purchases);
}

void expect_same(compressed_rows const& a, compressed_rows const& b) {
    EXPECT_EQ(a.T, b.T);
    EXPECT_EQ(a.tx, b.tx);
    EXPECT_EQ(a.weight, b.weight);
    EXPECT_EQ(a.exposure, b.exposure);
    EXPECT_EQ(a.customers, b.customers);
}

TEST(compress, keeps_every_history_once_in_order) {
    for (bool const whole : {true, false})
        for (bool const weighted : {false, true}) {
            auto rows = draw(20'000, whole, weighted);
            auto const found = compress(rows.view());
            check(found, rows);
            rows.reverse();
            expect_same(found, compress(rows.view()));
        }
}

// Beyond two million rows those that repeat are counted in a table, and others sorted in parts.
TEST(compress, of_millions_of_rows_is_the_same) {
    for (bool const whole : {true, false}) {
        auto rows = draw(2'300'000, whole, whole);
        auto const found = compress(rows.view());
        if (whole) check(found, rows);
        std::int64_t used = 0;
        for (std::size_t i = 0; i < rows.T.size(); ++i)
            used += !std::isnan(rows.T[i]) && (rows.weights.empty() || rows.weights[i] > 0.0);
        EXPECT_EQ(found.rows, used);
        for (auto const& run : found.runs)
            for (std::size_t i = run.begin + 1; i < run.end; ++i)
                ASSERT_LT(std::tuple(found.T[i - 1], found.tx[i - 1]), std::tuple(found.T[i], found.tx[i]));
        rows.reverse();
        expect_same(found, compress(rows.view()));
    }
}

}  // namespace
}  // namespace clavis::lifetime

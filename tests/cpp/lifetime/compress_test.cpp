#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <tuple>
#include <utility>
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

struct columns {
    std::vector<double> T, tx, weight;
};

columns columns_of(compressed_rows const& rows) {
    columns result;
    for_each_tile(rows, [&](compressed_rows::run const&, row_tile const& tile) {
        result.T.insert(result.T.end(), tile.T.begin(), tile.T.end());
        result.tx.insert(result.tx.end(), tile.tx.begin(), tile.tx.end());
        result.weight.insert(result.weight.end(), tile.weight.begin(), tile.weight.end());
    });
    return result;
}

void check(compressed_rows const& rows, table const& from) {
    std::vector<std::pair<key, double>> used;
    std::int64_t left_out = 0;
    for (std::size_t i = 0; i < from.T.size(); ++i) {
        double const weight = from.weights.empty() ? 1.0 : from.weights[i];
        if (std::isnan(from.T[i]))
            ++left_out;
        else if (weight > 0.0)
            used.emplace_back(key{from.frequency[i], from.T[i], from.recency[i]}, weight);
    }
    EXPECT_EQ(rows.left_out, left_out);
    EXPECT_EQ(rows.rows, static_cast<std::int64_t>(used.size()));
    std::sort(used.begin(), used.end());
    auto const found = columns_of(rows);
    auto next = used.begin();
    double customers = 0.0;
    double purchases = 0.0;
    for (auto const& run : rows.runs) {
        double of_run = 0.0;
        for (std::size_t i = run.begin; i < run.end; ++i) {
            ASSERT_NE(next, used.end());
            key const here = next->first;
            ASSERT_EQ(here, (key{run.x, found.T[i] * rows.scale, found.tx[i] * rows.scale}));
            double weight = 0.0;
            for (; next != used.end() && next->first == here; ++next)
                weight += next->second;
            ASSERT_EQ(weight, found.weight[i]);
            of_run += weight;
        }
        ASSERT_EQ(run.weight, of_run);
        customers += of_run;
        purchases += of_run * run.x;
    }
    EXPECT_EQ(next, used.end());
    EXPECT_EQ(rows.customers, customers);
    EXPECT_EQ(rows.purchases, purchases);
}

// What is found in the reverse order; many rows stay in the table's columns, so they are read before.
void expect_same_in_reverse(compressed_rows const& found, table& rows) {
    auto const kept = columns_of(found);
    rows.reverse();
    auto const again = compress(rows.view());
    auto const other = columns_of(again);
    EXPECT_TRUE(kept.T == other.T);
    EXPECT_TRUE(kept.tx == other.tx);
    EXPECT_TRUE(kept.weight == other.weight);
    EXPECT_EQ(found.exposure, again.exposure);
    EXPECT_EQ(found.customers, again.customers);
}

TEST(compress, keeps_every_history_once_in_order) {
    for (bool const whole : {true, false})
        for (bool const weighted : {false, true}) {
            auto rows = draw(20'000, whole, weighted);
            auto const found = compress(rows.view());
            check(found, rows);
            expect_same_in_reverse(found, rows);
        }
}

// Beyond two million rows those that repeat are counted in a table, others are sorted in parts and stay where they are.
TEST(compress, of_millions_of_rows_is_the_same) {
    for (bool const whole : {true, false})
        for (bool const weighted : {false, true}) {
            auto rows = draw(weighted ? 2'900'000 : 2'200'000, whole, weighted);
            // Some that repeat among those that do not, and one history of many.
            for (std::size_t i = 0; i < 100'000; ++i) {
                std::size_t const from = i < 500 ? 10 * i : 6;
                std::size_t const to = rows.T.size() - 1 - i;
                rows.frequency[to] = rows.frequency[from];
                rows.recency[to] = rows.recency[from];
                rows.T[to] = rows.T[from];
            }
            auto const found = compress(rows.view());
            check(found, rows);
            expect_same_in_reverse(found, rows);
        }
}

// More rows of one x than are sorted at once, of which most have one history: the middle parts nothing.
TEST(compress, of_a_million_equal_rows_is_one) {
    auto rows = draw(2'200'000, false, false);
    for (std::size_t i = 40'000; i < rows.T.size(); ++i) {
        rows.frequency[i] = 0;
        rows.recency[i] = 0.0;
        rows.T[i] = 70.0;
    }
    for (bool const weighted : {false, true}) {
        if (weighted) rows.weights.assign(rows.T.size(), 0.25);
        check(compress(rows.view()), rows);
    }
}

// The weights of repeated rows are added in one order, whatever that of the rows.
TEST(compress, sums_of_shares_do_not_depend_on_the_order_of_rows) {
    auto rows = draw(2'500'000, false, true);
    for (std::size_t i = 0; i < rows.T.size(); ++i) {
        rows.weights[i] = 0.1 + static_cast<double>(i % 97) / 7.0;
        if (i % 3 == 0)
            rows.frequency[i] = 2, rows.T[i] = 60.0 + static_cast<double>(i % 1000), rows.recency[i] = 7.0;
    }
    expect_same_in_reverse(compress(rows.view()), rows);
}

}  // namespace
}  // namespace clavis::lifetime

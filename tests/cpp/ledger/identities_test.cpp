// Joined ids against brute force, and the checks of tables as C++ calls them.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/ledger/identities.hpp"
#include "clavis/ledger/table_check.hpp"

namespace {

using namespace clavis;
using namespace clavis::ledger;

TEST(Identities, PairsGoToTheSmallestIdOfTheirGroup) {
    std::mt19937_64 random(11);
    auto draw = [&random](int below) {
        return static_cast<std::int64_t>(random() % static_cast<unsigned>(below));
    };
    for (int round = 0; round < 200; ++round) {
        std::vector<std::int64_t> a, b;
        std::map<std::int64_t, std::int64_t> of;
        for (std::int64_t i = draw(30); i >= 0; --i) {
            a.push_back(draw(25) - 5);
            b.push_back(draw(25) - 5);
            of[a.back()] = a.back();
            of[b.back()] = b.back();
        }
        for (bool changed = true; changed;) {
            changed = false;
            for (std::size_t i = 0; i < a.size(); ++i) {
                std::int64_t const low = std::min(of[a[i]], of[b[i]]);
                changed = changed || of[a[i]] != low || of[b[i]] != low;
                of[a[i]] = of[b[i]] = low;
            }
        }
        identity_map const map(
            {{.id = std::span<std::int64_t const>(a), .other = std::span<std::int64_t const>(b)}}, false,
            false);
        std::vector<std::int32_t> ids(200);
        for (auto& id : ids)
            id = static_cast<std::int32_t>(draw(60) - 20);
        std::uint8_t const validity[25] = {0xFF, 0x0F};  // rows 12 to 199 are missing
        column_view column = std::span<std::int32_t const>(ids);
        column.validity = validity;
        auto const mapped = map.apply(column, 2, "transactions", "customer_id");
        ASSERT_EQ(mapped.view.size, ids.size());
        for (std::size_t row = 0; row < ids.size(); ++row) {
            ASSERT_EQ(mapped.view.is_null(row), row >= 12);
            auto const at = of.find(ids[row]);
            std::int64_t const expected = row >= 12 || at == of.end() ? ids[row] : at->second;
            ASSERT_EQ(mapped.view.at<std::int32_t>(row), expected);
        }
        std::vector<std::int64_t> counts(map.ids().size());
        map.count(column, counts);
        for (std::size_t i = 0; i < counts.size(); ++i)
            EXPECT_EQ(counts[i], std::count(ids.begin(), ids.begin() + 12, map.ids().integers()[i]));
    }
}

TEST(Identities, ColumnsWithoutAJoinedIdAreNotCopied) {
    std::vector<std::int64_t> const a{1}, b{2}, ids{3, 4, 1};
    identity_map const map(
        {{.id = std::span<std::int64_t const>(a), .other = std::span<std::int64_t const>(b)}}, false, false);
    auto const mapped = map.apply(std::span<std::int64_t const>(ids), 1, "t", "c");
    EXPECT_EQ(mapped.view.values, ids.data());
    EXPECT_EQ(mapped.owner, nullptr);
}

TEST(TableCheck, EveryThreadCountAndBatchGivesTheSameReport) {
    std::mt19937_64 random(5);
    std::size_t const size = 60000;
    std::vector<std::int64_t> ids(size);
    std::vector<std::int32_t> days(size);
    std::vector<double> scores(size);
    for (std::size_t row = 0; row < size; ++row) {
        ids[row] = static_cast<std::int64_t>(random() % 500);
        days[row] = 19000 + static_cast<std::int32_t>(random() % 100);
        scores[row] = static_cast<double>(random() % 13) - 1;
    }
    std::int64_t refused = 0;
    std::map<std::tuple<std::int64_t, std::int32_t, double>, int> alike;
    for (std::size_t row = 0; row < size; ++row) {
        if (scores[row] < 0) {
            ++refused;
        } else {
            ++alike[{ids[row], days[row], scores[row]}];
        }
    }
    for (unsigned const threads : {1U, 2U, 5U})
        for (std::size_t const batch : {size, std::size_t{777}}) {
            table_check check(table_rule_of("surveys"), {.threads = threads});
            for (std::size_t begin = 0; begin < size; begin += batch) {
                std::size_t const count = std::min(batch, size - begin);
                std::vector<table_column> const columns{
                    {"customer_id", "who", std::span<std::int64_t const>(ids).subspan(begin, count)},
                    {"time", "when",
                     column_view::days(std::span<std::int32_t const>(days).subspan(begin, count))},
                    {"score", "mark", std::span<double const>(scores).subspan(begin, count)}};
                check.read(columns);
            }
            auto const report = check.report();
            EXPECT_EQ(report.quality.rows_refused(), refused);
            ASSERT_EQ(report.quality.refused.size(), 1U);
            EXPECT_EQ(report.quality.refused[0].column, "mark");
            EXPECT_EQ(report.quality.refused[0].reason, "is below 0");
            EXPECT_EQ(report.rows_alike,
                      static_cast<std::int64_t>(size) - refused - static_cast<std::int64_t>(alike.size()));
            EXPECT_EQ(report.first_day, 19000);
            EXPECT_EQ(report.last_day, 19099);
            EXPECT_EQ(check.customers().size(), 500U);
        }
}

TEST(TableCheck, ColumnsOfAWrongTypeAreErrors) {
    std::vector<std::int64_t> const ids{1};
    std::vector<table_column> const columns{{"time", "when", std::span<std::int64_t const>(ids)}};
    table_check check(table_rule_of("events"));
    try {
        check.read(columns);
        FAIL();
    } catch (input_error const& error) {
        EXPECT_STREQ(error.what(),
                     "events, column \"when\": holds values of another type; times are dates, timestamps "
                     "or ISO text");
    }
    EXPECT_THROW(table_rule_of("orders"), input_error);
}

}  // namespace

// Ids become codes and come back: every type, every layout, the ends of 64 bits.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>

#include "clavis/core/errors.hpp"
#include "clavis/ledger/summarize.hpp"

namespace {

using namespace clavis;
using namespace clavis::ledger;

std::vector<std::uint32_t> intern(directory& ids, column_view const& column, unsigned threads = 1) {
    std::vector<std::uint8_t> const skip(column.size, 0);
    std::vector<std::uint32_t> codes(column.size);
    ids.intern(column, skip.data(), codes.data(), threads, {});
    return codes;
}

/// Interns in batches, and compares codes, order and ids with a set.
void expect_faithful(std::vector<std::vector<std::int64_t>> const& batches) {
    directory one;
    directory several;
    std::map<std::int64_t, std::uint32_t> codes;
    for (auto const& batch : batches) {
        auto const got = intern(one, std::span<std::int64_t const>(batch));
        EXPECT_EQ(got, intern(several, std::span<std::int64_t const>(batch), 3));
        for (std::size_t i = 0; i < batch.size(); ++i) {
            auto const [at, fresh] = codes.emplace(batch[i], got[i]);
            ASSERT_EQ(at->second, got[i]) << batch[i];
        }
    }
    ASSERT_EQ(one.size(), codes.size());
    std::vector<std::int64_t> sorted;
    std::set<std::uint32_t> distinct;
    for (auto const& [id, code] : codes) {
        sorted.push_back(id);
        distinct.insert(code);
        ASSERT_LT(code, codes.size());
    }
    EXPECT_EQ(distinct.size(), codes.size());
    EXPECT_EQ(one.ids(one.sorted()).integers(), sorted);
}

TEST(IntakeDirectory, IntegersDenseSparseAndAtTheEnds) {
    constexpr auto low = std::numeric_limits<std::int64_t>::min();
    constexpr auto high = std::numeric_limits<std::int64_t>::max();
    expect_faithful({{5, 3, 5, 4}, {2, 9, 3}, {-100, 100}});
    expect_faithful({{high, low, 0, -1, high}, {low + 1, high - 1, low}});
    expect_faithful({{low, low + 5}, {low + 2}, {low + 70000}});
    expect_faithful({{high - 5, high}, {high - 70000}, {high - 2}});
    expect_faithful({{low + 100}, {low}, {low + 50}});
    expect_faithful({{0, 1, 2}, {high}, {1, low, 3}});  // dense, then not
    std::mt19937_64 random(3);
    for (std::int64_t step :
         {std::int64_t{1}, std::int64_t{7}, std::int64_t{1} << 32, std::int64_t{1} << 45}) {
        std::vector<std::vector<std::int64_t>> batches(6);
        for (auto& batch : batches) {
            batch.resize(1 + random() % 100000);
            for (auto& id : batch)
                id = (static_cast<std::int64_t>(random() % 60000) - 30000) * step;
        }
        expect_faithful(batches);
    }
    // Ids in descending order move the table's beginning.
    std::vector<std::vector<std::int64_t>> descending;
    for (std::int64_t id = 0; id > -3000; --id)
        descending.push_back({id});
    expect_faithful(descending);
}

TEST(IntakeDirectory, TextOfAllLengths) {
    std::mt19937_64 random(4);
    directory ids;
    std::map<std::string, std::uint32_t> codes;
    for (int batch = 0; batch < 5; ++batch) {
        text_column column;
        for (int i = 0; i < 20000; ++i) {
            std::string id = "id " + std::string(random() % 20, 'x') + std::to_string(random() % 500);
            if (i % 7 == 0) id += std::string(1, '\0') + "\xff";
            column.push_back(id);
        }
        auto const got = intern(ids, column.view(), 2);
        for (std::size_t i = 0; i < column.size(); ++i)
            ASSERT_EQ(codes.emplace(column[i], got[i]).first->second, got[i]);
    }
    ASSERT_EQ(ids.size(), codes.size());
    auto const sorted = ids.ids(ids.sorted());
    std::size_t i = 0;
    for (auto const& [id, code] : codes)
        ASSERT_EQ(sorted.text()[i++], id);  // std::string compares bytes as unsigned
}

TEST(IntakeDirectory, CodesFollowTheRowsForAnyThreads) {
    // Enough rows for several blocks, most of them new, and most of what is new more than once.
    std::mt19937_64 random(5);
    std::vector<std::int64_t> sparse(300000);
    text_column names;
    for (auto& id : sparse) {
        id = static_cast<std::int64_t>(random() % 120000) * 1000000007;
        names.push_back("client-" + std::to_string(id));
    }
    std::vector<std::uint8_t> skip(sparse.size());
    for (std::size_t row = 0; row < skip.size(); row += 5)
        skip[row] = 1;
    for (column_view const& column : {column_view(std::span<std::int64_t const>(sparse)), names.view()}) {
        std::map<std::int64_t, std::uint32_t> first;  // by brute force
        std::vector<std::uint32_t> expected(column.size, 7);
        for (std::size_t row = 0; row < column.size; ++row)
            if (skip[row] == 0)
                expected[row] =
                    first.emplace(sparse[row], static_cast<std::uint32_t>(first.size())).first->second;
        for (unsigned const threads : {1U, 2U, 5U}) {
            directory ids;
            std::vector<std::uint32_t> codes(column.size, 7);
            ids.intern(column, skip.data(), codes.data(), threads, {});
            ASSERT_EQ(codes, expected);
            ASSERT_EQ(ids.size(), first.size());
            std::fill(codes.begin(), codes.end(), 7);
            ids.intern(column, skip.data(), codes.data(), threads, {});  // all known
            ASSERT_EQ(codes, expected);
            auto const sorted = ids.sorted(threads);
            ASSERT_EQ(sorted, ids.sorted());
            if (!column.is_text()) continue;
            ASSERT_TRUE(std::is_sorted(sorted.begin(), sorted.end(), [&](std::uint32_t a, std::uint32_t b) {
                return ids.label(a) < ids.label(b);
            }));
            directory merged;
            text_column before;
            before.push_back("a customer of its own");
            intern(merged, before.view());
            auto const map = merged.merge(ids, {}, threads);
            for (std::size_t code = 0; code < map.size(); ++code)
                ASSERT_EQ(map[code], code + 1);
            ASSERT_EQ(merged.label(map[1000]), ids.label(1000));
        }
    }
}

TEST(IntakeDirectory, TextMayBeLongButNotEndless) {
    text_column column;
    for (int i = 0; i < 1200; ++i)
        column.push_back(std::string(static_cast<std::size_t>(i * i % 5000), 'y') + std::to_string(i));
    column.push_back(std::string(1U << 20, 'z'));
    column.push_back("");
    directory ids;
    auto const codes = intern(ids, column.view());
    for (std::size_t i = 0; i < column.size(); ++i)
        ASSERT_EQ(ids.label(codes[i]), column[i]);
    std::size_t const known = ids.size();
    column.push_back(std::string(1U << 22, 'z'));
    EXPECT_THROW(intern(ids, column.view()), input_error);
    EXPECT_EQ(ids.size(), known);
    EXPECT_EQ(ids.label(codes[3]), column[3]);
}

TEST(IntakeDirectory, MergeMapsCodes) {
    std::vector<std::int64_t> const a{10, 20, 30};
    std::vector<std::int64_t> const b{30, 40, 10, 50};
    directory ours;
    directory theirs;
    intern(ours, std::span<std::int64_t const>(a));
    intern(theirs, std::span<std::int64_t const>(b));
    EXPECT_EQ(ours.merge(theirs, {}), (std::vector<std::uint32_t>{2, 3, 0, 4}));
    EXPECT_EQ(ours.label(3), "40");
    directory copy = ours;
    EXPECT_EQ(copy.merge(copy, {}), (std::vector<std::uint32_t>{0, 1, 2, 3, 4}));
    text_column names;
    names.push_back("x");
    EXPECT_THROW(intern(ours, names.view()), input_error);
}

TEST(IntakeDirectory, EveryTypeOfIdMeansTheSame) {
    std::vector<std::int32_t> const days{10000, 10001, 10002, 10003};
    std::vector<std::int32_t> const narrow{7, -2, 7, 12};
    std::vector<std::int64_t> const wide{7, -2, 7, 12};
    std::vector<double> const floating{7.0, -2.0, 7.0, 12.0};
    summary const expected = summarize({wide, days});
    EXPECT_EQ(expected.customer_id.integers(), (std::vector<std::int64_t>{-2, 7, 12}));
    EXPECT_EQ(summarize({narrow, days}).customer_id, expected.customer_id);
    EXPECT_EQ(
        summarize({column_view(std::span<double const>(floating)), column_view::days(days)}).customer_id,
        expected.customer_id);
    EXPECT_EQ(summarize({column_view::minor_units(wide, 0), column_view::days(days)}).customer_id,
              expected.customer_id);
    // One state may read all of them.
    summarizer state;
    state.update({wide, days}).update({narrow, days});
    EXPECT_EQ(state.finish().lines, (std::vector<std::int64_t>{2, 4, 2}));
}

TEST(IntakeDirectory, CustomersThatAreMissing) {
    std::vector<std::int32_t> const days{10000, 10001, 10002, 10003};
    std::vector<double> const floating{7.0, std::nan(""), 7.0, 12.0};
    std::vector<std::int64_t> const cents{100, 250, -50, 25};
    transactions_view rows(std::span<double const>(floating), column_view::days(days),
                           column_view::minor_units(cents));
    summary s = summarize(rows);
    EXPECT_EQ(s.customer_id.integers(), (std::vector<std::int64_t>{7, 12}));
    EXPECT_EQ(s.quality.rows_without_customer, 1);
    EXPECT_EQ(s.quality.amount_without_customer, 2.5);
    EXPECT_EQ(s.quality.amount_total, 0.75);
    EXPECT_EQ(s.quality.rows_refused(), 0);
    std::uint8_t const nobody[] = {0};
    rows.customer_id.validity = nobody;
    s = summarize(rows);
    EXPECT_EQ(s.size(), 0U);
    EXPECT_EQ(s.quality.rows_without_customer, 4);
    EXPECT_EQ(s.observed_until, sys_days(std::chrono::days(10003)));
    EXPECT_EQ(collect_history(rows).size(), 0U);
}

}  // namespace

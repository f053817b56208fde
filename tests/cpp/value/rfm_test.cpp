#include "clavis/value/rfm.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "clavis/core/errors.hpp"
#include "clavis/ledger/summarize.hpp"

namespace clavis::value {
namespace {

using ints = std::vector<std::int32_t>;
using numbers = std::vector<double>;
using names = std::vector<std::string>;

bool mentions(std::string const& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

bool mentions(std::vector<std::string> const& notes, std::string_view part) {
    return std::any_of(notes.begin(), notes.end(), [&](auto const& note) { return mentions(note, part); });
}

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

struct shop {
    std::vector<double> days;
    std::vector<double> orders;
    std::vector<double> money;

    rfm_columns columns() const { return {.recency = days, .frequency = orders, .monetary = money}; }
};

shop random_shop(std::size_t size, unsigned seed, unsigned spread = 40) {
    std::mt19937 random(seed);
    shop s;
    for (std::size_t i = 0; i < size; ++i) {
        s.days.push_back(static_cast<double>(random() % spread));
        s.orders.push_back(static_cast<double>(1 + random() % (spread / 4 + 1)));
        s.money.push_back(static_cast<double>(random() % (10 * spread)) - 20);
    }
    return s;
}

std::vector<std::int32_t> monetary_scores(std::vector<double> const& money, rfm_options const& options) {
    std::vector<double> const same(money.size(), 1.0);
    return rfm({.recency = same, .frequency = same, .monetary = money}, options).m;
}

// The type 7 break times K in whole numbers: (K − rest) x_(j) + rest x_(j+1) with j and rest of (n − 1) k /
// K.
std::vector<std::int32_t> scores_in_whole_numbers(std::vector<double> const& values, int bins, bool high) {
    std::vector<std::int64_t> sorted(values.begin(), values.end());
    std::sort(sorted.begin(), sorted.end());
    auto const n = static_cast<std::int64_t>(sorted.size());
    std::vector<std::int32_t> scores;
    for (double const value : values) {
        auto const x = static_cast<std::int64_t>(value) * bins;
        std::int32_t score = 1;
        for (std::int64_t k = 1; k < bins; ++k) {
            auto const j = static_cast<std::size_t>((n - 1) * k / bins);
            std::int64_t const rest = (n - 1) * k % bins;
            std::int64_t const next = sorted[std::min(j + 1, sorted.size() - 1)];
            std::int64_t const cut = (bins - rest) * sorted[j] + rest * next;
            score += (high ? x >= cut : x > cut) ? 1 : 0;
        }
        scores.push_back(score);
    }
    return scores;
}

TEST(Rfm, ScoresCountTheBreaksPassed) {
    for (unsigned seed = 0; seed < 60; ++seed) {
        auto const s = random_shop(1 + seed * 3, seed, seed % 2 == 0 ? 12 : 400);
        for (int bins = 1; bins <= 10; ++bins) {
            for (bool const high : {false, true}) {
                auto const result =
                    rfm(s.columns(), {.bins = bins, .rule = high ? score_rule::high : score_rule::low});
                auto const days = scores_in_whole_numbers(s.days, bins, high);
                EXPECT_EQ(result.f, scores_in_whole_numbers(s.orders, bins, high));
                EXPECT_EQ(result.m, scores_in_whole_numbers(s.money, bins, high));
                for (std::size_t i = 0; i < days.size(); ++i)
                    EXPECT_EQ(result.r[i], bins + 1 - days[i]);
            }
        }
    }
}

TEST(Rfm, MidrankSharesTheMiddleOfATie) {
    std::vector<double> const money{10, 20, 20, 20, 30};
    // (#less + #equal / 2) / n = 0.1, 0.5, 0.9
    EXPECT_EQ(monetary_scores(money, {.bins = 5, .rule = score_rule::midrank}), (ints{1, 3, 3, 3, 5}));
    EXPECT_EQ(monetary_scores(money, {.bins = 2, .rule = score_rule::midrank}), (ints{1, 1, 1, 1, 2}));
    EXPECT_EQ(monetary_scores({7, 7, 7}, {.bins = 4, .rule = score_rule::midrank}), (ints{2, 2, 2}));
}

TEST(Rfm, WeightedBreaksHoldEqualSums) {
    std::vector<double> const money{1, 1, 1, 1, 2, 2, 4, 8};  // 20 in all: quarters end at 5, 10, 15
    std::vector<double> const same(money.size(), 3.0);
    auto const result = rfm({.recency = same, .frequency = same, .monetary = money, .weights = money},
                            {.bins = 4, .breaks = break_rule::weighted});
    EXPECT_EQ(result.monetary.breaks, (numbers{2, 4, 8}));
    EXPECT_EQ(result.m, (ints{1, 1, 1, 1, 1, 1, 2, 3}));
}

TEST(Rfm, FixedBreaksOfAnEarlierResultGiveTheSameScores) {
    auto const s = random_shop(500, 4);
    auto const first = rfm(s.columns());
    auto const again =
        rfm(s.columns(), {.breaks = break_rule::fixed,
                          .fixed = {first.recency.breaks, first.frequency.breaks, first.monetary.breaks}});
    EXPECT_EQ(first.score, again.score);
}

// Every rule, on every type: equal values score equally, a larger value never scores lower, and neither
// units, a bent scale nor the order of rows matters.
TEST(Rfm, TieRule) {
    for (unsigned seed = 0; seed < 25; ++seed) {
        auto const s = random_shop(3 + 17 * seed, seed);
        std::vector<std::size_t> order(s.days.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::shuffle(order.begin(), order.end(), std::mt19937(seed));
        shop bent;
        shop shuffled;
        for (std::size_t i = 0; i < order.size(); ++i) {
            bent.days.push_back(std::log1p(s.days[i]) / 7);
            bent.orders.push_back(s.orders[i] * s.orders[i] * s.orders[i] * 0.1);
            bent.money.push_back(s.money[i] * 1.1 + 1e-3);
            shuffled.days.push_back(s.days[order[i]]);
            shuffled.orders.push_back(s.orders[order[i]]);
            shuffled.money.push_back(s.money[order[i]]);
        }
        for (auto const rule : {score_rule::low, score_rule::high, score_rule::midrank}) {
            for (int type = 1; type <= 9; ++type) {
                for (bool const nested : {false, true}) {
                    if (nested && rule == score_rule::midrank) continue;
                    rfm_options const options{.bins = 4,
                                              .rule = rule,
                                              .quantile_type = type,
                                              .nested = nested,
                                              .nested_minimum = 6};
                    auto const result = rfm(s.columns(), options);
                    auto const other = rfm(bent.columns(), options);
                    EXPECT_EQ(result.score, other.score) << "rule " << int(rule) << " type " << type;
                    auto const mixed = rfm(shuffled.columns(), options);
                    for (std::size_t i = 0; i < order.size(); ++i) {
                        ASSERT_EQ(mixed.score[i], result.score[order[i]]);
                        for (std::size_t k = 0; k < i; ++k) {
                            ASSERT_FALSE(s.days[i] < s.days[k] && result.r[i] < result.r[k]);
                            ASSERT_FALSE(s.days[i] == s.days[k] && result.r[i] != result.r[k]);
                            if (nested) continue;
                            ASSERT_FALSE(s.money[i] < s.money[k] && result.m[i] > result.m[k]);
                            ASSERT_FALSE(s.money[i] == s.money[k] && result.m[i] != result.m[k]);
                        }
                    }
                }
            }
        }
    }
}

TEST(Rfm, NestedScoresAreThoseOfTheGroupAlone) {
    auto const s = random_shop(900, 11);
    rfm_options const nested{.bins = 3, .nested = true};  // groups of at least 15
    auto const result = rfm(s.columns(), nested);
    auto const flat = rfm(s.columns(), {.bins = 3});
    EXPECT_EQ(result.r, flat.r);
    auto restrict = [&](auto&& keep) {
        shop part;
        for (std::size_t i = 0; i < s.days.size(); ++i) {
            if (!keep(i)) continue;
            part.days.push_back(s.days[i]);
            part.orders.push_back(s.orders[i]);
            part.money.push_back(s.money[i]);
        }
        return part;
    };
    auto pick = [&](std::vector<std::int32_t> const& scores, auto&& keep) {
        std::vector<std::int32_t> part;
        for (std::size_t i = 0; i < scores.size(); ++i) {
            if (keep(i)) part.push_back(scores[i]);
        }
        return part;
    };
    for (int r = 1; r <= 3; ++r) {
        auto in_r = [&](std::size_t i) { return result.r[i] == r; };
        EXPECT_EQ(pick(result.f, in_r), rfm(restrict(in_r).columns(), {.bins = 3}).f);
        for (int f = 1; f <= 3; ++f) {
            auto in_rf = [&](std::size_t i) { return result.r[i] == r && result.f[i] == f; };
            auto const part = restrict(in_rf);
            ASSERT_GE(part.days.size(), 15U);
            EXPECT_EQ(pick(result.m, in_rf), rfm(part.columns(), {.bins = 3}).m);
        }
    }
    // With a minimum nobody reaches, all groups take the breaks of all customers.
    EXPECT_EQ(rfm(s.columns(), {.bins = 3, .nested = true, .nested_minimum = 901}).score, flat.score);
}

TEST(Rfm, DegenerateColumnsAreDefinedAndFlagged) {
    shop const s{.days = {9, 9, 9}, .orders = {2, 2, 2}, .money = {5, 5, 8}};
    auto const result = rfm(s.columns());
    EXPECT_EQ(result.r, (ints{5, 5, 5}));
    EXPECT_EQ(result.f, (ints{1, 1, 1}));
    EXPECT_TRUE(result.recency.degenerate);
    EXPECT_EQ(result.recency.distinct, 1);
    EXPECT_EQ(result.recency.empty_bins, 4);
    EXPECT_TRUE(result.monetary.degenerate);
    EXPECT_EQ(result.monetary.distinct, 2);
    EXPECT_EQ(result.m[0], result.m[1]);
    EXPECT_LT(result.m[1], result.m[2]);
    EXPECT_TRUE(mentions(result.notes, "recency: 1 distinct value cannot fill 5 bins"));

    auto const none = rfm(rfm_columns{});
    EXPECT_EQ(none.size(), 0U);
    EXPECT_TRUE(none.recency.degenerate);
    auto const spread = random_shop(1000, 5, 4000);
    EXPECT_FALSE(rfm(spread.columns()).monetary.degenerate);
    EXPECT_TRUE(rfm(spread.columns()).notes.empty());
}

TEST(Rfm, CustomersWithoutPurchaseScoreOneAndMoveNoBreak) {
    auto s = random_shop(200, 6);
    auto const before = rfm(s.columns());
    s.days.push_back(nan);
    s.orders.push_back(nan);
    s.money.push_back(nan);
    auto const after = rfm(s.columns());
    EXPECT_EQ(after.score.back(), 111);
    EXPECT_EQ(after.recency.missing, 1);
    EXPECT_EQ(after.recency.scored, 200);
    EXPECT_EQ(after.monetary.breaks, before.monetary.breaks);
    EXPECT_TRUE(std::equal(before.score.begin(), before.score.end(), after.score.begin()));
    EXPECT_TRUE(mentions(after.notes, "1 customer has no value"));
}

TEST(Rfm, ScoreWritesOneFieldForEachAxis) {
    auto const s = random_shop(300, 7);
    for (int const bins : {5, 9, 10, 99, 100}) {
        int const base = bins < 10 ? 10 : bins < 100 ? 100 : 1000;
        auto const result = rfm(s.columns(), {.bins = bins});
        std::vector<double> mean(result.size());
        mean_score(result, mean);
        for (std::size_t i = 0; i < result.size(); ++i) {
            ASSERT_EQ(result.score[i], result.r[i] * base * base + result.f[i] * base + result.m[i]);
            ASSERT_DOUBLE_EQ(mean[i], (result.r[i] + result.f[i] + result.m[i]) / 3.0);
        }
    }
}

TEST(Rfm, AnyNumberOfThreadsGivesTheSame) {
    auto const s = random_shop(200'000, 8, 3000);
    for (auto const rule : {score_rule::low, score_rule::midrank}) {
        auto const one = rfm(s.columns(), {.rule = rule}, 1);
        auto const four = rfm(s.columns(), {.rule = rule}, 4);
        EXPECT_EQ(one.score, four.score);
        EXPECT_EQ(one.segment, four.segment);
    }
}

TEST(Rfm, FromASummaryCountsWholeDays) {
    ledger::summary s;
    s.unit = week;
    s.customer_id = std::vector<std::int64_t>{1, 2, 3, 4};
    // Customers 1 and 2 bought last on the same day, though their ages in weeks differ.
    s.frequency = {3, 1, 0, 0};
    s.T = {100.0 / 7, 53.0 / 7, 80.0 / 7, nan};
    s.recency = {90.0 / 7, 43.0 / 7, 0, nan};
    s.orders = {4, 2, 1, 0};
    s.net_amount = {10.5, 99, 7, -30};
    auto const result = rfm(s, {.bins = 3});
    EXPECT_EQ(result.r[0], result.r[1]);
    EXPECT_DOUBLE_EQ(result.recency.breaks.at(0), 10);
    EXPECT_DOUBLE_EQ(result.recency.breaks.at(1), 10 + 70. / 3);
    EXPECT_EQ(result.score[3], 111);
    EXPECT_EQ(result.recency.missing, 1);

    s.observed_until = sys_days{std::chrono::days{1000}};  // the last days say the same without ages
    s.last_day = {990, 990, 920, 999};
    EXPECT_EQ(rfm(s, {.bins = 3}).score, result.score);
    s.net_amount.clear();
    auto const without_money = rfm(s, {.bins = 3});
    EXPECT_EQ(without_money.m, (ints{1, 1, 1, 1}));
    EXPECT_EQ(without_money.monetary.missing, 4);
    EXPECT_EQ(without_money.r, result.r);
    EXPECT_EQ(result.m, (ints{2, 3, 1, 1}));
}

std::string problem(auto&& call) {
    try {
        call();
    } catch (input_error const& error) {
        return error.what();
    }
    return "nothing thrown";
}

TEST(Rfm, BadInputIsNamed) {
    shop s{.days = {1, 2}, .orders = {1, 1}, .money = {1, 2}};
    s.money[1] = std::numeric_limits<double>::infinity();
    EXPECT_EQ(problem([&] { rfm(s.columns()); }), "rfm, column \"monetary\", row 1: \"inf\" is not finite");
    s.money[1] = 2;
    s.days[0] = -1;
    EXPECT_EQ(problem([&] { rfm(s.columns()); }), "rfm, column \"recency\", row 0: \"-1\" is negative");
    s.days[0] = 1;
    s.orders.pop_back();
    EXPECT_TRUE(mentions(problem([&] { rfm(s.columns()); }), "\"frequency\": has 1 rows, recency has 2"));
    s.orders.push_back(1);
    EXPECT_TRUE(mentions(problem([&] { rfm(s.columns(), {.bins = 0}); }), "0 bins"));
    EXPECT_TRUE(mentions(problem([&] { rfm(s.columns(), {.quantile_type = 0}); }), "quantile type 0"));
    EXPECT_TRUE(mentions(problem([&] { rfm(s.columns(), {.breaks = break_rule::fixed}); }), "5 bins need 4"));
    EXPECT_TRUE(mentions(
        problem([&] {
            rfm(s.columns(), {.bins = 3, .breaks = break_rule::fixed, .fixed = {{{2, 1}, {1, 2}, {1, 2}}}});
        }),
        "do not ascend at 1"));
    EXPECT_TRUE(mentions(problem([&] { rfm(s.columns(), {.rule = score_rule::midrank, .nested = true}); }),
                         "nested"));
    EXPECT_TRUE(
        mentions(problem([&] { rfm(s.columns(), {.bins = 4, .segments = segment_map::standard(5)}); }),
                 "drawn on 5 bins"));
    EXPECT_TRUE(mentions(problem([&] { rfm(s.columns(), {.breaks = break_rule::weighted}); }), "weights"));
}

TEST(Segments, TheStandardMapIsCompleteOnAnyNumberOfBins) {
    for (int bins = 1; bins <= 30; ++bins) {
        auto const map = segment_map::standard(bins);
        EXPECT_TRUE(map.check().uncovered.empty()) << bins;
        if (bins >= 5) {
            EXPECT_TRUE(map.check().complete()) << bins;
            EXPECT_EQ(map.names().size(), 10U) << bins;
        }
    }
    auto const map = segment_map::standard();
    auto name = [&](int r, int f, int m) { return map.names()[static_cast<std::size_t>(map.find(r, f, m))]; };
    EXPECT_EQ(name(5, 5, 5), "champions");
    EXPECT_EQ(name(5, 4, 1), "loyal");
    EXPECT_EQ(name(5, 1, 5), "new");
    EXPECT_EQ(name(1, 5, 5), "cannot lose");
    EXPECT_EQ(name(1, 1, 1), "hibernating");
}

TEST(Segments, CheckFindsHolesAndShadows) {
    segment_map const map({{"good", {2, 3}, {1, 3}, {1, 3}},
                           {"hidden", {3, 3}, {2, 2}, {1, 1}},
                           {"poor", {1, 1}, {1, 3}, {1, 2}},
                           {"good", {1, 1}, {3, 3}, {3, 3}}},
                          3);
    auto const found = map.check();
    EXPECT_EQ(found.uncovered, (std::vector<std::array<int, 3>>{std::array{1, 1, 3}, std::array{1, 2, 3}}));
    EXPECT_EQ(found.shadowed, (std::vector<std::size_t>{1U}));
    EXPECT_EQ(found.dead, (names{"hidden"}));
    EXPECT_EQ(map.names(), (names{"good", "hidden", "poor"}));
    EXPECT_EQ(map.find(1, 3, 3), 0);
    EXPECT_EQ(map.find(1, 1, 3), segment_map::none);

    auto const renamed = map.renamed("good", "gold");
    EXPECT_EQ(renamed.names(), (names{"gold", "hidden", "poor"}));
    EXPECT_EQ(renamed.find(1, 3, 3), 0);
    EXPECT_THROW((void)map.renamed("nobody", "x"), input_error);
    EXPECT_THROW(segment_map({{"x", {0, 3}, {1, 3}, {1, 3}}}, 3), input_error);
    EXPECT_THROW(segment_map({{"x", {2, 1}, {1, 3}, {1, 3}}}, 3), input_error);
    EXPECT_THROW(segment_map({{"", {1, 3}, {1, 3}, {1, 3}}}, 3), input_error);
    EXPECT_THROW(segment_map({}, 0), input_error);

    shop const s{.days = {1, 2, 3}, .orders = {1, 2, 3}, .money = {1, 2, 3}};
    auto const result = rfm(s.columns(), {.bins = 3, .segments = map});
    EXPECT_EQ(result.without_segment, 0);
    auto const partial =
        rfm(s.columns(), {.bins = 3, .segments = segment_map({{"x", {3, 3}, {1, 3}, {1, 3}}}, 3)});
    EXPECT_EQ(partial.without_segment, 2);
    EXPECT_EQ(partial.segment, (ints{0, segment_map::none, segment_map::none}));
}

// Customers by integer or text id with returns, some of whom never bought.
ledger::summarizer read_log(std::size_t rows, bool text, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<std::int64_t> ids;
    text_column labels;
    std::vector<std::int32_t> days;
    std::vector<std::int64_t> cents;
    for (std::size_t i = 0; i < rows; ++i) {
        ids.push_back(static_cast<std::int64_t>(random() % (rows / 4)));
        labels.push_back("n" + std::to_string(ids.back() * 31 % 1009));
        days.push_back(19000 + static_cast<std::int32_t>(random() % 40));
        cents.push_back(static_cast<std::int64_t>(random() % 900) - 300);
    }
    ledger::transactions_view view{ids, days, cents};
    if (text) view.customer_id = labels.view();
    ledger::summarizer state;
    state.update(view);
    return state;
}

TEST(Rfm, OfACompactSummaryIsThatOfTheSummary) {
    for (bool const text : {false, true}) {
        for (std::size_t const rows : {std::size_t{40}, std::size_t{20000}, std::size_t{150000}}) {
            auto const state = read_log(rows, text, static_cast<unsigned>(rows));
            auto const small = state.finish_compact();
            ASSERT_TRUE(small);
            auto const wide = state.finish();
            ASSERT_TRUE(text || rows < 1000 || !small->never.empty());
            for (rfm_options const& options :
                 {rfm_options{}, rfm_options{.bins = 3, .rule = score_rule::high},
                  rfm_options{.rule = score_rule::midrank}, rfm_options{.breaks = break_rule::weighted},
                  rfm_options{.bins = 10, .quantile_type = 6, .nested = true}}) {
                auto const expected = rfm(wide, options, 1);
                for (unsigned const threads : {1U, 3U}) {
                    auto const found = score_rfm(*small, options, threads);
                    ASSERT_EQ(found.size(), expected.size());
                    std::int32_t const base = found.digits();
                    for (std::size_t row = 0; row < found.size(); ++row) {
                        std::size_t const place = small->order.empty() ? row : small->order[row];
                        ASSERT_EQ(found.r[place], expected.r[row]);
                        ASSERT_EQ(found.f[place], expected.f[row]);
                        ASSERT_EQ(found.m[place], expected.m[row]);
                        ASSERT_EQ(found.score(place, base), expected.score[row]);
                        ASSERT_EQ(found.segment(place), expected.segment[row]);
                    }
                    EXPECT_EQ(found.notes, expected.notes);
                    EXPECT_EQ(found.monetary.breaks, expected.monetary.breaks);
                    EXPECT_EQ(found.recency.missing, expected.recency.missing);
                    EXPECT_EQ(found.without_segment, expected.without_segment);
                }
            }
        }
    }
}

// Across block boundaries: ties on breaks, gaps in a column, both zeros, values far apart.
TEST(Rfm, OnSeveralThreadsIsThatOnOne) {
    std::mt19937_64 random(11);
    for (unsigned const distinct : {1U, 2U, 7U, 1000000U}) {
        shop s;
        for (std::size_t i = 0; i < 200000; ++i) {
            auto const value = [&] { return static_cast<double>(random() % distinct); };
            s.days.push_back(random() % 9 == 0 ? nan : value());
            s.orders.push_back(random() % 5 == 0 ? 0.0
                                                 : std::ldexp(value(), static_cast<int>(random() % 60)));
            s.money.push_back(random() % 3 == 0 ? -0.0 : random() % 7 == 0 ? nan : value() - distinct / 2.0);
        }
        for (auto const rule : {score_rule::low, score_rule::high, score_rule::midrank}) {
            auto const one = rfm(s.columns(), {.rule = rule}, 1);
            auto const many = rfm(s.columns(), {.rule = rule}, 3);
            EXPECT_EQ(one.score, many.score);
            EXPECT_EQ(one.segment, many.segment);
            EXPECT_EQ(one.monetary.breaks, many.monetary.breaks);
            EXPECT_EQ(one.notes, many.notes);
        }
        s.orders[150000] = std::numeric_limits<double>::infinity();
        EXPECT_THROW(rfm(s.columns(), {}, 3), input_error);
    }
}

}  // namespace
}  // namespace clavis::value

#include "clavis/statistics/survival_curve.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <set>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/statistics/life_table.hpp"

namespace clavis::statistics {
namespace {

struct sample {
    std::vector<double> duration, entry, weights;
    std::vector<std::int32_t> event, group;

    durations_view view(bool late, bool weighted, int groups, int causes) const {
        durations_view rows{.duration = std::span<double const>(duration),
                            .event = std::span<std::int32_t const>(event)};
        if (late) rows.entry = std::span<double const>(entry);
        if (weighted) rows.weights = weights;
        if (groups > 1) rows.group = group;
        rows.groups = groups;
        rows.causes = causes;
        return rows;
    }
};

/// Durations in steps: 1 gives whole numbers, which are counted; 0.25 is sorted.
sample draw(std::mt19937& random, std::size_t size, double step, int groups, int causes) {
    sample s;
    for (std::size_t i = 0; i < size; ++i) {
        double const entry = static_cast<double>(random() % 12) * step;
        s.entry.push_back(entry);
        s.duration.push_back(entry + static_cast<double>(1 + random() % 25) * step);
        s.event.push_back(static_cast<std::int32_t>(random() % (causes + 1U)));
        s.weights.push_back(static_cast<double>(random() % 5) / 4);
        s.group.push_back(static_cast<std::int32_t>(random() % static_cast<unsigned>(groups)));
    }
    return s;
}

// Every count from its definition, row by row.
void expect_counts(life_table const& table, sample const& s, bool late, bool weighted, int group, int groups,
                   int causes) {
    auto const sum = [&](auto&& counts) {
        double total = 0;
        for (std::size_t i = 0; i < s.duration.size(); ++i)
            if ((groups == 1 || s.group[i] == group) && counts(i)) total += weighted ? s.weights[i] : 1;
        return total;
    };
    std::set<double> times;
    for (std::size_t i = 0; i < s.duration.size(); ++i)
        if ((groups == 1 || s.group[i] == group) && (!weighted || s.weights[i] > 0))
            times.insert(s.duration[i]);
    ASSERT_EQ(table.size(), times.size());
    std::size_t k = 0;
    for (double const t : times) {
        ASSERT_EQ(table.time[k], t);
        EXPECT_EQ(table.at_risk[k],
                  sum([&](std::size_t i) { return s.duration[i] >= t && (!late || s.entry[i] < t); }));
        EXPECT_EQ(table.events[k], sum([&](std::size_t i) { return s.duration[i] == t && s.event[i] > 0; }));
        EXPECT_EQ(table.censored[k],
                  sum([&](std::size_t i) { return s.duration[i] == t && s.event[i] == 0; }));
        for (int cause = 1; causes > 1 && cause <= causes; ++cause)
            EXPECT_EQ(table.by_cause[static_cast<std::size_t>(cause - 1)][k],
                      sum([&](std::size_t i) { return s.duration[i] == t && s.event[i] == cause; }));
        ++k;
    }
}

TEST(LifeTable, CountsAreWhatTheirDefinitionsSay) {
    std::mt19937 random(3);
    for (int round = 0; round < 48; ++round) {
        bool const late = round % 2 == 1;
        bool const weighted = round / 2 % 2 == 1;
        double const step = round / 4 % 2 == 1 ? 0.25 : 1;
        int const groups = 1 + round / 8 % 3;
        int const causes = 1 + round / 16 % 3;
        auto const s = draw(random, 1 + random() % 300, step, groups, causes);
        auto const tables = make_life_tables(s.view(late, weighted, groups, causes), 2);
        ASSERT_EQ(tables.size(), static_cast<std::size_t>(groups));
        for (int group = 0; group < groups; ++group)
            expect_counts(tables[static_cast<std::size_t>(group)], s, late, weighted, group, groups, causes);
    }
}

void expect_same(life_table const& a, life_table const& b) {
    EXPECT_EQ(a.time, b.time);
    EXPECT_EQ(a.at_risk, b.at_risk);
    EXPECT_EQ(a.events, b.events);
    EXPECT_EQ(a.censored, b.censored);
    EXPECT_EQ(a.entered, b.entered);
    EXPECT_EQ(a.total, b.total);
}

TEST(LifeTable, NeitherOrderNorThreadsNorTypesChangeABit) {
    std::mt19937 random(4);
    for (double const step : {1.0, 0.25}) {
        auto s = draw(random, 2000, step, 1, 1);
        for (auto& weight : s.weights)
            weight = std::exp(static_cast<double>(random() % 1000) / 100);
        for (bool const weighted : {false, true}) {
            auto const whole = make_life_tables(s.view(true, weighted, 1, 1), 1)[0];
            auto shuffled = s;
            std::vector<std::size_t> order(s.duration.size());
            std::iota(order.begin(), order.end(), 0);
            std::shuffle(order.begin(), order.end(), random);
            for (std::size_t i = 0; i < order.size(); ++i) {
                shuffled.duration[i] = s.duration[order[i]];
                shuffled.entry[i] = s.entry[order[i]];
                shuffled.weights[i] = s.weights[order[i]];
                shuffled.event[i] = s.event[order[i]];
            }
            expect_same(make_life_tables(shuffled.view(true, weighted, 1, 1), 3)[0], whole);
        }
    }
    auto const s = draw(random, 500, 1, 1, 1);
    auto const whole = make_life_tables(s.view(false, false, 1, 1))[0];
    std::vector<std::int16_t> const narrow(s.duration.begin(), s.duration.end());
    std::vector<float> const floats(s.duration.begin(), s.duration.end());
    std::vector<std::uint8_t> const truth(s.event.begin(), s.event.end());
    expect_same(make_life_tables({.duration = std::span<std::int16_t const>(narrow),
                                  .event = std::span<std::uint8_t const>(truth)})[0],
                whole);
    expect_same(make_life_tables({.duration = std::span<float const>(floats),
                                  .event = std::span<std::uint8_t const>(truth)})[0],
                whole);
}

TEST(LifeTable, UnequalShardsMergeToTheWhole) {
    std::mt19937 random(5);
    for (int round = 0; round < 20; ++round) {
        auto const s = draw(random, 300, round % 2 == 0 ? 1 : 0.25, 1, 2);
        auto const whole = make_life_tables(s.view(round % 4 < 2, false, 1, 2))[0];
        life_table merged;
        for (std::size_t begin = 0; begin < 300;) {
            std::size_t const end = std::min<std::size_t>(300, begin + 1 + random() % 150);
            sample part;
            part.duration.assign(s.duration.begin() + static_cast<std::ptrdiff_t>(begin),
                                 s.duration.begin() + static_cast<std::ptrdiff_t>(end));
            part.entry.assign(s.entry.begin() + static_cast<std::ptrdiff_t>(begin),
                              s.entry.begin() + static_cast<std::ptrdiff_t>(end));
            part.event.assign(s.event.begin() + static_cast<std::ptrdiff_t>(begin),
                              s.event.begin() + static_cast<std::ptrdiff_t>(end));
            merged.merge(make_life_tables(part.view(round % 4 < 2, false, 1, 2))[0]);
            begin = end;
        }
        expect_same(merged, whole);
        EXPECT_EQ(merged.by_cause, whole.by_cause);
    }
}

// Durations and censoring are exponential: the true survival lies within the interval about as often as it claims, and
// the restricted mean within its own.
TEST(SurvivalCurve, IntervalsCoverTheTruth) {
    std::mt19937_64 random(6);
    std::exponential_distribution<double> leave(1.0);
    std::exponential_distribution<double> lose(0.5);
    int covered = 0;
    int mean_covered = 0;
    int median_covered = 0;
    int const rounds = 1500;
    for (int round = 0; round < rounds; ++round) {
        std::vector<double> duration;
        std::vector<std::uint8_t> event;
        for (int i = 0; i < 120; ++i) {
            double const t = leave(random);
            double const c = lose(random);
            duration.push_back(std::min(t, c));
            event.push_back(t <= c);
        }
        auto const curve = kaplan_meier(make_life_tables({.duration = std::span<double const>(duration),
                                                          .event = std::span<std::uint8_t const>(event)})[0]);
        std::size_t last = 0;
        while (last + 1 < curve.size() && curve.time[last + 1] <= 0.8)
            ++last;
        covered += curve.low[last] <= std::exp(-0.8) && std::exp(-0.8) <= curve.high[last];
        auto const mean = curve.restricted_mean(1.2, 0.95);
        mean_covered += mean.low <= 1 - std::exp(-1.2) && 1 - std::exp(-1.2) <= mean.high;
        auto const median = curve.quantile(0.5);
        median_covered += median.low <= std::log(2) && !(median.high < std::log(2));
    }
    // Three standard errors are 1.7 points.
    EXPECT_NEAR(covered, 0.95 * rounds, 0.02 * rounds);
    EXPECT_NEAR(mean_covered, 0.95 * rounds, 0.02 * rounds);
    EXPECT_NEAR(median_covered, 0.95 * rounds, 0.025 * rounds);
}

TEST(LogRank, HoldsItsLevel) {
    std::mt19937_64 random(7);
    std::exponential_distribution<double> leave(1.0);
    int rejected = 0;
    int const rounds = 1500;
    for (int round = 0; round < rounds; ++round) {
        std::vector<double> duration;
        std::vector<std::uint8_t> event;
        std::vector<std::int32_t> group;
        for (int i = 0; i < 150; ++i) {
            double const t = leave(random);
            group.push_back(i % 3);
            duration.push_back(std::min(t, 1.0 + group.back()));
            event.push_back(t <= 1.0 + group.back());
        }
        auto const tables = make_life_tables({.duration = std::span<double const>(duration),
                                              .event = std::span<std::uint8_t const>(event),
                                              .group = group,
                                              .groups = 3});
        auto const found = log_rank(tables, 3, round % 2, 0);
        EXPECT_EQ(found.degrees, 2);
        rejected += found.p_value < 0.05;
    }
    EXPECT_NEAR(rejected, 0.05 * rounds, 0.017 * rounds);
}

TEST(SurvivalCurve, WhatCannotBeUsedIsNamed) {
    auto const fail = [](std::vector<double> const& duration, std::vector<double> const& event,
                         std::vector<double> const& entry = {}) {
        try {
            make_life_tables({.duration = std::span<double const>(duration),
                              .event = std::span<double const>(event),
                              .entry = std::span<double const>(entry)});
        } catch (input_error const& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    EXPECT_EQ(fail({1, -2}, {1, 1}),
              "durations, column \"duration\", row 1: \"-2\" is no duration: durations are finite and not "
              "negative");
    EXPECT_NE(fail({1, std::nan("")}, {1, 1}).find("row 1: \"nan\""), std::string::npos);
    EXPECT_NE(fail({std::numeric_limits<double>::infinity()}, {1}).find("row 0"), std::string::npos);
    EXPECT_EQ(fail({1, 2}, {1, 2}),
              "durations, column \"event\", row 1: \"2\" is neither 0 (censored) nor 1 (event)");
    EXPECT_NE(fail({1, 2}, {0.5, 1}).find("row 0"), std::string::npos);
    EXPECT_EQ(fail({1, 2}, {1, 1}, {0, 2}),
              "durations, column \"entry\", row 1: \"2\" is not before the duration of its row");
    EXPECT_NE(fail({1, 2}, {1}).find("has 1 rows"), std::string::npos);
    EXPECT_EQ(fail({1e12, 3e-8}, {1, 0}), "");
}

TEST(SurvivalCurve, FewRowsAndNoEvents) {
    auto const empty = kaplan_meier(make_life_tables({})[0]);
    EXPECT_EQ(empty.size(), 0U);
    EXPECT_TRUE(std::isnan(empty.at(1)));
    EXPECT_TRUE(std::isnan(empty.quantile(0.5).value));
    EXPECT_THROW(empty.restricted_mean(1, 0.95), input_error);
    std::vector<double> const two{2, 5};
    std::vector<std::uint8_t> const none{0, 0};
    auto const lost = kaplan_meier(make_life_tables(
        {.duration = std::span<double const>(two), .event = std::span<std::uint8_t const>(none)})[0]);
    EXPECT_EQ(lost.survival, (std::vector<double>{1, 1}));
    EXPECT_EQ(lost.restricted_mean(4, 0.95).value, 4);
    EXPECT_TRUE(std::isnan(lost.at(6)));
    EXPECT_THROW(lost.restricted_mean(6, 0.95), input_error);
    auto const one =
        kaplan_meier(make_life_tables({.duration = std::span<double const>(two).first(1), .event = {}})[0]);
    EXPECT_EQ(one.at(1.9), 1);
    EXPECT_EQ(one.at(2), 0);
    EXPECT_EQ(one.at(100), 0);
    EXPECT_EQ(one.quantile(0.5).value, 2);
}

}  // namespace
}  // namespace clavis::statistics

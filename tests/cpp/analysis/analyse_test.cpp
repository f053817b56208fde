#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "clavis/analysis/analyse.hpp"
#include "clavis/core/errors.hpp"
#include "clavis/ledger/summarize.hpp"
#include "clavis/simulate/shop.hpp"

namespace clavis::analysis {
namespace {

ledger::transactions_view lines_of(simulate::shop const& shop) {
    auto const& lines = shop.transactions;
    ledger::transactions_view view(column_view(std::span<std::int64_t const>(lines.customer_id)),
                                   lines.time_view(), column_view::minor_units(lines.amount));
    view.order_id = column_view(std::span<std::int64_t const>(lines.order_id));
    return view;
}

ledger::summarizer read(simulate::shop const& shop, unsigned threads) {
    ledger::summarizer records({.time_zone = "Europe/Berlin", .threads = threads});
    records.update(lines_of(shop));
    return records;
}

analysis run(simulate::shop const& shop, unsigned threads) {
    auto const records = read(shop, threads);
    return analyse(records.finish(), records.daily(), {.threads = threads});
}

class Analyse : public testing::Test {
  protected:
    static simulate::shop const& shop() {
        static simulate::shop const made = simulate::simulate_shop({.customers = 800, .seed = 7});
        return made;
    }
    static analysis const& found() {
        static analysis const result = run(shop(), 1);
        return result;
    }
};

TEST_F(Analyse, GivesOneRowPerCustomer) {
    auto const& result = found();
    std::size_t const n = 800;
    EXPECT_EQ(result.customers.size(), n);
    EXPECT_EQ(result.rfm.size(), n);
    EXPECT_EQ(result.expected_purchases.size(), n);
    EXPECT_EQ(result.lifetime_value.size(), n);
    EXPECT_EQ(result.state.size(), n);
    EXPECT_EQ(result.value_at_risk.size(), n);
    EXPECT_EQ(result.tiers.size(), n);
    ASSERT_TRUE(result.purchases && result.spend);
    EXPECT_TRUE(result.purchases->report.converged) << result.purchases->report.status;
    for (std::size_t i = 0; i < n; ++i) {
        // Gamma-Gamma knows no spend for those whose repeat purchases net to nothing.
        bool const priced = result.customers.frequency[i] == 0 || result.customers.monetary_value[i] > 0;
        EXPECT_EQ(std::isfinite(result.lifetime_value[i]), priced) << i;
        EXPECT_GE(result.state[i], 0);
        EXPECT_EQ(result.states.customer_id.integers()[static_cast<std::size_t>(result.state_row[i])],
                  result.customers.customer_id.integers()[i]);
    }
}

TEST_F(Analyse, PutsValueAtRiskOnStandingAlarmsAlone) {
    auto const& result = found();
    int alarmed = 0;
    for (std::size_t i = 0; i < result.state.size(); ++i) {
        auto const state = static_cast<defection::state>(result.state[i]);
        bool const standing = state == defection::state::LAPSED || state == defection::state::PARTIAL;
        alarmed += standing;
        if (!std::isnan(result.value_at_risk[i])) {
            EXPECT_EQ(result.value_at_risk[i] > 0, standing) << i;
        }
    }
    EXPECT_GT(alarmed, 0);
}

// The planted stops are the truth: of those who came about every month and stopped half a year before the end most are
// found, and hardly anybody unchanged.
TEST_F(Analyse, FindsThosePlantedToStop) {
    auto const& result = found();
    auto const& truth = shop().truth;
    std::int32_t const half_a_year_ago =
        static_cast<std::int32_t>(result.as_of().time_since_epoch().count()) - 183;
    int stopped = 0, stopped_found = 0, unchanged = 0, unchanged_alarmed = 0;
    for (std::size_t i = 0; i < truth.size(); ++i) {
        bool const alarmed = result.state[i] == static_cast<std::int32_t>(defection::state::LAPSED);
        if (truth.change[i] == simulate::shop_change::stop && truth.rate[i] > 0.2 &&
            truth.change_day[i] < half_a_year_ago) {
            ++stopped;
            stopped_found += alarmed;
        }
        if (truth.change[i] == simulate::shop_change::none) {
            ++unchanged;
            unchanged_alarmed += alarmed;
        }
    }
    EXPECT_GT(stopped_found, stopped / 2);
    EXPECT_LT(unchanged_alarmed, unchanged / 10);
}

TEST_F(Analyse, AddsUpToTheWhole) {
    auto const& result = found();
    EXPECT_EQ(
        std::accumulate(result.segments.customers.begin(), result.segments.customers.end(), std::int64_t{0}),
        800);
    double const net =
        std::accumulate(result.segments.net_amount.begin(), result.segments.net_amount.end(), 0.0);
    EXPECT_NEAR(net, result.customers.quality.amount_total, 1e-6);
    ASSERT_FALSE(result.indicators.empty());
    EXPECT_EQ(result.indicators.front().value, 800);
}

bool same_bits(std::vector<double> const& left, std::vector<double> const& right) {
    return left.size() == right.size() &&
           std::memcmp(left.data(), right.data(), left.size() * sizeof(double)) == 0;
}

TEST_F(Analyse, DoesNotDependOnThreads) {
    auto const other = run(shop(), 3);
    EXPECT_EQ(other.customers.customer_id, found().customers.customer_id);
    EXPECT_EQ(other.rfm.score, found().rfm.score);
    EXPECT_TRUE(same_bits(other.lifetime_value, found().lifetime_value));
    EXPECT_EQ(other.state, found().state);
    EXPECT_TRUE(same_bits(other.states.statistic, found().states.statistic));
    EXPECT_TRUE(same_bits(other.value_at_risk, found().value_at_risk));
    EXPECT_EQ(other.tiers.tier, found().tiers.tier);
}

TEST(AnalyseEdge, SaysWhatItCannotKnow) {
    std::vector<std::int64_t> const ids{1, 2, 3};
    std::vector<std::int32_t> const days{19000, 19001, 19002};
    ledger::summarizer records;
    records.update({ids, days});
    auto const result = analyse(records.finish(), records.daily());
    EXPECT_EQ(result.customers.size(), 3U);
    EXPECT_FALSE(result.notes.empty());
    EXPECT_FALSE(result.spend);
    EXPECT_TRUE(result.segments.lifetime_value.empty());
}

TEST(AnalyseEdge, RefusesASummaryOfOtherCustomers) {
    std::vector<std::int32_t> const days{19000, 19001};
    ledger::summarizer one, other;
    one.update({std::vector<std::int64_t>{1, 2}, days});
    other.update({std::vector<std::int64_t>{1, 3}, days});
    EXPECT_THROW(analyse(one.finish(), other.daily()), input_error);
}

}  // namespace
}  // namespace clavis::analysis

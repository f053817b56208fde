// RFM scores and tier replay on simulated columns.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <random>
#include <vector>

#include "clavis/loyalty/tier_replay.hpp"
#include "clavis/statistics/concentration.hpp"
#include "clavis/value/rfm.hpp"

namespace {

struct shop {
    std::vector<double> days;
    std::vector<double> orders;
    std::vector<double> money;

    explicit shop(std::size_t size) : days(size), orders(size), money(size) {
        std::mt19937_64 random(1);
        for (std::size_t i = 0; i < size; ++i) {
            days[i] = static_cast<double>(random() % 730);
            orders[i] = static_cast<double>(1 + random() % 40);
            money[i] = static_cast<double>(random() % 1'000'000) / 100;
        }
    }
};

void score(benchmark::State& state, clavis::value::rfm_options const& options) {
    shop const s(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        auto const result =
            clavis::value::rfm({.recency = s.days, .frequency = s.orders, .monetary = s.money}, options);
        benchmark::DoNotOptimize(result.score.data());
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
void rfm_quantile(benchmark::State& state) {
    score(state, {});
}
void rfm_midrank(benchmark::State& state) {
    score(state, {.rule = clavis::value::score_rule::midrank});
}
void rfm_nested(benchmark::State& state) {
    score(state, {.nested = true});
}
BENCHMARK(rfm_quantile)->Arg(1'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK(rfm_midrank)->Arg(1'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK(rfm_nested)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

void concentration(benchmark::State& state) {
    shop const s(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        clavis::statistics::concentration const c(s.money);
        benchmark::DoNotOptimize(c.gini());
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(concentration)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

// Ten purchase days a customer over three years.
clavis::ledger::history days_of(std::size_t customers) {
    clavis::ledger::history history;
    std::vector<std::int64_t> ids;
    std::mt19937_64 random(2);
    for (std::size_t i = 0; i < customers; ++i) {
        auto today = static_cast<std::int32_t>(15'000 + random() % 100);
        for (int k = 0; k < 10; ++k) {
            history.day.push_back(today);
            history.sales.push_back(static_cast<std::int64_t>(random() % 10'000));
            history.returns.push_back(random() % 20 == 0 ? 500 : 0);
            history.orders.push_back(1);
            today += 1 + static_cast<std::int32_t>(random() % 200);
        }
        history.offsets.push_back(static_cast<std::int64_t>(history.day.size()));
        ids.push_back(static_cast<std::int64_t>(i));
    }
    history.customer_id = std::move(ids);
    return history;
}

void tier_replay(benchmark::State& state) {
    auto const history = days_of(static_cast<std::size_t>(state.range(0)));
    auto const program = clavis::loyalty::tier_program::from_json(
        R"({"metric": "spend", "window": {"rolling_days": 365}, "tiers": [{"name": "Base"},
            {"name": "Silver", "threshold": 100}, {"name": "Gold", "threshold": 250}]})");
    clavis::sys_days const as_of{std::chrono::days{16'000}};
    for (auto _ : state) {
        auto const standings = clavis::loyalty::replay(program, history, as_of);
        benchmark::DoNotOptimize(standings.tier.data());
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(history.day.size()));
}
BENCHMARK(tier_replay)->Arg(100'000)->Unit(benchmark::kMillisecond);

}  // namespace

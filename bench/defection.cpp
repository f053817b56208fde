// The monitor's work per event and per customer, and the kernels below it.

#include <benchmark/benchmark.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "clavis/defection/clock_tables.hpp"
#include "clavis/defection/detectors.hpp"
#include "clavis/defection/monitor.hpp"
#include "clavis/ledger/summarize.hpp"

namespace {

using namespace clavis;
using namespace clavis::defection;

constexpr std::int32_t start = 364;

/// Customers of rates Gamma(2, 2 weeks) and gaps of regularity k, seen for `days`.
ledger::history customers(std::size_t count, std::int32_t days, double k = 1) {
    std::mt19937_64 random(7);
    std::gamma_distribution<double> rates(2.0, 1.0 / 14);
    ledger::history result;
    std::vector<std::int64_t> ids(count);
    for (std::size_t i = 0; i < count; ++i) {
        ids[i] = static_cast<std::int64_t>(i);
        std::gamma_distribution<double> gap(k, 1 / (k * rates(random)));
        std::int32_t last = -1;
        for (double time = 0; time < days; time += gap(random)) {
            auto const day = static_cast<std::int32_t>(time);
            if (day == last) continue;
            last = day;
            result.day.push_back(day);
            result.orders.push_back(1);
        }
        result.offsets.push_back(static_cast<std::int64_t>(result.day.size()));
    }
    result.sales.resize(result.day.size());
    result.returns.resize(result.day.size());
    result.customer_id = std::move(ids);
    return result;
}

sys_days on(std::int32_t day) {
    return sys_days{std::chrono::days{day}};
}

/// The days from `from` on.
ledger::history since(ledger::history const& all, std::int32_t from) {
    ledger::history result;
    result.customer_id = all.customer_id;
    for (std::size_t i = 0; i < all.size(); ++i) {
        for (auto k = static_cast<std::size_t>(all.offsets[i]);
             k < static_cast<std::size_t>(all.offsets[i + 1]); ++k)
            if (all.day[k] >= from) result.day.push_back(all.day[k]);
        result.offsets.push_back(static_cast<std::int64_t>(result.day.size()));
    }
    result.orders.assign(result.day.size(), 1);
    result.sales.resize(result.day.size());
    result.returns.resize(result.day.size());
    return result;
}

/// A year of visits, customer after customer. Regularity in tenths.
void update_events(benchmark::State& state) {
    double const k = static_cast<double>(state.range(0)) / 10;
    auto const all = customers(100000, start + 364, k);
    monitor const begun(learn_baseline(all, on(start), hazard_clock{2, 14, k}));
    auto const records = since(all, start);
    std::int64_t events = 0;
    for (auto _ : state) {
        monitor watch = begun;
        auto const found = watch.update(records, on(start + 363));
        events += found.received.visits_used;
        benchmark::DoNotOptimize(found.rows.data());
    }
    state.SetItemsProcessed(events);
}
BENCHMARK(update_events)->Arg(5)->Arg(10)->Arg(16)->Arg(40)->Unit(benchmark::kMillisecond);

/// A batch in which each, or every tenth, of ten million customers came once: what a day brings.
void update_scattered(benchmark::State& state) {
    std::size_t const size = 10'000'000;
    auto const share = static_cast<std::size_t>(state.range(0));
    baseline begun;
    begun.until = on(start);
    begun.clock = hazard_clock{2, 14, 1.6};
    std::mt19937_64 random(5);
    std::uniform_int_distribution<std::int32_t> visits(1, 40);
    std::vector<std::int64_t> ids(size);
    ledger::history batch;
    std::vector<std::int64_t> came;
    for (std::size_t i = 0; i < size; ++i) {
        ids[i] = static_cast<std::int64_t>(i);
        begun.visits.push_back(visits(random));
        begun.gap_days.push_back(begun.visits.back() * 8);
        begun.last_day.push_back(start - 1 - static_cast<std::int32_t>(i % 7));
        if (i % share != 0) continue;
        came.push_back(ids[i]);
        batch.day.push_back(start);
        batch.offsets.push_back(static_cast<std::int64_t>(batch.day.size()));
    }
    batch.orders.assign(batch.day.size(), 1);
    batch.sales.resize(batch.day.size());
    batch.returns.resize(batch.day.size());
    batch.customer_id = std::move(came);
    begun.customer_id = std::move(ids);
    monitor watch(begun);
    std::int32_t day = start;
    for (auto _ : state) {
        benchmark::DoNotOptimize(watch.update(batch, on(day)).rows.data());
        state.PauseTiming();
        ++day;
        for (auto& one : batch.day)
            ++one;
        state.ResumeTiming();
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch.day.size()));
}
BENCHMARK(update_scattered)->Arg(1)->Arg(10)->Unit(benchmark::kMillisecond);

/// Ten million events of as many customers in random order, a week at a time: from records as they come, or by rows.
void update_unordered(benchmark::State& state) {
    bool const by_rows = state.range(0) != 0;
    std::size_t const size = 10'000'000;
    std::mt19937_64 random(5);
    std::uniform_int_distribution<std::int32_t> some(0, static_cast<std::int32_t>(size) - 1);
    baseline begun;
    begun.until = on(start);
    begun.clock = hazard_clock{2, 14};  // visits at random are what comes in this order
    std::vector<std::int64_t> ids(size);
    std::vector<std::int32_t> rows(size);
    std::vector<std::int32_t> days(size);
    for (std::size_t i = 0; i < size; ++i) {
        ids[i] = static_cast<std::int64_t>(i);
        begun.visits.push_back(1 + some(random) % 40);
        begun.gap_days.push_back(begun.visits.back() * 8);
        begun.last_day.push_back(start - 1 - some(random) % 7);
        rows[i] = some(random);
        days[i] = start + static_cast<std::int32_t>(i * 7 / size);
    }
    begun.customer_id = std::move(ids);
    monitor watch(begun);
    sys_days until = on(start + 6);
    std::int64_t visits = 0;
    std::span<std::int32_t const> const who(rows);
    std::span<std::int32_t const> const when(days);
    for (auto _ : state) {
        auto const found = by_rows ? watch.update(who, when, until)
                                   : watch.update(ledger::collect_history({who, when}), until);
        visits += found.received.visits_used;
        state.PauseTiming();
        until += std::chrono::days{7};
        for (auto& one : days)
            one += 7;
        for (auto& one : rows)
            one = some(random);
        state.ResumeTiming();
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(size));
    state.counters["used"] = static_cast<double>(visits) / static_cast<double>(state.iterations());
}
BENCHMARK(update_unordered)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

void update_quiet_day(benchmark::State& state) {
    auto const records = customers(100000, start);
    monitor const begun(learn_baseline(records, on(start), hazard_clock{2, 14}));
    for (auto _ : state) {
        monitor watch = begun;
        benchmark::DoNotOptimize(watch.update({}, on(start + 7)).rows.data());
    }
    state.SetItemsProcessed(state.iterations() * 100000);
}
BENCHMARK(update_quiet_day)->Unit(benchmark::kMillisecond);

void states(benchmark::State& state) {
    auto const records = customers(100000, start);
    monitor const watch(learn_baseline(records, on(start), hazard_clock{2, 14}));
    for (auto _ : state)
        benchmark::DoNotOptimize(watch.states(on(start + 7)).statistic.data());
    state.SetItemsProcessed(state.iterations() * 100000);
}
BENCHMARK(states)->Unit(benchmark::kMillisecond);

void statistic_after_silence(benchmark::State& state) {
    double silence = 1;
    double value = 0;
    for (auto _ : state) {
        value = shiryaev_roberts_after(value - 1, 0.5, 12.5, 300, silence, 7);
        silence = silence < 30 ? silence + 1 : 1;
        benchmark::DoNotOptimize(value);
    }
}
BENCHMARK(statistic_after_silence);

/// Regularity in tenths.
void silences_from_tables(benchmark::State& state) {
    std::vector<double> const fractions{0, 0.5};
    clock_tables const tables({2, 14, static_cast<double>(state.range(0)) / 10}, fractions, 7);
    std::size_t const size = 4096;
    std::mt19937_64 random(11);
    std::exponential_distribution<double> gap(0.1);
    std::vector<std::int32_t> visits(size);
    std::vector<double> gap_sum(size);
    std::vector<double> silence(size);
    for (std::size_t i = 0; i < size; ++i) {
        visits[i] = static_cast<std::int32_t>(20 + i % 104);
        gap_sum[i] = 10.0 * visits[i];
        silence[i] = std::floor(1 + gap(random));
    }
    std::vector<double> hazard(size);
    std::vector<double> growth(2 * size);
    std::vector<double> fresh(2 * size);
    for (auto _ : state) {
        tables.silences(visits, gap_sum, silence, hazard, growth, fresh);
        benchmark::DoNotOptimize(fresh.data());
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(size));
}
BENCHMARK(silences_from_tables)->Arg(5)->Arg(10)->Arg(16)->Arg(40);

void threshold(benchmark::State& state) {
    for (auto _ : state)
        benchmark::DoNotOptimize(threshold_for(0.5, 104));
}
BENCHMARK(threshold);

}  // namespace

// Kaplan-Meier by counting and by sorting, and Cox's model on distinct times and on stretches of many subjects.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "clavis/statistics/cox.hpp"
#include "clavis/statistics/survival_curve.hpp"

namespace {

using namespace clavis::statistics;

void kaplan_meier_days(benchmark::State& state) {
    auto const size = static_cast<std::size_t>(state.range(0));
    std::vector<std::int32_t> days(size);
    std::vector<std::uint8_t> event(size);
    std::mt19937_64 random(1);
    for (std::size_t i = 0; i < size; ++i) {
        auto const bits = random();
        days[i] = static_cast<std::int32_t>(bits % 3653);
        event[i] = bits >> 40 & 1;
    }
    for (auto _ : state) {
        auto const curve = kaplan_meier(make_life_tables(
            {.duration = std::span<std::int32_t const>(days), .event = std::span<std::uint8_t const>(event)},
            static_cast<unsigned>(state.range(1)))[0]);
        benchmark::DoNotOptimize(curve.survival.data());
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(kaplan_meier_days)
    ->Args({1'000'000, 1})
    ->Args({100'000'000, 1})
    ->Args({100'000'000, 2})
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

// Exponential durations with five standard normal covariates, censored uniformly within 300.
struct distinct_times {
    std::vector<double> x, stop;
    std::vector<std::uint8_t> event;

    explicit distinct_times(std::size_t size) : x(size * 5), stop(size), event(size) {
        std::mt19937_64 random(2);
        std::normal_distribution<double> normal;
        std::exponential_distribution<double> leave;
        std::uniform_real_distribution<double> lose(0, 300);
        double const beta[] = {.5, -.3, .2, 0, .1};
        for (std::size_t i = 0; i < size; ++i) {
            double eta = 0;
            for (std::size_t c = 0; c < 5; ++c)
                eta += beta[c] * (x[i * 5 + c] = normal(random));
            double const t = leave(random) * 100 * std::exp(-eta);
            double const c = lose(random);
            stop[i] = std::min(t, c);
            event[i] = t <= c;
        }
    }
};

void kaplan_meier_distinct(benchmark::State& state) {
    distinct_times const data(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        auto const curve =
            kaplan_meier(make_life_tables({.duration = std::span<double const>(data.stop),
                                           .event = std::span<std::uint8_t const>(data.event)})[0]);
        benchmark::DoNotOptimize(curve.survival.data());
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(kaplan_meier_distinct)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

void cox_distinct(benchmark::State& state) {
    distinct_times const data(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        auto const fit = fit_cox({.covariates = data.x,
                                  .names = {"a", "b", "c", "d", "e"},
                                  .stop = data.stop,
                                  .event = data.event});
        benchmark::DoNotOptimize(fit.log_likelihood);
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(cox_distinct)->Arg(100'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

// Six stretches of 30 days a subject with covariates that change, robust by subject.
void cox_stretches(benchmark::State& state) {
    auto const subjects = static_cast<std::size_t>(state.range(0)) / 6;
    std::vector<double> x, start, stop;
    std::vector<std::uint8_t> event;
    std::vector<std::int32_t> cluster;
    std::mt19937_64 random(3);
    std::normal_distribution<double> normal;
    std::exponential_distribution<double> leave;
    for (std::size_t i = 0; i < subjects; ++i)
        for (int k = 0; k < 6; ++k) {
            double eta = 0;
            for (int c = 0; c < 6; ++c) {
                x.push_back(normal(random));
                eta += x.back() * (c - 2) * 0.1;
            }
            double const t = leave(random) * 400 * std::exp(-eta);
            start.push_back(30.0 * k);
            stop.push_back(30.0 * k + std::min(t, 30.0));
            event.push_back(t <= 30);
            cluster.push_back(static_cast<std::int32_t>(i));
        }
    for (auto _ : state) {
        cox_options options;
        options.threads = 2;
        auto const fit = fit_cox({.covariates = x,
                                  .names = {"a", "b", "c", "d", "e", "f"},
                                  .stop = stop,
                                  .event = event,
                                  .start = start,
                                  .cluster = cluster,
                                  .clusters = static_cast<int>(subjects)},
                                 options);
        benchmark::DoNotOptimize(fit.log_likelihood);
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(stop.size()));
}
BENCHMARK(cox_stretches)
    ->Arg(600'000)
    ->Arg(6'000'000)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace

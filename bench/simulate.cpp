// How long the simulated shop and its random numbers take.

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <cstdint>

#include "clavis/core/random.hpp"
#include "clavis/simulate/shop.hpp"

namespace {

using clavis::random_stream;
namespace cs = clavis::simulate;

// Arguments: customers, threads. Items are customers; "lines" says how many transaction lines that made, "rows" those of all tables.
void simulate_shop(benchmark::State& state) {
    cs::shop_options const options{.customers = state.range(0), .seed = 1};
    std::size_t lines = 0;
    std::size_t rows = 0;
    for (auto _ : state) {
        auto const shop = cs::simulate_shop(options, static_cast<unsigned>(state.range(1)));
        lines = shop.transactions.size();
        rows = lines + shop.customers.size() + shop.contacts.size() + shop.surveys.size() +
               shop.wallet.size() + shop.life_events.size() + shop.costs.size() + shop.referrals.size() +
               shop.campaigns.size() + shop.interviews.size() + shop.truth.size();
        benchmark::DoNotOptimize(shop.transactions.amount.data());
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
    state.counters["lines"] = static_cast<double>(lines);
    state.counters["rows"] = static_cast<double>(rows);
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    state.counters["peak_MB"] = static_cast<double>(used.ru_maxrss) / 1024;
}
BENCHMARK(simulate_shop)
    ->Args({10'000, 1})
    ->Args({100'000, 1})
    ->Args({1'000'000, 1})
    ->Args({1'000'000, 2})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

template <class Draw>
void draws(benchmark::State& state, Draw draw) {
    random_stream random(1, 0, 0);
    for (auto _ : state)
        benchmark::DoNotOptimize(draw(random));
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(draws, uniform, [](random_stream& random) { return random.uniform(); });
BENCHMARK_CAPTURE(draws, exponential, [](random_stream& random) { return random.exponential(); });
BENCHMARK_CAPTURE(draws, normal, [](random_stream& random) { return random.normal(); });
BENCHMARK_CAPTURE(draws, gamma_2_5, [](random_stream& random) { return random.gamma(2.5); });
BENCHMARK_CAPTURE(draws, gamma_0_5, [](random_stream& random) { return random.gamma(0.5); });
BENCHMARK_CAPTURE(draws, beta, [](random_stream& random) { return random.beta(0.8, 2.4); });
BENCHMARK_CAPTURE(draws, poisson_2, [](random_stream& random) { return random.poisson(2); });
BENCHMARK_CAPTURE(draws, poisson_50, [](random_stream& random) { return random.poisson(50); });

}  // namespace

// Transactions into one row per customer, in the sizes of an ordinary company. Amounts are cents, times are days; each
// row of the table is 16 or 20 bytes of input.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "clavis/ledger/summarize.hpp"

namespace {

using namespace clavis;
using namespace clavis::ledger;

/// Customers arrive evenly over one to two years, buy at gamma rates (shape 1) and some ten times each.
struct log {
    std::vector<std::int64_t> ids;
    std::vector<std::int32_t> days;
    std::vector<std::int64_t> cents;
    std::vector<double> amounts;
    std::vector<std::int64_t> times;
    text_column names;

    explicit log(std::size_t customers, double rows_each) {
        std::mt19937_64 random(20261121);
        std::uniform_real_distribution<double> uniform;
        for (std::size_t customer = 0; customer < customers; ++customer) {
            double const age = 365 + 365 * uniform(random);
            double const rate = std::exponential_distribution<double>(547.5 / (rows_each - 1))(random);
            int const repeats = std::poisson_distribution<int>(rate * age)(random);
            for (int i = 0; i <= repeats; ++i) {
                ids.push_back(static_cast<std::int64_t>(customer));
                double const when = 730 - age + (i == 0 ? 0 : uniform(random) * age);
                days.push_back(18993 + static_cast<std::int32_t>(when));
                cents.push_back(1 + static_cast<std::int64_t>(10000 * uniform(random)));
            }
        }
        for (std::size_t i = ids.size() - 1; i > 0; --i) {
            std::size_t const j = random() % (i + 1);
            std::swap(ids[i], ids[j]);
            std::swap(days[i], days[j]);
            std::swap(cents[i], cents[j]);
        }
        for (std::size_t i = 0; i < ids.size(); ++i) {
            amounts.push_back(static_cast<double>(cents[i]) / 100);
            times.push_back(days[i] * day.count() + cents[i] * 1000000);
            names.push_back("customer " + std::to_string(ids[i]));
        }
    }

    static log const& of_a_million() {
        static log const rows(1000000, 10);
        return rows;
    }
    transactions_view view() const { return {ids, days, cents}; }
};

void measure(benchmark::State& state, transactions_view const& rows, summarize_options options = {}) {
    options.threads = static_cast<unsigned>(state.range(0));
    for (auto _ : state)
        benchmark::DoNotOptimize(summarize(rows, options).frequency.data());
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows.size()));
}

void integer_ids(benchmark::State& state) {
    measure(state, log::of_a_million().view());
}

void sparse_integer_ids(benchmark::State& state) {
    std::vector<std::int64_t> ids = log::of_a_million().ids;
    for (auto& id : ids)
        id *= 1000000007;
    measure(state, {ids, log::of_a_million().days, log::of_a_million().cents});
}

void text_ids(benchmark::State& state) {
    auto rows = log::of_a_million().view();
    rows.customer_id = log::of_a_million().names.view();
    measure(state, rows);
}

void double_amounts(benchmark::State& state) {
    auto rows = log::of_a_million().view();
    rows.amount = std::span<double const>(log::of_a_million().amounts);
    measure(state, rows);
}

void timestamps_in_a_zone(benchmark::State& state) {
    auto rows = log::of_a_million().view();
    rows.time = std::span<std::int64_t const>(log::of_a_million().times);
    rows.time.type = column_type::timestamp;
    measure(state, rows, {.time_zone = "Europe/Berlin"});
}

void purchase_days(benchmark::State& state) {
    auto const& rows = log::of_a_million();
    for (auto _ : state)
        benchmark::DoNotOptimize(
            collect_history(rows.view(), {.threads = static_cast<unsigned>(state.range(0))}).day.data());
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows.ids.size()));
}

// States: what a stream of batches, a merge of shards and a state on disk cost. Bytes a customer are counted.

void count_memory(benchmark::State& state, summarizer const& read, std::size_t customers) {
    auto const held = read.held();
    auto const each = [customers](std::size_t bytes) {
        return static_cast<double>(bytes) / static_cast<double>(customers);
    };
    state.counters["ids B/customer"] = each(held.ids);
    state.counters["days B/customer"] = each(held.days);
    state.counters["waiting B/customer"] = each(held.waiting);
}

/// The rows in batches of 100,000.
summarizer read_in_batches(transactions_view const& rows, unsigned threads) {
    constexpr std::size_t batch = 100000;
    summarizer state({.threads = threads});
    for (std::size_t begin = 0; begin < rows.size(); begin += batch)
        state.update(rows.slice(begin, std::min(batch, rows.size() - begin)));
    return state;
}

enum class ids : std::uint8_t { integers, text, sparse, integers_at_instants };

transactions_view view_with(ids kind) {
    auto const& all = log::of_a_million();
    auto rows = all.view();
    if (kind == ids::text) rows.customer_id = all.names.view();
    if (kind == ids::sparse) {
        static std::vector<std::int64_t> const far = [&all] {
            std::vector<std::int64_t> made = all.ids;
            for (auto& id : made)
                id *= 1000000007;
            return made;
        }();
        rows.customer_id = column_view(std::span<std::int64_t const>(far));
    }
    if (kind == ids::integers_at_instants) {
        rows.time = std::span<std::int64_t const>(all.times);
        rows.time.type = column_type::timestamp;
    }
    return rows;
}

void in_batches(benchmark::State& state, ids kind) {
    auto const rows = view_with(kind);
    for (auto _ : state) {
        summarizer const read = read_in_batches(rows, static_cast<unsigned>(state.range(0)));
        benchmark::DoNotOptimize(read.finish().frequency.data());
        count_memory(state, read, 1000000);
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows.size()));
}

void merge_of_two_halves(benchmark::State& state, ids kind) {
    auto const rows = view_with(kind);
    auto const threads = static_cast<unsigned>(state.range(0));
    std::size_t const half = rows.size() / 2;
    summarizer const first = read_in_batches(rows.slice(0, half), threads);
    summarizer const second = read_in_batches(rows.slice(half, rows.size() - half), threads);
    for (auto _ : state) {
        summarizer merged(first);
        merged.merge(second);
        benchmark::DoNotOptimize(merged.quality().rows_read);
    }
}

void to_bytes(benchmark::State& state, ids kind) {
    auto const threads = static_cast<unsigned>(state.range(0));
    summarizer const read = read_in_batches(view_with(kind), threads);
    std::size_t size = 0;
    for (auto _ : state)
        size = read.to_bytes().size();
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
    state.counters["bytes B/customer"] = static_cast<double>(size) / 1000000;
}

void from_bytes(benchmark::State& state, ids kind) {
    auto const threads = static_cast<unsigned>(state.range(0));
    std::vector<std::uint8_t> const bytes = read_in_batches(view_with(kind), threads).to_bytes();
    for (auto _ : state) {
        summarizer const read = summarizer::from_bytes(bytes, threads);
        count_memory(state, read, 1000000);
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}

/// As many rows as CLAVIS_BENCH_ROWS says (1e8: 2 GB of rows and some 4 GB while they are shuffled).
void many_rows(benchmark::State& state) {
    char const* const wanted = std::getenv("CLAVIS_BENCH_ROWS");
    if (wanted == nullptr) {
        state.SkipWithError("set CLAVIS_BENCH_ROWS, for example to 1e8");
        return;
    }
    static log const rows(static_cast<std::size_t>(std::atof(wanted) / 10), 10);
    measure(state, rows.view());
}

}  // namespace

#define CLAVIS_STATE_BENCHMARK(name)                 \
    BENCHMARK_CAPTURE(name, integers, ids::integers) \
        ->Arg(1)                                     \
        ->Arg(2)                                     \
        ->UseRealTime()                              \
        ->Unit(benchmark::kMillisecond);             \
    BENCHMARK_CAPTURE(name, text, ids::text)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond)

CLAVIS_STATE_BENCHMARK(in_batches);
BENCHMARK_CAPTURE(in_batches, sparse, ids::sparse)->Arg(1)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(in_batches, instants, ids::integers_at_instants)
    ->Arg(1)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
CLAVIS_STATE_BENCHMARK(merge_of_two_halves);
CLAVIS_STATE_BENCHMARK(to_bytes);
CLAVIS_STATE_BENCHMARK(from_bytes);
BENCHMARK(many_rows)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(integer_ids)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(sparse_integer_ids)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(text_ids)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(double_amounts)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(timestamps_in_a_zone)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(purchase_days)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);

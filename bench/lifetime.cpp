// Fits and predictions per row. Customers are drawn from BG/NBD in days with fractional times, so that every row is
// distinct; the counters give nanoseconds per distinct row.

#include <benchmark/benchmark.h>

#include <cmath>
#include <map>
#include <random>
#include <vector>

#include "../src/lifetime/beta_geo_likelihood.hpp"
#include "../src/lifetime/pareto_likelihood.hpp"
#include "../src/lifetime/rows.hpp"
#include "clavis/lifetime/beta_geo_beta_binomial.hpp"
#include "clavis/lifetime/beta_geo_cnbd.hpp"
#include "clavis/lifetime/clv.hpp"
#include "clavis/lifetime/gamma_gompertz_nbd.hpp"
#include "clavis/lifetime/modified_beta_geo_nbd.hpp"
#include "clavis/lifetime/nbd.hpp"
#include "clavis/lifetime/pareto_nbd.hpp"

namespace clavis::lifetime {
namespace {

beta_geo_nbd const truth{0.243, 30.898, 0.793, 2.426, day};

struct customers {
    std::vector<std::int32_t> frequency;
    std::vector<double> recency, T, monetary_value;

    ledger::summary_view view() const {
        ledger::summary_view v;
        v.frequency = frequency;
        v.recency = recency;
        v.T = T;
        v.monetary_value = monetary_value;
        v.unit = day;
        return v;
    }
};

customers const& draw(std::size_t n, bool whole_days = false) {
    static std::map<std::pair<std::size_t, bool>, customers> made;
    auto& table = made[{n, whole_days}];
    if (!table.T.empty()) return table;
    std::mt19937_64 random(20261121);
    std::uniform_real_distribution<double> uniform(0.0, 1.0);
    for (std::size_t i = 0; i < n; ++i) {
        double const T = 365.0 + 365.0 * uniform(random);
        double const rate = std::gamma_distribution<double>(truth.r, 1.0 / truth.alpha)(random);
        double const g = std::gamma_distribution<double>(truth.a)(random);
        double const p = g / (g + std::gamma_distribution<double>(truth.b)(random));
        double t = 0.0, last = 0.0;
        int x = 0;
        while ((t += std::exponential_distribution<double>(rate)(random)) <= T) {
            ++x;
            last = t;
            if (uniform(random) < p) break;
        }
        double const end = whole_days ? std::ceil(T) : T;
        table.frequency.push_back(x);
        table.recency.push_back(whole_days ? std::min(std::ceil(last), end) : last);
        table.T.push_back(end);
        table.monetary_value.push_back(x == 0 ? 0.0 : 5.0 + 60.0 * uniform(random));
    }
    return table;
}

void per_row(benchmark::State& state, std::size_t rows) {
    state.counters["per_row"] =
        benchmark::Counter(static_cast<double>(rows),
                           benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void gradient_and_hessian(benchmark::State& state) {
    auto const& table = draw(static_cast<std::size_t>(state.range(0)));
    auto const rows = compress(table.view());
    std::vector<double> const theta{std::log(truth.r), std::log(truth.alpha / rows.scale), std::log(truth.a),
                                    std::log(truth.b)};
    std::vector<double> gradient(4), hessian(16);
    for (auto _ : state)
        benchmark::DoNotOptimize(
            beta_geo_objective(rows, first_chance_to_leave::at_first_repeat, theta, gradient, hessian, 1));
    per_row(state, rows.size());
}
BENCHMARK(gradient_and_hessian)->Arg(1'000)->Arg(100'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

void pareto_gradient_and_hessian(benchmark::State& state) {
    auto const& table = draw(static_cast<std::size_t>(state.range(0)));
    auto const rows = compress(table.view());
    std::vector<double> const theta{std::log(0.55), std::log(75.0 / rows.scale), std::log(0.6),
                                    std::log(82.0 / rows.scale)};
    std::vector<double> gradient(4), hessian(16);
    for (auto _ : state)
        benchmark::DoNotOptimize(pareto_objective(rows, theta, gradient, hessian, 1));
    per_row(state, rows.size());
}
BENCHMARK(pareto_gradient_and_hessian)->Arg(1'000)->Arg(100'000)->Unit(benchmark::kMillisecond);

void compress_rows(benchmark::State& state) {
    auto const& table = draw(static_cast<std::size_t>(state.range(0)), state.range(1) != 0);
    for (auto _ : state)
        benchmark::DoNotOptimize(compress(table.view()));
    per_row(state, table.T.size());
}
BENCHMARK(compress_rows)->Args({1'000'000, 0})->Args({1'000'000, 1})->Unit(benchmark::kMillisecond);

template <class Model>
void fit_model(benchmark::State& state) {
    auto const& table = draw(static_cast<std::size_t>(state.range(0)), state.range(1) != 0);
    for (auto _ : state) {
        auto const found = fit<Model>(table.view(), {.threads = static_cast<unsigned>(state.range(2))});
        if (!found.report.converged) state.SkipWithError("did not converge");
        state.counters["iterations"] = found.report.iterations;
    }
    per_row(state, table.T.size());
}
BENCHMARK(fit_model<beta_geo_nbd>)
    ->ArgNames({"rows", "whole_days", "threads"})
    ->Args({10'000, 0, 1})
    ->Args({1'000'000, 0, 1})
    ->Args({1'000'000, 0, 2})
    ->Args({1'000'000, 1, 1})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(fit_model<modified_beta_geo_nbd>)
    ->Args({1'000'000, 0, 1})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(fit_model<pareto_nbd>)
    ->ArgNames({"rows", "whole_days", "threads"})
    ->Args({10'000, 0, 1})
    ->Args({1'000'000, 0, 1})
    ->Args({1'000'000, 1, 1})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
// Whole days: some 42,000 distinct rows.
void fit_gompertz(benchmark::State& state) {
    auto const& table = draw(100'000, true);
    for (auto _ : state)
        state.counters["iterations"] =
            fit<gamma_gompertz_nbd>(table.view(), {.threads = 1}).report.iterations;
    per_row(state, table.T.size());
}
BENCHMARK(fit_gompertz)->Unit(benchmark::kMillisecond);
BENCHMARK(fit_model<nbd>)->Args({1'000'000, 0, 1})->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(fit_model<gamma_gamma>)->Args({1'000'000, 0, 1})->UseRealTime()->Unit(benchmark::kMillisecond);

pareto_nbd const pareto{0.553, 74.046, 0.606, 81.683, day};
gamma_gompertz_nbd const ageing{0.553, 74.046, 0.002, 0.606, 0.2, day};

beta_geo_cnbd const regular{0.5, 20.0, 0.793, 2.426, 3, day};
beta_geo_beta_binomial const seasons{1.204, 0.750, 0.657, 2.783, week};

// Customers of BG/BB: 30 to 60 opportunities.
customers const& draw_seasons(std::size_t n) {
    static customers table;
    if (!table.T.empty()) return table;
    std::mt19937_64 random(20261121);
    std::uniform_real_distribution<double> uniform(0.0, 1.0);
    auto const beta = [&](double a, double b) {
        double const g = std::gamma_distribution<double>(a)(random);
        return g / (g + std::gamma_distribution<double>(b)(random));
    };
    for (std::size_t i = 0; i < n; ++i) {
        double const T = std::floor(30.0 + 31.0 * uniform(random));
        double const buys = beta(seasons.alpha, seasons.beta);
        double const leaves = beta(seasons.gamma, seasons.delta);
        int x = 0;
        double last = 0.0;
        for (double t = 1.0; t <= T && uniform(random) >= leaves; ++t)
            if (uniform(random) < buys) ++x, last = t;
        table.frequency.push_back(x);
        table.recency.push_back(last);
        table.T.push_back(T);
    }
    return table;
}

template <class Predict>
void predict_seasons(benchmark::State& state, Predict&& call) {
    auto const& table = draw_seasons(1'000'000);
    auto view = table.view();
    view.monetary_value = {};
    view.unit = week;
    std::vector<double> out(table.T.size());
    for (auto _ : state) {
        call(view, std::span<double>(out));
        benchmark::ClobberMemory();
    }
    per_row(state, out.size());
}
BENCHMARK_CAPTURE(predict_seasons, probability_alive, [](auto view, auto out) {
    probability_alive(seasons, view, {}, out, 1);
}) -> Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(predict_seasons, expected_purchases, [](auto view, auto out) {
    expected_purchases(seasons, view, 20 * week, out, 1);
}) -> Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(predict_seasons, discounted_three_years, [](auto view, auto out) {
    discounted_expected_purchases(seasons, view, 0.1, 3 * year, out, 1);
}) -> Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(predict_seasons, discounted_forever, [](auto view, auto out) {
    discounted_expected_purchases(seasons, view, 0.1, forever, out, 1);
}) -> Unit(benchmark::kMillisecond);

template <class Predict>
void predict(benchmark::State& state, Predict&& call) {
    auto const& table = draw(1'000'000);
    std::vector<double> out(table.T.size());
    for (auto _ : state) {
        call(table.view(), std::span<double>(out));
        benchmark::ClobberMemory();
    }
    per_row(state, out.size());
}
BENCHMARK_CAPTURE(predict, probability_alive,
                  [](auto view, auto out) { probability_alive(truth, view, {}, out, 1); });
BENCHMARK_CAPTURE(predict, expected_purchases,
                  [](auto view, auto out) { expected_purchases(truth, view, 90 * day, out, 1); });
BENCHMARK_CAPTURE(predict, probability_no_purchase,
                  [](auto view, auto out) { probability_no_purchase(truth, view, 90 * day, out, 1); });
BENCHMARK_CAPTURE(predict, discounted_three_years, [](auto view, auto out) {
    discounted_expected_purchases(truth, view, 0.1, 3 * year, out, 1);
}) -> Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(predict, discounted_forever, [](auto view, auto out) {
    discounted_expected_purchases(truth, view, 0.1, forever, out, 1);
}) -> Unit(benchmark::kMillisecond);

// P(alive), expected purchases and P(no purchase) of each row, one after the other.
template <class Model>
void predict_three(Model const& model, ledger::summary_view const& view, std::span<double> out) {
    probability_alive(model, view, {}, out, 1);
    expected_purchases(model, view, 90 * day, out, 1);
    probability_no_purchase(model, view, 90 * day, out, 1);
}
BENCHMARK_CAPTURE(predict, three_beta_geo, [](auto view, auto out) { predict_three(truth, view, out); });
BENCHMARK_CAPTURE(predict, three_pareto, [](auto view, auto out) { predict_three(pareto, view, out); });
BENCHMARK_CAPTURE(predict, three_gompertz, [](auto view, auto out) { predict_three(ageing, view, out); });
BENCHMARK_CAPTURE(predict, cnbd_expected_purchases, [](auto view, auto out) {
    expected_purchases(regular, view, 90 * day, out, 1);
}) -> Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(predict, cnbd_discounted_three_years, [](auto view, auto out) {
    discounted_expected_purchases(regular, view, 0.1, 3 * year, out, 1);
}) -> Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(predict, cnbd_discounted_forever, [](auto view, auto out) {
    discounted_expected_purchases(regular, view, 0.1, forever, out, 1);
}) -> Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(predict, pareto_probability_alive,
                  [](auto view, auto out) { probability_alive(pareto, view, {}, out, 1); });
BENCHMARK_CAPTURE(predict, pareto_discounted_three_years, [](auto view, auto out) {
    discounted_expected_purchases(pareto, view, 0.1, 3 * year, out, 1);
});
BENCHMARK_CAPTURE(predict, pareto_discounted_forever, [](auto view, auto out) {
    discounted_expected_purchases(pareto, view, 0.1, forever, out, 1);
});

void pareto_pmf(benchmark::State& state) {
    for (auto _ : state)
        benchmark::DoNotOptimize(pareto.pmf(state.range(0), 90.0));
}
BENCHMARK(pareto_pmf)->Arg(1)->Arg(10)->Arg(1000);

}  // namespace
}  // namespace clavis::lifetime

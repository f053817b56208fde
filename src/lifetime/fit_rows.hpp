#pragma once

// The fit of every model whose rows are (x, tx, T): rows are compressed and time is scaled, starts come from moments,
// and the report says what the data cannot tell. A model adds its objective, its starts and its words for ridges.

#include <algorithm>
#include <array>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clavis/core/parallel.hpp"
#include "clavis/lifetime/fit.hpp"
#include "newton_fit.hpp"
#include "rows.hpp"

namespace clavis::lifetime {

/// What the rows suggest of purchase rates, as if nobody ever left: the mean rate in scaled time, and the shape r of
/// the negative binomial whose counts scatter as much. Leaving makes both look smaller than they are.
struct rate_moments {
    double rate;
    double r;
    double scale;  ///< the unit of scaled time, in that of the rows
};

/// Where to search, in the model's own parameters (time scaled so that T is about 1).
struct search_region {
    std::vector<std::vector<double>> starts;  ///< the most promising first
    std::vector<double> center;     ///< what the data suggest: no estimate is further than exp(16) from it
    std::size_t several_peaks = 0;  ///< up to so many distinct rows are searched from all of these starts
    std::vector<std::vector<double>> more_starts{};  ///< and from these
};

struct row_model {
    std::string_view name;
    std::span<std::string_view const> parameter_names;
    std::span<int const> time_power;
    /// -log L of rows at theta, the logarithms of the parameters in scaled time, with gradient and Hessian.
    std::function<double(compressed_rows const& rows, std::span<double const> theta,
                         std::span<double> gradient, std::span<double> hessian, unsigned threads)>
        objective;
    std::function<search_region(rate_moments const&)> region;
    /// What a search that ended on a ridge says in words; `rate_ridge` does it for r and alpha.
    std::function<void(fit_solution const&, std::vector<std::string>& words)> ridges;
    /// What is said where nobody bought again: a short sentence, a colon, and what it means.
    std::string_view silence =
        "no customer bought again: the purchase rate cannot be told from 0 and nothing is known of leaving";
};

/// Distinct rows with weights, and a sample of at most 20,000 of them on which a search begins.
struct prepared_rows {
    compressed_rows all;
    compressed_rows sample;
};

/// Throws input_error where no row can be used.
prepared_rows prepare(ledger::summary_view const& customers, fit_options const& options);

/// Parameters in the unit of the rows, with the report complete.
fit_solution fit_rows(prepared_rows const& prepared, fit_options const& options, row_model const& model);
fit_solution fit_rows(ledger::summary_view const& customers, fit_options const& options,
                      row_model const& model);

/// The same for a model that is an aggregate with names, powers of time and `from`.
template <class Model>
fit_result<Model> fit_rows(ledger::summary_view const& customers, fit_options const& options,
                           decltype(row_model::objective) const& objective,
                           decltype(row_model::region) const& region,
                           decltype(row_model::ridges) const& ridges) {
    fit_solution found = fit_rows(customers, options,
                                  {.name = Model::name,
                                   .parameter_names = Model::parameter_names,
                                   .time_power = Model::time_power,
                                   .objective = objective,
                                   .region = region,
                                   .ridges = ridges});
    std::array<double, Model::parameter_names.size()> parameters{};
    std::copy(found.parameters.begin(), found.parameters.end(), parameters.begin());
    return {Model::from(parameters, customers.unit), std::move(found.report)};
}

/// Whether the data leave parameter i open.
inline bool is_open(fit_solution const& fit, std::size_t i) {
    return fit.knowledge[i] != known::well && fit.knowledge[i] != known::fixed;
}

/// Says so where r (parameter 0) and alpha (parameter 1) are open.
void rate_ridge(fit_solution const& fit, std::vector<std::string>& words);

/// Value, gradient and upper triangle of the Hessian, row after row.
template <std::size_t N>
struct derivatives {
    double value = 0.0;
    std::array<double, N> first{};
    std::array<double, N*(N + 1) / 2> second{};

    static constexpr std::size_t at(std::size_t i, std::size_t j) { return i * N - i * (i + 1) / 2 + j; }

    void operator+=(derivatives const& other) {
        value += other.value;
        for (std::size_t i = 0; i < first.size(); ++i)
            first[i] += other.first[i];
        for (std::size_t i = 0; i < second.size(); ++i)
            second[i] += other.second[i];
    }

    /// The negative of all three, as the search wants them.
    double negative(std::span<double> gradient, std::span<double> hessian) const {
        for (std::size_t i = 0; i < N; ++i) {
            gradient[i] = -first[i];
            for (std::size_t j = i; j < N; ++j)
                hessian[i * N + j] = hessian[j * N + i] = -second[at(i, j)];
        }
        return -value;
    }
};

/// Sums over all rows in fixed blocks. body(k, begins, tile, total) adds rows of run k; what the run has only once belongs
/// to the tile with which it begins.
template <class Total, class Body>
Total sum_runs(compressed_rows const& rows, unsigned threads, Body&& body) {
    std::vector<Total> blocks(block_count(rows.size(), tile_rows));
    parallel_blocks(
        rows.size(), tile_rows, threads, [&](std::size_t block, std::size_t begin, std::size_t end) {
            row_tile::buffer scratch;
            auto run =
                std::upper_bound(rows.runs.begin(), rows.runs.end(), begin,
                                 [](std::size_t row, compressed_rows::run const& r) { return row < r.end; });
            for (std::size_t at = begin; at < end; ++run) {
                std::size_t const stop = std::min(end, run->end);
                body(static_cast<std::size_t>(run - rows.runs.begin()), at == run->begin,
                     rows.histories.tile(at, stop, scratch), blocks[block]);
                at = stop;
            }
        });
    Total total;
    for (Total const& block : blocks)
        total += block;
    return total;
}

}  // namespace clavis::lifetime

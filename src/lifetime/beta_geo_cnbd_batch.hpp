#pragma once

// What the batches of BG/CNBD-k and MBG/CNBD-k do their own way: the log-likelihood knows the gaps, and discounted
// purchases are interpolated in T for each phase, since what goes on depends on recency through the chances of the
// phases alone.

#include <cmath>
#include <string>
#include <vector>

#include "beta_geo_cnbd_likelihood.hpp"
#include "clavis/core/errors.hpp"
#include "conditional.hpp"

namespace clavis::lifetime {

template <class Model>
void log_likelihood_with_gaps(Model const& model, ledger::summary_view const& rows, std::span<double> out,
                              unsigned threads) {
    check_log_gaps(rows);
    if (model.k > 1 && rows.log_gap_sum.empty())
        throw input_error({.table = "summary", .column = "log_gap_sum"},
                          "is missing: the log-likelihood of " + std::string(Model::name) +
                              " with k above 1 is that of the gaps between purchases");
    double const ratio =
        model.unit == duration{} || rows.unit == duration{} ? 1.0 : in_units(rows.unit, model.unit);
    double const shift = std::log(ratio);
    for_rows(model, rows, out, 1, threads, [&](std::size_t i, double x, double tx, double T) {
        out[i] = model.log_likelihood(x, tx, T) + x * shift;
        if (model.k > 1) out[i] += (model.k - 1) * (rows.log_gap_sum[i] + x * shift);
    });
}

template <class Model>
void discounted_by_phases(Model const& model, ledger::summary_view const& rows, double annual_rate,
                          time_span horizon, std::span<double> out, unsigned threads) {
    duration const unit = common_unit(model, rows.unit);
    double const t = length_in(horizon, unit, "horizon");
    double const rate = continuous_rate(annual_rate, unit);
    auto const k = static_cast<std::size_t>(model.k);
    constexpr double negligible = 1e-18;
    std::vector<panels_of_age> by_phase(k);
    for_rows(model, rows, out, 1, 1, [&](std::size_t, double x, double tx, double T) {
        auto const chances = model.given(x, tx, T).process.phases();
        for (std::size_t j = 0; j < k; ++j)
            if (chances[j] > negligible) by_phase[j].add(x, T);
    });
    for (std::size_t j = 0; j < k; ++j)
        by_phase[j].evaluate(threads, [&](double x, double T) {
            return model.given(x, 0.0, T).process.discounted_by_phase(t, rate)[j];
        });
    for_rows(model, rows, out, 1, threads, [&](std::size_t i, double x, double tx, double T) {
        auto const state = model.given(x, tx, T);
        if (state.probability_alive == 0.0) {
            out[i] = 0.0;
            return;
        }
        auto const chances = state.process.phases();
        double ahead = 0.0;
        for (std::size_t j = 0; j < k; ++j)
            if (chances[j] > negligible) ahead += chances[j] * by_phase[j].at(x, T);
        out[i] = state.probability_alive * (std::isfinite(ahead) ? ahead : state.process.discounted(t, rate));
    });
}

}  // namespace clavis::lifetime

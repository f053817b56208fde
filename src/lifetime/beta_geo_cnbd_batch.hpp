#pragma once

// What the batches of BG/CNBD-k and MBG/CNBD-k do their own way: the log-likelihood knows the gaps, and discounted
// purchases are interpolated in T for each phase, since what goes on depends on recency through the chances of the
// phases alone.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "beta_geo_cnbd_likelihood.hpp"
#include "clavis/core/errors.hpp"
#include "conditional.hpp"

namespace clavis::lifetime {

/// How finely T is cut for what is expected within t: purchases of regular customers come in waves, which panels must
/// follow; no waves are left in all that is to come.
inline int panels_of_phases(std::int32_t k, double t) {
    return t == std::numeric_limits<double>::infinity()
               ? 2
               : 2 + std::bit_width(static_cast<std::uint32_t>(k) / 3U);
}

template <class Model>
void log_likelihood_with_gaps(Model const& model, ledger::summary_view const& rows, std::span<double> out,
                              unsigned threads) {
    check_log_gaps(rows, unknown_gaps::refused);
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

/// Whether the mean of purchases within `ratio` times alpha + T is a short sum over phases, n being the parameter of
/// the rate. An integral costs so much that rows would have to be many before panels of it pay.
bool is_short_sum(double n, double ratio) noexcept;

/// Up to this k expected purchases come from panels, which work out every phase where one row needs but its own.
inline constexpr std::int32_t panels_up_to_k = 6;

/// out = P(alive) * the mean over the customer's phase of a kernel, each phase's from panels; kernel(process, values)
/// writes that of every phase and direct(process) is the mean. `pays` says of a row (x, T) whether it goes through panels.
template <class Model, class Pays, class Kernel, class Direct>
void expected_by_phases(Model const& model, ledger::summary_view const& rows, std::span<double> out,
                        unsigned threads, int fineness, Pays&& pays, Kernel&& kernel, Direct&& direct) {
    check_prediction(model, rows, out, 1);
    model_times const time(model, rows);
    auto panels = panels_for(model, rows, 0.0, static_cast<std::size_t>(model.k), fineness);
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (!std::isnan(rows.T[i]) && pays(rows.frequency[i], time(rows.T[i])))
            panels.add(rows.frequency[i], time(rows.T[i]));
    panels.evaluate(
        threads, [&](double x, double T, double* values) { kernel(model.given(x, 0.0, T).process, values); });
    for_rows(model, rows, out, 1, threads, [&](std::size_t i, double x, double tx, double T) {
        auto const state = model.given(x, tx, T);
        if (state.probability_alive == 0.0) {
            out[i] = 0.0;
            return;
        }
        double ahead = std::numeric_limits<double>::infinity();
        if (panels.holds(x, T) && pays(x, T)) {
            double weight = 1.0;
            double weights = 0.0;
            ahead = 0.0;
            for (std::int32_t j = 0; j < model.k; ++j) {
                ahead += weight * panels.at(x, T, static_cast<std::size_t>(j));
                weights += weight;
                weight *= (state.process.r + j) / (j + 1.0) * state.process.silence;
            }
            ahead /= weights;
        }
        out[i] = state.probability_alive * (std::isfinite(ahead) ? ahead : direct(state.process));
    });
}

template <class Model>
void expected_by_phases(Model const& model, ledger::summary_view const& rows, time_span horizon,
                        std::span<double> out, unsigned threads) {
    double const t = length_in(horizon, common_unit(model, rows.unit), "horizon");
    auto const pays = [&](double x, double T) {
        return model.k <= panels_up_to_k &&
               is_short_sum(model.r + model.k * x + (model.k - 1), t / (model.alpha + T));
    };
    expected_by_phases(
        model, rows, out, threads, panels_of_phases(model.k, t), pays,
        [&](auto const& process, double* values) {
            auto const each = process.discounted_by_phase(t, 0.0);
            std::copy_n(each.begin(), model.k, values);
        },
        [&](auto const& process) { return process.expected(t); });
}

template <class Model>
void discounted_by_phases(Model const& model, ledger::summary_view const& rows, double annual_rate,
                          time_span horizon, std::span<double> out, unsigned threads) {
    duration const unit = common_unit(model, rows.unit);
    double const t = length_in(horizon, unit, "horizon");
    double const rate = continuous_rate(annual_rate, unit);
    expected_by_phases(
        model, rows, out, threads, panels_of_phases(model.k, t), [](double, double) { return true; },
        [&](auto const& process, double* values) {
            auto const each = process.discounted_by_phase(t, rate);
            std::copy_n(each.begin(), model.k, values);
        },
        [&](auto const& process) { return process.discounted(t, rate); });
}

}  // namespace clavis::lifetime

#pragma once

// The shared conditional layer, compiled once a model by `template struct predictions<model>;` in the model's
// source.

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "batches.hpp"
#include "clavis/core/errors.hpp"
#include "clavis/lifetime/model.hpp"
#include "panels_of_age.hpp"
#include "quantiles.hpp"
#include "rows.hpp"

namespace clavis::lifetime {

/// The unit in which both a model and rows can be read: that of the model, or that of the rows where it has
/// none.
template <class Model>
duration common_unit(Model const& model, duration rows) {
    return model.unit != duration{} ? model.unit : rows;
}

inline double length_in(time_span span, duration unit, char const* what) {
    if (!(span.count() >= 0.0)) throw input_error(std::string("the ") + what + " is negative or missing");
    if (span.is_endless() || span.count() == 0.0) return span.count();
    if (unit == duration{} && span.unit() != duration{})
        throw input_error(std::string("the ") + what +
                          " has a unit of time, but neither the model nor the rows say theirs");
    return span.in(unit);
}

/// ln(1 + annual_rate) per unit of time.
inline double continuous_rate(double annual_rate, duration unit) {
    if (!(annual_rate > -1.0) || !std::isfinite(annual_rate))
        throw input_error("the annual rate " + number_text(annual_rate) + " is not a finite rate above -1");
    if (annual_rate == 0.0) return 0.0;
    if (unit == duration{})
        throw input_error(
            "an annual rate needs a unit of time, but neither the model nor the rows say theirs");
    return std::log1p(annual_rate) / in_units(year, unit);
}

/// Whether what goes on is smooth in T and independent of recency, so that tables over (x, T) may be used: yes unless
/// the model says otherwise.
template <class Model>
inline constexpr bool smooth_in_age = [] {
    if constexpr (requires { Model::smooth_in_age; })
        return Model::smooth_in_age;
    else
        return true;
}();

/// The largest T, in the unit of the model, and the largest x.
struct row_extent {
    double oldest = 0.0;
    double most = 0.0;
};
template <class Model>
row_extent extent_of(Model const& model, ledger::summary_view const& rows) {
    double oldest = 0.0;
    std::int32_t most = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (std::isnan(rows.T[i])) continue;
        oldest = std::max(oldest, rows.T[i]);
        most = std::max(most, rows.frequency[i]);
    }
    return {model_times(model, rows)(oldest), static_cast<double>(most)};
}

/// Panels for these rows and for ages up to `further` beyond them. What goes on depends on T through alpha + T and the
/// like: it is singular where the first of these, and no T before, is 0.
template <class Model>
panels_of_age panels_for(Model const& model, ledger::summary_view const& rows, double further = 0.0,
                         std::size_t functions = 1, int fineness = 2) {
    auto const [oldest, most] = extent_of(model, rows);
    double shift = std::numeric_limits<double>::infinity();
    auto const parameters = model.parameters();
    for (std::size_t k = 0; k < parameters.size(); ++k)
        if (Model::time_power[k] == 1) shift = std::min(shift, parameters[k]);
    return {shift, oldest + further, most, functions, fineness};
}

template <class Model>
auto table_for(Model const& model, ledger::summary_view const& rows) {
    if constexpr (discrete_model<Model>) {
        auto const [oldest, most] = extent_of(model, rows);
        return whole_ages(oldest, most);
    } else {
        return panels_for(model, rows);
    }
}

/// So few rows that a table costs more than working out every one of them.
inline constexpr std::size_t rows_below_a_table = 64;

/// out = P(alive) * kernel(process of the row), the kernel from a table over (x, T).
template <class Model, class Kernel>
void expected_by_table(Model const& model, ledger::summary_view const& rows, std::span<double> out,
                       unsigned threads, Kernel&& kernel) {
    check_prediction(model, rows, out, 1);
    model_times const time(model, rows);
    auto const direct = [&](double x, double T) { return kernel(model.given(x, T, T).process); };
    if constexpr (discrete_model<Model>) {
        // A table of whole ages holds what each would come to alone; of few rows it would be nearly empty.
        if (rows.size() < rows_below_a_table) {
            probability_alive(model, rows, {}, out, threads);
            for_checked_rows(model, rows, out, 1, threads, [&](std::size_t i, double x, double, double T) {
                if (out[i] > 0.0) out[i] *= direct(x, T);
            });
            return;
        }
    }
    auto table = table_for(model, rows);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        bool const missing = std::isnan(rows.T[i]);
        table.add(missing ? 0.0 : rows.frequency[i], missing ? 0.0 : time(rows.T[i]));
    }
    table.evaluate(threads, [&](double x, double T, double* value) { *value = direct(x, T); });
    auto const ahead = [&](double x, double T) {
        double const found = table.holds(x, T) ? table.at(x, T) : direct(x, T);
        // Where the mean is infinite at the nodes of a panel there is nothing to interpolate.
        return std::isfinite(found) ? found : direct(x, T);
    };
    probability_alive(model, rows, {}, out, threads);
    for_checked_rows(model, rows, out, 1, threads, [&](std::size_t i, double x, double, double T) {
        if (out[i] > 0.0) out[i] *= ahead(x, T);
    });
}

template <class Model>
void predictions<Model>::log_likelihood(Model const& model, view const& rows, std::span<double> out,
                                        unsigned threads) {
    // A density of x purchase times: in the unit of the rows it is unit_ratio^x times that in the unit of the
    // model.
    double const ratio =
        model.unit == duration{} || rows.unit == duration{} ? 1.0 : in_units(rows.unit, model.unit);
    double const shift = discrete_model<Model> ? 0.0 : std::log(ratio);
    for_histories(model, rows, out, 1, threads, [&](std::size_t i, double x, double tx, double T) {
        out[i] = model.log_likelihood(x, tx, T) + x * shift;
    });
}

template <class Model>
void predictions<Model>::probability_alive(Model const& model, view const& rows, time_span at,
                                           std::span<double> out, unsigned threads) {
    double const t = length_in(at, common_unit(model, rows.unit), "time ahead");
    if constexpr (!discrete_model<Model> && !reads_gaps<Model>) {
        if (t == 0.0) {
            check_prediction(model, rows, out, 1);
            state_of_batches<Model> const states(model, rows, threads);
            for_batches(model, rows, out, threads,
                        [&](row_batch const& batch, double* result) { states.alive(batch, result); });
            return;
        }
    }
    for_histories(model, rows, out, 1, threads, [&](std::size_t i, double x, double tx, double T) {
        auto const state = state_of(model, rows, i, x, tx, T);
        // A sum that should be 1 may exceed it by its last digit.
        double const stays = t == 0.0 ? 1.0 : std::min(1.0, state.process.survival(t));
        out[i] = state.probability_alive * stays;
    });
}

template <class Model>
void predictions<Model>::expected_purchases(Model const& model, view const& rows, time_span horizon,
                                            std::span<double> out, unsigned threads) {
    double const t = length_in(horizon, common_unit(model, rows.unit), "horizon");
    if constexpr (smooth_in_age<Model>) {
        if (t > 0.0 && t < std::numeric_limits<double>::infinity()) {
            expected_by_table(model, rows, out, threads,
                              [t](auto const& process) { return process.expected(t); });
            return;
        }
    }
    for_histories(model, rows, out, 1, threads, [&](std::size_t i, double x, double tx, double T) {
        auto const state = state_of(model, rows, i, x, tx, T);
        out[i] = state.probability_alive == 0.0 ? 0.0 : state.probability_alive * state.process.expected(t);
    });
}

template <class Model>
void predictions<Model>::probability_no_purchase(Model const& model, view const& rows, time_span horizon,
                                                 std::span<double> out, unsigned threads) {
    double const t = length_in(horizon, common_unit(model, rows.unit), "horizon");
    if constexpr (!discrete_model<Model> && !reads_gaps<Model>) {
        if (t < std::numeric_limits<double>::infinity()) {
            check_prediction(model, rows, out, 1);
            state_of_batches<Model> const states(model, rows, t, threads);
            for_batches(model, rows, out, threads,
                        [&](row_batch const& batch, double* result) { states.no_purchase(batch, result); });
            return;
        }
    }
    for_histories(model, rows, out, 1, threads, [&](std::size_t i, double x, double tx, double T) {
        out[i] = no_purchase_after(state_of(model, rows, i, x, tx, T), t);
    });
}

template <class Model>
void predictions<Model>::purchase_pmf(Model const& model, view const& rows, time_span horizon,
                                      std::int64_t n_max, std::span<double> out, unsigned threads) {
    if (n_max < 0) throw input_error("n_max is " + std::to_string(n_max) + " where 0 or more is needed");
    double const t = length_in(horizon, common_unit(model, rows.unit), "horizon");
    auto const per_row = static_cast<std::size_t>(n_max) + 1;
    for_histories(model, rows, out, per_row, threads, [&](std::size_t i, double x, double tx, double T) {
        auto const state = state_of(model, rows, i, x, tx, T);
        double const alive = state.probability_alive;
        for (std::int64_t n = 0; n <= n_max; ++n)
            out[i * per_row + static_cast<std::size_t>(n)] =
                std::min(1.0, (n == 0 ? 1.0 - alive : 0.0) + alive * state.process.pmf(n, t));
    });
}

template <class Model>
void predictions<Model>::discounted_expected_purchases(Model const& model, view const& rows,
                                                       double annual_rate, time_span horizon,
                                                       std::span<double> out, unsigned threads) {
    duration const unit = common_unit(model, rows.unit);
    double const t = length_in(horizon, unit, "horizon");
    double const rate = continuous_rate(annual_rate, unit);
    auto const kernel = [t, rate](auto const& process) { return process.discounted(t, rate); };
    if constexpr (smooth_in_age<Model>) {
        expected_by_table(model, rows, out, threads, kernel);
    } else {
        for_histories(model, rows, out, 1, threads, [&](std::size_t i, double x, double tx, double T) {
            auto const state = state_of(model, rows, i, x, tx, T);
            out[i] = state.probability_alive == 0.0 ? 0.0 : state.probability_alive * kernel(state.process);
        });
    }
}

inline void check_probability(double q) {
    if (!(q >= 0.0 && q <= 1.0))
        throw input_error("q is " + number_text(q) + " where a probability from 0 to 1 is needed");
}

template <class Model>
void predictions<Model>::purchase_quantile(Model const& model, view const& rows, time_span horizon, double q,
                                           std::span<double> out, unsigned threads) {
    check_probability(q);
    double const t = length_in(horizon, common_unit(model, rows.unit), "horizon");
    for_histories(model, rows, out, 1, threads, [&](std::size_t i, double x, double tx, double T) {
        auto const state = state_of(model, rows, i, x, tx, T);
        out[i] = count_quantile<discrete_model<Model>>(state.probability_alive, state.process, t, q);
    });
}

template <class Model>
void predictions<Model>::next_purchase_quantile(Model const& model, view const& rows, double q,
                                                std::span<double> out, unsigned threads) {
    check_probability(q);
    for_histories(model, rows, out, 1, threads, [&](std::size_t i, double x, double tx, double T) {
        auto const state = state_of(model, rows, i, x, tx, T);
        out[i] = wait_quantile<discrete_model<Model>>(state.probability_alive, state.process, q);
    });
}

template <class Model>
double predictions<Model>::expected_purchases_new_customer(Model const& model, time_span t) {
    model.validate();
    auto const state = model.given(0.0, 0.0, 0.0);
    return state.probability_alive * state.process.expected(length_in(t, model.unit, "horizon"));
}

template <class Model>
void predictions<Model>::purchase_pmf_new_customer(Model const& model, time_span t, std::span<double> out) {
    model.validate();
    double const length = length_in(t, model.unit, "horizon");
    auto const state = model.given(0.0, 0.0, 0.0);
    for (std::size_t n = 0; n < out.size(); ++n)
        out[n] = std::min(
            1.0, (n == 0 ? 1.0 - state.probability_alive : 0.0) +
                     state.probability_alive * state.process.pmf(static_cast<std::int64_t>(n), length));
}

/// Throws unless every parameter is positive and finite.
template <class Model>
void require_positive(Model const& model) {
    auto const parameters = model.parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i)
        if (!(parameters[i] > 0.0) || !std::isfinite(parameters[i]))
            throw input_error(std::string(Model::name) + ": the parameter \"" +
                              std::string(Model::parameter_names[i]) + "\" is " + number_text(parameters[i]) +
                              " where a positive number is needed");
}

}  // namespace clavis::lifetime

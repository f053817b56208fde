#pragma once

// The shared conditional layer, compiled once a model by `template struct predictions<model>;` in the model's
// source.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "clavis/lifetime/model.hpp"
#include "quantiles.hpp"
#include "rows.hpp"

namespace clavis::lifetime {

inline constexpr std::size_t prediction_rows = 2048;

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

/// A model of whole units of time: its rows are checked for it, and its probabilities are no densities in time.
template <class Model>
concept discrete_model =
    requires(ledger::summary_view const& rows, double factor) { Model::check(rows, factor); };

/// Calls body(row, x, tx, T) for every row whose T is known, in the unit of the model; gives NaN to the
/// others.
template <class Model, class Body>
void for_rows(Model const& model, ledger::summary_view const& rows, std::span<double> out,
              std::size_t per_row, unsigned threads, Body&& body) {
    model.validate();
    check_rows(rows);
    check_result(out.size(), rows.size() * per_row);
    double const factor = model.unit == duration{} || rows.unit == duration{} || model.unit == rows.unit
                              ? 1.0
                              : in_units(rows.unit, model.unit);
    if constexpr (discrete_model<Model>) Model::check(rows, factor);
    auto const length = [&](double t) { return discrete_model<Model> ? std::round(t * factor) : t * factor; };
    parallel_blocks(
        rows.size(), prediction_rows, threads, [&](std::size_t, std::size_t begin, std::size_t end) {
            for (std::size_t i = begin; i < end; ++i) {
                if (std::isnan(rows.T[i])) {
                    for (std::size_t k = 0; k < per_row; ++k)
                        out[i * per_row + k] = std::numeric_limits<double>::quiet_NaN();
                    continue;
                }
                body(i, static_cast<double>(rows.frequency[i]), length(rows.recency[i]), length(rows.T[i]));
            }
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
    for_rows(model, rows, out, 1, threads, [&](std::size_t i, double x, double tx, double T) {
        out[i] = model.log_likelihood(x, tx, T) + x * shift;
    });
}

template <class Model>
void predictions<Model>::probability_alive(Model const& model, view const& rows, time_span at,
                                           std::span<double> out, unsigned threads) {
    double const t = length_in(at, common_unit(model, rows.unit), "time ahead");
    for_rows(model, rows, out, 1, threads, [&](std::size_t i, double x, double tx, double T) {
        auto const state = model.given(x, tx, T);
        // A sum that should be 1 may exceed it by its last digit.
        double const stays = t == 0.0 ? 1.0 : std::min(1.0, state.process.survival(t));
        out[i] = state.probability_alive * stays;
    });
}

template <class Model>
void predictions<Model>::expected_purchases(Model const& model, view const& rows, time_span horizon,
                                            std::span<double> out, unsigned threads) {
    double const t = length_in(horizon, common_unit(model, rows.unit), "horizon");
    for_rows(model, rows, out, 1, threads, [&](std::size_t i, double x, double tx, double T) {
        auto const state = model.given(x, tx, T);
        out[i] = state.probability_alive == 0.0 ? 0.0 : state.probability_alive * state.process.expected(t);
    });
}

template <class Model>
void predictions<Model>::probability_no_purchase(Model const& model, view const& rows, time_span horizon,
                                                 std::span<double> out, unsigned threads) {
    double const t = length_in(horizon, common_unit(model, rows.unit), "horizon");
    for_rows(model, rows, out, 1, threads, [&](std::size_t i, double x, double tx, double T) {
        auto const state = model.given(x, tx, T);
        double const alive = state.probability_alive;
        out[i] = std::min(1.0, (1.0 - alive) + alive * state.process.no_purchase(t));
    });
}

template <class Model>
void predictions<Model>::purchase_pmf(Model const& model, view const& rows, time_span horizon,
                                      std::int64_t n_max, std::span<double> out, unsigned threads) {
    if (n_max < 0) throw input_error("n_max is " + std::to_string(n_max) + " where 0 or more is needed");
    double const t = length_in(horizon, common_unit(model, rows.unit), "horizon");
    auto const per_row = static_cast<std::size_t>(n_max) + 1;
    for_rows(model, rows, out, per_row, threads, [&](std::size_t i, double x, double tx, double T) {
        auto const state = model.given(x, tx, T);
        double const alive = state.probability_alive;
        for (std::int64_t n = 0; n <= n_max; ++n)
            out[i * per_row + static_cast<std::size_t>(n)] =
                std::min(1.0, (n == 0 ? 1.0 - alive : 0.0) + alive * state.process.pmf(n, t));
    });
}

/// Whether panels_of_age may be used: yes unless the model says otherwise.
template <class Model>
inline constexpr bool smooth_in_age = [] {
    if constexpr (requires { Model::smooth_in_age; })
        return Model::smooth_in_age;
    else
        return true;
}();

/// A kernel that is costly to evaluate, as a function of (x, T): for each x it is analytic in T > 0, so on panels of T
/// that reach no further than a ninth of their middle, twelve Chebyshev nodes give it to 1e-14. Panels depend on T
/// alone, hence a row's value on nothing but the row. For models whose process does not depend on recency.
class panels_of_age {
  public:
    static constexpr int nodes = 12;

    void add(double x, double T) { keys_.push_back(key(x, T)); }

    /// kernel(x, T) at the nodes of every panel that was added.
    template <class Kernel>
    void evaluate(unsigned threads, Kernel&& kernel) {
        std::sort(keys_.begin(), keys_.end());
        keys_.erase(std::unique(keys_.begin(), keys_.end()), keys_.end());
        values_.resize(keys_.size());
        parallel_blocks(keys_.size(), 4, threads, [&](std::size_t, std::size_t begin, std::size_t end) {
            for (std::size_t k = begin; k < end; ++k) {
                auto const [low, width] = panel(keys_[k]);
                double const x = static_cast<double>(keys_[k] >> 32);
                for (std::size_t i = 0; i < nodes; ++i)
                    values_[k][i] = width == 0.0 && i > 0 ? values_[k][0] : kernel(x, low + width * place(i));
            }
        });
    }

    double at(double x, double T) const {
        std::uint64_t const wanted = key(x, T);
        auto const k =
            static_cast<std::size_t>(std::lower_bound(keys_.begin(), keys_.end(), wanted) - keys_.begin());
        auto const [low, width] = panel(wanted);
        auto const& values = values_[k];
        if (width == 0.0) return values[0];
        double const t = (T - low) / width;
        double above = 0.0;
        double below = 0.0;
        for (std::size_t i = 0; i < nodes; ++i) {
            double const distance = t - place(i);
            if (distance == 0.0) return values[i];
            double const weight = barycentric(i) / distance;
            above += weight * values[i];
            below += weight;
        }
        return above / below;
    }

  private:
    // Four panels in each factor of two; T = 0 is a panel of its own.
    static std::uint64_t key(double x, double T) {
        std::uint64_t panel = 0;
        if (T > 0.0) {
            int exponent = 0;
            double const mantissa = std::frexp(T, &exponent);  // in [1/2, 1)
            panel =
                static_cast<std::uint64_t>((exponent + 2000) * 4 + static_cast<int>((mantissa - 0.5) * 8.0)) +
                1;
        }
        return static_cast<std::uint64_t>(x) << 32 | panel;
    }
    static std::pair<double, double> panel(std::uint64_t key) {
        auto const number = static_cast<std::int64_t>(key & 0xffffffffU);
        if (number == 0) return {0.0, 0.0};
        int const exponent = static_cast<int>((number - 1) / 4) - 2000;
        double const start = 0.5 + 0.125 * static_cast<double>((number - 1) % 4);
        return {std::ldexp(start, exponent), std::ldexp(0.125, exponent)};
    }
    static double place(std::size_t i) { return tables().place[i]; }
    static double barycentric(std::size_t i) { return tables().weight[i]; }
    struct table {
        std::array<double, nodes> place;
        std::array<double, nodes> weight;
    };
    static table const& tables() {
        static table const made = [] {
            table t{};
            for (int i = 0; i < nodes; ++i) {
                double const angle = std::numbers::pi * (i + 0.5) / nodes;
                t.place[static_cast<std::size_t>(i)] = 0.5 - 0.5 * std::cos(angle);
                t.weight[static_cast<std::size_t>(i)] = (i % 2 == 0 ? 1.0 : -1.0) * std::sin(angle);
            }
            return t;
        }();
        return made;
    }

    std::vector<std::uint64_t> keys_;
    std::vector<std::array<double, nodes>> values_;
};

template <class Model>
void predictions<Model>::discounted_expected_purchases(Model const& model, view const& rows,
                                                       double annual_rate, time_span horizon,
                                                       std::span<double> out, unsigned threads) {
    duration const unit = common_unit(model, rows.unit);
    double const t = length_in(horizon, unit, "horizon");
    double const rate = continuous_rate(annual_rate, unit);
    if constexpr (!smooth_in_age<Model>) {
        for_rows(model, rows, out, 1, threads, [&](std::size_t i, double x, double tx, double T) {
            auto const state = model.given(x, tx, T);
            out[i] = state.probability_alive == 0.0
                         ? 0.0
                         : state.probability_alive * state.process.discounted(t, rate);
        });
        return;
    }
    panels_of_age panels;
    for_rows(model, rows, out, 1, 1, [&](std::size_t, double x, double, double T) { panels.add(x, T); });
    panels.evaluate(threads,
                    [&](double x, double T) { return model.given(x, 0.0, T).process.discounted(t, rate); });
    for_rows(model, rows, out, 1, threads, [&](std::size_t i, double x, double tx, double T) {
        double const alive = model.given(x, tx, T).probability_alive;
        if (alive == 0.0) {
            out[i] = 0.0;
            return;
        }
        double const ahead = panels.at(x, T);
        // Where the mean is infinite at the nodes there is nothing to interpolate.
        out[i] = alive * (std::isfinite(ahead) ? ahead : model.given(x, tx, T).process.discounted(t, rate));
    });
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
    for_rows(model, rows, out, 1, threads, [&](std::size_t i, double x, double tx, double T) {
        auto const state = model.given(x, tx, T);
        out[i] = count_quantile<discrete_model<Model>>(state.probability_alive, state.process, t, q);
    });
}

template <class Model>
void predictions<Model>::next_purchase_quantile(Model const& model, view const& rows, double q,
                                                std::span<double> out, unsigned threads) {
    check_probability(q);
    for_rows(model, rows, out, 1, threads, [&](std::size_t i, double x, double tx, double T) {
        auto const state = model.given(x, tx, T);
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

#pragma once

// How a prediction goes through rows: one after the other, each distinct history of whole units once, or in batches of
// columns for kernels that run on vectors.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "clavis/core/parallel.hpp"
#include "clavis/lifetime/model.hpp"
#include "rows.hpp"

namespace clavis::lifetime {

inline constexpr std::size_t prediction_rows = 2048;

/// A model of whole units of time: its rows are checked for it, and its probabilities are no densities in time.
template <class Model>
concept discrete_model =
    requires(ledger::summary_view const& rows, double factor) { Model::check(rows, factor); };

/// Times of rows in the unit of the model.
template <class Model>
class model_times {
  public:
    model_times(Model const& model, ledger::summary_view const& rows)
        : factor_(model.unit == duration{} || rows.unit == duration{} || model.unit == rows.unit
                      ? 1.0
                      : in_units(rows.unit, model.unit)) {}
    double factor() const { return factor_; }
    double operator()(double t) const {
        return discrete_model<Model> ? std::round(t * factor_) : t * factor_;
    }

  private:
    double factor_;
};

/// A model whose customers are told by the gaps between their purchases too.
template <class Model>
concept reads_gaps = requires(Model const& model, double t) { model.given(t, t, t, t); };

/// log_gap_sum of a row, times of rows times `factor`; NaN where it is not known.
inline double gaps_of(ledger::summary_view const& rows, std::size_t i, double factor) {
    if (rows.log_gap_sum.empty()) return std::numeric_limits<double>::quiet_NaN();
    return rows.log_gap_sum[i] + rows.frequency[i] * std::log(factor);
}

/// What is known of the customer of row i, whose x, tx and T are in the unit of the model.
template <class Model>
auto state_of(Model const& model, ledger::summary_view const& rows, [[maybe_unused]] std::size_t i, double x,
              double tx, double T) {
    if constexpr (reads_gaps<Model>)
        return model.given(x, tx, T, gaps_of(rows, i, model_times(model, rows).factor()));
    else
        return model.given(x, tx, T);
}

/// Throws unless model and rows are valid and `out` has `per_row` places a row.
template <class Model>
void check_prediction(Model const& model, ledger::summary_view const& rows, std::span<double> out,
                      std::size_t per_row) {
    model.validate();
    check_rows(rows);
    if constexpr (reads_gaps<Model>) check_log_gaps(rows, unknown_gaps::allowed);
    check_result(out.size(), rows.size() * per_row);
    if constexpr (discrete_model<Model>) Model::check(rows, model_times(model, rows).factor());
}

/// Calls body(row, x, tx, T) for every row whose T is known, in the unit of the model; gives NaN to the
/// others. Rows have been checked.
template <class Model, class Body>
void for_checked_rows(Model const& model, ledger::summary_view const& rows, std::span<double> out,
                      std::size_t per_row, unsigned threads, Body&& body) {
    model_times const time(model, rows);
    parallel_blocks(
        rows.size(), prediction_rows, threads, [&](std::size_t, std::size_t begin, std::size_t end) {
            for (std::size_t i = begin; i < end; ++i) {
                if (std::isnan(rows.T[i])) {
                    for (std::size_t k = 0; k < per_row; ++k)
                        out[i * per_row + k] = std::numeric_limits<double>::quiet_NaN();
                    continue;
                }
                body(i, static_cast<double>(rows.frequency[i]), time(rows.recency[i]), time(rows.T[i]));
            }
        });
}

template <class Model, class Body>
void for_rows(Model const& model, ledger::summary_view const& rows, std::span<double> out,
              std::size_t per_row, unsigned threads, Body&& body) {
    check_prediction(model, rows, out, per_row);
    for_checked_rows(model, rows, out, per_row, threads, body);
}

/// Finds the first row of a block that has the same history.
class repeated_rows {
  public:
    repeated_rows(ledger::summary_view const& rows, std::size_t begin, std::size_t end)
        : rows_(rows), begin_(begin), places_(std::bit_ceil(2 * (end - begin) + 1), none) {}

    /// The row itself where it is the first.
    std::size_t first_like(std::size_t row) {
        std::uint64_t hash = 0;
        for (std::uint64_t const part :
             {static_cast<std::uint64_t>(rows_.frequency[row]),
              std::bit_cast<std::uint64_t>(rows_.recency[row]), std::bit_cast<std::uint64_t>(rows_.T[row])}) {
            hash = (hash ^ part) * 0x9e3779b97f4a7c15U;
            hash ^= hash >> 29;
        }
        for (std::size_t k = hash & (places_.size() - 1);; k = (k + 1) & (places_.size() - 1)) {
            if (places_[k] == none) {
                places_[k] = static_cast<std::uint32_t>(row - begin_);
                return row;
            }
            std::size_t const other = begin_ + places_[k];
            if (rows_.frequency[other] == rows_.frequency[row] &&
                rows_.recency[other] == rows_.recency[row] && rows_.T[other] == rows_.T[row])
                return other;
        }
    }

  private:
    static constexpr std::uint32_t none = 0xffffffffU;
    ledger::summary_view const& rows_;
    std::size_t begin_;
    std::vector<std::uint32_t> places_;
};

/// Rows of a block in which histories of whole units are looked for again.
inline constexpr std::size_t repeating_rows = 65'536;

/// The same where body writes `per_row` places from the history alone. Histories of whole units repeat, so in each
/// block a discrete model works out every one once.
template <class Model, class Body>
void for_histories(Model const& model, ledger::summary_view const& rows, std::span<double> out,
                   std::size_t per_row, unsigned threads, Body&& body) {
    if constexpr (!discrete_model<Model>) {
        for_rows(model, rows, out, per_row, threads, body);
    } else {
        check_prediction(model, rows, out, per_row);
        model_times const time(model, rows);
        parallel_blocks(rows.size(), repeating_rows, threads,
                        [&](std::size_t, std::size_t begin, std::size_t end) {
                            repeated_rows known(rows, begin, end);
                            for (std::size_t i = begin; i < end; ++i) {
                                auto const to = out.subspan(i * per_row, per_row);
                                if (std::isnan(rows.T[i])) {
                                    std::fill(to.begin(), to.end(), std::numeric_limits<double>::quiet_NaN());
                                    continue;
                                }
                                std::size_t const first = known.first_like(i);
                                if (first == i) {
                                    body(i, static_cast<double>(rows.frequency[i]), time(rows.recency[i]),
                                         time(rows.T[i]));
                                } else {
                                    auto const from = out.subspan(first * per_row, per_row);
                                    std::copy(from.begin(), from.end(), to.begin());
                                }
                            }
                        });
    }
}

/// Rows in columns of doubles, times in the unit of the model.
struct row_batch {
    static constexpr std::size_t most = 512;
    std::size_t size = 0;
    alignas(64) std::array<double, most> x;
    alignas(64) std::array<double, most> tx;
    alignas(64) std::array<double, most> T;
};

/// Calls body(batch, out) for batches of rows, each with one place; rows whose T is missing come to body as (0, 0, 0).
template <class Model, class Body>
void for_batches(Model const& model, ledger::summary_view const& rows, std::span<double> out,
                 unsigned threads, Body&& body) {
    model_times const time(model, rows);
    parallel_blocks(rows.size(), prediction_rows, threads,
                    [&](std::size_t, std::size_t begin, std::size_t end) {
                        row_batch batch;
                        for (std::size_t low = begin; low < end; low += row_batch::most) {
                            batch.size = std::min(row_batch::most, end - low);
                            bool any_missing = false;
                            for (std::size_t i = 0; i < batch.size; ++i) {
                                bool const missing = std::isnan(rows.T[low + i]);
                                any_missing |= missing;
                                batch.x[i] = missing ? 0.0 : rows.frequency[low + i];
                                batch.tx[i] = missing ? 0.0 : time(rows.recency[low + i]);
                                batch.T[i] = missing ? 0.0 : time(rows.T[low + i]);
                            }
                            body(std::as_const(batch), out.data() + low);
                            for (std::size_t i = 0; any_missing && i < batch.size; ++i)
                                if (std::isnan(rows.T[low + i]))
                                    out[low + i] = std::numeric_limits<double>::quiet_NaN();
                        }
                    });
}

/// P(no purchase within t).
template <class Process>
double no_purchase_after(customer_state<Process> const& state, double t) {
    double const alive = state.probability_alive;
    return std::min(1.0, (1.0 - alive) + alive * state.process.no_purchase(t));
}

/// P(alive) now, and P(no purchase within t), of batches of rows. A model that knows a faster way than given(x, tx, T)
/// of one after the other specialises it before its predictions are compiled.
template <class Model>
class state_of_batches {
  public:
    state_of_batches(Model const& model, ledger::summary_view const&, unsigned /*threads*/) : model_(model) {}
    state_of_batches(Model const& model, ledger::summary_view const&, double t, unsigned /*threads*/)
        : model_(model), t_(t) {}

    void alive(row_batch const& rows, double* out) const {
        for (std::size_t i = 0; i < rows.size; ++i)
            out[i] = model_.given(rows.x[i], rows.tx[i], rows.T[i]).probability_alive;
    }
    void no_purchase(row_batch const& rows, double* out) const {
        for (std::size_t i = 0; i < rows.size; ++i)
            out[i] = no_purchase_after(model_.given(rows.x[i], rows.tx[i], rows.T[i]), t_);
    }

  private:
    Model const& model_;
    double t_ = 0.0;
};

}  // namespace clavis::lifetime

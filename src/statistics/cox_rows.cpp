#include "statistics/cox_rows.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>
#include <span>
#include <string>

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "statistics/sorted_order.hpp"

namespace clavis::statistics {
namespace {

[[noreturn]] void refuse(std::string_view column, std::size_t row, double value, char const* problem) {
    char text[32];
    std::snprintf(text, sizeof text, "%.15g", value);
    throw input_error(
        {.table = "survival data", .column = column, .row = static_cast<std::int64_t>(row), .value = text},
        problem);
}

void check(cox_view const& data) {
    std::size_t const n = data.stop.size();
    std::size_t const p = data.names.size();
    auto lengths = [&](std::size_t have, char const* name, bool may_lack) {
        if (have != n && !(may_lack && have == 0))
            throw input_error(
                {.table = "survival data", .column = name},
                "has " + std::to_string(have) + " rows where the durations have " + std::to_string(n));
    };
    if (n == 0) throw input_error("survival data: there are no rows");
    if (n >= std::numeric_limits<std::uint32_t>::max() / 2)
        throw input_error("survival data: more than 2,000,000,000 rows");
    if (p == 0) throw input_error("survival data: there are no covariates");
    if (data.covariates.size() != n * p)
        throw input_error("the covariates have " + std::to_string(data.covariates.size() / p) +
                          " rows where the durations have " + std::to_string(n));
    lengths(data.event.size(), "event", false);
    lengths(data.start.size(), "start", true);
    lengths(data.weights.size(), "weights", true);
    lengths(data.offset.size(), "offset", true);
    lengths(data.stratum.size(), "strata", true);
    lengths(data.cluster.size(), "cluster", true);
    for (std::size_t row = 0; row < n; ++row) {
        if (!(data.stop[row] >= 0) || std::isinf(data.stop[row]))
            refuse("duration", row, data.stop[row], "is no duration: durations are finite and not negative");
        if (data.event[row] > 1)
            refuse("event", row, data.event[row], "is neither 0 (censored) nor 1 (event)");
    }
    for (std::size_t row = 0; row < data.start.size(); ++row)
        if (!(data.start[row] < data.stop[row]) || std::isinf(data.start[row]))
            refuse("start", row, data.start[row], "is not before the duration of its row");
    for (std::size_t row = 0; row < data.weights.size(); ++row)
        if (!(data.weights[row] >= 0) || std::isinf(data.weights[row]))
            refuse("weights", row, data.weights[row], "is no weight: weights are finite and not negative");
    for (std::size_t row = 0; row < data.offset.size(); ++row)
        if (!std::isfinite(data.offset[row])) refuse("offset", row, data.offset[row], "is no finite number");
    for (std::size_t i = 0; i < n * p; ++i)
        if (!std::isfinite(data.covariates[i]))
            refuse(data.names[i % p], i / p, data.covariates[i], "is no finite number");
}

constexpr std::size_t block_rows = 32 * tile_rows;

/// Sorts rows of one time by all they hold, so that no order of rows is left to chance.
void sort_equal(cox_view const& data, std::span<std::uint32_t> rows, std::size_t level) {
    std::size_t const p = data.names.size();
    auto const by = [&](auto const& key_of) {
        sort_rows(rows, key_of);
        for (std::size_t i = 0; i < rows.size();) {
            std::size_t end = i + 1;
            while (end < rows.size() && key_of(rows[end]) == key_of(rows[i]))
                ++end;
            if (end - i > 1) sort_equal(data, rows.subspan(i, end - i), level + 1);
            i = end;
        }
    };
    auto const by_column = [&](std::span<double const> column) {
        if (column.empty()) return sort_equal(data, rows, level + 1);
        by([column](std::uint32_t row) { return sortable(column[row]); });
    };
    if (level == 0) return by([&](std::uint32_t row) { return std::uint64_t{1} - data.event[row]; });
    if (level <= p)
        return by([&](std::uint32_t row) { return sortable(data.covariates[row * p + level - 1]); });
    if (level == p + 1) return by_column(data.start);
    if (level == p + 2) return by_column(data.weights);
    if (level == p + 3) return by_column(data.offset);
    if (level == p + 4 && !data.cluster.empty())
        sort_rows(rows, [&](std::uint32_t row) { return static_cast<std::uint64_t>(data.cluster[row]); });
}

/// Rows with weight by stratum, then descending time, then events first, then by all they hold: one order for all.
std::vector<std::uint32_t> sorted_rows(cox_view const& data) {
    std::vector<std::uint32_t> order(data.stop.size());
    std::iota(order.begin(), order.end(), 0U);
    if (!data.weights.empty())
        std::erase_if(order, [&](std::uint32_t row) { return !(data.weights[row] > 0); });
    sort_rows(std::span(order), [&](std::uint32_t row) { return ~sortable(data.stop[row]); });
    double now = order.empty() ? 0 : data.stop[order[0]];
    for (std::size_t i = 0; i < order.size();) {
        std::size_t end = i + 1;
        double next = now;
        while (end < order.size() && (next = data.stop[order[end]]) == now)
            ++end;
        if (end - i > 1) sort_equal(data, std::span(order).subspan(i, end - i), 0);
        i = end;
        now = next;
    }
    if (data.stratum.empty()) return order;
    std::vector<std::size_t> place(static_cast<std::size_t>(data.strata) + 1);
    for (std::uint32_t const row : order)
        ++place[static_cast<std::size_t>(data.stratum[row]) + 1];
    std::partial_sum(place.begin(), place.end(), place.begin());
    std::vector<std::uint32_t> result(order.size());
    for (std::uint32_t const row : order)
        result[place[static_cast<std::size_t>(data.stratum[row])]++] = row;
    return result;
}

/// Calls body(tile's values, its weights or null, rows, block) for every tile.
template <class Body>
void each_tile(cox_columns& columns, std::size_t size, unsigned threads, Body&& body) {
    parallel_blocks(size, block_rows, threads, [&](std::size_t block, std::size_t begin, std::size_t end) {
        for (std::size_t row = begin; row < end; row += tile_rows)
            body(&columns.x[row * columns.columns], columns.weight.empty() ? nullptr : &columns.weight[row],
                 std::min(tile_rows, end - row), block);
    });
}

template <class Value>
void gather(std::span<Value const> column, std::vector<std::uint32_t> const& order,
            std::vector<Value>& into) {
    if (column.empty()) return;
    into.resize(order.size());
    for (std::size_t i = 0; i < order.size(); ++i)
        into[i] = column[order[i]];
}

/// Rows in another order.
cox_columns reordered(cox_columns const& from, std::vector<std::uint32_t> const& order, unsigned threads) {
    cox_columns result;
    result.columns = from.columns;
    std::size_t const tiles = block_count(order.size(), tile_rows);
    result.x.resize(tiles * from.columns * tile_rows);
    parallel_blocks(order.size(), block_rows, threads, [&](std::size_t, std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i)
            for (std::size_t c = 0; c < from.columns; ++c)
                result.x[i / tile_rows * from.columns * tile_rows + c * tile_rows + i % tile_rows] =
                    from.at(order[i], c);
    });
    gather(std::span<double const>(from.weight), order, result.weight);
    gather(std::span<double const>(from.offset), order, result.offset);
    return result;
}

void add_up(std::vector<double>& total, std::vector<std::vector<double>> const& parts) {
    for (auto const& part : parts)
        for (std::size_t c = 0; c < part.size(); ++c)
            total[c] += part[c];
}

/// Gathers the covariates, centres them and divides by their standard deviations.
void standardise(cox_view const& data, std::vector<std::uint32_t> const& order, cox_rows& rows,
                 unsigned threads) {
    std::size_t const p = rows.columns;
    auto& columns = rows.entering;
    // Shifted by the first row, so that a large common value costs no digits.
    double const* const shift = &data.covariates[order[0] * p];
    std::size_t const blocks = block_count(rows.size, block_rows);
    using parts_type = std::vector<std::vector<double>>;
    parts_type sums(blocks, std::vector<double>(p + 1));
    parts_type extremes(blocks, std::vector<double>(p));
    parallel_blocks(
        rows.size, block_rows, threads, [&](std::size_t block, std::size_t begin, std::size_t end) {
            std::vector<double> ones(tile_rows, 1.0);
            for (std::size_t tile = begin; tile < end; tile += tile_rows) {
                std::size_t const count = std::min(tile_rows, end - tile);
                double* const x = &columns.x[tile * p];
                for (std::size_t i = 0; i < count; ++i) {
#if defined(__GNUC__)
                    if (tile + i + 24 < end) __builtin_prefetch(&data.covariates[order[tile + i + 24] * p]);
#endif
                    double const* const from = &data.covariates[order[tile + i] * p];
                    for (std::size_t c = 0; c < p; ++c)
                        x[c * tile_rows + i] = from[c] - shift[c];
                }
                for (std::size_t c = 0; c < p; ++c) {
                    double most = extremes[block][c];
                    for (std::size_t i = 0; i < count; ++i)
                        most = std::max(most, std::abs(x[c * tile_rows + i]));
                    extremes[block][c] = most;
                }
                double const* const w = columns.weight.empty() ? ones.data() : &columns.weight[tile];
                cox_arithmetic.sums(x, w, p, count, sums[block].data());
            }
        });
    std::vector<double> total(p + 1);
    add_up(total, sums);
    // By the largest deviation first: squares of what is left neither overflow nor vanish.
    std::vector<double> largest(p);
    for (auto const& part : extremes)
        for (std::size_t c = 0; c < p; ++c)
            largest[c] = std::max(largest[c], part[c]);
    std::vector<double> centre(p);
    for (std::size_t c = 0; c < p; ++c)
        centre[c] = total[c] / total[p];
    parts_type squares(blocks, std::vector<double>(p + 1));
    extremes.assign(blocks, std::vector<double>(p));
    each_tile(columns, rows.size, threads,
              [&](double* x, double const* w, std::size_t count, std::size_t block) {
                  double deviation[tile_rows];
                  for (std::size_t c = 0; c < p; ++c) {
                      if (largest[c] == 0) continue;
                      double* const column = x + c * tile_rows;
                      for (std::size_t i = 0; i < count; ++i)
                          column[i] = (column[i] - centre[c]) / largest[c];
                      double most = extremes[block][c];
                      for (std::size_t i = 0; i < count; ++i)
                          most = std::max(most, std::abs(column[i]));
                      extremes[block][c] = most;
                      for (std::size_t i = 0; i < count; ++i)
                          deviation[i] = w != nullptr ? w[i] * column[i] : column[i];
                      double sum[2] = {};
                      cox_arithmetic.sums(column, deviation, 1, count, sum);
                      squares[block][c] += sum[0];
                  }
              });
    std::vector<double> variance(p + 1);
    add_up(variance, squares);
    rows.mean.resize(p);
    rows.spread.resize(p);
    std::vector<double> factor(p);
    for (std::size_t c = 0; c < p; ++c) {
        rows.mean[c] = shift[c] + centre[c];
        double most = 0;
        for (auto const& part : extremes)
            most = std::max(most, part[c] * largest[c]);
        // What differs in the last digits of its mean alone is a constant.
        bool const constant = most <= 1e-14 * std::abs(rows.mean[c]);
        double const relative = std::sqrt(variance[c] / total[p]);
        rows.spread[c] = constant ? 0 : largest[c] * relative;
        factor[c] = rows.spread[c] > 0 ? 1 / relative : 0;
    }
    each_tile(columns, rows.size, threads, [&](double* x, double const*, std::size_t count, std::size_t) {
        for (std::size_t c = 0; c < p; ++c)
            for (std::size_t i = 0; i < count; ++i)
                x[c * tile_rows + i] *= factor[c];
    });
}

void find_strata(cox_rows& rows) {
    for (std::size_t row = 0; row < rows.size;) {
        std::size_t end = rows.size;
        if (!rows.code.empty())
            end = static_cast<std::size_t>(
                std::upper_bound(rows.code.begin() + static_cast<std::ptrdiff_t>(row), rows.code.end(),
                                 rows.code[row]) -
                rows.code.begin());
        rows.strata.push_back({row, end, 0, 0});
        row = end;
    }
}

void find_times(cox_rows& rows) {
    std::size_t events = 0;
    for (auto const one : rows.event)
        events += one;
    rows.times.reserve(events);
    rows.entered.reserve(events);
    for (auto& stratum : rows.strata) {
        stratum.times_begin = rows.times.size();
        for (std::size_t row = stratum.rows_begin; row < stratum.rows_end;) {
            std::size_t end = row + 1;
            while (end < stratum.rows_end && rows.stop[end] == rows.stop[row])
                ++end;
            if (rows.event[row] != 0) {
                cox_rows::event_time one{static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(row),
                                         rows.stop[row], 0};
                while (one.deaths_end < end && rows.event[one.deaths_end] != 0)
                    one.weight += rows.weight_of(one.deaths_end++);
                rows.tied = rows.tied || one.deaths_end - one.begin > 1;
                rows.times.push_back(one);
                rows.entered.push_back(static_cast<std::uint32_t>(end));
            }
            row = end;
        }
        stratum.times_end = rows.times.size();
    }
}

/// From which to which event time a row is at risk, and how many rows have left by each.
void find_places(cox_rows& rows, std::vector<std::uint32_t> const& by_start) {
    rows.first.resize(rows.size);
    rows.last.resize(by_start.size());
    rows.left.resize(by_start.empty() ? 0 : rows.times.size());
    for (std::size_t s = 0; s < rows.strata.size(); ++s) {
        auto const& stratum = rows.strata[s];
        std::size_t j = stratum.times_begin;
        for (std::size_t row = stratum.rows_begin; row < stratum.rows_end; ++row) {
            while (j < stratum.times_end && rows.times[j].time > rows.stop[row])
                ++j;
            rows.first[row] = static_cast<std::uint32_t>(j + s);
        }
        if (by_start.empty()) continue;
        j = stratum.times_begin;
        for (std::size_t k = stratum.rows_begin; k < stratum.rows_end; ++k) {
            std::uint32_t const row = by_start[k];
            for (; j < stratum.times_end && rows.times[j].time > rows.start[row]; ++j)
                rows.left[j] = static_cast<std::uint32_t>(k);
            rows.last[row] = static_cast<std::uint32_t>(j + s);
        }
        for (; j < stratum.times_end; ++j)
            rows.left[j] = static_cast<std::uint32_t>(stratum.rows_end);
    }
}

/// All that follows from the rows in their order.
void arrange(cox_rows& rows, unsigned threads) {
    find_strata(rows);
    find_times(rows);
    std::vector<std::uint32_t> by_start;
    if (!rows.start.empty()) {
        by_start.resize(rows.size);
        std::iota(by_start.begin(), by_start.end(), 0U);
        for (auto const& stratum : rows.strata)
            sort_rows(std::span(by_start).subspan(stratum.rows_begin, stratum.rows_end - stratum.rows_begin),
                      [&](std::uint32_t row) { return ~sortable(rows.start[row]); });
        rows.leaving = reordered(rows.entering, by_start, threads);
    }
    find_places(rows, by_start);
    std::size_t const p = rows.columns;
    std::vector<std::vector<double>> parts(block_count(rows.size, block_rows), std::vector<double>(p + 1));
    parallel_blocks(
        rows.size, block_rows, threads, [&](std::size_t block, std::size_t begin, std::size_t end) {
            double died[tile_rows];
            for (std::size_t tile = begin; tile < end; tile += tile_rows) {
                std::size_t const count = std::min(tile_rows, end - tile);
                for (std::size_t i = 0; i < count; ++i)
                    died[i] = rows.event[tile + i] != 0 ? rows.weight_of(tile + i) : 0.0;
                cox_arithmetic.sums(rows.entering.tile(tile), died, p, count, parts[block].data());
            }
        });
    rows.deaths_x.assign(p + 1, 0);
    add_up(rows.deaths_x, parts);
    if (rows.entering.offset.empty()) return;
    for (std::size_t row = 0; row < rows.size; ++row)
        if (rows.event[row] != 0) rows.deaths_offset += rows.weight_of(row) * rows.entering.offset[row];
}

}  // namespace

cox_rows make_cox_rows(cox_view const& data, unsigned threads) {
    check(data);
    auto order = sorted_rows(data);
    cox_rows rows;
    std::size_t const p = data.names.size();
    rows.size = order.size();
    rows.columns = p;
    if (order.empty()) throw input_error("survival data: no row has a weight above 0");
    rows.entering.columns = p;
    rows.entering.x.resize(block_count(rows.size, tile_rows) * tile_rows * p);
    gather(data.weights, order, rows.entering.weight);
    gather(data.offset, order, rows.entering.offset);
    gather(data.stop, order, rows.stop);
    gather(data.event, order, rows.event);
    gather(data.start, order, rows.start);
    gather(data.cluster, order, rows.cluster);
    gather(data.stratum, order, rows.code);
    standardise(data, order, rows, threads);
    rows.given = std::move(order);
    arrange(rows, threads);
    if (rows.times.empty())
        throw input_error("survival data: there are no events, so nothing can be learned");
    return rows;
}

cox_rows sample_cox_rows(cox_rows const& rows, std::size_t step, unsigned threads) {
    std::vector<std::uint32_t> order;
    for (std::size_t row = step / 2; row < rows.size; row += step)
        order.push_back(static_cast<std::uint32_t>(row));
    cox_rows result;
    result.size = order.size();
    result.columns = rows.columns;
    result.entering = reordered(rows.entering, order, threads);
    result.mean = rows.mean;
    result.spread = rows.spread;
    gather(std::span<double const>(rows.stop), order, result.stop);
    gather(std::span<std::uint8_t const>(rows.event), order, result.event);
    gather(std::span<double const>(rows.start), order, result.start);
    gather(std::span<std::int32_t const>(rows.code), order, result.code);
    arrange(result, threads);
    return result;
}

}  // namespace clavis::statistics

#include "statistics/cox_rows.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>

#include "clavis/core/errors.hpp"
#include "statistics/radix_sort.hpp"

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

struct item {
    std::uint64_t key;
    std::uint32_t row;
};

/// Rows with weight by stratum, then descending time, then events first, then by all they hold: one order for all.
std::vector<std::uint32_t> sorted_rows(cox_view const& data) {
    std::size_t const p = data.names.size();
    std::vector<item> items;
    items.reserve(data.stop.size());
    for (std::size_t row = 0; row < data.stop.size(); ++row)
        if (data.weights.empty() || data.weights[row] > 0)
            items.push_back({~sortable(data.stop[row]), static_cast<std::uint32_t>(row)});
    radix_sort(items, [](item const& one) { return one.key; });
    auto before = [&](item const& left, item const& right) {
        std::size_t const a = left.row;
        std::size_t const b = right.row;
        if (!data.stratum.empty() && data.stratum[a] != data.stratum[b])
            return data.stratum[a] < data.stratum[b];
        if (data.event[a] != data.event[b]) return data.event[a] > data.event[b];
        double const* xa = &data.covariates[a * p];
        double const* xb = &data.covariates[b * p];
        for (std::size_t c = 0; c < p; ++c)
            if (xa[c] != xb[c]) return xa[c] < xb[c];
        for (auto const& column : {data.start, data.weights, data.offset})
            if (!column.empty() && column[a] != column[b]) return column[a] < column[b];
        return !data.cluster.empty() && data.cluster[a] < data.cluster[b];
    };
    for (std::size_t i = 0; i < items.size();) {
        std::size_t end = i + 1;
        while (end < items.size() && items[end].key == items[i].key)
            ++end;
        if (end - i > 1)
            std::sort(items.begin() + static_cast<std::ptrdiff_t>(i),
                      items.begin() + static_cast<std::ptrdiff_t>(end), before);
        i = end;
    }
    std::vector<std::uint32_t> order(items.size());
    if (data.stratum.empty()) {
        for (std::size_t i = 0; i < items.size(); ++i)
            order[i] = items[i].row;
        return order;
    }
    std::vector<std::size_t> place(static_cast<std::size_t>(data.strata) + 1);
    for (auto const& one : items)
        ++place[static_cast<std::size_t>(data.stratum[one.row]) + 1];
    std::partial_sum(place.begin(), place.end(), place.begin());
    for (auto const& one : items)
        order[place[static_cast<std::size_t>(data.stratum[one.row])]++] = one.row;
    return order;
}

void standardise(cox_rows& rows) {
    std::size_t const p = rows.columns;
    rows.mean.assign(p, 0);
    rows.spread.assign(p, 0);
    // Shifted by the first row, so that a large common value costs no digits.
    std::vector<double> const shift(rows.x.begin(), rows.x.begin() + static_cast<std::ptrdiff_t>(p));
    double total = 0;
    for (std::size_t row = 0; row < rows.size; ++row) {
        double const w = rows.weight_of(row);
        total += w;
        for (std::size_t c = 0; c < p; ++c)
            rows.mean[c] += w * (rows.x[row * rows.stride + c] - shift[c]);
    }
    for (std::size_t c = 0; c < p; ++c)
        rows.mean[c] = shift[c] + rows.mean[c] / total;
    // By the largest deviation first: squares of what is left neither overflow nor vanish.
    std::vector<double> largest(p, 0);
    for (std::size_t row = 0; row < rows.size; ++row)
        for (std::size_t c = 0; c < p; ++c)
            largest[c] = std::max(largest[c], std::abs(rows.x[row * rows.stride + c] - rows.mean[c]));
    for (std::size_t row = 0; row < rows.size; ++row)
        for (std::size_t c = 0; c < p; ++c) {
            double const part =
                largest[c] > 0 ? (rows.x[row * rows.stride + c] - rows.mean[c]) / largest[c] : 0;
            rows.spread[c] += rows.weight_of(row) * part * part;
        }
    for (std::size_t c = 0; c < p; ++c) {
        // What differs in the last digits of its mean alone is a constant.
        bool const constant = largest[c] <= 1e-14 * std::abs(rows.mean[c]);
        rows.spread[c] = constant ? 0 : largest[c] * std::sqrt(rows.spread[c] / total);
        double const inverse = rows.spread[c] > 0 ? 1 / rows.spread[c] : 0;
        for (std::size_t row = 0; row < rows.size; ++row) {
            double& value = rows.x[row * rows.stride + c];
            value = (value - rows.mean[c]) * inverse;
        }
    }
}

void find_times(cox_rows& rows) {
    for (auto& stratum : rows.strata) {
        stratum.times_begin = rows.times.size();
        for (std::size_t row = stratum.rows_begin; row < stratum.rows_end;) {
            std::size_t end = row + 1;
            while (end < stratum.rows_end && rows.stop[end] == rows.stop[row])
                ++end;
            if (rows.event[row] != 0) {
                cox_rows::event_time one{static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(row),
                                         static_cast<std::uint32_t>(end), rows.stop[row], 0};
                while (one.deaths_end < end && rows.event[one.deaths_end] != 0)
                    one.weight += rows.weight_of(one.deaths_end++);
                rows.times.push_back(one);
            }
            row = end;
        }
        stratum.times_end = rows.times.size();
    }
}

/// From which to which event time a row is at risk.
void find_places(cox_rows& rows) {
    rows.first.resize(rows.size);
    if (!rows.start.empty()) rows.last.resize(rows.size);
    for (std::size_t s = 0; s < rows.strata.size(); ++s) {
        auto const& stratum = rows.strata[s];
        std::size_t j = stratum.times_begin;
        for (std::size_t row = stratum.rows_begin; row < stratum.rows_end; ++row) {
            while (j < stratum.times_end && rows.times[j].time > rows.stop[row])
                ++j;
            rows.first[row] = static_cast<std::uint32_t>(j + s);
        }
        if (rows.start.empty()) continue;
        j = stratum.times_begin;
        for (std::size_t k = stratum.rows_begin; k < stratum.rows_end; ++k) {
            std::uint32_t const row = rows.by_start[k];
            while (j < stratum.times_end && rows.times[j].time > rows.start[row])
                ++j;
            rows.last[row] = static_cast<std::uint32_t>(j + s);
        }
    }
}

}  // namespace

cox_rows make_cox_rows(cox_view const& data, std::size_t (*stride_for)(std::size_t)) {
    check(data);
    auto const order = sorted_rows(data);
    cox_rows rows;
    std::size_t const p = data.names.size();
    rows.size = order.size();
    rows.columns = p;
    rows.stride = stride_for(p);
    if (order.empty()) throw input_error("survival data: no row has a weight above 0");
    rows.x.assign(rows.size * rows.stride, 0);
    auto gather = [&](auto const& column, auto& into) {
        if (column.empty()) return;
        into.resize(rows.size);
        for (std::size_t i = 0; i < rows.size; ++i)
            into[i] = column[order[i]];
    };
    for (std::size_t i = 0; i < rows.size; ++i)
        std::copy_n(&data.covariates[order[i] * p], p, &rows.x[i * rows.stride]);
    gather(data.stop, rows.stop);
    gather(data.event, rows.event);
    gather(data.start, rows.start);
    gather(data.weights, rows.weight);
    gather(data.offset, rows.offset);
    gather(data.cluster, rows.cluster);
    gather(data.stratum, rows.code);
    standardise(rows);
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
    find_times(rows);
    if (rows.times.empty())
        throw input_error("survival data: there are no events, so nothing can be learned");
    if (!rows.start.empty()) {
        std::vector<item> items(rows.size);
        for (std::size_t i = 0; i < rows.size; ++i)
            items[i] = {~sortable(rows.start[i]), static_cast<std::uint32_t>(i)};
        radix_sort(items, [](item const& one) { return one.key; });
        rows.by_start.resize(rows.size);
        std::vector<std::size_t> place;
        place.reserve(rows.strata.size());
        std::vector<std::uint32_t> stratum_of;
        for (auto const& stratum : rows.strata)
            place.push_back(stratum.rows_begin);
        if (rows.strata.size() > 1) {
            stratum_of.resize(rows.size);
            for (std::size_t s = 0; s < rows.strata.size(); ++s)
                std::fill(stratum_of.begin() + static_cast<std::ptrdiff_t>(rows.strata[s].rows_begin),
                          stratum_of.begin() + static_cast<std::ptrdiff_t>(rows.strata[s].rows_end),
                          static_cast<std::uint32_t>(s));
        }
        for (auto const& one : items)
            rows.by_start[place[stratum_of.empty() ? 0 : stratum_of[one.row]]++] = one.row;
    }
    find_places(rows);
    rows.deaths_x.assign(rows.stride, 0);
    for (auto const& time : rows.times)
        for (std::size_t row = time.begin; row < time.deaths_end; ++row) {
            for (std::size_t c = 0; c < p; ++c)
                rows.deaths_x[c] += rows.weight_of(row) * rows.x[row * rows.stride + c];
            if (!rows.offset.empty()) rows.deaths_offset += rows.weight_of(row) * rows.offset[row];
        }
    return rows;
}

}  // namespace clavis::statistics

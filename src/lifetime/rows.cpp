#include "rows.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <string>
#include <tuple>

#include "clavis/core/errors.hpp"

namespace clavis::lifetime {
namespace {

[[noreturn]] void refuse(std::string_view column, std::size_t row, double value, std::string_view problem) {
    std::string const text = number_text(value);
    throw input_error(
        {.table = "summary", .column = column, .row = static_cast<std::int64_t>(row), .value = text},
        problem);
}

void check_length(std::string_view column, std::size_t length, std::size_t expected) {
    if (length == expected) return;
    throw input_error(
        {.table = "summary", .column = column},
        "has " + std::to_string(length) + " rows where frequency has " + std::to_string(expected));
}

}  // namespace

std::string number_text(double value) {
    char buffer[32];
    auto const end = std::to_chars(buffer, buffer + sizeof buffer, value);
    return {buffer, end.ptr};
}

std::string counted(std::int64_t n, std::string_view one, std::string_view many) {
    return std::to_string(n) + ' ' + std::string(n == 1 ? one : many);
}

void check_result(std::size_t places, std::size_t needed) {
    if (places == needed) return;
    throw input_error("the result has " + std::to_string(places) + " places where " + std::to_string(needed) +
                      " are needed");
}

void check_rows(ledger::summary_view const& customers) {
    std::size_t const n = customers.size();
    check_length("recency", customers.recency.size(), n);
    check_length("T", customers.T.size(), n);
    for (std::size_t i = 0; i < n; ++i) {
        double const T = customers.T[i];
        double const tx = customers.recency[i];
        std::int32_t const x = customers.frequency[i];
        if (std::isnan(T)) continue;
        // One comparison for the usual row; the reasons are looked up only where it fails.
        if (x >= 0 && tx >= 0.0 && tx <= T && T < HUGE_VAL && (x > 0 || tx == 0.0)) continue;
        if (x < 0) refuse("frequency", i, x, "is negative");
        if (T < 0.0) refuse("T", i, T, "is negative");
        if (!(T < HUGE_VAL)) refuse("T", i, T, "is not finite");
        if (std::isnan(tx)) refuse("recency", i, tx, "is missing where T is known");
        if (tx < 0.0) refuse("recency", i, tx, "is negative");
        if (tx > T) refuse("recency", i, tx, "is later than T = " + number_text(T));
        refuse("recency", i, tx, "is above 0 although frequency is 0 (no repeat purchase)");
    }
}

void check_weights(ledger::summary_view const& customers) {
    if (customers.weights.empty()) return;
    check_length("weights", customers.weights.size(), customers.size());
    for (std::size_t i = 0; i < customers.size(); ++i) {
        double const weight = customers.weights[i];
        if (!(weight >= 0.0) || !(weight < HUGE_VAL))
            refuse("weights", i, weight, "is not a finite weight of 0 or more");
    }
}

compressed_rows compress(ledger::summary_view const& customers) {
    check_rows(customers);
    check_weights(customers);
    struct row {
        double T, tx, weight;
        bool operator<(row const& other) const {
            if (T != other.T) return T < other.T;
            if (tx != other.tx) return tx < other.tx;
            return weight < other.weight;
        }
    };
    compressed_rows result;
    std::size_t const n = customers.size();
    auto weight_of = [&](std::size_t i) { return customers.weights.empty() ? 1.0 : customers.weights[i]; };

    // Bucket by x, then sort each bucket: most histories are short, so buckets are few and sorting is local.
    std::vector<std::int32_t> distinct;
    {
        std::vector<bool> seen(1024, false);
        std::vector<std::int32_t> large;
        for (std::size_t i = 0; i < n; ++i) {
            if (std::isnan(customers.T[i])) continue;
            std::int32_t const x = customers.frequency[i];
            if (x < 1024)
                seen[static_cast<std::size_t>(x)] = true;
            else
                large.push_back(x);
        }
        for (std::int32_t x = 0; x < 1024; ++x)
            if (seen[static_cast<std::size_t>(x)]) distinct.push_back(x);
        std::sort(large.begin(), large.end());
        large.erase(std::unique(large.begin(), large.end()), large.end());
        distinct.insert(distinct.end(), large.begin(), large.end());
    }
    std::vector<std::uint32_t> place(1024, 0);
    for (std::size_t k = 0; k < distinct.size() && distinct[k] < 1024; ++k)
        place[static_cast<std::size_t>(distinct[k])] = static_cast<std::uint32_t>(k);
    auto bucket_of = [&](std::int32_t x) -> std::size_t {
        if (x < 1024) return place[static_cast<std::size_t>(x)];
        return static_cast<std::size_t>(std::lower_bound(distinct.begin(), distinct.end(), x) -
                                        distinct.begin());
    };
    std::vector<std::size_t> start(distinct.size() + 1, 0);
    for (std::size_t i = 0; i < n; ++i) {
        if (std::isnan(customers.T[i])) {
            ++result.left_out;
        } else if (weight_of(i) > 0.0) {
            ++start[bucket_of(customers.frequency[i]) + 1];
            ++result.rows;
        }
    }
    std::partial_sum(start.begin(), start.end(), start.begin());
    std::vector<row> rows(static_cast<std::size_t>(result.rows));
    {
        std::vector<std::size_t> next(start.begin(), start.end() - 1);
        for (std::size_t i = 0; i < n; ++i) {
            if (std::isnan(customers.T[i]) || !(weight_of(i) > 0.0)) continue;
            rows[next[bucket_of(customers.frequency[i])]++] = {customers.T[i], customers.recency[i],
                                                               weight_of(i)};
        }
    }
    result.tx.reserve(rows.size());
    result.T.reserve(rows.size());
    result.weight.reserve(rows.size());
    double total = 0.0;
    for (std::size_t k = 0; k < distinct.size(); ++k) {
        std::sort(rows.begin() + static_cast<std::ptrdiff_t>(start[k]),
                  rows.begin() + static_cast<std::ptrdiff_t>(start[k + 1]));
        std::size_t const begin = result.T.size();
        double weight = 0.0;
        for (std::size_t i = start[k]; i < start[k + 1]; ++i) {
            bool const same = i > start[k] && rows[i].T == rows[i - 1].T && rows[i].tx == rows[i - 1].tx;
            if (same) {
                result.weight.back() += rows[i].weight;
            } else {
                result.T.push_back(rows[i].T);
                result.tx.push_back(rows[i].tx);
                result.weight.push_back(rows[i].weight);
            }
            weight += rows[i].weight;
            total += rows[i].weight * rows[i].T;
        }
        if (result.T.size() == begin) continue;  // only rows of weight zero
        result.runs.push_back({distinct[k], begin, result.T.size(), weight});
        result.customers += weight;
        result.purchases += weight * distinct[k];
    }
    double const mean = result.customers > 0.0 ? total / result.customers : 0.0;
    if (mean > 0.0) result.scale = std::exp2(std::round(std::log2(mean)));
    result.exposure = total / result.scale;
    for (double& t : result.T)
        t /= result.scale;
    for (double& t : result.tx)
        t /= result.scale;
    return result;
}

compressed_rows thin(compressed_rows const& rows, std::size_t most) {
    std::size_t const step = (rows.size() + most - 1) / std::max<std::size_t>(most, 1);
    if (step <= 1) return rows;
    compressed_rows result;
    result.scale = rows.scale;
    for (auto const& run : rows.runs) {
        compressed_rows::run kept{run.x, result.size(), 0, 0.0};
        for (std::size_t i = (run.begin + step - 1) / step * step; i < run.end; i += step) {
            result.T.push_back(rows.T[i]);
            result.tx.push_back(rows.tx[i]);
            result.weight.push_back(rows.weight[i]);
            kept.weight += rows.weight[i];
            result.exposure += rows.weight[i] * rows.T[i];
        }
        kept.end = result.size();
        if (kept.end == kept.begin) continue;
        result.runs.push_back(kept);
        result.customers += kept.weight;
        result.purchases += kept.weight * run.x;
    }
    result.rows = static_cast<std::int64_t>(result.size());
    return result;
}

}  // namespace clavis::lifetime

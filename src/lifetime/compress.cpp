#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <deque>
#include <numeric>
#include <span>
#include <vector>

#include "rows.hpp"

// Fits keep distinct rows alone. Of many rows that repeat each is counted in a table as it comes, so that memory grows with
// the distinct ones; others are sorted, two million at a time, straight into their places. Either way what
// comes out is a function of the set of rows: the sums of whole weights are exact, and others are sorted before.

namespace clavis::lifetime {
namespace {

constexpr std::int32_t small = 1024;  // x below it are found by their number
// Rows that are sorted at once, unless more share one x.
constexpr std::size_t sorted_rows = std::size_t{1} << 21U;

struct row {
    double T, tx, weight;
    bool operator<(row const& other) const {
        if (T != other.T) return T < other.T;
        if (tx != other.tx) return tx < other.tx;
        return weight < other.weight;
    }
};

/// The rows of a summary that can be used.
class summary_rows {
  public:
    explicit summary_rows(ledger::summary_view const& customers) : rows_(customers) {}
    std::size_t size() const { return rows_.size(); }
    bool used(std::size_t i) const { return !std::isnan(rows_.T[i]) && weight(i) > 0.0; }
    std::int32_t x(std::size_t i) const { return rows_.frequency[i]; }
    double weight(std::size_t i) const { return rows_.weights.empty() ? 1.0 : rows_.weights[i]; }
    row at(std::size_t i) const { return {rows_.T[i], rows_.recency[i], weight(i)}; }

  private:
    ledger::summary_view const& rows_;
};

/// Histories with their weights, each once.
class counted_rows {
  public:
    std::size_t size() const { return entries_.size(); }
    bool used(std::size_t) const { return true; }
    std::int32_t x(std::size_t i) const { return entries_[i].x; }
    row at(std::size_t i) const { return entries_[i].history; }

    void add(std::int32_t x, row const& history) {
        if (2 * entries_.size() >= places_.size()) grow();
        std::uint32_t& place = places_[find(x, history)];
        if (place == none) {
            place = static_cast<std::uint32_t>(entries_.size());
            entries_.push_back({history, x});
        } else {
            entries_[place].history.weight += history.weight;
        }
    }

  private:
    struct entry {
        row history;
        std::int32_t x;
    };
    static constexpr std::uint32_t none = 0xffffffffU;

    std::size_t find(std::int32_t x, row const& history) const {
        std::uint64_t hash = static_cast<std::uint64_t>(x);
        for (double const part : {history.T, history.tx}) {
            hash = (hash ^ std::bit_cast<std::uint64_t>(part)) * 0x9e3779b97f4a7c15U;
            hash ^= hash >> 32U;
        }
        std::size_t const last = places_.size() - 1;
        std::size_t k = hash & last;
        for (; places_[k] != none; k = (k + 1) & last) {
            entry const& other = entries_[places_[k]];
            if (other.x == x && other.history.T == history.T && other.history.tx == history.tx) break;
        }
        return k;
    }
    void grow() {
        std::size_t const size = std::max<std::size_t>(4096, 2 * places_.size());
        places_ = {};  // before the larger one is there
        places_.assign(size, none);
        for (std::size_t i = 0; i < entries_.size(); ++i)
            places_[find(entries_[i].x, entries_[i].history)] = static_cast<std::uint32_t>(i);
    }

    std::deque<entry> entries_;  // grows without a copy
    std::vector<std::uint32_t> places_;
};

/// Whether sums of these weights are exact in any order.
bool are_whole(std::span<double const> weights) {
    double total = 0.0;
    for (double const weight : weights) {
        if (weight != std::floor(weight)) return false;
        total += weight;
    }
    return total < 0x1p53;
}

/// Counts rows; says whether they are many and repeat often enough for that to pay.
bool count_rows(ledger::summary_view const& customers, counted_rows& counted) {
    if (customers.size() <= sorted_rows || !are_whole(customers.weights)) return false;
    summary_rows const rows(customers);
    std::size_t seen = 0;
    std::size_t look = 16'384;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (!rows.used(i)) continue;
        counted.add(rows.x(i), rows.at(i));
        if (++seen != look) continue;
        if (counted.size() > seen / 4 * 3) return false;
        look *= 2;
    }
    return true;
}

/// Puts the distinct rows in their order, by sorting `at_once` rows or all of one x.
template <class Rows>
void sort_rows(Rows const& source, std::size_t at_once, compressed_rows& result) {
    std::size_t const n = source.size();
    // Bucket by x, then sort each bucket: most histories are short, so buckets are few and sorting is local.
    std::vector<std::int32_t> distinct;
    {
        std::vector<bool> seen(small, false);
        std::vector<std::int32_t> large;
        for (std::size_t i = 0; i < n; ++i) {
            if (!source.used(i)) continue;
            std::int32_t const x = source.x(i);
            if (x < small)
                seen[static_cast<std::size_t>(x)] = true;
            else
                large.push_back(x);
        }
        for (std::int32_t x = 0; x < small; ++x)
            if (seen[static_cast<std::size_t>(x)]) distinct.push_back(x);
        std::sort(large.begin(), large.end());
        large.erase(std::unique(large.begin(), large.end()), large.end());
        distinct.insert(distinct.end(), large.begin(), large.end());
    }
    std::vector<std::uint32_t> place(small, 0);
    for (std::size_t k = 0; k < distinct.size() && distinct[k] < small; ++k)
        place[static_cast<std::size_t>(distinct[k])] = static_cast<std::uint32_t>(k);
    auto const bucket_of = [&](std::int32_t x) -> std::size_t {
        if (x < small) return place[static_cast<std::size_t>(x)];
        return static_cast<std::size_t>(std::lower_bound(distinct.begin(), distinct.end(), x) -
                                        distinct.begin());
    };
    std::vector<std::size_t> start(distinct.size() + 1, 0);
    for (std::size_t i = 0; i < n; ++i)
        if (source.used(i)) ++start[bucket_of(source.x(i)) + 1];
    std::partial_sum(start.begin(), start.end(), start.begin());
    for (auto* column : {&result.tx, &result.T, &result.weight})
        column->reserve(start.back());

    for (std::size_t first = 0; first < distinct.size();) {
        std::size_t last = first + 1;
        while (last < distinct.size() && start[last + 1] - start[first] <= at_once)
            ++last;
        std::vector<std::size_t> next(start.begin() + static_cast<std::ptrdiff_t>(first),
                                      start.begin() + static_cast<std::ptrdiff_t>(last));
        std::vector<row> rows(start[last] - start[first]);
        for (std::size_t i = 0; i < n; ++i) {
            if (!source.used(i)) continue;
            std::size_t const bucket = bucket_of(source.x(i));
            if (bucket >= first && bucket < last) rows[next[bucket - first]++ - start[first]] = source.at(i);
        }
        for (std::size_t k = first; k < last; ++k) {
            std::size_t const from = start[k] - start[first];
            std::size_t const to = start[k + 1] - start[first];
            std::sort(rows.begin() + static_cast<std::ptrdiff_t>(from),
                      rows.begin() + static_cast<std::ptrdiff_t>(to));
            std::size_t const begin = result.T.size();
            for (std::size_t i = from; i < to; ++i) {
                bool const same = i > from && rows[i].T == rows[i - 1].T && rows[i].tx == rows[i - 1].tx;
                if (same) {
                    result.weight.back() += rows[i].weight;
                } else {
                    result.T.push_back(rows[i].T);
                    result.tx.push_back(rows[i].tx);
                    result.weight.push_back(rows[i].weight);
                }
            }
            result.runs.push_back({distinct[k], begin, result.T.size(), 0.0});
        }
        first = last;
    }
}

}  // namespace

compressed_rows compress(ledger::summary_view const& customers) {
    check_rows(customers);
    check_weights(customers);
    compressed_rows result;
    summary_rows const all(customers);
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (std::isnan(customers.T[i]))
            ++result.left_out;
        else if (all.used(i))
            ++result.rows;
    }
    {
        counted_rows counted;
        if (count_rows(customers, counted)) {
            sort_rows(counted, sorted_rows / 8, result);
        } else {
            counted = {};
            sort_rows(all, sorted_rows, result);
        }
    }
    double total = 0.0;
    for (auto& run : result.runs) {
        for (std::size_t i = run.begin; i < run.end; ++i) {
            run.weight += result.weight[i];
            total += result.weight[i] * result.T[i];
        }
        result.customers += run.weight;
        result.purchases += run.weight * run.x;
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

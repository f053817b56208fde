#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <deque>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "clavis/core/errors.hpp"
#include "row_order.hpp"
#include "rows.hpp"

// Fits keep distinct rows alone. Of many rows that repeat each is counted in a table as it comes, so that memory grows with
// the distinct ones; the places of all others go by x to row_order, which finds what repeats among them. Either way what
// comes out is a function of the set of rows.

namespace clavis::lifetime {
namespace {

constexpr std::int32_t small = 1024;  // x below it are found by their number
constexpr std::size_t most_rows = std::numeric_limits<std::uint32_t>::max();

/// The rows of a summary that a model of purchases uses.
class summary_rows {
  public:
    explicit summary_rows(ledger::summary_view const& customers) : rows_(customers) {}
    std::size_t size() const { return rows_.size(); }
    bool used(std::size_t i) const {
        return !std::isnan(rows_.T[i]) && (rows_.weights.empty() || rows_.weights[i] > 0.0);
    }
    std::int32_t x(std::size_t i) const { return rows_.frequency[i]; }
    row_columns columns() const { return {rows_.recency, rows_.T, rows_.weights}; }

  private:
    ledger::summary_view const& rows_;
};

/// The rows of a summary that a model of spend uses: their mean amount stands for both times.
class spend_rows {
  public:
    explicit spend_rows(ledger::summary_view const& customers) : rows_(customers) {}
    std::size_t size() const { return rows_.size(); }
    bool used(std::size_t i) const {
        return rows_.frequency[i] > 0 && rows_.monetary_value[i] > 0.0 &&
               !(i < rows_.T.size() && std::isnan(rows_.T[i])) &&
               (rows_.weights.empty() || rows_.weights[i] > 0.0);
    }
    std::int32_t x(std::size_t i) const { return rows_.frequency[i]; }
    row_columns columns() const { return {rows_.monetary_value, rows_.monetary_value, rows_.weights}; }

  private:
    ledger::summary_view const& rows_;
};

/// Every row for itself.
template <class Rows>
class single_rows {
  public:
    explicit single_rows(Rows const& rows) : rows_(rows) {}
    std::size_t size() const { return rows_.size(); }
    bool used(std::size_t i) const { return rows_.used(i); }
    std::int32_t x(std::size_t i) const { return rows_.x(i); }
    std::uint32_t place(std::size_t i) const { return static_cast<std::uint32_t>(i); }
    std::uint32_t count(std::size_t) const { return 1; }
    static constexpr bool counts = false;

  private:
    Rows const& rows_;
};

/// Histories without weights, each once, with how often it was seen.
template <class Rows>
class counted_rows {
  public:
    explicit counted_rows(Rows const& rows) : rows_(rows), columns_(rows.columns()) {}
    std::size_t size() const { return seen_.size(); }
    bool used(std::size_t) const { return true; }
    std::int32_t x(std::size_t i) const { return rows_.x(seen_[i].place); }
    std::uint32_t place(std::size_t i) const { return seen_[i].place; }
    std::uint32_t count(std::size_t i) const { return seen_[i].count; }
    static constexpr bool counts = true;

    void add(std::size_t i) {
        if (seen_.size() >= slots_.size() / 3 * 2) grow();
        std::uint32_t& slot = slots_[find(i)];
        if (slot == none) {
            slot = static_cast<std::uint32_t>(seen_.size());
            seen_.push_back({static_cast<std::uint32_t>(i), 1});
        } else {
            ++seen_[slot].count;
        }
    }
    /// No more rows will come.
    void close() { slots_ = {}; }

  private:
    struct entry {
        std::uint32_t place, count;
    };
    static constexpr std::uint32_t none = 0xffffffffU;

    std::size_t find(std::size_t i) const {
        std::int32_t const x = rows_.x(i);
        double const T = columns_.T[i];
        double const tx = columns_.tx[i];
        std::uint64_t hash = static_cast<std::uint64_t>(x);
        for (double const part : {T, tx}) {
            hash = (hash ^ std::bit_cast<std::uint64_t>(part)) * 0x9e3779b97f4a7c15U;
            hash ^= hash >> 32U;
        }
        // The upper bits choose, so that the table need not be a power of two.
        std::size_t k = (hash >> 32U) * slots_.size() >> 32U;
        for (; slots_[k] != none; k = k + 1 < slots_.size() ? k + 1 : 0) {
            std::size_t const other = seen_[slots_[k]].place;
            if (columns_.tx[other] == tx && columns_.T[other] == T && rows_.x(other) == x) break;
        }
        return k;
    }
    void grow() {
        std::size_t const size = std::max<std::size_t>(4096, slots_.size() / 2 * 3);
        slots_ = {};  // before the larger one is there
        slots_.assign(size, none);
        for (std::size_t i = 0; i < seen_.size(); ++i)
            slots_[find(seen_[i].place)] = static_cast<std::uint32_t>(i);
    }

    Rows const& rows_;
    row_columns columns_;
    std::deque<entry> seen_;  // grows without a copy
    std::vector<std::uint32_t> slots_;
};

/// Counts rows where they are many and repeat often enough for that to pay.
template <class Rows>
std::optional<counted_rows<Rows>> count_rows(Rows const& rows) {
    if (rows.size() <= own_rows || !rows.columns().weights.empty()) return std::nullopt;
    counted_rows<Rows> counted(rows);
    std::size_t seen = 0;
    std::size_t look = 16'384;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (!rows.used(i)) continue;
        counted.add(i);
        if (++seen != look) continue;
        if (counted.size() > seen / 4 * 3) return std::nullopt;
        look *= 2;
    }
    counted.close();
    return counted;
}

template <class Rows>
std::vector<std::int32_t> distinct_x(Rows const& rows) {
    std::vector<bool> seen(small, false);
    std::vector<std::int32_t> large;
    std::size_t tidy = 1U << 16U;
    auto const unique = [&] {
        std::sort(large.begin(), large.end());
        large.erase(std::unique(large.begin(), large.end()), large.end());
    };
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (!rows.used(i)) continue;
        std::int32_t const x = rows.x(i);
        if (x < small) {
            seen[static_cast<std::size_t>(x)] = true;
            continue;
        }
        large.push_back(x);
        if (large.size() < tidy) continue;
        unique();
        tidy = std::max(tidy, 2 * large.size());
    }
    unique();
    std::vector<std::int32_t> result;
    for (std::int32_t x = 0; x < small; ++x)
        if (seen[static_cast<std::size_t>(x)]) result.push_back(x);
    result.insert(result.end(), large.begin(), large.end());
    return result;
}

/// Most histories are short, so that these buckets are few and sorting is local.
template <class Rows>
places_by_x bucket(Rows const& rows) {
    places_by_x result;
    result.x = distinct_x(rows);
    std::vector<std::uint32_t> number(small, 0);
    for (std::size_t k = 0; k < result.x.size() && result.x[k] < small; ++k)
        number[static_cast<std::size_t>(result.x[k])] = static_cast<std::uint32_t>(k);
    auto const bucket_of = [&](std::int32_t x) -> std::size_t {
        if (x < small) return number[static_cast<std::size_t>(x)];
        return static_cast<std::size_t>(std::lower_bound(result.x.begin(), result.x.end(), x) -
                                        result.x.begin());
    };
    result.start.assign(result.x.size() + 1, 0);
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (rows.used(i)) ++result.start[bucket_of(rows.x(i)) + 1];
    std::partial_sum(result.start.begin(), result.start.end(), result.start.begin());
    result.place.resize(result.start.back());
    if (Rows::counts) result.count.resize(result.start.back());
    std::vector<std::size_t> next(result.start.begin(), result.start.end() - 1);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (!rows.used(i)) continue;
        std::size_t const at = next[bucket_of(rows.x(i))]++;
        result.place[at] = rows.place(i);
        if (Rows::counts) result.count[at] = rows.count(i);
    }
    return result;
}

template <class Rows>
compressed_rows compress_rows(Rows const& rows) {
    if (rows.size() > most_rows)
        throw input_error({.table = "summary"},
                          "has " + std::to_string(rows.size()) + " rows: a fit takes 4,294,967,295 at most");
    compressed_rows result;
    places_by_x places;
    if (auto const counted = count_rows(rows))
        places = bucket(*counted);
    else
        places = bucket(single_rows<Rows>(rows));
    result.histories = arrange(rows.columns(), std::move(places), result.runs);
    double total = 0.0;
    row_tile::buffer scratch;
    for (auto& run : result.runs) {
        for (std::size_t begin = run.begin; begin < run.end; begin += tile_rows) {
            auto const tile = result.histories.tile(begin, std::min(run.end, begin + tile_rows), scratch);
            for (std::size_t i = 0; i < tile.size(); ++i) {
                run.weight += tile.weight[i];
                total += tile.weight[i] * tile.T[i];
            }
        }
        result.customers += run.weight;
        result.purchases += run.weight * run.x;
    }
    double const mean = result.customers > 0.0 ? total / result.customers : 0.0;
    if (mean > 0.0) result.scale = std::exp2(std::round(std::log2(mean)));
    result.histories.divide_by(result.scale);
    result.exposure = total / result.scale;
    for (std::size_t i = 0; i < rows.size(); ++i)
        result.rows += rows.used(i);
    return result;
}

}  // namespace

compressed_rows compress(ledger::summary_view const& customers) {
    check_rows(customers);
    check_weights(customers);
    compressed_rows result = compress_rows(summary_rows(customers));
    result.left_out =
        std::count_if(customers.T.begin(), customers.T.end(), [](double T) { return std::isnan(T); });
    return result;
}

compressed_rows compress_spend(ledger::summary_view const& customers) {
    check_weights(customers);
    return compress_rows(spend_rows(customers));
}

compressed_rows thin(compressed_rows const& rows, std::size_t most) {
    std::size_t const step = (rows.size() + most - 1) / std::max<std::size_t>(most, 1);
    if (step <= 1) return rows;
    compressed_rows result;
    result.scale = rows.scale;
    result.histories = row_store(rows.scale);
    row_tile::buffer scratch;
    for (auto const& run : rows.runs) {
        compressed_rows::run kept{run.x, result.size(), 0, 0.0};
        for (std::size_t i = (run.begin + step - 1) / step * step; i < run.end; i += step) {
            auto const row = rows.histories.tile(i, i + 1, scratch);
            result.histories.push_back({row.tx[0], row.T[0], row.weight[0]});
            kept.weight += row.weight[0];
            result.exposure += row.weight[0] * row.T[0];
            if (!rows.log_gaps.empty()) result.log_gaps.push_back(rows.log_gaps[i]);
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

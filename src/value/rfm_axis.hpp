#pragma once

// The values of one axis, whatever form they are held in, block by block as doubles; and their exact order statistics.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "clavis/core/parallel.hpp"
#include "clavis/statistics/quantiles.hpp"

namespace clavis::value {

class axis_column {
  public:
    /// Rows that are read at once, into a buffer of as many.
    static constexpr std::size_t block_rows = std::size_t{1} << 12;

    axis_column(std::span<double const> numbers,  // NOLINT: meant to convert
                std::span<std::uint32_t const> missing = {})
        : numbers_(numbers), missing_(missing), size_(numbers.size()) {}
    /// from + sign · counts[row]
    axis_column(std::span<std::int32_t const> counts, std::int32_t from, std::int32_t sign,
                std::span<std::uint32_t const> missing)
        : counts_(counts), from_(from), sign_(sign), missing_(missing), size_(counts.size()) {}
    /// So many rows without a value.
    static axis_column absent(std::size_t size) {
        axis_column column{std::span<double const>()};
        column.size_ = size;
        return column;
    }

    std::size_t size() const { return size_; }
    double operator[](std::size_t row) const {
        bool const missing = !missing_.empty() && std::binary_search(missing_.begin(), missing_.end(),
                                                                     static_cast<std::uint32_t>(row));
        return missing ? not_a_number : value(row);
    }
    /// The values of at most block_rows rows: where they stand, or in `buffer`.
    double const* block(std::size_t begin, std::size_t end, double* buffer) const {
        auto const first =
            std::lower_bound(missing_.begin(), missing_.end(), static_cast<std::uint32_t>(begin));
        bool const any_missing = first != missing_.end() && *first < end;
        if (!numbers_.empty() && !any_missing) return numbers_.data() + begin;
        for (std::size_t row = begin; row < end; ++row)
            buffer[row - begin] = value(row);
        for (auto at = first; at != missing_.end() && *at < end; ++at)
            buffer[*at - begin] = not_a_number;
        return buffer;
    }

  private:
    static constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

    double value(std::size_t row) const {
        if (!counts_.empty()) return static_cast<double>(from_ + sign_ * std::int64_t{counts_[row]});
        return numbers_.empty() ? not_a_number : numbers_[row];
    }

    std::span<double const> numbers_;
    std::span<std::int32_t const> counts_;
    std::int64_t from_ = 0;
    std::int64_t sign_ = 1;
    std::span<std::uint32_t const> missing_;  // rows, ascending
    std::size_t size_;
};

/// Calls body(begin, values) for the blocks of [begin, end).
template <class Body>
void for_each_block(axis_column const& column, std::size_t begin, std::size_t end, Body const& body) {
    double buffer[axis_column::block_rows];
    for (std::size_t at = begin; at < end; at += axis_column::block_rows) {
        std::size_t const stop = std::min(end, at + axis_column::block_rows);
        body(at, std::span(column.block(at, stop, buffer), stop - at));
    }
}

/// Exact order statistics of a column with gaps, without a copy of it: values are counted by their sixteen highest bits
/// (sign, exponent, four digits), and only those that share them with a wanted rank, and are not all equal, are gathered.
class ranked_column {
  public:
    ranked_column(axis_column const& values, unsigned threads)
        : values_(values), threads_(threads), buckets_(bucket_count) {
        std::size_t const part =
            std::max<std::size_t>(least_part, block_count(values.size(), thread_count(threads)));
        std::vector<std::vector<bucket>> parts(block_count(values.size(), part));
        parallel_blocks(values.size(), part, threads,
                        [&](std::size_t own, std::size_t begin, std::size_t end) {
                            std::vector<bucket> counts(bucket_count);
                            for_each_block(values, begin, end, [&](std::size_t, std::span<double const> xs) {
                                for (double const x : xs)
                                    if (!std::isnan(x)) counts[bucket_of(x)].add({1, x + 0.0, x + 0.0});
                            });
                            parts[own] = std::move(counts);
                        });
        for (auto const& counts : parts)
            for (std::size_t i = 0; i < bucket_count; ++i)
                buckets_[i].add(counts[i]);
        for (bucket const& one : buckets_)
            size_ += one.count;
    }

    std::size_t size() const { return size_; }

    /// The values of ascending ranks.
    std::vector<double> at(std::vector<std::size_t> const& ranks) const {
        std::vector<double> found(ranks.size());
        std::vector<group> groups;
        std::vector<std::uint8_t> wanted(bucket_count, 0);  // 1 + the place in groups
        std::size_t before = 0;
        std::size_t next = 0;
        for (std::size_t i = 0; i < bucket_count && next < ranks.size(); ++i) {
            bucket const& one = buckets_[i];
            std::size_t const first = next;
            while (next < ranks.size() && ranks[next] < before + one.count)
                ++next;
            if (next > first && one.low == one.high) {
                std::fill(found.begin() + static_cast<std::ptrdiff_t>(first),
                          found.begin() + static_cast<std::ptrdiff_t>(next), one.low);
            } else if (next > first) {
                groups.push_back({first, next, before});
                wanted[i] =
                    static_cast<std::uint8_t>(groups.size());  // at most 198: two for each of 99 breaks
            }
            before += one.count;
        }
        if (groups.empty()) return found;
        std::vector<std::vector<std::vector<double>>> parts(block_count(values_.size(), gathered_rows));
        parallel_blocks(values_.size(), gathered_rows, threads_,
                        [&](std::size_t part, std::size_t begin, std::size_t end) {
                            parts[part].resize(groups.size());
                            for_each_block(values_, begin, end, [&](std::size_t, std::span<double const> xs) {
                                for (double const x : xs) {
                                    if (std::isnan(x)) continue;
                                    if (auto const place = wanted[bucket_of(x)])
                                        parts[part][place - 1U].push_back(x + 0.0);
                                }
                            });
                        });
        parallel_blocks(groups.size(), 1, threads_, [&](std::size_t i, std::size_t, std::size_t) {
            std::vector<double> own;
            for (auto const& part : parts)
                own.insert(own.end(), part[i].begin(), part[i].end());
            std::vector<std::size_t> inside;
            for (std::size_t k = groups[i].first; k < groups[i].last; ++k)
                inside.push_back(ranks[k] - groups[i].before);
            statistics::order_statistics(own, inside,
                                         std::span(found).subspan(groups[i].first, inside.size()));
        });
        return found;
    }

  private:
    struct bucket {
        std::size_t count = 0;
        double low = std::numeric_limits<double>::infinity();
        double high = -std::numeric_limits<double>::infinity();
        void add(bucket const& other) {
            count += other.count;
            low = std::min(low, other.low);
            high = std::max(high, other.high);
        }
    };
    struct group {
        std::size_t first, last;  // of the ranks
        std::size_t before;       // values in lower buckets
    };
    static constexpr std::size_t bucket_count = std::size_t{1} << 16;
    static constexpr std::size_t least_part = std::size_t{1} << 16;
    static constexpr std::size_t gathered_rows = std::size_t{1} << 18;

    /// Ascends with x; both zeros share a bucket.
    static std::size_t bucket_of(double x) {
        auto const bits = std::bit_cast<std::uint64_t>(x + 0.0);
        auto const top = static_cast<std::size_t>(bits >> 48);
        return top >= bucket_count / 2 ? bucket_count - 1 - top : top + bucket_count / 2;
    }

    axis_column const& values_;
    unsigned threads_;
    std::vector<bucket> buckets_;
    std::size_t size_ = 0;
};

}  // namespace clavis::value

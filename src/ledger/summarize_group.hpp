#pragma once

// Brings the rows of every customer together: rows are dealt out to partitions of neighbouring customers (each small
// enough for a processor's cache), and each partition is then sorted by customer. Both steps run in parallel; within a
// customer the rows come out in no particular order.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "clavis/core/parallel.hpp"
#include "clavis/core/time.hpp"
#include "clavis/ledger/intake.hpp"

namespace clavis::ledger {

inline constexpr std::int64_t never_first = std::numeric_limits<std::int64_t>::max();
inline constexpr std::int64_t never_last = std::numeric_limits<std::int64_t>::min();

/// A row with a date, of no order and of no stated kind: the common case, in half the memory.
struct dated_row {
    std::uint32_t customer;
    std::int32_t day;
    std::int64_t amount;

    static constexpr bool has_time = false;
    static constexpr bool is_day = false;
    static dated_row of(canonical_rows const& rows, std::size_t row, std::uint32_t customer) {
        return {customer, rows.day[row], rows.amount.empty() ? 0 : rows.amount[row]};
    }
    std::int64_t time() const { return day * clavis::day.count(); }
    line_kind kind() const { return amount < 0 ? line_kind::give_back : line_kind::sale; }
    std::uint32_t order() const { return canonical_rows::no_order; }
    std::int64_t first_time(bool sales_only) const { return time_or(sales_only, never_first); }
    std::int64_t last_time(bool sales_only) const { return time_or(sales_only, never_last); }

  private:
    std::int64_t time_or(bool sales_only, std::int64_t never) const {
        return sales_only && kind() != line_kind::sale ? never : time();
    }
};

struct timed_row {
    std::int64_t time_;
    std::int64_t amount;
    std::int32_t day;
    std::uint32_t customer;
    std::uint32_t order_;
    line_kind kind_;

    static constexpr bool has_time = true;
    static constexpr bool is_day = false;
    static timed_row of(canonical_rows const& rows, std::size_t row, std::uint32_t customer) {
        return {rows.time_of(row).time_since_epoch().count(),
                rows.amount.empty() ? 0 : rows.amount[row],
                rows.day[row],
                customer,
                rows.order.empty() ? canonical_rows::no_order : rows.order[row],
                rows.kind_of(row)};
    }
    std::int64_t time() const { return time_; }
    line_kind kind() const { return kind_; }
    std::uint32_t order() const { return order_; }
    std::int64_t first_time(bool sales_only) const {
        return sales_only && kind_ != line_kind::sale ? never_first : time_;
    }
    std::int64_t last_time(bool sales_only) const {
        return sales_only && kind_ != line_kind::sale ? never_last : time_;
    }
};

inline bool fits_dated_row(canonical_rows const& rows) {
    return rows.time.empty() && rows.order.empty() && rows.kind.empty();
}

/// How customers are cut into partitions.
struct partitioning {
    unsigned shift = 0;  ///< a partition holds 2^shift customers
    std::size_t count = 0;

    partitioning(std::size_t rows, std::size_t customers) {
        std::size_t const wanted = std::clamp<std::size_t>(rows >> 14, 1, 2048);
        while (((customers + (std::size_t{1} << shift) - 1) >> shift) > wanted)
            ++shift;
        count = (customers + (std::size_t{1} << shift) - 1) >> shift;
    }
};

/// Calls body(partition, first_customer, rows, begins) for every partition: its rows sorted by customer, those of
/// customer first_customer + i being [begins[i], begins[i + 1]). `rank` maps codes to 0 ... customers − 1.
template <class Row, class Body>
void group_by_customer(canonical_rows const& rows, std::vector<std::uint32_t> const& rank,
                       partitioning const& parts, unsigned threads, progress const& watch,
                       std::string_view stage, Body const& body) {
    std::size_t const size = rows.size();
    std::size_t const customers = rank.size();
    constexpr std::size_t chunk = 1U << 18;
    std::size_t const chunks = block_count(size, chunk);
    std::vector<std::size_t> starts(chunks * parts.count);
    parallel_blocks(size, chunk, threads, [&](std::size_t block, std::size_t begin, std::size_t end) {
        std::vector<std::size_t> counts(parts.count);
        for (std::size_t row = begin; row < end; ++row)
            ++counts[rank[rows.customer[row]] >> parts.shift];
        for (std::size_t part = 0; part < parts.count; ++part)
            starts[part * chunks + block] = counts[part];
    });
    std::size_t sum = 0;
    for (std::size_t& start : starts) {
        std::size_t const count = start;
        start = sum;
        sum += count;
    }

    auto const dealt = std::make_unique_for_overwrite<Row[]>(size);
    parallel_blocks(size, chunk, threads, [&](std::size_t block, std::size_t begin, std::size_t end) {
        std::vector<Row*> to(parts.count);
        for (std::size_t part = 0; part < parts.count; ++part)
            to[part] = dealt.get() + starts[part * chunks + block];
        for (std::size_t row = begin; row < end; ++row) {
            std::uint32_t const customer = rank[rows.customer[row]];
            *to[customer >> parts.shift]++ = Row::of(rows, row, customer);
        }
    });

    parallel_blocks(
        parts.count, 1, threads,
        [&](std::size_t part, std::size_t, std::size_t) {
            std::size_t const first = part << parts.shift;
            std::size_t const width = std::min(customers - first, std::size_t{1} << parts.shift);
            std::size_t const begin = starts[part * chunks];
            std::size_t const end = part + 1 < parts.count ? starts[(part + 1) * chunks] : size;
            std::vector<std::size_t> begins(width + 2);
            for (std::size_t row = begin; row < end; ++row)
                ++begins[dealt[row].customer - first + 2];
            for (std::size_t i = 2; i < begins.size(); ++i)
                begins[i] += begins[i - 1];
            auto const sorted = std::make_unique_for_overwrite<Row[]>(end - begin);
            for (std::size_t row = begin; row < end; ++row)
                sorted[begins[dealt[row].customer - first + 1]++] = dealt[row];
            begins.pop_back();
            body(part, first, std::span(sorted.get(), end - begin), std::span<std::size_t const>(begins));
        },
        watch, stage);
}

/// Sorts a customer's rows, which are few for nearly all customers.
template <class Row, class Less>
void sort_rows(std::span<Row> rows, Less const& less) {
    if (rows.size() > 32) {
        if (!std::is_sorted(rows.begin(), rows.end(), less)) std::sort(rows.begin(), rows.end(), less);
        return;
    }
    for (std::size_t i = 1; i < rows.size(); ++i) {
        if (!less(rows[i], rows[i - 1])) continue;
        Row const moving = rows[i];
        std::size_t at = i;
        for (; at > 0 && less(moving, rows[at - 1]); --at)
            rows[at] = rows[at - 1];
        rows[at] = moving;
    }
}

}  // namespace clavis::ledger

#pragma once

// One customer's purchase days in as few bytes as they need: what a summarizer holds in memory and what its saved
// state consists of. A record is a function of the set of rows alone, so it does not matter how they came.
//
//     record   head, [scales], day, day, ...
//     head     2 · days, or 2 · days + 1 where `scales` follow
//     scales   the largest power of ten that all sums are multiples of (at most 4 above the default) + 32 · the
//              largest unit that all times are multiples of (0 us, 1 ms, 2 s, 3 min). The defaults are two decimal
//              places of the currency unit, and seconds; below four days nothing coarser is given
//     day      4 · gap + form, or where instants were read 4 · (steps · gap + step) + form, in which step counts the units
//              from 26 hours before the midnight UTC of the day to the first instant of the sales, or of the other lines
//              where there are no sales, and steps is what 76 hours have of them and one; then what the form says
//                gap   the first day: zigzag of days since 2024-01-01; else days since the day before − 1
//                form  0  one sale of an amount >= 0: amount
//                      1  several sales of a sum >= 0: lines − 2, sum
//                      2  one return: amount
//                      3  anything else: lines of sales, returns and adjustments, and a sum for each that has any
//              where instants were read then, of several sales, last − first; and of the other lines
//              zigzag(first − midnight UTC of the day), unless there are no sales, and of several last − first
//
// All numbers are little-endian groups of seven bits. A customer with one sale of 25.00 on each of nine days in two years
// takes 38 bytes, 4 a day; with instants of whole seconds 61, less than 7 a day.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/core/exact_sum.hpp"
#include "clavis/core/time.hpp"
#include "core/bytes.hpp"
#include "core/civil.hpp"

namespace clavis::ledger {

/// More rows than anybody has; sums of as many amounts stay far from the ends of 128 bits.
inline constexpr std::int64_t most_rows = std::int64_t{1} << 50;

/// What lines add up to.
struct line_sums {
    std::int64_t sale_lines = 0;
    std::int64_t return_lines = 0;
    std::int64_t adjust_lines = 0;
    int128 sales = 0;
    int128 returns = 0;  ///< >= 0
    int128 adjustments = 0;

    std::int64_t lines() const { return sale_lines + return_lines + adjust_lines; }
    void add(line_sums const& other) {
        sale_lines += other.sale_lines;
        return_lines += other.return_lines;
        adjust_lines += other.adjust_lines;
        sales += other.sales;
        returns += other.returns;
        adjustments += other.adjustments;
    }
};

/// A customer's local day: everything that happened on it.
struct day_entry : line_sums {
    static constexpr bool has_time = false;
    static constexpr bool is_day = true;
    static constexpr std::int64_t never_first = std::numeric_limits<std::int64_t>::max();
    static constexpr std::int64_t never_last = std::numeric_limits<std::int64_t>::min();

    std::int32_t day = 0;
    std::int64_t first_sale = never_first;  ///< microseconds, UTC
    std::int64_t last_sale = never_last;
    std::int64_t first_other = never_first;  ///< of returns and adjustments
    std::int64_t last_other = never_last;

    std::int64_t first_time(bool sales_only) const {
        return sales_only ? first_sale : std::min(first_sale, first_other);
    }
    std::int64_t last_time(bool sales_only) const {
        return sales_only ? last_sale : std::max(last_sale, last_other);
    }
    std::int64_t midnight() const { return day * clavis::day.count(); }
    void add(day_entry const& other);
};

/// What records leave out because all share it.
struct record_format {
    bool amounts = true;  ///< else all sums are 0
    bool timed = false;   ///< else every time is midnight UTC
    int power = 0;        ///< the default power of ten
};

/// Appends the record of a customer's days, ascending.
void write_record(std::span<day_entry const> days, record_format const& format,
                  std::vector<std::uint8_t>& out);
/// Appends the days of a record; throws input_error where it is none.
void read_record(byte_reader& from, record_format const& format, std::vector<day_entry>& days);

}  // namespace clavis::ledger

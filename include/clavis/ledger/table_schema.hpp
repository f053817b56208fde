#pragma once

// The tables of a book and their columns: one line a column, which readers, checks and Python all take from here.

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

namespace clavis::ledger {

enum class column_kind : std::uint8_t {
    id,      ///< integers or text
    time,    ///< dates, timestamps or ISO text
    number,  ///< any numbers, decimal text included
    text,    ///< free text; numbers count as their digits
    choice,  ///< one of a few words, in any case
};

struct column_rule {
    std::string_view name;
    column_kind kind = column_kind::text;
    bool required = false;
    double lowest = -std::numeric_limits<double>::infinity();
    double highest = std::numeric_limits<double>::infinity();
    std::vector<std::string_view> choices{};
    bool noted = false;  ///< a value that does not fit is noted; the row is used
    bool past = false;   ///< a time that lies after the last day observed is noted
};

/// A time that no other may precede: "paid_time" before "time" is "was paid before the sale". Likewise a number that no
/// other may fall short of.
struct order_rule {
    std::string_view earlier;
    std::string_view later;
    std::string_view problem;
};

struct table_rule {
    std::string_view name;
    std::vector<column_rule> columns;
    std::vector<std::string_view>
        one_of{};                      ///< of these columns one must be there, and have a value in each row
    std::vector<order_rule> orders{};  ///< of times; rows that break them are noted, not refused
    std::vector<order_rule> sizes{};   ///< of numbers, likewise
    bool unique_customers = false;     ///< a customer has one row

    column_rule const* find(std::string_view column) const;
};

/// All tables, in the order of CustomerBook's parameters.
std::span<table_rule const> book_schema();
/// One of them; throws input_error that lists the names.
table_rule const& table_rule_of(std::string_view name);
std::string_view to_string(column_kind kind) noexcept;

}  // namespace clavis::ledger

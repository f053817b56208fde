#pragma once

// Errors that say where the trouble is. Everything a user can cause is an input_error and names table, column, row
// and value as far as they are known; Python shows it as a ValueError.

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace clavis {

/// Base of every exception the library throws on purpose.
class error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// Where a value stands. Rows count from 0 in the order in which the caller handed them over.
struct location {
    std::string_view table{};
    std::string_view column{};
    std::optional<std::int64_t> row{};
    std::string_view value{};
};

/// Input that cannot be used: bad data, a bad option, a bad document, damaged saved state.
class input_error : public error {
  public:
    explicit input_error(std::string const& what) : error(what) {}

    /// Reads, for example: transactions, column "amount", row 17: "12,50" is not a number
    input_error(location const& where, std::string_view problem) : error(describe(where, problem)) {}

    static std::string describe(location const& where, std::string_view problem) {
        std::string text;
        auto append = [&text](std::string_view part) {
            if (!text.empty()) text += ", ";
            text += part;
        };
        if (!where.table.empty()) append(where.table);
        if (!where.column.empty()) append("column \"" + std::string(where.column) + '"');
        if (where.row) append("row " + std::to_string(*where.row));
        if (!text.empty()) text += ": ";
        if (!where.value.empty()) text += '"' + std::string(where.value) + "\" ";
        return text += problem;
    }
};

/// Thrown out of a long call when its progress callback asks to stop.
class cancelled : public error {
  public:
    cancelled() : error("cancelled") {}
};

}  // namespace clavis

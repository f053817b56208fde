#pragma once

// Arrow's format strings, which name the type of a column: "l" is int64, "tsu:Europe/London" a timestamp.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "clavis/core/columns.hpp"

namespace clavis::ledger::arrow {

/// How the values lie in memory.
enum class storage : std::uint8_t {
    null,
    boolean,
    int8,
    uint8,
    int16,
    uint16,
    int32,
    uint32,
    int64,
    uint64,
    float16,
    float32,
    float64,
    decimal32,
    decimal64,
    decimal128,
    decimal256,
    utf8,
    large_utf8,
    utf8_view,
    date32,
    date64,
    timestamp,
};

struct column_format {
    storage stored = storage::null;
    column_type type = column_type::none;  ///< what the reader makes of it
    time_resolution resolution = time_resolution::microseconds;
    std::string zone;
    int scale = 0;  ///< decimals, as the producer counts them; may be negative

    bool is_index() const { return stored >= storage::int8 && stored <= storage::uint64; }
    bool is_run_end() const {
        return stored == storage::int16 || stored == storage::int32 || stored == storage::int64;
    }
};

/// Nothing where the reader has no use for the type.
std::optional<column_format> parse_format(std::string_view text);

/// What the type is in words, for types that cannot be read: "a list".
std::string_view describe_format(std::string_view text);

}  // namespace clavis::ledger::arrow

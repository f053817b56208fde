#pragma once

// One foreign column: validated, then looked at in place or converted into memory of our own.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clavis/core/columns.hpp"
#include "clavis/ledger/arrow_abi.hpp"
#include "ledger/arrow_format.hpp"

namespace clavis::ledger::arrow {

/// Memory of converted columns, freed together.
class batch_memory {
  public:
    /// Room for `count` elements, not initialised.
    template <class T>
    T* allocate(std::size_t count) {
        static_assert(alignof(T) <= alignof(std::uint64_t));
        std::size_t const words = (count * sizeof(T) + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t) + 1;
        blocks_.push_back(std::make_unique_for_overwrite<std::uint64_t[]>(words));
        return reinterpret_cast<T*>(blocks_.back().get());
    }

  private:
    std::vector<std::unique_ptr<std::uint64_t[]>> blocks_;
};

/// Where a column stands, for errors.
struct column_place {
    std::string_view table;
    std::string_view column;
    std::int64_t first_row = 0;  ///< of the stream, at the first row of the slice

    /// Throws an input_error that the producer got something wrong.
    [[noreturn]] void damaged(std::string const& problem) const;
    /// Throws an input_error about one value.
    [[noreturn]] void bad_value(std::size_t row, std::string_view value, std::string_view problem) const;
};

/// A format and, where the column holds indices into a dictionary, that of the dictionary's values.
struct column_plan {
    column_format format;
    std::optional<column_format> values;
    column_type type() const { return values ? values->type : format.type; }
};

/// A bitmap as in Arrow, or none: everything is present.
struct bitmap {
    std::uint8_t const* bytes = nullptr;
    std::size_t offset = 0;

    explicit operator bool() const { return bytes != nullptr; }
    bool test(std::size_t i) const {
        std::size_t const bit = offset + i;
        return (bytes[bit >> 3] >> (bit & 7) & 1) != 0;
    }
};

/// Rows or bits beyond this are a producer's mistake.
inline constexpr std::int64_t most_rows = std::int64_t{1} << 40;

/// Checks the counts that every array has, and that it reaches `begin + length` elements beyond its offset.
void check_array(ArrowArray const& array, std::int64_t begin, std::int64_t length, column_place const& place);

/// The validity bitmap from element `array.offset + begin` on. Checked: an array that says it has nulls has one.
bitmap validity_of(ArrowArray const& array, std::int64_t begin, column_place const& place);

/// Elements [begin, begin + length) of a column (counted from its own offset), of which those that `parent` marks as
/// absent are missing. The view looks into `array` or into `memory`, its zone into `plan`.
column_view read_column(ArrowArray const& array, column_plan const& plan, std::int64_t begin,
                        std::size_t length, bitmap parent, column_place const& place, batch_memory& memory);

/// The columns one below the other, in memory of our own; text becomes large_utf8. All are of one type.
column_view concatenate(std::vector<column_view> const& parts, column_plan const& plan, batch_memory& memory);

bool is_utf8(std::string_view text);

}  // namespace clavis::ledger::arrow

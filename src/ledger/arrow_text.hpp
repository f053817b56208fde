#pragma once

// Foreign text: offsets, views and UTF-8.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "clavis/core/columns.hpp"
#include "clavis/ledger/arrow_abi.hpp"
#include "ledger/arrow_memory.hpp"

namespace clavis::ledger::arrow {

enum class text_kind : std::uint8_t { ascii, utf8, malformed };

/// What the bytes are, at several GB/s: ASCII by blocks, and in blocks with other characters the rules of UTF-8 (table
/// 3-7 of the Unicode Standard) for every byte from the three before it, without branches.
text_kind classify_text(std::string_view text) noexcept;

inline bool is_utf8(std::string_view text) noexcept {
    return classify_text(text) != text_kind::malformed;
}

/// Throws where an offset lies before the one before it or the first is negative.
void check_offsets(std::int32_t const* offsets, std::size_t length, column_place const& place);
void check_offsets(std::int64_t const* offsets, std::size_t length, column_place const& place);

/// Throws for the first present row of a text column, its offsets checked, that is not UTF-8.
void check_utf8(column_view const& column, column_place const& place);

/// Fills a large_utf8 column from `column.size` string views (16 bytes each, buffers[2] … hold long texts). Missing
/// rows are empty.
void read_text_views(column_view& column, ArrowArray const& array, std::byte const* views,
                     column_place const& place, batch_memory& memory);

}  // namespace clavis::ledger::arrow

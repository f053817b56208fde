#include "ledger/arrow_gather.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

#include "clavis/core/exact_sum.hpp"

namespace clavis::ledger::arrow {
namespace {

std::size_t width_of(column_type type) {
    return type == column_type::int32 || type == column_type::date32 ? sizeof(std::int32_t)
                                                                     : sizeof(std::int64_t);
}

std::size_t text_bytes(column_view const& column) {
    if (column.size == 0) return 0;
    std::string_view const last = column.text(column.size - 1);
    return static_cast<std::size_t>(last.data() + last.size() - column.text(0).data());
}

/// The validity of gathered rows, or null where all are present.
template <class Position>
std::uint8_t const* gather_validity(column_view const& values, Position const* positions, std::size_t length,
                                    batch_memory& memory) {
    auto const absent = static_cast<std::uint32_t>(values.size);
    Position largest = 0;
    for (std::size_t i = 0; i < length; ++i)
        largest = std::max(largest, positions[i]);
    if (values.validity == nullptr && largest < absent) return nullptr;

    auto* present = memory.allocate<std::uint8_t>(values.size + 1);
    for (std::size_t i = 0; i < values.size; ++i)
        present[i] = values.is_null(i) ? 0 : 1;
    present[values.size] = 0;
    auto* bits = memory.allocate_bits(length);
    for (std::size_t i = 0; i < length; ++i)
        set_bit(bits, i, present[positions[i]] != 0);
    return bits;
}

// Texts are copied by pieces of fixed size.
constexpr std::size_t piece = 16;

/// The longest of the values.
std::size_t longest_text(column_view const& values) {
    std::size_t longest = 0;
    for (std::size_t i = 0; i < values.size; ++i)
        if (!values.is_null(i)) longest = std::max(longest, values.text(i).size());
    return longest;
}

/// Of values that fit one piece, in one pass.
template <class Position>
void gather_short_text(column_view& column, column_view const& values, Position const* positions,
                       std::size_t longest, batch_memory& memory) {
    struct short_text {
        char bytes[piece];
    };
    auto* texts = reinterpret_cast<short_text*>(memory.allocate<std::uint64_t>(2 * (values.size + 1)));
    auto* sizes = memory.allocate<std::uint8_t>(values.size + 1);
    for (std::size_t i = 0; i <= values.size; ++i) {
        std::string_view const text = i == values.size || values.is_null(i) ? "" : values.text(i);
        std::memset(texts[i].bytes, 0, piece);
        if (!text.empty()) std::memcpy(texts[i].bytes, text.data(), text.size());
        sizes[i] = static_cast<std::uint8_t>(text.size());
    }
    auto* offsets = memory.allocate<std::int32_t>(column.size + 1);
    char* bytes = memory.allocate<char>(column.size * longest + piece);
    std::uint32_t end = 0;
    offsets[0] = 0;
    for (std::size_t i = 0; i < column.size; ++i) {
        std::memcpy(bytes + end, texts[positions[i]].bytes, piece);
        end += sizes[positions[i]];
        offsets[i + 1] = static_cast<std::int32_t>(end);
    }
    column.type = column_type::utf8;
    column.values = bytes;
    column.offsets = offsets;
}

template <class Count,
          class Position>  // Count: unsigned, as wide as it takes to count the bytes of all values
void gather_text(column_view& column, column_view const& values, Position const* positions,
                 batch_memory& memory) {
    // The values stand in memory that goes on behind the last, and the empty one that missing rows have is one of them.
    struct place_of_text {
        Count begin, size;
    };
    auto* texts = memory.allocate<place_of_text>(values.size + 1);
    Count total = 0;
    for (std::size_t i = 0; i < values.size; ++i) {
        texts[i] = {total, static_cast<Count>(values.is_null(i) ? 0 : values.text(i).size())};
        total += texts[i].size;
    }
    texts[values.size] = {0, 0};
    char* from = memory.allocate<char>(std::size_t{total} + piece);
    std::memset(from + total, 0, piece);
    for (std::size_t i = 0; i < values.size; ++i)
        if (texts[i].size > 0) std::memcpy(from + texts[i].begin, values.text(i).data(), texts[i].size);

    auto* offsets = memory.allocate<std::int64_t>(column.size + 1);
    std::uint64_t end = 0;
    offsets[0] = 0;
    for (std::size_t i = 0; i < column.size; ++i) {
        end += texts[positions[i]].size;
        offsets[i + 1] = static_cast<std::int64_t>(end);
    }
    char* bytes = memory.allocate<char>(end + piece);
    char* to = bytes;
    for (std::size_t i = 0; i < column.size; ++i) {
        place_of_text const text = texts[positions[i]];
        std::memcpy(to, from + text.begin, piece);
        if (text.size > piece) std::memcpy(to + piece, from + text.begin + piece, text.size - piece);
        to += text.size;
    }
    column.type = column_type::large_utf8;
    column.values = bytes;
    column.offsets = offsets;
}

template <class T, class Position>
void const* gather_numbers(column_view const& values, Position const* positions, std::size_t length,
                           batch_memory& memory) {
    T* from = memory.allocate<T>(values.size + 1);
    std::memcpy(from, values.values, values.size * sizeof(T));
    from[values.size] = T{};
    T* to = memory.allocate<T>(length);
    for (std::size_t i = 0; i < length; ++i)
        to[i] = from[positions[i]];
    return to;
}

void concatenate_text(column_view& whole, std::vector<column_view> const& parts, batch_memory& memory) {
    auto* offsets = memory.allocate<std::int64_t>(whole.size + 1);
    offsets[0] = 0;
    std::size_t row = 0;
    for (auto const& part : parts) {
        for (std::size_t i = 0; i < part.size; ++i, ++row)
            offsets[row + 1] = offsets[row] + static_cast<std::int64_t>(part.text(i).size());
    }
    char* bytes = memory.allocate<char>(static_cast<std::size_t>(offsets[whole.size]));
    row = 0;
    for (auto const& part : parts) {
        if (part.size == 0) continue;
        char const* const first = part.text(0).data();
        auto const size = static_cast<std::size_t>(offsets[row + part.size] - offsets[row]);
        if (size > 0) std::memcpy(bytes + offsets[row], first, size);
        row += part.size;
    }
    whole.values = bytes;
    whole.offsets = offsets;
}

void concatenate_decimals(column_view& whole, std::vector<column_view> const& parts,
                          column_place const& place, batch_memory& memory) {
    for (auto const& part : parts)
        if (part.size > 0) whole.scale = std::max(whole.scale, part.scale);
    auto* to = memory.allocate<std::int64_t>(whole.size);
    whole.values = to;
    std::size_t row = 0;
    for (auto const& part : parts) {
        std::int64_t const factor = part.size > 0 ? power_of_ten(whole.scale - part.scale) : 1;
        for (std::size_t i = 0; i < part.size; ++i, ++row) {
            to[row] = 0;
            if (!part.is_null(i) && __builtin_mul_overflow(part.at<std::int64_t>(i), factor, &to[row]))
                place.bad_value(row, {},
                                "is a decimal that does not fit in 64 bits with the " +
                                    std::to_string(whole.scale) + " decimal places of other rows");
        }
    }
}

template <class Position>
column_view gather_rows(column_view const& values, Position const* positions, std::size_t length,
                        batch_memory& memory) {
    column_view column = values;
    column.size = length;
    column.validity = gather_validity(values, positions, length, memory);
    column.validity_offset = 0;
    if (values.is_text()) {
        std::size_t const longest = longest_text(values);
        if (longest <= piece && length < (std::size_t{1} << 27)) {
            gather_short_text(column, values, positions, longest, memory);
        } else if (text_bytes(values) <= std::numeric_limits<std::uint32_t>::max()) {
            gather_text<std::uint32_t>(column, values, positions, memory);
        } else {
            gather_text<std::uint64_t>(column, values, positions, memory);
        }
    } else if (width_of(values.type) == sizeof(std::int32_t)) {
        column.values = gather_numbers<std::int32_t>(values, positions, length, memory);
    } else {
        column.values = gather_numbers<std::int64_t>(values, positions, length, memory);
    }
    return column;
}

}  // namespace

column_view gather(column_view const& values, std::uint32_t const* positions, std::size_t length,
                   batch_memory& memory) {
    return gather_rows(values, positions, length, memory);
}

column_view gather(column_view const& values, std::uint8_t const* positions, std::size_t length,
                   batch_memory& memory) {
    return gather_rows(values, positions, length, memory);
}

column_view concatenate(std::vector<column_view> const& parts, column_view const& like,
                        column_place const& place, batch_memory& memory) {
    column_view whole = like;
    if (whole.type == column_type::utf8) whole.type = column_type::large_utf8;
    whole.size = 0;
    whole.values = nothing;
    whole.offsets = whole.is_text() ? nothing : nullptr;
    whole.validity = nullptr;
    whole.validity_offset = 0;
    bool any_missing = false;
    for (auto const& part : parts) {
        whole.size += part.size;
        any_missing = any_missing || part.validity != nullptr;
    }
    if (whole.size == 0) return whole;

    if (any_missing) {
        auto* bits = memory.allocate_bits(whole.size);
        std::size_t row = 0;
        for (auto const& part : parts) {
            for (std::size_t i = 0; i < part.size; ++i, ++row)
                set_bit(bits, row, !part.is_null(i));
        }
        whole.validity = bits;
    }
    if (whole.is_text()) {
        concatenate_text(whole, parts, memory);
    } else if (whole.type == column_type::decimal64) {
        whole.scale = 0;
        concatenate_decimals(whole, parts, place, memory);
    } else {
        std::size_t const width = width_of(whole.type);
        auto* bytes = reinterpret_cast<std::byte*>(memory.allocate<std::uint64_t>(whole.size));
        whole.values = bytes;
        for (auto const& part : parts) {
            std::memcpy(bytes, part.values, part.size * width);
            bytes += part.size * width;
        }
    }
    return whole;
}

}  // namespace clavis::ledger::arrow

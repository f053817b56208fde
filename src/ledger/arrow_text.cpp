#include "ledger/arrow_text.hpp"

#include <algorithm>
#include <string>

namespace clavis::ledger::arrow {
namespace {

using byte = std::uint8_t;

bool is_ascii(byte const* at, std::size_t size) noexcept {
    byte seen = 0;
    for (std::size_t i = 0; i < size; ++i)
        seen = static_cast<byte>(seen | at[i]);
    return seen < 0x80;
}

/// Whether the character that the three bytes before `at` are part of goes on at `at`.
bool goes_on(byte const* at) noexcept {
    return at[-1] >= 0xc0 || at[-2] >= 0xe0 || at[-3] >= 0xf0;
}

// GCC and clang turn these into vectors of whatever machine there is; loops over bytes they leave as they are.
constexpr std::size_t lanes = 16;
using lane_bytes = byte __attribute__((vector_size(lanes)));

lane_bytes load(byte const* at) noexcept {
    lane_bytes values;
    std::memcpy(&values, at, sizeof values);
    return values;
}

/// Not 0 where a byte is not what the three before it ask for.
lane_bytes broken_rules(byte const* at) noexcept {
    lane_bytes const here = load(at), before = load(at - 1);
    auto const asked = (before >= 0xc0) | (load(at - 2) >= 0xe0) | (load(at - 3) >= 0xf0);
    auto const continues = (here & 0xc0) == 0x80;
    auto const overlong =
        ((here & 0xfe) == 0xc0) | ((before == 0xe0) & (here < 0xa0)) | ((before == 0xf0) & (here < 0x90));
    auto const surrogate = (before == 0xed) & (here >= 0xa0);
    auto const beyond = (here >= 0xf5) | ((before == 0xf4) & (here >= 0x90));
    return reinterpret_cast<lane_bytes>((asked ^ continues) | overlong | surrogate | beyond);
}

/// Whether every byte is what the three before it ask for; looks at at[-3] … at[size - 1].
bool follows_rules(byte const* at, std::size_t size) noexcept {
    lane_bytes broken{};
    std::size_t i = 0;
    for (; i + lanes <= size; i += lanes)
        broken |= broken_rules(at + i);
    if (i < size) {  // the end of the text: the bytes that follow are nothing
        byte rest[3 + lanes] = {};
        std::memcpy(rest, at + i - 3, 3 + size - i);
        broken |= broken_rules(rest + 3);
    }
    byte any = 0;
    for (std::size_t lane = 0; lane < lanes; ++lane)
        any = static_cast<byte>(any | broken[lane]);
    return any == 0;
}

template <class Offset>
void check(Offset const* offsets, std::size_t length, column_place const& place) {
    using bits = std::make_unsigned_t<Offset>;
    if (offsets[0] < 0) place.damaged("a text begins at byte " + std::to_string(offsets[0]));
    // While all are at least 0, no difference overflows; the highest bit is a minus sign.
    bits signs = 0;
    for (std::size_t i = 0; i < length; ++i) {
        bits const next = static_cast<bits>(offsets[i + 1]);
        signs |= next | (next - static_cast<bits>(offsets[i]));
    }
    if (static_cast<Offset>(signs) >= 0) return;
    for (std::size_t i = 0; i < length; ++i) {
        if (offsets[i + 1] < offsets[i])
            place.bad_value(i, {}, "the Arrow data are damaged: a text ends before it begins");
    }
}

template <class Offset>
bool none_begins_inside(column_view const& column) {
    auto const* offsets = static_cast<Offset const*>(column.offsets);
    auto const* bytes = static_cast<byte const*>(column.values);
    // Rows at the very end are empty and begin where no byte is.
    std::size_t rows = column.size;
    while (rows > 0 && offsets[rows - 1] == offsets[column.size])
        --rows;
    byte inside = 0;
    for (std::size_t i = 0; i < rows; ++i)
        inside = static_cast<byte>(inside | ((bytes[offsets[i]] & 0xc0) == 0x80 ? 1 : 0));
    return inside == 0;
}

}  // namespace

text_kind classify_text(std::string_view text) noexcept {
    constexpr std::size_t head_size = 64, block_size = 1024;
    auto const* const begin = reinterpret_cast<byte const*>(text.data());
    std::size_t const size = text.size();
    // The head stands behind three bytes of nothing, every later byte behind three of the text.
    byte head[3 + head_size] = {};
    if (size > 0) std::memcpy(head + 3, begin, std::min(size, head_size));
    text_kind kind = text_kind::ascii;
    for (std::size_t at = 0; at < size;) {
        std::size_t const step = std::min(size - at, at == 0 ? head_size : block_size);
        byte const* const block = at == 0 ? head + 3 : begin + at;
        if (!is_ascii(block, step)) {
            kind = text_kind::utf8;
            if (!follows_rules(block, step)) return text_kind::malformed;
        } else if (goes_on(block)) {
            return text_kind::malformed;
        }
        at += step;
        if (at == size && goes_on(block + step)) return text_kind::malformed;
    }
    return kind;
}

void check_offsets(std::int32_t const* offsets, std::size_t length, column_place const& place) {
    check(offsets, length, place);
}
void check_offsets(std::int64_t const* offsets, std::size_t length, column_place const& place) {
    check(offsets, length, place);
}

void check_utf8(column_view const& column, column_place const& place) {
    if (column.size == 0) return;
    std::string_view const first = column.text(0), last = column.text(column.size - 1);
    text_kind const kind =
        classify_text({first.data(), static_cast<std::size_t>(last.data() + last.size() - first.data())});
    if (kind == text_kind::ascii) return;
    // Where the whole is well formed, so is every text unless one begins in the middle of a character.
    bool const narrow = column.type == column_type::utf8;
    if (kind == text_kind::utf8 &&
        (narrow ? none_begins_inside<std::int32_t>(column) : none_begins_inside<std::int64_t>(column)))
        return;
    // Missing rows may hold anything.
    for (std::size_t i = 0; i < column.size; ++i) {
        if (!column.is_null(i) && !is_utf8(column.text(i))) place.bad_value(i, {}, "the text is not UTF-8");
    }
}

void read_text_views(column_view& column, ArrowArray const& array, std::byte const* views,
                     column_place const& place, batch_memory& memory) {
    struct text_view {
        std::int32_t size;
        char head[4];  // with what follows the text itself where it has at most 12 bytes
        std::int32_t buffer;
        std::int32_t offset;
    };
    constexpr std::size_t most_inside = 12;
    static_assert(sizeof(text_view) == 16);
    std::int64_t const shared = array.n_buffers - 3;
    auto const* raw_sizes = static_cast<std::byte const*>(array.buffers[array.n_buffers - 1]);
    if (shared > 0 && raw_sizes == nullptr) place.damaged("the sizes of its buffers are missing");

    auto load = [views](std::size_t row) {  // views may lie anywhere
        text_view view;
        std::memcpy(&view, views + row * sizeof view, sizeof view);
        return view;
    };
    auto check_long = [&](text_view const& view, std::size_t row) {
        std::int64_t buffer_size = 0;
        if (view.buffer >= 0 && view.buffer < shared)
            std::memcpy(&buffer_size, raw_sizes + static_cast<std::size_t>(view.buffer) * 8, 8);
        if (view.offset < 0 || std::int64_t{view.offset} + view.size > buffer_size ||
            array.buffers[2 + view.buffer] == nullptr)
            place.bad_value(row, {}, "the Arrow data are damaged: a text lies outside its buffer");
    };
    auto* offsets = memory.allocate<std::int64_t>(column.size + 1);
    offsets[0] = 0;
    for (std::size_t i = 0; i < column.size; ++i) {
        text_view const view = load(i);
        bool const missing = column.is_null(i);
        if (!missing && static_cast<std::uint32_t>(view.size) > most_inside) {
            if (view.size < 0)
                place.bad_value(i, {}, "the Arrow data are damaged: a text of negative length");
            check_long(view, i);
        }
        offsets[i + 1] = offsets[i] + (missing ? 0 : view.size);
    }
    // Short texts are written with what follows them, which the next one overwrites.
    char* bytes = memory.allocate<char>(static_cast<std::size_t>(offsets[column.size]) + most_inside);
    for (std::size_t i = 0; i < column.size; ++i) {
        text_view const view = load(i);
        auto const size = static_cast<std::size_t>(offsets[i + 1] - offsets[i]);
        if (size <= most_inside) {
            std::memcpy(bytes + offsets[i], views + i * sizeof view + offsetof(text_view, head), most_inside);
        } else {
            std::memcpy(bytes + offsets[i],
                        static_cast<char const*>(array.buffers[2 + view.buffer]) + view.offset, size);
        }
    }
    column.values = bytes;
    column.offsets = offsets;
    check_utf8(column, place);
}

}  // namespace clavis::ledger::arrow

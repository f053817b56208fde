#include "ledger/arrow_column.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>

#include "clavis/core/errors.hpp"
#include "clavis/core/exact_sum.hpp"

namespace clavis::ledger::arrow {

static_assert(std::endian::native == std::endian::little,
              "Arrow columns are read in place, which needs little-endian");

void column_place::damaged(std::string const& problem) const {
    throw input_error(location{.table = table, .column = column}, "the Arrow data are damaged: " + problem);
}

void column_place::bad_value(std::size_t row, std::string_view value, std::string_view problem) const {
    throw input_error(location{.table = table,
                               .column = column,
                               .row = first_row + static_cast<std::int64_t>(row),
                               .value = value},
                      problem);
}

bool is_utf8(std::string_view text) {
    auto const* at = reinterpret_cast<unsigned char const*>(text.data());
    auto const* const end = at + text.size();
    auto continues = [&](std::ptrdiff_t i, unsigned low = 0x80, unsigned high = 0xbf) {
        return end - at > i && at[i] >= low && at[i] <= high;
    };
    while (at != end) {
        std::uint64_t block = 0;
        while (end - at >= 8 && (std::memcpy(&block, at, 8), (block & 0x8080808080808080U) == 0))
            at += 8;
        if (at == end) break;
        unsigned const lead = *at;
        if (lead < 0x80) {
            ++at;
        } else if (lead >= 0xc2 && lead <= 0xdf) {
            if (!continues(1)) return false;
            at += 2;
        } else if (lead >= 0xe0 && lead <= 0xef) {
            // No overlong forms, no surrogates.
            if (!continues(1, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf) || !continues(2))
                return false;
            at += 3;
        } else if (lead >= 0xf0 && lead <= 0xf4) {
            if (!continues(1, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf)) return false;
            if (!continues(2) || !continues(3)) return false;
            at += 4;
        } else {
            return false;
        }
    }
    return true;
}

void check_array(ArrowArray const& array, std::int64_t begin, std::int64_t length,
                 column_place const& place) {
    if (array.release == nullptr) place.damaged("the array is released already");
    if (array.length < 0 || array.length > most_rows) {
        place.damaged("the length is " + std::to_string(array.length));
    }
    if (array.offset < 0 || array.offset > most_rows) {
        place.damaged("the offset is " + std::to_string(array.offset));
    }
    if (array.null_count < -1 || array.null_count > array.length) {
        place.damaged("the number of nulls is " + std::to_string(array.null_count) + " of " +
                      std::to_string(array.length));
    }
    if (begin < 0 || length < 0 || begin > array.length || length > array.length - begin) {
        place.damaged("it has " + std::to_string(array.length) + " rows where " +
                      std::to_string(begin + length) + " are needed");
    }
}

bitmap validity_of(ArrowArray const& array, std::int64_t begin, column_place const& place) {
    if (array.null_count == 0) return {};
    auto const* bytes = static_cast<std::uint8_t const*>(array.buffers[0]);
    if (bytes == nullptr) {
        if (array.null_count > 0) place.damaged("it counts nulls but has no validity bitmap");
        return {};
    }
    std::size_t const bit = static_cast<std::size_t>(array.offset + begin);
    return {bytes + bit / 8, bit % 8};
}

namespace {

__extension__ using uint128 = unsigned __int128;

// What empty columns point at, so that no view holds a null pointer.
constexpr std::int64_t nothing[2] = {0, 0};

void set_bit(std::uint8_t* bytes, std::size_t bit) {
    bytes[bit >> 3] = static_cast<std::uint8_t>(bytes[bit >> 3] | 1U << (bit & 7));
}

std::uint8_t* allocate_bits(std::size_t count, batch_memory& memory) {
    std::size_t const size = count / 8 + 1;
    auto* bytes = memory.allocate<std::uint8_t>(size);
    std::memset(bytes, 0, size);
    return bytes;
}

/// Present where both say so.
bitmap intersection(bitmap a, bitmap b, std::size_t length, batch_memory& memory) {
    if (!a) return b;
    if (!b) return a;
    auto* bytes = allocate_bits(length, memory);
    for (std::size_t i = 0; i < length; ++i) {
        if (a.test(i) && b.test(i)) set_bit(bytes, i);
    }
    return {bytes, 0};
}

double from_half(std::uint16_t bits) {
    int const exponent = bits >> 10 & 31;
    int const fraction = bits & 1023;
    double const sign = bits >> 15 != 0 ? -1.0 : 1.0;
    if (exponent == 31) {
        return fraction == 0 ? sign * std::numeric_limits<double>::infinity()
                             : std::numeric_limits<double>::quiet_NaN();
    }
    if (exponent == 0) return sign * std::ldexp(fraction, -24);
    return sign * std::ldexp(1024 + fraction, exponent - 25);
}

/// value / 10^scale in digits.
std::string to_text(int128 value, int scale) {
    bool const negative = value < 0;
    uint128 rest = static_cast<uint128>(value);
    if (negative) rest = 0 - rest;
    std::string text;
    for (int places = 0; rest != 0 || places <= std::max(scale, 0); ++places) {
        if (places == scale && scale > 0) text += '.';
        text += static_cast<char>('0' + static_cast<int>(rest % 10));
        rest /= 10;
    }
    if (negative) text += '-';
    std::reverse(text.begin(), text.end());
    if (scale < 0) text.append(static_cast<std::size_t>(-scale), '0');
    return text;
}

/// Reads the slice [begin, begin + length) of one array of a given format.
class column_reader {
  public:
    column_reader(ArrowArray const& array, std::int64_t begin, std::size_t length, column_place const& place,
                  batch_memory& memory)
        : array_(array), begin_(begin), length_(length), place_(place), memory_(memory) {}

    column_view read(column_format const& format, bitmap parent) {
        check_array(array_, begin_, static_cast<std::int64_t>(length_), place_);
        if (array_.n_children != 0) place_.damaged("a plain column has children");
        check_buffer_count(format.stored);
        column_view column;
        column.type = format.type;
        column.size = length_;
        column.values = nothing;
        if (column.is_text()) column.offsets = nothing;
        if (format.stored == storage::timestamp) {
            column.resolution = format.resolution;
            column.zone = format.zone;
        }
        if (format.type == column_type::decimal64) column.scale = format.scale;
        if (length_ == 0) return column;
        if (format.stored == storage::null) return read_null(column);

        validity_ = intersection(parent, validity_of(array_, begin_, place_), length_, memory_);
        column.validity = validity_.bytes;
        column.validity_offset = validity_.offset;
        read_values(format, column);
        return column;
    }

    /// Indices into a dictionary of `size` values, which are checked; 0 where the row is missing.
    std::int64_t const* read_indices(column_view const& column, std::size_t size) {
        auto* indices = memory_.allocate<std::int64_t>(length_);
        bool const wide = column.type == column_type::int64;
        for (std::size_t i = 0; i < length_; ++i) {
            std::int64_t const index = wide ? column.at<std::int64_t>(i) : column.at<std::int32_t>(i);
            indices[i] = 0;
            if (column.is_null(i)) continue;
            if (index < 0 || static_cast<std::uint64_t>(index) >= size) {
                place_.bad_value(i, {},
                                 "the Arrow data are damaged: the index " + std::to_string(index) +
                                     " points outside a dictionary of " + std::to_string(size));
            }
            indices[i] = index;
        }
        return indices;
    }

  private:
    void check_buffer_count(storage stored) const {
        std::int64_t wanted = 2;
        if (stored == storage::null) wanted = 0;
        if (stored == storage::utf8 || stored == storage::large_utf8) wanted = 3;
        // Text views have as many buffers of bytes as the producer likes, and their sizes at the end.
        bool const right = stored == storage::utf8_view
                               ? array_.n_buffers >= 3 && array_.n_buffers < most_rows
                               : array_.n_buffers == wanted;
        if (!right) place_.damaged("it has " + std::to_string(array_.n_buffers) + " buffers");
        if (array_.n_buffers > 0 && array_.buffers == nullptr)
            place_.damaged("its list of buffers is missing");
    }

    /// `count` elements of a buffer from the slice's first on, in place where they lie aligned.
    template <class T>
    T const* buffer(int number, std::size_t count) {
        auto const* bytes = static_cast<std::byte const*>(array_.buffers[number]);
        if (bytes == nullptr) place_.damaged("buffer " + std::to_string(number) + " is missing");
        bytes += static_cast<std::size_t>(array_.offset + begin_) * sizeof(T);
        if (reinterpret_cast<std::uintptr_t>(bytes) % alignof(T) == 0)
            return reinterpret_cast<T const*>(bytes);
        auto* copy = memory_.allocate<T>(count);
        std::memcpy(copy, bytes, count * sizeof(T));
        return copy;
    }

    bool is_missing(std::size_t row) const { return validity_ && !validity_.test(row); }

    /// Converts element by element; `make` sees present rows only.
    template <class From, class To, class Make>
    To const* convert(Make make) {
        From const* from = buffer<From>(1, length_);
        To* to = memory_.allocate<To>(length_);
        for (std::size_t i = 0; i < length_; ++i)
            to[i] = is_missing(i) ? To{} : make(from[i], i);
        return to;
    }
    template <class From, class To>
    To const* widen() {
        return convert<From, To>([](From value, std::size_t) { return static_cast<To>(value); });
    }

    column_view read_null(column_view column) {
        // Every row needs an offset and a bit of ours, and nothing of the producer's stands behind the length.
        if (length_ > (std::size_t{1} << 31))
            place_.damaged("a column of nulls has " + std::to_string(length_) + " rows");
        auto* offsets = memory_.allocate<std::int32_t>(length_ + 1);
        std::fill_n(offsets, length_ + 1, 0);
        column.offsets = offsets;
        column.validity = allocate_bits(length_, memory_);
        return column;
    }

    void read_values(column_format const& format, column_view& column) {
        switch (format.stored) {
            case storage::null:
                break;
            case storage::boolean:
                column.values = read_bits();
                break;
            case storage::int8:
                column.values = widen<std::int8_t, std::int32_t>();
                break;
            case storage::uint8:
                column.values = widen<std::uint8_t, std::int32_t>();
                break;
            case storage::int16:
                column.values = widen<std::int16_t, std::int32_t>();
                break;
            case storage::uint16:
                column.values = widen<std::uint16_t, std::int32_t>();
                break;
            case storage::uint32:
                column.values = widen<std::uint32_t, std::int64_t>();
                break;
            case storage::uint64:
                column.values = read_uint64();
                break;
            case storage::float16: {
                column.values = convert<std::uint16_t, double>(
                    [](std::uint16_t half, std::size_t) { return from_half(half); });
                break;
            }
            case storage::float32:
                column.values = widen<float, double>();
                break;
            case storage::int32:
            case storage::date32:
                column.values = buffer<std::int32_t>(1, length_);
                break;
            case storage::int64:
            case storage::timestamp:
                column.values = buffer<std::int64_t>(1, length_);
                break;
            case storage::float64:
                column.values = buffer<double>(1, length_);
                break;
            case storage::decimal32:
                column.values = read_decimal<std::int32_t>(format.scale);
                break;
            case storage::decimal64:
                column.values = read_decimal<std::int64_t>(format.scale);
                break;
            case storage::decimal128:
                column.values = read_decimal<words128>(format.scale);
                break;
            case storage::date64:
                column.values = read_date64();
                break;
            case storage::utf8:
                read_text<std::int32_t>(column);
                break;
            case storage::large_utf8:
                read_text<std::int64_t>(column);
                break;
            case storage::utf8_view:
                read_text_views(column);
                break;
        }
    }

    std::int32_t const* read_bits() {
        auto const* bytes = static_cast<std::uint8_t const*>(array_.buffers[1]);
        if (bytes == nullptr) place_.damaged("buffer 1 is missing");
        std::size_t const bit = static_cast<std::size_t>(array_.offset + begin_);
        bitmap const bits{bytes + bit / 8, bit % 8};
        auto* values = memory_.allocate<std::int32_t>(length_);
        for (std::size_t i = 0; i < length_; ++i)
            values[i] = bits.test(i) ? 1 : 0;
        return values;
    }

    std::int64_t const* read_uint64() {
        return convert<std::uint64_t, std::int64_t>([this](std::uint64_t value, std::size_t row) {
            if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
                place_.bad_value(row, std::to_string(value), "is larger than a signed 64-bit integer");
            }
            return static_cast<std::int64_t>(value);
        });
    }

    std::int32_t const* read_date64() {
        return convert<std::int64_t, std::int32_t>([this](std::int64_t milliseconds, std::size_t row) {
            constexpr std::int64_t a_day = 86'400'000;
            std::int64_t const days = milliseconds / a_day - (milliseconds % a_day < 0);
            if (days != static_cast<std::int32_t>(days)) {
                place_.bad_value(row, std::to_string(milliseconds), "is a date in milliseconds out of range");
            }
            return static_cast<std::int32_t>(days);
        });
    }

    struct words128 {
        std::uint64_t low, high;
    };
    static int128 to_int128(words128 words) {
        return static_cast<int128>(static_cast<uint128>(words.high) << 64 | words.low);
    }
    static int128 to_int128(std::int64_t value) { return value; }

    template <class Stored>
    std::int64_t const* read_decimal(int scale) {
        // A negative scale counts tens, hundreds …: those become whole units.
        int128 const factor = power_of_ten(std::max(-scale, 0));
        return convert<Stored, std::int64_t>([this, factor, scale](Stored stored, std::size_t row) {
            int128 const value = to_int128(stored);
            int128 const limit = std::numeric_limits<std::int64_t>::max() / factor;
            if (value > limit || value < -limit) {
                place_.bad_value(row, to_text(value, scale), "is a decimal that does not fit in 64 bits");
            }
            return static_cast<std::int64_t>(value * factor);
        });
    }

    template <class Offset>
    void read_text(column_view& column) {
        Offset const* offsets = buffer<Offset>(1, length_ + 1);
        if (offsets[0] < 0) place_.damaged("a text begins at byte " + std::to_string(offsets[0]));
        for (std::size_t i = 0; i < length_; ++i) {
            if (offsets[i + 1] < offsets[i]) {
                place_.bad_value(i, {}, "the Arrow data are damaged: a text ends before it begins");
            }
        }
        // The buffer of bytes ends where the last text of the whole array does, of which this is a slice.
        Offset end = 0;
        std::memcpy(&end,
                    static_cast<std::byte const*>(array_.buffers[1]) +
                        static_cast<std::size_t>(array_.offset + array_.length) * sizeof(Offset),
                    sizeof end);
        if (offsets[length_] > end) place_.damaged("a text ends behind the last one");
        auto const* bytes = static_cast<char const*>(array_.buffers[2]);
        if (bytes == nullptr) {
            if (offsets[length_] != offsets[0]) place_.damaged("buffer 2 is missing");
            bytes = reinterpret_cast<char const*>(nothing);
            if (offsets[0] != 0) {  // every text is empty: let them begin where our byte is
                auto* zeros = memory_.allocate<Offset>(length_ + 1);
                std::fill_n(zeros, length_ + 1, Offset{0});
                offsets = zeros;
            }
        }
        column.values = bytes;
        column.offsets = offsets;
        check_utf8(column);
    }

    void check_utf8(column_view const& column) const {
        std::string_view const first = column.text(0), last = column.text(length_ - 1);
        std::string_view const all(first.data(),
                                   static_cast<std::size_t>(last.data() + last.size() - first.data()));
        if (is_utf8(all)) {
            // Then a text is well formed where none begins in the middle of a character.
            bool whole = true;
            for (std::size_t i = 1; i < length_ && whole; ++i) {
                std::string_view const text = column.text(i);
                whole = text.data() == all.data() + all.size() ||
                        (static_cast<unsigned char>(*text.data()) & 0xc0) != 0x80;
            }
            if (whole) return;
        }
        // Missing rows may hold anything.
        for (std::size_t i = 0; i < length_; ++i) {
            if (!column.is_null(i) && !is_utf8(column.text(i)))
                place_.bad_value(i, {}, "the text is not UTF-8");
        }
    }

    void read_text_views(column_view& column) {
        struct text_view {
            std::int32_t size;
            char head[4];  // with what follows the text itself where it has at most 12 bytes
            std::int32_t buffer;
            std::int32_t offset;
        };
        static_assert(sizeof(text_view) == 16);
        auto const* views = buffer<text_view>(1, length_);
        std::int64_t const shared = array_.n_buffers - 3;
        auto const* raw_sizes = static_cast<std::byte const*>(array_.buffers[array_.n_buffers - 1]);
        if (shared > 0 && raw_sizes == nullptr) place_.damaged("the sizes of its buffers are missing");

        auto text_of = [&](std::size_t row) -> std::string_view {
            text_view const& view = views[row];
            if (view.size < 0)
                place_.bad_value(row, {}, "the Arrow data are damaged: a text of negative length");
            std::size_t const size = static_cast<std::size_t>(view.size);
            if (size <= 12) return {reinterpret_cast<char const*>(&view) + offsetof(text_view, head), size};
            std::int64_t buffer_size = 0;
            if (view.buffer >= 0 && view.buffer < shared) {
                std::memcpy(&buffer_size, raw_sizes + static_cast<std::size_t>(view.buffer) * 8, 8);
            }
            if (view.offset < 0 || std::int64_t{view.offset} + view.size > buffer_size ||
                array_.buffers[2 + view.buffer] == nullptr) {
                place_.bad_value(row, {}, "the Arrow data are damaged: a text lies outside its buffer");
            }
            return {static_cast<char const*>(array_.buffers[2 + view.buffer]) + view.offset, size};
        };
        gather_text(column, text_of);
        check_utf8(column);
    }

    /// Fills a large_utf8 column from a function that gives each present row's text.
    template <class TextOf>
    void gather_text(column_view& column, TextOf text_of) {
        auto* offsets = memory_.allocate<std::int64_t>(length_ + 1);
        offsets[0] = 0;
        for (std::size_t i = 0; i < length_; ++i) {
            std::size_t const size = is_missing(i) ? 0 : text_of(i).size();
            offsets[i + 1] = offsets[i] + static_cast<std::int64_t>(size);
        }
        char* bytes = memory_.allocate<char>(static_cast<std::size_t>(offsets[length_]));
        for (std::size_t i = 0; i < length_; ++i) {
            if (is_missing(i)) continue;
            std::string_view const text = text_of(i);
            if (!text.empty()) std::memcpy(bytes + offsets[i], text.data(), text.size());
        }
        column.values = bytes;
        column.offsets = offsets;
    }

    ArrowArray const& array_;
    std::int64_t begin_;
    std::size_t length_;
    column_place const& place_;
    batch_memory& memory_;
    bitmap validity_;
};

std::size_t width_of(column_type type) {
    return type == column_type::int32 || type == column_type::date32 ? sizeof(std::int32_t)
                                                                     : sizeof(std::int64_t);
}

/// Row i of the result is element rows[i] of `values`, or missing where keep(i) is false.
column_view gather(column_view const& values, std::int64_t const* rows, column_view const& keys,
                   batch_memory& memory) {
    std::size_t const length = keys.size;
    column_view column = values;
    column.size = length;
    column.validity = nullptr;
    column.validity_offset = 0;

    std::uint8_t* present = nullptr;
    if (keys.validity != nullptr || values.validity != nullptr) {
        present = allocate_bits(length, memory);
        for (std::size_t i = 0; i < length; ++i) {
            if (!keys.is_null(i) && !values.is_null(static_cast<std::size_t>(rows[i]))) set_bit(present, i);
        }
        column.validity = present;
    }
    auto is_present = [&](std::size_t i) { return !column.is_null(i); };
    if (values.is_text()) {
        column.type = column_type::large_utf8;
        auto* offsets = memory.allocate<std::int64_t>(length + 1);
        offsets[0] = 0;
        auto text_of = [&](std::size_t i) {
            return is_present(i) ? values.text(static_cast<std::size_t>(rows[i])) : std::string_view();
        };
        for (std::size_t i = 0; i < length; ++i)
            offsets[i + 1] = offsets[i] + static_cast<std::int64_t>(text_of(i).size());
        char* bytes = memory.allocate<char>(static_cast<std::size_t>(offsets[length]));
        for (std::size_t i = 0; i < length; ++i) {
            if (auto const text = text_of(i); !text.empty())
                std::memcpy(bytes + offsets[i], text.data(), text.size());
        }
        column.values = bytes;
        column.offsets = offsets;
        return column;
    }
    std::size_t const width = width_of(values.type);
    auto* bytes = reinterpret_cast<std::byte*>(memory.allocate<std::uint64_t>(length));
    std::memset(bytes, 0, length * width);
    auto const* from = static_cast<std::byte const*>(values.values);
    for (std::size_t i = 0; i < length; ++i) {
        if (is_present(i))
            std::memcpy(bytes + i * width, from + static_cast<std::size_t>(rows[i]) * width, width);
    }
    column.values = bytes;
    return column;
}

}  // namespace

column_view read_column(ArrowArray const& array, column_plan const& plan, std::int64_t begin,
                        std::size_t length, bitmap parent, column_place const& place, batch_memory& memory) {
    column_reader reader(array, begin, length, place, memory);
    column_view column = reader.read(plan.format, parent);
    if (!plan.values) {
        if (array.dictionary != nullptr) place.damaged("it has a dictionary that its type does not speak of");
        return column;
    }
    if (array.dictionary == nullptr) place.damaged("its dictionary is missing");
    ArrowArray const& dictionary = *array.dictionary;
    if (dictionary.dictionary != nullptr) place.damaged("its dictionary has a dictionary");
    check_array(dictionary, 0, 0, place);
    // Errors inside the dictionary name its own positions, which are no rows of the table.
    column_reader value_reader(dictionary, 0, static_cast<std::size_t>(dictionary.length), place, memory);
    column_view const values = value_reader.read(*plan.values, {});
    auto const* indices = reader.read_indices(column, values.size);
    return gather(values, indices, column, memory);
}

column_view concatenate(std::vector<column_view> const& parts, column_plan const& plan,
                        batch_memory& memory) {
    column_view whole;
    whole.type = plan.type() == column_type::utf8 ? column_type::large_utf8 : plan.type();
    whole.values = nothing;
    if (whole.is_text()) whole.offsets = nothing;
    column_format const& format = plan.values ? *plan.values : plan.format;
    if (format.stored == storage::timestamp) {
        whole.resolution = format.resolution;
        whole.zone = format.zone;
    }
    if (whole.type == column_type::decimal64) whole.scale = format.scale;
    bool any_missing = false;
    for (auto const& part : parts) {
        whole.size += part.size;
        any_missing = any_missing || part.validity != nullptr;
    }
    if (whole.size == 0) return whole;

    if (any_missing) {
        auto* bits = allocate_bits(whole.size, memory);
        std::size_t row = 0;
        for (auto const& part : parts) {
            for (std::size_t i = 0; i < part.size; ++i, ++row) {
                if (!part.is_null(i)) set_bit(bits, row);
            }
        }
        whole.validity = bits;
    }
    if (whole.is_text()) {
        auto* offsets = memory.allocate<std::int64_t>(whole.size + 1);
        offsets[0] = 0;
        std::size_t row = 0;
        for (auto const& part : parts) {
            for (std::size_t i = 0; i < part.size; ++i, ++row) {
                offsets[row + 1] = offsets[row] + static_cast<std::int64_t>(part.text(i).size());
            }
        }
        char* bytes = memory.allocate<char>(static_cast<std::size_t>(offsets[whole.size]));
        row = 0;
        for (auto const& part : parts) {
            if (part.size == 0) continue;
            std::string_view const first = part.text(0), last = part.text(part.size - 1);
            std::size_t const size = static_cast<std::size_t>(last.data() + last.size() - first.data());
            if (size > 0) std::memcpy(bytes + offsets[row], first.data(), size);
            row += part.size;
        }
        whole.values = bytes;
        whole.offsets = offsets;
        return whole;
    }
    std::size_t const width = width_of(whole.type);
    auto* bytes = reinterpret_cast<std::byte*>(memory.allocate<std::uint64_t>(whole.size));
    whole.values = bytes;
    for (auto const& part : parts) {
        std::memcpy(bytes, part.values, part.size * width);
        bytes += part.size * width;
    }
    return whole;
}

}  // namespace clavis::ledger::arrow

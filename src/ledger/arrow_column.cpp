#include "ledger/arrow_column.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>

#include "clavis/core/errors.hpp"
#include "ledger/arrow_decimal.hpp"
#include "ledger/arrow_gather.hpp"
#include "ledger/arrow_text.hpp"

namespace clavis::ledger::arrow {

static_assert(std::endian::native == std::endian::little,
              "Arrow columns are read in place, which needs little-endian");

void column_place::damaged(std::string const& problem) const {
    throw input_error(location{.table = table, .column = column}, "the Arrow data are damaged: " + problem);
}

void column_place::bad_value(std::size_t row, std::string_view value, std::string_view problem) const {
    location where{.table = table, .column = column, .value = value};
    if (first_row < 0) {
        throw input_error(
            where, std::string(problem) + " (value " + std::to_string(row) + " of its dictionary or runs)");
    }
    where.row = first_row + static_cast<std::int64_t>(row);
    throw input_error(where, problem);
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

column_view empty_column(column_format const& format) {
    column_view column;
    column.type = format.type;
    column.values = nothing;
    if (column.is_text()) column.offsets = nothing;
    if (format.stored == storage::timestamp) {
        column.resolution = format.resolution;
        column.zone = format.zone;
    }
    if (format.type == column_type::decimal64) column.scale = format.scale;
    return column;
}

namespace {

// Rows that no bytes of the producer stand behind: nulls and runs.
constexpr std::size_t most_unbacked_rows = std::size_t{1} << 31;

/// Present where both say so.
bitmap intersection(bitmap a, bitmap b, std::size_t length, batch_memory& memory) {
    if (!a) return b;
    if (!b) return a;
    auto* bytes = memory.allocate_bits(length);
    for (std::size_t i = 0; i < length; ++i)
        set_bit(bytes, i, a.test(i) && b.test(i));
    return {bytes, 0};
}

double from_half(std::uint16_t bits) {
    // The fraction and exponent of a half at the place of those of a float, which is too small by 2^112; infinities and
    // NaN have the largest exponent in both.
    std::uint32_t const magnitude = static_cast<std::uint32_t>(bits & 0x7fff) << 13;
    std::uint32_t const special = (bits & 0x7c00) == 0x7c00 ? 0x7f800000U : 0U;
    std::uint32_t const scaled = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112F);
    std::uint32_t const sign = static_cast<std::uint32_t>(bits & 0x8000) << 16;
    return static_cast<double>(std::bit_cast<float>(scaled | special | sign));
}

/// Reads the slice [begin, begin + length) of one array of a given format.
class column_reader {
  public:
    column_reader(ArrowArray const& array, std::int64_t begin, std::size_t length, column_place const& place,
                  batch_memory& memory)
        : array_(array), begin_(begin), length_(length), place_(place), memory_(memory) {}

    column_view read(column_format const& format, bitmap parent) {
        open(format.stored);
        column_view column = empty_column(format);
        column.size = length_;
        if (length_ == 0) return column;
        if (format.stored == storage::null) return read_null(column);
        find_validity(parent);
        column.validity = validity_.bytes;
        column.validity_offset = validity_.offset;
        read_values(format, column);
        return column;
    }

    /// Indices of a byte each into `size` values where they stand, if all rows are present and all point inside; else null.
    std::uint8_t const* byte_positions(column_format const& format, bitmap parent, std::size_t size) {
        if (format.stored != storage::int8 && format.stored != storage::uint8) return nullptr;
        open(format.stored);
        if (length_ == 0) return nullptr;
        find_validity(parent);
        if (validity_) return nullptr;
        auto const* codes = buffer<std::uint8_t>(1, length_);
        std::uint8_t largest = 0;
        for (std::size_t i = 0; i < length_; ++i)
            largest = std::max(largest, codes[i]);
        std::size_t const limit = format.stored == storage::int8 ? std::min<std::size_t>(size, 128) : size;
        return largest < limit ? codes : nullptr;
    }

    /// Indices of this format into `size` values, which are checked; `size` where the row is missing.
    std::uint32_t const* read_positions(column_format const& format, bitmap parent, std::size_t size) {
        open(format.stored);
        if (length_ == 0) return memory_.allocate<std::uint32_t>(0);
        if (size >= std::numeric_limits<std::uint32_t>::max())
            place_.damaged("its dictionary has " + std::to_string(size) + " values");
        find_validity(parent);
        switch (format.stored) {
            case storage::int8:
                return positions_of<std::int8_t>(size);
            case storage::uint8:
                return positions_of<std::uint8_t>(size);
            case storage::int16:
                return positions_of<std::int16_t>(size);
            case storage::uint16:
                return positions_of<std::uint16_t>(size);
            case storage::int32:
                return positions_of<std::int32_t>(size);
            case storage::uint32:
                return positions_of<std::uint32_t>(size);
            case storage::int64:
                return positions_of<std::int64_t>(size);
            default:
                return positions_of<std::uint64_t>(size);
        }
    }

  private:
    void open(storage stored) const {
        check_array(array_, begin_, static_cast<std::int64_t>(length_), place_);
        if (array_.n_children != 0) place_.damaged("a plain column has children");
        std::int64_t wanted = 2;
        if (stored == storage::utf8 || stored == storage::large_utf8) wanted = 3;
        // Text views have as many buffers of bytes as the producer likes, and their sizes at the end.
        bool const right = stored == storage::utf8_view
                               ? array_.n_buffers >= 3 && array_.n_buffers < most_rows
                           // Polars counts one for nulls.
                           : stored == storage::null ? array_.n_buffers == 0 || array_.n_buffers == 1
                                                     : array_.n_buffers == wanted;
        if (!right) place_.damaged("it has " + std::to_string(array_.n_buffers) + " buffers");
        if (array_.n_buffers > 0 && array_.buffers == nullptr)
            place_.damaged("its list of buffers is missing");
    }

    void find_validity(bitmap parent) {
        validity_ = intersection(parent, validity_of(array_, begin_, place_), length_, memory_);
    }
    bool is_missing(std::size_t row) const { return validity_ && !validity_.test(row); }

    std::byte const* bytes_of_buffer(int number) const {
        auto const* bytes = static_cast<std::byte const*>(array_.buffers[number]);
        if (bytes == nullptr) place_.damaged("buffer " + std::to_string(number) + " is missing");
        return bytes;
    }
    std::size_t first() const { return static_cast<std::size_t>(array_.offset + begin_); }

    /// `count` elements of a buffer from the slice's first on, in place where they lie aligned.
    template <class T>
    T const* buffer(int number, std::size_t count) {
        auto const* bytes = bytes_of_buffer(number) + first() * sizeof(T);
        if (reinterpret_cast<std::uintptr_t>(bytes) % alignof(T) == 0)
            return reinterpret_cast<T const*>(bytes);
        auto* copy = memory_.allocate<T>(count);
        std::memcpy(copy, bytes, count * sizeof(T));
        return copy;
    }

    /// Converts every element, also those of missing rows: a loop without branches.
    template <class From, class To, class Make>
    To const* convert(Make make) {
        From const* from = buffer<From>(1, length_);
        To* to = memory_.allocate<To>(length_);
        for (std::size_t i = 0; i < length_; ++i)
            to[i] = make(from[i]);
        return to;
    }
    template <class From, class To>
    To const* widen() {
        return convert<From, To>([](From value) { return static_cast<To>(value); });
    }
    /// The same where not every value fits; the first one of a present row that does not is an error.
    template <class From, class To, class Make, class Fits>
    To const* convert(Make make, Fits fits, std::string_view problem) {
        From const* from = buffer<From>(1, length_);
        To* to = memory_.allocate<To>(length_);
        bool all = true;
        for (std::size_t i = 0; i < length_; ++i) {
            to[i] = make(from[i]);
            all &= fits(from[i]);
        }
        for (std::size_t i = 0; !all && i < length_; ++i) {
            if (!is_missing(i) && !fits(from[i])) place_.bad_value(i, std::to_string(from[i]), problem);
        }
        return to;
    }

    template <class Index>
    std::uint32_t const* positions_of(std::size_t size) {
        using bits = std::make_unsigned_t<Index>;
        Index const* from = buffer<Index>(1, length_);
        auto* positions = memory_.allocate<std::uint32_t>(length_);
        auto const absent = static_cast<std::uint32_t>(size);
        // As unsigned numbers those below zero are above the largest that the type can hold.
        std::uint64_t limit = size;
        if constexpr (std::is_signed_v<Index>)
            limit = std::min(limit, static_cast<std::uint64_t>(std::numeric_limits<Index>::max()) + 1);
        bool all = true;
        if (!validity_) {
            bits largest = 0;
            for (std::size_t i = 0; i < length_; ++i) {
                auto const index = static_cast<bits>(from[i]);
                largest = std::max(largest, index);
                positions[i] = static_cast<std::uint32_t>(index);
            }
            all = largest < limit;
        } else {
            for (std::size_t i = 0; i < length_; ++i) {
                auto const index = static_cast<bits>(from[i]);
                bool const present = validity_.test(i);
                all &= !present || index < limit;
                positions[i] = present ? static_cast<std::uint32_t>(index) : absent;
            }
        }
        for (std::size_t i = 0; !all && i < length_; ++i) {
            if (is_missing(i) || static_cast<bits>(from[i]) < limit) continue;
            place_.bad_value(i, {},
                             "the Arrow data are damaged: the index " + std::to_string(from[i]) +
                                 " points outside a dictionary of " + std::to_string(size));
        }
        return positions;
    }

    column_view read_null(column_view column) {
        // Every row needs an offset and a bit of ours, and nothing of the producer's stands behind the length.
        if (length_ > most_unbacked_rows)
            place_.damaged("a column of nulls has " + std::to_string(length_) + " rows");
        auto* offsets = memory_.allocate<std::int32_t>(length_ + 1);
        std::fill_n(offsets, length_ + 1, 0);
        column.offsets = offsets;
        column.validity = memory_.allocate_bits(length_);
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
                column.values = convert<std::uint64_t, std::int64_t>(
                    [](std::uint64_t value) { return static_cast<std::int64_t>(value); },
                    [](std::uint64_t value) { return static_cast<std::int64_t>(value) >= 0; },
                    "is larger than a signed 64-bit integer");
                break;
            case storage::float16:
                column.values = convert<std::uint16_t, double>(from_half);
                break;
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
                read_decimals(column, buffer<std::int32_t>(1, length_), format.scale, place_, memory_);
                break;
            case storage::decimal64:
                read_decimals(column, buffer<std::int64_t>(1, length_), format.scale, place_, memory_);
                break;
            case storage::decimal128:
                read_decimals(column, buffer<wide_integer<2>>(1, length_), format.scale, place_, memory_);
                break;
            case storage::decimal256:
                read_decimals(column, buffer<wide_integer<4>>(1, length_), format.scale, place_, memory_);
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
                read_text_views(column, array_, bytes_of_buffer(1) + first() * 16, place_, memory_);
                break;
        }
    }

    std::int32_t const* read_bits() {
        bitmap const bits{reinterpret_cast<std::uint8_t const*>(bytes_of_buffer(1)), first()};
        auto* values = memory_.allocate<std::int32_t>(length_);
        for (std::size_t i = 0; i < length_; ++i)
            values[i] = bits.test(i) ? 1 : 0;
        return values;
    }

    std::int32_t const* read_date64() {
        auto const days = [](std::int64_t milliseconds) {
            constexpr std::int64_t a_day = 86'400'000;
            return milliseconds / a_day - (milliseconds % a_day < 0 ? 1 : 0);
        };
        return convert<std::int64_t, std::int32_t>(
            [&](std::int64_t value) { return static_cast<std::int32_t>(days(value)); },
            [&](std::int64_t value) { return days(value) == static_cast<std::int32_t>(days(value)); },
            "is a date in milliseconds out of range");
    }

    template <class Offset>
    void read_text(column_view& column) {
        Offset const* offsets = buffer<Offset>(1, length_ + 1);
        check_offsets(offsets, length_, place_);
        // The buffer of bytes ends where the last text of the whole array does, of which this is a slice.
        Offset end = 0;
        std::memcpy(
            &end,
            bytes_of_buffer(1) + static_cast<std::size_t>(array_.offset + array_.length) * sizeof(Offset),
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
        check_utf8(column, place_);
    }

    ArrowArray const& array_;
    std::int64_t begin_;
    std::size_t length_;
    column_place const& place_;
    batch_memory& memory_;
    bitmap validity_;
};

column_view read_coded(ArrowArray const& array, column_plan const& plan, std::int64_t begin,
                       std::size_t length, bitmap parent, column_place const& place, batch_memory& memory) {
    check_array(array, begin, static_cast<std::int64_t>(length), place);
    if (array.dictionary == nullptr) place.damaged("its dictionary is missing");
    ArrowArray const& dictionary = *array.dictionary;
    check_array(dictionary, 0, 0, place);
    if (dictionary.dictionary != nullptr) place.damaged("its dictionary has a dictionary");
    column_place const of_values = place.of_values();
    column_view const values =
        column_reader(dictionary, 0, static_cast<std::size_t>(dictionary.length), of_values, memory)
            .read(*plan.values, {});
    column_reader codes(array, begin, length, place, memory);
    if (auto const* positions = codes.byte_positions(plan.format, parent, values.size))
        return gather(values, positions, length, memory);
    return gather(values, codes.read_positions(plan.format, parent, values.size), length, memory);
}

column_view read_runs(ArrowArray const& array, column_plan const& plan, std::int64_t begin,
                      std::size_t length, bitmap parent, column_place const& place, batch_memory& memory) {
    check_array(array, begin, static_cast<std::int64_t>(length), place);
    if (length > most_unbacked_rows) place.damaged("runs have " + std::to_string(length) + " rows");
    if (array.n_children != 2 || array.children == nullptr || array.children[0] == nullptr ||
        array.children[1] == nullptr)
        place.damaged("run ends and values are not its children");
    if (array.dictionary != nullptr) place.damaged("it has a dictionary that its type does not speak of");
    column_place const of_values = place.of_values();
    check_array(*array.children[0], 0, 0, place);
    std::size_t const runs = static_cast<std::size_t>(array.children[0]->length);
    if (runs >= std::numeric_limits<std::uint32_t>::max())
        place.damaged("it has " + std::to_string(runs) + " runs");
    column_view const ends =
        column_reader(*array.children[0], 0, runs, of_values, memory).read(*plan.run_ends, {});
    auto const end_of = [&ends](std::size_t run) {
        return ends.type == column_type::int32 ? ends.at<std::int32_t>(run) : ends.at<std::int64_t>(run);
    };
    std::int64_t last = 0;
    for (std::size_t run = 0; run < runs; ++run) {
        if (ends.is_null(run) || end_of(run) <= last)
            place.damaged("its runs do not end one after the other");
        last = end_of(run);
    }
    std::int64_t const from = array.offset + begin;
    std::int64_t const to = from + static_cast<std::int64_t>(length);
    if (length > 0 && last < to)
        place.damaged("its runs end at row " + std::to_string(last) + " of " + std::to_string(to));

    column_plan of_children = plan;
    of_children.run_ends.reset();
    column_view const values = read_column(*array.children[1], of_children, 0, runs, {}, of_values, memory);
    auto* positions = memory.allocate<std::uint32_t>(length);
    std::size_t run = 0;
    while (length > 0 && end_of(run) <= from)
        ++run;
    for (std::size_t row = 0; row < length; ++run) {
        auto const end = static_cast<std::size_t>(std::min(end_of(run), to) - from);
        std::fill(positions + row, positions + end, static_cast<std::uint32_t>(run));
        row = end;
    }
    for (std::size_t row = 0; parent && row < length; ++row)
        if (!parent.test(row)) positions[row] = static_cast<std::uint32_t>(runs);
    return gather(values, positions, length, memory);
}

}  // namespace

column_view read_column(ArrowArray const& array, column_plan const& plan, std::int64_t begin,
                        std::size_t length, bitmap parent, column_place const& place, batch_memory& memory) {
    if (plan.run_ends) return read_runs(array, plan, begin, length, parent, place, memory);
    if (plan.values) return read_coded(array, plan, begin, length, parent, place, memory);
    column_view const column = column_reader(array, begin, length, place, memory).read(plan.format, parent);
    if (array.dictionary != nullptr) place.damaged("it has a dictionary that its type does not speak of");
    return column;
}

}  // namespace clavis::ledger::arrow

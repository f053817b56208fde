#pragma once

// Turns any bytes into an Arrow stream, reads it, and touches all that the reader hands out. Buffers are as long as
// the lengths say, which is what the reader may trust, and not a byte longer; all else is at the mercy of the input.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/ledger/arrow.hpp"
#include "ledger/arrow_producer.hpp"

namespace clavis::test {

class stream_maker {
  public:
    explicit stream_maker(std::span<std::uint8_t const> input) : input_(input) {}

    void fill(foreign_stream& stream) {
        stream.type = {.format = take() % 32 == 31 ? "l" : "+s"};
        std::size_t const columns = take() % 5;
        for (std::size_t i = 0; i < columns; ++i)
            stream.type.children.push_back(type(i));
        if (rarely()) stream.type.n_children = absurd();
        std::size_t const batches = take() % 4;
        for (std::size_t i = 0; i < batches; ++i)
            stream.batches.push_back(batch(stream.type.children));
        if (rarely()) stream.batch_error = 5;
        if (rarely()) stream.schema_error = 5;
        if (rarely()) stream.last_error = std::string(1, static_cast<char>(take()));
    }

  private:
    std::uint8_t take() {
        if (input_.empty()) return 0;
        std::uint8_t const value = input_.front();
        input_ = input_.subspan(1);
        return value;
    }
    bool rarely() { return take() > 250; }
    /// Counts that no array in memory can have.
    std::int64_t absurd() {
        constexpr std::array<std::int64_t, 5> values{-1, INT64_MIN, INT64_MAX, INT64_MAX - 7,
                                                     std::int64_t{1} << 41};
        return values[take() % values.size()];
    }

    struct format_case {
        char const* text;
        std::size_t width;  // bytes an element; 0: bits; text has its own way
    };
    static constexpr std::array<format_case, 30> formats{{{"n", 0},          {"b", 0},
                                                          {"c", 1},          {"C", 1},
                                                          {"s", 2},          {"S", 2},
                                                          {"i", 4},          {"I", 4},
                                                          {"l", 8},          {"L", 8},
                                                          {"e", 2},          {"f", 4},
                                                          {"g", 8},          {"u", 4},
                                                          {"U", 8},          {"vu", 16},
                                                          {"tdD", 4},        {"tdm", 8},
                                                          {"tsu:UTC", 8},    {"tsn:", 8},
                                                          {"d:9,2,32", 4},   {"d:18,-3,64", 8},
                                                          {"d:38,2", 16},    {"d:38,18", 16},
                                                          {"d:9,2,256", 32}, {"d:60,20,256", 32},
                                                          {"d:38,-18", 16},  {"+l", 4},
                                                          {"+r", 0},         {"u", 4}}};

    foreign_type type(std::size_t number) {
        foreign_type made = plain_type();
        made.name = std::string(1, static_cast<char>('a' + number));
        if (made.format == "+r") {
            constexpr std::array<char const*, 4> ends{"s", "i", "l", "I"};
            made.children.push_back({.format = ends[take() % (rarely() ? 4 : 3)], .name = "run_ends"});
            made.children.push_back(plain_type());
            if (rarely()) made.children.pop_back();
            if (rarely()) made.null_children = true;
        }
        if (rarely()) made.released = true;
        if (rarely()) made.name = std::string(1, static_cast<char>(take()));
        return made;
    }
    foreign_type plain_type() {
        foreign_type made{.format = formats[take() % formats.size()].text};
        if (take() % 4 == 3) made.dictionary.push_back({.format = formats[take() % formats.size()].text});
        if (rarely()) made.no_format = true;
        return made;
    }

    foreign_array batch(std::vector<foreign_type> const& types) {
        foreign_array made{
            .length = take() % 24, .buffers = {std::nullopt}, .offset = take() % 8 == 7 ? take() % 9 : 0};
        std::int64_t const needed = made.length + made.offset;
        for (auto const& one : types) {
            std::int64_t const length = rarely() ? take() % 24 : needed;
            made.children.push_back(column(one, length));
        }
        validity(made);
        spoil(made);
        return made;
    }

    foreign_array column(foreign_type const& of_type, std::int64_t length) {
        if (of_type.format == "+r" && of_type.children.size() == 2) return runs(of_type, length);
        foreign_array made = plain(of_type.format, length);
        if (!of_type.dictionary.empty() && !rarely()) {
            made.dictionary.push_back(plain(of_type.dictionary.front().format, take() % 12));
        }
        return made;
    }

    foreign_array runs(foreign_type const& of_type, std::int64_t length) {
        foreign_array made{.length = length, .offset = take() % 4 == 3 ? take() % 9 : 0};
        std::vector<std::int64_t> ends;
        for (std::int64_t end = 0; end < length + made.offset && ends.size() < 64;) {
            std::uint8_t const step = take();
            end += step < 240 ? 1 + step % 7 : -(step % 5);
            ends.push_back(end);
        }
        auto const narrowed = [&ends](auto number) {
            std::vector<decltype(number)> values;
            for (auto const end : ends)
                values.push_back(static_cast<decltype(number)>(end));
            return fixed(values);
        };
        std::string const& format = of_type.children[0].format;
        made.children.push_back(format == "s"   ? narrowed(std::int16_t{})
                                : format == "l" ? narrowed(std::int64_t{})
                                                : narrowed(std::int32_t{}));
        if (rarely()) validity(made.children[0]);
        spoil(made.children[0]);
        made.children.push_back(column(of_type.children[1], static_cast<std::int64_t>(ends.size()) -
                                                                (rarely() && !ends.empty() ? 1 : 0)));
        spoil(made);
        return made;
    }

    foreign_array plain(std::string const& format, std::int64_t length) {
        foreign_array made{.length = length, .offset = take() % 4 == 3 ? take() % 9 : 0};
        std::size_t const elements = static_cast<std::size_t>(made.length + made.offset);
        if (format == "n") {
            made.null_count = length;
        } else if (format == "u") {
            text_buffers<std::int32_t>(made, elements);
        } else if (format == "U") {
            text_buffers<std::int64_t>(made, elements);
        } else if (format == "vu") {
            view_buffers(made, elements);
        } else {
            auto const known = std::find_if(formats.begin(), formats.end(),
                                            [&](format_case const& one) { return format == one.text; });
            std::size_t const size = known->width == 0 ? (elements + 7) / 8 : elements * known->width;
            made.buffers = {std::nullopt, contents(size)};
        }
        if (!made.buffers.empty()) validity(made);
        spoil(made);
        return made;
    }

    void validity(foreign_array& made) {
        if (take() % 2 == 0) return;
        made.buffers[0] = contents(static_cast<std::size_t>(made.length + made.offset + 7) / 8);
        made.null_count = rarely() ? made.length : -1;
    }

    /// Bytes that repeat a few of the input, mostly small numbers.
    bytes contents(std::size_t size) {
        std::array<std::uint8_t, 8> pattern{};
        for (auto& value : pattern)
            value = take();
        bytes made(size);
        for (std::size_t i = 0; i < size; ++i)
            made[i] = std::byte{pattern[i % pattern.size()]};
        return made;
    }

    template <class Offset>
    void text_buffers(foreign_array& made, std::size_t elements) {
        std::vector<Offset> offsets{static_cast<Offset>(take() % 8)};
        for (std::size_t i = 0; i < elements; ++i) {
            std::uint8_t const step = take();
            // Rarely backwards, and then perhaps far below zero.
            offsets.push_back(static_cast<Offset>(step < 240 ? offsets.back() + step % 16
                                                             : offsets.back() - step * (step % 7)));
        }
        std::int64_t const last = std::max<std::int64_t>(offsets.back(), 0);
        made.buffers = {std::nullopt, bytes_of(offsets), letters(static_cast<std::size_t>(last))};
    }

    bytes letters(std::size_t size) {
        bytes made(size);
        for (auto& value : made) {
            std::uint8_t const next = take();
            value = std::byte{static_cast<std::uint8_t>(next == 0 ? 'x' : next)};
        }
        return made;
    }

    void view_buffers(foreign_array& made, std::size_t elements) {
        std::size_t const shared = take() % 3;
        std::vector<std::int32_t> views;
        for (std::size_t i = 0; i < elements; ++i) {
            std::uint8_t const size = take();
            views.push_back(size < 250 ? size % 40 : static_cast<std::int32_t>(absurd()));
            views.push_back(0x20202020);
            views.push_back(take() % 4 - (size == 249));
            views.push_back(static_cast<std::int8_t>(take()));
        }
        made.buffers = {std::nullopt, bytes_of(views)};
        std::vector<std::int64_t> sizes;
        for (std::size_t i = 0; i < shared; ++i) {
            bytes const block = letters(take() % 64);
            sizes.push_back(static_cast<std::int64_t>(block.size()));
            made.buffers.push_back(block);
            if (rarely()) {
                made.buffers.back().reset();
                sizes.back() = 0;
            }
        }
        made.buffers.push_back(bytes_of(sizes));
    }

    void spoil(foreign_array& made) {
        if (!rarely()) return;
        switch (take() % 10) {
            case 0:
                made.length = absurd();
                break;
            case 1:
                made.offset = absurd();
                break;
            case 2:
                made.null_count = absurd();
                break;
            case 3:
                made.null_count = 1;
                break;
            case 4:
                made.n_buffers = take() % static_cast<std::int64_t>(made.buffers.size() + 1);
                break;
            case 5:
                made.n_children = absurd();
                break;
            case 6:
                made.no_buffer_list = true;
                break;
            case 7:
                made.no_child_list = made.null_children = true;
                break;
            case 8:
                made.released = true;
                break;
            default: {
                if (!made.buffers.empty()) made.buffers[take() % made.buffers.size()].reset();
            }
        }
    }

    std::span<std::uint8_t const> input_;
};

/// A value that depends on every element of a column.
inline std::uint64_t touch(column_view const& column) {
    std::uint64_t sum = column.zone.size();
    for (std::size_t i = 0; i < column.size; ++i) {
        if (column.is_text()) {
            // Missing rows too: their offsets must be right, whatever the bytes are.
            for (char const c : column.text(i))
                sum = sum * 31 + static_cast<unsigned char>(c);
        } else if (column.type == column_type::int32 || column.type == column_type::date32) {
            sum += static_cast<std::uint64_t>(column.at<std::int32_t>(i));
        } else {
            sum += static_cast<std::uint64_t>(column.at<std::int64_t>(i));
        }
        sum += column.is_null(i) ? 1U : 0U;
    }
    return sum;
}

/// Reads the stream that the input makes, as one table or batch by batch. True where it was accepted; ends the process
/// where something is left unreleased.
inline bool read_arrow_input(std::span<std::uint8_t const> input) {
    bool const at_once = !input.empty() && input.front() % 2 == 0;
    foreign_stream producer;
    stream_maker(input.empty() ? input : input.subspan(1)).fill(producer);
    bool accepted = true;
    std::uint64_t sum = 0;
    try {
        ArrowArrayStream stream = producer.stream();
        ledger::arrow_reader reader(&stream);
        std::vector<ledger::arrow_batch> batches;
        if (at_once) {
            batches.push_back(reader.read_all());
        } else {
            while (auto batch = reader.next())
                batches.push_back(std::move(*batch));
        }
        for (auto const& batch : batches) {
            for (auto const& column : batch.columns) {
                if (column.size != batch.rows) std::abort();
                sum += touch(column);
            }
        }
    } catch (input_error const&) {
        accepted = false;
    }
    if (producer.count.out != 0 || producer.count.twice != 0) {
        std::fprintf(stderr, "%d structures are not released\n", producer.count.out);
        std::abort();
    }
    static std::atomic<std::uint64_t> sink;  // so that no compiler leaves the reads out
    sink.store(sum, std::memory_order_relaxed);
    return accepted;
}

}  // namespace clavis::test

#pragma once

// Numbers and text as bytes, and the frame around a saved state: what every state that outlives a process consists of.
//
//     magic (6 bytes), version (2 bytes), body, checksum (8 bytes)
//
// Numbers are little-endian groups of seven bits, of which there is one form each. The checksum finds damage, not
// malice: what is read is checked number by number all the same.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "clavis/core/exact_sum.hpp"

namespace clavis {

/// Appends numbers to bytes.
class byte_writer {
  public:
    explicit byte_writer(std::vector<std::uint8_t>& out) : out_(out) {}

    void byte(std::uint8_t value) { out_.push_back(value); }
    void number(std::uint64_t value) {
        while (value >= 128) {
            out_.push_back(static_cast<std::uint8_t>(value | 128));
            value >>= 7;
        }
        out_.push_back(static_cast<std::uint8_t>(value));
    }
    void signed_number(std::int64_t value) { number(zigzag(value)); }
    void wide(int128 value);  ///< of either sign
    void real(double value);  ///< its bits, eight bytes
    void text(std::string_view value) {
        number(value.size());
        out_.insert(out_.end(), value.begin(), value.end());
    }
    static std::uint64_t zigzag(std::int64_t value) {
        return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
    }

  private:
    std::vector<std::uint8_t>& out_;
};

/// Reads them again, trusting nothing: throws input_error where bytes end early or a number is out of bounds.
class byte_reader {
  public:
    explicit byte_reader(std::span<std::uint8_t const> bytes)
        : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

    std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
    std::uint8_t const* at() const { return at_; }
    std::uint8_t byte() {
        if (at_ == end_) fail("ends early");
        return *at_++;
    }
    std::uint64_t number() {
        std::uint64_t value = 0;
        for (unsigned shift = 0;; shift += 7) {
            std::uint8_t const next = byte();
            if (shift == 63 && next > 1) fail("holds a number of more than 64 bits");
            value |= static_cast<std::uint64_t>(next & 127) << shift;
            if (next < 128) {
                if (next == 0 && shift > 0) fail("holds a number in more bytes than it needs");
                return value;
            }
        }
    }
    std::int64_t number_below(std::int64_t limit) {
        std::uint64_t const value = number();
        if (value >= static_cast<std::uint64_t>(limit)) fail("holds a number out of bounds");
        return static_cast<std::int64_t>(value);
    }
    std::int64_t signed_number() {
        std::uint64_t const value = number();
        return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
    }
    int128 wide();
    double real();  ///< any bits: the caller says which values it takes
    bool flag() {
        std::uint8_t const value = byte();
        if (value > 1) fail("holds a flag that is neither 0 nor 1");
        return value == 1;
    }
    std::string_view text() {
        auto const size = number();
        if (size > left()) fail("ends early");
        auto const* start = reinterpret_cast<char const*>(at_);
        at_ += size;
        return {start, static_cast<std::size_t>(size)};
    }
    [[noreturn]] static void fail(std::string_view problem);

  private:
    std::uint8_t const* at_;
    std::uint8_t const* end_;
};

/// What a kind of saved state is known by.
struct state_format {
    std::array<std::uint8_t, 6> magic;
    std::uint16_t version;
    std::string_view name;  ///< in errors: "a summarizer"
};

/// The frame: magic and version before a body, a checksum after it.
std::vector<std::uint8_t> begin_state(state_format const& format);
void end_state(std::vector<std::uint8_t>& bytes);
/// The body. Throws input_error for bytes of another kind or version, and for damaged ones.
byte_reader open_state(std::span<std::uint8_t const> bytes, state_format const& format);

}  // namespace clavis

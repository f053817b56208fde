#include "core/bytes.hpp"

#include <algorithm>
#include <bit>
#include <string>

#include "clavis/core/errors.hpp"

namespace clavis {

namespace {

__extension__ using uint128 = unsigned __int128;

constexpr std::size_t head_size = 8;
constexpr std::size_t checksum_size = 8;

std::uint64_t checksum(std::span<std::uint8_t const> bytes) {
    std::uint64_t state = 0x9e3779b97f4a7c15U ^ bytes.size();
    auto take = [&state](std::uint64_t word) {
        state = (state ^ word) * 0xd6e8feb86659fd93U;
        state ^= state >> 32;
    };
    std::size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8) {
        std::uint64_t word = 0;
        for (unsigned i = 0; i < 8; ++i)
            word |= static_cast<std::uint64_t>(bytes[at + i]) << (8 * i);
        take(word);
    }
    for (; at < bytes.size(); ++at)
        take(bytes[at]);
    return state;
}

void append_word(std::uint64_t word, std::vector<std::uint8_t>& bytes) {
    for (unsigned i = 0; i < 8; ++i)
        bytes.push_back(static_cast<std::uint8_t>(word >> (8 * i)));
}

}  // namespace

void byte_writer::wide(int128 value) {
    auto bits = static_cast<uint128>(value) << 1 ^ static_cast<uint128>(value >> 127);
    for (; bits >= 128; bits >>= 7)
        out_.push_back(static_cast<std::uint8_t>(static_cast<std::uint8_t>(bits) | 128));
    out_.push_back(static_cast<std::uint8_t>(bits));
}

int128 byte_reader::wide() {
    uint128 bits = 0;
    for (unsigned shift = 0;; shift += 7) {
        std::uint8_t const next = byte();
        if (shift == 126 && next > 3) fail("holds a number of more than 128 bits");
        bits |= static_cast<uint128>(next & 127) << shift;
        if (next >= 128) continue;
        if (next == 0 && shift > 0) fail("holds a number in more bytes than it needs");
        return static_cast<int128>(bits >> 1) ^ -static_cast<int128>(bits & 1);
    }
}

void byte_reader::fail(std::string_view problem) {
    throw input_error("the saved state " + std::string(problem));
}

void byte_writer::real(double value) {
    append_word(std::bit_cast<std::uint64_t>(value), out_);
}

double byte_reader::real() {
    std::uint64_t word = 0;
    for (unsigned i = 0; i < 8; ++i)
        word |= static_cast<std::uint64_t>(byte()) << (8 * i);
    return std::bit_cast<double>(word);
}

std::vector<std::uint8_t> begin_state(state_format const& format) {
    std::vector<std::uint8_t> bytes(format.magic.begin(), format.magic.end());
    bytes.push_back(static_cast<std::uint8_t>(format.version));
    bytes.push_back(static_cast<std::uint8_t>(format.version >> 8));
    return bytes;
}

void end_state(std::vector<std::uint8_t>& bytes) {
    append_word(checksum(bytes), bytes);
}

byte_reader open_state(std::span<std::uint8_t const> bytes, state_format const& format) {
    if (bytes.size() < head_size || !std::equal(format.magic.begin(), format.magic.end(), bytes.begin()))
        throw input_error("these bytes are no saved state of " + std::string(format.name));
    unsigned const found = bytes[format.magic.size()] | bytes[format.magic.size() + 1] << 8;
    if (found != format.version)
        throw input_error("the saved state is of version " + std::to_string(found) +
                          "; this library reads version " + std::to_string(format.version));
    if (bytes.size() < head_size + checksum_size) byte_reader::fail("ends early");
    auto const body = bytes.first(bytes.size() - checksum_size);
    byte_reader tail(bytes.last(checksum_size));
    if (std::bit_cast<std::uint64_t>(tail.real()) != checksum(body))
        byte_reader::fail("is damaged: its checksum does not fit");
    return byte_reader(body.subspan(head_size));
}

}  // namespace clavis

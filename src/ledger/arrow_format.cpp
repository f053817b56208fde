#include "ledger/arrow_format.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace clavis::ledger::arrow {
namespace {

struct plain_format {
    std::string_view text;
    storage stored;
    column_type type;
};

constexpr std::array plain_formats{
    plain_format{"n", storage::null, column_type::utf8},
    plain_format{"b", storage::boolean, column_type::int32},
    plain_format{"c", storage::int8, column_type::int32},
    plain_format{"C", storage::uint8, column_type::int32},
    plain_format{"s", storage::int16, column_type::int32},
    plain_format{"S", storage::uint16, column_type::int32},
    plain_format{"i", storage::int32, column_type::int32},
    plain_format{"I", storage::uint32, column_type::int64},
    plain_format{"l", storage::int64, column_type::int64},
    plain_format{"L", storage::uint64, column_type::int64},
    plain_format{"e", storage::float16, column_type::float64},
    plain_format{"f", storage::float32, column_type::float64},
    plain_format{"g", storage::float64, column_type::float64},
    plain_format{"u", storage::utf8, column_type::utf8},
    plain_format{"U", storage::large_utf8, column_type::large_utf8},
    plain_format{"vu", storage::utf8_view, column_type::large_utf8},
    plain_format{"tdD", storage::date32, column_type::date32},
    plain_format{"tdm", storage::date64, column_type::date32},
};

bool starts_with(std::string_view text, std::string_view prefix) {
    return text.substr(0, prefix.size()) == prefix;
}

/// "tsu:Europe/London"
std::optional<column_format> parse_timestamp(std::string_view text) {
    if (text.size() < 4 || text[3] != ':') return std::nullopt;
    column_format format;
    format.stored = storage::timestamp;
    format.type = column_type::timestamp;
    switch (text[2]) {
        case 's':
            format.resolution = time_resolution::seconds;
            break;
        case 'm':
            format.resolution = time_resolution::milliseconds;
            break;
        case 'u':
            format.resolution = time_resolution::microseconds;
            break;
        case 'n':
            format.resolution = time_resolution::nanoseconds;
            break;
        default:
            return std::nullopt;
    }
    format.zone = text.substr(4);
    return format;
}

/// The number at the start of `text`, which is cut off together with the comma behind it.
std::optional<int> take_number(std::string_view& text) {
    int value = 0;
    auto const [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.empty()) {
        if (text.front() != ',' || text.size() == 1) return std::nullopt;
        text.remove_prefix(1);
    }
    return value;
}

/// "d:19,2" (128 bits) or "d:19,2,64"
std::optional<column_format> parse_decimal(std::string_view text) {
    text.remove_prefix(2);
    auto const precision = take_number(text);
    if (!precision || *precision < 1 || text.empty()) return std::nullopt;
    auto const scale = take_number(text);
    // A column holds 64-bit integers, which are whole units where the scale is negative.
    if (!scale || *scale < -18 || *scale > 76) return std::nullopt;
    int bits = 128;
    if (!text.empty()) {
        auto const width = take_number(text);
        if (!width || !text.empty()) return std::nullopt;
        bits = *width;
    }
    column_format format;
    format.type = *scale > 0 ? column_type::decimal64 : column_type::int64;
    format.scale = *scale;
    switch (bits) {
        case 32:
            format.stored = storage::decimal32;
            break;
        case 64:
            format.stored = storage::decimal64;
            break;
        case 128:
            format.stored = storage::decimal128;
            break;
        case 256:
            format.stored = storage::decimal256;
            break;
        default:
            return std::nullopt;
    }
    return format;
}

}  // namespace

std::optional<column_format> parse_format(std::string_view text) {
    for (auto const& plain : plain_formats) {
        if (text != plain.text) continue;
        column_format format;
        format.stored = plain.stored;
        format.type = plain.type;
        return format;
    }
    if (starts_with(text, "ts")) return parse_timestamp(text);
    if (starts_with(text, "d:")) return parse_decimal(text);
    return std::nullopt;
}

std::string_view describe_format(std::string_view text) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 11> names{{
        {"d:", "decimals of this size"},
        {"vz", "binary"},
        {"z", "binary"},
        {"Z", "binary"},
        {"w:", "binary"},
        {"tt", "times of day"},
        {"tD", "lengths of time"},
        {"ti", "intervals"},
        {"+s", "a struct"},
        {"+r", "runs of another such type"},
        {"+", "nested"},
    }};
    for (auto const& [prefix, name] : names) {
        if (starts_with(text, prefix)) return name;
    }
    return "unknown";
}

}  // namespace clavis::ledger::arrow

#include "clavis/core/time.hpp"

#include <array>
#include <cstddef>
#include <limits>
#include <optional>

#include "clavis/core/errors.hpp"
#include "clavis/core/exact_sum.hpp"
#include "clavis/core/time_text.hpp"
#include "core/civil.hpp"

namespace clavis {
namespace {

struct unit_name {
    duration unit;
    std::string_view name;
    std::string_view plural;
    std::string_view abbreviation;
};

// Largest first: to_string takes the first that divides.
constexpr std::array<unit_name, 7> unit_names{{{year, "year", "years", "y"},
                                               {month, "month", "months", "mo"},
                                               {week, "week", "weeks", "w"},
                                               {day, "day", "days", "d"},
                                               {hour, "hour", "hours", "h"},
                                               {std::chrono::minutes{1}, "minute", "minutes", "min"},
                                               {std::chrono::seconds{1}, "second", "seconds", "s"}}};

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
constexpr bool is_space(char c) {
    return c == ' ' || c == '\t';
}
constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

std::optional<duration> find_unit(std::string_view word) {
    std::string name(word);
    for (char& c : name)
        c = lower(c);
    for (auto const& entry : unit_names) {
        if (name == entry.name || name == entry.plural || name == entry.abbreviation) return entry.unit;
    }
    return std::nullopt;
}

[[noreturn]] void refuse_duration(std::string_view text, std::string_view problem) {
    throw input_error('"' + std::string(text) + "\" " + std::string(problem));
}

void append_padded(std::string& out, std::uint64_t value, std::size_t width) {
    std::string const digits = std::to_string(value);
    if (digits.size() < width) out.append(width - digits.size(), '0');
    out += digits;
}

}  // namespace

duration parse_duration(std::string_view text) {
    constexpr std::string_view expected =
        "is not a length of time such as \"week\", \"39 weeks\", \"1.5 years\" or \"90d\"";
    std::string_view rest = text;
    while (!rest.empty() && is_space(rest.front()))
        rest.remove_prefix(1);
    while (!rest.empty() && is_space(rest.back()))
        rest.remove_suffix(1);

    // The number is whole + fraction / 10^places, exactly.
    constexpr std::int64_t limit = std::numeric_limits<std::int64_t>::max();
    int128 whole = 0;
    std::int64_t fraction = 0;
    int places = 0;
    bool has_digits = false;
    while (!rest.empty() && is_digit(rest.front())) {
        whole = whole * 10 + (rest.front() - '0');
        if (whole > limit) refuse_duration(text, "is longer than 292,000 years");
        has_digits = true;
        rest.remove_prefix(1);
    }
    if (!rest.empty() && rest.front() == '.') {
        rest.remove_prefix(1);
        while (!rest.empty() && is_digit(rest.front())) {
            if (places < 18) {  // a year has 3.2e13 microseconds: what follows cannot matter
                fraction = fraction * 10 + (rest.front() - '0');
                ++places;
            }
            has_digits = true;
            rest.remove_prefix(1);
        }
        if (!has_digits) refuse_duration(text, expected);
    }
    while (!rest.empty() && is_space(rest.front()))
        rest.remove_prefix(1);
    auto const unit = find_unit(rest);
    if (!unit) refuse_duration(text, expected);
    if (!has_digits) return *unit;

    std::int64_t const scale = power_of_ten(places);
    int128 const part = (static_cast<int128>(fraction) * unit->count() + scale / 2) / scale;
    // Both factors are below 2^63, so the product stays inside 128 bits.
    int128 const ticks = whole * unit->count() + part;
    if (ticks > limit) refuse_duration(text, "is longer than 292,000 years");
    if (ticks == 0) refuse_duration(text, "is no time at all: a length of time must be positive");
    return duration(static_cast<std::int64_t>(ticks));
}

std::string to_string(duration length) {
    if (length == duration::zero()) return "0 seconds";
    for (auto const& entry : unit_names) {
        if (length % entry.unit != duration::zero()) continue;
        if (length == entry.unit) return std::string(entry.name);
        return std::to_string(length / entry.unit) + ' ' + std::string(entry.plural);
    }
    bool const negative = length < duration::zero();
    // Negating as unsigned is defined for the smallest value too.
    std::uint64_t ticks = static_cast<std::uint64_t>(length.count());
    if (negative) ticks = 0 - ticks;
    std::string text = negative ? "-" : "";
    text += std::to_string(ticks / 1'000'000) + '.';
    append_padded(text, ticks % 1'000'000, 6);
    while (text.back() == '0')
        text.pop_back();
    return text + " seconds";
}

sys_days parse_date(std::string_view text) {
    time_text_problem problem{};
    auto const parsed = parse_time(text, &problem);
    if (!parsed && problem == time_text_problem::impossible_date) {
        throw input_error('"' + std::string(text) + "\" " + std::string(describe(problem)));
    }
    if (!parsed || parsed->has_time) {
        throw input_error('"' + std::string(text) + "\" is not a date such as \"1997-09-30\"");
    }
    return std::chrono::floor<std::chrono::days>(parsed->when);
}

std::string to_string(sys_days date) {
    civil_date const parts = civil_from_days(date.time_since_epoch().count());
    std::string text = parts.year < 0 ? "-" : "";
    append_padded(text, static_cast<std::uint64_t>(parts.year < 0 ? -parts.year : parts.year), 4);
    text += '-';
    append_padded(text, parts.month, 2);
    text += '-';
    append_padded(text, parts.day, 2);
    return text;
}

}  // namespace clavis

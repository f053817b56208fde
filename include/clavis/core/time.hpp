#pragma once

// Time as the library counts it. Instants are microseconds since 1970-01-01T00:00Z, days are days since 1970-01-01 in
// the local calendar of a named zone, lengths of time are microseconds. A year is 365.25 days in every unit (not the
// 365.2425 of std::chrono::years) and a month is a twelfth of it.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace clavis {

/// A length of time; also the unit in which ages are counted, where zero means that no unit is known.
using duration = std::chrono::microseconds;
/// A point in time, UTC.
using instant = std::chrono::sys_time<duration>;
/// A calendar day.
using std::chrono::sys_days;

inline constexpr duration hour = std::chrono::hours{1};
inline constexpr duration day = 24 * hour;
inline constexpr duration week = 7 * day;
inline constexpr duration year = 365 * day + 6 * hour;
inline constexpr duration month = year / 12;

/// How many units `length` is.
constexpr double in_units(duration length, duration unit) {
    return static_cast<double>(length.count()) / static_cast<double>(unit.count());
}

/// Reads "week", "weeks", "39 weeks", "1.5 years", "90d", "12h": a positive number (1 where absent) and one of second,
/// minute, hour, day, week, month, year, their plurals or s, min, h, d, w, mo, y. Throws input_error that quotes the text.
duration parse_duration(std::string_view text);

/// The shortest text that parse_duration reads back: "week", "39 weeks", "90 minutes".
std::string to_string(duration length);

/// Reads a date, "1997-09-30". Throws input_error that says what is wrong (2021-02-30 is not a day).
sys_days parse_date(std::string_view text);

/// "1997-09-30".
std::string to_string(sys_days date);

}  // namespace clavis

#pragma once

// Times as text. parse_time reads the ISO 8601 forms that files and databases write: a date (2021-02-28 or
// 20210228), or a date, a T or a space, hh:mm, hh:mm:ss or hh:mm:ss.fraction (up to 9 digits, cut to
// microseconds), then nothing, Z, UTC, +hh, +hhmm or +hh:mm. Years run from 0000 to 9999 of the proleptic
// Gregorian calendar; 24:00 is midnight at the end of its day. It allocates nothing and never throws, so a
// column of text costs some 10 ns a row.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "clavis/core/time.hpp"

namespace clavis {

/// What a text said. Without a zone `when` holds the clock reading as it stands, as if it were UTC.
struct parsed_time {
    instant when;
    bool has_time = false;  ///< a time of day was written, not a date alone
    bool has_zone = false;  ///< `when` is a true instant
    bool operator==(parsed_time const&) const = default;
};

enum class time_text_problem : std::uint8_t {
    none,
    malformed,        ///< no date or time of the forms above
    impossible_date,  ///< 2021-02-30, month 13
    impossible_time,  ///< 24:61, an offset of 99 hours
};

/// The time that `text` says, or nothing; `problem`, where given, then says why.
std::optional<parsed_time> parse_time(std::string_view text, time_text_problem* problem = nullptr) noexcept;

/// The problem in words that follow a quoted value: "is a date that does not exist".
std::string_view describe(time_text_problem problem) noexcept;

/// "1997-09-30T12:00:00Z", with a fraction where there is one.
std::string to_string(instant when);

}  // namespace clavis

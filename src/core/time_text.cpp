#include "clavis/core/time_text.hpp"

#include "core/civil.hpp"

namespace clavis {
namespace {

/// Reads forward through a text; every step says whether it fitted.
struct cursor {
    char const* at;
    char const* end;

    bool done() const { return at == end; }
    bool skip(char c) {
        if (at == end || *at != c) return false;
        ++at;
        return true;
    }
    /// Exactly `count` digits.
    bool digits(int count, unsigned& value) {
        if (end - at < count) return false;
        unsigned number = 0;
        for (int i = 0; i < count; ++i) {
            unsigned const digit = static_cast<unsigned char>(at[i]) - unsigned{'0'};
            if (digit > 9) return false;
            number = number * 10 + digit;
        }
        at += count;
        value = number;
        return true;
    }
};

using problem_kind = time_text_problem;

problem_kind read_date(cursor& in, std::int64_t& days, bool& basic) {
    unsigned y = 0, m = 0, d = 0;
    if (!in.digits(4, y)) return problem_kind::malformed;
    basic = !in.skip('-');
    if (!in.digits(2, m)) return problem_kind::malformed;
    if (!basic && !in.skip('-')) return problem_kind::malformed;
    if (!in.digits(2, d)) return problem_kind::malformed;
    if (m < 1 || m > 12 || d < 1 || d > days_in_month(y, m)) {
        return problem_kind::impossible_date;
    }
    days = days_from_civil({y, m, d});
    return problem_kind::none;
}

problem_kind read_time_of_day(cursor& in, std::int64_t& ticks) {
    unsigned hours = 0, minutes = 0, seconds = 0, fraction = 0;
    if (!in.digits(2, hours) || !in.skip(':') || !in.digits(2, minutes)) return problem_kind::malformed;
    if (in.skip(':')) {
        if (!in.digits(2, seconds)) return problem_kind::malformed;
        if (in.skip('.') || in.skip(',')) {
            int places = 0;
            unsigned digit = 0;
            while (places < 9 && in.digits(1, digit)) {
                if (places < 6) fraction = fraction * 10 + digit;
                ++places;
            }
            if (places == 0) return problem_kind::malformed;
            for (; places < 6; ++places)
                fraction *= 10;
        }
    }
    bool const midnight_at_the_end = hours == 24 && minutes == 0 && seconds == 0 && fraction == 0;
    if ((hours > 23 && !midnight_at_the_end) || minutes > 59 || seconds > 59) {
        return problem_kind::impossible_time;
    }
    ticks = ((std::int64_t{hours} * 60 + minutes) * 60 + seconds) * 1'000'000 + fraction;
    return problem_kind::none;
}

problem_kind read_zone(cursor& in, std::int64_t& offset) {
    in.skip(' ');
    if (in.skip('Z') || in.skip('z')) return problem_kind::none;
    if (in.skip('U')) return in.skip('T') && in.skip('C') ? problem_kind::none : problem_kind::malformed;
    bool const west = in.skip('-');
    if (!west && !in.skip('+')) return problem_kind::malformed;
    unsigned hours = 0, minutes = 0;
    if (!in.digits(2, hours)) return problem_kind::malformed;
    if (!in.done()) {
        in.skip(':');
        if (!in.digits(2, minutes)) return problem_kind::malformed;
    }
    if (hours > 23 || minutes > 59) return problem_kind::impossible_time;
    offset = (std::int64_t{hours} * 60 + minutes) * 60'000'000;
    if (west) offset = -offset;
    return problem_kind::none;
}

problem_kind read(std::string_view text, parsed_time& out) {
    cursor in{text.data(), text.data() + text.size()};
    std::int64_t days = 0, ticks = 0, offset = 0;
    bool basic = false;
    problem_kind problem = read_date(in, days, basic);
    if (problem == problem_kind::malformed) return problem;
    if (!in.done()) {
        if (basic || !(in.skip('T') || in.skip(' ') || in.skip('t'))) return problem_kind::malformed;
        problem_kind const of_time = read_time_of_day(in, ticks);
        if (of_time == problem_kind::malformed) return of_time;
        if (problem == problem_kind::none) problem = of_time;
        out.has_time = true;
    }
    if (!in.done()) {
        problem_kind const of_zone = read_zone(in, offset);
        if (of_zone == problem_kind::malformed || !in.done()) return problem_kind::malformed;
        if (problem == problem_kind::none) problem = of_zone;
        out.has_zone = true;
    }
    out.when = instant(duration(days * day.count() + ticks - offset));
    return problem;
}

void append_two(std::string& text, std::int64_t value) {
    text += static_cast<char>('0' + value / 10);
    text += static_cast<char>('0' + value % 10);
}

}  // namespace

std::optional<parsed_time> parse_time(std::string_view text, time_text_problem* problem) noexcept {
    parsed_time parsed;
    problem_kind const found = read(text, parsed);
    if (problem != nullptr) *problem = found;
    if (found != problem_kind::none) return std::nullopt;
    return parsed;
}

std::string_view describe(time_text_problem problem) noexcept {
    switch (problem) {
        case time_text_problem::none:
            return "is a time";
        case time_text_problem::malformed:
            return "is not a date or time (expected 2021-02-28 or 2021-02-28T13:30:00Z)";
        case time_text_problem::impossible_date:
            return "is a date that does not exist";
        case time_text_problem::impossible_time:
            return "is a time of day that does not exist";
    }
    return "is not a date or time";
}

std::string to_string(instant when) {
    sys_days const date = std::chrono::floor<std::chrono::days>(when);
    std::int64_t ticks = when.time_since_epoch().count() % day.count();
    if (ticks < 0) ticks += day.count();
    std::int64_t const seconds = ticks / 1'000'000;
    std::string text = to_string(date) + 'T';
    append_two(text, seconds / 3600);
    text += ':';
    append_two(text, seconds / 60 % 60);
    text += ':';
    append_two(text, seconds % 60);
    if (std::int64_t const fraction = ticks % 1'000'000; fraction != 0) {
        std::string const digits = std::to_string(1'000'000 + fraction);
        text += '.' + digits.substr(1, digits.find_last_not_of('0'));
    }
    return text + 'Z';
}

}  // namespace clavis

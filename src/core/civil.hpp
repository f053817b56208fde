#pragma once

// Days and civil dates of the proleptic Gregorian calendar in 64 bits, beyond the years that std::chrono can
// count.

#include <cstdint>

namespace clavis {

// 0000-01-01 and 9999-12-31, the days that the intake lets in.
inline constexpr std::int32_t first_known_day = -719528;
inline constexpr std::int32_t last_known_day = 2932896;

struct civil_date {
    std::int64_t year;
    unsigned month;  ///< 1 to 12
    unsigned day;    ///< 1 to 31
};

constexpr std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
    return a / b - (a % b < 0);
}

constexpr bool is_leap(std::int64_t y) {
    return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

constexpr unsigned days_in_month(std::int64_t y, unsigned m) {
    constexpr unsigned char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return m == 2 && is_leap(y) ? 29 : lengths[m - 1];
}

/// Days from 1970-01-01 to the first day of a year.
constexpr std::int64_t first_day_of_year(std::int64_t y) {
    std::int64_t const before = y - 1;
    return 365 * (y - 1970) + floor_divide(before, 4) - floor_divide(before, 100) +
           floor_divide(before, 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
}

/// Days of a year before the first of a month.
constexpr unsigned days_before_month(std::int64_t y, unsigned m) {
    constexpr unsigned short sums[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    return sums[m - 1] + (m > 2 && is_leap(y) ? 1U : 0U);
}

constexpr std::int64_t days_from_civil(civil_date date) {
    return first_day_of_year(date.year) + days_before_month(date.year, date.month) + date.day - 1;
}

constexpr std::int64_t year_of_day(std::int64_t days) {
    // 400 years have 146097 days, so the guess is off by one year at most.
    std::int64_t guess = 1970 + floor_divide(days * 400, 146097);
    while (first_day_of_year(guess) > days)
        --guess;
    while (first_day_of_year(guess + 1) <= days)
        ++guess;
    return guess;
}

constexpr civil_date civil_from_days(std::int64_t days) {
    civil_date date{year_of_day(days), 12, 1};
    unsigned const day_of_year = static_cast<unsigned>(days - first_day_of_year(date.year));
    while (days_before_month(date.year, date.month) > day_of_year)
        --date.month;
    date.day += day_of_year - days_before_month(date.year, date.month);
    return date;
}

}  // namespace clavis

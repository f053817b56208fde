#include "ledger/intake_decode.hpp"

#include <charconv>
#include <chrono>

#include "clavis/core/time.hpp"
#include "clavis/core/time_text.hpp"

namespace clavis::ledger {

namespace {

__extension__ using uint128 = unsigned __int128;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

exact_amount scaled(uint128 mantissa, int shift, bool negative, int scale) noexcept {
    constexpr auto limit = static_cast<uint128>(std::numeric_limits<std::int64_t>::max());
    exact_amount result;
    if (mantissa == 0) return result;
    if (shift >= 0) {
        for (; shift > 0 && mantissa <= limit; --shift)
            mantissa *= 10;
    } else if (shift < -38) {
        // Less than a half of the last place: 39 digits are more than a mantissa has.
        result.rounding = static_cast<double>(mantissa) * std::pow(10.0, shift - scale);
        return result;
    } else {
        uint128 divisor = 1;
        for (int i = 0; i < -shift; ++i)
            divisor *= 10;
        uint128 const rest = mantissa % divisor;
        mantissa /= divisor;
        bool const up = rest >= divisor - rest;
        if (up) ++mantissa;
        result.rounding = static_cast<double>(up ? divisor - rest : rest) / static_cast<double>(divisor) /
                          static_cast<double>(power_of_ten(scale));
    }
    if (mantissa > limit) return {.problem = row_problem::amount_too_large};
    auto const magnitude = static_cast<std::int64_t>(mantissa);
    result.value = negative ? -magnitude : magnitude;
    return result;
}

}  // namespace

exact_amount parse_amount(std::string_view text, int scale) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    if (text.empty()) return {.problem = row_problem::amount_missing};
    exact_amount const malformed{.problem = row_problem::amount_malformed};

    std::size_t at = 0;
    bool const negative = text[0] == '-';
    if (negative || text[0] == '+') ++at;
    // 30 digits are kept: the rest cannot change what fits into 64 bits, but for the place of the first.
    uint128 mantissa = 0;
    int kept = 0;
    int shift = scale;
    bool digits = false;
    bool point = false;
    for (; at < text.size(); ++at) {
        char const c = text[at];
        if (c == '.' && !point) {
            point = true;
        } else if (is_digit(c)) {
            digits = true;
            if (kept < 30) {
                mantissa = mantissa * 10 + static_cast<unsigned>(c - '0');
                if (mantissa != 0) ++kept;
                if (point) --shift;
            } else if (!point) {
                ++shift;
            }
            if (shift > 1000 || shift < -1000) return {.problem = row_problem::amount_malformed};
        } else {
            break;
        }
    }
    if (!digits) return malformed;
    if (at < text.size()) {
        if (text[at] != 'e' && text[at] != 'E') return malformed;
        ++at;
        bool const down = at < text.size() && text[at] == '-';
        if (down || (at < text.size() && text[at] == '+')) ++at;
        if (at == text.size()) return malformed;
        int exponent = 0;
        for (; at < text.size(); ++at) {
            if (!is_digit(text[at])) return malformed;
            if (exponent < 10000) exponent = exponent * 10 + (text[at] - '0');
        }
        shift += down ? -exponent : exponent;
    }
    return scaled(mantissa, shift, negative, scale);
}

exact_amount shift_amount(std::int64_t value, int shift, int scale) noexcept {
    bool const negative = value < 0;
    auto const bits = static_cast<std::uint64_t>(value);
    return scaled(negative ? 0 - bits : bits, shift, negative, scale);
}

read_time time_at(column_view const& column, std::size_t row) noexcept {
    using problem = read_time::problem;
    // 0000-01-01 and 9999-12-31
    constexpr std::int64_t first_day = -719528;
    constexpr std::int64_t last_day = 2932896;
    if (column.is_null(row)) return {.why = problem::missing};
    if (column.type == column_type::date32) {
        std::int64_t const day = column.at<std::int32_t>(row);
        if (day < first_day || day > last_day) return {.why = problem::out_of_range};
        return {.is_date = true, .when = instant(duration(day * clavis::day.count()))};
    }
    if (column.type == column_type::timestamp) {
        std::int64_t const ticks = column.at<std::int64_t>(row);
        if (ticks == std::numeric_limits<std::int64_t>::min()) return {.why = problem::missing};
        constexpr std::int64_t per_second[] = {1, 1000, 1000000, 1000000000};
        std::int64_t const a_second = per_second[static_cast<std::size_t>(column.resolution)];
        std::int64_t const seconds = ticks / a_second;
        if (seconds <= first_day * 86400 || seconds >= last_day * 86400)
            return {.why = problem::out_of_range};
        std::int64_t const microseconds =
            a_second == 1000000000 ? ticks / 1000 - (ticks % 1000 < 0) : ticks * (1000000 / a_second);
        return {.has_zone = !column.zone.empty(), .when = instant(duration(microseconds))};
    }
    if (!column.is_text()) return {.why = problem::malformed};
    if (column.text(row).empty()) return {.why = problem::missing};
    time_text_problem why = time_text_problem::none;
    auto const time = parse_time(column.text(row), &why);
    if (!time)
        return {.why = why == time_text_problem::impossible_date   ? problem::impossible_date
                       : why == time_text_problem::impossible_time ? problem::impossible_clock
                                                                   : problem::malformed};
    return {.is_date = !time->has_time, .has_zone = time->has_zone, .when = time->when};
}

std::string show_value(column_view const& column, std::size_t row) {
    if (!column || column.is_null(row)) return {};
    auto number = [](auto value) {
        char buffer[40];
        auto const end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
        return std::string(buffer, end);
    };
    switch (column.type) {
        case column_type::none:
            return {};
        case column_type::int32:
            return number(column.at<std::int32_t>(row));
        case column_type::int64:
            return number(column.at<std::int64_t>(row));
        case column_type::float64:
            return number(column.at<double>(row));
        case column_type::date32: {
            auto const days = column.at<std::int32_t>(row);
            if (std::abs(static_cast<std::int64_t>(days)) > 3000000) return number(days) + " days since 1970";
            return to_string(sys_days(std::chrono::days(days)));
        }
        case column_type::timestamp: {
            constexpr std::int64_t ticks[] = {1, 1000, 1000000, 1000000000};
            std::int64_t const a_second = ticks[static_cast<int>(column.resolution)];
            auto const value = column.at<std::int64_t>(row);
            if (std::abs(static_cast<double>(value) / static_cast<double>(a_second)) > 2.5e11)
                return number(value) + " ticks since 1970";
            std::int64_t const per = a_second >= 1000000 ? a_second / 1000000 : 1;
            std::int64_t const microseconds =
                a_second >= 1000000 ? value / per - (value % per < 0) : value * (1000000 / a_second);
            return to_string(instant(duration(microseconds)));
        }
        case column_type::decimal64: {
            auto const value = column.at<std::int64_t>(row);
            if (column.scale <= 0) return number(value);
            auto const bits = static_cast<std::uint64_t>(value);
            std::string text = number(value < 0 ? 0 - bits : bits);
            auto const places = static_cast<std::size_t>(column.scale);
            if (text.size() <= places) text.insert(0, places + 1 - text.size(), '0');
            text.insert(text.size() - places, 1, '.');
            return value < 0 ? '-' + text : text;
        }
        case column_type::utf8:
        case column_type::large_utf8: {
            std::string_view text = column.text(row);
            if (text.size() <= 60) return std::string(text);
            std::size_t cut = 60;
            while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U)
                --cut;  // whole characters
            return std::string(text.substr(0, cut)) + "...";
        }
    }
    return {};
}

}  // namespace clavis::ledger

#pragma once

// Decoding of single values and of blocks of rows, shared by intake.cpp and its tests.

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "clavis/core/columns.hpp"
#include "clavis/core/exact_sum.hpp"
#include "clavis/core/time.hpp"

namespace clavis::ledger {

/// Why a row is not in the rows to work with; `none` rows are.
enum class row_problem : std::uint8_t {
    none,
    no_customer,  ///< not bad: counted apart
    time_missing,
    time_malformed,
    date_impossible,
    clock_impossible,
    time_out_of_range,
    time_after_end,
    amount_missing,
    amount_malformed,
    amount_not_finite,
    amount_too_large,
    kind_unknown,
    customer_fraction,
    customer_too_large,
    currency_missing,
    currency_unknown,
    rate_missing,
    converted_too_large,
    known_malformed,
    known_date_impossible,
    known_clock_impossible,
    known_out_of_range,
    not_yet_known,  ///< not bad: left out and counted apart
    event_fraction,
    event_too_large,
    event_duplicate,  ///< not bad: not used again
    event_at_odds,
};

/// An amount as a whole number of 10^-scale, and how far that is from the amount, in currency units.
struct exact_amount {
    row_problem problem = row_problem::none;
    std::int64_t value = 0;
    double rounding = 0;
};

/// Exact, without passing through a double: "12.50", "-3", "+1.5e3", blanks around. Rounds half away from zero.
exact_amount parse_amount(std::string_view text, int scale) noexcept;

/// value · 10^shift, rounded half away from zero where shift < 0.
exact_amount shift_amount(std::int64_t value, int shift, int scale) noexcept;

/// The nearest multiple of 10^-scale.
inline exact_amount round_amount(double amount, int scale) noexcept {
    auto const power = static_cast<double>(power_of_ten(scale));
    double const scaled = amount * power;
    if (!(std::abs(scaled) < 9.2e18)) {
        if (std::isnan(amount)) return {.problem = row_problem::amount_malformed};
        return {.problem =
                    std::isinf(amount) ? row_problem::amount_not_finite : row_problem::amount_too_large};
    }
    exact_amount result;
    // From 2^51 on a double has no digits left to round, and adding a half would spoil it.
    double const half = std::abs(scaled) < 2251799813685248.0 ? std::copysign(0.5, scaled) : 0.0;
    result.value = static_cast<std::int64_t>(scaled + half);
    double const back = static_cast<double>(result.value) / power;
    if (back != amount) result.rounding = std::abs(back - amount);
    return result;
}

/// A time of any accepted type. A date is the midnight at its start; a clock reading without a zone is UTC.
struct read_time {
    enum class problem : std::uint8_t {
        none,
        missing,
        malformed,
        impossible_date,
        impossible_clock,
        out_of_range
    };
    problem why = problem::none;
    bool is_date = false;
    bool has_zone = false;
    instant when{};
};
read_time time_at(column_view const& column, std::size_t row) noexcept;

/// The value of a row as a message shows it: at most 60 bytes of it.
std::string show_value(column_view const& column, std::size_t row);

}  // namespace clavis::ledger

#pragma once

// What the baseline and the monitor share: days, histories and ids as they read them.

#include <cstdint>
#include <string>
#include <vector>

#include "clavis/core/columns.hpp"
#include "clavis/core/time.hpp"
#include "clavis/ledger/history.hpp"

namespace clavis::defection {

/// Silences with a smaller p-value are called overdue.
inline constexpr double overdue_level = 0.01;

inline std::int32_t day_number(sys_days date) {
    return static_cast<std::int32_t>(date.time_since_epoch().count());
}
inline sys_days date_of(std::int32_t number) {
    return sys_days{std::chrono::days{number}};
}

/// The value as printf writes it.
std::string number(char const* format, double value);

/// The ids of these rows.
identifiers select(identifiers const& ids, std::vector<std::size_t> const& rows);

/// Throws input_error where the columns of a history do not fit together.
void check_history(ledger::history const& records);

}  // namespace clavis::defection

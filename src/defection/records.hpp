#pragma once

// What the baseline and the monitor share: days, histories and ids as they read them.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "clavis/core/columns.hpp"
#include "clavis/core/large_memory.hpp"
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

/// A customer's row in two tables sorted by id; `none` where one has no such customer.
struct id_pair {
    static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();
    std::size_t left;
    std::size_t right;
};
using id_pairs = large_vector<id_pair>;

/// Everybody in either table, ascending. The ids are of one kind, or one table is empty.
id_pairs pair_ids(identifiers const& left, identifiers const& right);
/// Their ids.
identifiers join_ids(identifiers const& left, identifiers const& right, id_pairs const& pairs);
/// Throws input_error where one table has text and the other integers.
void check_same_kind(identifiers const& known, identifiers const& added, char const* table,
                     char const* other);

/// Throws input_error where the columns of a history do not fit together.
void check_history(ledger::history const& records);

}  // namespace clavis::defection

#pragma once

// Durations with and without their end, counted: at every distinct time how many ended in an event (of which kind), how
// many were lost from sight (censored), and how many were at risk, that is not yet ended at the time and, where they came
// under observation late (delayed entry), entered before it. Every estimator of survival_curve.hpp, log_rank.hpp and
// competing_risks.hpp reads these counts alone, and counts add: `merge` joins shards.
//
// Whole numbers of any width (doubles that are whole included) are counted, O(n) without sorting and on several threads;
// others are sorted by radix. Columns are read in the type in which they come. At equal times events come before what is
// censored, and those entering after. Weights are added in the order of their size, so that no order of rows changes a
// bit.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "clavis/core/progress.hpp"

namespace clavis::statistics {

/// A column of numbers in its own type. Truth values are std::uint8_t.
using number_column =
    std::variant<std::span<double const>, std::span<float const>, std::span<std::int64_t const>,
                 std::span<std::int32_t const>, std::span<std::int16_t const>, std::span<std::int8_t const>,
                 std::span<std::uint8_t const>>;

std::size_t size_of(number_column const& column);

/// One row for each subject (or stretch of observation). What may be absent is empty.
struct durations_view {
    number_column duration;             ///< >= 0
    number_column event;                ///< 0: censored; 1 (to `causes`): what ended it. Absent: all ended
    number_column entry{};              ///< when observation began, below the duration; absent: before 0
    std::span<double const> weights{};  ///< >= 0, finite; absent: 1
    std::span<std::int32_t const> group{};  ///< 0 to groups - 1; absent: one group
    int groups = 1;
    int causes = 1;
};

/// Counts by distinct duration, ascending.
struct life_table {
    std::vector<double> time;
    std::vector<double> at_risk;
    std::vector<double> events;  ///< of all kinds
    std::vector<double> censored;
    std::vector<std::vector<double>> by_cause;  ///< events of each kind; empty where there is one kind
    std::vector<double> entry_time;             ///< distinct times of entry; empty without delayed entry
    std::vector<double> entered;
    double total = 0;  ///< rows, or the sum of their weights
    bool weighted = false;

    std::size_t size() const noexcept { return time.size(); }
    /// Adds the subjects of another table. Throws input_error where only one of them has delayed entry.
    void merge(life_table const& other);
    /// Recomputes at_risk and events from the other columns.
    void complete();
};

/// One table a group. Throws input_error that names the row: a duration that is negative or not a number, an event that
/// is not 0 to `causes`, an entry not before the duration, a weight that is negative or infinite, columns of unequal
/// length.
std::vector<life_table> make_life_tables(durations_view const& rows, unsigned threads = 1,
                                         progress const& watch = {});

}  // namespace clavis::statistics

#pragma once

// What was checked, what was refused and why: nothing is dropped in silence.

#include <cstdint>
#include <string>
#include <vector>

namespace clavis::ledger {

/// Whether a bad row ends the call or is counted and left out.
enum class bad_rows : std::uint8_t { raise, refuse };

/// Rows refused for one reason. The first `listed` row numbers are kept; `count` counts them all. Row numbers
/// belong to one reading: a saved state keeps the counts and the examples, which do not depend on the order of
/// rows.
struct refusal {
    static constexpr std::size_t listed = 1000;
    static constexpr std::size_t most_examples = 5;
    std::string column;
    std::string reason;  ///< "is not a number", "lies after observe_until", ...
    std::int64_t count = 0;
    std::vector<std::int64_t> rows;     ///< ascending, from 0
    std::vector<std::string> values;    ///< the value in each listed row
    std::vector<std::string> examples;  ///< the smallest distinct values of all these rows, ascending
};

struct quality_report {
    std::string table = "transactions";
    std::int64_t rows_read = 0;
    std::int64_t rows_used = 0;              ///< in the result
    std::int64_t rows_without_customer = 0;  ///< counted apart, not refused: the unattributed bucket
    std::int64_t rows_late = 0;              ///< after observe_until, left out as asked: not refused
    double amount_without_customer = 0;
    double amount_total = 0;       ///< of the rows used
    double largest_rounding = 0;   ///< largest |amount - stored amount|, in currency units
    std::vector<refusal> refused;  ///< ordered by column, then reason
    /// facts a careful reader wants: "times without a zone were read as UTC"
    std::vector<std::string> notes;

    std::int64_t rows_refused() const {
        std::int64_t sum = 0;
        for (auto const& entry : refused)
            sum += entry.count;
        return sum;
    }
};

}  // namespace clavis::ledger

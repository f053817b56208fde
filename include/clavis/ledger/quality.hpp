#pragma once

// What was checked, what was refused and why: nothing is dropped in silence.

#include <cstdint>
#include <string>
#include <vector>

namespace clavis::ledger {

/// Whether a bad row ends the call or is counted and left out.
enum class bad_rows : std::uint8_t { raise, refuse };

/// Rows refused (or not used again) for one reason. The first `listed` row numbers are kept; `count` counts them
/// all. Row numbers belong to one reading: a saved state keeps the counts and the examples, which do not depend
/// on the order of rows.
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

/// How many rows had their amount converted from a currency.
struct conversion {
    std::string currency;
    std::int64_t rows = 0;
    bool operator==(conversion const&) const = default;
};

struct quality_report {
    std::string table = "transactions";
    std::int64_t rows_read = 0;
    std::int64_t rows_used = 0;              ///< in the result
    std::int64_t rows_without_customer = 0;  ///< counted apart, not refused: the unattributed bucket
    std::int64_t rows_late = 0;              ///< after observe_until, left out as asked: not refused
    std::int64_t rows_not_yet_known = 0;     ///< known after known_at, left out as asked: not refused
    std::int64_t rows_duplicate = 0;         ///< their event was read before: not used again, not refused
    std::int64_t rows_without_event = 0;     ///< usable, but an event id is missing where others have one
    double amount_without_customer = 0;
    double amount_total = 0;            ///< of the rows used
    double largest_rounding = 0;        ///< largest |amount - stored amount|, in currency units
    std::vector<refusal> refused;       ///< ordered by column, then reason
    std::vector<refusal> duplicates;    ///< the rows of rows_duplicate, listed in the same way
    std::vector<conversion> converted;  ///< rows by their currency, where a table of rates was given
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

#pragma once

// One batch on its way into canonical rows: what intake.cpp needs to know before it changes anything.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "clavis/core/exact_sum.hpp"
#include "clavis/core/time_zone.hpp"
#include "clavis/ledger/intake.hpp"
#include "ledger/intake_decode.hpp"

namespace clavis::ledger {

/// Rows are decoded in blocks of as many.
inline constexpr std::size_t intake_block_rows = 1U << 15;

enum class role : std::uint8_t { customer_id, time, amount, kind, currency, known_time, event_id };

/// What a block of rows says besides its rows.
struct block_facts {
    int128 amount = 0;
    int128 amount_without_customer = 0;
    std::size_t without_customer = 0;
    std::size_t bad = 0;
    std::size_t late = 0;
    std::size_t not_yet_known = 0;
    std::size_t known_early = 0;
    std::size_t not_used_again = 0;       ///< their event stands elsewhere
    std::vector<std::int64_t> converted;  ///< rows, by the place of their currency in the rates
    double rounding = 0;
    std::int32_t first_day = std::numeric_limits<std::int32_t>::max();
    std::int32_t last_day = std::numeric_limits<std::int32_t>::min();
    bool instants = false;
    bool zone_assumed = false;

    /// Usable rows with a customer, of `size` rows.
    std::size_t used(std::size_t size) const {
        return size - bad - late - not_yet_known - not_used_again - without_customer;
    }
    void add(block_facts const& other) {
        amount += other.amount;
        amount_without_customer += other.amount_without_customer;
        without_customer += other.without_customer;
        bad += other.bad;
        late += other.late;
        not_yet_known += other.not_yet_known;
        known_early += other.known_early;
        if (converted.size() < other.converted.size()) converted.resize(other.converted.size());
        for (std::size_t i = 0; i < other.converted.size(); ++i)
            converted[i] += other.converted[i];
        rounding = std::max(rounding, other.rounding);
        first_day = std::min(first_day, other.first_day);
        last_day = std::max(last_day, other.last_day);
        instants = instants || other.instants;
        zone_assumed = zone_assumed || other.zone_assumed;
    }
};

/// Throws input_error where a column is missing, of a type that does not fit, or of another length.
void check_columns(transactions_view const& batch);

/// The entry of a column and a reason, made where there is none.
refusal& refusal_of(std::vector<refusal>& refused, std::string_view column, std::string_view reason);
/// Counts a row and lists it in its place.
void list_row(refusal& entry, std::int64_t row, std::string value);

/// Keeps the value where it is among the smallest.
void note_example(refusal& entry, std::string_view value);

/// Decodes a batch into the rows from `base` on of `out`, which has room for them, and the fate of every row (a
/// row_problem) into `status`.
struct batch_reader {
    intake_options const& options;
    transactions_view const& batch;
    canonical_rows& out;
    std::size_t base;
    std::uint8_t* status;
    time_zone zone;
    std::int32_t last_allowed;
    std::int32_t last_known = std::numeric_limits<std::int32_t>::max();  ///< of known_at

    /// Whether the row cannot be used, and that is no matter of course.
    bool is_bad(std::size_t row) const {
        auto const fate = static_cast<row_problem>(status[row]);
        return fate != row_problem::none && fate != row_problem::no_customer &&
               fate != row_problem::not_yet_known && fate != row_problem::event_duplicate &&
               !(options.skip_late && fate == row_problem::time_after_end);
    }

    /// Several threads may read several blocks.
    void read_block(std::size_t begin, std::size_t end, block_facts& facts) const;
    /// Throws for the first bad row.
    [[noreturn]] void raise(std::int64_t rows_before) const;
    /// Counts and lists the bad rows.
    void list_refused(std::vector<refusal>& refused, std::int64_t rows_before) const;
    /// The one currency (of rows that are not converted) of the batch and of those before; throws at the first row with another.
    std::string check_currency(std::string_view known, std::int64_t rows_before) const;

  private:
    column_view const& column(role which) const;
    std::string_view label(role which) const;
    void mark(std::size_t row, row_problem problem) const;
    void set_time(std::size_t row, instant when, local_clock& clock) const;
    void set_day(std::size_t row, std::int32_t day) const;
    void read_dates(std::size_t begin, std::size_t end) const;
    void read_timestamps(std::size_t begin, std::size_t end, block_facts& facts) const;
    void read_time_texts(std::size_t begin, std::size_t end, block_facts& facts) const;
    template <class Read>
    void read_amounts(std::size_t begin, std::size_t end, block_facts& facts, Read const& read) const;
    void read_amounts(std::size_t begin, std::size_t end, block_facts& facts) const;
    void read_kinds(std::size_t begin, std::size_t end) const;
    void convert_amounts(std::size_t begin, std::size_t end, block_facts& facts) const;
    void read_known_times(std::size_t begin, std::size_t end, block_facts& facts) const;
    void read_customers(std::size_t begin, std::size_t end) const;
    void check_event_ids(std::size_t begin, std::size_t end) const;
};

}  // namespace clavis::ledger

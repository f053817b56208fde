#pragma once

// Reads any table of a book, batch by batch and on several threads: refuses rows with missing, malformed or impossible
// values, notes what is doubtful (paid before the sale, referrals in a circle), and keeps what a report of quality needs: customers, days,
// rows that are alike. With `keep` the usable rows themselves are kept in typed columns.
//
// Refused: a required value missing (a missing customer is counted apart), no time, no number, a number out of its
// range, a word that is not one of its choices. Scores of surveys: nps 0 to 10, csat 1 to 5, share_rank from 1.
// Alike are rows equal in every column known; they are found by 64-bit fingerprints (of 100 million different rows two
// share one with probability 3e-4), 8 bytes a row.
//
// Rows count from 0 over all batches. After an error the state must not be used.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clavis/core/columns.hpp"
#include "clavis/core/time.hpp"
#include "clavis/core/time_zone.hpp"
#include "clavis/ledger/directory.hpp"
#include "clavis/ledger/quality.hpp"
#include "clavis/ledger/table_schema.hpp"

namespace clavis::ledger {

/// One column of a batch: what the schema and what the user call it.
struct table_column {
    std::string_view name;
    std::string_view label;
    column_view values;
};

/// One referral: codes of both customers, and its row.
struct referral {
    std::uint32_t referrer;
    std::uint32_t customer;
    std::int64_t row;
};

struct table_options {
    bad_rows on_bad_rows = bad_rows::refuse;
    bool keep = false;       ///< keep the usable rows
    bool find_alike = true;  ///< count rows that are alike
    std::optional<std::int32_t>
        observed_until{};     ///< the last day of the records: no birth date lies behind it
    std::string time_zone{};  ///< whose calendar gives the days; empty: UTC
    unsigned threads = 0;     ///< 0: every core
};

/// Days without a row, longer than three times the pace.
struct row_gap {
    std::int32_t first_day = 0;  ///< without a row
    std::int32_t last_day = 0;
    bool operator==(row_gap const&) const = default;
};

struct table_report {
    quality_report quality;
    std::vector<refusal> noted;   ///< doubtful, but not refused
    std::int64_t rows_alike = 0;  ///< beyond the first of each
    std::optional<std::int32_t> first_day{};
    std::optional<std::int32_t> last_day{};
    std::int32_t pace = 0;      ///< nine in ten days with rows follow another within as many days
    std::vector<row_gap> gaps;  ///< the longest five, the longest first
};

/// A column of the usable rows; which vector holds it depends on its kind.
struct kept_column {
    static constexpr std::uint32_t missing = std::numeric_limits<std::uint32_t>::max();
    static constexpr std::int64_t no_time = std::numeric_limits<std::int64_t>::min();

    column_rule const* rule = nullptr;
    bool dates_only = true;            ///< time: all of them are dates
    std::vector<std::int64_t> times;   ///< UTC microseconds or no_time
    std::vector<double> numbers;       ///< NaN where missing
    std::vector<std::uint32_t> codes;  ///< id, text, choice: of labels, or `missing`
    directory labels;
};

/// How the customers of one table meet those of another.
struct coverage {
    std::int64_t customers = 0;  ///< in the first
    std::int64_t covered = 0;    ///< of these also in the second
    std::int64_t unknown = 0;    ///< in the second, but not in the first
};

class table_check {
  public:
    explicit table_check(table_rule const& rule, table_options options = {});

    /// Throws input_error where a column is missing or of a type that does not fit, and with bad_rows::raise for the
    /// first row that is refused. Columns that the schema does not know are passed over.
    void read(std::span<table_column const> batch);

    table_report report() const;
    /// Customers of the usable rows.
    directory const& customers() const { return customers_; }
    std::vector<kept_column> const& kept() const { return kept_; }
    /// The row of the table that each usable row was, with `keep`.
    std::vector<std::int64_t> const& kept_rows() const { return kept_rows_; }
    table_rule const& rule() const { return rule_; }

  private:
    struct batch_check;
    void read_customers(std::span<table_column const> batch, std::vector<std::uint16_t> const& status);
    void read_referrals(std::span<table_column const> batch, std::vector<std::uint16_t> const& status);
    void keep_rows(std::span<table_column const> batch, std::vector<std::uint16_t> const& status);

    table_rule rule_;
    table_options options_;
    time_zone zone_;
    quality_report quality_;
    std::vector<refusal> noted_;
    directory customers_;
    std::vector<std::uint8_t> seen_;  // customers with a row, by code
    std::vector<std::uint64_t> fingerprints_;
    std::int32_t first_day_ = 0;
    std::vector<std::uint8_t> days_;  // whether there is a row on first_day_ + i
    std::vector<kept_column> kept_;
    std::vector<std::int64_t> kept_rows_;
    std::string referrer_label_;
    directory people_;  // of referrals, both sides
    std::vector<referral> referrals_;
};

/// `in` are the customers of the transactions, `of` those of another table.
coverage cover(directory const& in, directory const& of);

}  // namespace clavis::ledger

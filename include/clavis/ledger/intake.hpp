#pragma once

// The one way in for transactions: a batch of columns of any accepted type becomes checked rows of one type.
// Customers and orders become dense codes, times UTC instants and local days, amounts whole multiples of
// 10^-amount_scale. Nothing is allocated per row, buffers are the caller's to reuse, and decoding runs on
// several threads.
//
// A row is bad when its time is missing or impossible or lies after observe_until, its amount is missing, not
// finite, no number or too large, its kind is unknown, or its customer id is a fraction. The first bad row is
// an error that names table, column, row and value; or, with bad_rows::refuse, bad rows are counted, listed
// and left out. Always an error: a column missing, of the wrong type or length, text ids among integer ids, a
// second currency, a second time zone.
//
// Rows count from 0 over all batches. After an error the state is what it was before the batch.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clavis/core/columns.hpp"
#include "clavis/core/exact_sum.hpp"
#include "clavis/core/progress.hpp"
#include "clavis/core/time.hpp"
#include "clavis/core/time_zone.hpp"
#include "clavis/ledger/directory.hpp"
#include "clavis/ledger/quality.hpp"
#include "clavis/ledger/transactions.hpp"

namespace clavis::ledger {

struct intake_options {
    /// Zone whose calendar gives the local day. Empty: the zone of the time column, else UTC. Dates are days
    /// already and are never shifted; times without a zone are UTC.
    std::string time_zone{};
    std::optional<sys_days> observe_until{};  ///< later rows are bad
    bool skip_late = false;                   ///< later rows are not bad, but left out and counted apart
    bad_rows on_bad_rows = bad_rows::raise;
    int amount_scale = default_amount_scale;  ///< decimal places kept, 0 to 12
    bool by_range = false;                    ///< codes of customers as in directory(by_range)
    unsigned threads = 0;                     ///< 0: every core
    progress watch{};
};

/// Rows that can be used, with a customer. Columns that nothing was read for are empty.
struct canonical_rows {
    static constexpr std::uint32_t no_order = std::numeric_limits<std::uint32_t>::max();

    std::vector<std::uint32_t> customer;  ///< code of the customer
    std::vector<std::int32_t> day;        ///< days since 1970-01-01 in the local calendar
    std::vector<std::int64_t> time;    ///< UTC microseconds; empty where all times are dates (midnight UTC)
    std::vector<std::int64_t> amount;  ///< units of 10^-amount_scale; negative for give_back
    std::vector<std::uint32_t> order;  ///< code of the order, or no_order
    std::vector<line_kind> kind;       ///< empty where no kind was given: then amounts below 0 are give_back

    std::size_t size() const { return customer.size(); }
    /// Keeps the memory for the next batch.
    void clear() {
        for (auto* codes : {&customer, &order})
            codes->clear();
        for (auto* numbers : {&time, &amount})
            numbers->clear();
        day.clear();
        kind.clear();
    }
    line_kind kind_of(std::size_t row) const {
        if (!kind.empty()) return kind[row];
        return !amount.empty() && amount[row] < 0 ? line_kind::give_back : line_kind::sale;
    }
    instant time_of(std::size_t row) const {
        return time.empty() ? instant(day[row] * clavis::day) : instant(duration(time[row]));
    }
};

/// What an intake remembers besides customers and orders.
struct intake_facts {
    quality_report quality_;
    int128 amount_total_ = 0;
    int128 amount_without_customer_ = 0;
    std::string currency_;
    std::string zone_name_;  ///< of the first column of instants, or of the option
    time_zone zone_;
    bool has_amounts_ = false;
    bool has_orders_ = false;
    bool dates_only_ = true;
    bool zone_assumed_ = false;  ///< times without a zone were read
    std::int32_t first_day_ = std::numeric_limits<std::int32_t>::max();
    std::int32_t last_day_ = std::numeric_limits<std::int32_t>::min();
};

class intake : private intake_facts {
  public:
    /// Throws input_error where an option does not fit.
    explicit intake(intake_options options = {});

    /// Checks and decodes a batch and appends its usable rows to `out`, which must hold either nothing or
    /// what this intake appended before (a caller may clear() it between batches).
    /// `done` and `share` say which part of a longer call this batch is, for its progress.
    void read(transactions_view const& batch, canonical_rows& out, double done = 0, double share = 1);

    /// Takes in what another intake with equal options has read, as if its batches came after these. `rows`
    /// are this intake's, `other_rows` the other's.
    void merge(intake const& other, canonical_rows& rows, canonical_rows const& other_rows);

    intake_options const& options() const { return options_; }
    directory const& customers() const { return customers_; }
    bool has_rows() const { return quality_.rows_read > 0; }
    bool has_amounts() const { return has_amounts_; }
    bool has_orders() const { return has_orders_; }
    /// True while every time was a date.
    bool dates_only() const { return dates_only_; }
    /// The zone whose days were taken; UTC for dates.
    time_zone zone() const { return dates_only_ ? time_zone::utc() : zone_; }
    /// The first and last local day of the usable rows, those without a customer included; absent where there
    /// are none.
    std::optional<std::int32_t> first_day() const;
    std::optional<std::int32_t> last_day() const;
    quality_report quality() const;

    /// For states that are put back, or saved and read again.
    intake_facts const& facts() const { return *this; }
    /// Puts back earlier facts. Customers that are new since keep their codes, unless there were none.
    void restore(intake_facts facts, bool had_customers);
    directory const& orders() const { return orders_; }
    /// That as many rows are about to be read, perhaps in several batches.
    void expect(std::size_t rows) { customers_.expect(rows); }
    /// After merge(other): what the codes of its customers are here.
    std::vector<std::uint32_t> customers_of(intake const& other) {
        return customers_.merge(other.customers_, {.table = quality_.table});
    }
    /// Makes an intake that has read these facts and these ids.
    static intake resume(intake_options options, intake_facts facts, directory customers, directory orders);

  private:
    intake_options options_;
    directory customers_;
    directory orders_;
    std::vector<std::uint8_t> status_;  // one a row of the batch: 0 usable
};

}  // namespace clavis::ledger

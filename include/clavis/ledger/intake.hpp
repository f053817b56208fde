#pragma once

// The one way in for transactions: a batch of columns of any accepted type becomes checked rows of one type.
// Customers and orders become dense codes, times UTC instants and local days, amounts whole multiples of
// 10^-amount_scale. Nothing is allocated per row, buffers are the caller's to reuse, and decoding runs on
// several threads.
//
// With event ids a row whose event was read before is not used again: a duplicate where it says the same, bad where it
// does not. Of rows at odds the one with the smallest content (a customer before none, then time, day, amount, kind,
// labels of order and customer) is kept whatever the order of reading, and bad_rows::raise names the pair. The rows
// read must then be kept (not cleared): the intake knows where each event stands, in 24 bytes and its id.
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
#include "clavis/ledger/event_log.hpp"
#include "clavis/ledger/intake_rows.hpp"
#include "clavis/ledger/quality.hpp"
#include "clavis/ledger/rates.hpp"
#include "clavis/ledger/transactions.hpp"

namespace clavis::ledger {

struct intake_options {
    /// Zone whose calendar gives the local day. Empty: the zone of the time column, else UTC. Dates are days
    /// already and are never shifted; times without a zone are UTC.
    std::string time_zone{};
    std::optional<sys_days> observe_until{};  ///< later rows are bad
    bool skip_late = false;                   ///< later rows are not bad, but left out and counted apart
    std::optional<sys_days> known_at{};       ///< rows that became known later are left out and counted apart
    std::shared_ptr<currency_rates const> rates{};  ///< amounts are converted by them
    bad_rows on_bad_rows = bad_rows::raise;
    int amount_scale = default_amount_scale;  ///< decimal places kept, 0 to 12
    bool by_range = false;                    ///< codes of customers as in directory(by_range)
    unsigned threads = 0;                     ///< 0: every core
    progress watch{};
};

/// What an intake remembers besides customers, orders and events.
struct intake_facts {
    quality_report quality_;
    std::vector<std::int64_t> converted_;  ///< rows, by the place of their currency in the rates
    std::int64_t known_early_ = 0;         ///< rows that were known before they happened
    int128 amount_total_ = 0;
    int128 amount_without_customer_ = 0;
    std::string currency_;
    std::string event_column_;  ///< what the caller calls it
    std::string zone_name_;     ///< of the first column of instants, or of the option
    time_zone zone_;
    bool has_amounts_ = false;
    bool has_orders_ = false;
    bool has_events_ = false;
    bool dates_only_ = true;
    bool zone_assumed_ = false;  ///< times without a zone were read
    std::int32_t first_day_ = std::numeric_limits<std::int32_t>::max();
    std::int32_t last_day_ = std::numeric_limits<std::int32_t>::min();
    // Of the rows that are kept nowhere: without a customer, without an event.
    std::int32_t loose_first_day_ = std::numeric_limits<std::int32_t>::max();
    std::int32_t loose_last_day_ = std::numeric_limits<std::int32_t>::min();
};

class intake : private intake_facts {
  public:
    /// Throws input_error where an option does not fit.
    explicit intake(intake_options options = {});

    /// Checks and decodes a batch and appends its usable rows to `out`, which must hold either nothing or
    /// what this intake appended before (a caller may clear() it between batches unless event ids are read).
    /// `done` and `share` say which part of a longer call this batch is, for its progress.
    void read(transactions_view const& batch, canonical_rows& out, double done = 0, double share = 1);
    /// The same, over what `out` held before, whose memory is used again.
    void read_over(transactions_view const& batch, canonical_rows& out, double done = 0, double share = 1);

    /// Takes in what another intake with equal options has read, as if its batches came after these. `rows`
    /// are this intake's, `other_rows` the other's.
    void merge(intake const& other, canonical_rows& rows, canonical_rows const& other_rows);

    intake_options const& options() const { return options_; }
    directory const& customers() const { return customers_; }
    bool has_rows() const { return quality_.rows_read > 0; }
    bool has_amounts() const { return has_amounts_; }
    bool has_orders() const { return has_orders_; }
    bool has_events() const { return has_events_; }
    directory const& event_ids() const { return event_ids_; }
    event_log const& events() const { return events_; }
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
    /// Puts back earlier facts. Customers that are new since keep their codes, unless there were none. Events read
    /// since are not forgotten: a batch with event ids is read in one piece.
    void restore(intake_facts facts, bool had_customers);
    directory const& orders() const { return orders_; }
    /// That as many rows are about to be read, perhaps in several batches.
    void expect(std::size_t rows) { customers_.expect(rows); }
    /// After merge(other): what the codes of its customers are here.
    std::vector<std::uint32_t> customers_of(intake const& other) {
        return customers_.merge(other.customers_, {.table = quality_.table});
    }
    /// Makes an intake that has read these facts and these ids.
    static intake resume(intake_options options, intake_facts facts, directory customers, directory orders,
                         directory event_ids = directory(), event_log events = {});

  private:
    struct reading;
    void read_from(std::size_t base, transactions_view const& batch, canonical_rows& out, double done,
                   double share);
    void check_same_columns(transactions_view const& batch) const;
    void read_orders(transactions_view const& batch, canonical_rows& out, std::size_t base);
    void read_events(transactions_view const& batch, canonical_rows& out, reading& now);
    void keep_events(canonical_rows& out, reading const& now);
    event_content content_of(canonical_rows const& rows, std::size_t row) const;
    event_content content_of(canonical_rows const& rows, event_entry const& entry) const;
    bool before(event_content const& a, event_content const& b) const;
    std::string at_odds(event_content const& a, event_content const& b) const;
    void find_days(canonical_rows const& rows);
    void check_mergeable(intake const& other) const;

    intake_options options_;
    directory customers_;
    directory orders_;
    directory event_ids_;
    event_log events_;
    std::vector<std::uint8_t> status_;  // one a row of the batch: 0 usable
};

}  // namespace clavis::ledger

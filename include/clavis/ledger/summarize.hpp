#pragma once

// From transactions to one row per customer, exactly and in any order.
//
// A purchase is a period (see collapse) with at least one sale line; with returns_policy::net a period whose
// sales are wholly taken back within it (sales − returns <= 0, and there was a return) is none. A sale of
// amount zero is a purchase; returns and adjustments never are. Within the calibration period (or all that
// was observed)
//   frequency    purchases − 1
//   recency      start of the last purchase period − start of the first, in units
//   T            end of observation − start of the first purchase period, in units; the end is the start of
//                the period that holds the last day, or with collapse::none the end of that day
//   monetary_value  (amounts from the first repeat purchase period on) / frequency: a return counts against
//                the latest purchase at or before it. With include_first (amounts from the first purchase
//                period on) / (frequency + 1). Adjustments count as amounts; returns_policy::ignore leaves
//                returns out.
//   log_gap_sum  sum of ln(gap in units) over the gaps between purchase periods
// as Fader and Hardie (2005) define them. A customer with returns alone stays: frequency 0, recency, T and
// monetary_value NaN. Customers whose first purchase lies after calibrate_until are left out and counted.
// frequency_holdout counts the purchases in (calibrate_until, end of observation]; a period cut by
// calibrate_until is judged on either side by itself.
//
// `orders` counts distinct orders with a sale line (with net, and order ids: unless the lines of the order
// sum to <= 0 and a return is among them), `days` local days with a purchase. Without amounts the monetary
// columns are empty.
//
// Amounts are summed in 128-bit integers and periods compared as integers, so that the result is
// bit-identical for any order of rows, split into batches, order of merging and number of threads. Instants
// are cut to microseconds.
//
// The state holds what the summary cannot do without. A later return may cancel any day, so it must tell apart
// any two sets of purchase days with their sums: n days among D take log2(D choose n) bits, about 0.9 bytes a
// day at nine days in two years, and every sum its own bits, 12 for 25.00 give or take 10.00. No number of bytes
// a customer therefore holds for any number of days; what is spent is 4 bytes a customer's day (within a factor of 2
// of that limit), 38 a customer at nine days, less than 3 more a day where times are instants of whole seconds (62 a
// customer), and an id (see directory.hpp). Until they are folded into days, rows wait in 8 bytes each: as many as the last batch held and
// then at most 16 MB or 12 bytes a customer. Distinct orders need their ids, and collapse::hour and none their instants,
// and events that are used once a row each: such states keep their rows, in 16 to 33 bytes each, the ids of orders,
// and 24 bytes an event with its id.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "clavis/core/progress.hpp"
#include "clavis/core/time.hpp"
#include "clavis/ledger/compact_summary.hpp"
#include "clavis/ledger/history.hpp"
#include "clavis/ledger/intake.hpp"
#include "clavis/ledger/quality.hpp"
#include "clavis/ledger/summary.hpp"
#include "clavis/ledger/transactions.hpp"

namespace clavis::ledger {

struct summarize_options {
    duration unit = week;                  ///< in which ages are counted
    collapse collapse_by = collapse::day;  ///< what counts as one purchase
    std::string time_zone{};  ///< whose calendar counts; empty: the zone of the time column, else UTC
    returns_policy returns = returns_policy::net;
    std::optional<sys_days> observe_until{};  ///< last day of observation; absent: the last day seen
    bool skip_late = false;              ///< rows after it are left out and counted, instead of being bad
    std::optional<sys_days> known_at{};  ///< rows that became known later are left out and counted
    std::shared_ptr<currency_rates const> rates{};  ///< amounts are converted by them
    std::optional<sys_days> calibrate_until{};      ///< last day of calibration, before observe_until
    bool include_first = false;                     ///< whether monetary_value takes in the first purchase
    bad_rows on_bad_rows = bad_rows::raise;
    int amount_scale = default_amount_scale;  ///< decimal places kept, 0 to 12
    unsigned threads = 0;                     ///< 0: every core
    progress watch{};
};

class day_store;

/// The state behind summarize: fed batch by batch, merged over shards. An update or merge that throws leaves
/// the state as it was.
class summarizer {
  public:
    /// Throws input_error where an option does not fit.
    explicit summarizer(summarize_options options = {});
    ~summarizer();
    summarizer(summarizer const&);
    summarizer(summarizer&&) noexcept;
    summarizer& operator=(summarizer const&);
    summarizer& operator=(summarizer&&) noexcept;

    summarizer& update(transactions_view const& batch);
    /// Takes in what another state with equal options has read; its rows count after these.
    summarizer& merge(summarizer const& other);

    /// The summary of all that was read; the state can go on reading. Throws input_error where no row was
    /// read, or none could be used, or calibrate_until lies before the first day or after the last.
    summary finish() const;
    /// The same in fewer bytes, for columns that are asked for one by one: of dates collapsed by day, without order
    /// and event ids, calibration, and more than 2^31 rows; else absent.
    std::optional<compact_summary> finish_compact() const;
    /// The purchase days of every customer, to the end of observation whatever calibrate_until says.
    history daily() const;
    /// What was read, used and refused so far.
    quality_report quality() const { return intake_.quality(); }

    /// The state as bytes with a version: the same for any split of the rows, in any order, over any states and
    /// threads. Row numbers of refused rows belong to a reading and are left out; counts and examples stay.
    std::vector<std::uint8_t> to_bytes() const;
    /// Reads them again, options included; such a state goes on like any other. Throws input_error where the
    /// bytes are no state; never takes memory out of proportion to them.
    static summarizer from_bytes(std::span<std::uint8_t const> bytes, unsigned threads = 0,
                                 progress watch = {});

    summarize_options const& options() const { return options_; }
    bool has_amounts() const { return intake_.has_amounts(); }

    /// Bytes of memory held, but for what refused rows list.
    struct memory {
        std::size_t ids = 0;      ///< of customers and orders
        std::size_t days = 0;     ///< of purchase days
        std::size_t waiting = 0;  ///< of rows that are not yet folded into days, or are kept
    };
    memory held() const;

  private:
    bool keeps_rows(intake_facts const& facts) const;
    void fold_where_much_waits();

    summarize_options options_;
    intake intake_;
    canonical_rows rows_;              // where rows are kept
    std::unique_ptr<day_store> days_;  // where they are not
};

summary summarize(transactions_view const& transactions, summarize_options const& options = {});
history collect_history(transactions_view const& transactions, summarize_options const& options = {});

}  // namespace clavis::ledger

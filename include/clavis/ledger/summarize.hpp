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

#include <cstdint>
#include <optional>
#include <string>

#include "clavis/core/progress.hpp"
#include "clavis/core/time.hpp"
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
    bool skip_late = false;  ///< rows after it are left out and counted, instead of being bad
    std::optional<sys_days> calibrate_until{};  ///< last day of calibration, before observe_until
    bool include_first = false;                 ///< whether monetary_value takes in the first purchase
    bad_rows on_bad_rows = bad_rows::raise;
    int amount_scale = default_amount_scale;  ///< decimal places kept, 0 to 12
    unsigned threads = 0;                     ///< 0: every core
    progress watch{};
};

/// The state behind summarize: fed batch by batch, merged over shards. An update or merge that throws leaves
/// the state as it was.
class summarizer {
  public:
    /// Throws input_error where an option does not fit.
    explicit summarizer(summarize_options options = {});

    summarizer& update(transactions_view const& batch);
    /// Takes in what another state with equal options has read; its rows count after these.
    summarizer& merge(summarizer const& other);

    /// The summary of all that was read; the state can go on reading. Throws input_error where no row was
    /// read, or none could be used, or calibrate_until lies before the first day or after the last.
    summary finish() const;
    /// The purchase days of every customer, to the end of observation whatever calibrate_until says.
    history daily() const;
    /// What was read, used and refused so far.
    quality_report quality() const { return intake_.quality(); }

    summarize_options const& options() const { return options_; }

  private:
    summarize_options options_;
    intake intake_;
    canonical_rows rows_;
};

summary summarize(transactions_view const& transactions, summarize_options const& options = {});
history collect_history(transactions_view const& transactions, summarize_options const& options = {});

}  // namespace clavis::ledger

#pragma once

// One row per customer: what the records say of the purchases, in the terms of the buy-till-you-die
// literature (Fader and Hardie 2005) and in those of RFM. Rows are sorted by customer_id.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "clavis/core/columns.hpp"
#include "clavis/core/time.hpp"
#include "clavis/ledger/quality.hpp"

namespace clavis::ledger {

/// What models read: spans of equal length into a summary or into the caller's own columns. Empty spans mean
/// that the column is absent. A row whose T is NaN is a customer without any purchase: models leave it out
/// and say so.
struct summary_view {
    std::span<std::int32_t const> frequency;  ///< repeat purchases, >= 0
    std::span<double const> recency;          ///< age at the last purchase in units, 0 where frequency is 0
    std::span<double const> T;                ///< age at the end of observation in units, >= recency
    std::span<double const> monetary_value;   ///< mean amount of the repeat purchases, 0 where frequency is 0
    std::span<double const> log_gap_sum;      ///< sum of ln(gap in units) over the gaps between purchases
    std::span<double const> weights;          ///< how many customers a row stands for
    duration unit{};                          ///< the unit of recency and T; zero: unknown

    std::size_t size() const { return frequency.size(); }
};

/// The owned table; how each column is defined stands in summarize.hpp. Amounts are in currency units. All
/// columns but the two of the holdout cover what was observed until observed_until. Monetary columns are
/// empty without amounts.
struct summary {
    duration unit = week;
    identifiers customer_id;
    std::vector<std::int32_t> frequency;
    std::vector<double> recency;
    std::vector<double> T;
    std::vector<double> monetary_value;
    std::vector<double> log_gap_sum;
    std::vector<instant> first_time;     ///< first purchase (first event where there is no purchase)
    std::vector<instant> last_time;      ///< last purchase (last event where there is no purchase)
    std::vector<std::int32_t> last_day;  ///< the local day of last_time
    /// distinct order ids with a sale, or sale lines where there are no order ids
    std::vector<std::int64_t> orders;
    std::vector<std::int64_t> days;   ///< distinct local days with a purchase
    std::vector<std::int64_t> lines;  ///< every line read for the customer, returns included
    std::vector<double> net_amount;
    std::vector<double> returns_amount;  ///< what came back, as a positive amount
    /// purchases after calibrate_until; empty without calibration
    std::vector<std::int32_t> frequency_holdout;
    std::vector<double> duration_holdout;  ///< length of the holdout in units; empty without calibration
    sys_days observed_until{};  ///< the last day that T counts: calibrate_until where given, else the end of
                                ///< observation
    std::optional<sys_days> holdout_until{};  ///< the last day of the holdout
    std::int64_t left_out = 0;                ///< customers first seen after calibrate_until
    quality_report quality;                   ///< what was read, used and refused

    std::size_t size() const { return frequency.size(); }
    summary_view view() const {
        return {.frequency = frequency,
                .recency = recency,
                .T = T,
                .monetary_value = monetary_value,
                .log_gap_sum = log_gap_sum,
                .weights = {},
                .unit = unit};
    }
};

}  // namespace clavis::ledger

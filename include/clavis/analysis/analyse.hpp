#pragma once

// Everything at once: one row per customer with value scores, lifetime value, defection state and loyalty tier, and
// what stands behind them (fits, breaks, alerts). Nothing is computed here that a room does not compute; the rooms
// exchange columns, and this file says which columns go where.
//
//     cl::ledger::summarizer records{options};
//     records.update({ids, days, cents});
//     auto result = cl::analysis::analyse(records.finish(), records.daily());

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "clavis/core/progress.hpp"
#include "clavis/core/time.hpp"
#include "clavis/defection/monitor.hpp"
#include "clavis/ledger/history.hpp"
#include "clavis/ledger/summary.hpp"
#include "clavis/lifetime/fit.hpp"
#include "clavis/lifetime/gamma_gamma.hpp"
#include "clavis/lifetime/modified_beta_geo_nbd.hpp"
#include "clavis/loyalty/tier_program.hpp"
#include "clavis/loyalty/tier_replay.hpp"
#include "clavis/metrics/class_table.hpp"
#include "clavis/metrics/indicators.hpp"
#include "clavis/value/rfm.hpp"

namespace clavis::analysis {

struct analyse_options {
    value::rfm_options rfm{};

    duration horizon = year;    ///< how far ahead values and purchases are counted
    double annual_rate = 0.10;  ///< effective discount rate a year
    double margin = 1.0;        ///< part of an amount that is kept

    /// The first day watched; default: the middle of the records, so that one half teaches what is usual and the other
    /// half is judged by it.
    std::optional<sys_days> baseline_until{};
    defection::monitor_options monitor{};

    /// Default: three tiers by spend over 365 days, cut where half and nine tenths of the buyers stand.
    std::optional<loyalty::tier_program> tiers{};

    unsigned threads = 0;  ///< 0: every core
    progress watch{};
};

/// Row i of every column is customers.customer_id[i]; columns that a step could not fill hold NaN or are empty, and
/// `notes` says why.
struct analysis {
    ledger::summary customers;
    value::rfm_result rfm;

    /// absent: nothing to fit to
    std::optional<lifetime::fit_result<lifetime::modified_beta_geo_nbd>> purchases;
    std::optional<lifetime::fit_result<lifetime::gamma_gamma>> spend;  ///< absent: nothing to fit to
    std::vector<double> expected_purchases;                            ///< within the horizon
    std::vector<double> probability_no_purchase;                       ///< within the horizon
    std::vector<double> expected_spend;                                ///< mean amount of a future purchase
    std::vector<double> lifetime_value;                                ///< discounted, over the horizon

    sys_days baseline_until{};
    defection::states_table states;       ///< of those who ever bought
    std::vector<std::int64_t> state_row;  ///< row of `states` of each customer; -1: never bought
    std::vector<std::int32_t> state;      ///< defection::state of each customer as a number; -1: never bought
    defection::alerts alerts;             ///< raised since baseline_until
    std::vector<double> value_at_risk;    ///< see value_at_risk()

    loyalty::tier_program program;
    loyalty::tier_standings tiers;

    metrics::class_table segments;  ///< by RFM segment
    std::vector<metrics::indicator> indicators;

    std::vector<std::string> notes;  ///< what could not be computed and why, one sentence each

    sys_days as_of() const { return customers.observed_until; }
};

/// Runs every room over one set of records. `records` and `summary` come from the same transactions, so that their
/// customers are the same (input_error otherwise). Throws what the rooms throw for unusable input or options.
analysis analyse(ledger::summary summary, ledger::history const& records,
                 analyse_options const& options = {});

}  // namespace clavis::analysis

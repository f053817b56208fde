#pragma once

// Customers on whom alarm rules are tried: their visits through a calibration and a time watched, and what truly became
// of each. simulate_rule_data() draws the benchmark of docs/methods/defection.md; rule_data_from() takes recorded visits
// with a table of what is known to have happened.
//
// The benchmark: a customer's rate is Gamma(r, alpha) visits a week; gaps are gamma distributed of shape `regularity`
// and that rate (1: a Poisson process), from an ordinary moment on (the first gap is a residual one). Thirds of the
// customers never change, keep the fraction `retained` of their rate, or stop; the change is uniform in the first
// `change_within` weeks watched. A change slows the customer's own clock, so a gap begun before it is stretched from
// there on. Customers with fewer than `least_visits` in the calibration are drawn anew. Results do not depend on the
// number of threads or the platform.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "clavis/core/columns.hpp"
#include "clavis/core/time.hpp"
#include "clavis/ledger/history.hpp"

namespace clavis::defection {

/// Visits and fates, in weeks since the calibration began.
struct rule_data {
    int calibration_weeks = 52;
    int watched_weeks = 104;
    std::vector<std::int64_t> offsets{0};  ///< visits of customer i are [offsets[i], offsets[i + 1])
    std::vector<double> time;              ///< of each visit, ascending, at least one in the calibration
    std::vector<double> retained;          ///< 1: no change; in (0, 1): a drop; 0: a stop
    std::vector<double> change;            ///< week of the change, at least calibration_weeks; inf without
    std::vector<double> rate;              ///< visits a week before any change; NaN where not known
    identifiers customer_id;               ///< empty where simulated
    std::int64_t left_out = 0;             ///< customers whose visits or fate cannot be used here

    std::size_t size() const { return offsets.size() - 1; }
    std::span<double const> visits(std::size_t row) const {
        return std::span(time).subspan(static_cast<std::size_t>(offsets[row]),
                                       static_cast<std::size_t>(offsets[row + 1] - offsets[row]));
    }
    /// Throws input_error that names the row where something is out of order.
    void validate() const;
};

struct rule_benchmark {
    std::int64_t customers = 30'000;
    double r = 2;
    double alpha = 2;  ///< weeks
    double regularity = 1;
    int calibration_weeks = 52;
    int watched_weeks = 104;
    int change_within = 26;  ///< weeks
    int least_visits = 3;
    double retained = 0.5;
    std::uint64_t seed = 1;

    /// Throws input_error that names the option out of its domain.
    void validate() const;
};

rule_data simulate_rule_data(rule_benchmark const& options, unsigned threads = 0);

/// What is known of one customer of `records`.
struct known_fate {
    double retained = 1;  ///< as in rule_data
    sys_days change{};    ///< the first day of the new rate; ignored where retained is 1
};

/// Recorded visit days as rule_data, each visit at noon: the calibration runs over `calibration_weeks` to `watched_from`. fate[i] is of
/// customer i of `records`. A customer without a visit in the calibration, or whose change lies outside the time
/// watched, is left out and counted. Throws input_error where the records end before the calibration begins.
rule_data rule_data_from(ledger::history const& records, std::span<known_fate const> fate,
                         sys_days watched_from, int calibration_weeks, int watched_weeks);

}  // namespace clavis::defection

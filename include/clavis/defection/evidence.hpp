#pragma once

// Evidence of a change beyond visits, each kind as a Shiryaev-Roberts statistic with the promise that the monitor's has:
// without a change E[R_t] = t / u in calendar time, so that R reaches A within t with probability at most t / (A u). An
// average of such statistics with weights fixed beforehand keeps the promise, whatever binds them together.
//
// visits: the mixture over retained fractions on the hazard clock (detectors.hpp).
// spend: R grows by dt / u and is multiplied at a purchase of amount a by the ratio of predictive densities of a where
// amounts have fallen to the fraction rho and where not. In the gamma-gamma model (Fader, Hardie and Lee 2005) with n
// earlier amounts of sum S, b = gamma + S and Q = q + p n, a / b is beta prime (p, Q), so that the ratio is
//     rho^-p ((a + b) / (a / rho + b))^(p + Q),
// of mean 1 under no change. spend_p() is P(A > a), the mark's p-value: uniform under no change, e = -ln P exponential.
// category: the visits' mixture for each category the customer bought in at least 4 times before the watch (3 gaps), at
// most the 8 most bought, on that category's clock; their average.
//
// Amounts of visits without a sale (a <= 0) leave R as it is. Everything is filled at checks in ascending time; a
// visit at the moment of a check is in. Times are in one unit, that of the clock and of u.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "clavis/defection/hazard_clock.hpp"
#include "clavis/lifetime/gamma_gamma.hpp"

namespace clavis::defection {

struct evidence_options {
    std::vector<double> retained{0.0, 0.5};         ///< of visits
    std::vector<double> retained_spend{0.5, 0.75};  ///< of the amount of a visit, each in (0, 1)
    double unit = 1;                                ///< u
    std::size_t least_gaps = 3;                     ///< of a category that is watched
    std::size_t most_categories = 8;

    void validate() const;  ///< throws input_error
};

/// P(A > a) after n amounts of sum S.
double spend_p(lifetime::gamma_gamma const& model, double n, double sum, double amount) noexcept;

/// ln of the ratio above; 0 where amount <= 0.
double log_spend_ratio(lifetime::gamma_gamma const& model, double n, double sum, double amount,
                       double rho) noexcept;

/// ln R at every check. `visits` ascend; the watch starts at `begin`, and only visits up to it have been learned then.
void visit_evidence(hazard_clock const& clock, std::span<double const> visits, double begin,
                    std::span<double const> checks, std::span<double> log_statistic,
                    evidence_options const& options = {});

/// The same, started afresh at the speed of multiplier[j] from moment[j] on (ascending, the first at or before `begin`), as early
/// warning has it: dR = m dt / u + (1 - rho) R dH. On a clock of any k.
void warned_evidence(hazard_clock const& clock, std::span<double const> visits, double begin,
                     std::span<double const> checks, std::span<double const> moment,
                     std::span<double const> multiplier, std::span<double> log_statistic,
                     evidence_options const& options = {});

/// amounts[k] is of visits[k].
void spend_evidence(lifetime::gamma_gamma const& model, std::span<double const> visits,
                    std::span<double const> amounts, double begin, std::span<double const> checks,
                    std::span<double> log_statistic, evidence_options const& options = {});

/// category[k] of purchase k indexes `clocks`; a visit with several categories is several purchases of one time. Returns
/// how many categories are watched; 0: ln R is that of a statistic which only grows by dt / u, and so tells nothing.
std::size_t category_evidence(std::span<hazard_clock const> clocks, std::span<double const> purchases,
                              std::span<std::int32_t const> category, double begin,
                              std::span<double const> checks, std::span<double> log_statistic,
                              evidence_options const& options = {});

/// ln of the weighted mean of statistics: weights >= 0 of sum 1, fixed before the watch.
double log_combined(std::span<double const> log_statistics, std::span<double const> weights) noexcept;

}  // namespace clavis::defection

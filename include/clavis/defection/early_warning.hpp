#pragma once

// Early warning with covariates: how much likelier a change begins while something holds (a complaint of the last quarter,
// no newsletter opened, a late payment), learned from the past, and used to look at such customers sooner.
//
// The model is piecewise exponential: changes begin at the rate lambda_piece exp(sum of beta over what holds), constant
// within a piece of time (tenure, season). It is fitted by maximum likelihood on cells of (events, exposure), one for each
// piece and combination of up to 16 conditions: O(1) a record, mergeable exactly, and as good as all rows (Holford 1980; Laird
// and Olivier 1981). A ridge of 1e-6 keeps what never happened finite; its standard error then says so.
//
// multiplier() is exp(sum of beta), over its mean weighted by exposure, so that it averages 1 over the customers. Used as the
// speed at which a Shiryaev-Roberts statistic starts afresh, dR = m dt / u + (1 - rho) R dH, E[R_t] is the integral of m / u:
// the bound on false alarms holds for all customers together, with more of them spent on those with a condition.

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace clavis::defection {

/// Conditions that hold, a bit for each.
using condition_set = std::uint16_t;

class warning_cells {
  public:
    /// Throws input_error unless events >= 0 and exposure >= 0, finite, and no event lacks exposure of its cell in the end.
    void add(std::int32_t piece, condition_set conditions, std::int64_t events, double exposure);
    warning_cells& merge(warning_cells const& other);

    struct cell {
        std::int64_t events = 0;
        double exposure = 0;
    };
    std::map<std::pair<std::int32_t, condition_set>, cell> const& cells() const { return cells_; }

  private:
    std::map<std::pair<std::int32_t, condition_set>, cell> cells_;
};

struct warning_model {
    std::vector<std::int32_t> piece;     ///< ascending
    std::vector<double> log_rate;        ///< of each piece, nothing holding
    std::vector<double> beta;            ///< of each condition
    std::vector<double> standard_error;  ///< of beta
    double log_mean = 0;                 ///< ln of the mean of exp(sum of beta), by exposure
    bool converged = false;

    double multiplier(condition_set conditions) const noexcept;
};

/// Throws input_error where there is no exposure or no event.
warning_model fit_warning(warning_cells const& cells, std::size_t conditions);

}  // namespace clavis::defection

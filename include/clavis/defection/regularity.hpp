#pragma once

// How regularly customers come: the shape k of their gamma gaps, pooled over customers, from pairs of neighbouring
// gaps. Given their sum, the first gap's part of it is Beta(k, k) whatever the customer's rate, whoever left and
// wherever the records end; Wheat and Morrison (1990) took k from its variance, k = (1 - 4 v) / (8 v). Here k maximises
// the likelihood of the pairs, each given its sum. Gaps are whole days d >= 1 between days of visits: two visits at
// random hours are d days apart with weight
//     w(d) = integral over -1 < e < 1 of (1 - |e|) (d + e)^{k-1} de = [(d+1)^{k+1} - 2 d^{k+1} + (d-1)^{k+1}] / (k (k + 1))
// times an exponential that the sum fixes, so that P(d | sum D) = w(d) w(D - d) / sum over e of w(e) w(D - e): exact for
// k = 1, and else but for days with several visits, whence only pairs of at least `least_sum` days count. The counts of
// days and of sums are all it needs: states of disjoint customers or times add up.
// Domain k in [0.2, 20]. The likelihood has one peak; found to 1e-6 of k.

#include <cstdint>
#include <limits>
#include <vector>

namespace clavis::defection {

struct regularity {
    double k = 1;
    /// From the curvature of the likelihood; NaN at an end of the domain or without pairs.
    double standard_error = std::numeric_limits<double>::quiet_NaN();
    /// Wheat and Morrison's moment estimate of the same pairs, within the domain.
    double by_moments = std::numeric_limits<double>::quiet_NaN();
    std::int64_t pairs = 0;
    /// Coefficient of variation, between customers, of the variance of the gaps' parts: 0 where all are alike.
    double spread = std::numeric_limits<double>::quiet_NaN();
    /// How many standard errors the spread lies above what chance makes of alike customers.
    double spread_z = std::numeric_limits<double>::quiet_NaN();
};

class gap_pairs {
  public:
    static constexpr std::int32_t least_sum = 8;

    /// The gaps in days between one customer's visits, oldest first; they are taken two by two.
    void add_customer(std::vector<std::int32_t> const& gaps);
    gap_pairs& operator+=(gap_pairs const& other);
    std::int64_t pairs() const { return pairs_; }

    regularity estimate() const;

  private:
    static constexpr std::int32_t exact_days = 1024;  ///< beyond, days are fine enough to be taken as exact

    double log_likelihood(double k) const;

    std::int64_t pairs_ = 0;
    std::vector<std::int64_t> days_;  ///< [d]: gaps of d days, in pairs of at most exact_days
    std::vector<std::int64_t> sums_;  ///< [D]: pairs of D days
    std::int64_t long_pairs_ = 0;
    double long_logs_ = 0;  ///< of them: sum of ln(m (1 - m)), m the first gap's part
    // Of (m - 1/2)^2 over pairs, and for the spread over customers with at least three pairs.
    double squares_ = 0;
    double group_pairs_ = 0;
    double group_sum_ = 0;      ///< of the customers' sums
    double group_squares_ = 0;  ///< of their squares
    double group_cross_ = 0;    ///< of sum times pairs
    double group_pairs_squared_ = 0;
    double group_fourth_ = 0;  ///< of (m - 1/2)^4
    std::int64_t groups_ = 0;
};

}  // namespace clavis::defection

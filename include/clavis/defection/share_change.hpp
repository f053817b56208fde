#pragma once

// How each customer's share of wallet moves from one period to the next. With own spend O and competitors' C in a
// period, the share is s = O / (O + C). Taken as compound Poisson sums, O and C have the variances sum O_i^2 and
// sum C_i^2 of their purchases, so that
//     Var s ~ [(1 - s)^2 sum O_i^2 + s^2 sum C_i^2] / (O + C)^2,
// which gives the standard error of the change with each period's own share. The test takes both variances at the share
// of both periods together: z = (s1 - s0) / sqrt(Var0 + Var1), a score test. With each period's own share the tails of
// z are far too heavy where trips are few (10 to 40 a period: 6 times too many p-values below 0.001; together 0.5 times).
// Where only a period's total of C is known, its squares are taken to stand to it as the customer's own do (sum O_i^2 / O
// of both periods; the population's where the customer has none). A share told with an error of its own adds its
// variance. RISING and FALLING are those that Benjamini and Hochberg's rule finds at q among all with a share in both
// periods; a customer with O + C = 0 in a period is UNDEFINED and counted apart. GROWING_BUT_LOSING_SHARE: falling
// although own spend rises. Negative net spend is no purchase: such a period counts as 0, and is counted; so does a
// wallet below own spend, whose competitors' part is 0.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace clavis::defection {

struct wallet_period {
    double own = 0;                 ///< net
    double own_squares = 0;         ///< sum of squared purchases
    double competitor = 0;          ///< NaN where not known
    double competitor_squares = 0;  ///< NaN where only the total is known
    double share_variance = 0;      ///< of how the share was told (a survey's), if any
};

enum class share_direction : std::uint8_t { FLAT, RISING, FALLING, UNDEFINED };
/// "FLAT", "RISING", ...
char const* to_string(share_direction direction) noexcept;

struct share_changes {
    std::vector<double> before;  ///< share; NaN where undefined
    std::vector<double> after;
    std::vector<double> error;    ///< standard error of after - before
    std::vector<double> z;        ///< NaN where undefined; 0 where nothing moved
    std::vector<double> p_value;  ///< two-sided
    std::vector<double> level;    ///< the smallest q at which the change is significant
    std::vector<share_direction> direction;
    std::vector<std::uint8_t> growing_but_losing_share;

    /// Parts of the customers whose share is defined; weighted by the wallet of both periods in the last two.
    struct {
        double rising = 0, falling = 0;                          ///< raw: whatever moved
        double significant_rising = 0, significant_falling = 0;  ///< RISING, FALLING
        double weighted_rising = 0, weighted_falling = 0;        ///< RISING, FALLING by value
    } part;
    std::int64_t undefined = 0;
    std::int64_t negative_own = 0;      ///< periods of negative net spend
    std::int64_t wallet_below_own = 0;  ///< periods
};

/// Throws input_error where the spans differ in length or q lies outside (0, 1).
share_changes change_of_shares(std::span<wallet_period const> before, std::span<wallet_period const> after,
                               double q = 0.10);

}  // namespace clavis::defection

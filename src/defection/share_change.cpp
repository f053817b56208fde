#include "clavis/defection/share_change.hpp"

#include <cmath>
#include <limits>
#include <string>

#include "clavis/core/errors.hpp"
#include "clavis/statistics/multiplicity.hpp"

namespace clavis::defection {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// A period as it counts.
struct told {
    double own = 0;
    double own_squares = 0;
    double wallet = 0;
    double squares = 0;  ///< the competitors'
    double share_variance = 0;

    double share() const { return wallet > 0 ? own / wallet : nan; }
    /// Of the share, where the true one is `at`.
    double variance(double at) const {
        return ((1 - at) * (1 - at) * own_squares + at * at * squares) / (wallet * wallet) + share_variance;
    }
};

told read(wallet_period period, double square_a_unit, share_changes& counts) {
    if (std::isnan(period.own) || std::isnan(period.competitor)) return {};
    if (period.own < 0) {
        ++counts.negative_own;
        period.own = period.own_squares = 0;
    }
    if (period.competitor < 0) {
        ++counts.wallet_below_own;
        period.competitor = period.competitor_squares = 0;
    }
    double const squares =
        std::isnan(period.competitor_squares) ? period.competitor * square_a_unit : period.competitor_squares;
    return {period.own, period.own_squares, period.own + period.competitor, squares, period.share_variance};
}

}  // namespace

char const* to_string(share_direction direction) noexcept {
    switch (direction) {
        case share_direction::FLAT:
            return "FLAT";
        case share_direction::RISING:
            return "RISING";
        case share_direction::FALLING:
            return "FALLING";
        case share_direction::UNDEFINED:
            return "UNDEFINED";
    }
    return "";
}

share_changes change_of_shares(std::span<wallet_period const> before, std::span<wallet_period const> after,
                               double q) {
    if (before.size() != after.size()) throw input_error("shares: spans of different length");
    if (!(q > 0 && q < 1)) throw input_error("shares: q must lie in (0, 1), not " + std::to_string(q));
    std::size_t const size = before.size();
    share_changes result;
    double all_squares = 0;
    double all_own = 0;
    auto add = [&](wallet_period const& one, double& squares, double& own) {
        if (one.own > 0) {
            squares += one.own_squares;
            own += one.own;
        }
    };
    for (std::size_t i = 0; i < size; ++i) {
        add(before[i], all_squares, all_own);
        add(after[i], all_squares, all_own);
    }
    for (auto* column :
         {&result.before, &result.after, &result.error, &result.z, &result.p_value, &result.level})
        column->assign(size, nan);
    result.direction.assign(size, share_direction::UNDEFINED);
    result.growing_but_losing_share.assign(size, 0);
    std::vector<double> wallet(size);
    for (std::size_t i = 0; i < size; ++i) {
        double squares = 0;
        double own = 0;
        add(before[i], squares, own);
        add(after[i], squares, own);
        double const square_a_unit = own > 0 ? squares / own : all_own > 0 ? all_squares / all_own : 0;
        told const first = read(before[i], square_a_unit, result);
        told const second = read(after[i], square_a_unit, result);
        result.before[i] = first.share();
        result.after[i] = second.share();
        if (std::isnan(result.before[i]) || std::isnan(result.after[i])) {
            ++result.undefined;
            continue;
        }
        double const change = result.after[i] - result.before[i];
        wallet[i] = first.wallet + second.wallet;
        result.error[i] = std::sqrt(first.variance(result.before[i]) + second.variance(result.after[i]));
        double const common = (first.own + second.own) / wallet[i];
        double const spread = std::sqrt(first.variance(common) + second.variance(common));
        // Where all was bought on one side nothing moved.
        result.z[i] = change == 0 || spread == 0 ? 0 : change / spread;
        result.p_value[i] = std::erfc(std::abs(result.z[i]) / std::sqrt(2.0));
    }
    statistics::discovery_levels(result.p_value, result.level, statistics::discovery_rule::bh);
    double customers = 0;
    double value = 0;
    auto& part = result.part;
    for (std::size_t i = 0; i < size; ++i) {
        if (std::isnan(result.z[i])) continue;
        customers += 1;
        value += wallet[i];
        double const change = result.after[i] - result.before[i];
        bool const significant = result.level[i] <= q && result.z[i] != 0;
        result.direction[i] = !significant ? share_direction::FLAT
                              : change > 0 ? share_direction::RISING
                                           : share_direction::FALLING;
        result.growing_but_losing_share[i] =
            significant && change < 0 && after[i].own > before[i].own ? 1 : 0;
        (change > 0 ? part.rising : part.falling) += change == 0 ? 0 : 1;
        if (!significant) continue;
        (change > 0 ? part.significant_rising : part.significant_falling) += 1;
        (change > 0 ? part.weighted_rising : part.weighted_falling) += wallet[i];
    }
    for (double* one : {&part.rising, &part.falling, &part.significant_rising, &part.significant_falling})
        *one = customers > 0 ? *one / customers : nan;
    for (double* one : {&part.weighted_rising, &part.weighted_falling})
        *one = value > 0 ? *one / value : nan;
    return result;
}

}  // namespace clavis::defection

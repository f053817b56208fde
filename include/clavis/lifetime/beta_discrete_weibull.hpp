#pragma once

// Beta-discrete-Weibull (Fader, Hardie, Liu, Davin and Steenburgh 2018): the shifted beta-geometric with a customer's own
// chance of leaving rising (c > 1) or falling (c < 1) with the number of renewals,
//     S(t) = B(gamma, delta + t^c) / B(gamma, delta).
// Rows are contracts as under shifted_beta_geo, which is c = 1. Sums over renewals have no closed form: they are taken
// over blocks that double in length (numerics/discrete_sum.hpp) until what is left is below 1e-17 of the sum, or a power
// law that is summed exactly.
// Domain: parameters > 0, 0 <= recency <= T <= 1e6 whole. For gamma c <= 1 the mean lifetime is infinite,
// and for small c it may be beyond a double and come as infinite.
// Errors against defining integrals at 50 digits: log-likelihood 1e-13 of max(1, |log L|); probabilities, means and
// discounted means 1e-12 relative.

#include <array>
#include <cstdint>
#include <string_view>

#include "clavis/lifetime/fit.hpp"
#include "clavis/lifetime/model.hpp"

namespace clavis::lifetime {

/// A customer who has renewed `age` times.
struct beta_discrete_weibull_process {
    double gamma;
    double delta;
    double c;
    double age;

    double expected(double t) const noexcept;
    double discounted(double t, double rate) const noexcept;
    double survival(double t) const noexcept;
    double no_purchase(double t) const noexcept;
    double pmf(std::int64_t n, double t) const noexcept;
    double at_least(double n, double t) const noexcept;
};

struct beta_discrete_weibull {
    double gamma;
    double delta;
    double c;
    duration unit{};

    static constexpr std::string_view name = "BdW";
    static constexpr std::array<std::string_view, 3> parameter_names{"gamma", "delta", "c"};
    static constexpr std::array<int, 3> time_power{0, 0, 0};
    std::array<double, 3> parameters() const { return {gamma, delta, c}; }
    static beta_discrete_weibull from(std::array<double, 3> const& p, duration unit) {
        return {p[0], p[1], p[2], unit};
    }

    /// Throws input_error unless every parameter is positive and finite.
    void validate() const;
    /// Throws input_error unless every row is a contract; `factor` turns times into renewals.
    static void check(ledger::summary_view const& customers, double factor);

    double log_likelihood(double x, double tx, double T) const noexcept;
    customer_state<beta_discrete_weibull_process> given(double x, double tx, double T) const noexcept;

    /// S(t) of a customer just acquired.
    double survival(double t) const noexcept { return given(0.0, 0.0, 0.0).process.survival(t); }
    /// S(t) / S(t - 1) for t >= 1: the part of those before renewal t who make it.
    double retention_rate(double t) const noexcept;
};

extern template struct predictions<beta_discrete_weibull>;

/// Throws input_error where a row is no contract.
template <>
fit_result<beta_discrete_weibull> fit<beta_discrete_weibull>(ledger::summary_view const& customers,
                                                             fit_options const& options);

}  // namespace clavis::lifetime

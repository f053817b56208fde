#pragma once

// Shifted beta-geometric (Fader and Hardie 2007, 2010): contracts that are renewed or lost. At each renewal the customer
// leaves with chance theta ~ Beta(alpha, beta), so that the chance of having renewed t times is
//     S(t) = B(alpha, beta + t) / B(alpha, beta),      retention rate S(t) / S(t - 1) = (beta + t - 1) / (alpha + beta + t - 1).
// A row of a summary is a contract: T is the number of renewals that have come due (one a unit of time), recency =
// frequency the number made. Where recency is T the customer is still there, with likelihood S(T); else the contract
// was lost at renewal recency + 1, with likelihood S(recency) - S(recency + 1). The customer who is there goes on as
// sBG(alpha, beta + T): every prediction of model.hpp holds, a renewal being the purchase. A horizon counts the renewals
// within it, as under BG/BB. Purchases are discounted to T.
// Domain: parameters > 0, 0 <= recency <= T <= 1e6 whole. For alpha <= 1 the mean lifetime is infinite.
// Errors against defining integrals at 50 digits: log-likelihood 1e-13 of max(1, |log L|); probabilities, means and
// discounted means 1e-12 relative.

#include <array>
#include <cstdint>
#include <string_view>

#include "clavis/lifetime/fit.hpp"
#include "clavis/lifetime/model.hpp"

namespace clavis::lifetime {

struct shifted_beta_geo {
    double alpha;
    double beta;
    duration unit{};

    static constexpr std::string_view name = "sBG";
    static constexpr std::array<std::string_view, 2> parameter_names{"alpha", "beta"};
    static constexpr std::array<int, 2> time_power{0, 0};
    std::array<double, 2> parameters() const { return {alpha, beta}; }
    static shifted_beta_geo from(std::array<double, 2> const& p, duration unit) { return {p[0], p[1], unit}; }

    /// Throws input_error unless every parameter is positive and finite.
    void validate() const;
    /// Throws input_error unless every row is a contract; `factor` turns times into renewals.
    static void check(ledger::summary_view const& customers, double factor);

    double log_likelihood(double x, double tx, double T) const noexcept;
    customer_state<shifted_beta_geo> given(double x, double tx, double T) const noexcept;

    double expected(double t) const noexcept;
    double discounted(double t, double rate) const noexcept;
    double survival(double t) const noexcept;
    double no_purchase(double t) const noexcept;
    double pmf(std::int64_t n, double t) const noexcept;
    double at_least(double n, double t) const noexcept;

    /// S(t) / S(t - 1) for t >= 1: the part of those before renewal t who make it.
    double retention_rate(double t) const noexcept;
};

extern template struct predictions<shifted_beta_geo>;

/// Throws input_error where a row is no contract.
template <>
fit_result<shifted_beta_geo> fit<shifted_beta_geo>(ledger::summary_view const& customers,
                                                   fit_options const& options);

}  // namespace clavis::lifetime

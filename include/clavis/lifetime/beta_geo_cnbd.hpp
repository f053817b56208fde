#pragma once

// BG/CNBD-k (Reutterer, Platzer and Schroeder 2020): BG/NBD for customers who buy more regularly than by chance. Each
// gap between purchases is Erlang-k: the sum of k phases, each exponential with rate lambda ~ Gamma(r, rate alpha), so
// that its mean is k / lambda; k = 1 is BG/NBD. After each repeat purchase the customer leaves with probability p ~
// Beta(a, b). With n = r + k x,
//     L = B(a, b + x) / B(a, b) * Gamma(n) alpha^r / Gamma(r) * Gamma(k)^-x * (product of gaps)^(k - 1)
//         * [(alpha + T)^-n * sum over j < k of (n)_j / j! w^j + 1{x > 0} a / (b + x - 1) * (alpha + tx)^-n],
// where w = (T - tx) / (alpha + T). The j-th term is the customer who is active with j phases since the last purchase
// behind, and goes on from there with lambda ~ Gamma(n + j, alpha + T), p ~ Beta(a, b + x): with P_j the chances of
// the j-th term among the active and K the number of purchases until leaving,
//     E(t) = sum over j of P_j * sum over m of P(K >= m) * P(at least m k - j phases within t).
// These are exact, and a function of the customer's own history alone.
// Domain: parameters > 0, k = 1 ... 48, 0 <= x <= 1e5, 0 <= tx <= T. Gaps enter through log_gap_sum alone.
// Errors against defining integrals at 50 digits: log-likelihood 1e-13 of max(1, |log L|); probabilities, means and
// discounted means 1e-13 relative (the error of their logarithm where that is larger), tails of counts 1e-12.

#include <array>
#include <cstdint>
#include <string_view>

#include "clavis/lifetime/fit.hpp"
#include "clavis/lifetime/model.hpp"

namespace clavis::lifetime {

/// The most phases a gap can have: a gap then spreads by a seventh of its mean.
inline constexpr std::int32_t largest_k = 48;

/// A customer between two purchases, active at time 0, the last purchase some time ago. Phases pass at a rate ~
/// Gamma(r, alpha) given that none has passed since; every k-th is a purchase, after which the customer leaves with
/// chance p ~ Beta(a, b). `silence` is the time since the last purchase as a part of alpha, which counts it in.
struct beta_geo_cnbd_process {
    double r;
    double alpha;
    double a;
    double b;
    std::int32_t k;
    double silence;

    double expected(double t) const noexcept;
    double discounted(double t, double rate) const noexcept;
    double survival(double t) const noexcept;
    double no_purchase(double t) const noexcept;
    double pmf(std::int64_t n, double t) const noexcept;
    double at_least(double n, double t) const noexcept;

    /// Chances of 0 ... k - 1 phases since the last purchase; the rest is 0.
    std::array<double, largest_k> phases() const noexcept;
    /// discounted(t, rate) of a customer in each of those phases.
    std::array<double, largest_k> discounted_by_phase(double t, double rate) const noexcept;
};

struct beta_geo_cnbd {
    double r;
    double alpha;
    double a;
    double b;
    std::int32_t k = 1;
    duration unit{};

    static constexpr std::string_view name = "BG/CNBD-k";
    static constexpr std::array<std::string_view, 5> parameter_names{"r", "alpha", "a", "b", "k"};
    static constexpr std::array<int, 5> time_power{0, 1, 0, 0, 0};
    std::array<double, 5> parameters() const { return {r, alpha, a, b, static_cast<double>(k)}; }
    /// Throws input_error unless k is a whole number.
    static beta_geo_cnbd from(std::array<double, 5> const& p, duration unit);

    /// Throws input_error unless every parameter is positive and finite and k at most 48.
    void validate() const;

    /// Without the factor (product of gaps)^(k - 1), which no parameter but k touches.
    double log_likelihood(double x, double tx, double T) const noexcept;
    double log_likelihood(double x, double tx, double T, double log_gap_sum) const noexcept {
        return log_likelihood(x, tx, T) + (k == 1 ? 0.0 : (k - 1) * log_gap_sum);
    }
    customer_state<beta_geo_cnbd_process> given(double x, double tx, double T) const noexcept;
};

/// For k > 1 the rows need log_gap_sum; the density is that of the purchase times in the unit of the rows.
template <>
void predictions<beta_geo_cnbd>::log_likelihood(beta_geo_cnbd const&, view const&, std::span<double> out,
                                                unsigned threads);
template <>
void predictions<beta_geo_cnbd>::expected_purchases(beta_geo_cnbd const&, view const&, time_span horizon,
                                                    std::span<double> out, unsigned threads);
template <>
void predictions<beta_geo_cnbd>::discounted_expected_purchases(beta_geo_cnbd const&, view const&,
                                                               double annual_rate, time_span horizon,
                                                               std::span<double> out, unsigned threads);
extern template struct predictions<beta_geo_cnbd>;

/// Unless k is held fixed (`fixed = {{"k", 2}}`) it is found by profile likelihood over 1, 2, ..., which needs
/// log_gap_sum; report.profile then tells the log-likelihood of every k tried. Standard errors are those given k.
template <>
fit_result<beta_geo_cnbd> fit<beta_geo_cnbd>(ledger::summary_view const& customers,
                                             fit_options const& options);

}  // namespace clavis::lifetime

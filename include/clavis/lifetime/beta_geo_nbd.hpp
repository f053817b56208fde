#pragma once

// BG/NBD (Fader, Hardie and Lee 2005). While active a customer buys by a Poisson process of rate lambda ~
// Gamma(r, rate alpha); after each repeat purchase the customer leaves with probability p ~ Beta(a, b),
// lambda and p independent.
//     L(x, tx, T) = B(a, b + x) / B(a, b) * Gamma(r + x) alpha^r / Gamma(r)
//                   * [(alpha + T)^-(r + x) + 1{x > 0} a / (b + x - 1) * (alpha + tx)^-(r + x)]
// A customer without repeat purchase has had no chance to leave: P(alive) = 1 there (see modified_beta_geo_nbd). The
// active customer goes on as BG/NBD(r + x, alpha + T, a, b + x).
// Domain: parameters > 0 (a may be 1 and a + b below 1), 0 <= x <= 1e5, 0 <= tx <= T.
// Errors against defining integrals at 50 digits: log-likelihood 1e-13 of max(1, |log L|); probabilities, means and
// discounted means 1e-12 relative.

#include <array>
#include <cstdint>
#include <string_view>

#include "clavis/lifetime/fit.hpp"
#include "clavis/lifetime/model.hpp"

namespace clavis::lifetime {

struct beta_geo_nbd {
    double r;
    double alpha;
    double a;
    double b;
    duration unit{};

    static constexpr std::string_view name = "BG/NBD";
    static constexpr std::array<std::string_view, 4> parameter_names{"r", "alpha", "a", "b"};
    static constexpr std::array<int, 4> time_power{0, 1, 0, 0};
    std::array<double, 4> parameters() const { return {r, alpha, a, b}; }
    static beta_geo_nbd from(std::array<double, 4> const& p, duration unit) {
        return {p[0], p[1], p[2], p[3], unit};
    }

    /// Throws input_error unless every parameter is positive and finite.
    void validate() const;

    double log_likelihood(double x, double tx, double T) const noexcept;
    customer_state<beta_geo_nbd> given(double x, double tx, double T) const noexcept;

    double expected(double t) const noexcept;
    double discounted(double t, double rate) const noexcept;
    double survival(double t) const noexcept;
    double no_purchase(double t) const noexcept;
    double pmf(std::int64_t n, double t) const noexcept;
    double at_least(double n, double t) const noexcept;
    double wait(double q) const noexcept;  ///< t such that P(a purchase in (0, t]) = q
};

extern template struct predictions<beta_geo_nbd>;

template <>
fit_result<beta_geo_nbd> fit<beta_geo_nbd>(ledger::summary_view const& customers, fit_options const& options);

}  // namespace clavis::lifetime

#pragma once

// BG/BB (Fader, Hardie and Shang 2010): purchases at discrete opportunities, one a unit of time. Before each opportunity
// the customer leaves with chance theta ~ Beta(gamma, delta); who is still there buys with chance p ~ Beta(alpha, beta),
// p and theta independent. With x purchases, the last at opportunity tx of n = T,
//     L(x, tx, n) = B(alpha + x, beta + n - x) / B(alpha, beta) * B(gamma, delta + n) / B(gamma, delta)
//         + sum over tx <= k < n of B(alpha + x, beta + k - x) / B(alpha, beta) * B(gamma + 1, delta + k) / B(gamma, delta),
// one term for staying and one for leaving after each k. P(alive) is that of having stayed through opportunity n;
// through n + 1, the usual figure for the next year, it is the probability alive at one unit ahead. The active customer
// goes on as BG/BB(alpha + x, beta + n - x, gamma, delta + n). A horizon counts the opportunities within it; one that
// falls short of an opportunity by less than a hundredth counts it (365 days are a year). Purchases are discounted to T.
// Domain: parameters > 0 (gamma may be 1), 0 <= x <= tx <= n whole, n <= 1e5, x > 0 or tx = 0. For gamma <= 1 the mean
// over an endless horizon is infinite.
// Errors against defining integrals at 50 digits: log-likelihood 1e-13 of max(1, |log L|); probabilities, means and
// discounted means 1e-12 relative; for counts 1e-15 of (beta + n) ln n where that is more.

#include <array>
#include <cstdint>
#include <string_view>

#include "clavis/lifetime/fit.hpp"
#include "clavis/lifetime/model.hpp"

namespace clavis::lifetime {

struct beta_geo_beta_binomial {
    double alpha;
    double beta;
    double gamma;
    double delta;
    duration unit{};

    static constexpr std::string_view name = "BG/BB";
    static constexpr std::array<std::string_view, 4> parameter_names{"alpha", "beta", "gamma", "delta"};
    static constexpr std::array<int, 4> time_power{0, 0, 0, 0};
    std::array<double, 4> parameters() const { return {alpha, beta, gamma, delta}; }
    static beta_geo_beta_binomial from(std::array<double, 4> const& p, duration unit) {
        return {p[0], p[1], p[2], p[3], unit};
    }

    /// Throws input_error unless every parameter is positive and finite.
    void validate() const;
    /// Throws input_error unless every row counts whole opportunities; `factor` turns times into opportunities.
    static void check(ledger::summary_view const& customers, double factor);

    double log_likelihood(double x, double tx, double T) const noexcept;
    customer_state<beta_geo_beta_binomial> given(double x, double tx, double T) const noexcept;

    double expected(double t) const noexcept;
    double discounted(double t, double rate) const noexcept;
    double survival(double t) const noexcept;
    double no_purchase(double t) const noexcept;
    double pmf(std::int64_t n, double t) const noexcept;
    double at_least(double n, double t) const noexcept;
};

extern template struct predictions<beta_geo_beta_binomial>;

/// Throws input_error where a row does not count whole opportunities.
template <>
fit_result<beta_geo_beta_binomial> fit<beta_geo_beta_binomial>(ledger::summary_view const& customers,
                                                               fit_options const& options);

}  // namespace clavis::lifetime

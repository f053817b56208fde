#pragma once

// NBD (Ehrenberg 1959): a customer buys by a Poisson process of rate lambda ~ Gamma(r, rate alpha) and never leaves.
//     L(x, tx, T) = Gamma(r + x) / Gamma(r) * alpha^r (alpha + T)^-(r + x)
// It is what the models with dropout become where nobody leaves, and the yardstick for whether anybody does. P(alive) is
// 1 and recency says nothing; the customer goes on as NBD(r + x, alpha + T).
// Domain: parameters > 0, 0 <= x <= 1e5. Errors against defining integrals at 50 digits: log-likelihood 1e-12 of
// max(1, |log L|), counts 1e-12 relative (the error of their logarithm where that is larger).

#include <array>
#include <cstdint>
#include <string_view>

#include "clavis/lifetime/fit.hpp"
#include "clavis/lifetime/model.hpp"

namespace clavis::lifetime {

struct nbd {
    double r;
    double alpha;
    duration unit{};

    static constexpr std::string_view name = "NBD";
    static constexpr std::array<std::string_view, 2> parameter_names{"r", "alpha"};
    static constexpr std::array<int, 2> time_power{0, 1};
    std::array<double, 2> parameters() const { return {r, alpha}; }
    static nbd from(std::array<double, 2> const& p, duration unit) { return {p[0], p[1], unit}; }

    /// Throws input_error unless every parameter is positive and finite.
    void validate() const;

    double log_likelihood(double x, double tx, double T) const noexcept;
    customer_state<nbd> given(double x, double tx, double T) const noexcept;

    double expected(double t) const noexcept;
    double discounted(double t, double rate) const noexcept;
    double survival(double t) const noexcept;
    double no_purchase(double t) const noexcept;
    double pmf(std::int64_t n, double t) const noexcept;
    double at_least(double n, double t) const noexcept;
    double wait(double q) const noexcept;  ///< t such that P(a purchase in (0, t]) = q
};

extern template struct predictions<nbd>;

template <>
fit_result<nbd> fit<nbd>(ledger::summary_view const& customers, fit_options const& options);

}  // namespace clavis::lifetime

#pragma once

// Pareto/NBD (Schmittlein, Morrison and Colombo 1987). While active a customer buys by a Poisson process of rate lambda
// ~ Gamma(r, rate alpha) and leaves at the rate mu ~ Gamma(s, rate beta), lambda and mu independent, at any time and
// without notice.
//     L(x, tx, T) = Gamma(r + x) alpha^r beta^s / Gamma(r) * [(alpha + T)^-(r + x) (beta + T)^-s
//                   + s integral from tx to T of (alpha + t)^-(r + x) (beta + t)^-(s + 1) dt]
// The active customer goes on as Pareto/NBD(r + x, alpha + T, s, beta + T). The integral is taken by quadrature in
// ln(min(alpha, beta) + t), where alpha = beta is a case like any other (the closed forms by hypergeometric functions
// cancel or overflow for heavy buyers).
// Domain: parameters > 0, 0 <= x <= 1e5, 0 <= tx <= T. For s <= 1 the mean over an endless horizon is infinite.
// Errors against defining integrals at 50 digits: log-likelihood 1e-13 of max(1, |log L|); probabilities, means and
// discounted means 1e-12 relative.

#include <array>
#include <cstdint>
#include <string_view>

#include "clavis/lifetime/fit.hpp"
#include "clavis/lifetime/model.hpp"

namespace clavis::lifetime {

struct pareto_nbd {
    double r;
    double alpha;
    double s;
    double beta;
    duration unit{};

    static constexpr std::string_view name = "Pareto/NBD";
    static constexpr std::array<std::string_view, 4> parameter_names{"r", "alpha", "s", "beta"};
    static constexpr std::array<int, 4> time_power{0, 1, 0, 1};
    std::array<double, 4> parameters() const { return {r, alpha, s, beta}; }
    static pareto_nbd from(std::array<double, 4> const& p, duration unit) {
        return {p[0], p[1], p[2], p[3], unit};
    }

    /// Throws input_error unless every parameter is positive and finite.
    void validate() const;

    double log_likelihood(double x, double tx, double T) const noexcept;
    customer_state<pareto_nbd> given(double x, double tx, double T) const noexcept;

    double expected(double t) const noexcept;
    double discounted(double t, double rate) const noexcept;
    double survival(double t) const noexcept;
    double no_purchase(double t) const noexcept;
    double pmf(std::int64_t n, double t) const noexcept;
    double at_least(double n, double t) const noexcept;
};

extern template struct predictions<pareto_nbd>;

template <>
fit_result<pareto_nbd> fit<pareto_nbd>(ledger::summary_view const& customers, fit_options const& options);

}  // namespace clavis::lifetime

#pragma once

// GGom/NBD (Bemmaor and Glady 2012): Pareto/NBD whose hazard of leaving grows with age. While active a customer buys by a
// Poisson process of rate lambda ~ Gamma(r, rate alpha); the time until leaving is Gompertz with hazard b eta e^(b t),
// eta ~ Gamma(s, rate beta). With H(t) = ln(1 + (e^(b t) - 1) / beta)
//     L(x, tx, T) = Gamma(r + x) alpha^r / Gamma(r) * [(alpha + T)^-(r + x) e^(-s H(T))
//                   + integral from tx to T of (alpha + t)^-(r + x) s e^(-s H(t)) dH(t)]
// The active customer goes on as GGom/NBD(r + x, alpha + T, b, s, beta_T), beta_T = 1 + (beta - 1) e^(-b T). As b -> 0
// with beta / b fixed it becomes Pareto/NBD with that as its beta; data without ageing end on that ridge, and the report
// says so. The mean e^(b T) never appears: integrals are taken from the last purchase on, by panels that keep away from
// the integrand's singularities.
// Domain: parameters > 0, 0 <= x <= 1e5, 0 <= tx <= T. All means are finite.
// Errors against defining integrals at 50 digits: log-likelihood 1e-13 of max(1, |log L|); probabilities, means and
// discounted means 1e-12 relative.

#include <array>
#include <cstdint>
#include <string_view>

#include "clavis/lifetime/fit.hpp"
#include "clavis/lifetime/model.hpp"

namespace clavis::lifetime {

struct gamma_gompertz_nbd {
    double r;
    double alpha;
    double b;
    double s;
    double beta;
    duration unit{};

    static constexpr std::string_view name = "GGom/NBD";
    static constexpr std::array<std::string_view, 5> parameter_names{"r", "alpha", "b", "s", "beta"};
    static constexpr std::array<int, 5> time_power{0, 1, -1, 0, 0};
    static constexpr bool smooth_in_age = false;
    std::array<double, 5> parameters() const { return {r, alpha, b, s, beta}; }
    static gamma_gompertz_nbd from(std::array<double, 5> const& p, duration unit) {
        return {p[0], p[1], p[2], p[3], p[4], unit};
    }

    /// Throws input_error unless every parameter is positive and finite.
    void validate() const;

    double log_likelihood(double x, double tx, double T) const noexcept;
    customer_state<gamma_gompertz_nbd> given(double x, double tx, double T) const noexcept;

    double expected(double t) const noexcept;
    double discounted(double t, double rate) const noexcept;
    double survival(double t) const noexcept;
    double no_purchase(double t) const noexcept;
    double pmf(std::int64_t n, double t) const noexcept;
    double at_least(double n, double t) const noexcept;
};

extern template struct predictions<gamma_gompertz_nbd>;

/// Starts from the Pareto/NBD that fits best, so it never ends below it.
template <>
fit_result<gamma_gompertz_nbd> fit<gamma_gompertz_nbd>(ledger::summary_view const& customers,
                                                       fit_options const& options);

}  // namespace clavis::lifetime

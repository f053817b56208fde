#pragma once

// Pareto/GGG (Platzer and Reutterer 2016): Pareto/NBD for customers who differ in how regularly they buy. The gaps between
// purchases of a customer are Gamma(k, rate k lambda), of mean 1 / lambda and coefficient of variation k^(-1/2), with
// k ~ Gamma(t, rate gamma) and lambda ~ Gamma(r, rate alpha); the time until leaving is exponential with rate
// mu ~ Gamma(s, rate beta). All four are independent between and within customers. Where t and gamma grow without bound and
// t / gamma is 1 it is Pareto/NBD.
// The field fits it by Markov chains; here lambda and mu are integrated in closed form and two integrals are left. With
// n = r + k x, A = alpha + k tx, G the sum of ln(gap), B = beta + tx and f the density of the gap after the last purchase,
// f(u) du = Beta prime(k, n) of k u / A,
//     L = integral over k of Gamma(k; t, gamma) k^(k x) e^((k - 1) G) / Gamma(k)^x * alpha^r Gamma(n) / Gamma(r) A^-n
//         * (beta / B)^s [ P(u > T - tx) + integral over u < T - tx of f(u) (1 - (B / (B + u))^s) ]
// : the next purchase is due later than T, or was due before and the customer had left. Every term is positive. The rule
// over ln k is trapezoidal about the mode of the customer's own posterior, that over ln u Gauss-Legendre in panels.
// Given k an active customer is a renewal process whose running gap is longer than T - tx; predictions are means over the
// posterior of k with lambda and mu integrated as above.
// Gaps: log_gap_sum of each row. A row whose log_gap_sum is missing (NaN, or no such column), or -infinity because two
// purchases came at the same time, is taken for what x, tx and T tell alone: the gaps are integrated out, in units of their
// density under k = 1, so that rows compare. Where all purchases came at age 0 nothing is known of k.
// Domain: parameters > 0, 0 <= x <= 1e5, 0 <= tx <= T. The mean of a new customer's purchases is infinite for t <= 1: one of
// the smallest k buys any number of times at once.
// Errors against defining integrals: log-likelihood 1e-9 of max(1, |log L|); probabilities, means and discounted means 1e-7
// relative, P(n purchases) 1e-7 absolute.

#include <array>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "clavis/lifetime/fit.hpp"
#include "clavis/lifetime/model.hpp"

namespace clavis::lifetime {

/// An active customer: `silence` since the last purchase, k by a rule over its posterior; given k the rate lambda has the
/// density that n and A tell, given that the running gap is longer than `silence`.
struct pareto_ggg_process {
    struct node {
        double k, n, A;
        double weight;     ///< the weights add to 1
        double log_later;  ///< ln P(gap > silence)
    };
    std::vector<node> nodes;
    double silence;
    double s, beta;       ///< of leaving, from now on
    double r, alpha;      ///< of the rate at about the mean k: where a search for a wait begins
    bool sudden = false;  ///< small k are likely enough for means to be infinite

    double expected(double t) const noexcept;
    double discounted(double t, double rate) const noexcept;
    double survival(double t) const noexcept;
    double no_purchase(double t) const noexcept;
    double pmf(std::int64_t n, double t) const noexcept;
    double at_least(double n, double t) const noexcept;
};

struct pareto_ggg {
    double t;
    double gamma;
    double r;
    double alpha;
    double s;
    double beta;
    duration unit{};

    static constexpr std::string_view name = "Pareto/GGG";
    static constexpr std::array<std::string_view, 6> parameter_names{"t", "gamma", "r", "alpha", "s", "beta"};
    static constexpr std::array<int, 6> time_power{0, 0, 0, 1, 0, 1};
    static constexpr bool smooth_in_age = false;
    std::array<double, 6> parameters() const { return {t, gamma, r, alpha, s, beta}; }
    static pareto_ggg from(std::array<double, 6> const& p, duration unit) {
        return {p[0], p[1], p[2], p[3], p[4], p[5], unit};
    }

    /// Throws input_error unless every parameter is positive and finite.
    void validate() const;

    /// log_gap_sum in the unit of T; NaN or -infinity where it is not known.
    double log_likelihood(double x, double tx, double T, double log_gap_sum) const noexcept;
    customer_state<pareto_ggg_process> given(double x, double tx, double T,
                                             double log_gap_sum) const noexcept;

    /// Where the gaps are not known.
    double log_likelihood(double x, double tx, double T) const noexcept {
        return log_likelihood(x, tx, T, std::numeric_limits<double>::quiet_NaN());
    }
    customer_state<pareto_ggg_process> given(double x, double tx, double T) const noexcept {
        return given(x, tx, T, std::numeric_limits<double>::quiet_NaN());
    }
};

template <>
void predictions<pareto_ggg>::log_likelihood(pareto_ggg const&, view const&, std::span<double> out,
                                             unsigned threads);
extern template struct predictions<pareto_ggg>;

/// Needs log_gap_sum, unless t and gamma are held fixed. Starts from the Pareto/NBD that fits best.
template <>
fit_result<pareto_ggg> fit<pareto_ggg>(ledger::summary_view const& customers, fit_options const& options);

}  // namespace clavis::lifetime

#pragma once

// Gamma-Gamma spend (Colombo and Jiang 1999; Fader and Hardie, note 025). A customer's purchases are Gamma(p,
// rate nu) with nu ~ Gamma(q, rate gamma), independent of how often the customer buys. With m the mean of x
// purchases,
//     log L(m | x) = lnGamma(px + q) - lnGamma(px) - lnGamma(q) + q ln gamma + (px - 1) ln m + px ln x
//                    - (px + q) ln(gamma + m x)
//     E[mean spend | m, x] = p (gamma + x m) / (p x + q - 1),        population mean p gamma / (q - 1) for q
//     > 1.
// Amounts are positive: customers whose purchases net to zero or less are outside this model. They are left
// out of a fit and counted, and their expected spend is NaN.
// Domain: parameters > 0, x whole, m > 0. Errors against defining integrals at 50 digits: log-likelihood 1e-13 of
// max(1, |log L|), expected spend 1e-13 relative.

#include <array>
#include <span>
#include <string_view>

#include "clavis/lifetime/fit.hpp"

namespace clavis::lifetime {

struct gamma_gamma {
    double p;
    double q;
    double gamma;

    static constexpr std::string_view name = "Gamma-Gamma";
    static constexpr std::array<std::string_view, 3> parameter_names{"p", "q", "gamma"};
    std::array<double, 3> parameters() const { return {p, q, gamma}; }
    static gamma_gamma from(std::array<double, 3> const& v) { return {v[0], v[1], v[2]}; }

    /// Throws input_error unless every parameter is positive and finite.
    void validate() const;

    double log_likelihood(double x, double m) const noexcept;
    /// Posterior mean of the customer's mean spend; the population mean for x = 0; NaN for x > 0 with m <= 0.
    double expected_spend(double x, double m) const noexcept;
    /// p gamma / (q - 1), infinite for q <= 1.
    double population_mean() const noexcept;
};

/// Fits to the rows with frequency > 0 and monetary_value > 0; rows with repeat purchases whose monetary
/// value is zero or negative (net of returns) are left out and counted in a warning.
template <>
fit_result<gamma_gamma> fit<gamma_gamma>(ledger::summary_view const& customers, fit_options const& options);

/// Expected mean amount of a future purchase of each row.
void expected_spend(gamma_gamma const& model, ledger::summary_view const& customers, std::span<double> out,
                    unsigned threads = 0);

/// log L of each row with frequency > 0; 0 for rows without repeat purchase, which say nothing of spend.
void log_likelihood(gamma_gamma const& model, ledger::summary_view const& customers, std::span<double> out,
                    unsigned threads = 0);

}  // namespace clavis::lifetime

#pragma once

// Lifetime value ahead: margin * E[spend] * discounted expected purchases, with continuous discounting
// delta = ln(1 + annual_rate) per 365.25 days. Valid where spend is independent of how often a customer buys
// (Fader, Hardie and Lee 2005, "RFM and CLV"); residual value only, the purchases already made are not in it.

#include <span>
#include <vector>

#include "clavis/lifetime/gamma_gamma.hpp"
#include "clavis/lifetime/model.hpp"

namespace clavis::lifetime {

struct value_options {
    time_span horizon = forever;
    double annual_rate = 0.1;  ///< effective: 0.1 is 10 % a year
    double margin = 1.0;       ///< part of the amount that is kept
    unsigned threads = 0;
};

/// out = margin * purchases * spend, where purchases stand in `out`; no purchase is worth 0 whatever the
/// spend.
void multiply_value(std::span<double> out, std::span<double const> spend, double margin);

/// The value of each row over the horizon. Amounts are those of `spend`, or of the row in `amounts` where there is none.
/// NaN where the model of purchases or of spend has no answer, infinite where the mean is.
template <lifetime_model Model>
void lifetime_value(Model const& model, std::span<gamma_gamma const> spend, std::span<double const> amounts,
                    ledger::summary_view const& customers, value_options const& options,
                    std::span<double> out) {
    discounted_expected_purchases(model, customers, options.annual_rate, options.horizon, out,
                                  options.threads);
    if (spend.empty()) {
        multiply_value(out, amounts, options.margin);
        return;
    }
    std::vector<double> expected(customers.size());
    expected_spend(spend[0], customers, expected, options.threads);
    multiply_value(out, expected, options.margin);
}

template <lifetime_model Model>
void lifetime_value(Model const& model, gamma_gamma const& spend, ledger::summary_view const& customers,
                    value_options const& options, std::span<double> out) {
    lifetime_value(model, std::span<gamma_gamma const>(&spend, 1), {}, customers, options, out);
}

}  // namespace clavis::lifetime

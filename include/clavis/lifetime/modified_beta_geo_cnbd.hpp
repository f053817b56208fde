#pragma once

// MBG/CNBD-k (Reutterer, Platzer and Schroeder 2020): BG/CNBD-k in which a customer may also leave right after the
// first purchase; k = 1 is MBG/NBD. In the likelihood b + x becomes b + x + 1, and the customer who left counts for
// x = 0 too; the active one goes on as under BG/CNBD-k with p ~ Beta(a, b + x + 1), and a new one is active with
// chance b / (a + b). Domain and errors as BG/CNBD-k.

#include <array>
#include <cstdint>
#include <string_view>

#include "clavis/lifetime/beta_geo_cnbd.hpp"

namespace clavis::lifetime {

struct modified_beta_geo_cnbd {
    double r;
    double alpha;
    double a;
    double b;
    std::int32_t k = 1;
    duration unit{};

    static constexpr std::string_view name = "MBG/CNBD-k";
    static constexpr std::array<std::string_view, 5> parameter_names = beta_geo_cnbd::parameter_names;
    static constexpr std::array<int, 5> time_power = beta_geo_cnbd::time_power;
    std::array<double, 5> parameters() const { return {r, alpha, a, b, static_cast<double>(k)}; }
    /// Throws input_error unless k is a whole number.
    static modified_beta_geo_cnbd from(std::array<double, 5> const& p, duration unit);

    /// Throws input_error unless every parameter is positive and finite and k at most 48.
    void validate() const;

    /// Without the factor (product of gaps)^(k - 1), which no parameter but k touches.
    double log_likelihood(double x, double tx, double T) const noexcept;
    double log_likelihood(double x, double tx, double T, double log_gap_sum) const noexcept {
        return log_likelihood(x, tx, T) + (k == 1 ? 0.0 : (k - 1) * log_gap_sum);
    }
    customer_state<beta_geo_cnbd_process> given(double x, double tx, double T) const noexcept;
};

template <>
void predictions<modified_beta_geo_cnbd>::log_likelihood(modified_beta_geo_cnbd const&, view const&,
                                                         std::span<double> out, unsigned threads);
template <>
void predictions<modified_beta_geo_cnbd>::expected_purchases(modified_beta_geo_cnbd const&, view const&,
                                                             time_span horizon, std::span<double> out,
                                                             unsigned threads);
template <>
void predictions<modified_beta_geo_cnbd>::discounted_expected_purchases(modified_beta_geo_cnbd const&,
                                                                        view const&, double annual_rate,
                                                                        time_span horizon,
                                                                        std::span<double> out,
                                                                        unsigned threads);
extern template struct predictions<modified_beta_geo_cnbd>;

/// k as in the fit of beta_geo_cnbd.
template <>
fit_result<modified_beta_geo_cnbd> fit<modified_beta_geo_cnbd>(ledger::summary_view const& customers,
                                                               fit_options const& options);

}  // namespace clavis::lifetime

#pragma once

// MBG/NBD (Batislam, Denizel and Filiztekin 2007; Wagner and Hoppe 2008): BG/NBD in which a customer may also
// leave right after the first purchase, so that P(alive) falls with silence for one-time buyers too.
//     L(x, tx, T) = B(a, b + x + 1) / B(a, b) * Gamma(r + x) alpha^r / Gamma(r)
//                   * [(alpha + T)^-(r + x) + a / (b + x) * (alpha + tx)^-(r + x)]
// The active customer goes on as BG/NBD(r + x, alpha + T, a, b + x + 1); a new one is active with chance
// b / (a + b). Domain and errors as BG/NBD.

#include <array>
#include <string_view>

#include "clavis/lifetime/beta_geo_nbd.hpp"

namespace clavis::lifetime {

struct modified_beta_geo_nbd {
    double r;
    double alpha;
    double a;
    double b;
    duration unit{};

    static constexpr std::string_view name = "MBG/NBD";
    static constexpr std::array<std::string_view, 4> parameter_names{"r", "alpha", "a", "b"};
    static constexpr std::array<int, 4> time_power{0, 1, 0, 0};
    std::array<double, 4> parameters() const { return {r, alpha, a, b}; }
    static modified_beta_geo_nbd from(std::array<double, 4> const& p, duration unit) {
        return {p[0], p[1], p[2], p[3], unit};
    }

    /// Throws input_error unless every parameter is positive and finite.
    void validate() const;

    double log_likelihood(double x, double tx, double T) const noexcept;
    customer_state<beta_geo_nbd> given(double x, double tx, double T) const noexcept;
};

extern template struct predictions<modified_beta_geo_nbd>;

template <>
fit_result<modified_beta_geo_nbd> fit<modified_beta_geo_nbd>(ledger::summary_view const& customers,
                                                             fit_options const& options);

}  // namespace clavis::lifetime

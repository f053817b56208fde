#include "clavis/lifetime/beta_geo_cnbd.hpp"

#include <cmath>

#include "beta_geo_cnbd_batch.hpp"
#include "beta_geo_cnbd_likelihood.hpp"
#include "clavis/numerics/special.hpp"

namespace clavis::lifetime {

beta_geo_cnbd beta_geo_cnbd::from(std::array<double, 5> const& p, duration unit) {
    return {p[0], p[1], p[2], p[3], whole_k(name, p[4]), unit};
}

void beta_geo_cnbd::validate() const {
    require_positive(*this);
    whole_k(name, k);
}

double beta_geo_cnbd::log_likelihood(double x, double tx, double T) const noexcept {
    return beta_geo_cnbd_log_likelihood(r, alpha, a, b, k, first_chance_to_leave::at_first_repeat, x, tx, T);
}

customer_state<beta_geo_cnbd_process> beta_geo_cnbd::given(double x, double tx, double T) const noexcept {
    double const n = r + k * x;
    double const silence = (T - tx) / (alpha + T);
    beta_geo_cnbd_process const ahead{n, alpha + T, a, b + x, k, silence};
    double const active = log_phase_sum(n, k, silence);
    if (x == 0.0) return {std::isnan(active) ? active : 1.0, ahead};
    double const odds =
        std::log(a) - std::log(b + (x - 1.0)) + n * std::log1p((T - tx) / (alpha + tx)) - active;
    return {numerics::logistic(-odds), ahead};
}

template <>
void predictions<beta_geo_cnbd>::log_likelihood(beta_geo_cnbd const& model, view const& rows,
                                                std::span<double> out, unsigned threads) {
    log_likelihood_with_gaps(model, rows, out, threads);
}

template <>
void predictions<beta_geo_cnbd>::expected_purchases(beta_geo_cnbd const& model, view const& rows,
                                                    time_span horizon, std::span<double> out,
                                                    unsigned threads) {
    expected_by_phases(model, rows, horizon, out, threads);
}

template <>
void predictions<beta_geo_cnbd>::discounted_expected_purchases(beta_geo_cnbd const& model, view const& rows,
                                                               double annual_rate, time_span horizon,
                                                               std::span<double> out, unsigned threads) {
    discounted_by_phases(model, rows, annual_rate, horizon, out, threads);
}

template struct predictions<beta_geo_cnbd>;

template <>
fit_result<beta_geo_cnbd> fit<beta_geo_cnbd>(ledger::summary_view const& customers,
                                             fit_options const& options) {
    auto found =
        fit_beta_geo_cnbd(customers, options, beta_geo_cnbd::name, first_chance_to_leave::at_first_repeat);
    return {beta_geo_cnbd::from(found.parameters, customers.unit), std::move(found.report)};
}

}  // namespace clavis::lifetime

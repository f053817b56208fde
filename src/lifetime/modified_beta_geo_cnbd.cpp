#include "clavis/lifetime/modified_beta_geo_cnbd.hpp"

#include <cmath>

#include "beta_geo_cnbd_batch.hpp"
#include "beta_geo_cnbd_likelihood.hpp"
#include "clavis/numerics/special.hpp"

namespace clavis::lifetime {

modified_beta_geo_cnbd modified_beta_geo_cnbd::from(std::array<double, 5> const& p, duration unit) {
    return {p[0], p[1], p[2], p[3], whole_k(name, p[4]), unit};
}

void modified_beta_geo_cnbd::validate() const {
    require_positive(*this);
    whole_k(name, k);
}

double modified_beta_geo_cnbd::log_likelihood(double x, double tx, double T) const noexcept {
    return beta_geo_cnbd_log_likelihood(r, alpha, a, b, k, first_chance_to_leave::at_once, x, tx, T);
}

customer_state<beta_geo_cnbd_process> modified_beta_geo_cnbd::given(double x, double tx,
                                                                    double T) const noexcept {
    double const n = r + k * x;
    double const silence = (T - tx) / (alpha + T);
    beta_geo_cnbd_process const ahead{n, alpha + T, a, b + x + 1.0, k, silence};
    double const active = log_phase_sum(n, k, silence);
    double const odds = std::log(a) - std::log(b + x) + n * std::log1p((T - tx) / (alpha + tx)) - active;
    return {numerics::logistic(-odds), ahead};
}

template <>
void predictions<modified_beta_geo_cnbd>::log_likelihood(modified_beta_geo_cnbd const& model,
                                                         view const& rows, std::span<double> out,
                                                         unsigned threads) {
    log_likelihood_with_gaps(model, rows, out, threads);
}

template <>
void predictions<modified_beta_geo_cnbd>::expected_purchases(modified_beta_geo_cnbd const& model,
                                                             view const& rows, time_span horizon,
                                                             std::span<double> out, unsigned threads) {
    expected_by_phases(model, rows, horizon, out, threads);
}

template <>
void predictions<modified_beta_geo_cnbd>::discounted_expected_purchases(modified_beta_geo_cnbd const& model,
                                                                        view const& rows, double annual_rate,
                                                                        time_span horizon,
                                                                        std::span<double> out,
                                                                        unsigned threads) {
    discounted_by_phases(model, rows, annual_rate, horizon, out, threads);
}

template struct predictions<modified_beta_geo_cnbd>;

template <>
fit_result<modified_beta_geo_cnbd> fit<modified_beta_geo_cnbd>(ledger::summary_view const& customers,
                                                               fit_options const& options) {
    auto found =
        fit_beta_geo_cnbd(customers, options, modified_beta_geo_cnbd::name, first_chance_to_leave::at_once);
    return {modified_beta_geo_cnbd::from(found.parameters, customers.unit), std::move(found.report)};
}

}  // namespace clavis::lifetime

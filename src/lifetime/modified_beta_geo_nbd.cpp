#include "clavis/lifetime/modified_beta_geo_nbd.hpp"

#include <cmath>

#include "beta_geo_batches.hpp"
#include "beta_geo_likelihood.hpp"
#include "clavis/numerics/special.hpp"
#include "conditional.hpp"

namespace clavis::lifetime {

void modified_beta_geo_nbd::validate() const {
    require_positive(*this);
}

double modified_beta_geo_nbd::log_likelihood(double x, double tx, double T) const noexcept {
    return beta_geo_log_likelihood(r, alpha, a, b, first_chance_to_leave::at_once, x, tx, T);
}

customer_state<beta_geo_nbd> modified_beta_geo_nbd::given(double x, double tx, double T) const noexcept {
    double const silence = (r + x) * std::log1p((T - tx) / (alpha + tx));
    return {active_chance(a / (b + x), silence), {r + x, alpha + T, a, b + x + 1.0, unit}};
}

template <>
class state_of_batches<modified_beta_geo_nbd> : public beta_geo_batches {
  public:
    state_of_batches(modified_beta_geo_nbd const& m, ledger::summary_view const&, unsigned)
        : beta_geo_batches(m.r, m.alpha, m.a, m.b, first_chance_to_leave::at_once) {}
    state_of_batches(modified_beta_geo_nbd const& m, ledger::summary_view const&, double t, unsigned)
        : beta_geo_batches(m.r, m.alpha, m.a, m.b, first_chance_to_leave::at_once, t) {}
};

template struct predictions<modified_beta_geo_nbd>;

template <>
fit_result<modified_beta_geo_nbd> fit<modified_beta_geo_nbd>(ledger::summary_view const& customers,
                                                             fit_options const& options) {
    fit_solution found =
        fit_beta_geo(customers, options, modified_beta_geo_nbd::name, first_chance_to_leave::at_once);
    auto const& p = found.parameters;
    return {{p[0], p[1], p[2], p[3], customers.unit}, std::move(found.report)};
}

}  // namespace clavis::lifetime

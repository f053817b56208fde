#include "clavis/lifetime/shifted_beta_geo.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include "beta_geo_beta_binomial_likelihood.hpp"
#include "beta_geometric.hpp"
#include "conditional.hpp"
#include "contract_likelihood.hpp"
#include "fit_rows.hpp"

namespace clavis::lifetime {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

search_region region(rate_moments const&) {
    return {.starts = {{0.7, 1.5}, {1.0, 8.0}, {10.0, 20.0}, {0.2, 0.3}}, .center = {1.0, 1.0}};
}

}  // namespace

void shifted_beta_geo::validate() const {
    require_positive(*this);
}

void shifted_beta_geo::check(ledger::summary_view const& customers, double factor) {
    check_opportunities(customers, factor, true);
}

double shifted_beta_geo::log_likelihood(double, double tx, double T) const noexcept {
    beta_geometric const law{alpha, beta};
    return law.log_survival(tx) + (tx < T ? std::log(law.hazard(tx)) : 0.0);
}

customer_state<shifted_beta_geo> shifted_beta_geo::given(double, double tx, double T) const noexcept {
    return {tx == T ? 1.0 : 0.0, {alpha, beta + T, unit}};
}

double shifted_beta_geo::expected(double t) const noexcept {
    return t >= 0.0 ? beta_geometric{alpha, beta}.sum(opportunities(t)) : nan;
}

double shifted_beta_geo::discounted(double t, double rate) const noexcept {
    if (!(t >= 0.0) || std::isnan(rate)) return nan;
    return beta_geometric{alpha, beta}.discounted_sum(opportunities(t), rate);
}

double shifted_beta_geo::survival(double t) const noexcept {
    return t >= 0.0 ? std::exp(beta_geometric{alpha, beta}.log_survival(opportunities(t))) : nan;
}

double shifted_beta_geo::no_purchase(double t) const noexcept {
    if (!(t >= 0.0)) return nan;
    return opportunities(t) == 0.0 ? 1.0 : alpha / (alpha + beta);
}

double shifted_beta_geo::pmf(std::int64_t n, double t) const noexcept {
    if (n < 0 || !(t >= 0.0)) return nan;
    double const made = static_cast<double>(n);
    double const due = opportunities(t);
    if (made > due) return 0.0;
    beta_geometric const law{alpha, beta};
    return std::exp(law.log_survival(made)) * (made < due ? law.hazard(made) : 1.0);
}

double shifted_beta_geo::at_least(double n, double t) const noexcept {
    if (!(n >= 0.0) || !(t >= 0.0)) return nan;
    return n > opportunities(t) ? 0.0 : std::exp(beta_geometric{alpha, beta}.log_survival(n));
}

double shifted_beta_geo::retention_rate(double t) const noexcept {
    return t >= 1.0 ? (beta + (t - 1.0)) / (alpha + beta + (t - 1.0)) : nan;
}

template struct predictions<shifted_beta_geo>;

template <>
fit_result<shifted_beta_geo> fit<shifted_beta_geo>(ledger::summary_view const& customers,
                                                   fit_options const& options) {
    check_rows(customers);
    shifted_beta_geo::check(customers, 1.0);
    fit_solution found = fit_rows(
        customers, options,
        {.name = shifted_beta_geo::name,
         .parameter_names = shifted_beta_geo::parameter_names,
         .time_power = shifted_beta_geo::time_power,
         .objective = [](compressed_rows const& rows, std::span<double const> theta,
                         std::span<double> gradient, std::span<double> hessian,
                         unsigned) { return contract_objective(rows, theta, gradient, hessian); },
         .region = region,
         .ridges = [](fit_solution const& fit,
                      std::vector<std::string>& words) { leaving_ridge(fit, 0, 1, "alpha", "beta", words); },
         .silence = contract_silence});
    return {{found.parameters[0], found.parameters[1], customers.unit}, std::move(found.report)};
}

}  // namespace clavis::lifetime

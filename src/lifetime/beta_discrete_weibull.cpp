#include "clavis/lifetime/beta_discrete_weibull.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "beta_geo_beta_binomial_likelihood.hpp"
#include "beta_geometric.hpp"
#include "clavis/numerics/discrete_sum.hpp"
#include "clavis/numerics/optimize.hpp"
#include "clavis/numerics/quadrature.hpp"
#include "clavis/numerics/rising_ratio.hpp"
#include "clavis/numerics/special.hpp"
#include "conditional.hpp"
#include "contract_likelihood.hpp"
#include "fit_rows.hpp"

namespace clavis::lifetime {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

using process = beta_discrete_weibull_process;

// So far out that the next term is alike and the age no matter.
constexpr double far = 0x1p960;

// The sum over t >= far of S(t), gamma c > 1, as the integral over w = ln t^c, which goes on where t itself is beyond a double.
double beyond(process const& p) noexcept {
    double const past = std::pow(p.age, p.c);
    auto const log_term = [&](double w) {
        double const most = std::min(w, 600.0);  // beyond, the power law holds
        return w / p.c - numerics::log_rising_ratio(p.delta + past, p.gamma, std::exp(most) - past) -
               p.gamma * (w - most);
    };
    auto const slope = [&](double w) {
        double const power = std::exp(std::min(w, 600.0));
        return 1.0 / p.c - power * numerics::digamma_rise(p.delta + power, p.gamma);
    };
    return numerics::integrate_log_concave([&](double w) { return log_term(-w); },
                                           [&](double w) { return -slope(-w); }, -p.c * std::log(far)) /
           p.c;
}

double sum_of_survival(process const& p, double n, double rate) noexcept {
    if (n == inf && (rate < 0.0 || (rate == 0.0 && p.gamma * p.c <= 1.0))) return inf;
    auto const log_term = [&](double i) {
        return -contract_loss(p.gamma, p.delta, p.c, p.age, i + 1.0) - rate * (i + 1.0);
    };
    double tail = 0.0;
    if (n == inf) tail = rate > 0.0 ? 1.0 : p.gamma * p.c - 1.0;
    // Where t^c dwarfs everything else S is t^(-gamma c); until then it has poles along t^c = -delta - k.
    double const power_law = std::pow(1e17 * (1.0 + p.gamma) * (1.0 + p.gamma + p.delta), 1.0 / p.c);
    double const settled = rate > 0.0 ? inf : std::max(1e17 * (1.0 + p.age), power_law);
    numerics::sum_shape shape{.offset = p.age + 1.0,
                              .bend = std::max(1.0, p.c),
                              .straight = power_law - p.age,
                              .tail = tail,
                              .settled = settled};
    if (n == inf && rate == 0.0 && settled > far) {
        shape.tail = 0.0;
        return numerics::sum_terms(log_term, far, shape).value() + beyond(p);
    }
    return numerics::sum_terms(log_term, n, shape).value();
}

// With few renewals the likelihood can have more than one peak: the ends of searches from all over, best first.
search_region find_region(compressed_rows const& rows, fit_options const& options) {
    constexpr std::size_t n = 3;
    std::array<double, n> held{};
    held.fill(nan);
    for (auto const& [name, value] : options.fixed)
        for (std::size_t i = 0; i < n; ++i)
            if (name == beta_discrete_weibull::parameter_names[i]) held[i] = std::log(value);
    auto const function = [&](std::span<double const> theta, std::span<double> gradient,
                              std::span<double> hessian) {
        double const value = contract_objective(rows, theta, gradient, hessian);
        for (std::size_t i = 0; i < n; ++i) {
            if (std::isnan(held[i])) continue;
            gradient[i] = 0.0;
            for (std::size_t j = 0; j < n; ++j)
                hessian[i * n + j] = hessian[j * n + i] = i == j ? 1.0 : 0.0;
        }
        return value;
    };
    std::vector<std::pair<double, std::vector<double>>> ends;
    for (double const c : {1.0, 0.5, 2.0, 5.0})
        for (auto const& [gamma, delta] : {std::pair(0.7, 1.5), std::pair(0.05, 0.1), std::pair(8.0, 24.0)}) {
            std::vector<double> start{std::log(gamma), std::log(delta), std::log(c)};
            for (std::size_t i = 0; i < n; ++i)
                if (!std::isnan(held[i])) start[i] = held[i];
            auto found = numerics::minimize(function, start,
                                            {.max_iterations = 60, .tolerance = 1e-9, .bound = log_bound});
            if (!std::isfinite(found.value)) found.x = start;
            ends.emplace_back(std::isfinite(found.value) ? found.value : inf, std::move(found.x));
        }
    std::stable_sort(ends.begin(), ends.end(),
                     [](auto const& x, auto const& y) { return x.first < y.first; });
    search_region region{.starts = {}, .center = {1.0, 1.0, 1.0}};
    for (auto const& [value, theta] : ends)
        region.starts.push_back({std::exp(theta[0]), std::exp(theta[1]), std::exp(theta[2])});
    return region;
}

void ridges(fit_solution const& fit, std::vector<std::string>& words) {
    leaving_ridge(fit, 0, 1, "gamma", "delta", words);
    if (is_open(fit, 2))
        words.push_back(
            "c is not identified: these data do not tell how a customer's own chance of leaving changes from "
            "renewal to renewal");
}

}  // namespace

double beta_discrete_weibull_process::expected(double t) const noexcept {
    return t >= 0.0 ? sum_of_survival(*this, opportunities(t), 0.0) : nan;
}

double beta_discrete_weibull_process::discounted(double t, double rate) const noexcept {
    return t >= 0.0 && !std::isnan(rate) ? sum_of_survival(*this, opportunities(t), rate) : nan;
}

double beta_discrete_weibull_process::survival(double t) const noexcept {
    if (!(t >= 0.0)) return nan;
    return t == inf ? 0.0 : std::exp(-contract_loss(gamma, delta, c, age, opportunities(t)));
}

double beta_discrete_weibull_process::no_purchase(double t) const noexcept {
    if (!(t >= 0.0)) return nan;
    return opportunities(t) == 0.0 ? 1.0 : -std::expm1(-contract_loss(gamma, delta, c, age, 1.0));
}

double beta_discrete_weibull_process::pmf(std::int64_t n, double t) const noexcept {
    if (n < 0 || !(t >= 0.0)) return nan;
    double const made = static_cast<double>(n);
    double const due = opportunities(t);
    if (made > due) return 0.0;
    double const there = std::exp(-contract_loss(gamma, delta, c, age, made));
    return made < due ? there * -std::expm1(-contract_loss(gamma, delta, c, age + made, 1.0)) : there;
}

double beta_discrete_weibull_process::at_least(double n, double t) const noexcept {
    if (!(n >= 0.0) || !(t >= 0.0)) return nan;
    return n > opportunities(t) ? 0.0 : std::exp(-contract_loss(gamma, delta, c, age, n));
}

void beta_discrete_weibull::validate() const {
    require_positive(*this);
}

void beta_discrete_weibull::check(ledger::summary_view const& customers, double factor) {
    check_opportunities(customers, factor, true);
}

double beta_discrete_weibull::log_likelihood(double, double tx, double T) const noexcept {
    double const until = -contract_loss(gamma, delta, c, 0.0, tx);
    return tx < T ? until + std::log(-std::expm1(-contract_loss(gamma, delta, c, tx, 1.0))) : until;
}

customer_state<beta_discrete_weibull_process> beta_discrete_weibull::given(double, double tx,
                                                                           double T) const noexcept {
    return {tx == T ? 1.0 : 0.0, {gamma, delta, c, T}};
}

double beta_discrete_weibull::retention_rate(double t) const noexcept {
    return t >= 1.0 ? std::exp(-contract_loss(gamma, delta, c, t - 1.0, 1.0)) : nan;
}

template struct predictions<beta_discrete_weibull>;

template <>
fit_result<beta_discrete_weibull> fit<beta_discrete_weibull>(ledger::summary_view const& customers,
                                                             fit_options const& options) {
    check_rows(customers);
    beta_discrete_weibull::check(customers, 1.0);
    auto const region = [&](rate_moments const&) { return find_region(compress(customers), options); };
    fit_solution found =
        fit_rows(customers, options,
                 {.name = beta_discrete_weibull::name,
                  .parameter_names = beta_discrete_weibull::parameter_names,
                  .time_power = beta_discrete_weibull::time_power,
                  .objective = [](compressed_rows const& rows, std::span<double const> theta,
                                  std::span<double> gradient, std::span<double> hessian,
                                  unsigned) { return contract_objective(rows, theta, gradient, hessian); },
                  .region = region,
                  .ridges = ridges,
                  .silence = contract_silence});
    auto const& p = found.parameters;
    return {{p[0], p[1], p[2], customers.unit}, std::move(found.report)};
}

}  // namespace clavis::lifetime

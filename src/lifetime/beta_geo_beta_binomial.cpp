#include "clavis/lifetime/beta_geo_beta_binomial.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "beta_geo_beta_binomial_likelihood.hpp"
#include "beta_geometric.hpp"
#include "clavis/numerics/discrete_sum.hpp"
#include "clavis/numerics/rising_ratio.hpp"
#include "clavis/numerics/special.hpp"
#include "conditional.hpp"
#include "fit_rows.hpp"

namespace clavis::lifetime {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

// ln of the chance that a customer active at opportunity k stays and does not buy in the next i, where `miss` and `buy`
// are the parameters of p's beta law there.
double log_silent(double miss, double buy, beta_geometric const& leaving, double i) {
    return -numerics::log_rising_ratio(miss, buy, i) + leaving.log_survival(i);
}

// ln [Gamma(beta + i) / (Gamma(beta) i!)]: what i misses weigh among so many purchases, where the other factors are
// powers too and nothing cancels.
double log_misses(double beta, double i) {
    return beta >= 1.0 ? numerics::log_rising_ratio(1.0, beta - 1.0, i)
                       : -numerics::log_rising_ratio(beta, 1.0 - beta, i);
}

// The chance that a customer active now does not buy in the next n opportunities: silent through all of them, or gone
// after i < n silent ones.
double silence(double miss, double buy, beta_geometric const& leaving, double n) {
    constexpr double few = 96.0;
    if (n <= few) {
        double path = 1.0, total = 0.0;
        for (double i = 0.0; i < n; ++i) {
            double const end = leaving.leave + leaving.stay + i;
            total += path * (leaving.leave / end);
            path *= (miss + i) / (miss + buy + i) * ((leaving.stay + i) / end);
        }
        return total + path;
    }
    // In the long run both chances fall as 1 / i: whoever still is there leaves before buying with this chance.
    double const leaves_first = leaving.leave / (leaving.leave + buy);
    double const size = 1.0 + miss + buy + leaving.leave + leaving.stay;
    double const last = n == inf ? 1e18 * size * size : n;
    auto const gone = [&](double i) {
        return log_silent(miss, buy, leaving, i) + std::log(leaving.hazard(i));
    };
    double const total = numerics::sum_terms(gone, last, {.offset = std::min(miss, leaving.stay)}).value();
    double const path = std::exp(log_silent(miss, buy, leaving, last));
    return total + (n == inf ? leaves_first : 1.0) * path;
}

search_region region(rate_moments const&) {
    return {.starts = {{1.0, 1.0, 0.7, 3.0},
                       {0.5, 0.5, 1.0, 10.0},
                       {1.0, 3.0, 0.5, 1.0},
                       {3.0, 1.0, 2.0, 20.0},
                       {20.0, 20.0, 20.0, 200.0},
                       {0.3, 3.0, 0.2, 5.0}},
            .center = {1.0, 1.0, 1.0, 1.0}};
}

void ridges(fit_solution const& fit, std::vector<std::string>& words) {
    double const buy = fit.theta[0];
    double const miss = fit.theta[1];
    if (is_open(fit, 0) || is_open(fit, 1)) {
        if (buy > 3.0 && miss > 3.0)
            words.push_back(
                "the heterogeneity in purchase chances is not identified: alpha and beta grow without bound "
                "(customers do not differ more than chance explains); only alpha / (alpha + beta) is known");
        else if (buy < -3.0 && miss < -3.0)
            words.push_back(
                "the heterogeneity in purchase chances is not identified: alpha and beta go to 0 (each "
                "customer "
                "buys every time or never)");
        else if (buy - miss > 6.0)
            words.push_back(
                "active customers buy every time: beta / alpha goes to 0, and how they differ is not "
                "identified");
        else if (miss - buy > 6.0)
            words.push_back(
                "hardly anybody buys: alpha / beta goes to 0, and how customers differ is not identified");
        else
            words.push_back("alpha and beta are not identified by these data");
    }
    leaving_ridge(fit, 2, 3, "gamma", "delta", words);
}

}  // namespace

void leaving_ridge(fit_solution const& fit, std::size_t first, std::size_t second,
                   std::string const& leave_name, std::string const& stay_name,
                   std::vector<std::string>& words) {
    if (!is_open(fit, first) && !is_open(fit, second)) return;
    double const leave = fit.theta[first];
    double const stay = fit.theta[second];
    std::string const share = leave_name + " / (" + leave_name + " + " + stay_name + ")";
    if (stay - leave > 6.0)
        words.push_back("no sign of customers leaving: " + share +
                        " goes to 0, and how they differ in it is not identified");
    else if (leave - stay > 6.0)
        words.push_back("customers leave at once: " + share +
                        " goes to 1, and how they differ in it is not identified");
    else if (leave > 3.0 && stay > 3.0)
        words.push_back("the dropout heterogeneity is not identified: " + leave_name + " and " + stay_name +
                        " grow without bound (customers do not differ in leaving more than chance explains); "
                        "only " +
                        share + " is known");
    else if (leave < -3.0 && stay < -3.0)
        words.push_back("the dropout heterogeneity is not identified: " + leave_name + " and " + stay_name +
                        " go to 0 (each customer leaves at once or never)");
    else
        words.push_back(leave_name + " and " + stay_name + " are not identified by these data");
}

void beta_geo_beta_binomial::validate() const {
    require_positive(*this);
}

void beta_geo_beta_binomial::check(ledger::summary_view const& customers, double factor) {
    check_opportunities(customers, factor, false);
}

double beta_geo_beta_binomial::log_likelihood(double x, double tx, double T) const noexcept {
    // Active at the last purchase, and silent since.
    double const until_last = -numerics::log_rising_ratio(alpha, beta, x) -
                              numerics::log_rising_ratio(beta, alpha + x, tx - x) -
                              numerics::log_rising_ratio(delta, gamma, tx);
    return until_last + std::log(silence(beta + (tx - x), alpha + x, {gamma, delta + tx}, T - tx));
}

customer_state<beta_geo_beta_binomial> beta_geo_beta_binomial::given(double x, double tx,
                                                                     double T) const noexcept {
    beta_geo_beta_binomial const ahead{alpha + x, beta + (T - x), gamma, delta + T, unit};
    if (T == tx) return {1.0, ahead};
    double const miss = beta + (tx - x);
    beta_geometric const leaving{gamma, delta + tx};
    double const stayed = log_silent(miss, alpha + x, leaving, T - tx);
    return {std::min(1.0, std::exp(stayed - std::log(silence(miss, alpha + x, leaving, T - tx)))), ahead};
}

double beta_geo_beta_binomial::expected(double t) const noexcept {
    if (!(t >= 0.0)) return nan;
    return alpha / (alpha + beta) * beta_geometric{gamma, delta}.sum(opportunities(t));
}

double beta_geo_beta_binomial::discounted(double t, double rate) const noexcept {
    if (!(t >= 0.0) || std::isnan(rate)) return nan;
    return alpha / (alpha + beta) * beta_geometric{gamma, delta}.discounted_sum(opportunities(t), rate);
}

double beta_geo_beta_binomial::survival(double t) const noexcept {
    if (!(t >= 0.0)) return nan;
    return std::exp(beta_geometric{gamma, delta}.log_survival(opportunities(t)));
}

double beta_geo_beta_binomial::no_purchase(double t) const noexcept {
    if (!(t >= 0.0)) return nan;
    return silence(beta, alpha, {gamma, delta}, opportunities(t));
}

double beta_geo_beta_binomial::pmf(std::int64_t n, double t) const noexcept {
    if (n < 0 || !(t >= 0.0)) return nan;
    if (n == 0) return no_purchase(t);
    double const last = opportunities(t);
    double const x = static_cast<double>(n);
    if (x > last) return 0.0;
    beta_geometric const leaving{gamma, delta};
    // ln of the chance of x purchases at x + i opportunities, and of staying so long.
    double const all = -numerics::log_rising_ratio(alpha, beta, x);
    auto const log_count = [&](double i) {
        return all + log_misses(beta, i) - numerics::log_rising_ratio(x + 1.0, alpha + beta - 1.0, i) +
               leaving.log_survival(x + i);
    };
    auto const left = [&](double i) { return log_count(i) + std::log(leaving.hazard(x + i)); };
    double const size = x + alpha + beta + gamma + delta;
    auto sum = numerics::sum_peaked_terms(left, last - x,
                                          {.offset = std::min(1.0, beta),
                                           .tail = last == inf ? alpha + gamma : 0.0,
                                           .settled = 1e18 * size * size});
    if (last < inf) sum.add(log_count(last - x));
    return sum.value();
}

double beta_geo_beta_binomial::at_least(double n, double t) const noexcept {
    if (!(n >= 0.0) || !(t >= 0.0)) return nan;
    if (n == 0.0) return 1.0;
    double const last = opportunities(t);
    if (n > last) return 0.0;
    beta_geometric const leaving{gamma, delta};
    // ln of the chance that the n-th purchase is at opportunity n + i, and finds the customer there.
    double const all = -numerics::log_rising_ratio(alpha, beta, n);
    auto const log_arrival = [&](double i) {
        return all + log_misses(beta, i) - numerics::log_rising_ratio(n, alpha + beta, i) +
               leaving.log_survival(n + i);
    };
    double const size = n + alpha + beta + gamma + delta;
    return std::min(1.0, numerics::sum_peaked_terms(log_arrival, last - n + 1.0,
                                                    {.offset = std::min(1.0, beta),
                                                     .tail = last == inf ? alpha + gamma : 0.0,
                                                     .settled = 1e18 * size * size})
                             .value());
}

template struct predictions<beta_geo_beta_binomial>;

template <>
fit_result<beta_geo_beta_binomial> fit<beta_geo_beta_binomial>(ledger::summary_view const& customers,
                                                               fit_options const& options) {
    check_rows(customers);
    beta_geo_beta_binomial::check(customers, 1.0);
    return fit_rows<beta_geo_beta_binomial>(customers, options, beta_geo_beta_binomial_objective, region,
                                            ridges);
}

}  // namespace clavis::lifetime

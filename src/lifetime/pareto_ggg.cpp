#include "clavis/lifetime/pareto_ggg.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/lifetime/pareto_nbd.hpp"
#include "clavis/numerics/special.hpp"
#include "conditional.hpp"
#include "fit_rows.hpp"
#include "pareto_ggg_likelihood.hpp"

namespace clavis::lifetime {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

struct fate_entry {
    double y, log_f;
};

struct alive_entry {
    double y, log_f, reach;
    ggg_gap gap;
    double later;
};

/// ln of the integral over ln k.
template <class Entry>
double log_mass(std::vector<Entry> const& entries, double step) {
    double top = -std::numeric_limits<double>::infinity();
    for (auto const& e : entries)
        top = std::max(top, e.log_f);
    double sum = 0.0;
    for (auto const& e : entries)
        sum += std::exp(e.log_f - top);
    return top + std::log(sum * step);
}

double log_sum(double a, double b) {
    double const high = std::max(a, b);
    return high > -std::numeric_limits<double>::infinity() ? high + std::log1p(std::exp(-std::abs(a - b)))
                                                           : high;
}

double log_total(ggg_history const& history) {
    std::vector<fate_entry> entries;
    double const step = ggg_rule(history.first_guess(), entries, [&](double y) -> fate_entry {
        double const k = std::exp(y);
        auto const [later, left] = ggg_log_fates(history.gap(k));
        return {y, history.log_before(k) + log_sum(later, left)};
    });
    return log_mass(entries, step);
}

void ridges(fit_solution const& fit, std::vector<std::string>& words) {
    enum parameter : std::size_t { SHAPE, RATE, R, ALPHA, S, BETA };
    if (is_open(fit, SHAPE) || is_open(fit, RATE)) {
        if (fit.theta[SHAPE] > 3.0)
            words.push_back(
                "the heterogeneity in regularity is not identified: t and gamma grow without bound "
                "(customers do not "
                "differ in it more than chance explains); only t / gamma, the usual k, is known");
        else
            words.push_back("t and gamma are not identified by these data");
    }
    if (is_open(fit, R) || is_open(fit, ALPHA))
        words.push_back(
            fit.theta[R] > 3.0
                ? "the heterogeneity in purchase rates is not identified: r and alpha grow without bound; "
                  "only r / alpha is known"
                : "r and alpha are not identified by these data");
    if (is_open(fit, S) || is_open(fit, BETA)) {
        if (fit.theta[BETA] - fit.theta[S] > 7.0)
            words.push_back(
                "no sign of customers leaving: s / beta goes to 0, and how they differ in it is not "
                "identified");
        else if (fit.theta[S] > 3.0 && fit.theta[BETA] > 3.0)
            words.push_back(
                "the dropout heterogeneity is not identified: s and beta grow without bound; only s / beta "
                "is known");
        else
            words.push_back("s and beta are not identified by these data");
    }
}

}  // namespace

void pareto_ggg::validate() const {
    require_positive(*this);
}

double pareto_ggg::log_likelihood(double x, double tx, double T, double log_gap_sum) const noexcept {
    if (std::isnan(x + tx + T)) return nan;
    return log_total(ggg_history(*this, x, tx, T, log_gap_sum));
}

customer_state<pareto_ggg_process> pareto_ggg::given(double x, double tx, double T,
                                                     double log_gap_sum) const noexcept {
    pareto_ggg_process ahead{{}, T - tx, s, beta + T, r, alpha};
    if (std::isnan(x + tx + T)) return {nan, ahead};
    ggg_history const history(*this, x, tx, T, log_gap_sum);
    std::vector<alive_entry> entries;
    auto guess = history.first_guess();
    guess.step *= 1.25;
    auto& nodes = ahead.nodes;
    // Of a first purchase that was just made nothing but the density of k is known, which means of purchases need not have:
    // one of the smallest k buys any number of times at once.
    ahead.sudden = x == 0.0 && T == 0.0 && t <= 1.0;
    // The posterior of k of an active customer, which is not that of the others. Means weigh it by up to 1 / k.
    double const step = ggg_rule(
        guess, entries,
        [&](double y) -> alive_entry {
            ggg_gap const gap = history.gap(std::exp(y));
            double const later = ggg_log_later(gap);
            double const log_f = history.log_before(gap.k) + later;
            double const reach = ahead.sudden ? log_f : log_f + std::max(0.0, guess.mode - y);
            return {y, log_f, reach, gap, later};
        },
        1e-3, 24.0);
    double const stayed = log_mass(entries, step) - s * std::log1p((T - tx) / (beta + tx));
    double const total = log_total(history);
    double top = -std::numeric_limits<double>::infinity();
    for (auto const& e : entries)
        top = std::max(top, e.log_f);
    double mass = 0.0;
    double mean_k = 0.0;
    for (auto const& e : entries) {
        double const w = std::exp(e.log_f - top);
        if (!(w * std::max(1.0, std::exp(guess.mode - e.y)) > 1e-12)) continue;
        nodes.push_back({e.gap.k, e.gap.n, e.gap.A, w, e.later});
        mass += w;
        mean_k += w * e.gap.k;
    }
    for (auto& node : nodes)
        node.weight /= mass;
    if (mass > 0.0) {
        ggg_gap const usual = history.gap(mean_k / mass);
        ahead.r = usual.n;
        ahead.alpha = usual.A / usual.k;
    }
    return {std::min(1.0, std::exp(stayed - total)), ahead};
}

template <>
void predictions<pareto_ggg>::log_likelihood(pareto_ggg const& model, view const& rows, std::span<double> out,
                                             unsigned threads) {
    check_log_gaps(rows, unknown_gaps::allowed);
    model_times const time(model, rows);
    for_rows(model, rows, out, 1, threads, [&](std::size_t i, double x, double tx, double T) {
        out[i] =
            model.log_likelihood(x, tx, T, gaps_of(rows, i, time.factor())) + x * std::log(time.factor());
    });
}

template struct predictions<pareto_ggg>;

template <>
fit_result<pareto_ggg> fit<pareto_ggg>(ledger::summary_view const& customers, fit_options const& options) {
    auto const is_fixed = [&](std::string_view name) {
        return std::any_of(options.fixed.begin(), options.fixed.end(),
                           [&](auto const& f) { return f.first == name; });
    };
    check_rows(customers);
    if (customers.log_gap_sum.empty() && !(is_fixed("t") && is_fixed("gamma")))
        throw input_error(
            {.table = "summary", .column = "log_gap_sum"},
            "is missing: how regularly customers buy is found from the gaps between purchases; give the "
            "sum of their logarithms, or hold t and gamma fixed");
    fit_options nested = options;
    std::erase_if(nested.fixed, [](auto const& f) { return f.first == "t" || f.first == "gamma"; });
    nested.starts.clear();
    std::erase_if(nested.priors, [](prior const& p) { return p.parameter == "t" || p.parameter == "gamma"; });
    pareto_nbd const pareto = fit<pareto_nbd>(customers, nested).model;
    auto const region = [&](rate_moments const& moments) -> search_region {
        double const alpha = pareto.alpha / moments.scale;
        double const beta = pareto.beta / moments.scale;
        auto const near = [&](double t, double gamma) {
            return std::vector<double>{t, gamma, pareto.r, alpha, pareto.s, beta};
        };
        return {.starts = {near(4.0, 4.0),
                           near(6.0, 2.0),
                           near(50.0, 50.0),
                           {1.0, 1.0, moments.r, moments.r / (1.5 * moments.rate), 0.6, 0.5}},
                .center = {1.0, 1.0, 1.0, std::max(1.0, 1.0 / moments.rate), 1.0, 1.0}};
    };
    options.watch.report("compressing rows", 0.0);
    compressed_rows rows = compress_with_gaps(customers);
    if (rows.rows == 0)
        throw input_error(
            {.table = "summary"},
            "no row can be used: " + counted(rows.left_out, "row is", "rows are") + " without any purchase");
    compressed_rows sample = thin(rows, 2'000);
    fit_solution found = fit_rows(prepared_rows{std::move(rows), std::move(sample)}, options,
                                  {.name = pareto_ggg::name,
                                   .parameter_names = pareto_ggg::parameter_names,
                                   .time_power = pareto_ggg::time_power,
                                   .objective = pareto_ggg_objective,
                                   .region = region,
                                   .ridges = ridges});
    std::array<double, 6> parameters{};
    std::copy(found.parameters.begin(), found.parameters.end(), parameters.begin());
    return {pareto_ggg::from(parameters, customers.unit), std::move(found.report)};
}

}  // namespace clavis::lifetime

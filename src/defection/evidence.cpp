#include "clavis/defection/evidence.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "clavis/core/errors.hpp"
#include "clavis/defection/detectors.hpp"
#include "clavis/numerics/special.hpp"

namespace clavis::defection {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

double log_mean(std::span<double const> logs) {
    double sum = -infinity;
    for (double const one : logs)
        sum = log_add(sum, one);
    return sum - std::log(static_cast<double>(logs.size()));
}

}  // namespace

void evidence_options::validate() const {
    if (retained.empty() || retained_spend.empty())
        throw input_error("evidence: there is no retained fraction");
    for (double const rho : retained)
        if (!(rho >= 0 && rho < 1)) throw input_error("evidence: retained fractions must lie in [0, 1)");
    for (double const rho : retained_spend)
        if (!(rho > 0 && rho < 1))
            throw input_error("evidence: retained fractions of spend must lie in (0, 1)");
    if (!(unit > 0 && std::isfinite(unit)))
        throw input_error("evidence: the unit must be positive and finite");
    if (most_categories == 0) throw input_error("evidence: most_categories must be at least 1");
}

double spend_p(lifetime::gamma_gamma const& model, double n, double sum, double amount) noexcept {
    double const scale = model.gamma + sum;
    return numerics::incomplete_beta(model.q + model.p * n, model.p, scale / (amount + scale));
}

double log_spend_ratio(lifetime::gamma_gamma const& model, double n, double sum, double amount,
                       double rho) noexcept {
    if (amount <= 0) return 0;
    double const scale = model.gamma + sum;
    double const power = model.p + model.q + model.p * n;
    // (a + b) / (a / rho + b) = 1 - a (1 / rho - 1) / (a / rho + b)
    return -model.p * std::log(rho) + power * std::log1p(-amount * (1 / rho - 1) / (amount / rho + scale));
}

void visit_evidence(hazard_clock const& clock, std::span<double const> visits, double begin,
                    std::span<double const> checks, std::span<double> log_statistic,
                    evidence_options const& options) {
    double const unwarned = 1;
    warned_evidence(clock, visits, begin, checks, {&begin, 1}, {&unwarned, 1}, log_statistic, options);
}

void warned_evidence(hazard_clock const& clock, std::span<double const> visits, double begin,
                     std::span<double const> checks, std::span<double const> moment,
                     std::span<double const> multiplier, std::span<double> log_statistic,
                     evidence_options const& options) {
    if (moment.empty() || moment.size() != multiplier.size() || moment.front() > begin ||
        !std::is_sorted(moment.begin(), moment.end()))
        throw input_error("early warning: multipliers must ascend in time and begin with the watch");
    std::vector<double> logs(options.retained.size(), -infinity);
    std::size_t next = 0;
    std::size_t piece = 0;
    while (next < visits.size() && visits[next] <= begin)
        ++next;
    double now = begin;
    auto wait = [&](double until) {
        while (now < until) {
            while (piece + 1 < moment.size() && moment[piece + 1] <= now)
                ++piece;
            double const stop = piece + 1 < moment.size() ? std::min(until, moment[piece + 1]) : until;
            double const unit = options.unit / multiplier[piece];
            for (std::size_t j = 0; j < logs.size(); ++j) {
                if (next == 0) {  // Before the first visit nobody is watched: R only grows.
                    logs[j] = log_add(logs[j], std::log((stop - now) / unit));
                    continue;
                }
                double const last = visits[next - 1];
                logs[j] =
                    shiryaev_roberts_after(logs[j], options.retained[j], clock, static_cast<double>(next - 1),
                                           last - visits.front(), now - last, stop - last, unit);
            }
            now = stop;
        }
    };
    for (std::size_t k = 0; k < checks.size(); ++k) {
        for (; next < visits.size() && visits[next] <= checks[k]; ++next) {
            bool const watched = next > 0;
            wait(visits[next]);
            if (!watched) continue;
            for (std::size_t j = 0; j < logs.size(); ++j)
                logs[j] += std::log(options.retained[j]);
        }
        wait(checks[k]);
        log_statistic[k] = log_mean(logs);
    }
}

void spend_evidence(lifetime::gamma_gamma const& model, std::span<double const> visits,
                    std::span<double const> amounts, double begin, std::span<double const> checks,
                    std::span<double> log_statistic, evidence_options const& options) {
    std::vector<double> logs(options.retained_spend.size(), -infinity);
    double count = 0;
    double sum = 0;
    std::size_t next = 0;
    auto learn = [&] {
        if (amounts[next] > 0) {
            count += 1;
            sum += amounts[next];
        }
        ++next;
    };
    while (next < visits.size() && visits[next] <= begin)
        learn();
    double now = begin;
    auto wait = [&](double until) {
        for (double& one : logs)
            one = log_add(one, std::log((until - now) / options.unit));
        now = until;
    };
    for (std::size_t k = 0; k < checks.size(); ++k) {
        while (next < visits.size() && visits[next] <= checks[k]) {
            wait(visits[next]);
            for (std::size_t j = 0; j < logs.size(); ++j)
                logs[j] += log_spend_ratio(model, count, sum, amounts[next], options.retained_spend[j]);
            learn();
        }
        wait(checks[k]);
        log_statistic[k] = log_mean(logs);
    }
}

std::size_t category_evidence(std::span<hazard_clock const> clocks, std::span<double const> purchases,
                              std::span<std::int32_t const> category, double begin,
                              std::span<double const> checks, std::span<double> log_statistic,
                              evidence_options const& options) {
    std::map<std::int32_t, std::vector<double>>
        visits;  // ordered: the result must not depend on the rows' order
    for (std::size_t k = 0; k < purchases.size(); ++k) {
        if (category[k] < 0 || static_cast<std::size_t>(category[k]) >= clocks.size()) continue;
        auto& own = visits[category[k]];
        if (own.empty() || own.back() != purchases[k]) own.push_back(purchases[k]);
    }
    struct known {
        std::int32_t category;
        std::ptrdiff_t before;
    };
    std::vector<known> watched;
    for (auto const& [name, own] : visits) {
        auto const before = std::upper_bound(own.begin(), own.end(), begin) - own.begin();
        if (before > static_cast<std::ptrdiff_t>(options.least_gaps)) watched.push_back({name, before});
    }
    std::stable_sort(watched.begin(), watched.end(),
                     [](known const& a, known const& b) { return a.before > b.before; });
    if (watched.size() > options.most_categories) watched.resize(options.most_categories);
    for (std::size_t k = 0; k < checks.size(); ++k)
        log_statistic[k] = watched.empty() ? std::log((checks[k] - begin) / options.unit) : -infinity;
    std::vector<double> one(checks.size());
    double const weight = std::log(static_cast<double>(std::max<std::size_t>(1, watched.size())));
    for (known const& each : watched) {
        visit_evidence(clocks[static_cast<std::size_t>(each.category)], visits[each.category], begin, checks,
                       one, options);
        for (std::size_t k = 0; k < checks.size(); ++k)
            log_statistic[k] = log_add(log_statistic[k], one[k] - weight);
    }
    return watched.size();
}

double log_combined(std::span<double const> log_statistics, std::span<double const> weights) noexcept {
    double sum = -infinity;
    for (std::size_t k = 0; k < log_statistics.size(); ++k)
        if (weights[k] > 0) sum = log_add(sum, log_statistics[k] + std::log(weights[k]));
    return sum;
}

}  // namespace clavis::defection

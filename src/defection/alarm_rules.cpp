#include "clavis/defection/alarm_rules.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "clavis/core/errors.hpp"
#include "clavis/defection/detectors.hpp"

namespace clavis::defection {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

/// What of a customer's visits up to a moment the simple rules need.
struct past {
    std::size_t count = 0;
    double first = nan;
    double last = nan;
    double mean = 0;     ///< of the gaps
    double squares = 0;  ///< of their distances from it

    std::size_t gaps() const { return count == 0 ? 0 : count - 1; }
    double gap_sum() const { return last - first; }
    double silence(double now) const { return now - last; }
    void add(double time) {
        if (count++ > 0) {
            double const gap = time - last;
            double const away = gap - mean;
            mean += away / static_cast<double>(gaps());
            squares += away * (gap - mean);
        } else {
            first = time;
        }
        last = time;
    }
    double deviation() const { return std::sqrt(squares / static_cast<double>(gaps() - 1)); }
};

/// score(past, now) at every check.
template <class Score>
rule_scores of_past(Score score) {
    return [score](rule_context const& context, std::span<double const> visits, std::span<double> scores) {
        past known;
        for (std::size_t w = 0; w < scores.size(); ++w) {
            double const now = context.check_time(w);
            while (known.count < visits.size() && visits[known.count] <= now)
                known.add(visits[known.count]);
            scores[w] = known.count == 0 ? nan : score(context, known, now);
        }
    };
}

/// How many visits lie in (from, to].
double visits_between(std::span<double const> visits, double from, double to) {
    auto const begin = std::upper_bound(visits.begin(), visits.end(), from);
    return static_cast<double>(std::upper_bound(begin, visits.end(), to) - begin);
}

double trailing_ratio(std::span<double const> visits, double now) {
    constexpr double window = 12;
    double const before = visits_between(visits, -1, now - window);
    double const rate = before / (now - window);
    return -visits_between(visits, now - window, now) / (window * rate);
}

double migueis(rule_context const& context, std::span<double const> visits, double now) {
    constexpr double quarter = 13;
    double const usual =
        visits_between(visits, -1, context.calibration_weeks) * quarter / context.calibration_weeks;
    double const last = visits_between(visits, now - quarter, now);
    double const before = visits_between(visits, now - 2 * quarter, now - quarter);
    return -std::max(last, before) / usual;
}

double buckinx(rule_context const& context, std::span<double const> visits, double now) {
    constexpr double window = 26;
    auto const begin = std::upper_bound(visits.begin(), visits.end(), now - window);
    auto const end = std::upper_bound(begin, visits.end(), now);
    double const scale = window / context.calibration_weeks;
    double const fewer =
        (context.mean_visits * scale - static_cast<double>(end - begin)) / (context.sd_visits * scale);
    past gaps;
    // The visit before the window opens its first gap; the running silence closes the last.
    for (auto it = begin == visits.begin() ? begin : begin - 1; it != end; ++it)
        gaps.add(*it);
    gaps.add(now);
    if (gaps.gaps() < 2) return fewer;  // silent throughout: as irregular as can be
    double const wilder = (gaps.deviation() / gaps.mean - context.mean_variation) / context.sd_variation;
    return std::min(fewer, wilder);
}

/// Calls silence(shape, scale, length), visit() and check(w) in the order of time from the beginning of the watch.
/// Where `freeze` > 0 the posterior stays as it is at the beginning of the watch once it knows so many gaps.
template <class Silence, class Visit, class Check>
void walk(rule_context const& context, std::span<double const> visits, std::size_t checks, std::size_t freeze,
          Silence&& silence, Visit&& visit, Check&& check) {
    double const begin = context.calibration_weeks;
    past known;
    std::size_t next = 0;
    while (next < visits.size() && visits[next] <= begin)
        known.add(visits[next++]);
    double now = begin;
    bool frozen = false;
    double shape = 0;
    double scale = 0;
    auto learn = [&] {
        if (frozen) return;
        shape = context.clock.r + static_cast<double>(known.gaps());
        scale = context.clock.alpha + (known.count > 0 ? known.gap_sum() : 0);
        frozen = freeze > 0 && known.gaps() >= freeze;
    };
    learn();
    auto wait = [&](double until) {
        silence(shape, scale + (now - known.last), until - now);
        now = until;
    };
    for (std::size_t w = 0; w < checks; ++w) {
        double const end = context.check_time(w);
        while (next < visits.size() && visits[next] <= end) {
            wait(visits[next]);
            visit();
            known.add(visits[next++]);
            learn();
        }
        wait(end);
        check(w);
    }
}

void cusum(rule_context const& context, std::span<double const> visits, std::span<double> scores) {
    constexpr double rho = 0.5;
    double sum = 0;
    walk(
        context, visits, scores.size(), 0,
        [&](double shape, double scale, double length) {
            sum += (1 - rho) * shape * std::log1p(length / scale);
        },
        [&] { sum = std::max(0.0, sum + std::log(rho)); }, [&](std::size_t w) { scores[w] = sum; });
}

rule_scores sr_mixture(std::size_t freeze) {
    return [freeze](rule_context const& context, std::span<double const> visits, std::span<double> scores) {
        double stop = -infinity;
        double half = -infinity;
        walk(
            context, visits, scores.size(), freeze,
            [&](double shape, double scale, double length) {
                stop = shiryaev_roberts_after(stop, 0, shape, scale, length, 1);
                half = shiryaev_roberts_after(half, 0.5, shape, scale, length, 1);
            },
            [&] {
                stop = -infinity;
                half += std::log(0.5);
            },
            [&](std::size_t w) { scores[w] = log_add(stop, half) + std::log(0.5); });
    };
}

/// Visits up to now, and the weeks in which the rate may have fallen with the ratio of the likelihoods for each: half
/// weeks after `begin`, for the two retained fractions of equal weight.
template <class Visit>
void change_ratios(hazard_clock const& clock, std::span<double const> visits, double begin, double now,
                   Visit&& visit) {
    auto const end = std::upper_bound(visits.begin(), visits.end(), now);
    if (end == visits.begin()) return;
    double const first = visits.front();
    double const last = *(end - 1);
    double const shape = clock.r + static_cast<double>(end - visits.begin() - 1);
    double const whole = clock.alpha + now - first;
    auto after = std::upper_bound(visits.begin(), end, begin);
    for (double at = begin + 0.5; at < now; at += 1) {
        while (after != end && *after <= at)
            ++after;
        double const remaining = static_cast<double>(end - after);
        double const lost = now - at;
        if (at >= last) visit(at, 0.0, -shape * std::log1p(-lost / whole));
        visit(at, 0.5, -remaining * std::log(2.0) - shape * std::log1p(-0.5 * lost / whole));
    }
}

double gamma_gamma_z(rule_context const& context, past const& known, double now) {
    double const shape = context.clock.r + static_cast<double>(known.gaps());
    double const scale = context.clock.alpha + known.gap_sum();
    if (!(shape > 2)) return nan;
    double const mean = scale / (shape - 1);
    double const deviation = mean * std::sqrt(shape / (shape - 2));
    return (known.silence(now) - mean) / deviation;
}

rule_date posterior_date() {
    return [](rule_context const& context, std::size_t, std::span<double const> visits, std::size_t check) {
        return date_change(context.clock, visits, context.calibration_weeks, context.check_time(check));
    };
}

constexpr std::array<std::string_view, 13> names{"fixed_silence",
                                                 "gap_multiple",
                                                 "gap_z",
                                                 "trailing_ratio",
                                                 "probability_alive",
                                                 "overdue_p",
                                                 "holtrop_wieringa",
                                                 "buckinx_van_den_poel",
                                                 "migueis",
                                                 "cusum",
                                                 "sr_mixture",
                                                 "sr_mixture_frozen",
                                                 "marginal_likelihood"};

}  // namespace

double log_change_evidence(hazard_clock const& clock, std::span<double const> visits, double begin,
                           double now) {
    // The largest term lies near the maximum-likelihood change; one pass with a running maximum.
    double most = -infinity;
    double sum = 0;
    change_ratios(clock, visits, begin, now, [&](double, double, double log_ratio) {
        if (log_ratio <= most) {
            sum += std::exp(log_ratio - most);
        } else {
            sum = sum * std::exp(most - log_ratio) + 1;
            most = log_ratio;
        }
    });
    return most + std::log(sum / 2);
}

dated_change date_change(hazard_clock const& clock, std::span<double const> visits, double begin, double now,
                         double level) {
    struct cell {
        double at;
        double weight;
    };
    std::vector<cell> cells;
    double most = -infinity;
    change_ratios(clock, visits, begin, now, [&](double at, double, double log_ratio) {
        cells.push_back({at, log_ratio});
        most = std::max(most, log_ratio);
    });
    double total = 0;
    for (auto& one : cells)
        total += one.weight = std::exp(one.weight - most);
    auto quantile = [&](double p) {
        double below = 0;
        for (auto const& one : cells) {
            if (below + one.weight >= p * total)  // uniform within its week
                return one.at - 0.5 + std::clamp((p * total - below) / one.weight, 0.0, 1.0);
            below += one.weight;
        }
        return cells.empty() ? nan : cells.back().at + 0.5;
    };
    return {quantile(0.5), quantile((1 - level) / 2), quantile((1 + level) / 2)};
}

std::span<std::string_view const> named_rules() {
    return names;
}

alarm_rule named_rule(std::string_view name) {
    auto of_visits = [](auto score) -> rule_scores {
        return
            [score](rule_context const& context, std::span<double const> visits, std::span<double> scores) {
                for (std::size_t w = 0; w < scores.size(); ++w)
                    scores[w] = score(context, visits, context.check_time(w));
            };
    };
    alarm_rule rule{std::string(name), {}};
    if (name == "fixed_silence") {
        rule.scores = of_past([](auto const&, past const& known, double now) { return known.silence(now); });
    } else if (name == "gap_multiple") {
        rule.scores = of_past([](auto const&, past const& known, double now) {
            return known.gaps() > 0 ? known.silence(now) / known.mean : nan;
        });
    } else if (name == "gap_z") {
        rule.scores = of_past([](auto const&, past const& known, double now) {
            return known.gaps() > 1 ? (known.silence(now) - known.mean) / known.deviation() : nan;
        });
    } else if (name == "trailing_ratio") {
        rule.scores = of_visits([](auto const&, std::span<double const> visits, double now) {
            return trailing_ratio(visits, now);
        });
    } else if (name == "probability_alive") {
        rule.scores = of_past([](rule_context const& context, past const& known, double now) {
            auto const x = static_cast<double>(known.gaps());
            return context.clock.hazard(x, known.gap_sum(), known.silence(now)) - std::log(x);
        });
    } else if (name == "overdue_p") {
        rule.on_clock = true;
        rule.scores = of_past([](rule_context const& context, past const& known, double now) {
            return context.clock.hazard(static_cast<double>(known.gaps()), known.gap_sum(),
                                        known.silence(now));
        });
    } else if (name == "holtrop_wieringa") {
        rule.scores = of_past(gamma_gamma_z);
    } else if (name == "buckinx_van_den_poel") {
        rule.scores = of_visits(buckinx);
    } else if (name == "migueis") {
        rule.scores = of_visits(migueis);
    } else if (name == "cusum") {
        rule.on_clock = true;
        rule.scores = cusum;
    } else if (name == "sr_mixture" || name == "sr_mixture_frozen") {
        rule.on_clock = true;
        rule.scores = sr_mixture(name == "sr_mixture" ? 0 : 5);
        rule.date = posterior_date();
    } else if (name == "marginal_likelihood") {
        rule.on_clock = true;
        rule.scores = of_visits([](rule_context const& context, std::span<double const> visits, double now) {
            return log_change_evidence(context.clock, visits, context.calibration_weeks, now);
        });
        rule.date = posterior_date();
    } else {
        std::string known;
        for (auto const one : names)
            known += (known.empty() ? "" : ", ") + std::string(one);
        throw input_error("rules: there is no rule \"" + std::string(name) + "\"; there are " + known);
    }
    return rule;
}

}  // namespace clavis::defection

#include "clavis/defection/evaluate.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <tuple>
#include <utility>

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "clavis/core/random.hpp"

namespace clavis::defection {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::size_t block = 512;
constexpr std::size_t year_of_checks = 52;
constexpr std::uint32_t tie_stream = 769;

measured_share share_of(std::int64_t count, std::int64_t customers) {
    if (customers == 0) return {};
    auto const n = static_cast<double>(customers);
    double const share = static_cast<double>(count) / n;
    return {customers, share, std::sqrt(share * (1 - share) / n)};
}

double median(std::vector<double>& values) {
    if (values.empty()) return nan;
    auto const middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    if (values.size() % 2 == 1) return *middle;
    double const below = *std::max_element(values.begin(), middle);
    return below == *middle ? below : below + (*middle - below) / 2;
}

/// A score and the number that ranks its customer among equals.
using ranked = std::pair<double, double>;

/// The limit is swept from above. A customer alarms at limits above the score at the start and up to the highest one
/// after it, and is left out at limits up to the score at the start. The first limit at which at least `share` of the
/// customers not left out alarm; none where there is no such limit.
std::optional<ranked> limit_for(std::vector<std::pair<ranked, ranked>> const& start_and_highest,
                                double share) {
    struct event {
        ranked at;
        int alarms;
        int customers;
    };
    std::vector<event> events;
    for (auto const& [start, highest] : start_and_highest) {
        bool const alarms = highest > start;
        if (alarms) events.push_back({highest, 1, 0});
        if (start.first > -infinity) events.push_back({start, alarms ? -1 : 0, -1});
    }
    std::sort(events.begin(), events.end(), [](event const& a, event const& b) {
        return std::tuple(a.at, a.alarms) > std::tuple(b.at, b.alarms);
    });
    std::int64_t alarms = 0;
    auto customers = static_cast<std::int64_t>(start_and_highest.size());
    for (event const& one : events) {
        alarms += one.alarms;
        customers += one.customers;
        if (one.alarms > 0 && static_cast<double>(alarms) >= share * static_cast<double>(customers) - 0.5)
            return one.at;
    }
    return std::nullopt;
}

/// The largest score among some checks; NaN counts as none.
double largest(std::span<double const> scores) {
    double most = -infinity;
    for (double const score : scores)
        if (score > most) most = score;
    return most;
}

/// Tenths of the unchanged by their visits in the calibration, equal visits together.
std::array<double, 10> false_alarms_by_rate(rule_data const& data, std::vector<std::size_t> const& unchanged,
                                            std::vector<std::int32_t> const& first_alarm) {
    auto visits = [&](std::size_t row) {
        auto const own = data.visits(row);
        return std::lower_bound(own.begin(), own.end(), static_cast<double>(data.calibration_weeks)) -
               own.begin();
    };
    std::vector<std::pair<std::ptrdiff_t, bool>> sorted;
    sorted.reserve(unchanged.size());
    for (std::size_t const row : unchanged)
        sorted.emplace_back(visits(row), first_alarm[row] >= 0 &&
                                             first_alarm[row] < static_cast<std::int32_t>(year_of_checks));
    std::sort(sorted.begin(), sorted.end());
    std::array<double, 10> alarms{};
    std::array<double, 10> customers{};
    for (std::size_t begin = 0; begin < sorted.size();) {
        std::size_t end = begin;
        while (end < sorted.size() && sorted[end].first == sorted[begin].first)
            ++end;
        std::size_t const tenth = std::min<std::size_t>(9, 10 * ((begin + end - 1) / 2) / sorted.size());
        for (std::size_t k = begin; k < end; ++k) {
            alarms[tenth] += sorted[k].second ? 1 : 0;
            customers[tenth] += 1;
        }
        begin = end;
    }
    for (std::size_t k = 0; k < 10; ++k)
        alarms[k] = customers[k] > 0 ? alarms[k] / customers[k] : nan;
    return alarms;
}

detection count_detections(rule_data const& data, rule_context const& context,
                           std::vector<std::int32_t> const& first_alarm, bool stops) {
    detection result;
    std::vector<double> delays;
    for (std::size_t i = 0; i < data.size(); ++i) {
        if (data.retained[i] >= 1 || (data.retained[i] == 0) != stops) continue;
        double const alarm =
            first_alarm[i] < 0 ? infinity : context.check_time(static_cast<std::size_t>(first_alarm[i]));
        if (first_alarm[i] == 0 || alarm < data.change[i]) {
            ++result.alarmed_before;
        } else {
            delays.push_back(alarm - data.change[i]);
        }
    }
    auto within = [&](double weeks) {
        auto const found =
            std::count_if(delays.begin(), delays.end(), [&](double delay) { return delay <= weeks; });
        return share_of(found, static_cast<std::int64_t>(delays.size()));
    };
    result.within_13 = within(13);
    result.within_26 = within(26);
    result.within_52 = within(52);
    result.median_delay = median(delays);
    return result;
}

void count_dates(rule_data const& data, rule_context const& context, rule_date const& date,
                 rule_result& result) {
    std::vector<double> errors;
    std::int64_t intervals = 0;
    std::int64_t held = 0;
    for (std::size_t i = 0; i < data.size(); ++i) {
        if (data.retained[i] >= 1 || result.first_alarm[i] <= 0) continue;
        auto const check = static_cast<std::size_t>(result.first_alarm[i]);
        double const delay = context.check_time(check) - data.change[i];
        if (delay < 0 || delay > 52) continue;
        auto const own = data.visits(i);
        dated_change const told = date(context, i, own, check);
        if (std::isnan(told.since)) continue;
        double rate = data.rate[i];
        if (std::isnan(rate)) {
            auto const before = std::lower_bound(own.begin(), own.end(), data.change[i]) - own.begin();
            rate = static_cast<double>(before) / data.change[i];
        }
        errors.push_back(std::abs(told.since - data.change[i]) * rate);
        if (std::isnan(told.low) || std::isnan(told.high)) continue;
        ++intervals;
        held += told.low <= data.change[i] && data.change[i] <= told.high ? 1 : 0;
    }
    result.dated = static_cast<std::int64_t>(errors.size());
    result.date_error = median(errors);
    result.interval_coverage = share_of(held, intervals);
}

/// Unchanged customers' gaps on the clock while watched.
double clock_distance(rule_data const& data, rule_context const& context) {
    struct gap {
        double length;
        bool ended;
    };
    std::vector<gap> gaps;
    double const end = static_cast<double>(data.calibration_weeks) + data.watched_weeks;
    for (std::size_t i = 0; i < data.size(); ++i) {
        if (data.retained[i] < 1) continue;
        auto const own = data.visits(i);
        for (std::size_t k = 0; k < own.size() && own[k] < end; ++k) {
            double const until = k + 1 < own.size() ? std::min(own[k + 1], end) : end;
            double const from = std::max(own[k], static_cast<double>(data.calibration_weeks));
            if (until <= from) continue;
            double const length = context.clock.hazard_between(static_cast<double>(k), own[k] - own.front(),
                                                               from - own[k], until - own[k]);
            gaps.push_back({length, k + 1 < own.size() && own[k + 1] < end});
        }
    }
    std::sort(gaps.begin(), gaps.end(), [](gap const& a, gap const& b) {
        return std::pair(a.length, !a.ended) < std::pair(b.length, !b.ended);
    });
    double staying = 1;
    double distance = 0;
    auto at_risk = static_cast<double>(gaps.size());
    for (gap const& one : gaps) {
        double const expected = std::exp(-one.length);
        distance = std::max(distance, std::abs(staying - expected));
        if (one.ended) staying *= 1 - 1 / at_risk;
        distance = std::max(distance, std::abs(staying - expected));
        at_risk -= 1;
    }
    return gaps.empty() ? nan : distance;
}

}  // namespace

void evaluation_options::validate() const {
    if (!(false_alarms > 0 && false_alarms < 1))
        throw input_error("false_alarms must lie in (0, 1), not " + std::to_string(false_alarms));
}

rule_context context_of(rule_data const& data, hazard_clock const& clock) {
    data.validate();
    clock.validate();
    rule_context context{
        .calibration_weeks = data.calibration_weeks, .watched_weeks = data.watched_weeks, .clock = clock};
    std::vector<double> counts;
    std::vector<double> variations;
    for (std::size_t i = 0; i < data.size(); ++i) {
        auto const own = data.visits(i);
        auto const count = static_cast<std::size_t>(
            std::lower_bound(own.begin(), own.end(), static_cast<double>(data.calibration_weeks)) -
            own.begin());
        counts.push_back(static_cast<double>(count));
        if (count < 3) continue;
        double const mean = (own[count - 1] - own[0]) / static_cast<double>(count - 1);
        double squares = 0;
        for (std::size_t k = 1; k < count; ++k) {
            double const away = own[k] - own[k - 1] - mean;
            squares += away * away;
        }
        if (mean > 0) variations.push_back(std::sqrt(squares / static_cast<double>(count - 2)) / mean);
    }
    auto moments = [](std::vector<double> const& values, double& mean, double& deviation) {
        auto const n = static_cast<double>(values.size());
        mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
        double squares = 0;
        for (double const value : values)
            squares += (value - mean) * (value - mean);
        deviation = std::sqrt(squares / n);
    };
    moments(counts, context.mean_visits, context.sd_visits);
    moments(variations, context.mean_variation, context.sd_variation);
    return context;
}

std::vector<double> rule_score(rule_data const& data, rule_context const& context, alarm_rule const& rule,
                               unsigned threads) {
    auto const checks = context.checks();
    std::vector<double> scores(data.size() * checks, nan);
    parallel_blocks(data.size(), block, threads, [&](std::size_t, std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i)
            rule.scores(context, data.visits(i), std::span(scores).subspan(i * checks, checks));
    });
    return scores;
}

rule_result assess_scores(rule_data const& data, rule_context const& context, std::span<double const> scores,
                          alarm_rule const& rule, evaluation_options const& options) {
    options.validate();
    auto const checks = context.checks();
    if (scores.size() != data.size() * checks)
        throw input_error("rule " + rule.name + ": " + std::to_string(scores.size()) + " scores for " +
                          std::to_string(data.size()) + " customers and " + std::to_string(checks) +
                          " checks");
    auto own_scores = [&](std::size_t row) { return scores.subspan(row * checks, checks); };
    auto rank = [&](std::size_t row) { return random_stream(options.seed, tie_stream, row).uniform(); };
    std::size_t const first_year = std::min(checks - 1, year_of_checks);

    rule_result result;
    result.rule = rule.name;
    std::vector<std::pair<ranked, ranked>> unchanged;
    for (std::size_t i = 0; i < data.size(); ++i) {
        if (data.retained[i] < 1) continue;
        auto const own = own_scores(i);
        double const place = rank(i);
        unchanged.emplace_back(ranked(largest(own.first(1)), place),
                               ranked(largest(own.subspan(1, first_year)), place));
    }
    auto const limit = limit_for(unchanged, options.false_alarms);
    if (!limit)
        throw input_error("rule " + rule.name + ": at no limit do " + std::to_string(options.false_alarms) +
                          " of the " + std::to_string(unchanged.size()) +
                          " customers without a change raise an alarm within a year");
    result.limit = limit->first;

    result.first_alarm.assign(data.size(), -1);
    for (std::size_t i = 0; i < data.size(); ++i) {
        auto const own = own_scores(i);
        double const place = rank(i);
        for (std::size_t w = 0; w < checks; ++w) {
            if (own[w] > -infinity && ranked(own[w], place) >= *limit) {
                result.first_alarm[i] = static_cast<std::int32_t>(w);
                break;
            }
        }
    }
    std::int64_t first = 0;
    std::int64_t second = 0;
    std::vector<std::size_t> judged;
    for (std::size_t i = 0; i < data.size(); ++i) {
        if (data.retained[i] < 1) continue;
        auto const alarm = result.first_alarm[i];
        if (alarm == 0) {
            ++result.beyond_at_start;
            continue;
        }
        judged.push_back(i);
        if (alarm < 0) continue;
        if (static_cast<std::size_t>(alarm) <= first_year) {
            ++first;
        } else if (static_cast<std::size_t>(alarm) <= 2 * year_of_checks) {
            ++second;
        }
    }
    auto const customers = static_cast<std::int64_t>(judged.size());
    result.false_alarms = share_of(first, customers);
    if (checks - 1 > year_of_checks) result.second_year = share_of(second, customers - first);
    result.by_rate = false_alarms_by_rate(data, judged, result.first_alarm);
    result.stops = count_detections(data, context, result.first_alarm, true);
    result.drops = count_detections(data, context, result.first_alarm, false);
    if (rule.on_clock) result.clock_distance = clock_distance(data, context);
    if (rule.date) count_dates(data, context, rule.date, result);
    return result;
}

std::vector<rule_result> evaluate_rules(rule_data const& data, rule_context const& context,
                                        std::span<alarm_rule const> rules, evaluation_options const& options,
                                        progress const& watch) {
    options.validate();
    data.validate();
    std::vector<rule_result> results;
    for (std::size_t k = 0; k < rules.size(); ++k) {
        watch.report("rule " + rules[k].name, static_cast<double>(k) / static_cast<double>(rules.size()));
        results.push_back(assess_scores(data, context, rule_score(data, context, rules[k], options.threads),
                                        rules[k], options));
    }
    return results;
}

}  // namespace clavis::defection

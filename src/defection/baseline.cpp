#include "clavis/defection/baseline.hpp"

#include <cmath>
#include <utility>

#include "clavis/core/errors.hpp"
#include "clavis/lifetime/modified_beta_geo_nbd.hpp"
#include "defection/rate_fit.hpp"
#include "defection/records.hpp"

namespace clavis::defection {
namespace {

/// Compares the ends of the silences in the baseline with what the clock made of them.
void check_silences(ledger::history const& records, std::vector<std::size_t> const& rows, baseline& result) {
    std::int32_t const end = day_number(result.until);
    std::int64_t gaps = 0;
    std::int64_t surprising = 0;
    for (std::size_t const row : rows) {
        std::int32_t first = 0;
        std::int32_t last = 0;
        int visits = -1;
        for (auto k = static_cast<std::size_t>(records.offsets[row]);
             k < static_cast<std::size_t>(records.offsets[row + 1]) && records.day[k] < end; ++k) {
            if (records.orders[k] == 0) continue;
            if (++visits == 0) {
                first = records.day[k];
            } else {
                ++gaps;
                surprising +=
                    result.clock.overdue_p(visits - 1, result.time.between(first, last),
                                           result.time.between(last, records.day[k])) <= overdue_level;
            }
            last = records.day[k];
        }
    }
    if (gaps == 0) return;
    double const expected = overdue_level * static_cast<double>(gaps);
    double const seen = static_cast<double>(surprising);
    result.long_silence_excess = seen / expected;
    if (seen > 1.25 * expected && seen > expected + 4 * std::sqrt(expected))
        result.warnings.push_back(
            "customers came back from silences that should befall one gap in a hundred " +
            number("%.1f", seen / expected) +
            " times as often as that: they buy in bursts or seasons, and false alarms will exceed "
            "the budget");
}

/// Fewer pairs of gaps say too little of k.
constexpr std::int64_t fewest_pairs = 200;

/// k, and what there is to say about it.
double learn_regularity(gap_pairs const& pairs, std::optional<double> known, baseline& result) {
    result.regularity = pairs.estimate();
    regularity const& found = result.regularity;
    if (found.pairs >= fewest_pairs && found.spread > 0.5 && found.spread_z > 5)
        result.warnings.push_back(
            "customers differ strongly in how regularly they come: one k for all makes the clock too slow "
            "for the "
            "regular and too fast for the others, whose false alarms may exceed the budget");
    if (known) return *known;
    if (found.pairs < fewest_pairs) {
        result.notes.push_back("k is taken to be 1: " + std::to_string(found.pairs) +
                               " pairs of gaps say too little of how regularly customers come");
        return 1;
    }
    if (std::isnan(found.standard_error))
        result.warnings.push_back("k lies at an end of what the clock can have (0.2 to 20)");
    return found.k;
}

/// r and alpha for customers who come at random, jointly with dropout where the records tell of it.
lifetime::fit_result<lifetime::modified_beta_geo_nbd> learn_rates(ledger::summary_view const& customers,
                                                                  lifetime::fit_options options,
                                                                  baseline& result) {
    auto found = lifetime::fit<lifetime::modified_beta_geo_nbd>(customers, options);
    if (found.report.converged) return found;
    // How customers leave often cannot be told, and its parameters run away to where everybody stays, or leaves at
    // once or never. The clock needs the rates alone: learn them with the dropout as found.
    options.fixed = {{"a", found.model.a}, {"b", found.model.b}};
    auto held = lifetime::fit<lifetime::modified_beta_geo_nbd>(customers, options);
    if (!held.report.converged) return found;
    result.notes.push_back("the rates are learned, but how customers leave is not: " + found.report.status);
    result.notes.insert(result.notes.end(), found.report.warnings.begin(), found.report.warnings.end());
    return held;
}

/// The same for gaps of regularity k, starting from there.
lifetime::fit_report refine_rates(baseline const& known, std::vector<double> const& recency,
                                  std::vector<double> const& age, double k,
                                  lifetime::fit_result<lifetime::modified_beta_geo_nbd> const& start,
                                  unsigned threads) {
    auto const rows = gather_rows(known.visits, recency, age);
    // A customer of lambda comes lambda / k times a day.
    double const from[] = {start.model.r, start.model.alpha / k, start.model.a, start.model.b};
    bool const dropout = start.report.standard_error("a") > 0;
    auto found = fit_rates(rows, k, from, dropout, threads);
    if (found.converged || !dropout) return found;
    auto held = fit_rates(rows, k, from, false, threads);
    return held.converged ? held : found;
}

}  // namespace

baseline learn_baseline(ledger::history const& records, sys_days until, clock_knowledge const& known,
                        unsigned threads, progress const& watch) {
    check_history(records);
    if (known.clock) known.clock->validate();
    if (known.k) hazard_clock{1, 1, *known.k}.validate();
    std::int32_t const end = day_number(until);

    baseline result;
    result.until = until;
    if (known.time) {
        result.time = *known.time;
    } else {
        learned_index const season = learn_index(records, until);
        result.time = season.time;
        result.season_variation = season.variation;
    }
    std::vector<std::size_t> rows;
    std::vector<double> age;
    std::vector<double> recency;
    bool repeated = false;
    gap_pairs pairs;
    std::vector<std::int32_t> gaps;
    for (std::size_t i = 0; i < records.size(); ++i) {
        gaps.clear();
        std::int32_t first = 0;
        std::int32_t last = 0;
        std::int32_t days = 0;
        for (auto k = static_cast<std::size_t>(records.offsets[i]);
             k < static_cast<std::size_t>(records.offsets[i + 1]); ++k) {
            if (records.orders[k] == 0) {
                ++result.return_days;
            } else if (records.day[k] >= end) {
                ++result.visits_after;
            } else {
                if (days++ == 0) {
                    first = records.day[k];
                } else {
                    gaps.push_back(records.day[k] - last);
                }
                last = records.day[k];
            }
        }
        if (days == 0) {
            ++result.customers_without_visit;
            continue;
        }
        pairs.add_customer(gaps);
        rows.push_back(i);
        result.last_day.push_back(last);
        result.gap_days.push_back(last - first);
        result.visits.push_back(days - 1);
        // Observation ends with the last day of the baseline, as in a summary observed until then.
        age.push_back(result.time.between(first, end - 1));
        recency.push_back(result.time.between(first, last));
        repeated = repeated || days > 1;
    }
    result.customer_id = select(records.customer_id, rows);
    if (rows.empty())
        throw input_error("baseline: there is no visit before " + clavis::to_string(until) +
                          ", where it ends");
    double const k = learn_regularity(pairs, known.clock ? known.clock->k : known.k, result);
    if (known.clock) {
        result.clock = *known.clock;
        check_silences(records, rows, result);
        return result;
    }
    if (!repeated)
        throw input_error("baseline: no customer came twice before " + clavis::to_string(until) +
                          ", so nothing tells how often customers come; end it later or give r and alpha");
    ledger::summary_view const customers{.frequency = result.visits,
                                         .recency = recency,
                                         .T = age,
                                         .monetary_value = {},
                                         .log_gap_sum = {},
                                         .weights = {},
                                         .unit = day};
    lifetime::fit_options options;
    options.threads = threads;
    options.watch = watch;
    auto const random = learn_rates(customers, options, result);
    lifetime::fit_report report = random.report;
    if (k != 1) {
        auto refined = refine_rates(result, recency, age, k, random, threads);
        refined.warnings = report.warnings;
        refined.rows = report.rows;
        report = std::move(refined);
    }
    if (!report.converged)
        result.warnings.push_back("the population's rates were not learned to the end: " + report.status);
    result.warnings.insert(result.warnings.end(), report.warnings.begin(), report.warnings.end());
    report.covariance.clear();
    report.parameter_names.emplace_back("k");
    report.estimates.push_back(k);
    report.standard_errors.push_back(known.k || k == 1 ? 0.0 : result.regularity.standard_error);
    result.clock = {.r = report.estimate("r"), .alpha = report.estimate("alpha"), .k = k};
    result.fit = std::move(report);
    result.clock.validate();
    check_silences(records, rows, result);
    return result;
}

}  // namespace clavis::defection

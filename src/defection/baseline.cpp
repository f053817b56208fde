#include "clavis/defection/baseline.hpp"

#include <cmath>
#include <utility>

#include "clavis/core/errors.hpp"
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
                    result.clock.overdue_p(visits - 1, last - first, records.day[k] - last) <= overdue_level;
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

}  // namespace

baseline learn_baseline(ledger::history const& records, sys_days until, std::optional<hazard_clock> given,
                        unsigned threads, progress const& watch) {
    check_history(records);
    if (given) given->validate();
    std::int32_t const end = day_number(until);

    baseline result;
    result.until = until;
    std::vector<std::size_t> rows;
    std::vector<double> age;
    std::vector<double> recency;
    bool repeated = false;
    for (std::size_t i = 0; i < records.size(); ++i) {
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
                if (days++ == 0) first = records.day[k];
                last = records.day[k];
            }
        }
        if (days == 0) {
            ++result.customers_without_visit;
            continue;
        }
        rows.push_back(i);
        result.last_day.push_back(last);
        result.gap_days.push_back(last - first);
        result.visits.push_back(days - 1);
        // Observation ends with the last day of the baseline, as in a summary observed until then.
        age.push_back(end - 1 - first);
        recency.push_back(last - first);
        repeated = repeated || days > 1;
    }
    result.customer_id = select(records.customer_id, rows);
    if (rows.empty())
        throw input_error("baseline: there is no visit before " + clavis::to_string(until) +
                          ", where it ends");
    if (given) {
        result.clock = *given;
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
    result.fit = lifetime::fit<lifetime::modified_beta_geo_nbd>(customers, options);
    if (!result.fit->report.converged) {
        // How customers leave often cannot be told, and its parameters run away to where everybody stays, or
        // leaves at once or never. The clock needs the rates alone: learn them with the dropout as found.
        auto const first = *result.fit;
        options.fixed = {{"a", first.model.a}, {"b", first.model.b}};
        auto held = lifetime::fit<lifetime::modified_beta_geo_nbd>(customers, options);
        if (held.report.converged) {
            result.notes.push_back("the rates are learned, but how customers leave is not: " +
                                   first.report.status);
            result.notes.insert(result.notes.end(), first.report.warnings.begin(),
                                first.report.warnings.end());
            result.fit = std::move(held);
        }
    }
    auto const& told = result.fit->report;
    if (!told.converged)
        result.warnings.push_back("the population's rates were not learned to the end: " + told.status);
    result.warnings.insert(result.warnings.end(), told.warnings.begin(), told.warnings.end());
    result.clock = {.r = result.fit->model.r, .alpha = result.fit->model.alpha};
    result.clock.validate();
    check_silences(records, rows, result);
    return result;
}

}  // namespace clavis::defection

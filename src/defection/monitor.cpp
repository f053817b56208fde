#include "clavis/defection/monitor.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "clavis/defection/detectors.hpp"
#include "defection/records.hpp"
#include "defection/watcher.hpp"

namespace clavis::defection {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t block = 4096;

}  // namespace

void monitor_options::validate() const {
    if (retained.empty() || retained.size() > 16)
        throw input_error("retained: give one to sixteen fractions, not " + std::to_string(retained.size()));
    for (std::size_t i = 0; i < retained.size(); ++i) {
        if (!(retained[i] >= 0 && retained[i] < 1))
            throw input_error({.column = "retained", .row = static_cast<std::int64_t>(i)},
                              number("%.6g", retained[i]) + " does not lie in [0, 1)");
        if (std::count(retained.begin(), retained.end(), retained[i]) > 1)
            throw input_error({.column = "retained", .row = static_cast<std::int64_t>(i)},
                              number("%.6g", retained[i]) + " appears twice");
    }
    shiryaev_roberts_limit(false_alarms_per_year);
    if (keep_events < 0 || keep_events > 64)
        throw input_error("keep_events " + std::to_string(keep_events) + " does not lie between 0 and 64");
    if (reorder_days > 0 && (evidence.category || evidence.wallet))
        throw input_error("reorder_days " + std::to_string(reorder_days) +
                          " cannot be had with evidence from categories or wallets, which do not wait");
    if (reorder_days < 0 || reorder_days > 366)
        throw input_error("reorder_days " + std::to_string(reorder_days) + " does not lie between 0 and 366");
}

monitor::monitor(baseline const& start, monitor_options options)
    : clock_(start.clock),
      time_(start.time),
      options_(std::move(options)),
      start_(start.until),
      seen_(start.until - std::chrono::days{1}),
      received_until_(seen_),
      customer_id_(start.customer_id) {
    static_assert(sizeof(person) == 16 && sizeof(track) == 24);
    derive();
    make_tables();
    std::size_t const size = start.size();
    if (start.customer_id.size() != size || start.last_day.size() != size || start.gap_days.size() != size)
        throw input_error("baseline: columns of different length");
    std::int32_t const begin = day_number(start_);
    people_.resize(size);
    tracks_.resize(size * rho_.size());
    events_.resize(size * events_width());
    for (std::size_t i = 0; i < size; ++i) {
        if (start.last_day[i] >= begin || start.gap_days[i] < 0 || start.visits[i] < 0)
            throw input_error({.table = "baseline", .row = static_cast<std::int64_t>(i)},
                              "a visit on or after the first day watched, or a negative count");
        people_[i] = {
            start.last_day[i], start.gap_days[i], start.visits[i], state::ACTIVE, 0, 0, false, false};
        std::int32_t const silence = begin - start.last_day[i];
        people_[i].overdue =
            clock_.overdue_p(start.visits[i],
                             time_.between(start.last_day[i] - start.gap_days[i], start.last_day[i]),
                             time_.between(start.last_day[i], begin)) <= overdue_level;
        for (std::size_t j = 0; j < rho_.size(); ++j)
            tracks_[i * rho_.size() + j] = {0, 0, begin, start.visits[i], start.gap_days[i] + silence};
        watcher(*this, people_[i], nullptr, events_.data() + i * events_width())
            .forget_events(start.last_day[i]);
    }
}

monitor::monitor(baseline const& start, monitor_options options, evidence_watch beside)
    : monitor(start, [&] {
          options.evidence = beside.models().choice;
          return std::move(options);
      }()) {
    if (options_.evidence.any() && beside.size() != start.size())
        throw input_error("evidence: " + std::to_string(beside.size()) +
                          " customers where the baseline has " + std::to_string(start.size()));
    beside_ = std::move(beside);
}

/// What follows from the clock and the options.
void monitor::derive() {
    clock_.validate();
    options_.validate();
    for (double const fraction : options_.retained) {
        if (fraction > 0) {
            rho_.push_back(fraction);
            log_rho_.push_back(std::log(fraction));
        } else {
            full_stop_ = true;
        }
    }
    limit_ = shiryaev_roberts_limit(options_.false_alarms_per_year);
}

void monitor::make_tables() {
    std::vector<double> fractions = rho_;
    if (full_stop_) fractions.push_back(0);
    tables_ = clock_tables::shared(clock_, fractions, unit_days);
}

std::size_t monitor::events_width() const {
    return options_.keep_events > 0 ? static_cast<std::size_t>(options_.keep_events) + 2 : 0;
}

void monitor::check_as_of(sys_days as_of) const {
    if (as_of < received_until_)
        throw input_error("as_of " + clavis::to_string(as_of) + " lies before " +
                          clavis::to_string(received_until_) + ", the last day already watched");
}

alerts monitor::update(ledger::history const& batch, sys_days as_of, unsigned threads,
                       progress const& progress_watch, evidence_records const& more) {
    check_history(batch);
    if (more.categories != nullptr && more.categories->size() != batch.size())
        throw input_error("categories: " + std::to_string(more.categories->size()) +
                          " rows where the batch has " + std::to_string(batch.size()));
    if (more.wallet != nullptr)
        check_same_kind(customer_id_, more.wallet->customer_id, "wallet", "the baseline");
    check_as_of(as_of);
    check_same_kind(customer_id_, batch.customer_id, "batch", "the baseline");
    if (options_.reorder_days == 0) {
        alerts result = watch(batch, as_of, threads, progress_watch, more);
        received_until_ = as_of;
        return result;
    }
    sys_days const until = std::max(seen_, as_of - std::chrono::days{options_.reorder_days});
    sorted_visits visits = sort_by_day(batch, until, as_of);
    alerts result = watch(visits.due, until, threads, progress_watch, {});
    result.received += visits.unused;
    received_ += visits.unused;
    waiting_ = std::move(visits.waiting);
    received_until_ = as_of;
    return result;
}

void monitor::copy_customer(std::size_t row, person& one, track* tracks, std::int32_t* events) const {
    one = people_[row];
    std::copy_n(tracks_.data() + row * rho_.size(), rho_.size(), tracks);
    std::copy_n(events_.data() + row * events_width(), events_width(), events);
}

void monitor::count_unused(ledger::history const& batch, std::size_t entry, std::int32_t until,
                           intake& received) {
    if (batch.orders[entry] == 0) {
        ++received.return_days;
    } else if (batch.day[entry] > until) {
        ++received.visits_early;
    } else {
        ++received.visits_late;
    }
}

states_table monitor::states(sys_days as_of, unsigned threads) const {
    if (as_of < received_until_)
        throw input_error("as_of " + clavis::to_string(as_of) + " lies before " +
                          clavis::to_string(received_until_) +
                          ", the last day already watched; the states of that day are gone");
    if (seen_ < received_until_) {
        // What waits counts, and nothing is waited for.
        monitor ahead = *this;
        ahead.options_.reorder_days = 0;
        ahead.received_until_ = ahead.seen_;
        ahead.waiting_ = {};
        ahead.update(waiting_, received_until_, threads);
        return ahead.states(as_of, threads);
    }
    states_table result;
    result.as_of = as_of;
    result.customer_id = customer_id_;
    result.state.resize(size());
    result.evidence.resize(size());
    result.growing_but_losing_share = beside_.growing_but_losing_share();
    result.growing_but_losing_share.resize(size());
    result.statistic.resize(size());
    result.overdue_p.resize(size());
    result.false_alarm_bound.resize(size());
    result.since.resize(size());
    result.since_low.resize(size(), missing_day);
    result.since_high.resize(size(), missing_day);
    result.retained_ratio.resize(size());
    result.last_visit.resize(size());
    result.repeat_visits.resize(size());
    result.expected_gap.resize(size());
    std::int32_t const now = day_number(as_of);
    double const watched = std::max(0, now - day_number(start_));
    parallel_blocks(size(), block, threads, [&](std::size_t, std::size_t begin, std::size_t end) {
        std::vector<track> tracks(rho_.size());
        std::vector<std::int32_t> events(events_width());
        bool const more = options_.evidence.any();
        evidence_watch beside = more ? beside_.empty_copy(1) : evidence_watch();
        for (std::size_t i = begin; i < end; ++i) {
            person one{};
            copy_customer(i, one, tracks.data(), events.data());
            if (more) beside.copy(0, beside_, i);
            watcher seen(*this, one, tracks.data(), events.data(), more ? &beside : nullptr, 0);
            seen.wait(now, [](alert const&) {});
            auto const reading = seen.at(now);
            alert const found = seen.describe(now, reading);
            bool const alarmed = one.state == state::PARTIAL || one.state == state::LAPSED;
            bool const warned =
                !alarmed &&
                (reading.statistic + reading.beside.estimated >= limit_ / hysteresis || one.overdue);
            result.evidence[i] = seen.leading(reading);
            result.state[i] = warned                                          ? state::WATCH
                              : one.state == state::ACTIVE && one.visits == 0 ? state::NEW
                                                                              : one.state;
            result.statistic[i] = found.statistic;
            result.overdue_p[i] = found.overdue_p;
            result.false_alarm_bound[i] = false_alarm_bound(found.statistic, watched, unit_days);
            // Someone overdue from before the watch is silent: whatever R says, the last visit dates it.
            bool const silent = warned && one.overdue;
            result.since[i] = silent              ? one.last_day
                              : alarmed || warned ? day_number(found.since)
                                                  : missing_day;
            result.retained_ratio[i] = silent ? 0.0 : alarmed || warned ? found.retained_ratio : nan;
            if (alarmed) {
                result.since_low[i] = day_number(found.since_low);
                result.since_high[i] = day_number(found.since_high);
            }
            result.last_visit[i] = one.last_day;
            result.repeat_visits[i] = one.visits;
            result.expected_gap[i] = seen.expected_gap(now);
        }
    });
    return result;
}

}  // namespace clavis::defection

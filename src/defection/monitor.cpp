#include "clavis/defection/monitor.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "clavis/defection/detectors.hpp"
#include "defection/records.hpp"

namespace clavis::defection {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
/// u: without change R grows by one a week.
constexpr double unit_days = in_units(week, day);
/// WATCH and recovery stand this factor below the limit, the ceiling of a PARTIAL customer's statistic above
/// it.
constexpr double hysteresis = 5;
constexpr int visits_to_settle = 3;
constexpr std::size_t block = 4096;

/// Calls body with an accessor of comparable keys: integers or text.
template <class Body>
void with_keys(bool text, Body&& body) {
    if (text) {
        body([](identifiers const& ids, std::size_t row) { return ids.text()[row]; });
    } else {
        body([](identifiers const& ids, std::size_t row) { return ids.integers()[row]; });
    }
}

}  // namespace

char const* to_string(state value) noexcept {
    constexpr char const* names[] = {"NEW", "ACTIVE", "WATCH", "PARTIAL", "LAPSED", "RECOVERED"};
    return names[static_cast<std::size_t>(value)];
}

intake& intake::operator+=(intake const& other) {
    visits_used += other.visits_used;
    visits_late += other.visits_late;
    visits_early += other.visits_early;
    return_days += other.return_days;
    customers_joined += other.customers_joined;
    return *this;
}

std::string alerts::sentence(std::size_t row) const {
    alert const& one = rows[row];
    std::string text = "Customer " + customer_id.label(one.row) + ": ";
    std::string const expected = number("%.1f", one.expected) + " visits";
    std::string const gap = "one every " + number("%.3g", one.usual_gap) + " days";
    if (one.state == state::LAPSED) {
        text += expected + " were expected since the last on " + clavis::to_string(one.since) + " (" + gap +
                "), none came in " + std::to_string((one.raised - one.since).count()) +
                " days; an unchanged customer stays away this long with probability " +
                number("%.2g", one.overdue_p) + ".";
    } else {
        text += expected + " were expected since about " + clavis::to_string(one.since) + " (" + gap + "), " +
                std::to_string(one.visits) + " came, " + number("%.0f", 100 * one.retained_ratio) +
                " % of the former rate.";
    }
    return text + " At most " + number("%.3g", 100 * false_alarms_per_year) +
           " % of unchanged customers raise an alert within a year.";
}

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
}

/// One customer's state in motion.
class monitor::watcher {
  public:
    watcher(monitor const& settings, person& one, track* tracks)
        : settings_(settings), one_(one), tracks_(tracks), count_(settings.rho_.size()) {}

    struct reading {
        double log_statistic;  ///< of the mixture
        double log_stop;       ///< of the fraction zero, -inf without it
        std::size_t partial;   ///< the strongest track above zero
        /// Whether a full stop explains the silence at least as well as all the drops together.
        bool stopped;
    };

    std::int32_t standing() const { return std::max(one_.last_day, day_number(settings_.start_)); }

    reading at(std::int32_t date) const {
        std::int32_t const from = standing();
        double const silence = std::max(0, date - from);
        double const begun = scale() + (from - one_.last_day);
        double const log_count = std::log(static_cast<double>(count_ + (settings_.full_stop_ ? 1 : 0)));
        reading result{-infinity, -infinity, 0, settings_.full_stop_};
        double drops = -infinity;
        double strongest = -infinity;
        for (std::size_t j = 0; j < count_; ++j) {
            double const value = shiryaev_roberts_after(tracks_[j].log_statistic, settings_.rho_[j], shape(),
                                                        begun, silence, unit_days);
            if (value > strongest) {
                strongest = value;
                result.partial = j;
            }
            drops = log_add(drops, value);
        }
        if (settings_.full_stop_)
            result.log_stop = shiryaev_roberts_after(-infinity, 0, shape(), begun, silence, unit_days);
        result.stopped = settings_.full_stop_ && result.log_stop >= drops;
        result.log_statistic = log_add(drops, result.log_stop) - log_count;
        return result;
    }

    /// Lets the silence last until `date` inclusive and hands the alarms that it raises to raise(alert).
    template <class Raise>
    void wait(std::int32_t date, Raise&& raise) {
        if (one_.state == state::LAPSED) return;
        std::int32_t from = standing();
        double const log_limit = std::log(settings_.limit_);
        if (date <= from || at(date).log_statistic < log_limit) return;
        if (one_.state != state::PARTIAL) {
            std::int32_t const raised =
                first_day(from, date, [&](std::int32_t day) { return at(day).log_statistic >= log_limit; });
            reading const then = at(raised);
            one_.state = then.stopped ? state::LAPSED : state::PARTIAL;
            one_.leading = static_cast<std::uint8_t>(then.stopped ? 0 : then.partial + 1);
            raise(describe(raised, then));
            if (then.stopped) return;
            from = raised;
        }
        // A drop was raised: does a full stop become the better explanation?
        auto stopped = [&](std::int32_t day) {
            reading const then = at(day);
            return then.stopped && then.log_statistic >= log_limit;
        };
        if (!stopped(date)) return;
        std::int32_t const raised = first_day(from, date, stopped);
        one_.state = state::LAPSED;
        raise(describe(raised, at(raised)));
    }

    /// Takes a visit on `date`, later than the last; the silence before has been waited for.
    void visit(std::int32_t date) {
        one_.overdue = false;
        if (one_.state == state::LAPSED) return recover(date);
        std::int32_t const from = standing();
        double const begun = scale() + (from - one_.last_day);
        double const elapsed = settings_.clock_units(shape(), begun, date - from);
        bool const dated = one_.state == state::PARTIAL;
        std::int32_t const gap = date - one_.last_day;
        double sum = -infinity;
        for (std::size_t j = 0; j < count_; ++j) {
            double const rho = settings_.rho_[j];
            track& own = tracks_[j];
            own.log_statistic = std::log(rho) + shiryaev_roberts_after(own.log_statistic, rho, shape(), begun,
                                                                       date - from, unit_days);
            sum = log_add(sum, own.log_statistic);
            own.cusum = static_cast<float>(own.cusum + (1 - rho) * elapsed + std::log(rho));
            // Once the change is dated its zero stays.
            if (!dated && own.cusum <= 0)
                own = {own.log_statistic, 0, date, one_.visits + 1, one_.gap_days + gap};
        }
        one_.last_day = date;
        one_.gap_days += gap;
        ++one_.visits;
        if (one_.state == state::RECOVERED && ++one_.returned >= visits_to_settle) one_.state = state::ACTIVE;
        if (!dated) return;
        one_.frozen = true;
        double const log_count = std::log(static_cast<double>(count_ + (settings_.full_stop_ ? 1 : 0)));
        double const over = sum - log_count - std::log(settings_.limit_ * hysteresis);
        if (over > 0)
            for (std::size_t j = 0; j < count_; ++j)
                tracks_[j].log_statistic -= over;
        if (sum - log_count < std::log(settings_.limit_ / hysteresis)) recover(date);
    }

    /// The watch starts anew at a visit: for a customer never seen before, or one who came back.
    void restart(std::int32_t date) {
        one_.last_day = date;
        one_.leading = 0;
        one_.returned = 0;
        one_.frozen = false;
        one_.overdue = false;
        for (std::size_t j = 0; j < count_; ++j)
            tracks_[j] = {-infinity, 0, date, one_.visits, one_.gap_days};
    }

    /// The day on which the change most likely began, what was to be expected since and what came.
    alert describe(std::int32_t date, reading const& then) const {
        alert result;
        result.state = one_.state;
        result.raised = date_of(date);
        result.statistic = std::exp(std::min(then.log_statistic, hazard_clock::cap));
        result.overdue_p = overdue_p(date);
        bool const stop = one_.state == state::LAPSED || (one_.state != state::PARTIAL && then.stopped);
        double known_visits = one_.visits;
        double known_days = one_.gap_days;
        std::int32_t since = one_.last_day;
        std::size_t const j = one_.leading > 0 ? one_.leading - 1U : then.partial;
        if (!stop || one_.frozen) {
            known_visits = tracks_[j].zero_visits;
            known_days = tracks_[j].zero_gap_days;
        }
        if (!stop) {
            since = tracks_[j].zero_day;
            result.visits = one_.visits - tracks_[j].zero_visits;
        }
        double const rate = settings_.clock_.rate(known_visits, known_days);
        result.since = date_of(since);
        result.expected = rate * (date - since);
        result.retained_ratio = stop ? 0.0 : result.visits / result.expected;
        result.usual_gap = 1 / rate;
        return result;
    }

    double overdue_p(std::int32_t date) const {
        return std::exp(-settings_.clock_units(shape(), scale(), std::max(0, date - one_.last_day)));
    }
    double expected_gap(std::int32_t date) const {
        return (scale() + std::max(0, date - one_.last_day)) / shape();
    }

  private:
    double shape() const {
        return settings_.clock_.r + (one_.frozen ? tracks_[one_.leading - 1U].zero_visits : one_.visits);
    }
    double scale() const {
        return settings_.clock_.alpha +
               (one_.frozen ? tracks_[one_.leading - 1U].zero_gap_days : one_.gap_days);
    }

    /// The first day in (from, to] for which a condition holds that stays true once it is, as it is on `to`.
    template <class Condition>
    static std::int32_t first_day(std::int32_t from, std::int32_t to, Condition&& holds) {
        while (to - from > 1) {
            std::int32_t const middle = from + (to - from) / 2;
            (holds(middle) ? to : from) = middle;
        }
        return to;
    }

    void recover(std::int32_t date) {
        if (one_.leading > 0) {
            one_.visits = tracks_[one_.leading - 1U].zero_visits;
            one_.gap_days = tracks_[one_.leading - 1U].zero_gap_days;
        }
        one_.state = state::RECOVERED;
        restart(date);
    }

    monitor const& settings_;
    person& one_;
    track* tracks_;
    std::size_t count_;
};

monitor::monitor(baseline const& start, monitor_options options)
    : clock_(start.clock),
      options_(std::move(options)),
      start_(start.until),
      seen_(start.until - std::chrono::days{1}),
      customer_id_(start.customer_id) {
    static_assert(sizeof(person) == 16 && sizeof(track) == 24);
    clock_.validate();
    options_.validate();
    std::size_t const size = start.size();
    if (start.customer_id.size() != size || start.last_day.size() != size || start.gap_days.size() != size)
        throw input_error("baseline: columns of different length");
    for (double const fraction : options_.retained) {
        if (fraction > 0) {
            rho_.push_back(fraction);
        } else {
            full_stop_ = true;
        }
    }
    limit_ = shiryaev_roberts_limit(options_.false_alarms_per_year);
    std::int32_t const begin = day_number(start_);
    people_.resize(size);
    tracks_.resize(size * rho_.size());
    for (std::size_t i = 0; i < size; ++i) {
        if (start.last_day[i] >= begin || start.gap_days[i] < 0 || start.visits[i] < 0)
            throw input_error({.table = "baseline", .row = static_cast<std::int64_t>(i)},
                              "a visit on or after the first day watched, or a negative count");
        people_[i] = {
            start.last_day[i], start.gap_days[i], start.visits[i], state::ACTIVE, 0, 0, false, false};
        std::int32_t const silence = begin - start.last_day[i];
        people_[i].overdue = clock_.overdue_p(start.visits[i], start.gap_days[i], silence) <= overdue_level;
        for (std::size_t j = 0; j < rho_.size(); ++j)
            tracks_[i * rho_.size() + j] = {-infinity, 0, begin, start.visits[i],
                                            start.gap_days[i] + silence};
    }
}

double monitor::clock_units(double shape, double scale, double silence) noexcept {
    return std::min(hazard_clock::cap, shape * std::log1p(silence / scale));
}

alerts monitor::update(ledger::history const& batch, sys_days as_of, unsigned threads,
                       progress const& watch) {
    check_history(batch);
    if (as_of < seen_)
        throw input_error("as_of " + clavis::to_string(as_of) + " lies before " + clavis::to_string(seen_) +
                          ", the last day already watched");
    if (batch.size() > 0 && size() > 0 && batch.customer_id.is_text() != customer_id_.is_text())
        throw input_error({.table = "batch", .column = "customer_id"},
                          batch.customer_id.is_text() ? "is text where the baseline has integers"
                                                      : "is integers where the baseline has text");
    std::int32_t const after = day_number(seen_);
    std::int32_t const until = day_number(as_of);
    auto usable = [&](std::size_t k) {
        return batch.orders[k] > 0 && batch.day[k] > after && batch.day[k] <= until;
    };
    auto first_usable = [&](std::size_t row) {
        auto const end = static_cast<std::size_t>(batch.offsets[row + 1]);
        auto k = static_cast<std::size_t>(batch.offsets[row]);
        while (k < end && !usable(k))
            ++k;
        return k < end ? k : batch.day.size();
    };

    // Everything is built aside, so that an exception or a stop leaves the monitor as it was.
    alerts result;
    result.false_alarms_per_year = options_.false_alarms_per_year;
    constexpr std::size_t none = std::numeric_limits<std::size_t>::max();
    std::vector<std::size_t> old_row;    // of each customer, or none for one who joins
    std::vector<std::size_t> batch_row;  // of each customer, or none
    std::vector<std::size_t> strangers;  // batch rows whose customer is not known and does not join
    old_row.reserve(size() + batch.size());
    batch_row.reserve(size() + batch.size());
    bool const text = size() > 0 ? customer_id_.is_text() : batch.customer_id.is_text();
    with_keys(text, [&](auto key) {
        std::size_t i = 0;
        std::size_t b = 0;
        while (i < size() || b < batch.size()) {
            bool const known =
                i < size() && (b == batch.size() || !(key(batch.customer_id, b) < key(customer_id_, i)));
            if (known) {
                bool const both = b < batch.size() && key(batch.customer_id, b) == key(customer_id_, i);
                old_row.push_back(i++);
                batch_row.push_back(both ? b++ : none);
            } else if (first_usable(b) < batch.day.size()) {
                old_row.push_back(none);
                batch_row.push_back(b++);
                ++result.received.customers_joined;
            } else {
                strangers.push_back(b++);
            }
        }
    });
    std::size_t const count = old_row.size();
    bool const joined = count > size();
    identifiers ids;
    if (joined) {
        if (text) {
            text_column merged;
            for (std::size_t i = 0; i < count; ++i)
                merged.push_back(old_row[i] == none ? batch.customer_id.text()[batch_row[i]]
                                                    : customer_id_.text()[old_row[i]]);
            ids = std::move(merged);
        } else {
            std::vector<std::int64_t> merged(count);
            for (std::size_t i = 0; i < count; ++i)
                merged[i] = old_row[i] == none ? batch.customer_id.integers()[batch_row[i]]
                                               : customer_id_.integers()[old_row[i]];
            ids = std::move(merged);
        }
    }
    std::vector<person> people(count);
    std::vector<track> tracks(count * rho_.size());

    struct part {
        std::vector<alert> rows;
        intake received;
    };
    std::vector<part> parts(block_count(count, block));
    auto take = [&](std::size_t shard, std::size_t begin, std::size_t end) {
        part& own = parts[shard];
        for (std::size_t i = begin; i < end; ++i) {
            watcher one(*this, people[i], tracks.data() + i * rho_.size());
            bool fresh = old_row[i] == none;
            if (!fresh) {
                people[i] = people_[old_row[i]];
                std::copy_n(tracks_.begin() + static_cast<std::ptrdiff_t>(old_row[i] * rho_.size()),
                            rho_.size(), tracks.begin() + static_cast<std::ptrdiff_t>(i * rho_.size()));
            }
            auto raise = [&](alert found) {
                found.row = i;
                own.rows.push_back(found);
            };
            if (batch_row[i] != none) {
                auto k = static_cast<std::size_t>(batch.offsets[batch_row[i]]);
                auto const stop = static_cast<std::size_t>(batch.offsets[batch_row[i] + 1]);
                for (; k < stop; ++k) {
                    if (!usable(k) || (!fresh && batch.day[k] <= people[i].last_day)) {
                        count_unused(batch, k, until, own.received);
                        continue;
                    }
                    ++own.received.visits_used;
                    if (fresh) {
                        people[i] = {batch.day[k], 0, 0, state::ACTIVE, 0, 0, false, false};
                        one.restart(batch.day[k]);
                        fresh = false;
                        continue;
                    }
                    // An alarm stands at the end of a day, so a visit on this very day forestalls it.
                    one.wait(batch.day[k] - 1, raise);
                    one.visit(batch.day[k]);
                }
            }
            one.wait(until, raise);
        }
    };
    parallel_blocks(count, block, threads, take, watch, "watching");

    for (std::size_t const row : strangers)
        for (auto k = static_cast<std::size_t>(batch.offsets[row]);
             k < static_cast<std::size_t>(batch.offsets[row + 1]); ++k)
            count_unused(batch, k, until, result.received);
    for (part& own : parts) {
        result.received += own.received;
        result.rows.insert(result.rows.end(), own.rows.begin(), own.rows.end());
    }
    std::stable_sort(result.rows.begin(), result.rows.end(),
                     [](alert const& a, alert const& b) { return a.raised < b.raised; });

    if (joined) customer_id_ = std::move(ids);
    people_ = std::move(people);
    tracks_ = std::move(tracks);
    seen_ = as_of;
    received_ += result.received;
    std::vector<std::size_t> rows;
    rows.reserve(result.rows.size());
    for (alert& one : result.rows) {
        rows.push_back(one.row);
        one.row = rows.size() - 1;
    }
    result.customer_id = select(customer_id_, rows);
    return result;
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
    if (as_of < seen_)
        throw input_error("as_of " + clavis::to_string(as_of) + " lies before " + clavis::to_string(seen_) +
                          ", the last day already watched; the states of that day are gone");
    states_table result;
    result.as_of = as_of;
    result.customer_id = customer_id_;
    result.state.resize(size());
    result.statistic.resize(size());
    result.overdue_p.resize(size());
    result.false_alarm_bound.resize(size());
    result.since.resize(size());
    result.retained_ratio.resize(size());
    result.last_visit.resize(size());
    result.repeat_visits.resize(size());
    result.expected_gap.resize(size());
    std::int32_t const now = day_number(as_of);
    double const watched = std::max(0, now - day_number(start_));
    double const log_watch = std::log(limit_ / hysteresis);
    parallel_blocks(size(), block, threads, [&](std::size_t, std::size_t begin, std::size_t end) {
        std::vector<track> tracks(rho_.size());
        for (std::size_t i = begin; i < end; ++i) {
            person one = people_[i];
            std::copy_n(tracks_.begin() + static_cast<std::ptrdiff_t>(i * rho_.size()), rho_.size(),
                        tracks.begin());
            watcher seen(*this, one, tracks.data());
            seen.wait(now, [](alert const&) {});
            auto const reading = seen.at(now);
            alert const found = seen.describe(now, reading);
            bool const alarmed = one.state == state::PARTIAL || one.state == state::LAPSED;
            bool const warned = !alarmed && (reading.log_statistic >= log_watch || one.overdue);
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
                                                  : states_table::missing_day;
            result.retained_ratio[i] = silent ? 0.0 : alarmed || warned ? found.retained_ratio : nan;
            result.last_visit[i] = one.last_day;
            result.repeat_visits[i] = one.visits;
            result.expected_gap[i] = seen.expected_gap(now);
        }
    });
    return result;
}

}  // namespace clavis::defection

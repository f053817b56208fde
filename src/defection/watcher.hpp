#pragma once

// One customer's state in motion: what a silence and a visit do to it. The monitor (monitor.cpp) runs it over everybody.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

#include "clavis/defection/detectors.hpp"
#include "clavis/defection/monitor.hpp"
#include "defection/dating.hpp"
#include "defection/records.hpp"

namespace clavis::defection {

/// u: without change R grows by one a week.
inline constexpr double unit_days = in_units(week, day);
/// WATCH and recovery stand this factor below the limit, the ceiling of a PARTIAL customer's statistic above
/// it.
inline constexpr double hysteresis = 5;
inline constexpr int visits_to_settle = 3;
/// Statistics stop growing here.
inline constexpr double largest_statistic = 1e300;

class monitor::watcher {
  public:
    /// `tracks` and `events` are this customer's part of the monitor's own vectors, or of a copy.
    /// `beside` has the customer's evidence beyond visits in its row `row`, where there is any.
    watcher(monitor const& settings, person& one, track* tracks, std::int32_t* events,
            evidence_watch* beside = nullptr, std::size_t row = 0)
        : settings_(settings),
          one_(one),
          tracks_(tracks),
          events_(events),
          rho_(settings.rho_.data()),
          log_rho_(settings.log_rho_.data()),
          ceiling_(settings.limit_ * settings.fractions()),
          beside_(beside),
          row_(row),
          count_(settings.rho_.size()),
          kept_(static_cast<std::size_t>(settings.options_.keep_events)) {}

    struct reading {
        double statistic;     ///< of the mixture
        std::size_t partial;  ///< the strongest track above zero
        /// Whether a full stop explains the silence at least as well as all the drops together.
        bool stopped;
        /// What explains it best, and the rest of what the evidence beside visits says.
        evidence_kind leading = evidence_kind::VISITS;
        evidence_reading beside{};
    };

    /// What a silence makes of the statistics: clock_tables.
    struct growth {
        double hazard;
        double by[16];
        double fresh[16];
    };

    std::int32_t standing() const { return std::max(one_.last_day, day_number(settings_.start_)); }

    reading at(std::int32_t date) const {
        growth const silent = silence_until(date);
        reading result{0, 0, settings_.full_stop_};
        double drops = 0;
        double strongest = -1;
        for (std::size_t j = 0; j < count_; ++j) {
            double const value = grown(tracks_[j].statistic, silent.by[j], silent.fresh[j]);
            if (value > strongest) {
                strongest = value;
                result.partial = j;
            }
            drops += value;
        }
        double const stop = settings_.full_stop_ ? grown(0, 1, silent.fresh[count_]) : 0;
        result.stopped = settings_.full_stop_ && stop >= drops;
        result.statistic = (drops + stop) / settings_.fractions();
        if (beside_ == nullptr) return result;
        double const part = beside_->share_of_visits(row_) / settings_.fractions();
        result.beside = beside_->at(settings_.time_, row_, one_.last_day, date);
        result.statistic = std::min(part * (drops + stop) + result.beside.statistic, largest_statistic);
        result.stopped = settings_.full_stop_ && part * stop >= part * drops + result.beside.elsewhere;
        if (!result.stopped && result.beside.strongest > part * (drops + stop))
            result.leading = result.beside.leading;
        return result;
    }

    /// Lets the silence last until `date` inclusive and hands the alarms that it raises to raise(alert).
    template <class Raise>
    void wait(std::int32_t date, Raise&& raise) {
        wait(date, standing(), raise);
    }

    /// The same where nothing is raised up to `from`.
    template <class Raise>
    void wait(std::int32_t date, std::int32_t from, Raise&& raise) {
        if (one_.state == state::LAPSED) return;
        double const limit = settings_.limit_;
        if (date <= from || at(date).statistic < limit) return;
        if (one_.state != state::PARTIAL) {
            std::int32_t const day =
                first_day(from, date, [&](std::int32_t then) { return at(then).statistic >= limit; });
            reading const then = at(day);
            one_.state = then.stopped ? state::LAPSED : state::PARTIAL;
            one_.leading = static_cast<std::uint8_t>(then.stopped || count_ == 0 ? 0 : then.partial + 1);
            if (beside_ != nullptr) beside_->raise(row_, then.leading, then.beside.place);
            raise(raised(day, then));
            if (then.stopped) return;
            from = day;
        }
        // A drop was raised: does a full stop become the better explanation?
        auto stopped = [&](std::int32_t candidate) {
            reading const then = at(candidate);
            return then.stopped && then.statistic >= limit;
        };
        if (!stopped(date)) return;
        std::int32_t const day = first_day(from, date, stopped);
        one_.state = state::LAPSED;
        if (beside_ != nullptr) beside_->raise(row_, evidence_kind::VISITS, 0);
        raise(raised(day, at(day)));
    }

    /// Takes a visit on `date`, later than the last; the silence before has been waited for. Beside visits: how much was
    /// spent, and on what.
    void visit(std::int32_t date, double amount = 0, std::span<std::int32_t const> categories = {}) {
        if (one_.state == state::LAPSED) {
            one_.overdue = false;
            recover(date);
            if (beside_ != nullptr) beside_->visit(settings_.time_, row_, date, amount, categories);
            return;
        }
        growth const silent = silence_until(date);
        bool const dated = one_.state == state::PARTIAL;
        double const sum = take(date, silent.hazard, silent.by, silent.fresh, 1, dated);
        if (beside_ != nullptr) {
            double const before = beside_->share_of_visits(row_);
            beside_->visit(settings_.time_, row_, date, amount, categories);
            double const after = beside_->share_of_visits(row_);
            // What the visits have said is worth what it was; only what comes has another part in the whole.
            if (before != after)
                for (std::size_t j = 0; j < count_; ++j)
                    tracks_[j].statistic *= before / after;
        }
        if (!dated) return;
        one_.frozen = one_.leading > 0;
        double const whole = beside_ != nullptr ? at(date).statistic : sum / settings_.fractions();
        double const excess = whole / (settings_.limit_ * hysteresis);
        if (excess > 1) {
            for (std::size_t j = 0; j < count_; ++j)
                tracks_[j].statistic /= excess;
            if (beside_ != nullptr) beside_->scale(settings_.time_, row_, date, 1 / excess);
        }
        if (whole < settings_.limit_ / hysteresis) recover(date);
    }

    /// At midnight at the start of `date`, after the silence before. False where the answer is of no use.
    template <class Raise>
    bool answer(std::int32_t date, wallet_answers::answer const& told, Raise&& raise) {
        if (!beside_->answer(settings_.time_, row_, date, told)) return false;
        wait(date, date - 1, raise);
        return true;
    }

    /// Waits until the day before a visit and takes it. An alarm stands at the end of a day, so a visit on this very day
    /// forestalls it.
    template <class Raise>
    void wait_and_visit(std::int32_t date, Raise&& raise) {
        if (!one_.frozen && (one_.state == state::ACTIVE || one_.state == state::RECOVERED)) {
            growth const silent = silence_until(date);
            if (visit_quietly(date, silent.hazard, silent.by, silent.fresh, 1)) return;
        }
        wait(date - 1, raise);
        visit(date);
    }

    /// A visit of somebody in no alarm after a silence already read from the tables, whose growth and fresh stand `stride`
    /// apart: false, and nothing is done, where the silence raises an alarm, or may.
    bool visit_quietly(std::int32_t date, double hazard, double const* by, double const* fresh,
                       std::size_t stride) {
        if (!quiet(by, fresh, stride)) return false;
        take(date, hazard, by, fresh, stride, false);
        return true;
    }

    /// The same for several, each with its own silence: how many were taken before one that may raise an alarm.
    std::size_t visits_quietly(std::int32_t const* dates, std::size_t count, double const* hazard,
                               double const* by, double const* fresh, std::size_t stride) {
        std::size_t taken = 0;
        while (taken < count) {
            if (count_ == 1 && kept_ == 0 && one_.state == state::ACTIVE)
                return taken + settled_visits(dates + taken, count - taken, hazard + taken, by + taken,
                                              fresh + taken, stride);
            if (!visit_quietly(dates[taken], hazard[taken], by + taken, fresh + taken, stride)) return taken;
            ++taken;
        }
        return taken;
    }

    /// Whether a silence leaves the statistic below its limit.
    bool quiet(double const* by, double const* fresh, std::size_t stride) const {
        double sum = settings_.full_stop_ ? fresh[count_ * stride] : 0;
        for (std::size_t j = 0; j < count_; ++j)
            sum += by[j * stride] * tracks_[j].statistic + fresh[j * stride];
        return sum < ceiling_;
    }

    /// The watch starts anew at a visit: for a customer never seen before, or one who came back.
    void restart(std::int32_t date) {
        one_.last_day = date;
        one_.leading = 0;
        one_.returned = 0;
        one_.frozen = false;
        one_.overdue = false;
        for (std::size_t j = 0; j < count_; ++j)
            tracks_[j] = {0, 0, date, one_.visits, one_.gap_days};
        forget_events(date);
    }

    /// Keeps no visit but the one from which the watch starts anew.
    void forget_events(std::int32_t date) {
        if (kept_ == 0) return;
        std::fill_n(events_, kept_, missing_day);
        events_[kept_ - 1] = date;
        events_[kept_] = date;
        events_[kept_ + 1] = one_.visits;
    }

    /// The day on which the change most likely began, what was to be expected since and what came.
    alert describe(std::int32_t date, reading const& then) const {
        alert result;
        result.state = one_.state;
        result.raised = date_of(date);
        result.statistic = then.statistic;
        result.overdue_p = overdue_p(date);
        bool const stop = one_.state == state::LAPSED || (one_.state != state::PARTIAL && then.stopped);
        double past_visits = one_.visits;
        double past_time = settings_.time_.between(one_.last_day - one_.gap_days, one_.last_day);
        std::int32_t since = one_.last_day;
        std::size_t const j = one_.leading > 0 ? one_.leading - 1U : then.partial;
        if ((!stop && count_ > 0) || one_.frozen) {
            past_visits = tracks_[j].zero_visits;
            past_time = time_at_zero(j);
        }
        if (!stop && count_ > 0) {
            since = tracks_[j].zero_day;
            result.visits = one_.visits - tracks_[j].zero_visits;
        }
        if (kept_ > 0 && one_.state != state::ACTIVE && one_.state != state::RECOVERED) {
            result.since_low = date_of(events_[kept_]);
            result.since_high = date_of(events_[kept_ + 1]);
        }
        double const rate = settings_.clock_.rate(past_visits, past_time);
        result.since = date_of(since);
        result.expected = rate * settings_.time_.between(since, date);
        result.retained_ratio = stop ? 0.0 : result.visits / result.expected;
        result.usual_gap = 1 / rate;
        if (!stop) tell_beside(date, then, result);
        return result;
    }

    /// What raised the alarm that stands, or else leads now.
    evidence_kind leading(reading const& then) const {
        if (beside_ == nullptr) return evidence_kind::VISITS;
        bool const alarmed = one_.state == state::PARTIAL || one_.state == state::LAPSED;
        return alarmed ? beside_->flags[row_].leading : then.leading;
    }

    double overdue_p(std::int32_t date) const {
        return settings_.clock_.overdue_p(known_visits(), known_time(), silence(date));
    }
    double expected_gap(std::int32_t date) const {
        return 1 / settings_.clock_.rate(known_visits(), known_time(), silence(date));
    }

  private:
    void tell_beside(std::int32_t date, reading const& then, alert& result) const {
        evidence_kind const kind = leading(then);
        if (kind == evidence_kind::VISITS) return;
        evidence_flags const& flags = beside_->flags[row_];
        bool const alarmed = one_.state == state::PARTIAL;
        std::uint8_t const place = !alarmed                          ? then.beside.place
                                   : kind == evidence_kind::CATEGORY ? flags.slot
                                                                     : flags.track;
        evidence_story const story = beside_->tell(row_, kind, place, date);
        result.evidence = kind;
        result.since = date_of(story.since);
        result.since_low = result.since_high = missing_date;
        result.visits = 0;
        result.expected = std::numeric_limits<double>::quiet_NaN();
        if (kind == evidence_kind::CATEGORY) {
            result.category = beside_->names[static_cast<std::size_t>(story.category)];
            result.expected = story.before;
            result.retained_ratio = 0;
            return;
        }
        result.before = story.before;
        result.after = story.after;
        result.retained_ratio = story.after / story.before;
    }

    /// The gaps that the clock knows, and how long they took on its time.
    std::int32_t known_visits() const {
        return one_.frozen ? tracks_[one_.leading - 1U].zero_visits : one_.visits;
    }
    double known_time() const {
        return one_.frozen ? time_at_zero(one_.leading - 1U)
                           : settings_.time_.between(one_.last_day - one_.gap_days, one_.last_day);
    }
    double time_at_zero(std::size_t j) const {
        return settings_.time_.between(tracks_[j].zero_day - tracks_[j].zero_gap_days, tracks_[j].zero_day);
    }
    /// Since the last visit, on the clock's time.
    double silence(std::int32_t date) const {
        return settings_.time_.between(one_.last_day, std::max(date, one_.last_day));
    }
    /// The silence from where the tracks stand.
    growth silence_until(std::int32_t date) const {
        growth result;
        std::int32_t const from = standing();
        result.hazard =
            settings_.tables_->silence_between(known_visits(), known_time(), silence(from),
                                               silence(std::max(from, date)), result.by, result.fresh);
        return result;
    }
    static double grown(double statistic, double by, double fresh) {
        return std::min(by * statistic + fresh, largest_statistic);
    }

    /// What a silence and the visit after it add to the CUSUM.
    static float cusum_step(double rho, double hazard, double log_rho) {
        return static_cast<float>((1 - rho) * hazard + log_rho);
    }

    /// visits_quietly() where there is one track and the customer is settled, which is what most are: their state stays in
    /// registers.
    std::size_t settled_visits(std::int32_t const* dates, std::size_t count, double const* hazard,
                               double const* by, double const* fresh, std::size_t stride) {
        double const rho = rho_[0];
        double const log_rho = log_rho_[0];
        double const* const stop = settings_.full_stop_ ? fresh + stride : nullptr;
        std::int32_t const first = one_.last_day - one_.gap_days;
        double statistic = tracks_[0].statistic;
        float cusum = tracks_[0].cusum;
        std::size_t taken = 0;
        std::size_t zeros = 0;  // one more than the last visit at which the CUSUM was zero
        for (; taken < count; ++taken) {
            double const grown = by[taken] * statistic + fresh[taken];
            if (!((stop != nullptr ? stop[taken] : 0.0) + grown < ceiling_)) break;
            statistic = rho * grown;
            cusum += cusum_step(rho, hazard[taken], log_rho);
            bool const zero = cusum <= 0;
            cusum = zero ? 0.0F : cusum;
            zeros = zero ? taken + 1 : zeros;
        }
        if (taken == 0) return 0;
        track& own = tracks_[0];
        own.statistic = statistic;
        own.cusum = cusum;
        if (zeros > 0) {
            own.zero_day = dates[zeros - 1];
            own.zero_visits = one_.visits + static_cast<std::int32_t>(zeros);
            own.zero_gap_days = own.zero_day - first;
        }
        one_.visits += static_cast<std::int32_t>(taken);
        one_.last_day = dates[taken - 1];
        one_.gap_days = one_.last_day - first;
        one_.overdue = false;
        return taken;
    }

    /// Moves the tracks to a visit and returns the sum of their statistics. Once the change is `dated` its zero stays.
    double take(std::int32_t date, double hazard, double const* by, double const* fresh, std::size_t stride,
                bool dated) {
        std::int32_t const gap = date - one_.last_day;
        one_.last_day = date;
        one_.gap_days += gap;
        ++one_.visits;
        one_.overdue = false;
        double sum = 0;
        for (std::size_t j = 0; j < count_; ++j) {
            double const rho = rho_[j];
            track& own = tracks_[j];
            own.statistic = rho * grown(own.statistic, by[j * stride], fresh[j * stride]);
            sum += own.statistic;
            float const cusum = own.cusum + cusum_step(rho, hazard, log_rho_[j]);
            bool const zero = !dated && cusum <= 0;
            own.cusum = zero ? 0.0F : cusum;
            own.zero_day = zero ? date : own.zero_day;
            own.zero_visits = zero ? one_.visits : own.zero_visits;
            own.zero_gap_days = zero ? one_.gap_days : own.zero_gap_days;
        }
        if (dated) return sum;
        keep(date);
        if (one_.state == state::RECOVERED && ++one_.returned >= visits_to_settle) one_.state = state::ACTIVE;
        return sum;
    }

    void keep(std::int32_t date) {
        if (kept_ == 0) return;
        std::copy(events_ + 1, events_ + kept_, events_);
        events_[kept_ - 1] = date;
    }

    /// The alert of a state just entered; from the visits kept follows when the change may have been.
    alert raised(std::int32_t date, reading const& then) {
        if (kept_ > 0) {
            std::int32_t const since = day_number(describe(date, then).since);
            date_interval const found = interval(date);
            // The most likely day belongs to it, though it be near an end.
            events_[kept_] = std::min(found.low, since);
            events_[kept_ + 1] = std::max(found.high, since);
        }
        return describe(date, then);
    }

    date_interval interval(std::int32_t date) const {
        bool const again = one_.state == state::LAPSED && one_.leading > 0;
        // A stop without a visit since the drop was raised: the same evidence.
        if (again && !one_.frozen) return {events_[kept_], events_[kept_ + 1]};
        std::int32_t const start = day_number(settings_.start_);
        if (again) {
            // The visits since the drop are what a stop is told from, and nothing but a stop is new.
            track const& drop = tracks_[one_.leading - 1U];
            return date_change(*settings_.tables_, settings_.time_, one_.visits - drop.zero_visits,
                               one_.gap_days - drop.zero_gap_days, {&one_.last_day, 1},
                               std::max(one_.last_day, start), date, {.stop = true, .drop = false});
        }
        auto const* const first =
            std::find_if(events_, events_ + kept_, [](std::int32_t day) { return day != missing_day; });
        // Where the visits kept do not reach back to the beginning, the number of visits since does.
        std::optional<earlier_day> earlier;
        std::int32_t const begin = std::max(events_[kept_], start);
        if (begin < *first) earlier = {begin, static_cast<double>(one_.visits - events_[kept_ + 1])};
        return date_change(*settings_.tables_, settings_.time_, one_.visits, one_.gap_days,
                           {first, events_ + kept_}, earlier ? begin : std::max(*first, start), date,
                           {.stop = settings_.full_stop_, .drop = count_ > 0}, earlier);
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
        bool const stayed_away = one_.state == state::LAPSED;
        one_.state = state::RECOVERED;
        restart(date);
        if (beside_ != nullptr) beside_->restart(row_, date, settings_.time_, stayed_away);
    }

    monitor const& settings_;
    person& one_;
    track* tracks_;
    std::int32_t* events_;
    double const* rho_;
    double const* log_rho_;
    double ceiling_;  ///< of the sum of all statistics
    evidence_watch* beside_;
    std::size_t row_;  ///< in beside_
    std::size_t count_;
    std::size_t kept_;  ///< visits kept; since_low and since_high stand behind them
};

}  // namespace clavis::defection

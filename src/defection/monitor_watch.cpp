// Visits into the monitor: everybody's silences of a batch are read from the tables at once, then each customer is taken
// through them. Who raises an alarm, or stands in one, is taken visit by visit instead (watcher), with the same result.

#include <algorithm>
#include <utility>
#include <vector>

#include "clavis/core/parallel.hpp"
#include "clavis/defection/monitor.hpp"
#include "defection/beside_batch.hpp"
#include "defection/records.hpp"
#include "defection/watcher.hpp"

namespace clavis::defection {
namespace {

constexpr std::size_t block = 4096;
/// Silences read at once: as many as a processor's fastest memory holds with what is made of them.
constexpr std::size_t enough = 256;

}  // namespace

/// Customers in a row with their visits, gathered until their silences are enough to be read at once.
class monitor::wave {
  public:
    wave(monitor const& settings, std::int32_t last) : settings_(settings), last_(last) {}

    /// A customer who begins to be watched has `fresh`.
    void add(std::size_t row, person& one, track* tracks, std::int32_t* events, bool fresh) {
        customers_.push_back({row, &one, tracks, events, dates_.size(), visits_.size(), fresh, false, false});
    }
    /// A visit of the customer added last; ascending.
    void add_visit(std::int32_t date) { dates_.push_back(date); }

    /// The customer added last is whole.
    void close() {
        customer& own = customers_.back();
        person const& one = *own.one;
        std::size_t first = own.first_date;
        std::int32_t day = one.last_day;
        std::int32_t visits = one.visits;
        std::int32_t gap_days = one.gap_days;
        if (own.fresh) {
            day = dates_[first++];
            visits = 0;
            gap_days = 0;
        } else if (one.frozen || (one.state != state::ACTIVE && one.state != state::RECOVERED)) {
            return;
        }
        own.read = true;
        double const begin = settings_.time_.at(day - gap_days);
        double at = settings_.time_.at(day);
        std::int32_t const standing = std::max(day, day_number(settings_.start_));
        own.resumed = standing > day;
        if (own.resumed) add_silence(visits, at - begin, settings_.time_.at(standing) - at);
        for (std::size_t k = first; k < dates_.size(); ++k) {
            double const next = settings_.time_.at(dates_[k]);
            add_silence(visits++, at - begin, next - at);
            at = next;
            day = dates_[k];
        }
        if (last_ > std::max(day, standing)) add_silence(visits, at - begin, settings_.time_.at(last_) - at);
    }

    bool full() const { return visits_.size() >= enough; }

    /// Takes everybody through and hands alarms to raise(row, alert).
    template <class Raise>
    void run(Raise&& raise) {
        std::size_t const size = visits_.size();
        if (room_ < size) {
            room_ = size + size / 2;
            hazard_.resize(room_);
            by_.resize(room_ * fractions());
            fresh_.resize(room_ * fractions());
        }
        settings_.tables_->silences(visits_, gap_sum_, silence_, std::span(hazard_).first(size),
                                    std::span(by_).first(size * fractions()),
                                    std::span(fresh_).first(size * fractions()));
        for (std::size_t c = 0; c < customers_.size(); ++c) {
            customer const& own = customers_[c];
            std::size_t const end = c + 1 < customers_.size() ? customers_[c + 1].first_date : dates_.size();
            watcher one(settings_, *own.one, own.tracks, own.events);
            auto const tell = [&](alert const& found) { raise(own.row, found); };
            std::size_t k = own.first_date;
            if (own.fresh) {
                *own.one = {dates_[k], 0, 0, state::ACTIVE, 0, 0, false, false};
                one.restart(dates_[k++]);
            }
            if (own.read) k = through(own, one, k, end);
            for (; k < end; ++k)
                one.wait_and_visit(dates_[k], tell);
            if (!own.read || !waited_) one.wait(last_, tell);
        }
        customers_.clear();
        dates_.clear();
        visits_.clear();
        gap_sum_.clear();
        silence_.clear();
    }

  private:
    struct customer {
        std::size_t row;
        person* one;
        track* tracks;
        std::int32_t* events;
        std::size_t first_date;     ///< in dates_
        std::size_t first_silence;  ///< in visits_
        bool fresh;
        bool read;     ///< whether the silences have been read from the tables
        bool resumed;  ///< whether the first of them is the part before the watch
    };

    std::size_t fractions() const { return settings_.tables_->size(); }

    void add_silence(std::int32_t visits, double gap_sum, double silence) {
        visits_.push_back(visits);
        gap_sum_.push_back(gap_sum);
        silence_.push_back(silence);
    }

    /// Takes a customer through silences that raise no alarm: the first date not taken. waited_: that the last silence
    /// raised none either.
    std::size_t through(customer const& own, watcher& one, std::size_t k, std::size_t end) {
        waited_ = false;
        std::size_t i = own.first_silence;
        std::size_t const size = visits_.size();
        if (own.resumed) {
            if (k == end && last_ <= one.standing()) {
                waited_ = true;
                return k;
            }
            // The tracks stand where the watch began, within the silence.
            watcher::growth rest{};
            if (!settings_.tables_->rest(hazard_[i], by_.data() + i, fresh_.data() + i, hazard_[i + 1],
                                         by_.data() + i + 1, fresh_.data() + i + 1, size, rest.hazard,
                                         rest.by, rest.fresh))
                return k;
            if (k == end) {
                waited_ = one.quiet(rest.by, rest.fresh, 1);
                return k;
            }
            if (!one.visit_quietly(dates_[k], rest.hazard, rest.by, rest.fresh, 1)) return k;
            ++k;
            i += 2;
        }
        std::size_t const taken = one.visits_quietly(dates_.data() + k, end - k, hazard_.data() + i,
                                                     by_.data() + i, fresh_.data() + i, size);
        k += taken;
        i += taken;
        if (k < end) return k;
        waited_ = last_ <= one.standing() || one.quiet(by_.data() + i, fresh_.data() + i, size);
        return k;
    }

    monitor const& settings_;
    std::int32_t last_;
    bool waited_ = false;
    std::size_t room_ = 0;
    std::vector<customer> customers_;
    std::vector<std::int32_t> dates_;
    std::vector<std::int32_t> visits_;
    std::vector<double> gap_sum_;
    std::vector<double> silence_;
    std::vector<double> hazard_;
    std::vector<double> by_;
    std::vector<double> fresh_;
};

alerts monitor::watch(ledger::history const& batch, sys_days until, unsigned threads,
                      progress const& progress_watch, evidence_records const& more, bool by_rows) {
    std::int32_t const after = day_number(seen_);
    std::int32_t const last = day_number(until);
    auto usable = [&](std::size_t k) {
        return batch.orders[k] > 0 && batch.day[k] > after && batch.day[k] <= last;
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
    id_pairs pairs;
    if (by_rows) {
        pairs.resize(size());
        for (std::size_t row = 0; row < size(); ++row)
            pairs[row] = {row, row};
    } else {
        pairs = pair_ids(customer_id_, batch.customer_id);
    }
    std::vector<std::size_t> strangers;  // batch rows whose customer is not known and does not join
    std::erase_if(pairs, [&](id_pair const& one) {
        if (one.left != id_pair::none) return false;
        bool const joins = first_usable(one.right) < batch.day.size();
        joins ? void(++result.received.customers_joined) : strangers.push_back(one.right);
        return !joins;
    });
    std::size_t const count = pairs.size();
    identifiers ids = count > size() ? join_ids(customer_id_, batch.customer_id, pairs) : identifiers();
    std::size_t const width = events_width();
    large_vector<person> people(count);
    large_vector<track> tracks(count * rho_.size());
    large_vector<std::int32_t> events(count * width);

    beside_batch beside(*this, batch, more, pairs, count, last, ids);
    beside.people = people.data();
    beside.tracks = tracks.data();
    beside.events = events.data();

    struct part {
        std::vector<alert> rows;
        intake received;
    };
    std::vector<part> parts(block_count(count, block));
    auto take = [&](std::size_t shard, std::size_t begin, std::size_t end) {
        part& own = parts[shard];
        wave gathered(*this, last);
        auto raise = [&](std::size_t row, alert found) {
            found.row = row;
            own.rows.push_back(found);
        };
        for (std::size_t i = begin; i < end; ++i) {
            auto const [old_row, batch_row] = pairs[i];
            track* const own_tracks = tracks.data() + i * rho_.size();
            std::int32_t* const own_events = events.data() + i * width;
            bool const fresh = old_row == id_pair::none;
            if (!fresh) copy_customer(old_row, people[i], own_tracks, own_events);
            if (options_.evidence.any()) {
                take_beside(beside, i, old_row, batch_row, own.rows, own.received);
                continue;
            }
            gathered.add(i, people[i], own_tracks, own_events, fresh);
            if (batch_row != id_pair::none) {
                auto k = static_cast<std::size_t>(batch.offsets[batch_row]);
                auto const stop = static_cast<std::size_t>(batch.offsets[batch_row + 1]);
                std::int32_t before = fresh ? after : people[i].last_day;
                for (; k < stop; ++k) {
                    if (!usable(k) || batch.day[k] <= before) {
                        count_unused(batch, k, last, own.received);
                        continue;
                    }
                    before = batch.day[k];
                    ++own.received.visits_used;
                    gathered.add_visit(before);
                }
            }
            gathered.close();
            if (gathered.full()) gathered.run(raise);
        }
        gathered.run(raise);
    };
    parallel_blocks(count, block, threads, take, progress_watch, "watching");

    for (std::size_t const row : strangers)
        for (auto k = static_cast<std::size_t>(batch.offsets[row]);
             k < static_cast<std::size_t>(batch.offsets[row + 1]); ++k)
            count_unused(batch, k, last, result.received);
    for (part& own : parts) {
        result.received += own.received;
        result.rows.insert(result.rows.end(), own.rows.begin(), own.rows.end());
    }
    std::stable_sort(result.rows.begin(), result.rows.end(),
                     [](alert const& a, alert const& b) { return a.raised < b.raised; });

    if (count > size()) customer_id_ = std::move(ids);
    people_ = std::move(people);
    tracks_ = std::move(tracks);
    events_ = std::move(events);
    if (options_.evidence.any()) beside_ = std::move(beside.watch);
    seen_ = until;
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

}  // namespace clavis::defection

// A monitor as bytes: options, clock, days, counts, ids, then customer after customer, then what waits. What is read is
// checked number by number: bytes may come from anybody.

#include <bit>
#include <cmath>

#include "clavis/core/errors.hpp"
#include "clavis/defection/monitor.hpp"
#include "core/civil.hpp"
#include "defection/evidence_bytes.hpp"
#include "defection/monitor_bytes.hpp"
#include "defection/records.hpp"
#include "defection/watcher.hpp"
#include "ledger/saved_ids.hpp"

namespace clavis::defection {

namespace {

/// More visits or days than anybody has; sums of them stay within 32 bits.
constexpr std::int64_t most = std::int64_t{1} << 30;
constexpr std::int64_t most_counted = std::int64_t{1} << 60;
constexpr std::size_t longest_note = std::size_t{1} << 16;

std::int32_t read_count(byte_reader& from) {
    return static_cast<std::int32_t>(from.number_below(most));
}

std::int32_t read_day(byte_reader& from, std::int32_t first, std::int32_t last) {
    std::int64_t const day = from.signed_number();
    if (day < first || day > last) byte_reader::fail("holds a day out of bounds");
    return static_cast<std::int32_t>(day);
}

double read_statistic(byte_reader& from) {
    double const value = from.real();
    if (!(value >= 0 && value <= largest_statistic)) byte_reader::fail("holds a statistic out of bounds");
    return value;
}

operational_time read_time(byte_reader& from) {
    auto const days = static_cast<std::size_t>(from.number_below(36526));
    if (days > from.left() / 8) byte_reader::fail("ends early");
    std::int32_t const first = read_day(from, first_known_day, last_known_day);
    std::vector<double> index(days);
    for (double& value : index)
        value = from.real();
    return {date_of(first), index};
}

void write_counts(intake const& counts, byte_writer& to) {
    for (std::int64_t const count : {counts.visits_used, counts.visits_late, counts.visits_early,
                                     counts.return_days, counts.customers_joined})
        to.number(static_cast<std::uint64_t>(count));
}

intake read_counts(byte_reader& from) {
    intake counts;
    for (std::int64_t* count : {&counts.visits_used, &counts.visits_late, &counts.visits_early,
                                &counts.return_days, &counts.customers_joined})
        *count = from.number_below(most_counted);
    return counts;
}

void write_waiting(ledger::history const& waiting, byte_writer& to) {
    to.byte(static_cast<std::uint8_t>(waiting.amount_scale));
    ledger::write_ids(waiting.customer_id, to);
    for (std::size_t i = 0; i < waiting.size(); ++i) {
        auto k = static_cast<std::size_t>(waiting.offsets[i]);
        auto const end = static_cast<std::size_t>(waiting.offsets[i + 1]);
        to.number(end - k);
        for (; k < end; ++k) {
            to.signed_number(waiting.day[k]);
            to.number(static_cast<std::uint64_t>(waiting.orders[k]));
            to.signed_number(waiting.sales[k]);
            to.signed_number(waiting.returns[k]);
        }
    }
}

ledger::history read_waiting(byte_reader& from, std::int32_t first, std::int32_t last) {
    ledger::history waiting;
    waiting.amount_scale = from.byte();
    if (waiting.amount_scale > 18) byte_reader::fail("holds a scale out of bounds");
    waiting.customer_id = ledger::read_ids(from);
    for (std::size_t i = 0; i < waiting.customer_id.size(); ++i) {
        std::uint64_t const count = from.number();
        if (count == 0 || count > from.left()) byte_reader::fail("ends early");
        for (std::uint64_t k = 0; k < count; ++k) {
            std::int32_t const earliest = k == 0 ? first : waiting.day.back() + 1;
            waiting.day.push_back(read_day(from, earliest, last));
            std::int32_t const orders = read_count(from);
            if (orders == 0) byte_reader::fail("holds a day without a visit");
            waiting.orders.push_back(orders);
            waiting.sales.push_back(from.signed_number());
            waiting.returns.push_back(from.signed_number());
        }
        waiting.offsets.push_back(static_cast<std::int64_t>(waiting.day.size()));
    }
    return waiting;
}

}  // namespace

std::vector<std::uint8_t> monitor::to_bytes(std::string_view note) const {
    if (note.size() > longest_note) throw input_error("note: longer than 65,536 bytes");
    std::vector<std::uint8_t> bytes = begin_state(saved_monitor);
    byte_writer to(bytes);
    to.text(note);
    to.number(options_.retained.size());
    for (double const fraction : options_.retained)
        to.real(fraction);
    to.real(options_.false_alarms_per_year);
    to.number(static_cast<std::uint64_t>(options_.keep_events));
    to.number(static_cast<std::uint64_t>(options_.reorder_days));
    evidence_choice const& chosen = options_.evidence;
    to.byte(static_cast<std::uint8_t>((chosen.spend ? 1U : 0U) | (chosen.category ? 2U : 0U) |
                                      (chosen.wallet ? 4U : 0U)));
    to.real(clock_.r);
    to.real(clock_.alpha);
    to.real(clock_.k);
    std::vector<double> const index = time_.index();
    to.number(index.size());
    to.signed_number(day_number(time_.first()));
    for (double const value : index)
        to.real(value);
    to.signed_number(day_number(start_));
    to.signed_number(day_number(seen_));
    to.signed_number(day_number(received_until_));
    write_counts(received_, to);
    ledger::write_ids(customer_id_, to);
    std::size_t const width = events_width();
    for (std::size_t i = 0; i < people_.size(); ++i) {
        person const& one = people_[i];
        to.byte(static_cast<std::uint8_t>(static_cast<unsigned>(one.state) | (one.frozen ? 8U : 0U) |
                                          (one.overdue ? 16U : 0U)));
        to.byte(one.leading);
        to.byte(one.returned);
        to.signed_number(one.last_day);
        to.number(static_cast<std::uint64_t>(one.gap_days));
        to.number(static_cast<std::uint64_t>(one.visits));
        for (std::size_t j = 0; j < rho_.size(); ++j) {
            track const& own = tracks_[i * rho_.size() + j];
            to.real(own.statistic);
            to.number(std::bit_cast<std::uint32_t>(own.cusum));
            to.signed_number(own.zero_day);
            to.number(static_cast<std::uint64_t>(own.zero_visits));
            to.number(static_cast<std::uint64_t>(own.zero_gap_days));
        }
        for (std::size_t j = 0; j < width; ++j) {
            std::int32_t const day = events_[i * width + j];
            bool const kept = j < width - 2;
            if (kept) to.byte(day != missing_day ? 1 : 0);
            if (!kept || day != missing_day) to.signed_number(day);
        }
    }
    write_waiting(waiting_, to);
    if (chosen.any()) write_evidence(beside_, to);
    end_state(bytes);
    return bytes;
}

monitor monitor::from_bytes(std::span<std::uint8_t const> bytes, std::string* note) {
    byte_reader from = open_state(bytes, saved_monitor);
    std::string_view const text = from.text();
    if (text.size() > longest_note) byte_reader::fail("holds a note longer than 65,536 bytes");
    monitor result;
    std::int64_t const fractions = from.number_below(17);
    result.options_.retained.clear();
    for (std::int64_t i = 0; i < fractions; ++i)
        result.options_.retained.push_back(from.real());
    result.options_.false_alarms_per_year = from.real();
    result.options_.keep_events = read_count(from);
    result.options_.reorder_days = read_count(from);
    std::uint8_t const chosen = from.byte();
    if (chosen > 7) byte_reader::fail("holds evidence of no known kind");
    result.options_.evidence = {(chosen & 1) != 0, (chosen & 2) != 0, (chosen & 4) != 0};
    result.clock_.r = from.real();
    result.clock_.alpha = from.real();
    result.clock_.k = from.real();
    result.time_ = read_time(from);
    result.derive();
    std::int32_t const start = read_day(from, first_known_day, last_known_day);
    std::int32_t const seen = read_day(from, start - 1, last_known_day);
    std::int32_t const received_until = read_day(from, seen, last_known_day);
    if (received_until - seen > result.options_.reorder_days)
        byte_reader::fail("holds days that wait for longer than they may");
    result.start_ = date_of(start);
    result.seen_ = date_of(seen);
    result.received_until_ = date_of(received_until);
    result.received_ = read_counts(from);
    result.customer_id_ = ledger::read_ids(from);
    std::size_t const size = result.customer_id_.size();
    std::size_t const width = result.events_width();
    // A customer takes six bytes at least, so that what is asked for is bounded by what came.
    if (size > from.left() / 6) byte_reader::fail("ends early");
    result.people_.reserve(size);
    result.tracks_.reserve(size * result.rho_.size());
    for (std::size_t i = 0; i < size; ++i) {
        person one{};
        std::uint8_t const flags = from.byte();
        auto const now = static_cast<state>(flags & 7);
        if (flags > 31 || (now != state::ACTIVE && now != state::PARTIAL && now != state::LAPSED &&
                           now != state::RECOVERED))
            byte_reader::fail("holds a customer in no known state");
        one.state = now;
        one.frozen = (flags & 8) != 0;
        one.overdue = (flags & 16) != 0;
        one.leading = from.byte();
        one.returned = from.byte();
        if (one.leading > result.rho_.size() || (one.frozen && one.leading == 0) ||
            (now == state::PARTIAL && one.leading == 0 && (chosen == 0 || !result.rho_.empty())))
            byte_reader::fail("holds a customer whose change no fraction dates");
        one.last_day = read_day(from, first_known_day, seen);
        one.gap_days = read_count(from);
        one.visits = read_count(from);
        for (std::size_t j = 0; j < result.rho_.size(); ++j) {
            track own{};
            own.statistic = read_statistic(from);
            std::int64_t const bits = from.number_below(std::int64_t{1} << 32);
            own.cusum = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
            if (!std::isfinite(own.cusum)) byte_reader::fail("holds a statistic out of bounds");
            own.zero_day = read_day(from, first_known_day, seen + 1);
            own.zero_visits = read_count(from);
            own.zero_gap_days = read_count(from);
            result.tracks_.push_back(own);
        }
        bool const alarmed = now == state::PARTIAL || now == state::LAPSED;
        std::int32_t before = first_known_day;
        for (std::size_t j = 0; j < width; ++j) {
            if (j >= width - 2) {
                bool const visits = !alarmed && j == width - 1;
                result.events_.push_back(visits ? read_day(from, 0, one.visits)
                                                : read_day(from, first_known_day, seen));
            } else if (from.flag()) {
                std::int32_t const day = read_day(from, before, one.last_day);
                before = day + 1;
                result.events_.push_back(day);
            } else {
                // Places fill from the end, so what is missing stands before all that is there.
                if (before > first_known_day) byte_reader::fail("holds visits with a gap");
                result.events_.push_back(missing_day);
            }
        }
        if (width > 0 && result.events_[result.events_.size() - 3] == missing_day)
            byte_reader::fail("holds a customer without a visit");
        result.people_.push_back(one);
    }
    result.waiting_ = read_waiting(from, seen + 1, received_until);
    if (chosen != 0) result.beside_ = read_evidence(from, result.options_.evidence, size, seen);
    if (from.left() > 0) byte_reader::fail("goes on after its end");
    check_same_kind(result.customer_id_, result.waiting_.customer_id, "state", "the rest");
    result.make_tables();
    if (note != nullptr) *note = text;
    return result;
}

}  // namespace clavis::defection

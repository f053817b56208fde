#include "ledger/summary_bytes.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <tuple>

#include "clavis/core/errors.hpp"
#include "ledger/summarize_group.hpp"

namespace clavis::ledger {

namespace {

constexpr std::int32_t base_day = 19723;  // 2024-01-01
constexpr std::array<std::int64_t, 4> units{1, 1000, 1000000, 60000000};
constexpr std::int64_t furthest = 3 * day.count();

std::int32_t read_day(byte_reader& from) {
    std::int64_t const day = from.signed_number();
    if (day < first_known_day || day > last_known_day) byte_reader::fail("holds a day out of bounds");
    return static_cast<std::int32_t>(day);
}

void write_date(std::optional<sys_days> date, byte_writer& to) {
    to.byte(date ? 1 : 0);
    if (date) to.signed_number(date->time_since_epoch().count());
}

std::optional<sys_days> read_date(byte_reader& from) {
    if (!from.flag()) return std::nullopt;
    return sys_days(std::chrono::days(read_day(from)));
}

std::shared_ptr<currency_rates const> read_rates(byte_reader& from) {
    std::string reporting(from.text());
    std::uint64_t const count = from.number();
    if (count > from.left()) byte_reader::fail("ends early");
    std::vector<currency_rates::series> all;
    bool found = false;
    for (std::uint64_t i = 0; i < count; ++i) {
        currency_rates::series series;
        series.currency = from.text();
        series.always = from.flag();
        std::uint64_t const rates = from.number();
        if (rates == 0 || rates > from.left() || (series.always && rates > 1))
            byte_reader::fail("holds an impossible number of rates");
        for (std::uint64_t k = 0; k < rates; ++k) {
            currency_rates::rate rate;
            rate.day = read_day(from);
            rate.mantissa = from.number_below(power_of_ten(18));
            std::int64_t const exponent = from.signed_number();
            if (rate.mantissa == 0 || exponent < -36 || exponent > 18)
                byte_reader::fail("holds a rate out of bounds");
            rate.exponent = static_cast<std::int32_t>(exponent);
            if (k > 0 && series.rates.back().day >= rate.day) byte_reader::fail("holds rates out of order");
            series.rates.push_back(rate);
        }
        if (i > 0 && all.back().currency >= series.currency) byte_reader::fail("holds rates out of order");
        found = found || series.currency == reporting;
        all.push_back(std::move(series));
    }
    if (!found) byte_reader::fail("holds no rate of the currency it reports");
    return std::make_shared<currency_rates const>(std::move(all), std::move(reporting));
}

template <class Choice>
Choice read_choice(byte_reader& from, Choice last) {
    std::uint8_t const value = from.byte();
    if (value > static_cast<std::uint8_t>(last)) byte_reader::fail("holds an option out of bounds");
    return static_cast<Choice>(value);
}

struct saved_row : timed_row {
    std::uint32_t event;

    static saved_row of(canonical_rows const& rows, std::size_t row, std::uint32_t customer) {
        return {timed_row::of(rows, row, customer),
                rows.event.empty() ? canonical_rows::no_event : rows.event[row]};
    }
};

}  // namespace

void write_options(summarize_options const& options, byte_writer& to) {
    to.number(static_cast<std::uint64_t>(options.unit.count()));
    to.byte(static_cast<std::uint8_t>(options.collapse_by));
    to.text(options.time_zone);
    to.byte(static_cast<std::uint8_t>(options.returns));
    write_date(options.observe_until, to);
    to.byte(options.skip_late ? 1 : 0);
    write_date(options.calibrate_until, to);
    to.byte(options.include_first ? 1 : 0);
    to.byte(static_cast<std::uint8_t>(options.on_bad_rows));
    to.byte(static_cast<std::uint8_t>(options.amount_scale));
    write_date(options.known_at, to);
    to.byte(options.rates ? 1 : 0);
    if (!options.rates) return;
    to.text(options.rates->reporting_currency());
    to.number(options.rates->all().size());
    for (currency_rates::series const& series : options.rates->all()) {
        to.text(series.currency);
        to.byte(series.always ? 1 : 0);
        to.number(series.rates.size());
        for (currency_rates::rate const& rate : series.rates) {
            to.signed_number(rate.day);
            to.number(static_cast<std::uint64_t>(rate.mantissa));
            to.signed_number(rate.exponent);
        }
    }
}

summarize_options read_options(byte_reader& from) {
    summarize_options options;
    options.unit = duration(from.number_below(std::numeric_limits<std::int64_t>::max()));
    options.collapse_by = read_choice(from, collapse::month);
    options.time_zone = from.text();
    options.returns = read_choice(from, returns_policy::ignore);
    options.observe_until = read_date(from);
    options.skip_late = from.flag();
    options.calibrate_until = read_date(from);
    options.include_first = from.flag();
    options.on_bad_rows = read_choice(from, bad_rows::refuse);
    options.amount_scale = from.byte();
    options.known_at = read_date(from);
    if (from.flag()) options.rates = read_rates(from);
    return options;
}

void write_facts(intake_facts const& facts, summarize_options const& options, byte_writer& to) {
    quality_report const& quality = facts.quality_;
    to.number(static_cast<std::uint64_t>(quality.rows_read));
    if (quality.rows_read == 0) return;
    to.byte(static_cast<std::uint8_t>((facts.has_amounts_ ? 1 : 0) | (facts.has_orders_ ? 2 : 0) |
                                      (facts.dates_only_ ? 4 : 0) | (facts.zone_assumed_ ? 8 : 0) |
                                      (facts.has_events_ ? 16 : 0)));
    to.number(static_cast<std::uint64_t>(quality.rows_without_customer));
    to.number(static_cast<std::uint64_t>(quality.rows_late));
    to.number(static_cast<std::uint64_t>(quality.rows_not_yet_known));
    to.number(static_cast<std::uint64_t>(quality.rows_without_event));
    to.number(static_cast<std::uint64_t>(facts.known_early_));
    if (options.rates)
        for (std::size_t i = 0; i < options.rates->all().size(); ++i)
            to.number(static_cast<std::uint64_t>(i < facts.converted_.size() ? facts.converted_[i] : 0));
    if (facts.has_events_) to.text(facts.event_column_);
    to.wide(facts.amount_without_customer_);
    auto const rounding = std::bit_cast<std::uint64_t>(quality.largest_rounding);
    for (unsigned i = 0; i < 8; ++i)
        to.byte(static_cast<std::uint8_t>(rounding >> (8 * i)));
    to.text(facts.currency_);
    if (!facts.dates_only_ && options.time_zone.empty()) to.text(facts.zone_name_);
    auto days = [&to](std::int32_t first, std::int32_t last) {
        to.byte(first <= last ? 1 : 0);
        if (first > last) return;
        to.signed_number(first);
        to.signed_number(last);
    };
    days(facts.first_day_, facts.last_day_);
    if (facts.has_events_) days(facts.loose_first_day_, facts.loose_last_day_);
    to.number(quality.refused.size());
    for (refusal const& entry : quality.refused) {
        to.text(entry.column);
        to.text(entry.reason);
        to.number(static_cast<std::uint64_t>(entry.count));
        to.number(entry.examples.size());
        for (std::string const& example : entry.examples)
            to.text(example);
    }
}

intake_facts read_facts(byte_reader& from, summarize_options const& options) {
    intake_facts facts;
    if (!options.time_zone.empty()) {
        facts.zone_name_ = options.time_zone;
        facts.zone_ = time_zone::named(options.time_zone);
    }
    quality_report& quality = facts.quality_;
    quality.rows_read = from.number_below(most_rows);
    if (quality.rows_read == 0) return facts;
    unsigned const flags = from.byte();
    if (flags > 31) byte_reader::fail("holds a flag out of bounds");
    facts.has_amounts_ = (flags & 1) != 0;
    facts.has_orders_ = (flags & 2) != 0;
    facts.dates_only_ = (flags & 4) != 0;
    facts.zone_assumed_ = (flags & 8) != 0;
    facts.has_events_ = (flags & 16) != 0;
    quality.rows_without_customer = from.number_below(quality.rows_read + 1);
    quality.rows_late = from.number_below(quality.rows_read + 1);
    quality.rows_not_yet_known = from.number_below(quality.rows_read + 1);
    quality.rows_without_event = from.number_below(quality.rows_read + 1);
    facts.known_early_ = from.number_below(quality.rows_read + 1);
    if (options.rates) {
        facts.converted_.resize(options.rates->all().size());
        for (std::int64_t& rows : facts.converted_)
            rows = from.number_below(quality.rows_read + 1);
    }
    if (facts.has_events_) facts.event_column_ = from.text();
    facts.amount_without_customer_ = from.wide();
    int128 const most = static_cast<int128>(quality.rows_without_customer) << 63;
    if (facts.amount_without_customer_ > most || facts.amount_without_customer_ < -most)
        byte_reader::fail("holds an amount out of bounds");
    std::uint64_t rounding = 0;
    for (unsigned i = 0; i < 8; ++i)
        rounding |= static_cast<std::uint64_t>(from.byte()) << (8 * i);
    quality.largest_rounding = std::bit_cast<double>(rounding);
    if (!(quality.largest_rounding >= 0) || !std::isfinite(quality.largest_rounding))
        byte_reader::fail("holds a rounding out of bounds");
    facts.currency_ = from.text();
    if (!facts.dates_only_ && options.time_zone.empty()) {
        facts.zone_name_ = from.text();
        facts.zone_ = time_zone::named(facts.zone_name_);
    }
    auto days = [&from](std::int32_t& first, std::int32_t& last) {
        if (!from.flag()) return;
        first = read_day(from);
        last = read_day(from);
        if (first > last) byte_reader::fail("ends before it begins");
    };
    days(facts.first_day_, facts.last_day_);
    if (facts.has_events_) days(facts.loose_first_day_, facts.loose_last_day_);
    std::uint64_t const refusals = from.number();
    if (refusals > from.left()) byte_reader::fail("ends early");
    for (std::uint64_t i = 0; i < refusals; ++i) {
        refusal entry;
        entry.column = from.text();
        entry.reason = from.text();
        entry.count = from.number_below(quality.rows_read + 1);
        std::int64_t const examples = from.number_below(refusal::most_examples + 1);
        for (std::int64_t k = 0; k < examples; ++k) {
            entry.examples.emplace_back(from.text());
            if (k > 0 && entry.examples[static_cast<std::size_t>(k) - 1] >= entry.examples.back())
                byte_reader::fail("holds examples out of order");
        }
        if (entry.count == 0 ||
            (i > 0 && std::tie(quality.refused.back().column, quality.refused.back().reason) >=
                          std::tie(entry.column, entry.reason)))
            byte_reader::fail("holds refusals out of order");
        quality.refused.push_back(std::move(entry));
    }
    return facts;
}

std::vector<std::uint32_t> enter(directory& into, identifiers const& ids) {
    std::vector<std::uint32_t> codes(ids.size());
    if (codes.empty()) return codes;
    std::vector<std::uint8_t> const skip(ids.size(), 0);
    into.intern(ids.view(), skip.data(), codes.data(), 1, {});
    return codes;
}

void write_rows(canonical_rows const& rows, std::vector<std::uint32_t> const& rank,
                std::vector<std::uint32_t> const& order_rank, std::vector<std::uint32_t> const& event_rank,
                intake_facts const& facts, summarize_options const& options,
                std::vector<std::uint8_t>& bytes) {
    // One power of ten and one unit of time for all.
    unsigned places = 18;
    for (std::int64_t const amount : rows.amount)
        while (amount % power_of_ten(static_cast<int>(places)) != 0)
            --places;
    unsigned unit = units.size() - 1;
    for (std::int64_t const time : rows.time)
        while (time % units[unit] != 0)
            --unit;
    byte_writer(bytes).byte(static_cast<std::uint8_t>(places | unit << 5));
    std::int64_t const divisor = power_of_ten(static_cast<int>(places));
    partitioning const parts(rows.size(), rank.size());
    std::vector<std::vector<std::uint8_t>> pieces(parts.count);
    group_by_customer<saved_row>(
        rows, rank, parts, options.threads, options.watch, "saving",
        [&](std::size_t part, std::size_t, std::span<saved_row> own, std::span<std::size_t const> begins) {
            byte_writer to(pieces[part]);
            auto const order_of = [&](saved_row const& row) {
                return row.order() == canonical_rows::no_order ? 0 : order_rank[row.order()] + 1;
            };
            auto const event_of = [&](saved_row const& row) {
                return row.event == canonical_rows::no_event ? 0 : event_rank[row.event] + 1;
            };
            for (std::size_t i = 0; i + 1 < begins.size(); ++i) {
                auto const lines = own.subspan(begins[i], begins[i + 1] - begins[i]);
                if (lines.empty()) continue;
                std::sort(lines.begin(), lines.end(), [&](saved_row const& a, saved_row const& b) {
                    auto key = [&](saved_row const& row) {
                        return std::tuple(row.day, row.time(), row.kind(), row.amount, order_of(row),
                                          event_of(row));
                    };
                    return key(a) < key(b);
                });
                to.number(lines.size());
                std::int64_t before = base_day;
                for (std::size_t k = 0; k < lines.size(); ++k) {
                    saved_row const& line = lines[k];
                    std::uint64_t const gap = k == 0 ? byte_writer::zigzag(line.day - before)
                                                     : static_cast<std::uint64_t>(line.day - before);
                    before = line.day;
                    to.number(gap << 2 | static_cast<std::uint64_t>(line.kind()));
                    if (!rows.time.empty())
                        to.signed_number((line.time() - line.day * day.count()) / units[unit]);
                    if (facts.has_amounts_) to.signed_number(line.amount / divisor);
                    if (facts.has_orders_) to.number(order_of(line));
                    if (facts.has_events_) to.number(event_of(line));
                }
            }
        });
    for (auto const& piece : pieces)
        bytes.insert(bytes.end(), piece.begin(), piece.end());
}

canonical_rows read_rows(byte_reader& from, std::vector<std::uint32_t> const& customers,
                         std::vector<std::uint32_t> const& orders, std::vector<std::uint32_t> const& events,
                         intake_facts const& facts) {
    canonical_rows rows;
    unsigned const scales = from.byte();
    unsigned const places = scales & 31;
    unsigned const unit = scales >> 5;
    if (places > 18 || unit >= units.size()) byte_reader::fail("holds a scale out of bounds");
    std::int64_t const factor = power_of_ten(static_cast<int>(places));
    std::int64_t const reach = furthest / units[unit];
    bool kinds = false;
    for (std::uint32_t const customer : customers) {
        std::uint64_t const count = from.number();
        if (count == 0 || count > from.left()) byte_reader::fail("ends early");
        std::int64_t before = base_day;
        for (std::uint64_t k = 0; k < count; ++k) {
            std::uint64_t const token = from.number();
            std::uint64_t const gap = token >> 2;
            if (gap > 8000000 || (token & 3) > 2) byte_reader::fail("holds a day out of bounds");
            before += k == 0 ? static_cast<std::int64_t>(gap >> 1) ^ -static_cast<std::int64_t>(gap & 1)
                             : static_cast<std::int64_t>(gap);
            if (before < first_known_day || before > last_known_day)
                byte_reader::fail("holds a day out of bounds");
            rows.customer.push_back(customer);
            rows.day.push_back(static_cast<std::int32_t>(before));
            if (!facts.dates_only_) {
                std::int64_t const offset = from.signed_number();
                if (offset < -reach || offset > reach) byte_reader::fail("holds a time out of bounds");
                rows.time.push_back(before * day.count() + offset * units[unit]);
            }
            std::int64_t amount = 0;
            if (facts.has_amounts_) {
                std::int64_t const scaled = from.signed_number();
                if (__builtin_mul_overflow(scaled, factor, &amount) ||
                    amount == std::numeric_limits<std::int64_t>::min())
                    byte_reader::fail("holds an amount out of bounds");
                rows.amount.push_back(amount);
            }
            auto const kind = static_cast<line_kind>(token & 3);
            if (kind == line_kind::give_back && amount > 0)
                byte_reader::fail("holds a return of a positive amount");
            kinds = kinds || kind != (amount < 0 ? line_kind::give_back : line_kind::sale);
            rows.kind.push_back(kind);
            if (facts.has_orders_) {
                std::uint64_t const order = from.number();
                if (order > orders.size()) byte_reader::fail("holds an order out of bounds");
                rows.order.push_back(order == 0 ? canonical_rows::no_order : orders[order - 1]);
            }
            if (facts.has_events_) {
                std::uint64_t const event = from.number();
                if (event > events.size()) byte_reader::fail("holds an event out of bounds");
                rows.event.push_back(event == 0 ? canonical_rows::no_event : events[event - 1]);
            }
        }
    }
    if (!kinds) rows.kind.clear();
    return rows;
}

void write_events(event_log const& events, std::vector<std::uint32_t> const& codes, byte_writer& to) {
    for (std::uint32_t const code : codes) {
        event_entry const& entry = events.entries[code];
        to.number(static_cast<std::uint64_t>(entry.duplicates) << 1 | (entry.is_loose() ? 1U : 0U));
        if (!entry.is_loose()) continue;
        event_content const& content = events.unattributed[entry.place & ~event_entry::loose];
        to.byte(static_cast<std::uint8_t>(content.kind));
        to.signed_number(content.day);
        to.signed_number(content.time - content.day * day.count());
        to.signed_number(content.amount);
    }
}

event_log read_events(byte_reader& from, std::vector<std::uint32_t> const& codes, intake_facts const& facts) {
    event_log events;
    events.entries.resize(codes.size());
    for (std::uint32_t const code : codes) {
        std::uint64_t const token = from.number();
        if (token >> 33 != 0) byte_reader::fail("holds an event out of bounds");
        event_entry& entry = events.entries[code];
        entry.duplicates = static_cast<std::uint32_t>(token >> 1);
        entry.row = event_entry::of_saved_state;
        if ((token & 1) == 0) continue;
        entry.place = event_entry::loose | events.unattributed.size();
        event_content content;
        content.kind = read_choice(from, line_kind::adjust);
        content.day = read_day(from);
        std::int64_t const offset = from.signed_number();
        if (offset < -furthest || offset > furthest) byte_reader::fail("holds a time out of bounds");
        content.time = content.day * day.count() + offset;
        content.amount = from.signed_number();
        if (content.amount == std::numeric_limits<std::int64_t>::min() ||
            (!facts.has_amounts_ && content.amount != 0))
            byte_reader::fail("holds an amount out of bounds");
        events.unattributed.push_back(content);
    }
    return events;
}

}  // namespace clavis::ledger

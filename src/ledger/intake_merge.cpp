#include <algorithm>
#include <utility>

#include "clavis/core/errors.hpp"
#include "ledger/intake_events.hpp"

namespace clavis::ledger {

namespace {

/// Adds what another state listed, whose rows count after `rows_before`.
void add_listed(std::vector<refusal>& ours, std::vector<refusal> const& theirs, std::int64_t rows_before) {
    for (refusal const& entry : theirs) {
        refusal& mine = refusal_of(ours, entry.column, entry.reason);
        mine.count += entry.count;
        for (auto const& example : entry.examples)
            note_example(mine, example);
        for (std::size_t i = 0; i < entry.rows.size() && mine.rows.size() < refusal::listed; ++i) {
            mine.rows.push_back(rows_before + entry.rows[i]);
            mine.values.push_back(entry.values[i]);
        }
    }
}

bool equal(std::shared_ptr<currency_rates const> const& a, std::shared_ptr<currency_rates const> const& b) {
    return a == b || (a && b && *a == *b);
}

}  // namespace

void intake::check_mergeable(intake const& other) const {
    location const table{.table = quality_.table};
    std::string differing;
    auto compare = [&](std::string_view name, bool same) {
        if (!same) differing += (differing.empty() ? "" : ", ") + std::string(name);
    };
    compare("amount_digits", options_.amount_scale == other.options_.amount_scale);
    compare("time_zone", options_.time_zone == other.options_.time_zone);
    compare("observe_until", options_.observe_until == other.options_.observe_until);
    compare("skip_late", options_.skip_late == other.options_.skip_late);
    compare("known_at", options_.known_at == other.options_.known_at);
    compare("rates", equal(options_.rates, other.options_.rates));
    if (!differing.empty())
        throw input_error(table,
                          "states to be merged must have equal options, but these differ: " + differing);
    if (!has_rows()) return;
    if (has_amounts_ != other.has_amounts_ || has_orders_ != other.has_orders_ ||
        has_events_ != other.has_events_)
        throw input_error(table, "states to be merged must have read the same columns");
    if (!currency_.empty() && !other.currency_.empty() && currency_ != other.currency_)
        throw input_error(table, "the states to be merged hold amounts in \"" + currency_ + "\" and in \"" +
                                     other.currency_ + "\", which cannot be added up without rates");
    if (!dates_only_ && !other.dates_only_ && zone_name_ != other.zone_name_)
        throw input_error(table, "the states to be merged have times in the zones \"" + zone_name_ +
                                     "\" and \"" + other.zone_name_ +
                                     "\": say in time_zone whose days count");
    for (auto const& [ours, theirs] :
         {std::pair(&customers_, &other.customers_), std::pair(&orders_, &other.orders_),
          std::pair(&event_ids_, &other.event_ids_)})
        if (ours->size() > 0 && theirs->size() > 0 && ours->is_text() != theirs->is_text())
            throw input_error(table, "the states to be merged hold text ids and integer ids");
}

void intake::merge(intake const& other, canonical_rows& rows, canonical_rows const& other_rows) {
    if (!other.has_rows()) return;
    if (&other == this) {
        // NOLINTBEGIN(performance-unnecessary-copy-initialization): `rows` and this change while they are read.
        intake const copy(other);
        canonical_rows const copied(other_rows);
        // NOLINTEND(performance-unnecessary-copy-initialization)
        return merge(copy, rows, copied);
    }
    check_mergeable(other);
    location const table{.table = quality_.table};
    std::size_t const base = rows.size();
    std::size_t const size = base + other_rows.size();
    auto const customers = customers_.merge(other.customers_, table, options_.threads);
    auto const orders = orders_.merge(other.orders_, table, options_.threads);
    auto const codes = event_ids_.merge(other.event_ids_, table);
    events_.entries.resize(event_ids_.size());
    auto theirs = [&](event_entry const& entry) {
        event_content content = other.content_of(other_rows, entry);
        if (content.customer != event_content::no_customer) content.customer = customers[content.customer];
        if (content.order != canonical_rows::no_order) content.order = orders[content.order];
        return content;
    };
    std::string const column = other.event_column_;
    auto for_each_shared = [&](auto const& body) {
        for (std::size_t code = 0; code < other.events_.entries.size(); ++code) {
            event_entry const& entry = other.events_.entries[code];
            if (entry.known() && events_.entries[codes[code]].known())
                body(code, entry, events_.entries[codes[code]]);
        }
    };
    if (options_.on_bad_rows == bad_rows::raise)
        for_each_shared([&](std::size_t code, event_entry const& entry, event_entry const& ours) {
            event_content const content = theirs(entry);
            event_content const known = content_of(rows, ours);
            if (content == known) return;
            raise_at_odds({.table = quality_.table,
                           .column = column,
                           .row = quality_.rows_read + std::max<std::int64_t>(entry.row, 0),
                           .value = other.event_ids_.label(static_cast<std::uint32_t>(code))},
                          ours.row, at_odds(content, known));
        });

    bool const instants = !dates_only_ || !other.dates_only_;
    bool const kinds = !rows.kind.empty() || !other_rows.kind.empty();
    auto grow = [size](auto& grown) { grown.reserve(std::max(size, grown.capacity())); };
    grow(rows.customer);
    grow(rows.day);
    if (instants) grow(rows.time);
    if (kinds) grow(rows.kind);
    if (other.has_amounts_) grow(rows.amount);
    if (other.has_orders_) grow(rows.order);
    if (other.has_events_) grow(rows.event);
    events_.unattributed.reserve(events_.unattributed.size() + other.events_.unattributed.size());
    quality_report quality = quality_;
    add_listed(quality.refused, other.quality_.refused, quality_.rows_read);
    add_listed(quality.duplicates, other.quality_.duplicates, quality_.rows_read);
    if (!has_rows()) quality.table = other.quality_.table;

    // From here on nothing fails but for want of memory.
    quality.rows_read += other.quality_.rows_read;
    quality.rows_used += other.quality_.rows_used;
    quality.rows_without_customer += other.quality_.rows_without_customer;
    quality.rows_late += other.quality_.rows_late;
    quality.rows_not_yet_known += other.quality_.rows_not_yet_known;
    quality.rows_duplicate += other.quality_.rows_duplicate;
    quality.rows_without_event += other.quality_.rows_without_event;
    quality.largest_rounding = std::max(quality.largest_rounding, other.quality_.largest_rounding);
    amount_total_ += other.amount_total_;
    amount_without_customer_ += other.amount_without_customer_;
    loose_first_day_ = std::min(loose_first_day_, other.loose_first_day_);
    loose_last_day_ = std::max(loose_last_day_, other.loose_last_day_);

    if (instants) {
        for (std::size_t row = rows.time.size(); row < base; ++row)
            rows.time.push_back(rows.day[row] * day.count());
    }
    if (kinds) {
        for (std::size_t row = rows.kind.size(); row < base; ++row)
            rows.kind.push_back(!rows.amount.empty() && rows.amount[row] < 0 ? line_kind::give_back
                                                                             : line_kind::sale);
    }
    // Of events that both have read one row stays; the other's row is then marked here.
    std::vector<std::uint8_t> drop(other_rows.size(), 0);
    bool replaced = false;
    auto at = [offset = quality_.rows_read](std::int64_t row) {
        return row == event_entry::of_saved_state ? row : offset + row;
    };
    auto set_aside = [&](event_content const& content) {
        bool const attributed = content.customer != event_content::no_customer;
        (attributed ? amount_total_ : amount_without_customer_) -= content.amount;
        --(attributed ? quality.rows_used : quality.rows_without_customer);
    };
    for_each_shared([&](std::size_t code, event_entry const& entry, event_entry& ours) {
        event_content const content = theirs(entry);
        event_content const known = content_of(rows, ours);
        std::string const label = other.event_ids_.label(static_cast<std::uint32_t>(code));
        if (content == known || !before(content, known)) {
            if (content == known) {
                list_duplicate(quality, column, at(entry.row), label);
                ours.duplicates += 1 + entry.duplicates;
            } else {
                list_at_odds(quality, column, at(entry.row), label, entry.duplicates);
                replaced = true;
            }
            set_aside(content);
            if (!entry.is_loose()) drop[entry.place] = 1;
            return;
        }
        replaced = true;
        list_at_odds(quality, column, ours.row, label, ours.duplicates);
        set_aside(known);
        ours.row = at(entry.row);
        ours.duplicates = entry.duplicates;
        if (ours.is_loose()) {
            if (entry.is_loose()) {
                events_.unattributed[ours.place & ~event_entry::loose] = content;
            } else {
                ours.place = 0;  // set where the row is appended
            }
            return;
        }
        std::size_t const to = ours.place;
        rows.customer[to] = content.customer;
        rows.day[to] = content.day;
        if (!rows.time.empty()) rows.time[to] = content.time;
        if (!rows.amount.empty()) rows.amount[to] = content.amount;
        if (!rows.order.empty()) rows.order[to] = content.order;
        if (!rows.kind.empty()) rows.kind[to] = content.kind;
        drop[entry.place] = 1;
    });
    for (std::size_t code = 0; code < other.events_.entries.size(); ++code) {
        event_entry const& entry = other.events_.entries[code];
        event_entry& ours = events_.entries[codes[code]];
        if (!entry.known() || ours.known()) continue;
        ours = {.place = 0, .row = at(entry.row), .duplicates = entry.duplicates};
        if (!entry.is_loose()) continue;
        ours.place = event_entry::loose | events_.unattributed.size();
        events_.unattributed.push_back(theirs(entry));
    }

    for (std::size_t row = 0; row < other_rows.size(); ++row) {
        if (drop[row] != 0) continue;
        if (other.has_events_) {
            std::uint32_t const event = other_rows.event[row];
            if (event != canonical_rows::no_event) events_.entries[codes[event]].place = rows.customer.size();
            rows.event.push_back(event == canonical_rows::no_event ? event : codes[event]);
        }
        rows.customer.push_back(customers[other_rows.customer[row]]);
        rows.day.push_back(other_rows.day[row]);
        if (instants) rows.time.push_back(other_rows.time_of(row).time_since_epoch().count());
        if (kinds) rows.kind.push_back(other_rows.kind_of(row));
        if (other.has_amounts_) rows.amount.push_back(other_rows.amount[row]);
        if (other.has_orders_) {
            std::uint32_t const order = other_rows.order[row];
            rows.order.push_back(order == canonical_rows::no_order ? order : orders[order]);
        }
    }

    quality_ = std::move(quality);
    known_early_ += other.known_early_;
    if (converted_.size() < other.converted_.size()) converted_.resize(other.converted_.size());
    for (std::size_t i = 0; i < other.converted_.size(); ++i)
        converted_[i] += other.converted_[i];
    if (currency_.empty()) currency_ = other.currency_;
    if (dates_only_ && !other.dates_only_) {
        zone_ = other.zone_;
        zone_name_ = other.zone_name_;
        dates_only_ = false;
    }
    has_amounts_ = other.has_amounts_;
    has_orders_ = other.has_orders_;
    has_events_ = other.has_events_;
    event_column_ = column;
    zone_assumed_ = zone_assumed_ || other.zone_assumed_;
    first_day_ = std::min(first_day_, other.first_day_);
    last_day_ = std::max(last_day_, other.last_day_);
    if (replaced) find_days(rows);
}

}  // namespace clavis::ledger

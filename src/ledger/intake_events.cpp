#include "ledger/intake_events.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "clavis/core/errors.hpp"

namespace clavis::ledger {

namespace {

constexpr std::string_view differs = "is the event of another row as well, which differs";

bool is_missing(column_view const& ids, std::size_t row) {
    if (ids.is_null(row)) return true;
    if (ids.is_text()) return ids.text(row).empty();
    return ids.type == column_type::float64 && std::isnan(ids.at<double>(row));
}

}  // namespace

void list_duplicate(quality_report& quality, std::string_view column, std::int64_t row, std::string value) {
    ++quality.rows_duplicate;
    list_row(refusal_of(quality.duplicates, column, read_before), row, std::move(value));
}

void list_at_odds(quality_report& quality, std::string_view column, std::int64_t row,
                  std::string const& value, std::int64_t duplicates) {
    list_row(refusal_of(quality.refused, column, differs), row, value);
    if (duplicates == 0) return;
    // What repeated the row that lost is refused with it.
    refusal& from = refusal_of(quality.duplicates, column, read_before);
    refusal& to = refusal_of(quality.refused, column, differs);
    std::int64_t left = duplicates;
    for (std::size_t i = from.rows.size(); i-- > 0 && left > 0;) {
        if (from.values[i] != value) continue;
        auto const at = static_cast<std::ptrdiff_t>(i);
        list_row(to, from.rows[i], value);
        from.rows.erase(from.rows.begin() + at);
        from.values.erase(from.values.begin() + at);
        --left;
    }
    std::erase(from.examples, value);
    to.count += left;
    from.count -= duplicates;
    quality.rows_duplicate -= duplicates;
    if (from.count == 0) std::erase_if(quality.duplicates, [](refusal const& one) { return one.count == 0; });
}

void raise_at_odds(location where, std::int64_t earlier, std::string_view difference) {
    std::string const other =
        earlier == event_entry::of_saved_state ? "a row of a saved state" : "row " + std::to_string(earlier);
    throw input_error(where,
                      "is the event of " + other + " as well, which differs in " + std::string(difference));
}

event_content intake::content_of(canonical_rows const& rows, std::size_t row) const {
    return {.customer = rows.customer[row],
            .order = rows.order.empty() ? canonical_rows::no_order : rows.order[row],
            .time = rows.time_of(row).time_since_epoch().count(),
            .amount = rows.amount.empty() ? 0 : rows.amount[row],
            .day = rows.day[row],
            .kind = rows.kind_of(row)};
}

event_content intake::content_of(canonical_rows const& rows, event_entry const& entry) const {
    if (entry.is_loose()) return events_.unattributed[entry.place & ~event_entry::loose];
    return content_of(rows, entry.place);
}

bool intake::before(event_content const& a, event_content const& b) const {
    auto const key = [](event_content const& one) {
        return std::tuple(one.customer == event_content::no_customer, one.time, one.day, one.amount,
                          one.kind);
    };
    if (key(a) != key(b)) return key(a) < key(b);
    // Codes depend on the order of reading, labels do not.
    auto const labels = [this](event_content const& one) {
        return std::pair(
            one.order == canonical_rows::no_order ? std::string() : orders_.label(one.order),
            one.customer == event_content::no_customer ? std::string() : customers_.label(one.customer));
    };
    return labels(a) < labels(b);
}

std::string intake::at_odds(event_content const& a, event_content const& b) const {
    if (a.customer != b.customer) return "customer_id";
    if (a.time != b.time || a.day != b.day) return "time";
    if (a.amount != b.amount) return "amount";
    if (a.kind != b.kind) return "kind";
    return "order_id";
}

void intake::read_events(transactions_view const& batch, canonical_rows& out, reading& now) {
    column_view const& ids = batch.event_id;
    std::size_t const size = batch.size();
    std::size_t const base = now.base;
    std::string_view const column = batch.labels.event_id;
    auto is = [this](std::size_t row, row_problem fate) {
        return status_[row] == static_cast<std::uint8_t>(fate);
    };
    out.event.resize(base + size);
    std::vector<std::uint8_t> skip(size);
    for (std::size_t row = 0; row < size; ++row) {
        bool const usable = is(row, row_problem::none) || is(row, row_problem::no_customer);
        skip[row] = usable && !is_missing(ids, row) ? 0 : 1;
        if (skip[row] != 0) out.event[base + row] = canonical_rows::no_event;
    }
    event_ids_.intern(ids, skip.data(), out.event.data() + base, options_.threads,
                      {.table = batch.labels.table, .column = column});

    std::size_t const loose_before = events_.unattributed.size();
    events_.entries.resize(event_ids_.size());
    std::vector<std::uint32_t> repeated;
    // A row that is not used (again): its amount is taken off, and it is no row of the batch.
    auto set_aside = [&](event_content const& content, bool in_batch) {
        bool const attributed = content.customer != event_content::no_customer;
        (attributed ? now.facts.amount : now.facts.amount_without_customer) -= content.amount;
        if (!in_batch) return;
        if (!attributed) --now.facts.without_customer;
        ++now.facts.not_used_again;
    };
    std::int32_t first_loose = loose_first_day_;
    std::int32_t last_loose = loose_last_day_;
    try {
        for (std::size_t row = 0; row < size; ++row) {
            bool const attributed = is(row, row_problem::none);
            if (!attributed && !is(row, row_problem::no_customer)) continue;
            std::uint32_t const code = out.event[base + row];
            if (code == canonical_rows::no_event) {
                ++now.quality.rows_without_event;
                if (attributed) continue;
                first_loose = std::min(first_loose, out.day[base + row]);
                last_loose = std::max(last_loose, out.day[base + row]);
                continue;
            }
            event_content content = content_of(out, base + row);
            if (!attributed) {
                content.customer = event_content::no_customer;
                content.order = canonical_rows::no_order;
            }
            std::int64_t const here = now.rows_before + static_cast<std::int64_t>(row);
            event_entry& entry = events_.entries[code];
            if (!entry.known()) {
                std::uint64_t const place =
                    attributed ? base + row : event_entry::loose | events_.unattributed.size();
                if (!attributed) events_.unattributed.push_back(content);
                entry = {.place = place, .row = here, .duplicates = 0};
                continue;
            }
            event_content const known = content_of(out, entry);
            if (content == known) {
                repeated.push_back(code);
                ++entry.duplicates;
                list_duplicate(now.quality, column, here, event_ids_.label(code));
                set_aside(content, true);
                status_[row] = static_cast<std::uint8_t>(row_problem::event_duplicate);
                continue;
            }
            std::string const label = event_ids_.label(code);
            if (options_.on_bad_rows == bad_rows::raise)
                raise_at_odds({.table = batch.labels.table, .column = column, .row = here, .value = label},
                              entry.row, at_odds(content, known));
            // Nothing is undone from here on: there are no errors when bad rows are refused.
            now.replaced = true;
            if (!before(content, known)) {
                list_at_odds(now.quality, column, here, label, 0);
                set_aside(content, true);
                status_[row] = static_cast<std::uint8_t>(row_problem::event_at_odds);
                continue;
            }
            list_at_odds(now.quality, column, entry.row, label, entry.duplicates);
            // By its place, not by its row: a row of this batch may stand in the place of an earlier one.
            bool const in_batch =
                entry.is_loose() ? (entry.place & ~event_entry::loose) >= loose_before : entry.place >= base;
            set_aside(known, in_batch);
            if (in_batch) {
                std::uint64_t const slot = entry.place;
                bool const loose = entry.is_loose();
                status_[static_cast<std::size_t>(entry.row - now.rows_before)] =
                    static_cast<std::uint8_t>(row_problem::event_at_odds);
                if (attributed) {
                    entry.place = base + row;
                } else if (loose) {
                    events_.unattributed[slot & ~event_entry::loose] = content;
                }
            } else if (entry.is_loose()) {
                if (attributed) {
                    entry.place = base + row;
                    ++now.moved;
                } else {
                    events_.unattributed[entry.place & ~event_entry::loose] = content;
                    --now.facts.without_customer;
                    ++now.facts.not_used_again;
                }
            } else {
                std::size_t const to = entry.place;
                out.customer[to] = content.customer;
                out.day[to] = content.day;
                if (!out.time.empty()) out.time[to] = content.time;
                if (!out.amount.empty()) out.amount[to] = content.amount;
                if (!out.order.empty()) out.order[to] = content.order;
                if (!out.kind.empty()) out.kind[to] = content.kind;
                ++now.facts.not_used_again;
                status_[row] = static_cast<std::uint8_t>(row_problem::event_at_odds);
            }
            entry.row = here;
            entry.duplicates = 0;
        }
    } catch (...) {
        events_.unattributed.resize(loose_before);
        for (std::uint32_t const code : repeated)
            --events_.entries[code].duplicates;
        for (event_entry& entry : events_.entries)
            if (entry.known() && entry.row >= now.rows_before) entry = {};
        throw;
    }
    loose_first_day_ = first_loose;
    loose_last_day_ = last_loose;
    event_column_ = column;
}

void intake::keep_events(canonical_rows& out, reading const& now) {
    std::uint64_t place = now.base;
    for (std::size_t row = 0; row < status_.size(); ++row) {
        if (status_[row] != 0) continue;
        std::uint32_t const code = out.event[now.base + row];
        if (code != canonical_rows::no_event) events_.entries[code].place = place;
        ++place;
    }
}

void intake::find_days(canonical_rows const& rows) {
    first_day_ = loose_first_day_;
    last_day_ = loose_last_day_;
    auto take = [this](std::int32_t day) {
        first_day_ = std::min(first_day_, day);
        last_day_ = std::max(last_day_, day);
    };
    for (std::int32_t const day : rows.day)
        take(day);
    for (event_entry const& entry : events_.entries)
        if (entry.is_loose()) take(content_of(rows, entry).day);
}

}  // namespace clavis::ledger

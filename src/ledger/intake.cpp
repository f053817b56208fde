#include "clavis/ledger/intake.hpp"

#include <algorithm>
#include <utility>

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "ledger/intake_batch.hpp"
#include "ledger/intake_events.hpp"

namespace clavis::ledger {

namespace {

std::string normalized_zone(std::string_view name) {
    return name.empty() || name == "Z" ? "UTC" : std::string(name);
}

template <class Column>
void drop_rows(Column& column, std::size_t base, std::vector<std::uint8_t> const& status) {
    if (column.empty()) return;
    std::size_t to = base;
    for (std::size_t i = 0; i < status.size(); ++i)
        if (status[i] == 0) column[to++] = column[base + i];
    column.resize(to);
}

[[noreturn]] void refuse_column(transactions_view const& batch, std::string_view column,
                                std::string const& problem) {
    throw input_error({.table = batch.labels.table, .column = column}, problem);
}

}  // namespace

intake::intake(intake_options options) : options_(std::move(options)), customers_(options_.by_range) {
    if (options_.amount_scale < 0 || options_.amount_scale > 12)
        throw input_error("amount_scale: " + std::to_string(options_.amount_scale) + " is not in 0 to 12");
    if (!options_.time_zone.empty()) {
        zone_ = time_zone::named(options_.time_zone);
        zone_name_ = options_.time_zone;
    }
}

void intake::check_same_columns(transactions_view const& batch) const {
    auto const& labels = batch.labels;
    if (options_.rates && batch.amount && !batch.currency)
        refuse_column(batch, labels.currency, "is missing, and amounts are to be converted by it");
    if (!has_rows()) return;
    auto same = [&](bool before, bool now, std::string_view label) {
        if (before != now)
            refuse_column(batch, label,
                          before ? "is missing, but the batches before had it"
                                 : "is there, but the batches before did not have it");
    };
    same(has_amounts_, static_cast<bool>(batch.amount), labels.amount);
    same(has_orders_, static_cast<bool>(batch.order_id), labels.order_id);
    same(has_events_, static_cast<bool>(batch.event_id), labels.event_id);
    // A column without any id has no type to speak of.
    auto holds_any = [](column_view const& ids) {
        for (std::size_t row = 0; row < ids.size; ++row)
            if (!ids.is_null(row) && !(ids.is_text() && ids.text(row).empty())) return true;
        return false;
    };
    auto same_ids = [&](directory const& known, column_view const& ids, std::string_view label) {
        if (ids && known.size() > 0 && known.is_text() != ids.is_text() && holds_any(ids))
            refuse_column(batch, label,
                          known.is_text() ? "holds numbers, but the batches before held text"
                                          : "holds text, but the batches before held numbers");
    };
    same_ids(customers_, batch.customer_id, labels.customer_id);
    same_ids(orders_, batch.order_id, labels.order_id);
    same_ids(event_ids_, batch.event_id, labels.event_id);
}

void intake::read_orders(transactions_view const& batch, canonical_rows& out, std::size_t base) {
    auto const& labels = batch.labels;
    std::size_t const size = batch.size();
    out.order.resize(base + size);
    // Rows without an order are skipped as well; what they hold then says so.
    std::vector<std::uint8_t> skip(status_.begin(), status_.end());
    column_view const& orders = batch.order_id;
    for (std::size_t row = 0; row < size; ++row) {
        bool missing = orders.is_null(row);
        if (!missing && orders.is_text()) missing = orders.text(row).empty();
        if (!missing && orders.type == column_type::float64) {
            double const id = orders.at<double>(row);
            missing = std::isnan(id);
            if (!missing && !(std::abs(id) <= 9007199254740992.0 && id == std::trunc(id)))
                throw input_error({.table = labels.table,
                                   .column = labels.order_id,
                                   .row = quality_.rows_read + static_cast<std::int64_t>(row),
                                   .value = show_value(orders, row)},
                                  "is not a whole number");
        }
        if (!missing) continue;
        skip[row] = 1;
        out.order[base + row] = canonical_rows::no_order;
    }
    orders_.intern(orders, skip.data(), out.order.data() + base, options_.threads,
                   {.table = labels.table, .column = labels.order_id});
}

void intake::read(transactions_view const& batch, canonical_rows& out, double done, double share) {
    read_from(out.size(), batch, out, done, share);
}

void intake::read_over(transactions_view const& batch, canonical_rows& out, double done, double share) {
    if (batch.size() == 0) out.clear();
    read_from(0, batch, out, done, share);
}

void intake::read_from(std::size_t base, transactions_view const& batch, canonical_rows& out, double done,
                       double share) {
    check_columns(batch);
    auto const& labels = batch.labels;
    std::size_t const size = batch.size();
    if (size == 0) return;
    std::int64_t const rows_before = quality_.rows_read;
    check_same_columns(batch);

    std::string zone_name = zone_name_;
    time_zone zone = zone_;
    if (batch.time.type != column_type::date32 && options_.time_zone.empty()) {
        zone_name = normalized_zone(batch.time.zone);
        zone = time_zone::named(zone_name);
    }
    // Dates have no zone of their own in which to tell the day of an instant at which they became known.
    bool const known_zone = batch.time.type == column_type::date32 && options_.time_zone.empty() &&
                            dates_only_ && batch.known_time.type == column_type::timestamp;

    struct restore {
        canonical_rows& rows;
        std::size_t size;
        bool time, kind;
        bool done = false;
        ~restore() {
            if (done) return;
            auto cut = [](auto& column, std::size_t keep) {
                if (column.size() > keep) column.resize(keep);
            };
            cut(rows.customer, size);
            cut(rows.day, size);
            cut(rows.time, time ? size : 0);
            cut(rows.amount, size);
            cut(rows.order, size);
            cut(rows.event, size);
            cut(rows.kind, kind ? size : 0);
        }
    } guard{out, base, !out.time.empty(), !out.kind.empty()};

    bool const instants = batch.time.type != column_type::date32 || !dates_only_;
    status_.resize(size);
    out.customer.resize(base + size);
    out.day.resize(base + size);
    if (instants) {
        std::size_t const known = out.time.size();
        out.time.resize(base + size);
        for (std::size_t row = known; row < base; ++row)
            out.time[row] = out.day[row] * clavis::day.count();
    }
    if (batch.amount) out.amount.resize(base + size);
    if (batch.kind || !out.kind.empty()) {
        std::size_t const known = out.kind.size();
        out.kind.resize(base + size);
        for (std::size_t row = known; row < base; ++row)
            out.kind[row] =
                !out.amount.empty() && out.amount[row] < 0 ? line_kind::give_back : line_kind::sale;
    }

    batch_reader const reader{
        .options = options_,
        .batch = batch,
        .out = out,
        .base = base,
        .status = status_.data(),
        .zone = known_zone ? time_zone::named(normalized_zone(batch.known_time.zone)) : zone,
        .last_allowed = options_.observe_until
                            ? static_cast<std::int32_t>(options_.observe_until->time_since_epoch().count())
                            : std::numeric_limits<std::int32_t>::max(),
        .last_known = options_.known_at
                          ? static_cast<std::int32_t>(options_.known_at->time_since_epoch().count())
                          : std::numeric_limits<std::int32_t>::max()};
    std::vector<block_facts> blocks(block_count(size, intake_block_rows));
    parallel_blocks(
        size, intake_block_rows, options_.threads,
        [&](std::size_t block, std::size_t begin, std::size_t end) {
            reader.read_block(begin, end, blocks[block]);
        },
        progress([&](std::string_view stage, double part) {
            options_.watch.report(stage, done + share * part);
            return true;
        }),
        "reading transactions");
    block_facts facts;
    for (auto const& block : blocks)
        facts.add(block);

    if (facts.instants && !dates_only_ && zone_name != zone_name_)
        refuse_column(batch, labels.time,
                      "is in the zone \"" + zone_name + "\", but the batches before were in \"" + zone_name_ +
                          "\": say in time_zone whose days count");
    std::string currency =
        batch.currency && !options_.rates ? reader.check_currency(currency_, rows_before) : currency_;
    std::vector<refusal> refused;
    if (facts.bad > 0) {
        if (options_.on_bad_rows == bad_rows::raise) reader.raise(rows_before);
        refused = quality_.refused;
        reader.list_refused(refused, rows_before);
    }
    std::string table(labels.table);

    customers_.intern(batch.customer_id, status_.data(), out.customer.data() + base, options_.threads,
                      {.table = labels.table, .column = labels.customer_id});
    if (batch.order_id) read_orders(batch, out, base);
    reading now{.base = base, .rows_before = rows_before, .facts = facts, .quality = {}};
    if (batch.event_id) {
        now.quality = quality_;
        now.quality.refused = facts.bad > 0 ? refused : quality_.refused;
        read_events(batch, out, now);
    }

    // From here on nothing fails.
    guard.done = true;
    if (batch.event_id) keep_events(out, now);
    bool const all_used = !batch.event_id && facts.used(size) == size;
    if (!all_used &&
        std::any_of(status_.begin(), status_.end(), [](std::uint8_t fate) { return fate != 0; })) {
        drop_rows(out.customer, base, status_);
        drop_rows(out.day, base, status_);
        drop_rows(out.time, base, status_);
        drop_rows(out.amount, base, status_);
        drop_rows(out.order, base, status_);
        drop_rows(out.event, base, status_);
        drop_rows(out.kind, base, status_);
    }
    if (facts.instants) {
        dates_only_ = false;
        zone_name_ = std::move(zone_name);
        zone_ = std::move(zone);
    } else if (dates_only_) {
        out.time.clear();
    }
    if (batch.event_id) {
        quality_ = std::move(now.quality);
    } else if (facts.bad > 0) {
        quality_.refused = std::move(refused);
    }
    quality_.table = std::move(table);
    quality_.rows_read += static_cast<std::int64_t>(size);
    quality_.rows_used += static_cast<std::int64_t>(now.facts.used(size));
    quality_.rows_late += static_cast<std::int64_t>(facts.late);
    quality_.rows_not_yet_known += static_cast<std::int64_t>(facts.not_yet_known);
    quality_.rows_without_customer += static_cast<std::int64_t>(now.facts.without_customer) - now.moved;
    quality_.largest_rounding = std::max(quality_.largest_rounding, facts.rounding);
    known_early_ += static_cast<std::int64_t>(facts.known_early);
    if (converted_.size() < facts.converted.size()) converted_.resize(facts.converted.size());
    for (std::size_t i = 0; i < facts.converted.size(); ++i)
        converted_[i] += facts.converted[i];
    amount_total_ += now.facts.amount;
    amount_without_customer_ += now.facts.amount_without_customer;
    currency_ = std::move(currency);
    has_amounts_ = static_cast<bool>(batch.amount);
    has_orders_ = static_cast<bool>(batch.order_id);
    has_events_ = static_cast<bool>(batch.event_id);
    zone_assumed_ = zone_assumed_ || facts.zone_assumed;
    first_day_ = std::min(first_day_, now.facts.first_day);
    last_day_ = std::max(last_day_, now.facts.last_day);
    if (now.replaced) find_days(out);
}

void intake::restore(intake_facts facts, bool had_customers) {
    static_cast<intake_facts&>(*this) = std::move(facts);
    if (!had_customers) customers_ = directory(options_.by_range);
}

intake intake::resume(intake_options options, intake_facts facts, directory customers, directory orders,
                      directory event_ids, event_log events) {
    intake result(std::move(options));
    result.customers_ = std::move(customers);
    result.orders_ = std::move(orders);
    result.event_ids_ = std::move(event_ids);
    result.events_ = std::move(events);
    static_cast<intake_facts&>(result) = std::move(facts);
    return result;
}

std::optional<std::int32_t> intake::first_day() const {
    if (first_day_ > last_day_) return std::nullopt;
    return first_day_;
}

std::optional<std::int32_t> intake::last_day() const {
    if (first_day_ > last_day_) return std::nullopt;
    return last_day_;
}

quality_report intake::quality() const {
    quality_report report = quality_;
    report.amount_total = to_amount(amount_total_, options_.amount_scale);
    report.amount_without_customer = to_amount(amount_without_customer_, options_.amount_scale);
    if (options_.rates)
        for (std::size_t i = 0; i < converted_.size(); ++i)
            if (converted_[i] > 0)
                report.converted.push_back(
                    {.currency = options_.rates->all()[i].currency, .rows = converted_[i]});
    if (known_early_ > 0)
        report.notes.emplace_back(std::to_string(known_early_) + " rows were known before they happened");
    if (zone_assumed_) report.notes.emplace_back("times without a zone were read as UTC");
    if (has_rows() && dates_only_ && !options_.time_zone.empty())
        report.notes.emplace_back(
            "the times are dates, which are local days already: time_zone changes nothing");
    return report;
}

}  // namespace clavis::ledger

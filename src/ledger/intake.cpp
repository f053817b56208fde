#include "clavis/ledger/intake.hpp"

#include <algorithm>
#include <utility>

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "ledger/intake_batch.hpp"

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

void intake::read(transactions_view const& batch, canonical_rows& out, double done, double share) {
    check_columns(batch);
    auto const& labels = batch.labels;
    std::size_t const size = batch.size();
    if (size == 0) return;
    std::int64_t const rows_before = quality_.rows_read;
    if (rows_before > 0 && has_amounts_ != static_cast<bool>(batch.amount))
        refuse_column(batch, labels.amount,
                      has_amounts_ ? "is missing, but the batches before had it"
                                   : "is there, but the batches before did not have it");
    if (rows_before > 0 && has_orders_ != static_cast<bool>(batch.order_id))
        refuse_column(batch, labels.order_id,
                      has_orders_ ? "is missing, but the batches before had it"
                                  : "is there, but the batches before did not have it");
    if (customers_.size() > 0 && customers_.is_text() != batch.customer_id.is_text())
        refuse_column(batch, labels.customer_id,
                      customers_.is_text() ? "holds numbers, but the batches before held text"
                                           : "holds text, but the batches before held numbers");
    if (batch.order_id && orders_.size() > 0 && orders_.is_text() != batch.order_id.is_text())
        refuse_column(batch, labels.order_id,
                      orders_.is_text() ? "holds numbers, but the batches before held text"
                                        : "holds text, but the batches before held numbers");

    std::string zone_name = zone_name_;
    time_zone zone = zone_;
    if (batch.time.type != column_type::date32 && options_.time_zone.empty()) {
        zone_name = normalized_zone(batch.time.zone);
        zone = time_zone::named(zone_name);
    }

    std::size_t const base = out.size();
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
        .zone = zone,
        .last_allowed = options_.observe_until
                            ? static_cast<std::int32_t>(options_.observe_until->time_since_epoch().count())
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
    std::string currency = batch.currency ? reader.check_currency(currency_, rows_before) : currency_;
    std::vector<refusal> refused;
    if (facts.bad > 0) {
        if (options_.on_bad_rows == bad_rows::raise) reader.raise(rows_before);
        refused = quality_.refused;
        reader.list_refused(refused, rows_before);
    }
    std::string table(labels.table);

    customers_.intern(batch.customer_id, status_.data(), out.customer.data() + base, options_.threads,
                      {.table = labels.table, .column = labels.customer_id});
    if (batch.order_id) {
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
                                       .row = rows_before + static_cast<std::int64_t>(row),
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

    if (facts.bad + facts.late + facts.without_customer > 0) {
        drop_rows(out.customer, base, status_);
        drop_rows(out.day, base, status_);
        drop_rows(out.time, base, status_);
        drop_rows(out.amount, base, status_);
        drop_rows(out.order, base, status_);
        drop_rows(out.kind, base, status_);
    }

    // From here on nothing fails.
    guard.done = true;
    if (facts.instants) {
        dates_only_ = false;
        zone_name_ = std::move(zone_name);
        zone_ = std::move(zone);
    } else if (dates_only_) {
        out.time.clear();
    }
    quality_.table = std::move(table);
    if (facts.bad > 0) quality_.refused = std::move(refused);
    quality_.rows_read += static_cast<std::int64_t>(size);
    quality_.rows_used += static_cast<std::int64_t>(size - facts.bad - facts.late - facts.without_customer);
    quality_.rows_late += static_cast<std::int64_t>(facts.late);
    quality_.rows_without_customer += static_cast<std::int64_t>(facts.without_customer);
    quality_.largest_rounding = std::max(quality_.largest_rounding, facts.rounding);
    amount_total_ += facts.amount;
    amount_without_customer_ += facts.amount_without_customer;
    currency_ = std::move(currency);
    has_amounts_ = static_cast<bool>(batch.amount);
    has_orders_ = static_cast<bool>(batch.order_id);
    zone_assumed_ = zone_assumed_ || facts.zone_assumed;
    first_day_ = std::min(first_day_, facts.first_day);
    last_day_ = std::max(last_day_, facts.last_day);
}

void intake::merge(intake const& other, canonical_rows& rows, canonical_rows const& other_rows) {
    if (!other.has_rows()) return;
    location const table{.table = quality_.table};
    if (options_.amount_scale != other.options_.amount_scale ||
        options_.time_zone != other.options_.time_zone ||
        options_.observe_until != other.options_.observe_until ||
        options_.skip_late != other.options_.skip_late)
        throw input_error(table, "states to be merged must have equal options");
    if (has_rows()) {
        if (has_amounts_ != other.has_amounts_ || has_orders_ != other.has_orders_)
            throw input_error(table, "states to be merged must have read the same columns");
        if (!currency_.empty() && !other.currency_.empty() && currency_ != other.currency_)
            throw input_error(table, "the states to be merged hold amounts in \"" + currency_ +
                                         "\" and in \"" + other.currency_ + "\", which cannot be added up");
        if (!dates_only_ && !other.dates_only_ && zone_name_ != other.zone_name_)
            throw input_error(table, "the states to be merged have times in the zones \"" + zone_name_ +
                                         "\" and \"" + other.zone_name_ +
                                         "\": say in time_zone whose days count");
        for (auto const& [ours, theirs] :
             {std::pair(&customers_, &other.customers_), std::pair(&orders_, &other.orders_)})
            if (ours->size() > 0 && theirs->size() > 0 && ours->is_text() != theirs->is_text())
                throw input_error(table, "the states to be merged hold text ids and integer ids");
    }

    std::size_t const base = rows.size();
    std::size_t const size = base + other_rows.size();
    auto const customers = customers_.merge(other.customers_, table);
    auto const orders = orders_.merge(other.orders_, table);
    bool const instants = !rows.time.empty() || !other_rows.time.empty();
    bool const kinds = !rows.kind.empty() || !other_rows.kind.empty();
    auto grow = [size](auto& column) { column.reserve(std::max(size, column.capacity())); };
    grow(rows.customer);
    grow(rows.day);
    if (instants) grow(rows.time);
    if (kinds) grow(rows.kind);
    if (other.has_amounts_) grow(rows.amount);
    if (other.has_orders_) grow(rows.order);
    quality_report quality = quality_;
    for (auto const& entry : other.quality_.refused) {
        refusal& mine = refusal_of(quality.refused, entry.column, entry.reason);
        mine.count += entry.count;
        for (auto const& example : entry.examples)
            note_example(mine, example);
        for (std::size_t i = 0; i < entry.rows.size() && mine.rows.size() < refusal::listed; ++i) {
            mine.rows.push_back(quality_.rows_read + entry.rows[i]);
            mine.values.push_back(entry.values[i]);
        }
    }
    if (!has_rows()) quality.table = other.quality_.table;

    // From here on nothing fails. Nothing of `other` is looked at after it changed, should it be this very intake.
    auto append = [&](auto& column, bool there, auto own, auto theirs) {
        if (!there) return;
        for (std::size_t row = column.size(); row < base; ++row)
            column.push_back(own(row));
        for (std::size_t row = 0; row < size - base; ++row)
            column.push_back(theirs(row));
    };
    if (instants) {
        for (std::size_t row = rows.time.size(); row < base; ++row)
            rows.time.push_back(rows.day[row] * day.count());
        for (std::size_t row = 0; row < size - base; ++row)
            rows.time.push_back(other_rows.time_of(row).time_since_epoch().count());
    }
    append(
        rows.kind, kinds,
        [&](std::size_t row) {
            return !rows.amount.empty() && rows.amount[row] < 0 ? line_kind::give_back : line_kind::sale;
        },
        [&](std::size_t row) { return other_rows.kind_of(row); });
    append(
        rows.customer, true, [](std::size_t) { return 0U; },
        [&](std::size_t row) { return customers[other_rows.customer[row]]; });
    append(
        rows.day, true, [](std::size_t) { return 0; }, [&](std::size_t row) { return other_rows.day[row]; });
    append(
        rows.amount, other.has_amounts_, [](std::size_t) { return std::int64_t{0}; },
        [&](std::size_t row) { return other_rows.amount[row]; });
    append(
        rows.order, other.has_orders_, [](std::size_t) { return canonical_rows::no_order; },
        [&](std::size_t row) {
            std::uint32_t const order = other_rows.order[row];
            return order == canonical_rows::no_order ? order : orders[order];
        });

    quality.rows_read += other.quality_.rows_read;
    quality.rows_used += other.quality_.rows_used;
    quality.rows_without_customer += other.quality_.rows_without_customer;
    quality.rows_late += other.quality_.rows_late;
    quality.largest_rounding = std::max(quality.largest_rounding, other.quality_.largest_rounding);
    quality_ = std::move(quality);
    amount_total_ += other.amount_total_;
    amount_without_customer_ += other.amount_without_customer_;
    if (currency_.empty()) currency_ = other.currency_;
    if (dates_only_ && !other.dates_only_) {
        zone_ = other.zone_;
        zone_name_ = other.zone_name_;
        dates_only_ = false;
    }
    has_amounts_ = other.has_amounts_;
    has_orders_ = other.has_orders_;
    zone_assumed_ = zone_assumed_ || other.zone_assumed_;
    first_day_ = std::min(first_day_, other.first_day_);
    last_day_ = std::max(last_day_, other.last_day_);
}

void intake::restore(intake_facts facts, bool had_customers) {
    static_cast<intake_facts&>(*this) = std::move(facts);
    if (!had_customers) customers_ = directory(options_.by_range);
}

intake intake::resume(intake_options options, intake_facts facts, directory customers, directory orders) {
    intake result(std::move(options));
    result.customers_ = std::move(customers);
    result.orders_ = std::move(orders);
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
    if (zone_assumed_) report.notes.emplace_back("times without a zone were read as UTC");
    if (has_rows() && dates_only_ && !options_.time_zone.empty())
        report.notes.emplace_back(
            "the times are dates, which are local days already: time_zone changes nothing");
    return report;
}

}  // namespace clavis::ledger

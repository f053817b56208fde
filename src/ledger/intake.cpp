#include "clavis/ledger/intake.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "clavis/core/time_text.hpp"
#include "ledger/intake_decode.hpp"

namespace clavis::ledger {

using clavis::to_string;

namespace {

constexpr std::size_t block_rows = 1U << 15;
// 0000-01-01 and 9999-12-31: what text can say as well, and far from where microseconds overflow.
constexpr std::int32_t first_possible_day = -719528;
constexpr std::int32_t last_possible_day = 2932896;

enum class role : std::uint8_t { customer_id, time, amount, kind };

struct problem_text {
    role column;
    std::string_view reason;
};

problem_text describe(row_problem problem) {
    switch (problem) {
        case row_problem::none:
        case row_problem::no_customer:
            break;
        case row_problem::time_missing:
            return {role::time, "is missing"};
        case row_problem::time_malformed:
            return {role::time, describe(time_text_problem::malformed)};
        case row_problem::date_impossible:
            return {role::time, describe(time_text_problem::impossible_date)};
        case row_problem::clock_impossible:
            return {role::time, describe(time_text_problem::impossible_time)};
        case row_problem::time_out_of_range:
            return {role::time, "lies outside of the years 0 to 9999"};
        case row_problem::time_after_end:
            return {role::time, "lies after observe_until"};
        case row_problem::amount_missing:
            return {role::amount, "is missing"};
        case row_problem::amount_malformed:
            return {role::amount, "is not a number"};
        case row_problem::amount_not_finite:
            return {role::amount, "is not finite"};
        case row_problem::amount_too_large:
            return {role::amount, "is too large"};
        case row_problem::kind_unknown:
            return {role::kind, "is none of sale, return, cancel, adjust"};
        case row_problem::customer_fraction:
            return {role::customer_id, "is not a whole number"};
        case row_problem::customer_too_large:
            return {role::customer_id, "is too large to be a whole number exactly"};
    }
    return {role::customer_id, ""};
}

std::string_view type_name(column_type type) {
    switch (type) {
        case column_type::none:
            return "nothing";
        case column_type::int32:
        case column_type::int64:
            return "whole numbers";
        case column_type::float64:
            return "numbers";
        case column_type::utf8:
        case column_type::large_utf8:
            return "text";
        case column_type::date32:
            return "dates";
        case column_type::timestamp:
            return "timestamps";
        case column_type::decimal64:
            return "decimal numbers";
    }
    return "nothing";
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
    if (text.size() != lower.size()) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char const c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
        if (c != lower[i]) return false;
    }
    return true;
}

/// What a block of rows says besides its rows.
struct block_facts {
    int128 amount = 0;
    int128 amount_without_customer = 0;
    std::size_t without_customer = 0;
    std::size_t bad = 0;
    double rounding = 0;
    std::int32_t first_day = std::numeric_limits<std::int32_t>::max();
    std::int32_t last_day = std::numeric_limits<std::int32_t>::min();
    bool instants = false;
    bool zone_assumed = false;

    void add(block_facts const& other) {
        amount += other.amount;
        amount_without_customer += other.amount_without_customer;
        without_customer += other.without_customer;
        bad += other.bad;
        rounding = std::max(rounding, other.rounding);
        first_day = std::min(first_day, other.first_day);
        last_day = std::max(last_day, other.last_day);
        instants = instants || other.instants;
        zone_assumed = zone_assumed || other.zone_assumed;
    }
};

std::string normalized_zone(std::string_view name) {
    return name.empty() || name == "Z" ? "UTC" : std::string(name);
}

void note(refusal& entry, std::int64_t row, std::string value) {
    ++entry.count;
    if (entry.rows.size() >= refusal::listed) return;
    entry.rows.push_back(row);
    entry.values.push_back(std::move(value));
}

refusal& refusal_of(std::vector<refusal>& refused, std::string_view column, std::string_view reason) {
    auto const key = std::pair(column, reason);
    auto const at =
        std::lower_bound(refused.begin(), refused.end(), key, [](refusal const& entry, auto const& k) {
            return std::pair(std::string_view(entry.column), std::string_view(entry.reason)) < k;
        });
    if (at != refused.end() && at->column == column && at->reason == reason) return *at;
    refusal entry;
    entry.column = column;
    entry.reason = reason;
    return *refused.insert(at, std::move(entry));
}

template <class T>
void drop_rows(std::vector<T>& column, std::size_t base, std::vector<std::uint8_t> const& status) {
    if (column.empty()) return;
    std::size_t to = base;
    for (std::size_t i = 0; i < status.size(); ++i)
        if (status[i] == 0) column[to++] = column[base + i];
    column.resize(to);
}

}  // namespace

/// Everything about one batch, so that the intake itself changes only once the batch is known to be good.
struct intake::batch_reader {
    intake_options const& options;
    transactions_view const& batch;
    canonical_rows& out;
    std::size_t base;
    std::uint8_t* status;
    time_zone zone;
    std::int32_t last_allowed;

    column_view const& column(role which) const {
        switch (which) {
            case role::customer_id:
                return batch.customer_id;
            case role::time:
                return batch.time;
            case role::amount:
                return batch.amount;
            case role::kind:
                return batch.kind;
        }
        return batch.time;
    }
    std::string_view label(role which) const {
        switch (which) {
            case role::customer_id:
                return batch.labels.customer_id;
            case role::time:
                return batch.labels.time;
            case role::amount:
                return batch.labels.amount;
            case role::kind:
                return batch.labels.kind;
        }
        return {};
    }

    void mark(std::size_t row, row_problem problem) const {
        if (status[row] == 0) status[row] = static_cast<std::uint8_t>(problem);
    }

    void set_time(std::size_t row, instant when, local_clock& clock) const {
        std::int32_t const day = clock.day(when);
        out.time[base + row] = when.time_since_epoch().count();
        out.day[base + row] = day;
        if (day > last_allowed) mark(row, row_problem::time_after_end);
    }

    void set_day(std::size_t row, std::int32_t day) const {
        out.day[base + row] = day;
        if (day < first_possible_day || day > last_possible_day) {
            mark(row, row_problem::time_out_of_range);
        } else if (day > last_allowed) {
            mark(row, row_problem::time_after_end);
        }
        if (!out.time.empty()) out.time[base + row] = day * clavis::day.count();
    }

    void read_dates(std::size_t begin, std::size_t end) const {
        auto const* days = static_cast<std::int32_t const*>(batch.time.values);
        for (std::size_t row = begin; row < end; ++row) {
            if (batch.time.is_null(row)) {
                out.day[base + row] = 0;
                mark(row, row_problem::time_missing);
            } else {
                set_day(row, days[row]);
            }
        }
    }

    void read_timestamps(std::size_t begin, std::size_t end, block_facts& facts) const {
        auto const* ticks = static_cast<std::int64_t const*>(batch.time.values);
        local_clock clock(zone);
        constexpr std::array<std::int64_t, 4> per_second{1, 1000, 1000000, 1000000000};
        std::int64_t const a_second = per_second[static_cast<std::size_t>(batch.time.resolution)];
        std::int64_t const a_day = 86400;
        std::int64_t const factor = a_second < 1000000 ? 1000000 / a_second : 1;
        for (std::size_t row = begin; row < end; ++row) {
            std::int64_t const value = ticks[row];
            out.day[base + row] = 0;
            // NumPy's NaT is the smallest integer.
            if (batch.time.is_null(row) || value == std::numeric_limits<std::int64_t>::min()) {
                mark(row, row_problem::time_missing);
                continue;
            }
            std::int64_t const seconds = value / a_second;
            if (seconds <= first_possible_day * a_day || seconds >= last_possible_day * a_day) {
                mark(row, row_problem::time_out_of_range);
                continue;
            }
            std::int64_t const microseconds =
                a_second == 1000000000 ? value / 1000 - (value % 1000 < 0) : value * factor;
            set_time(row, instant(duration(microseconds)), clock);
        }
        facts.instants = true;
        facts.zone_assumed = batch.time.zone.empty();
    }

    void read_time_texts(std::size_t begin, std::size_t end, block_facts& facts) const {
        local_clock clock(zone);
        for (std::size_t row = begin; row < end; ++row) {
            out.day[base + row] = 0;
            if (batch.time.is_null(row) || batch.time.text(row).empty()) {
                mark(row, row_problem::time_missing);
                continue;
            }
            time_text_problem why = time_text_problem::none;
            auto const time = parse_time(batch.time.text(row), &why);
            if (!time) {
                mark(row, why == time_text_problem::impossible_date   ? row_problem::date_impossible
                          : why == time_text_problem::impossible_time ? row_problem::clock_impossible
                                                                      : row_problem::time_malformed);
            } else if (!time->has_time) {
                auto const date = std::chrono::floor<std::chrono::days>(time->when);
                set_day(row, static_cast<std::int32_t>(date.time_since_epoch().count()));
            } else {
                set_time(row, time->when, clock);
                facts.instants = true;
                facts.zone_assumed = facts.zone_assumed || !time->has_zone;
            }
        }
    }

    template <class Read>
    void read_amounts(std::size_t begin, std::size_t end, block_facts& facts, Read const& read) const {
        double rounding = 0;
        for (std::size_t row = begin; row < end; ++row) {
            if (batch.amount.is_null(row)) {
                out.amount[base + row] = 0;
                mark(row, row_problem::amount_missing);
                continue;
            }
            exact_amount const amount = read(row);
            out.amount[base + row] = amount.value;
            if (amount.problem != row_problem::none) mark(row, amount.problem);
            rounding = std::max(rounding, amount.rounding);
        }
        facts.rounding = rounding;
    }

    void read_amounts(std::size_t begin, std::size_t end, block_facts& facts) const {
        column_view const& amounts = batch.amount;
        int const scale = options.amount_scale;
        // Multiplies where nothing is to be rounded.
        auto exact = [&](auto get, int shift) {
            if (shift < 0) {
                return read_amounts(begin, end, facts,
                                    [&](std::size_t row) { return shift_amount(get(row), shift, scale); });
            }
            std::int64_t const factor = power_of_ten(shift);
            read_amounts(begin, end, facts, [&](std::size_t row) {
                exact_amount amount;
                if (__builtin_mul_overflow(static_cast<std::int64_t>(get(row)), factor, &amount.value) ||
                    amount.value == std::numeric_limits<std::int64_t>::min())
                    amount.problem = row_problem::amount_too_large;
                return amount;
            });
        };
        switch (amounts.type) {
            case column_type::int32:
                return exact([&](std::size_t row) { return amounts.at<std::int32_t>(row); }, scale);
            case column_type::int64:
                return exact([&](std::size_t row) { return amounts.at<std::int64_t>(row); }, scale);
            case column_type::decimal64:
                return exact([&](std::size_t row) { return amounts.at<std::int64_t>(row); },
                             scale - amounts.scale);
            case column_type::float64:
                return read_amounts(begin, end, facts, [&](std::size_t row) {
                    return round_amount(amounts.at<double>(row), scale);
                });
            default:
                return read_amounts(begin, end, facts,
                                    [&](std::size_t row) { return parse_amount(amounts.text(row), scale); });
        }
    }

    void read_kinds(std::size_t begin, std::size_t end) const {
        for (std::size_t row = begin; row < end; ++row) {
            std::int64_t* amount = out.amount.empty() ? nullptr : &out.amount[base + row];
            line_kind kind = amount != nullptr && *amount < 0 ? line_kind::give_back : line_kind::sale;
            if (batch.kind && !batch.kind.is_null(row)) {
                std::string_view const text = batch.kind.text(row);
                if (equals_ignoring_case(text, "adjust")) {
                    kind = line_kind::adjust;
                } else if (equals_ignoring_case(text, "return") || equals_ignoring_case(text, "cancel")) {
                    kind = line_kind::give_back;
                    if (amount != nullptr) *amount = -std::abs(*amount);
                } else if (!text.empty() && !equals_ignoring_case(text, "sale")) {
                    mark(row, row_problem::kind_unknown);
                }
            }
            out.kind[base + row] = kind;
        }
    }

    void read_customers(std::size_t begin, std::size_t end) const {
        column_view const& ids = batch.customer_id;
        if (ids.type == column_type::float64) {
            for (std::size_t row = begin; row < end; ++row) {
                double const id = ids.at<double>(row);
                if (ids.is_null(row) || std::isnan(id)) {
                    mark(row, row_problem::no_customer);
                } else if (std::abs(id) > 9007199254740992.0) {
                    mark(row, row_problem::customer_too_large);
                } else if (id != std::trunc(id)) {
                    mark(row, row_problem::customer_fraction);
                }
            }
        } else if (ids.is_text()) {
            for (std::size_t row = begin; row < end; ++row)
                if (ids.is_null(row) || ids.text(row).empty()) mark(row, row_problem::no_customer);
        } else if (ids.validity != nullptr) {
            for (std::size_t row = begin; row < end; ++row)
                if (ids.is_null(row)) mark(row, row_problem::no_customer);
        }
    }

    void read_block(std::size_t begin, std::size_t end, block_facts& facts) const {
        std::fill(status + begin, status + end, std::uint8_t{0});
        if (batch.time.type == column_type::date32) {
            read_dates(begin, end);
        } else if (batch.time.type == column_type::timestamp) {
            read_timestamps(begin, end, facts);
        } else {
            read_time_texts(begin, end, facts);
        }
        if (batch.amount) read_amounts(begin, end, facts);
        if (!out.kind.empty()) read_kinds(begin, end);
        read_customers(begin, end);

        for (std::size_t row = begin; row < end; ++row) {
            bool const attributed = status[row] == 0;
            if (!attributed && status[row] != static_cast<std::uint8_t>(row_problem::no_customer)) {
                ++facts.bad;
                continue;
            }
            facts.first_day = std::min(facts.first_day, out.day[base + row]);
            facts.last_day = std::max(facts.last_day, out.day[base + row]);
            std::int64_t const amount = batch.amount ? out.amount[base + row] : 0;
            (attributed ? facts.amount : facts.amount_without_customer) += amount;
            facts.without_customer += attributed ? 0 : 1;
        }
    }

    /// Throws for the first bad row.
    [[noreturn]] void raise(std::int64_t rows_before) const {
        std::size_t row = 0;
        while (status[row] <= static_cast<std::uint8_t>(row_problem::no_customer))
            ++row;
        auto const problem = static_cast<row_problem>(status[row]);
        problem_text const text = describe(problem);
        std::string reason(text.reason);
        if (problem == row_problem::time_after_end) reason += ", " + to_string(*options.observe_until);
        if (problem == row_problem::amount_too_large)
            reason += " for " + std::to_string(options.amount_scale) + " decimal places in 64 bits";
        throw input_error({.table = batch.labels.table,
                           .column = label(text.column),
                           .row = rows_before + static_cast<std::int64_t>(row),
                           .value = show_value(column(text.column), row)},
                          reason);
    }

    void list_refused(std::vector<refusal>& refused, std::int64_t rows_before) const {
        for (std::size_t row = 0; row < batch.size(); ++row) {
            if (status[row] <= static_cast<std::uint8_t>(row_problem::no_customer)) continue;
            problem_text const text = describe(static_cast<row_problem>(status[row]));
            refusal& entry = refusal_of(refused, label(text.column), text.reason);
            bool const listed = entry.rows.size() < refusal::listed;
            note(entry, rows_before + static_cast<std::int64_t>(row),
                 listed ? show_value(column(text.column), row) : std::string());
        }
    }

    /// The one currency of the batch and of those before; throws at the first row with another.
    std::string check_currency(std::string_view known, std::int64_t rows_before) const {
        column_view const& currency = batch.currency;
        for (std::size_t row = 0; known.empty() && row < batch.size(); ++row)
            if (!currency.is_null(row)) known = currency.text(row);
        std::vector<std::size_t> differing(block_count(batch.size(), block_rows), batch.size());
        parallel_blocks(batch.size(), block_rows, options.threads,
                        [&](std::size_t block, std::size_t begin, std::size_t end) {
                            for (std::size_t row = begin; row < end; ++row) {
                                if (currency.is_null(row)) continue;
                                std::string_view const text = currency.text(row);
                                if (text == known || text.empty()) continue;
                                differing[block] = row;
                                return;
                            }
                        });
        for (std::size_t row : differing) {
            if (row == batch.size()) continue;
            throw input_error({.table = batch.labels.table,
                               .column = batch.labels.currency,
                               .row = rows_before + static_cast<std::int64_t>(row),
                               .value = show_value(currency, row)},
                              "differs from \"" + std::string(known) +
                                  "\" in the rows before; amounts of several currencies cannot be added up");
        }
        return std::string(known);
    }
};

namespace {

[[noreturn]] void refuse_column(transactions_view const& batch, std::string_view column,
                                std::string const& problem) {
    throw input_error({.table = batch.labels.table, .column = column}, problem);
}

void check_columns(transactions_view const& batch) {
    auto const& labels = batch.labels;
    auto require = [&](column_view const& column, std::string_view label, bool fits,
                       std::string_view wanted) {
        if (!column) return;
        if (!fits)
            refuse_column(batch, label,
                          "holds " + std::string(type_name(column.type)) + "; " + std::string(wanted));
        if (column.size != batch.size())
            refuse_column(batch, label,
                          "has " + std::to_string(column.size) + " rows where the others have " +
                              std::to_string(batch.size()));
    };
    auto is = [](column_view const& column, auto... types) { return ((column.type == types) || ...); };
    auto is_id = [&](column_view const& column) {
        return column.is_text() || is(column, column_type::int32, column_type::int64, column_type::float64) ||
               (column.type == column_type::decimal64 && column.scale == 0);
    };
    if (!batch.customer_id) refuse_column(batch, labels.customer_id, "is missing");
    if (!batch.time) refuse_column(batch, labels.time, "is missing");
    require(batch.customer_id, labels.customer_id, is_id(batch.customer_id), "ids are integers or text");
    require(batch.time, labels.time,
            batch.time.is_text() || is(batch.time, column_type::date32, column_type::timestamp),
            "times are dates, timestamps or ISO text");
    require(batch.amount, labels.amount,
            batch.amount.is_text() || is(batch.amount, column_type::int32, column_type::int64,
                                         column_type::float64, column_type::decimal64),
            "amounts are numbers");
    require(batch.order_id, labels.order_id, is_id(batch.order_id), "ids are integers or text");
    require(batch.currency, labels.currency, batch.currency.is_text(), "currencies are text");
    require(batch.kind, labels.kind, batch.kind.is_text(), "kinds are text");
    if (batch.amount.type == column_type::decimal64 && std::abs(batch.amount.scale) > 18)
        refuse_column(batch, labels.amount, "has " + std::to_string(batch.amount.scale) + " decimal places");
}

}  // namespace

intake::intake(intake_options options) : options_(std::move(options)) {
    if (options_.amount_scale < 0 || options_.amount_scale > 12)
        throw input_error("amount_scale: " + std::to_string(options_.amount_scale) + " is not in 0 to 12");
    if (!options_.time_zone.empty()) {
        zone_ = time_zone::named(options_.time_zone);
        zone_name_ = options_.time_zone;
    }
}

void intake::read(transactions_view const& batch, canonical_rows& out) {
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
    std::vector<block_facts> blocks(block_count(size, block_rows));
    parallel_blocks(
        size, block_rows, options_.threads,
        [&](std::size_t block, std::size_t begin, std::size_t end) {
            reader.read_block(begin, end, blocks[block]);
        },
        options_.watch, "reading transactions");
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

    if (facts.bad + facts.without_customer > 0) {
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
    quality_.rows_used += static_cast<std::int64_t>(size - facts.bad - facts.without_customer);
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
        options_.observe_until != other.options_.observe_until)
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

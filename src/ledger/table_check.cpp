#include "clavis/ledger/table_check.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <mutex>
#include <utility>

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "ledger/intake_batch.hpp"
#include "ledger/intake_decode.hpp"
#include "ledger/letters.hpp"
#include "ledger/table_problems.hpp"

namespace clavis::ledger {

namespace {

constexpr std::size_t block_rows = 1U << 14;
constexpr std::int32_t no_day = std::numeric_limits<std::int32_t>::min();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::uint64_t mix(std::uint64_t x) {
    x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93U;
    x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93U;
    return x ^ (x >> 32);
}

std::uint64_t fingerprint(std::string_view text) {
    std::uint64_t state = mix(text.size() + 0x9e3779b97f4a7c15U);
    for (; text.size() >= 8; text.remove_prefix(8)) {
        std::uint64_t word = 0;
        std::copy_n(text.data(), 8, reinterpret_cast<char*>(&word));
        state = mix(state ^ word) + 0x9e3779b97f4a7c15U;
    }
    std::uint64_t word = 0;
    std::copy_n(text.data(), text.size(), reinterpret_cast<char*>(&word));
    return mix(state ^ word);
}

bool is_missing(column_view const& column, std::size_t row) {
    if (column.is_null(row)) return true;
    if (column.is_text()) return column.text(row).empty();
    if (column.type == column_type::float64) return std::isnan(column.at<double>(row));
    return column.type == column_type::timestamp &&
           column.at<std::int64_t>(row) == std::numeric_limits<std::int64_t>::min();
}

/// NaN with `why` set where the text is no number.
double number_at(column_view const& column, std::size_t row, problem& why) {
    switch (column.type) {
        case column_type::int32:
            return column.at<std::int32_t>(row);
        case column_type::int64:
            return static_cast<double>(column.at<std::int64_t>(row));
        case column_type::float64:
            return column.at<double>(row);
        case column_type::decimal64: {
            auto const value = static_cast<double>(column.at<std::int64_t>(row));
            return column.scale >= 0 ? value / std::pow(10.0, column.scale)
                                     : value * std::pow(10.0, -column.scale);
        }
        default:
            break;
    }
    std::string_view text = column.text(row);
    while (!text.empty() && text.front() == ' ')
        text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ')
        text.remove_suffix(1);
    if (!text.empty() && text.front() == '+') text.remove_prefix(1);
    double value = nan;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc{} && end == text.data() + text.size()) return value;
    why = problem::no_number;
    return nan;
}

struct note {
    std::size_t row;
    std::string reason;
    std::size_t column;
};

}  // namespace

/// What one batch says, row by row: 0 usable, 1 without a customer, else (problem << 8) + the column's place + 2.
struct table_check::batch_check {
    static constexpr std::uint16_t no_customer = 1;
    table_rule const& rule;
    std::optional<std::int32_t> observed_until;
    std::vector<std::pair<column_rule const*, table_column const*>> columns;
    std::size_t size = 0;
    std::vector<std::uint16_t> status;
    std::vector<std::int32_t> days;
    std::vector<note> notes;
    std::mutex notes_lock;

    table_column const* find(std::string_view name) const {
        for (auto const& [known, column] : columns)
            if (known->name == name) return column;
        return nullptr;
    }
    void mark(std::size_t row, std::size_t column, problem why) {
        if (status[row] == 0)
            status[row] = static_cast<std::uint16_t>(static_cast<unsigned>(why) << 8 | (column + 2));
    }
    void add_notes(std::vector<note>& more) {
        if (more.empty()) return;
        std::lock_guard const guard(notes_lock);
        notes.insert(notes.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    }

    problem check(column_rule const& known, column_view const& column, std::size_t row) const {
        problem why = problem::none;
        switch (known.kind) {
            case column_kind::id:
                if (column.type == column_type::float64) {
                    double const id = column.at<double>(row);
                    if (!(std::abs(id) <= 9007199254740992.0 && id == std::trunc(id)))
                        why = problem::not_whole;
                }
                return why;
            case column_kind::number: {
                double const value = number_at(column, row, why);
                if (why != problem::none) return why;
                if (!std::isfinite(value))
                    return std::isnan(value) ? problem::no_number : problem::not_finite;
                return value < known.lowest || value > known.highest ? problem::out_of_range : why;
            }
            case column_kind::choice: {
                std::string_view const text = column.text(row);
                for (std::string_view const word : known.choices)
                    if (equals_ignoring_case(text, word)) return why;
                return problem::no_choice;
            }
            case column_kind::time:
                switch (time_at(column, row).why) {
                    case read_time::problem::none:
                    case read_time::problem::missing:
                        return problem::none;
                    case read_time::problem::malformed:
                        return problem::no_time;
                    case read_time::problem::impossible_date:
                        return problem::no_such_date;
                    case read_time::problem::impossible_clock:
                        return problem::no_such_clock;
                    case read_time::problem::out_of_range:
                        return problem::far_time;
                }
                return problem::none;
            case column_kind::text:
                return why;
        }
        return why;
    }

    void check_block(std::size_t begin, std::size_t end, time_zone const& zone, std::uint64_t* prints) {
        std::vector<note> found;
        for (std::size_t at = 0; at < columns.size(); ++at) {
            auto const& [known, column] = columns[at];
            column_view const& values = column->values;
            bool const customer = known->name == "customer_id";
            for (std::size_t row = begin; row < end; ++row) {
                if (is_missing(values, row)) {
                    if (!known->required) continue;
                    if (customer && status[row] == 0) status[row] = no_customer;
                    if (!customer && (status[row] == 0 || status[row] == no_customer)) {
                        status[row] = 0;
                        mark(row, at, problem::missing);
                    }
                    continue;
                }
                problem const why = check(*known, values, row);
                if (why == problem::none) {
                    if (known->past && lies_ahead(values, row))
                        found.push_back(
                            {.row = row, .reason = "lies after the last transaction", .column = at});
                    continue;
                }
                if (known->noted) {
                    found.push_back({.row = row, .reason = describe(why, *known, rule), .column = at});
                    continue;
                }
                if (status[row] == no_customer) status[row] = 0;
                mark(row, at, why);
            }
        }
        check_one_of(begin, end);
        check_scores(begin, end);
        check_orders(begin, end, found);
        check_sizes(begin, end, found);
        check_referrals(begin, end, found);
        if (!days.empty()) find_days(begin, end, zone);
        if (prints != nullptr) take_fingerprints(begin, end, prints);
        add_notes(found);
    }

    void find_days(std::size_t begin, std::size_t end, time_zone const& zone) {
        column_view const& times = find("time")->values;
        local_clock clock(zone);
        for (std::size_t row = begin; row < end; ++row) {
            auto const time = time_at(times, row);
            if (time.why != read_time::problem::none) continue;
            auto const date = std::chrono::floor<std::chrono::days>(time.when);
            days[row] = time.is_date ? static_cast<std::int32_t>(date.time_since_epoch().count())
                                     : clock.day(time.when);
        }
    }

    void check_one_of(std::size_t begin, std::size_t end) {
        if (rule.one_of.empty()) return;
        std::vector<table_column const*> some;
        std::size_t place = 0;
        for (std::size_t at = 0; at < columns.size(); ++at) {
            if (std::find(rule.one_of.begin(), rule.one_of.end(), columns[at].first->name) ==
                rule.one_of.end())
                continue;
            if (some.empty()) place = at;
            some.push_back(columns[at].second);
        }
        for (std::size_t row = begin; row < end; ++row)
            if (std::all_of(some.begin(), some.end(),
                            [row](table_column const* one) { return is_missing(one->values, row); }))
                mark(row, place, problem::none_of);
    }

    void check_scores(std::size_t begin, std::size_t end) {
        auto const* scale = find("scale");
        auto const* score = find("score");
        if (scale == nullptr || score == nullptr) return;
        std::size_t const place = place_of(score);
        for (std::size_t row = begin; row < end; ++row) {
            if (status[row] > no_customer || is_missing(scale->values, row)) continue;
            problem why = problem::none;
            double const value = number_at(score->values, row, why);
            std::string_view const word = scale->values.text(row);
            bool const good = equals_ignoring_case(word, "nps")    ? value >= 0 && value <= 10
                              : equals_ignoring_case(word, "csat") ? value >= 1 && value <= 5
                                                                   : value >= 1;
            if (good) continue;
            status[row] = 0;
            mark(row, place, problem::score_out_of_range);
        }
    }

    bool lies_ahead(column_view const& times, std::size_t row) const {
        if (!observed_until) return false;
        auto const time = time_at(times, row);
        return time.why == read_time::problem::none &&
               std::chrono::floor<std::chrono::days>(time.when).time_since_epoch().count() > *observed_until;
    }

    std::size_t place_of(table_column const* column) const {
        return static_cast<std::size_t>(
            std::find_if(columns.begin(), columns.end(),
                         [column](auto const& one) { return one.second == column; }) -
            columns.begin());
    }

    void check_sizes(std::size_t begin, std::size_t end, std::vector<note>& found) const {
        for (order_rule const& pair : rule.sizes) {
            auto const* smaller = find(pair.earlier);
            auto const* larger = find(pair.later);
            if (smaller == nullptr || larger == nullptr) continue;
            for (std::size_t row = begin; row < end; ++row) {
                if (is_missing(smaller->values, row) || is_missing(larger->values, row)) continue;
                problem why = problem::none;
                double const a = number_at(smaller->values, row, why);
                double const b = number_at(larger->values, row, why);
                if (why == problem::none && b < a)
                    found.push_back(
                        {.row = row, .reason = std::string(pair.problem), .column = place_of(larger)});
            }
        }
    }

    void check_orders(std::size_t begin, std::size_t end, std::vector<note>& found) const {
        for (order_rule const& order : rule.orders) {
            auto const* earlier = find(order.earlier);
            auto const* later = find(order.later);
            if (earlier == nullptr || later == nullptr) continue;
            std::size_t const place = place_of(later);
            for (std::size_t row = begin; row < end; ++row) {
                auto const a = time_at(earlier->values, row);
                auto const b = time_at(later->values, row);
                if (a.why != read_time::problem::none || b.why != read_time::problem::none) continue;
                // A date is any time of its day.
                auto const day = [](instant when) { return std::chrono::floor<std::chrono::days>(when); };
                if (a.is_date || b.is_date ? day(b.when) < day(a.when) : b.when < a.when)
                    found.push_back({.row = row, .reason = std::string(order.problem), .column = place});
            }
        }
    }

    void check_referrals(std::size_t begin, std::size_t end, std::vector<note>& found) const {
        auto const* referrer = find("referrer_id");
        auto const* customer = find("customer_id");
        if (referrer == nullptr || customer == nullptr) return;
        for (std::size_t row = begin; row < end; ++row)
            if (status[row] == 0 && show_value(referrer->values, row) == show_value(customer->values, row))
                found.push_back({.row = row, .reason = "referred themselves", .column = 0});
    }

    void take_fingerprints(std::size_t begin, std::size_t end, std::uint64_t* prints) const {
        std::fill(prints + begin, prints + end, std::uint64_t{0});
        // In the order of the schema, not of the table.
        for (column_rule const& known : rule.columns) {
            auto const* column = find(known.name);
            if (column == nullptr) continue;
            column_view const& values = column->values;
            bool const time = known.kind == column_kind::time;
            for (std::size_t row = begin; row < end; ++row) {
                std::uint64_t value = 0x5bd1e995;
                problem why = problem::none;
                if (is_missing(values, row)) {
                } else if (time) {
                    value =
                        mix(static_cast<std::uint64_t>(time_at(values, row).when.time_since_epoch().count()));
                } else if (values.is_text()) {
                    value = fingerprint(values.text(row));
                } else if (values.type == column_type::int64) {
                    value = mix(static_cast<std::uint64_t>(values.at<std::int64_t>(row)));
                } else if (values.type == column_type::int32 || values.type == column_type::date32) {
                    value = mix(static_cast<std::uint64_t>(std::int64_t{values.at<std::int32_t>(row)}));
                } else if (values.type == column_type::timestamp) {
                    value = mix(static_cast<std::uint64_t>(values.at<std::int64_t>(row)));
                } else {
                    value = mix(std::bit_cast<std::uint64_t>(number_at(values, row, why)));
                }
                prints[row] = mix(prints[row] * 0x9e3779b97f4a7c15U ^ value);
            }
        }
    }
};

table_check::table_check(table_rule const& rule, table_options options)
    : rule_(rule), options_(std::move(options)) {
    if (!options_.time_zone.empty()) zone_ = time_zone::named(options_.time_zone);
    quality_.table = rule_.name;
}

void table_check::read(std::span<table_column const> batch) {
    batch_check now{.rule = rule_,
                    .observed_until = options_.observed_until,
                    .columns = {},
                    .size = batch.empty() ? 0 : batch.front().values.size,
                    .status = {},
                    .days = {},
                    .notes = {},
                    .notes_lock = {}};
    for (table_column const& column : batch) {
        auto const* known = rule_.find(column.name);
        if (known == nullptr || !column.values) continue;
        location const where{.table = rule_.name, .column = column.label};
        if (!fits(known->kind, column.values))
            throw input_error(where, "holds values of another type; " + std::string(wanted(known->kind)));
        if (column.values.size != now.size) throw input_error(where, "has another length than the others");
        now.columns.emplace_back(known, &column);
    }
    for (column_rule const& known : rule_.columns)
        if (known.required && now.find(known.name) == nullptr)
            throw input_error({.table = rule_.name, .column = known.name}, "is missing");
    now.status.resize(now.size);
    if (now.find("time") != nullptr) now.days.resize(now.size, no_day);
    std::size_t const base = fingerprints_.size();
    if (options_.find_alike) fingerprints_.resize(base + now.size);
    parallel_blocks(
        now.size, block_rows, options_.threads, [&](std::size_t, std::size_t begin, std::size_t end) {
            now.check_block(begin, end, zone_, options_.find_alike ? fingerprints_.data() + base : nullptr);
        });

    std::int64_t const rows_before = quality_.rows_read;
    std::sort(now.notes.begin(), now.notes.end(), [](note const& a, note const& b) {
        return std::pair(a.row, a.column) < std::pair(b.row, b.column);
    });
    for (note const& one : now.notes) {
        if (now.status[one.row] > batch_check::no_customer) continue;
        table_column const& column = *now.columns[one.column].second;
        list_row(refusal_of(noted_, column.label, one.reason),
                 rows_before + static_cast<std::int64_t>(one.row), show_value(column.values, one.row));
    }
    std::size_t usable = base;
    for (std::size_t row = 0; row < now.size; ++row) {
        std::uint16_t const fate = now.status[row];
        if (fate == 0) {
            if (options_.find_alike) fingerprints_[usable++] = fingerprints_[base + row];
            ++quality_.rows_used;
            std::int32_t const day = now.days.empty() ? no_day : now.days[row];
            if (day == no_day) continue;
            if (days_.empty()) first_day_ = day;
            if (day < first_day_) {
                days_.insert(days_.begin(), static_cast<std::size_t>(first_day_ - day), 0);
                first_day_ = day;
            }
            auto const at = static_cast<std::size_t>(day - first_day_);
            if (at >= days_.size()) days_.resize(at + 1);
            days_[at] = 1;
        } else if (fate == batch_check::no_customer) {
            ++quality_.rows_without_customer;
        } else {
            auto const& [known, column] = now.columns[(fate & 0xFFU) - 2];
            std::string const reason = describe(static_cast<problem>(fate >> 8), *known, rule_);
            std::int64_t const number = rows_before + static_cast<std::int64_t>(row);
            std::string const value = show_value(column->values, row);
            if (options_.on_bad_rows == bad_rows::raise)
                throw input_error(
                    {.table = rule_.name, .column = column->label, .row = number, .value = value}, reason);
            list_row(refusal_of(quality_.refused, column->label, reason), number, value);
        }
    }
    if (options_.find_alike) fingerprints_.resize(usable);
    read_customers(batch, now.status);
    read_referrals(batch, now.status);
    if (options_.keep) keep_rows(batch, now.status);
    quality_.rows_read += static_cast<std::int64_t>(now.size);
}

void table_check::read_customers(std::span<table_column const> batch,
                                 std::vector<std::uint16_t> const& status) {
    for (table_column const& column : batch) {
        if (column.name != "customer_id" || !column.values) continue;
        column_view const& ids = column.values;
        std::vector<std::uint8_t> skip(status.size());
        for (std::size_t row = 0; row < status.size(); ++row)
            skip[row] = status[row] != 0 || is_missing(ids, row) ? 1 : 0;
        if (std::find(skip.begin(), skip.end(), std::uint8_t{0}) == skip.end()) return;
        std::vector<std::uint32_t> codes(status.size());
        customers_.intern(ids, skip.data(), codes.data(), options_.threads,
                          {.table = rule_.name, .column = column.label});
        if (!rule_.unique_customers) return;
        seen_.resize(customers_.size());
        for (std::size_t row = 0; row < status.size(); ++row) {
            if (skip[row] != 0) continue;
            if (seen_[codes[row]] != 0) {
                ++quality_.rows_duplicate;
                list_row(refusal_of(quality_.duplicates, column.label, "has a row already"),
                         quality_.rows_read + static_cast<std::int64_t>(row), customers_.label(codes[row]));
            }
            seen_[codes[row]] = 1;
        }
    }
}

void table_check::read_referrals(std::span<table_column const> batch,
                                 std::vector<std::uint16_t> const& status) {
    auto column = [&](std::string_view name) {
        auto const at = std::find_if(batch.begin(), batch.end(),
                                     [&](table_column const& one) { return one.name == name; });
        return at == batch.end() || !at->values ? nullptr : &*at;
    };
    auto const* referrer = column("referrer_id");
    auto const* customer = column("customer_id");
    if (referrer == nullptr || customer == nullptr) return;
    // Ids of two kinds are of different people.
    bool const text = customer->values.is_text();
    if (referrer->values.is_text() != text || (people_.size() > 0 && people_.is_text() != text)) return;
    std::vector<std::uint8_t> skip(status.size());
    std::transform(status.begin(), status.end(), skip.begin(),
                   [](std::uint16_t fate) { return static_cast<std::uint8_t>(fate != 0); });
    if (std::find(skip.begin(), skip.end(), std::uint8_t{0}) == skip.end()) return;
    std::vector<std::uint32_t> from(status.size());
    std::vector<std::uint32_t> to(status.size());
    people_.intern(referrer->values, skip.data(), from.data(), options_.threads,
                   {.table = rule_.name, .column = referrer->label});
    people_.intern(customer->values, skip.data(), to.data(), options_.threads,
                   {.table = rule_.name, .column = customer->label});
    referrer_label_ = referrer->label;
    for (std::size_t row = 0; row < status.size(); ++row)
        if (skip[row] == 0)
            referrals_.push_back({.referrer = from[row],
                                  .customer = to[row],
                                  .row = quality_.rows_read + static_cast<std::int64_t>(row)});
}

void table_check::keep_rows(std::span<table_column const> batch, std::vector<std::uint16_t> const& status) {
    auto const rows = static_cast<std::size_t>(std::count(status.begin(), status.end(), std::uint16_t{0}));
    std::size_t const before = static_cast<std::size_t>(quality_.rows_used) - rows;
    for (std::size_t row = 0; row < status.size(); ++row)
        if (status[row] == 0) kept_rows_.push_back(quality_.rows_read + static_cast<std::int64_t>(row));
    for (column_rule const& known : rule_.columns) {
        auto const column = std::find_if(batch.begin(), batch.end(), [&](table_column const& one) {
            return one.name == known.name && one.values;
        });
        auto at = std::find_if(kept_.begin(), kept_.end(),
                               [&](kept_column const& one) { return one.rule->name == known.name; });
        if (at == kept_.end()) {
            if (column == batch.end()) continue;
            at = kept_.emplace(kept_.end());
            at->rule = rule_.find(known.name);
            // The batches before did not have it.
            at->times.resize(known.kind == column_kind::time ? before : 0, kept_column::no_time);
            at->numbers.resize(known.kind == column_kind::number ? before : 0, nan);
            at->codes.resize(
                known.kind != column_kind::time && known.kind != column_kind::number ? before : 0,
                kept_column::missing);
        }
        bool const there = column != batch.end();
        auto usable = [&](std::size_t row) { return there && !is_missing(column->values, row); };
        if (known.kind == column_kind::time) {
            for (std::size_t row = 0; row < status.size(); ++row) {
                if (status[row] != 0) continue;
                auto const when = usable(row) ? time_at(column->values, row)
                                              : read_time{.why = read_time::problem::missing};
                bool const good = when.why == read_time::problem::none;
                at->dates_only = at->dates_only && (!good || when.is_date);
                at->times.push_back(good ? when.when.time_since_epoch().count() : kept_column::no_time);
            }
        } else if (known.kind == column_kind::number) {
            for (std::size_t row = 0; row < status.size(); ++row) {
                if (status[row] != 0) continue;
                problem why = problem::none;
                at->numbers.push_back(usable(row) ? number_at(column->values, row, why) : nan);
            }
        } else {
            std::vector<std::uint8_t> skip(status.size());
            for (std::size_t row = 0; row < status.size(); ++row)
                skip[row] = status[row] != 0 || !usable(row) ? 1 : 0;
            std::vector<std::uint32_t> codes(status.size(), kept_column::missing);
            column_view values = there ? column->values : column_view();
            text_column texts;
            if (there && (known.kind == column_kind::choice ||
                          (known.kind == column_kind::text && !values.is_text()))) {
                for (std::size_t row = 0; row < status.size(); ++row) {
                    std::string text = skip[row] != 0 ? std::string() : show_value(values, row);
                    if (known.kind == column_kind::choice)
                        std::transform(text.begin(), text.end(), text.begin(), lower);
                    texts.push_back(text);
                }
                values = texts.view();
            }
            if (std::find(skip.begin(), skip.end(), std::uint8_t{0}) != skip.end())
                at->labels.intern(values, skip.data(), codes.data(), options_.threads,
                                  {.table = rule_.name, .column = known.name});
            for (std::size_t row = 0; row < status.size(); ++row)
                if (status[row] == 0) at->codes.push_back(skip[row] != 0 ? kept_column::missing : codes[row]);
        }
    }
}

}  // namespace clavis::ledger

#include "ledger/intake_batch.hpp"

#include <array>
#include <cmath>
#include <utility>

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "clavis/core/time_text.hpp"

namespace clavis::ledger {

using clavis::to_string;

namespace {

// 0000-01-01 and 9999-12-31: what text can say as well, and far from where microseconds overflow.
constexpr std::int32_t first_possible_day = -719528;
constexpr std::int32_t last_possible_day = 2932896;

struct problem_text {
    role column;
    std::string_view reason;
};

problem_text describe(row_problem problem) {
    switch (problem) {
        case row_problem::none:
        case row_problem::no_customer:
        case row_problem::not_yet_known:
        case row_problem::event_duplicate:
        case row_problem::event_at_odds:  // listed where it is found out
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
        case row_problem::currency_missing:
            return {role::currency, "is missing, and with rates nothing is assumed"};
        case row_problem::currency_unknown:
            return {role::currency, "has no rate"};
        case row_problem::rate_missing:
            return {role::currency, "has no rate for that day yet"};
        case row_problem::converted_too_large:
            return {role::amount, "is too large once converted"};
        case row_problem::known_malformed:
            return {role::known_time, describe(time_text_problem::malformed)};
        case row_problem::known_date_impossible:
            return {role::known_time, describe(time_text_problem::impossible_date)};
        case row_problem::known_clock_impossible:
            return {role::known_time, describe(time_text_problem::impossible_time)};
        case row_problem::known_out_of_range:
            return {role::known_time, "lies outside of the years 0 to 9999"};
        case row_problem::event_fraction:
            return {role::event_id, "is not a whole number"};
        case row_problem::event_too_large:
            return {role::event_id, "is too large to be a whole number exactly"};
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

template <class Number>
std::pair<Number, Number> extremes(Number const* begin, Number const* end) {
    std::pair<Number, Number> found{*begin, *begin};
    for (; begin != end; ++begin) {
        found.first = std::min(found.first, *begin);
        found.second = std::max(found.second, *begin);
    }
    return found;
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
    if (text.size() != lower.size()) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char const c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
        if (c != lower[i]) return false;
    }
    return true;
}

}  // namespace

void list_row(refusal& entry, std::int64_t row, std::string value) {
    ++entry.count;
    note_example(entry, value);
    if (row < 0) return;  // of a saved state, which has no row numbers
    auto const at = std::upper_bound(entry.rows.begin(), entry.rows.end(), row) - entry.rows.begin();
    if (at >= static_cast<std::ptrdiff_t>(refusal::listed)) return;
    entry.rows.insert(entry.rows.begin() + at, row);
    entry.values.insert(entry.values.begin() + at, std::move(value));
    if (entry.rows.size() <= refusal::listed) return;
    entry.rows.pop_back();
    entry.values.pop_back();
}

void note_example(refusal& entry, std::string_view value) {
    auto& known = entry.examples;
    if (known.size() == refusal::most_examples && value >= known.back()) return;
    auto const at = std::lower_bound(known.begin(), known.end(), value);
    if (at != known.end() && *at == value) return;
    known.insert(at, std::string(value));
    if (known.size() > refusal::most_examples) known.pop_back();
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

column_view const& batch_reader::column(role which) const {
    switch (which) {
        case role::customer_id:
            return batch.customer_id;
        case role::time:
            return batch.time;
        case role::amount:
            return batch.amount;
        case role::kind:
            return batch.kind;
        case role::currency:
            return batch.currency;
        case role::known_time:
            return batch.known_time;
        case role::event_id:
            return batch.event_id;
    }
    return batch.time;
}

std::string_view batch_reader::label(role which) const {
    switch (which) {
        case role::customer_id:
            return batch.labels.customer_id;
        case role::time:
            return batch.labels.time;
        case role::amount:
            return batch.labels.amount;
        case role::kind:
            return batch.labels.kind;
        case role::currency:
            return batch.labels.currency;
        case role::known_time:
            return batch.labels.known_time;
        case role::event_id:
            return batch.labels.event_id;
    }
    return {};
}

void batch_reader::mark(std::size_t row, row_problem problem) const {
    if (status[row] == 0) status[row] = static_cast<std::uint8_t>(problem);
}

void batch_reader::set_time(std::size_t row, instant when, local_clock& clock) const {
    std::int32_t const day = clock.day(when);
    out.time[base + row] = when.time_since_epoch().count();
    out.day[base + row] = day;
    if (day > last_allowed) mark(row, row_problem::time_after_end);
}

void batch_reader::set_day(std::size_t row, std::int32_t day) const {
    out.day[base + row] = day;
    if (day < first_possible_day || day > last_possible_day) {
        mark(row, row_problem::time_out_of_range);
    } else if (day > last_allowed) {
        mark(row, row_problem::time_after_end);
    }
    if (!out.time.empty()) out.time[base + row] = day * clavis::day.count();
}

void batch_reader::read_dates(std::size_t begin, std::size_t end) const {
    auto const* days = static_cast<std::int32_t const*>(batch.time.values);
    if (batch.time.validity == nullptr && out.time.empty()) {
        // Nearly always every date is in order, which one look at the first and the last tells.
        auto const [first, last] = extremes(days + begin, days + end);
        if (first >= first_possible_day && last <= std::min(last_possible_day, last_allowed)) {
            std::copy(days + begin, days + end, out.day.data() + base + begin);
            return;
        }
    }
    for (std::size_t row = begin; row < end; ++row) {
        if (batch.time.is_null(row)) {
            out.day[base + row] = 0;
            mark(row, row_problem::time_missing);
        } else {
            set_day(row, days[row]);
        }
    }
}

void batch_reader::read_timestamps(std::size_t begin, std::size_t end, block_facts& facts) const {
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

void batch_reader::read_time_texts(std::size_t begin, std::size_t end, block_facts& facts) const {
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
void batch_reader::read_amounts(std::size_t begin, std::size_t end, block_facts& facts,
                                Read const& read) const {
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

void batch_reader::read_amounts(std::size_t begin, std::size_t end, block_facts& facts) const {
    column_view const& amounts = batch.amount;
    int const scale = options.amount_scale;
    // Multiplies where nothing is to be rounded.
    auto exact = [&](auto get, int shift) {
        if (shift < 0) {
            return read_amounts(begin, end, facts,
                                [&](std::size_t row) { return shift_amount(get(row), shift, scale); });
        }
        std::int64_t const factor = power_of_ten(shift);
        if (amounts.validity == nullptr) {
            std::int64_t const limit = std::numeric_limits<std::int64_t>::max() / factor;
            bool far = false;
            for (std::size_t row = begin; row < end; ++row) {
                auto const value = static_cast<std::int64_t>(get(row));
                far |= value > limit || value < -limit;
            }
            if (!far) {
                for (std::size_t row = begin; row < end; ++row)
                    out.amount[base + row] = static_cast<std::int64_t>(get(row)) * factor;
                return;
            }
        }
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

void batch_reader::read_kinds(std::size_t begin, std::size_t end) const {
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

void batch_reader::read_customers(std::size_t begin, std::size_t end) const {
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

void batch_reader::convert_amounts(std::size_t begin, std::size_t end, block_facts& facts) const {
    currency_rates const& rates = *options.rates;
    facts.converted.resize(rates.all().size());
    auto const itself = rates.find(rates.reporting_currency());
    std::string_view last;
    std::optional<std::size_t> place;
    for (std::size_t row = begin; row < end; ++row) {
        if (status[row] != 0) continue;
        std::string_view const text =
            batch.currency.is_null(row) ? std::string_view() : batch.currency.text(row);
        if (text.empty()) {
            mark(row, row_problem::currency_missing);
            continue;
        }
        if (text != last) {
            last = text;
            place = rates.find(text);
        }
        if (!place) {
            mark(row, row_problem::currency_unknown);
            continue;
        }
        ++facts.converted[*place];
        if (place == itself) continue;
        auto const* rate = rates.on(*place, out.day[base + row]);
        auto const amount =
            rate != nullptr ? currency_rates::convert(out.amount[base + row], *rate) : std::nullopt;
        if (amount) {
            out.amount[base + row] = *amount;
        } else {
            --facts.converted[*place];
            mark(row, rate != nullptr ? row_problem::converted_too_large : row_problem::rate_missing);
        }
    }
}

void batch_reader::read_known_times(std::size_t begin, std::size_t end, block_facts& facts) const {
    local_clock clock(zone);
    for (std::size_t row = begin; row < end; ++row) {
        if (status[row] != 0) continue;
        std::int32_t const day = out.day[base + row];
        std::int32_t known_day = day;
        read_time known{.why = read_time::problem::missing};
        if (batch.known_time) known = time_at(batch.known_time, row);
        switch (known.why) {
            case read_time::problem::none: {
                auto const date = std::chrono::floor<std::chrono::days>(known.when);
                known_day = known.is_date ? static_cast<std::int32_t>(date.time_since_epoch().count())
                                          : clock.day(known.when);
                bool const early = known.is_date || out.time.empty()
                                       ? known_day < day
                                       : known.when.time_since_epoch().count() < out.time[base + row];
                facts.known_early += early ? 1 : 0;
                facts.zone_assumed = facts.zone_assumed || !(known.is_date || known.has_zone);
                break;
            }
            case read_time::problem::missing:
                break;
            case read_time::problem::malformed:
                mark(row, row_problem::known_malformed);
                continue;
            case read_time::problem::impossible_date:
                mark(row, row_problem::known_date_impossible);
                continue;
            case read_time::problem::impossible_clock:
                mark(row, row_problem::known_clock_impossible);
                continue;
            case read_time::problem::out_of_range:
                mark(row, row_problem::known_out_of_range);
                continue;
        }
        if (known_day > last_known) mark(row, row_problem::not_yet_known);
    }
}

void batch_reader::check_event_ids(std::size_t begin, std::size_t end) const {
    column_view const& ids = batch.event_id;
    if (ids.type != column_type::float64) return;
    for (std::size_t row = begin; row < end; ++row) {
        double const id = ids.at<double>(row);
        if (ids.is_null(row) || std::isnan(id)) continue;
        if (std::abs(id) > 9007199254740992.0) {
            mark(row, row_problem::event_too_large);
        } else if (id != std::trunc(id)) {
            mark(row, row_problem::event_fraction);
        }
    }
}

void batch_reader::read_block(std::size_t begin, std::size_t end, block_facts& facts) const {
    std::fill(status + begin, status + end, std::uint8_t{0});
    if (batch.time.type == column_type::date32) {
        read_dates(begin, end);
    } else if (batch.time.type == column_type::timestamp) {
        read_timestamps(begin, end, facts);
    } else {
        read_time_texts(begin, end, facts);
    }
    if (batch.amount) read_amounts(begin, end, facts);
    if (batch.amount && options.rates) convert_amounts(begin, end, facts);
    if (!out.kind.empty()) read_kinds(begin, end);
    if (batch.event_id) check_event_ids(begin, end);
    if (batch.known_time || options.known_at) read_known_times(begin, end, facts);
    read_customers(begin, end);

    std::uint8_t fates = 0;
    for (std::size_t row = begin; row < end; ++row)
        fates |= status[row];
    if (fates == 0) {
        auto const [first, last] = extremes(&out.day[base + begin], &out.day[base + end - 1] + 1);
        facts.first_day = first;
        facts.last_day = last;
        if (!batch.amount) return;
        // Halves of 32 bits, so that a block's sums stay within 64.
        std::uint64_t low = 0;
        std::int64_t high = 0;
        for (std::size_t row = begin; row < end; ++row) {
            std::int64_t const amount = out.amount[base + row];
            low += static_cast<std::uint32_t>(amount);
            high += amount >> 32;
        }
        facts.amount = (static_cast<int128>(high) << 32) + static_cast<int128>(low);
        return;
    }
    for (std::size_t row = begin; row < end; ++row) {
        bool const attributed = status[row] == 0;
        if (!attributed && status[row] != static_cast<std::uint8_t>(row_problem::no_customer)) {
            bool const unknown = status[row] == static_cast<std::uint8_t>(row_problem::not_yet_known);
            ++(is_bad(row) ? facts.bad : unknown ? facts.not_yet_known : facts.late);
            continue;
        }
        facts.first_day = std::min(facts.first_day, out.day[base + row]);
        facts.last_day = std::max(facts.last_day, out.day[base + row]);
        std::int64_t const amount = batch.amount ? out.amount[base + row] : 0;
        (attributed ? facts.amount : facts.amount_without_customer) += amount;
        facts.without_customer += attributed ? 0 : 1;
    }
}

void batch_reader::raise(std::int64_t rows_before) const {
    std::size_t row = 0;
    while (!is_bad(row))
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

void batch_reader::list_refused(std::vector<refusal>& refused, std::int64_t rows_before) const {
    for (std::size_t row = 0; row < batch.size(); ++row) {
        if (!is_bad(row)) continue;
        problem_text const text = describe(static_cast<row_problem>(status[row]));
        refusal& entry = refusal_of(refused, label(text.column), text.reason);
        list_row(entry, rows_before + static_cast<std::int64_t>(row), show_value(column(text.column), row));
    }
}

std::string batch_reader::check_currency(std::string_view known, std::int64_t rows_before) const {
    column_view const& currency = batch.currency;
    for (std::size_t row = 0; known.empty() && row < batch.size(); ++row)
        if (!currency.is_null(row)) known = currency.text(row);
    std::vector<std::size_t> differing(block_count(batch.size(), intake_block_rows), batch.size());
    parallel_blocks(batch.size(), intake_block_rows, options.threads,
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
        throw input_error(
            {.table = batch.labels.table,
             .column = batch.labels.currency,
             .row = rows_before + static_cast<std::int64_t>(row),
             .value = show_value(currency, row)},
            "differs from \"" + std::string(known) +
                "\" in the rows before; amounts of several currencies cannot be added up without rates: "
                "give rates (currency, rate and perhaps date) and reporting_currency");
    }
    return std::string(known);
}

namespace {

[[noreturn]] void refuse_column(transactions_view const& batch, std::string_view column,
                                std::string const& problem) {
    throw input_error({.table = batch.labels.table, .column = column}, problem);
}

}  // namespace

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
    require(batch.event_id, labels.event_id, is_id(batch.event_id), "ids are integers or text");
    require(batch.known_time, labels.known_time,
            batch.known_time.is_text() || is(batch.known_time, column_type::date32, column_type::timestamp),
            "times are dates, timestamps or ISO text");
    if (batch.amount.type == column_type::decimal64 && std::abs(batch.amount.scale) > 18)
        refuse_column(batch, labels.amount, "has " + std::to_string(batch.amount.scale) + " decimal places");
}

}  // namespace clavis::ledger

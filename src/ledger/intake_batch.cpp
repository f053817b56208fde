#include "ledger/intake_batch.hpp"

#include <array>
#include <cmath>
#include <utility>

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "clavis/core/time_text.hpp"
#include "ledger/letters.hpp"

namespace clavis::ledger {

namespace {

// 0000-01-01 and 9999-12-31: what text can say as well, and far from where microseconds overflow.
constexpr std::int32_t first_possible_day = -719528;
constexpr std::int32_t last_possible_day = 2932896;

template <class Number>
std::pair<Number, Number> extremes(Number const* begin, Number const* end) {
    std::pair<Number, Number> found{*begin, *begin};
    for (; begin != end; ++begin) {
        found.first = std::min(found.first, *begin);
        found.second = std::max(found.second, *begin);
    }
    return found;
}

}  // namespace

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

}  // namespace clavis::ledger
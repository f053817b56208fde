#include "clavis/ledger/rates.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

#include "clavis/core/errors.hpp"
#include "clavis/core/exact_sum.hpp"
#include "clavis/core/time.hpp"
#include "clavis/core/time_text.hpp"
#include "ledger/intake_decode.hpp"

namespace clavis::ledger {

namespace {

constexpr int digits_kept = 18;

/// Reads "1.0825" or "7.2e-3"; nothing where the text is no decimal above 0 or has too many digits.
std::optional<currency_rates::rate> parse_rate(std::string_view text) {
    while (!text.empty() && text.front() == ' ')
        text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ')
        text.remove_suffix(1);
    if (!text.empty() && text.front() == '+') text.remove_prefix(1);
    std::string digits;
    int exponent = 0;
    bool point = false;
    std::size_t at = 0;
    for (; at < text.size(); ++at) {
        char const c = text[at];
        if (c == '.' && !point) {
            point = true;
        } else if (c >= '0' && c <= '9') {
            digits += c;
            if (point) --exponent;
        } else {
            break;
        }
    }
    if (digits.empty()) return std::nullopt;
    if (at < text.size()) {
        if (text[at] != 'e' && text[at] != 'E') return std::nullopt;
        if (++at < text.size() && text[at] == '+') ++at;
        int power = 0;
        auto const [end, problem] = std::from_chars(text.data() + at, text.data() + text.size(), power);
        if (problem != std::errc{} || end != text.data() + text.size() || std::abs(power) > 400)
            return std::nullopt;
        exponent += power;
    }
    for (; digits.size() > 1 && digits.back() == '0'; digits.pop_back())
        ++exponent;
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
    if (digits.empty() || digits.size() > digits_kept || exponent < -36 || exponent > 18) return std::nullopt;
    currency_rates::rate result;
    std::from_chars(digits.data(), digits.data() + digits.size(), result.mantissa);
    result.exponent = exponent;
    return result;
}

void check(currency_rates::columns const& table) {
    auto is_time = [](column_view const& column) {
        return column.type == column_type::date32 || column.type == column_type::timestamp;
    };
    if (!table.currency.is_text())
        throw input_error({.table = table.table, .column = "currency"}, "must be text");
    if (!table.rate || is_time(table.rate))
        throw input_error({.table = table.table, .column = "rate"}, "must hold numbers");
    if (table.date && !table.date.is_text() && !is_time(table.date))
        throw input_error({.table = table.table, .column = "date"}, "must hold dates");
    if (table.rate.size != table.currency.size || (table.date && table.date.size != table.currency.size))
        throw input_error({.table = table.table}, "the columns differ in length");
}

}  // namespace

currency_rates::currency_rates(std::vector<columns> const& table, std::string reporting_currency)
    : reporting_(std::move(reporting_currency)) {
    if (reporting_.empty()) throw input_error("reporting_currency: say which currency the rates convert to");
    struct entry {
        std::string_view currency;
        bool has_day = false;
        rate value;
        std::size_t row = 0;
        columns const* from = nullptr;
        std::int64_t number = 0;  // over all batches
    };
    auto fail = [](entry const& at, std::string_view column, column_view columns::*view,
                   std::string_view problem) {
        throw input_error({.table = at.from->table,
                           .column = column,
                           .row = at.number,
                           .value = show_value(at.from->*view, at.row)},
                          problem);
    };
    std::vector<entry> entries;
    std::int64_t number = 0;
    for (columns const& batch : table) {
        check(batch);
        for (std::size_t row = 0; row < batch.currency.size; ++row) {
            entry next;
            next.row = row;
            next.from = &batch;
            next.number = number++;
            if (batch.currency.is_null(row) || batch.currency.text(row).empty())
                fail(next, "currency", &columns::currency, "is missing");
            next.currency = batch.currency.text(row);
            std::string const text = show_value(batch.rate, row);
            if (text.empty() || text == "nan") fail(next, "rate", &columns::rate, "is missing");
            auto const value = parse_rate(text);
            if (!value)
                fail(next, "rate", &columns::rate, "is no rate: a number above 0 of at most 18 digits");
            next.value = *value;
            if (batch.date) {
                auto const time = time_at(batch.date, row);
                if (time.why == read_time::problem::none) {
                    next.has_day = true;
                    auto const date = std::chrono::floor<std::chrono::days>(time.when);
                    next.value.day = static_cast<std::int32_t>(date.time_since_epoch().count());
                } else if (time.why != read_time::problem::missing) {
                    fail(next, "date", &columns::date, "is no date");
                }
            }
            entries.push_back(next);
        }
    }
    std::sort(entries.begin(), entries.end(), [](entry const& a, entry const& b) {
        return std::tuple(a.currency, a.value.day, a.number) < std::tuple(b.currency, b.value.day, b.number);
    });
    for (entry const& next : entries) {
        if (next.currency == reporting_ && (next.value.mantissa != 1 || next.value.exponent != 0))
            fail(next, "rate", &columns::rate, "is the rate of the reporting currency, which is 1");
        if (all_.empty() || all_.back().currency != next.currency) {
            all_.push_back({.currency = std::string(next.currency), .always = !next.has_day, .rates = {}});
        } else if (all_.back().always == next.has_day) {
            fail(next, "date", &columns::date,
                 "stands beside rates of \"" + std::string(next.currency) +
                     "\" that have a date where this has none, or the other way round");
        } else if (all_.back().rates.back().day == next.value.day) {
            if (all_.back().rates.back() == next.value) continue;
            fail(next, "rate", &columns::rate,
                 "is a second rate of \"" + std::string(next.currency) + "\" for the same day");
        }
        all_.back().rates.push_back(next.value);
    }
    auto const at =
        std::lower_bound(all_.begin(), all_.end(), reporting_,
                         [](series const& one, std::string const& name) { return one.currency < name; });
    series const itself{
        .currency = reporting_, .always = true, .rates = {{.day = 0, .mantissa = 1, .exponent = 0}}};
    if (at != all_.end() && at->currency == reporting_) {
        *at = itself;
    } else {
        all_.insert(at, itself);
    }
}

std::optional<std::size_t> currency_rates::find(std::string_view currency) const {
    auto const at =
        std::lower_bound(all_.begin(), all_.end(), currency,
                         [](series const& one, std::string_view name) { return one.currency < name; });
    if (at == all_.end() || at->currency != currency) return std::nullopt;
    return static_cast<std::size_t>(at - all_.begin());
}

currency_rates::rate const* currency_rates::on(std::size_t place, std::int32_t day) const {
    series const& one = all_[place];
    if (one.always) return &one.rates.front();
    auto const after = std::upper_bound(one.rates.begin(), one.rates.end(), day,
                                        [](std::int32_t when, rate const& next) { return when < next.day; });
    return after == one.rates.begin() ? nullptr : &*(after - 1);
}

std::optional<std::int64_t> currency_rates::convert(std::int64_t amount, rate const& by) noexcept {
    // |amount| < 2^63 and a mantissa below 10^18 give less than 10^37.
    int128 product = static_cast<int128>(amount) * by.mantissa;
    constexpr auto limit = static_cast<int128>(std::numeric_limits<std::int64_t>::max());
    if (by.exponent >= 0) {
        for (int i = 0; i < by.exponent && product >= -limit && product <= limit; ++i)
            product *= 10;
    } else {
        int128 divisor = 1;
        for (int i = 0; i > by.exponent; --i)
            divisor *= 10;
        int128 const rest = product % divisor;
        product /= divisor;
        int128 const magnitude = rest < 0 ? -rest : rest;
        if (magnitude >= divisor - magnitude) product += rest < 0 ? -1 : 1;
    }
    if (product > limit || product < -limit) return std::nullopt;
    return static_cast<std::int64_t>(product);
}

}  // namespace clavis::ledger

#pragma once

// summarize by definition: every customer's lines in nested maps, one question asked after the other, in plain
// 64-bit integers. Slow, and written without a look at how the library does it. Times are UTC microseconds; the calendar
// is that of UTC.

#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "clavis/ledger/summarize.hpp"

namespace clavis::ledger::reference {

struct line {
    std::int64_t customer = 0;
    std::int64_t time = 0;
    std::int64_t cents = 0;
    std::int64_t order = -1;  // negative: none
    std::string kind;         // empty: by the sign
};

struct row {
    std::int64_t frequency = 0, orders = 0, days = 0, lines = 0, holdout = 0, first_time = 0, last_time = 0;
    double recency = 0, T = 0, monetary_value = 0, log_gap_sum = 0, net_amount = 0, returns_amount = 0;
};

struct result {
    std::map<std::int64_t, row> rows;
    std::int64_t left_out = 0;
};

inline std::int64_t floor_to(std::int64_t value, std::int64_t step) {
    std::int64_t down = value / step * step;
    return down > value ? down - step : down;
}

inline constexpr std::int64_t a_day = 86400LL * 1000000;

inline std::int64_t period(std::int64_t time, collapse by) {
    switch (by) {
        case collapse::none:
            return time;
        case collapse::hour:
            return floor_to(time, a_day / 24);
        case collapse::day:
            return floor_to(time, a_day);
        case collapse::week:
            return floor_to(time - 4 * a_day, 7 * a_day) + 4 * a_day;  // 1970-01-05 was a Monday
        case collapse::month: {
            using namespace std::chrono;
            auto const date = floor<std::chrono::days>(instant(duration(time)));
            year_month_day const parts(date);
            return duration(sys_days(parts.year() / parts.month() / 1).time_since_epoch()).count();
        }
    }
    return 0;
}

inline std::int64_t end_of(std::int64_t day, collapse by) {
    if (by == collapse::none) return (day + 1) * a_day;
    return period((day + 1) * a_day - 1, by);
}

inline bool is_return(line const& one) {
    return one.kind == "return" || one.kind == "cancel" || (one.kind != "adjust" && one.cents < 0);
}
inline bool is_sale(line const& one) {
    return !is_return(one) && one.kind != "adjust";
}
inline std::int64_t worth(line const& one) {
    return is_return(one) ? -std::abs(one.cents) : one.cents;
}

inline bool is_purchase(std::vector<line> const& lines, bool cancels) {
    std::int64_t total = 0;
    bool sale = false, returned = false;
    for (auto const& one : lines) {
        sale |= is_sale(one);
        returned |= is_return(one);
        if (one.kind != "adjust") total += worth(one);
    }
    if (!sale) return false;
    return !(cancels && returned && total <= 0);
}

/// `until`, `calibrate`: days since 1970.
inline result summarize(std::vector<line> const& log, summarize_options const& options, bool amounts,
                        bool orders, std::int64_t until) {
    bool const net = options.returns == returns_policy::net;
    bool const cancels = net && amounts;
    double const unit = static_cast<double>(options.unit.count());
    std::int64_t const calibrate =
        options.calibrate_until ? options.calibrate_until->time_since_epoch().count() : until;
    std::map<std::int64_t, std::vector<line>> by_customer;
    for (auto const& one : log)
        by_customer[one.customer].push_back(one);
    result all;
    for (auto const& [customer, lines] : by_customer) {
        std::vector<line> before, after;
        for (auto const& one : lines)
            (one.time < (calibrate + 1) * a_day ? before : after).push_back(one);
        auto group = [](std::vector<line> const& from, collapse by) {
            std::map<std::int64_t, std::vector<line>> groups;
            for (auto const& one : from)
                groups[period(one.time, by)].push_back(one);
            return groups;
        };
        row out;
        for (auto const& [start, group_lines] : group(after, options.collapse_by))
            out.holdout += is_purchase(group_lines, cancels);
        auto const periods = group(before, options.collapse_by);
        std::vector<std::int64_t> purchases;
        for (auto const& [start, group_lines] : periods)
            if (is_purchase(group_lines, cancels)) purchases.push_back(start);
        if (before.empty() || (purchases.empty() && out.holdout > 0)) {
            ++all.left_out;
            continue;
        }
        for (auto const& [start, group_lines] : group(before, collapse::day))
            out.days += is_purchase(group_lines, cancels);
        out.lines = static_cast<std::int64_t>(before.size());
        std::int64_t total = 0, returned = 0, counted_from = std::numeric_limits<std::int64_t>::max(),
                     counted = 0;
        if (options.include_first && !purchases.empty()) counted_from = purchases[0];
        if (!options.include_first && purchases.size() > 1) counted_from = purchases[1];
        out.first_time = std::numeric_limits<std::int64_t>::max();
        out.last_time = std::numeric_limits<std::int64_t>::min();
        for (auto const& one : before) {
            if (is_return(one)) returned -= worth(one);
            std::int64_t const value = is_return(one) && !net ? 0 : worth(one);
            total += value;
            std::int64_t const start = period(one.time, options.collapse_by);
            if (start >= counted_from) counted += value;
            bool const none = purchases.empty();
            if (none || (start == purchases.front() && is_sale(one)))
                out.first_time = std::min(out.first_time, one.time);
            if (none || (start == purchases.back() && is_sale(one)))
                out.last_time = std::max(out.last_time, one.time);
        }
        out.net_amount = static_cast<double>(total) / 100;
        out.returns_amount = static_cast<double>(returned) / 100;
        double const nan = std::numeric_limits<double>::quiet_NaN();
        out.recency = out.T = out.monetary_value = nan;
        if (!purchases.empty()) {
            out.frequency = static_cast<std::int64_t>(purchases.size()) - 1;
            out.recency = static_cast<double>(purchases.back() - purchases.front()) / unit;
            out.T = static_cast<double>(end_of(calibrate, options.collapse_by) - purchases.front()) / unit;
            std::int64_t const divisor = out.frequency + (options.include_first ? 1 : 0);
            out.monetary_value =
                divisor == 0 ? 0 : static_cast<double>(counted) / 100 / static_cast<double>(divisor);
            for (std::size_t i = 1; i < purchases.size(); ++i)
                out.log_gap_sum += std::log(static_cast<double>(purchases[i] - purchases[i - 1]) / unit);
        }
        std::map<std::int64_t, std::vector<line>> by_order;
        for (auto const& one : before) {
            if (orders && one.order >= 0) {
                by_order[one.order].push_back(one);
            } else {
                out.orders += is_sale(one);
            }
        }
        for (auto const& [order, order_lines] : by_order)
            out.orders += is_purchase(order_lines, cancels);
        all.rows[customer] = out;
    }
    return all;
}

}  // namespace clavis::ledger::reference

#include "clavis/defection/retention.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>

#include "clavis/core/errors.hpp"
#include "defection/records.hpp"

namespace clavis::defection {
namespace {

constexpr std::int32_t first_monday = 4;  // 1970-01-05

std::int32_t floor_divide(std::int32_t a, std::int32_t b) {
    return a / b - (a % b < 0 ? 1 : 0);
}

std::int32_t month_of(std::int32_t day) {
    std::chrono::year_month_day const date{date_of(day)};
    return (static_cast<int>(date.year()) - 1970) * 12 +
           static_cast<int>(static_cast<unsigned>(date.month())) - 1;
}
std::int32_t first_of_month(std::int32_t month) {
    std::int32_t const y = floor_divide(month, 12);
    auto const m = static_cast<unsigned>(month - 12 * y) + 1;
    return day_number(sys_days{std::chrono::year{1970 + y} / static_cast<int>(m) / 1});
}

/// What one customer did in one period.
struct activity {
    std::int32_t period;
    bool bought;
    std::int64_t gross, net;
};

/// Goes through the customers who bought by `until`: visit(row, periods in order). Returns before the first
/// purchase count in its period or not at all.
template <class Visit>
void each_customer(ledger::history const& records, calendar const& periods, std::int32_t until,
                   Visit&& visit) {
    check_history(records);
    std::vector<activity> done;
    for (std::size_t i = 0; i < records.size(); ++i) {
        done.clear();
        bool bought = false;
        for (auto k = static_cast<std::size_t>(records.offsets[i]);
             k < static_cast<std::size_t>(records.offsets[i + 1]) && records.day[k] <= until; ++k) {
            bool const sale = records.orders[k] > 0;
            bought = bought || sale;
            if (!bought) continue;
            std::int32_t const period = periods.period_of(records.day[k]);
            if (done.empty() || done.back().period != period) done.push_back({period, false, 0, 0});
            done.back().bought = done.back().bought || sale;
            done.back().gross += records.sales[k];
            done.back().net += records.sales[k] - records.returns[k];
        }
        if (!done.empty()) visit(i, done);
    }
}

/// The first period with a purchase and the one of `until`; empty records give an empty range.
struct range {
    std::int32_t first = 0;
    std::int32_t last = -1;
    std::size_t size() const { return static_cast<std::size_t>(last - first) + 1; }
};

range range_of(ledger::history const& records, calendar const& periods, std::int32_t until) {
    std::int32_t earliest = std::numeric_limits<std::int32_t>::max();
    for (std::size_t k = 0; k < records.day.size(); ++k)
        if (records.orders[k] > 0) earliest = std::min(earliest, records.day[k]);
    if (earliest > until) return {};
    range const found{periods.period_of(earliest), periods.period_of(until)};
    if (found.size() > 20'000)
        throw input_error("there would be " + std::to_string(found.size()) +
                          " periods: choose longer ones, or look for days that are wrong");
    return found;
}

}  // namespace

calendar calendar::parse(std::string_view text) {
    if (text == "day" || text == "1 day") return {kind::days, 1};
    if (text == "week") return {kind::days, 7};
    if (text == "month") return {kind::month, 0};
    if (text == "quarter") return {kind::quarter, 0};
    if (text == "year") return {kind::year, 0};
    int count = 0;
    auto const [end, problem] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (problem == std::errc() && std::string_view(end, text.data() + text.size()) == " days" && count >= 1 &&
        count <= 100'000)
        return {kind::days, count};
    throw input_error(
        "a period is day, week, month, quarter, year or a number of days (\"28 days\"), not \"" +
        std::string(text) + '"');
}

std::int32_t calendar::period_of(std::int32_t day) const {
    switch (unit) {
        case kind::days:
            return floor_divide(day - first_monday, days);
        case kind::month:
            return month_of(day);
        case kind::quarter:
            return floor_divide(month_of(day), 3);
        case kind::year:
            return floor_divide(month_of(day), 12);
    }
    return 0;
}

std::int32_t calendar::first_day(std::int32_t period) const {
    switch (unit) {
        case kind::days:
            return period * days + first_monday;
        case kind::month:
            return first_of_month(period);
        case kind::quarter:
            return first_of_month(3 * period);
        case kind::year:
            return first_of_month(12 * period);
    }
    return 0;
}

cohort_table cohorts(ledger::history const& records, calendar const& periods, sys_days until) {
    std::int32_t const end = day_number(until);
    range const all = range_of(records, periods, end);
    std::size_t const size = all.size();
    cohort_table table;
    std::vector<std::size_t> begin(size + 1, 0);
    for (std::size_t c = 0; c < size; ++c)
        begin[c + 1] = begin[c] + (size - c);
    std::size_t const cells = begin[size];
    table.cohort.resize(cells);
    table.age.resize(cells);
    table.complete.resize(cells);
    for (auto* column : {&table.customers, &table.active, &table.active_later, &table.gross, &table.net})
        column->assign(cells, 0);
    for (std::size_t c = 0; c < size; ++c)
        for (std::size_t age = 0; age < size - c; ++age) {
            auto const period = all.first + static_cast<std::int32_t>(c + age);
            table.cohort[begin[c] + age] = periods.first_day(all.first + static_cast<std::int32_t>(c));
            table.age[begin[c] + age] = static_cast<std::int32_t>(age);
            table.complete[begin[c] + age] = periods.first_day(period + 1) - 1 <= end;
        }
    each_customer(records, periods, end, [&](std::size_t, std::vector<activity> const& done) {
        auto const c = static_cast<std::size_t>(done.front().period - all.first);
        ++table.customers[begin[c]];
        std::int32_t last = 0;
        for (auto const& one : done) {
            auto const age = static_cast<std::size_t>(one.period - done.front().period);
            table.active[begin[c] + age] += one.bought;
            table.gross[begin[c] + age] += one.gross;
            table.net[begin[c] + age] += one.net;
            if (one.bought) last = one.period;
        }
        ++table.active_later[begin[c] + static_cast<std::size_t>(last - done.front().period)];
    });
    for (std::size_t c = 0; c < size; ++c)
        for (std::size_t age = size - c; age-- > 0;) {
            table.customers[begin[c] + age] = table.customers[begin[c]];
            if (age + 1 < size - c)
                table.active_later[begin[c] + age] += table.active_later[begin[c] + age + 1];
        }
    return table;
}

flow_table flows(ledger::history const& records, calendar const& periods, sys_days until) {
    std::int32_t const end = day_number(until);
    range const all = range_of(records, periods, end);
    std::size_t const size = all.size();
    flow_table table;
    for (auto* column : {&table.active, &table.fresh, &table.kept, &table.reactivated, &table.lapsed,
                         &table.dormant, &table.gross, &table.net, &table.net_fresh, &table.net_kept,
                         &table.net_reactivated, &table.base, &table.kept_of_base})
        column->assign(size, 0);
    for (std::size_t p = 0; p < size; ++p) {
        auto const period = all.first + static_cast<std::int32_t>(p);
        table.period.push_back(periods.first_day(period));
        table.complete.push_back(periods.first_day(period + 1) - 1 <= end);
    }
    each_customer(records, periods, end, [&](std::size_t, std::vector<activity> const& done) {
        std::int32_t before = -2;  // the period of the last purchase
        std::int64_t spent = 0;    // net in it
        bool known = false;
        for (auto const& one : done) {
            std::int32_t const p = one.period - all.first;
            auto const at = static_cast<std::size_t>(p);
            table.gross[at] += one.gross;
            table.net[at] += one.net;
            if (!one.bought) continue;
            ++table.active[at];
            if (!known) {
                ++table.fresh[at];
                table.net_fresh[at] += one.net;
            } else if (before == p - 1) {
                ++table.kept[at];
                table.net_kept[at] += one.net;
                table.kept_of_base[at] += std::max<std::int64_t>(0, std::min(spent, one.net));
            } else {
                ++table.reactivated[at];
                table.net_reactivated[at] += one.net;
            }
            known = true;
            before = p;
            spent = one.net;
            if (at + 1 < size) table.base[at + 1] += one.net;
        }
    });
    std::int64_t known = 0;
    for (std::size_t p = 0; p < size; ++p) {
        known += table.fresh[p];
        table.dormant[p] = known - table.active[p];
        if (p > 0) table.lapsed[p] = table.active[p - 1] - table.kept[p];
    }
    return table;
}

bracket_table bracket(ledger::history const& records, calendar const& periods, int from, int to,
                      sys_days until) {
    if (from < 1 || to < from) throw input_error("a bracket of days is [from, to] with 1 <= from <= to");
    check_history(records);
    std::int32_t const end = day_number(until);
    range const all = range_of(records, periods, end);
    bracket_table table;
    for (std::size_t c = 0; c < all.size(); ++c)
        table.cohort.push_back(periods.first_day(all.first + static_cast<std::int32_t>(c)));
    for (auto* column : {&table.customers, &table.eligible, &table.returned})
        column->assign(all.size(), 0);
    for (std::size_t i = 0; i < records.size(); ++i) {
        std::int32_t first = 0;
        bool known = false;
        bool returned = false;
        for (auto k = static_cast<std::size_t>(records.offsets[i]);
             k < static_cast<std::size_t>(records.offsets[i + 1]) && records.day[k] <= end; ++k) {
            if (records.orders[k] == 0) continue;
            if (!known) first = records.day[k];
            known = true;
            std::int64_t const since = std::int64_t{records.day[k]} - first;
            returned = returned || (since >= from && since <= to);
        }
        if (!known) continue;
        auto const c = static_cast<std::size_t>(periods.period_of(first) - all.first);
        ++table.customers[c];
        if (std::int64_t{first} + to > end) continue;
        ++table.eligible[c];
        table.returned[c] += returned;
    }
    return table;
}

spell_table spells(ledger::history const& records, int gap, sys_days until) {
    if (gap < 1) throw input_error("a gap is 1 day or more");
    check_history(records);
    std::int32_t const end = day_number(until);
    spell_table table;
    for (std::size_t i = 0; i < records.size(); ++i) {
        std::int32_t origin = 0;
        std::int32_t first = 0;
        std::int32_t last = 0;
        std::int32_t purchases = 0;
        std::int32_t number = 0;
        auto const close = [&] {
            std::int64_t const left = std::int64_t{last} + gap;
            auto const stop = static_cast<std::int32_t>(std::min<std::int64_t>(left, end));
            if (stop <= first) return;
            table.row.push_back(static_cast<std::int64_t>(i));
            table.number.push_back(++number);
            table.first.push_back(first);
            table.last.push_back(last);
            table.purchases.push_back(purchases);
            table.duration.push_back(stop - first);
            table.event.push_back(left <= end);
            table.start.push_back(first - origin);
        };
        for (auto k = static_cast<std::size_t>(records.offsets[i]);
             k < static_cast<std::size_t>(records.offsets[i + 1]) && records.day[k] <= end; ++k) {
            if (records.orders[k] == 0) continue;
            if (purchases > 0 && std::int64_t{records.day[k]} - last > gap) {
                close();
                purchases = 0;
            }
            if (purchases == 0) first = records.day[k];
            if (number == 0 && purchases == 0) origin = first;
            last = records.day[k];
            ++purchases;
        }
        if (purchases > 0) close();
    }
    return table;
}

}  // namespace clavis::defection

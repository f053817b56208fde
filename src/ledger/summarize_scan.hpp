#pragma once

// From one customer's rows, or purchase days, to one row of the summary.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include "clavis/core/time_zone.hpp"
#include "clavis/ledger/summarize.hpp"
#include "ledger/summarize_group.hpp"
#include "ledger/summarize_totals.hpp"
#include "ledger/summary_records.hpp"

namespace clavis::ledger {

inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

inline std::int32_t start_of_week(std::int32_t local_day) {
    // 1970-01-01 was a Thursday.
    std::int32_t const weekday = ((local_day + 3) % 7 + 7) % 7;
    return local_day - weekday;
}

inline std::int32_t start_of_month(std::int32_t local_day) {
    std::chrono::year_month_day const date{sys_days{std::chrono::days{local_day}}};
    return local_day - static_cast<std::int32_t>(static_cast<unsigned>(date.day())) + 1;
}

/// Start of the period that holds a row, in microseconds. One for each thread.
class calendar {
  public:
    calendar(collapse by, time_zone const& zone) : by_(by), clock_(zone) {}

    template <class Row>
    std::int64_t start(Row const& row) {
        if constexpr (!Row::is_day) {
            if (by_ == collapse::none) return row.time();
            if (by_ == collapse::hour) return start_of_hour(row.time());
        }
        return start_of_day(row.day);
    }
    std::int64_t start_of_hour(std::int64_t time) {
        std::int64_t const local = clock_.time(instant(duration(time))).time_since_epoch().count();
        std::int64_t const into = local % hour.count();
        return time - (into < 0 ? into + hour.count() : into);
    }
    /// For collapse::day, week and month.
    std::int64_t start_of_day(std::int32_t local_day) {
        if (by_ == collapse::week) local_day = start_of_week(local_day);
        if (by_ == collapse::month) {
            if (local_day < month_begin_ || local_day >= month_begin_ + 28)
                month_begin_ = start_of_month(local_day);
            local_day = month_begin_;
        }
        return local_day * day.count();
    }
    /// Where T ends when `local_day` is the last day.
    std::int64_t end_of_observation(std::int32_t local_day) {
        std::int64_t const midnight = clock_.zone().start_of_day(local_day + 1).time_since_epoch().count();
        switch (by_) {
            case collapse::none:
                return midnight;
            case collapse::hour:
                return start_of_hour(midnight - 1);
            default:
                return start_of_day(local_day);
        }
    }

  private:
    collapse by_;
    local_clock clock_;
    std::int32_t month_begin_ = std::numeric_limits<std::int32_t>::max() - 31;
};

/// Logarithms of gaps; those of whole days are kept.
class gap_logarithms {
  public:
    explicit gap_logarithms(duration unit) : unit_(unit), days_(1500) {
        for (std::size_t i = 1; i < days_.size(); ++i)
            days_[i] = std::log(in_units(static_cast<std::int64_t>(i) * day, unit));
    }
    double operator()(std::int64_t gap) const {
        std::int64_t const days = gap / day.count();
        if (days * day.count() == gap && days < static_cast<std::int64_t>(days_.size()))
            return days_[static_cast<std::size_t>(days)];
        return std::log(in_units(duration(gap), unit_));
    }

    double of_days(std::int32_t gap) const {
        return gap < static_cast<std::int32_t>(days_.size())
                   ? days_[static_cast<std::size_t>(gap)]
                   : std::log(in_units(duration(gap * day.count()), unit_));
    }

  private:
    duration unit_;
    std::vector<double> days_;
};

struct terms {
    summarize_options const& options;
    bool has_amounts;
    bool has_orders;
    bool dates_only;
    time_zone zone;
    gap_logarithms const& logarithms;
    std::int32_t last_day;  // of calibration, or of all
    std::int64_t end;       // where T ends
    double duration_holdout;

    bool cancels() const { return has_amounts && options.returns == returns_policy::net; }
};

enum class fate : std::uint8_t { no_rows, kept, left_out };

/// What one customer's rows come to.
struct customer_figures {
    bool bought;  ///< whether there was a purchase
    std::int32_t frequency;
    std::int32_t held_out;     ///< purchases after the calibration period
    std::int64_t first_start;  ///< of the first purchase period, in microseconds; where there was a purchase
    std::int64_t last_start;   ///< of the last
    std::int64_t first_time;   ///< as in a summary
    std::int64_t last_time;
    std::int32_t last_day;
    std::int64_t orders;
    std::int64_t days;
    std::int64_t lines;
    double log_gap_sum;
    double net_amount;
    double returns_amount;
    double monetary_value;
};

/// From one customer's rows to what they come to.
template <class Row>
class customer_scan {
  public:
    explicit customer_scan(terms const& given)
        : terms_(given),
          by_time_(Row::has_time && (given.options.collapse_by == collapse::none ||
                                     given.options.collapse_by == collapse::hour)),
          calendar_(given.options.collapse_by, given.zone) {}

    /// Sorts the rows. `result` is set where the customer is kept.
    fate scan(std::span<Row> rows, customer_figures& result) {
        if (rows.empty()) return fate::no_rows;
        if constexpr (std::is_same_v<Row, plain_day>) {
            if (terms_.options.collapse_by == collapse::day && !terms_.options.calibrate_until)
                return scan_days(rows, result);
        }
        std::int32_t const last_day = terms_.last_day;
        if (by_time_) {
            if constexpr (Row::has_time)
                sort_rows(rows, [last_day](Row const& a, Row const& b) {
                    bool const a_later = a.day > last_day;
                    bool const b_later = b.day > last_day;
                    return a_later != b_later ? b_later : a.time() < b.time();
                });
        } else {
            sort_rows(rows, [](Row const& a, Row const& b) { return a.day < b.day; });
        }
        auto const cut = std::partition_point(rows.begin(), rows.end(),
                                              [last_day](Row const& row) { return row.day <= last_day; });
        auto const seen = rows.first(static_cast<std::size_t>(cut - rows.begin()));
        auto const later = rows.subspan(seen.size());
        bool const cancels = terms_.cancels();
        bool const net = terms_.options.returns == returns_policy::net;

        std::int32_t held_out = 0;
        for_each_period(later, [&](std::int64_t, std::span<Row const>, line_totals const& totals) {
            held_out += totals.is_purchase(cancels) ? 1 : 0;
        });
        if (seen.empty()) return fate::left_out;

        std::int32_t purchases = 0;
        std::int64_t first_start = 0;
        std::int64_t last_start = 0;
        std::span<Row const> first_period;
        std::span<Row const> last_period;
        double log_gap_sum = 0;
        line_totals all;
        int128 since_first = 0;
        int128 since_repeat = 0;
        for_each_period(seen, [&](std::int64_t start, std::span<Row const> lines, line_totals const& totals) {
            if (totals.is_purchase(cancels)) {
                if (++purchases == 1) {
                    first_start = start;
                    first_period = lines;
                } else {
                    log_gap_sum += terms_.logarithms(start - last_start);
                }
                last_start = start;
                last_period = lines;
            }
            int128 const amount = totals.net(net);
            if (purchases >= 1) since_first += amount;
            if (purchases >= 2) since_repeat += amount;
            all.add(totals);
        });
        if (purchases == 0 && held_out > 0) return fate::left_out;

        bool const bought = purchases > 0;
        std::int32_t const frequency = bought ? purchases - 1 : 0;
        result.bought = bought;
        result.frequency = frequency;
        result.held_out = held_out;
        result.first_start = first_start;
        result.last_start = last_start;
        result.log_gap_sum = log_gap_sum;
        put_times(bought ? first_period : seen, bought ? last_period : seen, bought, result);
        result.lines = all.lines();
        if (terms_.has_amounts) {
            int const scale = terms_.options.amount_scale;
            result.net_amount = to_amount(all.net(net), scale);
            result.returns_amount = all.returns == 0 ? 0.0 : to_amount(all.returns, scale);
            bool const with_first = terms_.options.include_first;
            double const mean = to_amount(with_first ? since_first : since_repeat, scale) /
                                static_cast<double>(std::max(with_first ? frequency + 1 : frequency, 1));
            result.monetary_value = bought ? mean : not_a_number;
        }
        result.orders = all.sale_lines;
        if constexpr (!Row::is_day) {
            if (terms_.has_orders) result.orders = orders_.count(std::span<Row const>(seen), cancels);
        }
        result.days = days_with_purchase(seen, purchases);
        return fate::kept;
    }

  private:
    template <class Body>
    void for_each_period(std::span<Row const> rows, Body const& body) {
        for (std::size_t begin = 0; begin < rows.size();) {
            std::int64_t const start = calendar_.start(rows[begin]);
            line_totals totals;
            totals.add(rows[begin]);
            std::size_t end = begin + 1;
            for (; end < rows.size() && calendar_.start(rows[end]) == start; ++end)
                totals.add(rows[end]);
            body(start, rows.subspan(begin, end - begin), totals);
            begin = end;
        }
    }

    /// The same where every day is a period and all are seen: sums fit 64 bits, as plain days promise.
    fate scan_days(std::span<plain_day const> days, customer_figures& result) const {
        bool const cancels = terms_.cancels();
        std::int64_t const subtracted = terms_.options.returns == returns_policy::net ? 1 : 0;
        std::int32_t purchases = 0;
        std::int32_t first = days.front().day;
        std::int32_t last = days.back().day;
        std::int64_t sale_lines = 0;
        std::int64_t return_lines = 0;
        std::int64_t net = 0;
        std::int64_t returns = 0;
        std::int64_t before_first = 0;
        std::int64_t before_repeat = 0;
        double log_gap_sum = 0;
        for (plain_day const& entry : days) {
            bool const taken_back = cancels && entry.return_lines > 0 && entry.sales <= entry.returns;
            if (entry.sale_lines > 0 && !taken_back) {
                if (++purchases == 1) {
                    first = entry.day;
                    before_first = net;
                } else {
                    if (purchases == 2) before_repeat = net;
                    log_gap_sum += terms_.logarithms.of_days(entry.day - last);
                }
                last = entry.day;
            }
            sale_lines += entry.sale_lines;
            return_lines += entry.return_lines;
            net += entry.sales - subtracted * entry.returns;
            returns += entry.returns;
        }
        bool const bought = purchases > 0;
        if (!bought) last = days.back().day;
        std::int32_t const frequency = bought ? purchases - 1 : 0;
        result = {.bought = bought,
                  .frequency = frequency,
                  .held_out = 0,
                  .first_start = first * day.count(),
                  .last_start = last * day.count(),
                  .first_time = first * day.count(),
                  .last_time = last * day.count(),
                  .last_day = last,
                  .orders = sale_lines,
                  .days = purchases,
                  .lines = sale_lines + return_lines,
                  .log_gap_sum = log_gap_sum,
                  .net_amount = 0,
                  .returns_amount = 0,
                  .monetary_value = 0};
        if (!terms_.has_amounts) return fate::kept;
        int const scale = terms_.options.amount_scale;
        bool const with_first = terms_.options.include_first;
        result.net_amount = to_amount(net, scale);
        if (returns != 0) result.returns_amount = to_amount(returns, scale);
        std::int64_t const counted = with_first      ? net - before_first
                                     : purchases > 1 ? net - before_repeat
                                                     : 0;
        double const mean =
            to_amount(counted, scale) / static_cast<double>(std::max(with_first ? purchases : frequency, 1));
        result.monetary_value = bought ? mean : not_a_number;
        return fate::kept;
    }

    void put_times(std::span<Row const> first, std::span<Row const> last, bool sales_only,
                   customer_figures& result) const {
        std::int64_t earliest = never_first;
        for (Row const& row : first)
            earliest = std::min(earliest, row.first_time(sales_only));
        std::int64_t latest = never_last;
        std::int32_t latest_day = 0;
        for (Row const& row : last) {
            std::int64_t const time = row.last_time(sales_only);
            if (time == never_last || time < latest) continue;
            latest_day = time > latest ? row.day : std::max(latest_day, row.day);
            latest = time;
        }
        result.first_time = earliest;
        result.last_time = latest;
        result.last_day = latest_day;
    }

    std::int64_t days_with_purchase(std::span<Row> rows, std::int64_t purchases) const {
        // Where times are dates, an hour or an instant is a day as well.
        if (terms_.options.collapse_by == collapse::day ||
            (terms_.dates_only && terms_.options.collapse_by < collapse::day))
            return purchases;
        if (by_time_) sort_rows(rows, [](Row const& a, Row const& b) { return a.day < b.day; });
        std::int64_t days = 0;
        for (std::size_t begin = 0; begin < rows.size();) {
            line_totals totals;
            std::size_t end = begin;
            for (; end < rows.size() && rows[end].day == rows[begin].day; ++end)
                totals.add(rows[end]);
            days += totals.is_purchase(terms_.cancels()) ? 1 : 0;
            begin = end;
        }
        return days;
    }

    terms const& terms_;
    bool by_time_;  // else rows are sorted by day
    calendar calendar_;
    order_counter orders_;
};

}  // namespace clavis::ledger

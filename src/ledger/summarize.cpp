#include "clavis/ledger/summarize.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "ledger/summarize_group.hpp"

namespace clavis::ledger {

using clavis::to_string;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::int32_t day_number(sys_days date) {
    return static_cast<std::int32_t>(date.time_since_epoch().count());
}

std::int32_t start_of_week(std::int32_t local_day) {
    // 1970-01-01 was a Thursday.
    std::int32_t const weekday = ((local_day + 3) % 7 + 7) % 7;
    return local_day - weekday;
}

std::int32_t start_of_month(std::int32_t local_day) {
    std::chrono::year_month_day const date{sys_days{std::chrono::days{local_day}}};
    return local_day - static_cast<std::int32_t>(static_cast<unsigned>(date.day())) + 1;
}

/// Start of the period that holds a row, in microseconds. One for each thread.
class calendar {
  public:
    calendar(collapse by, time_zone const& zone) : by_(by), clock_(zone) {}

    template <class Row>
    std::int64_t start(Row const& row) {
        switch (by_) {
            case collapse::none:
                return row.time();
            case collapse::hour:
                return start_of_hour(row.time());
            default:
                return start_of_day(row.day);
        }
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

/// Fills one row of the summary from one customer's rows.
template <class Row>
class customer_scan {
  public:
    explicit customer_scan(terms const& given)
        : terms_(given),
          by_time_(Row::has_time && (given.options.collapse_by == collapse::none ||
                                     given.options.collapse_by == collapse::hour)),
          calendar_(given.options.collapse_by, given.zone) {}

    fate scan(std::span<Row> rows, std::size_t out, summary& result) {
        if (rows.empty()) return fate::no_rows;
        std::int32_t const last_day = terms_.last_day;
        if (by_time_) {
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
            all.sales += totals.sales;
            all.returns += totals.returns;
            all.adjustments += totals.adjustments;
            all.sale_lines += totals.sale_lines;
        });
        if (purchases == 0 && held_out > 0) return fate::left_out;

        duration const unit = terms_.options.unit;
        bool const bought = purchases > 0;
        std::int32_t const frequency = bought ? purchases - 1 : 0;
        result.frequency[out] = frequency;
        result.recency[out] = bought ? in_units(duration(last_start - first_start), unit) : nan;
        result.T[out] = bought ? in_units(duration(terms_.end - first_start), unit) : nan;
        result.log_gap_sum[out] = log_gap_sum;
        put_times(bought ? first_period : seen, bought ? last_period : seen, bought, out, result);
        result.lines[out] = static_cast<std::int64_t>(seen.size());
        if (!result.frequency_holdout.empty()) {
            result.frequency_holdout[out] = held_out;
            result.duration_holdout[out] = terms_.duration_holdout;
        }
        if (terms_.has_amounts) {
            int const scale = terms_.options.amount_scale;
            result.net_amount[out] = to_amount(all.net(net), scale);
            result.returns_amount[out] = to_amount(all.returns, scale);
            bool const with_first = terms_.options.include_first;
            double const mean = to_amount(with_first ? since_first : since_repeat, scale) /
                                static_cast<double>(std::max(with_first ? frequency + 1 : frequency, 1));
            result.monetary_value[out] = bought ? mean : nan;
        }
        result.orders[out] =
            terms_.has_orders ? orders_.count(std::span<Row const>(seen), cancels) : all.sale_lines;
        result.days[out] = days_with_purchase(seen, purchases);
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

    void put_times(std::span<Row const> first, std::span<Row const> last, bool sales_only, std::size_t out,
                   summary& result) const {
        auto counts = [sales_only](Row const& row) { return !sales_only || row.kind() == line_kind::sale; };
        std::int64_t earliest = std::numeric_limits<std::int64_t>::max();
        for (Row const& row : first)
            if (counts(row)) earliest = std::min(earliest, row.time());
        std::int64_t latest = std::numeric_limits<std::int64_t>::min();
        std::int32_t latest_day = 0;
        for (Row const& row : last) {
            if (!counts(row) || row.time() < latest) continue;
            latest_day = row.time() > latest ? row.day : std::max(latest_day, row.day);
            latest = row.time();
        }
        result.first_time[out] = instant(duration(earliest));
        result.last_time[out] = instant(duration(latest));
        result.last_day[out] = latest_day;
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

void resize(summary& result, std::size_t size, bool amounts, bool holdout) {
    result.frequency.resize(size);
    result.recency.resize(size);
    result.T.resize(size);
    result.log_gap_sum.resize(size);
    result.first_time.resize(size);
    result.last_time.resize(size);
    result.last_day.resize(size);
    result.orders.resize(size);
    result.days.resize(size);
    result.lines.resize(size);
    result.monetary_value.resize(amounts ? size : 0);
    result.net_amount.resize(amounts ? size : 0);
    result.returns_amount.resize(amounts ? size : 0);
    result.frequency_holdout.resize(holdout ? size : 0);
    result.duration_holdout.resize(holdout ? size : 0);
}

template <class Column>
void keep(Column& column, std::vector<fate> const& fates) {
    if (column.empty()) return;
    std::size_t to = 0;
    for (std::size_t i = 0; i < fates.size(); ++i)
        if (fates[i] == fate::kept) column[to++] = column[i];
    column.resize(to);
}

std::vector<std::uint32_t> ranks(std::vector<std::uint32_t> const& sorted) {
    std::vector<std::uint32_t> rank(sorted.size());
    for (std::size_t i = 0; i < sorted.size(); ++i)
        rank[sorted[i]] = static_cast<std::uint32_t>(i);
    return rank;
}

[[noreturn]] void refuse_empty(quality_report const& quality) {
    location const table{.table = quality.table};
    if (quality.rows_read == 0) throw input_error(table, "there are no rows");
    std::string problem = "none of the " + std::to_string(quality.rows_read) + " rows can be used";
    if (quality.rows_late == quality.rows_read)
        problem += ": all lie after observe_until";
    else if (!quality.refused.empty())
        problem += ": column \"" + quality.refused.front().column + "\" " + quality.refused.front().reason;
    throw input_error(table, problem);
}

}  // namespace

summarizer::summarizer(summarize_options options)
    : options_(std::move(options)),
      intake_({.time_zone = options_.time_zone,
               .observe_until = options_.observe_until,
               .skip_late = options_.skip_late,
               .on_bad_rows = options_.on_bad_rows,
               .amount_scale = options_.amount_scale,
               .threads = options_.threads,
               .watch = options_.watch}) {
    if (options_.unit <= duration::zero()) throw input_error("unit: must be longer than nothing");
    if (options_.calibrate_until && options_.observe_until &&
        *options_.calibrate_until > *options_.observe_until)
        throw input_error("calibrate_until: " + to_string(*options_.calibrate_until) +
                          " lies after observe_until, " + to_string(*options_.observe_until));
}

summarizer& summarizer::update(transactions_view const& batch) {
    intake_.read(batch, rows_);
    return *this;
}

summarizer& summarizer::merge(summarizer const& other) {
    auto const key = [](summarize_options const& options) {
        return std::tuple(options.unit, options.collapse_by, options.returns, options.calibrate_until,
                          options.include_first);
    };
    if (key(options_) != key(other.options_))
        throw input_error("states to be merged must have equal options");
    intake_.merge(other.intake_, rows_, other.rows_);
    return *this;
}

summary summarizer::finish() const {
    if (!intake_.last_day()) refuse_empty(quality());
    std::int32_t const first_seen = *intake_.first_day();
    std::int32_t const until =
        options_.observe_until ? day_number(*options_.observe_until) : *intake_.last_day();
    std::int32_t const last_day = options_.calibrate_until ? day_number(*options_.calibrate_until) : until;
    auto date = [](std::int32_t number) { return sys_days(std::chrono::days(number)); };
    if (last_day < first_seen)
        throw input_error("calibrate_until: " + to_string(date(last_day)) + " lies before the first day, " +
                          to_string(date(first_seen)));
    if (last_day > until)
        throw input_error("calibrate_until: " + to_string(date(last_day)) + " lies after the last day, " +
                          to_string(date(until)) + "; without a holdout leave it out or say observe_until");

    calendar days(options_.collapse_by, intake_.zone());
    gap_logarithms const logarithms(options_.unit);
    std::int64_t const end = days.end_of_observation(last_day);
    terms const given{
        .options = options_,
        .has_amounts = intake_.has_amounts(),
        .has_orders = intake_.has_orders(),
        .dates_only = intake_.dates_only(),
        .zone = intake_.zone(),
        .logarithms = logarithms,
        .last_day = last_day,
        .end = end,
        .duration_holdout = in_units(duration(days.end_of_observation(until) - end), options_.unit)};

    summary result;
    result.unit = options_.unit;
    result.observed_until = date(last_day);
    if (options_.calibrate_until) result.holdout_until = date(until);
    result.quality = quality();

    std::vector<std::uint32_t> sorted = intake_.customers().sorted();
    std::vector<std::uint32_t> const rank = ranks(sorted);
    std::size_t const customers = sorted.size();
    resize(result, customers, given.has_amounts, options_.calibrate_until.has_value());
    std::vector<fate> fates(customers, fate::no_rows);
    partitioning const parts(rows_.size(), customers);
    auto run = [&]<class Row>(Row const*) {
        group_by_customer<Row>(
            rows_, rank, parts, options_.threads, options_.watch, "summarizing customers",
            [&](std::size_t, std::size_t first, std::span<Row> rows, std::span<std::size_t const> begins) {
                customer_scan<Row> scan(given);
                for (std::size_t i = 0; i + 1 < begins.size(); ++i)
                    fates[first + i] =
                        scan.scan(rows.subspan(begins[i], begins[i + 1] - begins[i]), first + i, result);
            });
    };
    if (fits_dated_row(rows_)) {
        run(static_cast<dated_row const*>(nullptr));
    } else {
        run(static_cast<timed_row const*>(nullptr));
    }

    result.left_out = std::count(fates.begin(), fates.end(), fate::left_out);
    if (std::any_of(fates.begin(), fates.end(), [](fate one) { return one != fate::kept; })) {
        keep(sorted, fates);
        keep(result.frequency, fates);
        keep(result.recency, fates);
        keep(result.T, fates);
        keep(result.monetary_value, fates);
        keep(result.log_gap_sum, fates);
        keep(result.first_time, fates);
        keep(result.last_time, fates);
        keep(result.last_day, fates);
        keep(result.orders, fates);
        keep(result.days, fates);
        keep(result.lines, fates);
        keep(result.net_amount, fates);
        keep(result.returns_amount, fates);
        keep(result.frequency_holdout, fates);
        keep(result.duration_holdout, fates);
    }
    result.customer_id = intake_.customers().ids(sorted);
    return result;
}

history summarizer::daily() const {
    if (!intake_.last_day()) refuse_empty(quality());
    bool const cancels = intake_.has_amounts() && options_.returns == returns_policy::net;
    std::vector<std::uint32_t> sorted = intake_.customers().sorted();
    std::vector<std::uint32_t> const rank = ranks(sorted);
    std::size_t const customers = sorted.size();
    partitioning const parts(rows_.size(), customers);

    // Every partition collects its days; then they are put one after the other.
    std::vector<history> pieces(parts.count);
    std::vector<std::int64_t> counts(customers);
    auto fit = [](int128 amount) {
        if (amount > std::numeric_limits<std::int64_t>::max())
            throw input_error(
                "the amounts of one customer's day exceed 64 bits; take a smaller amount_scale");
        return static_cast<std::int64_t>(amount);
    };
    auto run = [&]<class Row>(Row const*) {
        group_by_customer<Row>(
            rows_, rank, parts, options_.threads, options_.watch, "collecting purchase days",
            [&](std::size_t part, std::size_t first, std::span<Row> rows,
                std::span<std::size_t const> begins) {
                history& piece = pieces[part];
                piece.day.reserve(rows.size());
                piece.sales.reserve(rows.size());
                piece.returns.reserve(rows.size());
                piece.orders.reserve(rows.size());
                order_counter orders;
                for (std::size_t i = 0; i + 1 < begins.size(); ++i) {
                    auto const own = rows.subspan(begins[i], begins[i + 1] - begins[i]);
                    sort_rows(own, [](Row const& a, Row const& b) { return a.day < b.day; });
                    for (std::size_t begin = 0; begin < own.size();) {
                        line_totals totals;
                        std::size_t end = begin;
                        for (; end < own.size() && own[end].day == own[begin].day; ++end)
                            totals.add(own[end]);
                        std::int64_t count = 0;
                        if (totals.is_purchase(cancels)) {
                            std::span<Row const> const lines = own.subspan(begin, end - begin);
                            count = rows_.order.empty() ? totals.sale_lines : orders.count(lines, cancels);
                        }
                        piece.day.push_back(own[begin].day);
                        piece.sales.push_back(fit(totals.sales + totals.adjustments));
                        piece.returns.push_back(fit(totals.returns));
                        piece.orders.push_back(static_cast<std::int32_t>(count));
                        ++counts[first + i];
                        begin = end;
                    }
                }
            });
    };
    if (fits_dated_row(rows_)) {
        run(static_cast<dated_row const*>(nullptr));
    } else {
        run(static_cast<timed_row const*>(nullptr));
    }

    history result;
    result.amount_scale = options_.amount_scale;
    std::size_t entries = 0;
    for (auto const& piece : pieces)
        entries += piece.day.size();
    result.day.reserve(entries);
    result.sales.reserve(entries);
    result.returns.reserve(entries);
    result.orders.reserve(entries);
    for (auto& piece : pieces) {
        result.day.insert(result.day.end(), piece.day.begin(), piece.day.end());
        result.sales.insert(result.sales.end(), piece.sales.begin(), piece.sales.end());
        result.returns.insert(result.returns.end(), piece.returns.begin(), piece.returns.end());
        result.orders.insert(result.orders.end(), piece.orders.begin(), piece.orders.end());
        piece = {};
    }
    std::vector<std::uint32_t> present;
    for (std::size_t i = 0; i < customers; ++i) {
        if (counts[i] == 0) continue;
        present.push_back(sorted[i]);
        result.offsets.push_back(result.offsets.back() + counts[i]);
    }
    result.customer_id = intake_.customers().ids(present);
    return result;
}

summary summarize(transactions_view const& transactions, summarize_options const& options) {
    return summarizer(options).update(transactions).finish();
}

history collect_history(transactions_view const& transactions, summarize_options const& options) {
    return summarizer(options).update(transactions).daily();
}

}  // namespace clavis::ledger

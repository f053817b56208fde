#include "clavis/ledger/summarize.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>
#include <span>
#include <utility>

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "ledger/huge_pages.hpp"
#include "ledger/intake_batch.hpp"
#include "ledger/summarize_group.hpp"
#include "ledger/summarize_plan.hpp"
#include "ledger/summary_days.hpp"

namespace clavis::ledger {

using clavis::to_string;

namespace {

// Batches are read in parts of as many rows, so that what is decoded stays small and close.
constexpr std::size_t part_rows = std::size_t{1} << 20;

constexpr std::uint32_t absent = std::numeric_limits<std::uint32_t>::max();

/// Calls body with every column of the summary that there is, in parallel: memory is handed out, and moved, on all
/// threads.
template <class Body>
void for_each_column(summary& s, bool amounts, bool holdout, unsigned threads, Body const& body) {
    std::vector<std::function<void()>> tasks;
    auto add = [&](auto& column, bool there) {
        if (there) tasks.emplace_back([&body, &column] { body(column); });
    };
    add(s.frequency, true);
    add(s.recency, true);
    add(s.T, true);
    add(s.log_gap_sum, true);
    add(s.first_time, true);
    add(s.last_time, true);
    add(s.last_day, true);
    add(s.orders, true);
    add(s.days, true);
    add(s.lines, true);
    add(s.monetary_value, amounts);
    add(s.net_amount, amounts);
    add(s.returns_amount, amounts);
    add(s.frequency_holdout, holdout);
    add(s.duration_holdout, holdout);
    parallel_blocks(tasks.size(), 1, threads,
                    [&](std::size_t task, std::size_t, std::size_t) { tasks[task](); });
}

/// Where the columns of a summary lie: a customer's place is asked for before it is written, as neighbours in codes are
/// far apart in the order of ids.
class places_ahead {
  public:
    template <class Column>
    void add(Column& column) {
        if (!column.empty()) columns_[size_++] = {reinterpret_cast<char*>(column.data()), sizeof(column[0])};
    }
    void ask_for(std::size_t row) const {
        for (std::size_t i = 0; i < size_; ++i)
            __builtin_prefetch(columns_[i].data + row * columns_[i].width, 1);
    }

  private:
    struct base {
        char* data;
        std::size_t width;
    };
    std::array<base, 16> columns_{};
    std::size_t size_ = 0;
};

template <class Column>
void keep(Column& column, std::vector<fate> const& fates) {
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

void put(customer_figures const& found, terms const& given, std::size_t out, summary& result) {
    duration const unit = given.options.unit;
    result.frequency[out] = found.frequency;
    result.recency[out] =
        found.bought ? in_units(duration(found.last_start - found.first_start), unit) : not_a_number;
    result.T[out] = found.bought ? in_units(duration(given.end - found.first_start), unit) : not_a_number;
    result.log_gap_sum[out] = found.log_gap_sum;
    result.first_time[out] = instant(duration(found.first_time));
    result.last_time[out] = instant(duration(found.last_time));
    result.last_day[out] = found.last_day;
    result.orders[out] = found.orders;
    result.days[out] = found.days;
    result.lines[out] = found.lines;
    if (given.has_amounts) {
        result.net_amount[out] = found.net_amount;
        result.returns_amount[out] = found.returns_amount;
        result.monetary_value[out] = found.monetary_value;
    }
    if (given.options.calibrate_until) {
        result.frequency_holdout[out] = found.held_out;
        result.duration_holdout[out] = given.duration_holdout;
    }
}

}  // namespace

summarizer::summarizer(summarize_options options)
    : options_(std::move(options)),
      intake_({.time_zone = options_.time_zone,
               .observe_until = options_.observe_until,
               .skip_late = options_.skip_late,
               .known_at = options_.known_at,
               .rates = options_.rates,
               .on_bad_rows = options_.on_bad_rows,
               .amount_scale = options_.amount_scale,
               .by_range = true,
               .threads = options_.threads,
               .watch = options_.watch}),
      days_(std::make_unique<day_store>()) {
    if (options_.unit <= duration::zero()) throw input_error("unit: must be longer than nothing");
    if (options_.calibrate_until && options_.observe_until &&
        *options_.calibrate_until > *options_.observe_until)
        throw input_error("calibrate_until: " + to_string(*options_.calibrate_until) +
                          " lies after observe_until, " + to_string(*options_.observe_until));
}

summarizer::~summarizer() = default;
summarizer::summarizer(summarizer const& other)
    : options_(other.options_),
      intake_(other.intake_),
      rows_(other.rows_),
      days_(std::make_unique<day_store>(*other.days_)) {}
summarizer::summarizer(summarizer&&) noexcept = default;
summarizer& summarizer::operator=(summarizer const& other) {
    return *this = summarizer(other);
}
summarizer& summarizer::operator=(summarizer&&) noexcept = default;

bool summarizer::keeps_rows(intake_facts const& facts) const {
    return facts.has_orders_ || facts.has_events_ || options_.collapse_by == collapse::none ||
           options_.collapse_by == collapse::hour;
}

void summarizer::fold_where_much_waits() {
    std::size_t const enough = std::max<std::size_t>(std::size_t{1} << 24, 12 * intake_.customers().size());
    if (days_->waiting_bytes() > enough) days_->fold(format_of(intake_), options_.threads);
}

summarizer& summarizer::update(transactions_view const& batch) {
    check_columns(batch);
    bool const first = !intake_.has_rows();
    if (keeps_rows(intake_.facts()) || (first && (batch.order_id || batch.event_id))) {
        intake_.read(batch, rows_);
        return *this;
    }
    fold_where_much_waits();
    intake_facts const before = intake_.facts();
    bool const had_customers = intake_.customers().size() > 0;
    std::size_t const waiting = days_->waiting();
    intake_.expect(batch.size());
    try {
        canonical_rows rows;
        auto const size = static_cast<double>(batch.size());
        for (std::size_t begin = 0; begin < batch.size(); begin += part_rows) {
            std::size_t const count = std::min(part_rows, batch.size() - begin);
            intake_.read_over(batch.slice(begin, count), rows, static_cast<double>(begin) / size,
                              static_cast<double>(count) / size);
            days_->add(rows, intake_.customers().size(), options_.threads);
        }
    } catch (...) {
        days_->cut(waiting);
        intake_.restore(before, had_customers);
        throw;
    }
    return *this;
}

summarizer& summarizer::merge(summarizer const& other) {
    auto const key = [](summarize_options const& options) {
        return std::tuple(options.unit, options.collapse_by, options.returns, options.calibrate_until,
                          options.include_first, options.on_bad_rows);
    };
    if (key(options_) != key(other.options_)) {
        std::string differing;
        auto compare = [&](std::string_view name, bool equal) {
            if (!equal) differing += (differing.empty() ? "" : ", ") + std::string(name);
        };
        compare("unit", options_.unit == other.options_.unit);
        compare("collapse", options_.collapse_by == other.options_.collapse_by);
        compare("returns", options_.returns == other.options_.returns);
        compare("calibrate_until", options_.calibrate_until == other.options_.calibrate_until);
        compare("include_first", options_.include_first == other.options_.include_first);
        compare("on_bad_rows", options_.on_bad_rows == other.options_.on_bad_rows);
        throw input_error("states to be merged must have equal options, but these differ: " + differing);
    }
    if (!other.intake_.has_rows()) return *this;
    if (&other == this) return merge(summarizer(other));
    if (keeps_rows(other.intake_.facts())) {
        intake_.merge(other.intake_, rows_, other.rows_);
        return *this;
    }
    fold_where_much_waits();
    canonical_rows none;
    intake_.merge(other.intake_, none, none);
    auto const codes = intake_.customers_of(other.intake_);
    days_->take(*other.days_, codes, intake_.customers().size(), format_of(other.intake_), format_of(intake_),
                options_.threads);
    return *this;
}

summarizer::memory summarizer::held() const {
    auto of = [](auto const& column) { return column.capacity() * sizeof(column[0]); };
    return {.ids = intake_.customers().bytes() + intake_.orders().bytes() + intake_.event_ids().bytes() +
                   of(intake_.events().entries) + of(intake_.events().unattributed),
            .days = days_->folded_bytes(),
            .waiting = days_->waiting_bytes() + of(rows_.customer) + of(rows_.day) + of(rows_.time) +
                       of(rows_.amount) + of(rows_.order) + of(rows_.event) + of(rows_.kind)};
}

summary summarizer::finish() const {
    if (!intake_.last_day()) {
        summary none;
        none.unit = options_.unit;
        none.observed_until = options_.calibrate_until.value_or(options_.observe_until.value_or(sys_days{}));
        if (options_.calibrate_until) none.holdout_until = options_.observe_until;
        none.quality = quality();
        // That nobody is there is an answer; rows of which none is fit are not.
        if (none.quality.rows_read != none.quality.rows_without_customer) refuse_empty(none.quality);
        none.customer_id = intake_.customers().ids({});
        return none;
    }
    finish_plan const plan(options_, intake_);
    terms const& given = plan.given();

    summary result;
    result.unit = options_.unit;
    result.observed_until = plan.last_day();
    if (options_.calibrate_until) result.holdout_until = plan.until();
    result.quality = quality();

    // Codes below the first have no customer. Codes in order need no ranks.
    directory const& ids = intake_.customers();
    std::size_t const first = ids.first();
    std::size_t const customers = ids.size() - first;
    bool const holdout = options_.calibrate_until.has_value();
    std::vector<std::uint32_t> sorted;
    std::vector<std::uint32_t> rank;
    if (!ids.in_order() || keeps_rows(intake_.facts())) {
        sorted = ids.sorted(options_.threads);
        rank = ranks(sorted);
    }
    bool const ranked = !rank.empty();
    std::size_t const places = ranked ? rank.size() : customers;
    for_each_column(result, given.has_amounts, holdout, options_.threads, [places](auto& column) {
        column.reserve(places);
        prefer_huge_pages(column.data(), places * sizeof(column[0]));
        column.resize(places);
    });
    places_ahead ahead;
    for_each_column(result, given.has_amounts, holdout, 1, [&ahead](auto& column) { ahead.add(column); });
    std::vector<fate> fates(places, fate::no_rows);
    if (keeps_rows(intake_.facts())) {
        auto run = [&]<class Row>(Row const*) {
            group_by_customer<Row>(
                rows_, rank, partitioning(rows_.size(), rank.size()), options_.threads, options_.watch,
                "summarizing customers",
                [&](std::size_t, std::size_t at, std::span<Row> rows, std::span<std::size_t const> begins) {
                    customer_scan<Row> scan(given);
                    customer_figures found{};
                    for (std::size_t i = 0; i + 1 < begins.size(); ++i) {
                        fates[at + i] = scan.scan(rows.subspan(begins[i], begins[i + 1] - begins[i]), found);
                        if (fates[at + i] == fate::kept) put(found, given, at + i, result);
                    }
                });
        };
        if (fits_dated_row(rows_)) {
            run(static_cast<dated_row const*>(nullptr));
        } else {
            run(static_cast<timed_row const*>(nullptr));
        }
    } else {
        days_->for_each_partition(
            format_of(intake_), options_.threads, options_.watch, "summarizing customers",
            [&](std::size_t partition, day_store::reader& from) {
                auto const read = [&]<class Day>(customer_scan<Day> scan) {
                    return [&, scan = std::move(scan)](std::uint32_t customer, std::span<Day> own) mutable {
                        std::size_t const code = (partition << day_store::partition_bits) + customer;
                        std::size_t const out = ranked ? rank[code] : code - first;
                        if (ranked && code + 4 < rank.size()) ahead.ask_for(rank[code + 4]);
                        customer_figures found{};
                        fates[out] = scan.scan(own, found);
                        if (fates[out] == fate::kept) put(found, given, out, result);
                    };
                };
                if (from.plain()) {
                    from.for_each_plain(read(customer_scan<plain_day>(given)));
                } else {
                    from.for_each(read(customer_scan<day_entry>(given)));
                }
            });
    }

    result.left_out = std::count(fates.begin(), fates.end(), fate::left_out);
    bool const all_kept = std::all_of(fates.begin(), fates.end(), [](fate one) { return one == fate::kept; });
    if (!all_kept)
        for_each_column(result, given.has_amounts, holdout, options_.threads,
                        [&fates](auto& column) { keep(column, fates); });
    if (!ranked) {
        sorted.resize(places);
        std::iota(sorted.begin(), sorted.end(), static_cast<std::uint32_t>(first));
    }
    if (!all_kept) keep(sorted, fates);
    result.customer_id = ids.ids(sorted);
    return result;
}

history summarizer::daily() const {
    if (!intake_.last_day()) refuse_empty(quality());
    bool const cancels = intake_.has_amounts() && options_.returns == returns_policy::net;
    std::vector<std::uint32_t> const sorted = intake_.customers().sorted(options_.threads);
    bool const rows_kept = keeps_rows(intake_.facts());
    partitioning const parts(rows_.size(), sorted.size());

    // Every partition collects its days; then they are put one after the other.
    struct piece {
        history days;
        std::vector<std::uint32_t> customers;  // by code, ascending
    };
    std::vector<piece> pieces(rows_kept ? parts.count : days_->partitions());
    auto fit = [](int128 amount) {
        if (amount > std::numeric_limits<std::int64_t>::max() ||
            amount < std::numeric_limits<std::int64_t>::min())
            throw input_error(
                "the amounts of one customer's day exceed 64 bits; take a smaller amount_scale");
        return static_cast<std::int64_t>(amount);
    };
    auto put = [&](history& to, std::int32_t day, line_totals const& totals, auto const& orders) {
        to.day.push_back(day);
        to.sales.push_back(fit(totals.sales + totals.adjustments));
        to.returns.push_back(fit(totals.returns));
        std::int64_t const count = totals.is_purchase(cancels) ? orders() : 0;
        to.orders.push_back(static_cast<std::int32_t>(
            std::min<std::int64_t>(count, std::numeric_limits<std::int32_t>::max())));
    };
    if (rows_kept) {
        std::vector<std::uint32_t> const rank = ranks(sorted);
        auto run = [&]<class Row>(Row const*) {
            group_by_customer<Row>(
                rows_, rank, parts, options_.threads, options_.watch, "collecting purchase days",
                [&](std::size_t part, std::size_t first, std::span<Row> rows,
                    std::span<std::size_t const> begins) {
                    piece& own = pieces[part];
                    order_counter orders;
                    for (std::size_t i = 0; i + 1 < begins.size(); ++i) {
                        auto const lines = rows.subspan(begins[i], begins[i + 1] - begins[i]);
                        if (lines.empty()) continue;
                        sort_rows(lines, [](Row const& a, Row const& b) { return a.day < b.day; });
                        for (std::size_t begin = 0; begin < lines.size();) {
                            line_totals totals;
                            std::size_t end = begin;
                            for (; end < lines.size() && lines[end].day == lines[begin].day; ++end)
                                totals.add(lines[end]);
                            put(own.days, lines[begin].day, totals, [&] {
                                return rows_.order.empty()
                                           ? totals.sale_lines
                                           : orders.count(
                                                 std::span<Row const>(lines.subspan(begin, end - begin)),
                                                 cancels);
                            });
                            begin = end;
                        }
                        own.customers.push_back(sorted[first + i]);
                        own.days.offsets.push_back(static_cast<std::int64_t>(own.days.day.size()));
                    }
                });
        };
        if (fits_dated_row(rows_)) {
            run(static_cast<dated_row const*>(nullptr));
        } else {
            run(static_cast<timed_row const*>(nullptr));
        }
    } else {
        days_->for_each_partition(
            format_of(intake_), options_.threads, options_.watch, "collecting purchase days",
            [&](std::size_t partition, day_store::reader& from) {
                piece& own = pieces[partition];
                from.for_each([&](std::uint32_t customer, std::span<day_entry> days) {
                    for (day_entry const& entry : days) {
                        line_totals totals;
                        totals.add(entry);
                        put(own.days, entry.day, totals, [&] { return totals.sale_lines; });
                    }
                    own.customers.push_back(
                        static_cast<std::uint32_t>((partition << day_store::partition_bits) + customer));
                    own.days.offsets.push_back(static_cast<std::int64_t>(own.days.day.size()));
                });
            });
    }

    // Where customers of other partitions come in between, each is fetched from where it stands.
    struct place {
        std::uint32_t part;
        std::uint32_t at;
    };
    std::vector<place> places(intake_.customers().size(), place{absent, 0});
    std::size_t entries = 0;
    for (std::size_t part = 0; part < pieces.size(); ++part) {
        entries += pieces[part].days.day.size();
        for (std::size_t i = 0; i < pieces[part].customers.size(); ++i)
            places[pieces[part].customers[i]] = {static_cast<std::uint32_t>(part),
                                                 static_cast<std::uint32_t>(i)};
    }
    history result;
    result.amount_scale = options_.amount_scale;
    result.day.reserve(entries);
    result.sales.reserve(entries);
    result.returns.reserve(entries);
    result.orders.reserve(entries);
    std::vector<std::uint32_t> present;
    for (std::uint32_t const code : sorted) {
        auto const [part, at] = places[code];
        if (part == absent) continue;
        history const& own = pieces[part].days;
        auto append = [begin = own.offsets[at], end = own.offsets[at + 1]](auto& to, auto const& from) {
            to.insert(to.end(), from.begin() + begin, from.begin() + end);
        };
        append(result.day, own.day);
        append(result.sales, own.sales);
        append(result.returns, own.returns);
        append(result.orders, own.orders);
        present.push_back(code);
        result.offsets.push_back(static_cast<std::int64_t>(result.day.size()));
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

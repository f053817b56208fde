#include <algorithm>
#include <utility>

#include "clavis/core/parallel.hpp"
#include "clavis/ledger/summarize.hpp"
#include "ledger/summarize_plan.hpp"
#include "ledger/summary_days.hpp"

namespace clavis::ledger {

namespace {

/// What stands in lists, of one partition.
struct exceptions {
    std::vector<std::uint32_t> never;
    sparse_column<double> returns_amount;
    sparse_column<std::int32_t> other_lines;
};

template <class T>
void append(std::vector<T>& to, std::vector<T> const& from) {
    to.insert(to.end(), from.begin(), from.end());
}

class compact_writer {
  public:
    compact_writer(compact_summary& to, std::size_t rows, std::size_t partitions)
        : to_(to), lists_(partitions) {
        for (auto* column : {&to.frequency, &to.first_day, &to.last_day, &to.orders})
            column->resize(rows);
        to.log_gap_sum.resize(rows);
        if (!to.has_amounts) return;
        to.net_amount.resize(rows);
        to.monetary_value.resize(rows);
    }

    void put(customer_figures const& found, std::size_t row, std::size_t partition) {
        to_.frequency[row] = found.frequency;
        to_.first_day[row] = static_cast<std::int32_t>(found.first_time / day.count());
        to_.last_day[row] = found.last_day;
        to_.orders[row] = static_cast<std::int32_t>(found.orders);
        to_.log_gap_sum[row] = found.log_gap_sum;
        auto const place = static_cast<std::uint32_t>(row);
        exceptions& lists = lists_[partition];
        if (!found.bought) lists.never.push_back(place);
        if (found.lines != found.orders) {
            lists.other_lines.rows.push_back(place);
            lists.other_lines.values.push_back(static_cast<std::int32_t>(found.lines - found.orders));
        }
        if (!to_.has_amounts) return;
        to_.net_amount[row] = found.net_amount;
        to_.monetary_value[row] = found.monetary_value;
        if (found.returns_amount != 0) {
            lists.returns_amount.rows.push_back(place);
            lists.returns_amount.values.push_back(found.returns_amount);
        }
    }

    /// Puts the lists together.
    void finish() {
        for (exceptions const& lists : lists_) {
            append(to_.never, lists.never);
            append(to_.returns_amount.rows, lists.returns_amount.rows);
            append(to_.returns_amount.values, lists.returns_amount.values);
            append(to_.other_lines.rows, lists.other_lines.rows);
            append(to_.other_lines.values, lists.other_lines.values);
        }
    }

  private:
    compact_summary& to_;
    std::vector<exceptions> lists_;
};

/// Drops rows that no customer has; moved[row] is where a row stands afterwards.
void drop_rows(compact_summary& s, std::vector<std::uint8_t> const& kept,
               std::vector<std::uint32_t> const& moved) {
    auto drop = [&kept](auto& column) {
        if (column.empty()) return;
        std::size_t to = 0;
        for (std::size_t row = 0; row < kept.size(); ++row)
            if (kept[row] != 0) column[to++] = column[row];
        column.resize(to);
    };
    for (auto* column : {&s.frequency, &s.first_day, &s.last_day, &s.orders})
        drop(*column);
    for (auto* column : {&s.net_amount, &s.monetary_value, &s.log_gap_sum})
        drop(*column);
    for (auto* rows : {&s.never, &s.returns_amount.rows, &s.other_lines.rows})
        for (std::uint32_t& row : *rows)
            row = moved[row];
}

}  // namespace

std::optional<compact_summary> summarizer::finish_compact() const {
    constexpr std::int64_t most_rows_counted = std::numeric_limits<std::int32_t>::max();
    if (!intake_.last_day() || keeps_rows(intake_.facts()) || options_.collapse_by != collapse::day ||
        options_.calibrate_until || !intake_.dates_only() ||
        intake_.facts().quality_.rows_read > most_rows_counted)
        return std::nullopt;
    finish_plan const plan(options_, intake_);

    compact_summary result;
    result.unit = options_.unit;
    result.observed_until = plan.last_day();
    result.quality = quality();
    result.has_amounts = intake_.has_amounts();
    directory const& ids = intake_.customers();
    std::size_t const first = ids.first();
    std::size_t const rows = ids.size() - first;
    std::vector<std::uint8_t> kept(rows, 0);
    compact_writer to(result, rows, days_->partitions());
    days_->for_each_partition(format_of(intake_), options_.threads, options_.watch, "summarizing customers",
                              [&](std::size_t partition, day_store::reader& from) {
                                  auto const read = [&]<class Day>(customer_scan<Day> scan) {
                                      return [&, scan = std::move(scan), found = customer_figures{}](
                                                 std::uint32_t customer, std::span<Day> own) mutable {
                                          std::size_t const row =
                                              (partition << day_store::partition_bits) + customer - first;
                                          if (scan.scan(own, found) != fate::kept) return;
                                          kept[row] = 1;
                                          to.put(found, row, partition);
                                      };
                                  };
                                  if (from.plain()) {
                                      from.for_each_plain(read(customer_scan<plain_day>(plan.given())));
                                  } else {
                                      from.for_each(read(customer_scan<day_entry>(plan.given())));
                                  }
                              });
    to.finish();

    bool const all_kept = std::find(kept.begin(), kept.end(), 0) == kept.end();
    if (all_kept && ids.in_order()) {
        if (rows > 0) result.first_id = ids.ids({static_cast<std::uint32_t>(first)}).integers().front();
        return result;
    }
    std::vector<std::uint32_t> moved(rows);
    std::uint32_t next = 0;
    for (std::size_t row = 0; row < rows; ++row)
        moved[row] = kept[row] != 0 ? next++ : 0;
    std::vector<std::uint32_t> codes = ids.sorted(options_.threads);
    std::erase_if(codes, [&](std::uint32_t code) { return code < first || kept[code - first] == 0; });
    if (!ids.in_order()) {
        result.order.resize(codes.size());
        for (std::size_t i = 0; i < codes.size(); ++i)
            result.order[i] = moved[codes[i] - first];
    }
    result.ids = ids.ids(codes);
    if (!all_kept) drop_rows(result, kept, moved);
    return result;
}

}  // namespace clavis::ledger

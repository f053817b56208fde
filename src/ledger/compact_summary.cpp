#include "clavis/ledger/compact_summary.hpp"

#include <algorithm>
#include <numeric>

#include "clavis/core/parallel.hpp"

namespace clavis::ledger {

namespace {

constexpr std::size_t block_rows = std::size_t{1} << 16;

/// value(row) of every row here, then in the order of the table.
template <class T, class Value>
large_vector<T> worked_out(compact_summary const& s, unsigned threads, Value const& value) {
    large_vector<T> result(s.size());
    parallel_blocks(s.size(), block_rows, threads, [&](std::size_t, std::size_t begin, std::size_t end) {
        if (s.order.empty()) {
            for (std::size_t row = begin; row < end; ++row)
                result[row] = value(row);
        } else {
            for (std::size_t row = begin; row < end; ++row)
                result[row] = value(s.order[row]);
        }
    });
    return result;
}

/// The same, but for customers who never bought.
template <class T, class Value>
large_vector<T> of_buyers(compact_summary const& s, unsigned threads, T without, Value const& value) {
    if (s.never.empty()) return worked_out<T>(s, threads, value);
    return worked_out<T>(s, threads, [&](std::size_t row) {
        bool const never =
            std::binary_search(s.never.begin(), s.never.end(), static_cast<std::uint32_t>(row));
        return never ? without : value(row);
    });
}

/// base(row) plus what the list has.
template <class T, class Other, class Base>
large_vector<T> plus(compact_summary const& s, unsigned threads, sparse_column<Other> const& list,
                     Base const& base) {
    if (list.rows.empty()) return worked_out<T>(s, threads, base);
    return worked_out<T>(s, threads, [&](std::size_t row) {
        auto const at = std::lower_bound(list.rows.begin(), list.rows.end(), static_cast<std::uint32_t>(row));
        bool const listed = at != list.rows.end() && *at == row;
        return base(row) +
               (listed ? static_cast<T>(list.values[static_cast<std::size_t>(at - list.rows.begin())]) : T{});
    });
}

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

}  // namespace

identifiers compact_summary::customer_id() const {
    if (ids.size() > 0 || size() == 0) return ids;
    std::vector<std::int64_t> result(size());
    std::iota(result.begin(), result.end(), first_id);
    return result;
}

large_vector<double> compact_summary::recency(unsigned threads) const {
    return of_buyers<double>(*this, threads, not_a_number, [this](std::size_t row) {
        return in_units(duration((last_day[row] - first_day[row]) * day.count()), unit);
    });
}

large_vector<double> compact_summary::T(unsigned threads) const {
    std::int64_t const end = observed_until.time_since_epoch().count();
    return of_buyers<double>(*this, threads, not_a_number, [this, end](std::size_t row) {
        return in_units(duration((end - first_day[row]) * day.count()), unit);
    });
}

large_vector<std::int64_t> compact_summary::first_time(unsigned threads) const {
    return worked_out<std::int64_t>(*this, threads,
                                    [this](std::size_t row) { return first_day[row] * day.count(); });
}

large_vector<std::int64_t> compact_summary::last_time(unsigned threads) const {
    return worked_out<std::int64_t>(*this, threads,
                                    [this](std::size_t row) { return last_day[row] * day.count(); });
}

large_vector<std::int64_t> compact_summary::last_days(unsigned threads) const {
    return worked_out<std::int64_t>(*this, threads,
                                    [this](std::size_t row) { return std::int64_t{last_day[row]}; });
}

large_vector<std::int64_t> compact_summary::order_counts(unsigned threads) const {
    return worked_out<std::int64_t>(*this, threads,
                                    [this](std::size_t row) { return std::int64_t{orders[row]}; });
}

large_vector<std::int64_t> compact_summary::days(unsigned threads) const {
    return of_buyers<std::int64_t>(*this, threads, 0,
                                   [this](std::size_t row) { return std::int64_t{frequency[row]} + 1; });
}

large_vector<std::int64_t> compact_summary::lines(unsigned threads) const {
    return plus<std::int64_t>(*this, threads, other_lines,
                              [this](std::size_t row) { return std::int64_t{orders[row]}; });
}

large_vector<double> compact_summary::returns(unsigned threads) const {
    return plus<double>(*this, threads, returns_amount, [](std::size_t) { return 0.0; });
}

}  // namespace clavis::ledger

#pragma once

// Recency, frequency, monetary value (Hughes 1994): each customer gets a score from 1 to K (best) on each of
// three axes. Equal values always score equally: breaks are quantiles (Hyndman and Fan 1996, type 1 to 9),
// but values are compared with the order statistics x_(j), x_(j+1) around a break and never with a rounded
// number in between. Therefore scores do not change with unit, currency, row order or any strictly increasing
// map of an axis. Rules, with breaks b_1 <= ... <= b_(K−1):
//   low      s = 1 + #{k: b_k < x}     a value on a break scores low (pandas.qcut, SQL `x > b`); the default
//   high     s = 1 + #{k: b_k <= x}
//   midrank  s = ⌈K (#less + #equal / 2) / n⌉, without breaks
// Few days since the last purchase are good, so R = K + 1 − s(days): on recency a tie takes the better score
// under `low`. A NaN counts as "no purchase": it scores 1, takes no part in the breaks, and is counted.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "clavis/core/large_memory.hpp"
#include "clavis/ledger/compact_summary.hpp"
#include "clavis/ledger/summary.hpp"
#include "clavis/value/segments.hpp"

namespace clavis::value {

enum class score_rule : std::uint8_t { low, high, midrank };

enum class break_rule : std::uint8_t {
    quantile,  ///< unweighted quantiles of the chosen type
    weighted,  ///< inverse of the distribution function weighted by rfm_columns::weights
    fixed,     ///< given in rfm_options::fixed, for example those of an earlier result
};

/// One value per customer on each axis, all of one length.
struct rfm_columns {
    std::span<double const> recency;    ///< time since the last purchase, any unit, >= 0; NaN: no purchase
    std::span<double const> frequency;  ///< number of orders, >= 0
    std::span<double const> monetary;   ///< what was paid, any currency unit; may be negative
    std::span<double const> weights{};  ///< for break_rule::weighted: finite, >= 0
};

struct rfm_options {
    int bins = 5;  ///< K, from 1 to 100
    score_rule rule = score_rule::low;
    break_rule breaks = break_rule::quantile;
    int quantile_type = 7;
    /// K − 1 ascending breaks of days, orders and money, in the units of the columns.
    std::array<std::vector<double>, 3> fixed{};
    /// F is scored among customers of one R, M among those of one R and F. A group of fewer customers than
    /// nested_minimum (0: 5 K) takes the breaks of the group around it. With quantile or weighted breaks
    /// only.
    bool nested = false;
    std::int64_t nested_minimum = 0;
    std::optional<segment_map> segments{};  ///< absent: segment_map::standard(bins)
};

/// How one axis was cut.
struct rfm_axis {
    std::vector<double> breaks;  ///< K − 1 breaks as shown (of all customers where nested); empty for midrank
    std::int64_t scored = 0;     ///< customers with a value
    std::int64_t missing = 0;    ///< customers without one: score 1
    std::int64_t distinct = 0;  ///< distinct values, counted up to K
    int empty_bins = 0;         ///< scores that nobody has
    /// Fewer distinct values than bins (one value only, fewer customers than bins): scores follow the rule
    /// all the same, but cannot spread over all bins.
    bool degenerate = false;
};

/// The scores in a byte each, and what the others follow from.
struct rfm_scores {
    int bins = 5;
    large_vector<std::uint8_t> r;  ///< 1 ... bins, higher is better
    large_vector<std::uint8_t> f;
    large_vector<std::uint8_t> m;
    std::vector<std::int32_t> cells;  ///< the segment of every cell: see rfm_result
    std::vector<std::string> segment_names;
    rfm_axis recency;
    rfm_axis frequency;
    rfm_axis monetary;
    std::int64_t without_segment = 0;
    std::vector<std::string> notes;

    std::size_t size() const noexcept { return r.size(); }
    /// By what r, f and m are written one after the other: a power of ten above `bins`.
    std::int32_t digits() const noexcept;
    std::int32_t score(std::size_t row, std::int32_t base) const noexcept {
        return (r[row] * base + f[row]) * base + m[row];
    }
    std::size_t cell(int r_score, int f_score, int m_score) const noexcept {
        auto const side = static_cast<std::size_t>(bins) + 1;
        return (static_cast<std::size_t>(r_score) * side + static_cast<std::size_t>(f_score)) * side +
               static_cast<std::size_t>(m_score);
    }
    std::int32_t segment(std::size_t row) const noexcept { return cells[cell(r[row], f[row], m[row])]; }
};

struct rfm_result {
    int bins = 5;
    std::vector<std::int32_t> r;  ///< 1 ... bins, higher is better
    std::vector<std::int32_t> f;
    std::vector<std::int32_t> m;
    /// r, f, m written one after the other, each with as many digits as `bins` needs: 100 r + 10 f + m up to
    /// nine bins.
    std::vector<std::int32_t> score;
    /// position in segment_names; segment_map::none where the map has no box
    std::vector<std::int32_t> segment;
    std::vector<std::string> segment_names;
    rfm_axis recency;
    rfm_axis frequency;
    rfm_axis monetary;
    std::int64_t without_segment = 0;  ///< customers whose cell has no name
    std::vector<std::string> notes;    ///< what a careful reader wants to know, one sentence each

    std::size_t size() const noexcept { return r.size(); }
};

/// Scores customers. Throws input_error that names column, row and value where a value is infinite or
/// negative where it must not be, lengths differ, or an option does not fit. O(n); midrank O(n log n). Same
/// result for any `threads`.
rfm_result rfm(rfm_columns const& columns, rfm_options const& options = {}, unsigned threads = 1);

rfm_scores score_rfm(rfm_columns const& columns, rfm_options const& options = {}, unsigned threads = 1);
/// Of the customers in the order in which they stand there.
rfm_scores score_rfm(ledger::compact_summary const& customers, rfm_options const& options = {},
                     unsigned threads = 1);

/// From a summary: local days from the last purchase to the end of observation, orders, net amount (missing where
/// there are no amounts). Customers who never bought (returns only) count as missing on all axes.
/// break_rule::weighted weighs by the net amount (at least 0), so that bins hold equal sums.
rfm_result rfm(ledger::summary const& customers, rfm_options const& options = {}, unsigned threads = 1);

/// The mean of the three scores of each customer.
void mean_score(rfm_result const& result, std::span<double> out);

}  // namespace clavis::value

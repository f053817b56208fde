#pragma once

// Rows of a summary, checked and compressed for fitting: distinct (x, tx, T) with weights, in the order of x,
// then T, then tx. The order depends on the values alone, so everything summed along it is independent of the
// order in which rows arrived.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clavis/ledger/summary.hpp"
#include "row_store.hpp"

namespace clavis::lifetime {

/// Throws input_error unless frequency, recency and T have equal length and tell a possible history in every
/// row; rows whose T is NaN are possible.
void check_rows(ledger::summary_view const& customers);
void check_weights(ledger::summary_view const& customers);
/// Throws input_error unless the caller's buffer has `needed` places.
void check_result(std::size_t places, std::size_t needed);

/// The shortest text that gives the value back: 12.5, not 12.500000.
std::string number_text(double value);

/// A count with its noun: "1 customer", "23 customers".
std::string counted(std::int64_t n, std::string_view one, std::string_view many);

struct compressed_rows {
    struct run {
        std::int32_t x;
        std::size_t begin;  ///< rows [begin, end) share x
        std::size_t end;
        double weight;
    };
    std::vector<run> runs;
    row_store histories;
    std::vector<double> log_gaps;  ///< by row, in scaled time, NaN where not known; empty unless asked for
    double scale = 1.0;            ///< the unit of times: a power of two near the mean of T
    double purchases = 0.0;        ///< sum of weight * x
    double customers = 0.0;        ///< sum of weight
    double exposure = 0.0;         ///< sum of weight * T / scale
    std::int64_t rows = 0;         ///< rows used
    std::int64_t left_out = 0;     ///< rows whose T is NaN

    std::size_t size() const { return histories.size(); }
};

/// Two million distinct rows and less are columns of their own; of more only the places are kept, and the
/// caller's columns must outlive what is returned. Takes 4,294,967,295 rows at most.
compressed_rows compress(ledger::summary_view const& customers);

/// Distinct (x, m) of the customers with repeat purchases and a positive mean amount m, which stands for T (and tx).
compressed_rows compress_spend(ledger::summary_view const& customers);

/// Distinct (x, tx, T, log_gap_sum), in the order of x, then T, then tx, then log_gap_sum; where that is no finite number,
/// or there is no such column, it is NaN and comes first.
compressed_rows compress_with_gaps(ledger::summary_view const& customers);
/// Whether a model can do without the gaps of a row: missing (NaN), or -infinity as two purchases came at one time.
enum class unknown_gaps : std::uint8_t { refused, allowed };
/// Throws input_error unless log_gap_sum has a value for every row, or none, and each may be a sum of logarithms of gaps
/// that add to recency.
void check_log_gaps(ledger::summary_view const& customers, unknown_gaps unknown);

/// Every k-th row such that at most `most` remain; the rows themselves where there are no more.
compressed_rows thin(compressed_rows const& rows, std::size_t most);

/// body(run, tile) for all rows in their order, a few thousand of one run at a time.
template <class Body>
void for_each_tile(compressed_rows const& rows, Body&& body) {
    row_tile::buffer scratch;
    for (auto const& run : rows.runs)
        for (std::size_t begin = run.begin; begin < run.end; begin += tile_rows)
            body(run, rows.histories.tile(begin, std::min(run.end, begin + tile_rows), scratch));
}

}  // namespace clavis::lifetime

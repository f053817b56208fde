#pragma once

// Rows of a summary, checked and compressed for fitting: distinct (x, tx, T) with weights, in the order of x,
// then T, then tx. The order depends on the values alone, so everything summed along it is independent of the
// order in which rows arrived.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clavis/ledger/summary.hpp"

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
    std::vector<double> tx;  ///< divided by `scale`
    std::vector<double> T;
    std::vector<double> weight;
    double scale = 1.0;         ///< a power of two near the mean of T, so that dividing by it rounds nothing
    double purchases = 0.0;     ///< sum of weight * x
    double customers = 0.0;     ///< sum of weight
    double exposure = 0.0;      ///< sum of weight * T / scale
    std::int64_t rows = 0;      ///< rows used
    std::int64_t left_out = 0;  ///< rows whose T is NaN

    std::size_t size() const { return T.size(); }
};

compressed_rows compress(ledger::summary_view const& customers);

/// Every k-th row such that at most `most` remain; the rows themselves where there are no more.
compressed_rows thin(compressed_rows const& rows, std::size_t most);

}  // namespace clavis::lifetime

#pragma once

// The rows of a Cox model in the order in which they come under observation when time runs backwards, standardised.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "clavis/statistics/cox.hpp"
#include "statistics/cox_kernels.hpp"

namespace clavis::statistics {

/// What a row adds to the sums, in one order of rows; x in tiles of columns.
struct cox_columns {
    std::size_t columns = 0;
    std::vector<double> x;
    std::vector<double> weight, offset;  ///< may be empty

    double const* tile(std::size_t row) const { return &x[row / tile_rows * columns * tile_rows]; }
    double at(std::size_t row, std::size_t column) const {
        return tile(row)[column * tile_rows + row % tile_rows];
    }
};

struct cox_rows {
    /// Rows [begin, deaths_end) end here with an event.
    struct event_time {
        std::uint32_t begin;
        std::uint32_t deaths_end;
        double time;
        double weight;  ///< of the deaths
    };
    struct stratum {
        std::size_t rows_begin, rows_end;
        std::size_t times_begin, times_end;
    };

    std::size_t size = 0;
    std::size_t columns = 0;
    cox_columns entering;              ///< by stratum, descending stop, events first
    cox_columns leaving;               ///< by stratum and descending start; empty without start
    std::vector<double> mean, spread;  ///< of the columns
    std::vector<double> start, stop;   ///< start may be empty
    std::vector<std::uint8_t> event;
    std::vector<std::int32_t> cluster;
    std::vector<std::int32_t> code;    ///< stratum of each row
    std::vector<std::uint32_t> given;  ///< where the row stood in the data
    std::vector<stratum> strata;
    std::vector<event_time> times;  ///< by stratum, descending
    /// By time: at risk are the first `entered` rows of the stratum, counted from the first of all, without the first
    /// `left` by start.
    std::vector<std::uint32_t> entered, left;
    /// A row is at risk at times [first, last) of its stratum, counted in `times` plus one place a stratum before.
    std::vector<std::uint32_t> first, last;
    std::vector<double> deaths_x;  ///< sum of w x over events, and of w
    double deaths_offset = 0;
    bool tied = false;  ///< two events at one time, somewhere

    double weight_of(std::size_t row) const { return entering.weight.empty() ? 1.0 : entering.weight[row]; }
    std::size_t stratum_of(std::size_t row) const {
        if (strata.size() == 1) return 0;
        auto const after =
            std::upper_bound(strata.begin(), strata.end(), row,
                             [](std::size_t value, stratum const& one) { return value < one.rows_begin; });
        return static_cast<std::size_t>(after - strata.begin()) - 1;
    }
};

/// Throws input_error for what cannot be used.
cox_rows make_cox_rows(cox_view const& data, unsigned threads);

/// Every `step`th row.
cox_rows sample_cox_rows(cox_rows const& rows, std::size_t step, unsigned threads);

}  // namespace clavis::statistics

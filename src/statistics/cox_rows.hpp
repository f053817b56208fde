#pragma once

// The rows of a Cox model in the order in which they come under observation when time runs backwards, standardised.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "clavis/statistics/cox.hpp"

namespace clavis::statistics {

struct cox_rows {
    /// Rows [begin, deaths_end) end here with an event, [deaths_end, end) here or before the next event time without.
    struct event_time {
        std::uint32_t begin;
        std::uint32_t deaths_end;
        std::uint32_t end;
        double time;
        double weight;  ///< of the deaths
    };
    struct stratum {
        std::size_t rows_begin, rows_end;
        std::size_t times_begin, times_end;
    };

    std::size_t size = 0;
    std::size_t columns = 0;
    std::size_t stride = 0;                           ///< columns padded to a kernel's width
    std::vector<double> x;                            ///< size x stride
    std::vector<double> mean, spread;                 ///< of the columns
    std::vector<double> weight, offset, start, stop;  ///< weight, offset and start may be empty
    std::vector<std::uint8_t> event;
    std::vector<std::int32_t> cluster;
    std::vector<std::int32_t> code;  ///< stratum of each row
    std::vector<stratum> strata;
    std::vector<event_time> times;        ///< by stratum, descending
    std::vector<std::uint32_t> by_start;  ///< rows by stratum and start, descending; empty without start
    /// At risk at times [first, last) of its stratum, counted in `times` plus one place a stratum before.
    std::vector<std::uint32_t> first, last;
    std::vector<double> deaths_x;  ///< sum of w x over events
    double deaths_offset = 0;

    double weight_of(std::size_t row) const { return weight.empty() ? 1.0 : weight[row]; }
};

cox_rows make_cox_rows(cox_view const& data, std::size_t (*stride_for)(std::size_t));

}  // namespace clavis::statistics

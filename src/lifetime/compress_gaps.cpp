#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "clavis/core/errors.hpp"
#include "rows.hpp"

namespace clavis::lifetime {
namespace {

struct row {
    std::int32_t x;
    double T, tx, gaps, weight;
    auto history() const { return std::tie(x, T, tx, gaps); }
};

}  // namespace

void check_log_gaps(ledger::summary_view const& customers, unknown_gaps unknown) {
    auto const& gaps = customers.log_gap_sum;
    if (gaps.empty()) return;
    if (gaps.size() != customers.size())
        throw input_error({.table = "summary", .column = "log_gap_sum"},
                          "has " + std::to_string(gaps.size()) + " rows where frequency has " +
                              std::to_string(customers.size()));
    for (std::size_t i = 0; i < gaps.size(); ++i) {
        if (std::isnan(customers.T[i])) continue;
        bool const same_time = gaps[i] == -HUGE_VAL;
        if (unknown == unknown_gaps::allowed && (same_time || std::isnan(gaps[i]))) continue;
        double const x = customers.frequency[i];
        auto const refuse = [&](std::string const& problem) {
            std::string const text = number_text(gaps[i]);
            throw input_error({.table = "summary",
                               .column = "log_gap_sum",
                               .row = static_cast<std::int64_t>(i),
                               .value = text},
                              problem);
        };
        if (same_time) refuse("says that two purchases came at the same time");
        if (!std::isfinite(gaps[i])) refuse("is not a finite number");
        if (x == 0.0) {
            if (gaps[i] != 0.0) refuse("is not 0 although frequency is 0 (no gap)");
            continue;
        }
        // Gaps add up to recency, so that equal ones have the largest sum of logarithms; half a unit a gap is left for
        // recency that was rounded.
        double const most = x * std::log(customers.recency[i] / x);
        if (gaps[i] > most + 0.5 * x)
            refuse("is above " + number_text(most) +
                   ", that of equal gaps which add up to recency: is it in another unit?");
    }
}

compressed_rows compress_with_gaps(ledger::summary_view const& customers) {
    check_rows(customers);
    check_weights(customers);
    check_log_gaps(customers, unknown_gaps::allowed);
    constexpr double unknown = -std::numeric_limits<double>::infinity();  // sorts first
    compressed_rows result;
    std::vector<row> rows;
    for (std::size_t i = 0; i < customers.size(); ++i) {
        double const weight = customers.weights.empty() ? 1.0 : customers.weights[i];
        if (std::isnan(customers.T[i])) {
            ++result.left_out;
        } else if (weight > 0.0) {
            ++result.rows;
            double const gaps = customers.log_gap_sum.empty() ? unknown : customers.log_gap_sum[i];
            bool const told = customers.frequency[i] > 0;
            rows.push_back({customers.frequency[i], customers.T[i], customers.recency[i],
                            !told                 ? 0.0
                            : std::isfinite(gaps) ? gaps
                                                  : unknown,
                            weight});
        }
    }
    std::sort(rows.begin(), rows.end(), [](row const& a, row const& b) {
        if (a.history() != b.history()) return a.history() < b.history();
        return a.weight < b.weight;
    });
    double total = 0.0;
    for (std::size_t i = 0; i < rows.size();) {
        row const& first = rows[i];
        double weight = 0.0;
        for (; i < rows.size() && rows[i].history() == first.history(); ++i)
            weight += rows[i].weight;
        if (result.runs.empty() || result.runs.back().x != first.x)
            result.runs.push_back({first.x, result.size(), 0, 0.0});
        result.histories.push_back({first.tx, first.T, weight});
        result.log_gaps.push_back(first.gaps);
        result.runs.back().end = result.size();
        result.runs.back().weight += weight;
        total += weight * first.T;
        result.customers += weight;
        result.purchases += weight * first.x;
    }
    double const mean = result.customers > 0.0 ? total / result.customers : 0.0;
    if (mean > 0.0) result.scale = std::exp2(std::round(std::log2(mean)));
    result.exposure = total / result.scale;
    result.histories.divide_by(result.scale);
    for (auto const& run : result.runs)
        for (std::size_t i = run.begin; i < run.end; ++i)
            result.log_gaps[i] = result.log_gaps[i] == unknown
                                     ? std::numeric_limits<double>::quiet_NaN()
                                     : result.log_gaps[i] - run.x * std::log(result.scale);
    return result;
}

}  // namespace clavis::lifetime

#include "clavis/metrics/class_statistics.hpp"

#include <algorithm>
#include <boost/accumulators/accumulators.hpp>
#include <boost/accumulators/statistics/count.hpp>
#include <boost/accumulators/statistics/max.hpp>
#include <boost/accumulators/statistics/mean.hpp>
#include <boost/accumulators/statistics/min.hpp>
#include <boost/accumulators/statistics/stats.hpp>
#include <boost/accumulators/statistics/sum_kahan.hpp>
#include <boost/accumulators/statistics/variance.hpp>
#include <cmath>
#include <string>

#include "clavis/core/errors.hpp"

namespace clavis::metrics {

namespace {

namespace ba = boost::accumulators;

// sum_kahan: amounts are decimals, and a plain sum of many shows it in the last digits.
// variance, not lazy_variance: the lazy one subtracts squares of large sums and loses every digit of a small deviation.
using accumulator =
    ba::accumulator_set<double, ba::stats<ba::tag::count, ba::tag::sum_kahan, ba::tag::immediate_mean,
                                          ba::tag::variance, ba::tag::min, ba::tag::max>>;

double median(std::vector<double>& values) {
    auto const middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    if (values.size() % 2 == 1) return *middle;
    double const below = *std::max_element(values.begin(), middle);
    return below + (*middle - below) / 2;
}

}  // namespace

std::vector<class_statistics> describe(std::span<double const> values, std::span<std::int32_t const> class_of,
                                       std::size_t classes) {
    if (values.size() != class_of.size())
        throw input_error("describe: " + std::to_string(values.size()) + " values for " +
                          std::to_string(class_of.size()) + " classes of rows");
    std::vector<class_statistics> result(classes);
    std::vector<accumulator> sums(classes);
    std::vector<std::vector<double>> present(classes);
    for (std::size_t row = 0; row < values.size(); ++row) {
        if (class_of[row] < 0) continue;
        auto const k = static_cast<std::size_t>(class_of[row]);
        if (k >= classes)
            throw input_error(
                {.column = "class", .row = static_cast<std::int64_t>(row), .value = std::to_string(k)},
                "is no class");
        ++result[k].customers;
        if (std::isnan(values[row])) {
            ++result[k].missing;
        } else {
            sums[k](values[row]);
            present[k].push_back(values[row]);
        }
    }
    for (std::size_t k = 0; k < classes; ++k) {
        std::size_t const n = ba::count(sums[k]);
        if (n == 0) continue;
        auto& entry = result[k];
        entry.sum = ba::sum_kahan(sums[k]);
        entry.mean = ba::mean(sums[k]);
        entry.median = median(present[k]);
        entry.smallest = ba::min(sums[k]);
        entry.largest = ba::max(sums[k]);
        if (n > 1) {
            double const unbiased = static_cast<double>(n) / static_cast<double>(n - 1);
            entry.standard_deviation = std::sqrt(ba::variance(sums[k]) * unbiased);
        }
    }
    return result;
}

}  // namespace clavis::metrics

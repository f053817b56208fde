#pragma once

// Tests of samples against laws, for tests with fixed seeds.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace clavis::test {

// The chance of a larger Kolmogorov distance, by Kolmogorov's series with Stephens's correction for small
// samples.
inline double kolmogorov_p(std::vector<double> values, std::function<double(double)> const& cdf) {
    std::sort(values.begin(), values.end());
    auto const n = static_cast<double>(values.size());
    double distance = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        double const p = cdf(values[i]);
        distance = std::max({distance, p - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - p});
    }
    double const t = distance * (std::sqrt(n) + 0.12 + 0.11 / std::sqrt(n));
    double sum = 0;
    for (int k = 1; k <= 100; ++k)
        sum += (k % 2 == 1 ? 2 : -2) * std::exp(-2.0 * k * k * t * t);
    return sum;
}

// The chi-square statistic of counts against a probability function, standardised to a normal score (Wilson
// and Hilferty 1931); cells of fewer than 10 expected are pooled into the last one.
inline double chi_square_score(std::vector<std::int64_t> const& values,
                               std::function<double(std::int64_t)> const& pmf) {
    auto const [low, high] = std::minmax_element(values.begin(), values.end());
    std::vector<double> seen(static_cast<std::size_t>(*high - *low + 1));
    for (auto value : values)
        ++seen[static_cast<std::size_t>(value - *low)];
    auto const n = static_cast<double>(values.size());
    double statistic = 0;
    double used = 0;
    double used_seen = 0;
    int cells = 0;
    for (std::size_t i = 0; i < seen.size(); ++i) {
        double const expected = n * pmf(*low + static_cast<std::int64_t>(i));
        if (expected < 10) continue;
        statistic += (seen[i] - expected) * (seen[i] - expected) / expected;
        used += expected;
        used_seen += seen[i];
        ++cells;
    }
    double const rest = std::max(n - used, 1.0);
    statistic += (used - used_seen) * (used - used_seen) / rest;
    double const k = cells;
    return (std::cbrt(statistic / k) - (1 - 2 / (9 * k))) / std::sqrt(2 / (9 * k));
}

}  // namespace clavis::test

#include "clavis/statistics/quantiles.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "clavis/core/errors.hpp"

namespace clavis::statistics {
namespace {

constexpr std::int64_t largest_size = 100'000'000'000;
constexpr std::int64_t largest_denominator = 1'000'000;

void check(std::size_t size, int type) {
    if (type < 1 || type > 9)
        throw input_error("quantile type " + std::to_string(type) + " is not one of 1 to 9");
    if (size == 0) throw input_error("there is no quantile of no values");
    if (size > static_cast<std::size_t>(largest_size)) throw input_error("too many values for a quantile");
}

// From j (counted from 1, any integer) and γ to a place among `size` values; outside, the nearest value
// stands.
quantile_position place(std::int64_t j, double gamma, std::size_t size) {
    auto const last = static_cast<std::int64_t>(size);
    if (j < 1) return {.index = 0, .fraction = 0};
    if (j >= last) return {.index = size - 1, .fraction = 0};
    return {.index = static_cast<std::size_t>(j - 1), .fraction = gamma};
}

// γ from g for the types that step; `whole` says g = 0.
double step(int type, std::int64_t j, bool whole) {
    if (!whole) return 1;
    if (type == 1) return 0;
    if (type == 2) return 0.5;
    return j % 2 == 0 ? 0 : 1;  // type 3: the even one
}

void select(std::span<double> values, std::size_t offset, std::span<std::size_t const> ranks,
            std::span<double> out) {
    if (ranks.empty()) return;
    std::size_t const middle = ranks.size() / 2;
    std::size_t const rank = ranks[middle];
    auto const nth = values.begin() + static_cast<std::ptrdiff_t>(rank - offset);
    std::nth_element(values.begin(), nth, values.end());
    double const found = *nth;
    auto const below =
        static_cast<std::size_t>(std::lower_bound(ranks.begin(), ranks.end(), rank) - ranks.begin());
    auto const above =
        static_cast<std::size_t>(std::upper_bound(ranks.begin(), ranks.end(), rank) - ranks.begin());
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(below),
              out.begin() + static_cast<std::ptrdiff_t>(above), found);
    select(values.first(rank - offset), offset, ranks.first(below), out.first(below));
    select(values.subspan(rank - offset + 1), rank + 1, ranks.subspan(above), out.subspan(above));
}

void check_probability(double probability) {
    if (!(probability >= 0 && probability <= 1)) {
        throw input_error("probability " + std::to_string(probability) + " does not lie between 0 and 1");
    }
}

}  // namespace

quantile_position locate_quantile(std::size_t size, std::int64_t numerator, std::int64_t denominator,
                                  int type) {
    check(size, type);
    if (denominator < 1 || denominator > largest_denominator || numerator < 0 || numerator > denominator) {
        throw input_error("a quantile needs a fraction between 0 and 1 with a denominator up to 1000000");
    }
    // n p + m over the common denominator 24 K.
    auto const n = static_cast<std::int64_t>(size);
    std::int64_t const k = numerator;
    std::int64_t const whole = 24 * denominator;
    std::int64_t position = 24 * n * k;
    switch (type) {
        case 3:
            position -= 12 * denominator;
            break;
        case 5:
            position += 12 * denominator;
            break;
        case 6:
            position += 24 * k;
            break;
        case 7:
            position += 24 * (denominator - k);
            break;
        case 8:
            position += 8 * (k + denominator);
            break;
        case 9:
            position += 6 * k + 9 * denominator;
            break;
        default:
            break;
    }
    std::int64_t const j = position >= 0 ? position / whole : -1;
    std::int64_t const rest = position - j * whole;
    if (type <= 3) return place(j, step(type, j, rest == 0), size);
    return place(j, static_cast<double>(rest) / static_cast<double>(whole), size);
}

quantile_position locate_quantile(std::size_t size, double probability, int type) {
    check(size, type);
    check_probability(probability);
    auto const n = static_cast<double>(size);
    double const p = probability;
    double m = 0;
    switch (type) {
        case 3:
            m = -0.5;
            break;
        case 5:
            m = 0.5;
            break;
        case 6:
            m = p;
            break;
        case 7:
            m = 1 - p;
            break;
        case 8:
            m = (p + 1) / 3;
            break;
        case 9:
            m = p / 4 + 0.375;
            break;
        default:
            break;
    }
    double const position = n * p + m;
    double const slack = 4 * std::numeric_limits<double>::epsilon() * std::max(1.0, position);
    double const nearest = std::round(position);
    bool const whole = std::abs(position - nearest) <= slack;
    double const floor = whole ? nearest : std::floor(position);
    auto const j = static_cast<std::int64_t>(floor);
    if (type <= 3) return place(j, step(type, j, whole), size);
    return place(j, whole ? 0 : position - floor, size);
}

void order_statistics(std::span<double> values, std::span<std::size_t const> ranks, std::span<double> out) {
    if (out.size() != ranks.size() || !std::is_sorted(ranks.begin(), ranks.end()) ||
        (!ranks.empty() && ranks.back() >= values.size())) {
        throw input_error(
            "order statistics need ascending ranks below the number of values and a place for each");
    }
    select(values, 0, ranks, out);
}

std::vector<double> quantiles(std::span<double const> values, std::span<double const> probabilities,
                              int type) {
    check(values.size(), type);
    std::vector<double> scratch(values.begin(), values.end());
    for (std::size_t row = 0; row < scratch.size(); ++row) {
        if (std::isnan(scratch[row])) {
            throw input_error(
                {.table = "quantiles", .column = "values", .row = static_cast<std::int64_t>(row)},
                "is not a number");
        }
    }
    std::vector<quantile_position> places;
    std::vector<std::size_t> ranks;
    for (double const p : probabilities) {
        places.push_back(locate_quantile(values.size(), p, type));
        ranks.push_back(places.back().index);
        if (places.back().fraction > 0) ranks.push_back(places.back().index + 1);
    }
    std::sort(ranks.begin(), ranks.end());
    ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
    std::vector<double> found(ranks.size());
    order_statistics(scratch, ranks, found);
    auto at = [&](std::size_t rank) {
        return found[static_cast<std::size_t>(std::lower_bound(ranks.begin(), ranks.end(), rank) -
                                              ranks.begin())];
    };
    std::vector<double> result;
    result.reserve(places.size());
    for (auto const& where : places) {
        double const low = at(where.index);
        result.push_back(where.between(low, where.fraction > 0 ? at(where.index + 1) : low));
    }
    return result;
}

std::vector<double> weighted_quantiles(std::span<double const> values, std::span<double const> weights,
                                       std::span<double const> probabilities) {
    if (values.size() != weights.size())
        throw input_error("weighted quantiles need one weight for each value");
    std::vector<std::pair<double, double>> sorted(values.size());
    for (std::size_t row = 0; row < values.size(); ++row) {
        if (std::isnan(values[row])) {
            throw input_error(
                {.table = "quantiles", .column = "values", .row = static_cast<std::int64_t>(row)},
                "is not a number");
        }
        if (!(weights[row] >= 0) || std::isinf(weights[row])) {
            throw input_error({.table = "quantiles",
                               .column = "weights",
                               .row = static_cast<std::int64_t>(row),
                               .value = std::to_string(weights[row])},
                              "is not a weight: finite and at least 0");
        }
        sorted[row] = {values[row], weights[row]};
    }
    std::sort(sorted.begin(), sorted.end());
    std::vector<double> cumulated(sorted.size());
    double sum = 0;
    for (std::size_t i = 0; i < sorted.size(); ++i)
        cumulated[i] = sum += sorted[i].second;
    if (!(sum > 0)) throw input_error("weighted quantiles need weights that are not all 0");
    std::vector<double> result;
    result.reserve(probabilities.size());
    for (double const p : probabilities) {
        check_probability(p);
        // At p = 0 too, a value with weight 0 is not part of the distribution.
        auto const first = p > 0 ? std::lower_bound(cumulated.begin(), cumulated.end(), p * sum)
                                 : std::upper_bound(cumulated.begin(), cumulated.end(), 0.0);
        auto const i = std::min(static_cast<std::size_t>(first - cumulated.begin()), sorted.size() - 1);
        result.push_back(sorted[i].first);
    }
    return result;
}

}  // namespace clavis::statistics

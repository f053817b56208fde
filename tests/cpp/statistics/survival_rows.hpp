#pragma once

// Rows that a Cox model is fitted to, drawn from proportional hazards.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "clavis/core/random.hpp"
#include "clavis/statistics/cox.hpp"

namespace clavis::statistics::test {

struct survival_rows {
    std::size_t columns = 0;
    std::vector<double> x, stop, start, weights, offset;
    std::vector<std::uint8_t> event;
    std::vector<std::int32_t> stratum, cluster;
    int strata = 1;

    std::size_t size() const { return stop.size(); }
    double weight(std::size_t row) const { return weights.empty() ? 1 : weights[row]; }
    double entry(std::size_t row) const { return start.empty() ? -1 : start[row]; }
    int stratum_of(std::size_t row) const { return stratum.empty() ? 0 : stratum[row]; }

    cox_view view() const {
        std::vector<std::string> names;
        for (std::size_t c = 0; c < columns; ++c)
            names.emplace_back(1, static_cast<char>('a' + c));
        return {.covariates = x,
                .names = names,
                .stop = stop,
                .event = event,
                .start = start,
                .weights = weights,
                .offset = offset,
                .stratum = stratum,
                .strata = strata};
    }
    survival_rows taken(std::vector<std::size_t> const& order) const {
        survival_rows result;
        result.columns = columns;
        result.strata = strata;
        for (std::size_t const i : order)
            result.x.insert(result.x.end(), x.begin() + static_cast<std::ptrdiff_t>(i * columns),
                            x.begin() + static_cast<std::ptrdiff_t>((i + 1) * columns));
        auto const take = [&](auto const& from, auto& into) {
            if (from.empty()) return;
            for (std::size_t const i : order)
                into.push_back(from[i]);
        };
        take(stop, result.stop);
        take(start, result.start);
        take(weights, result.weights);
        take(offset, result.offset);
        take(event, result.event);
        take(stratum, result.stratum);
        take(cluster, result.cluster);
        return result;
    }
    survival_rows permuted(std::uint64_t seed) const {
        std::vector<std::size_t> order(size());
        std::iota(order.begin(), order.end(), 0U);
        random_stream random(seed, 0, 0);
        std::shuffle(order.begin(), order.end(), random);
        return taken(order);
    }
    /// The same rows once more behind them.
    void append(survival_rows const& other) {
        auto const add = [](auto& to, auto const& from) { to.insert(to.end(), from.begin(), from.end()); };
        add(x, other.x);
        add(stop, other.stop);
        add(start, other.start);
        add(weights, other.weights);
        add(offset, other.offset);
        add(event, other.event);
        add(stratum, other.stratum);
        add(cluster, other.cluster);
    }
};

struct survival_design {
    std::size_t size = 100;
    std::size_t columns = 2;
    bool late = false;
    bool weighted = false;  ///< one row in ten weighs nothing
    int strata = 1;
    double step = 0;  ///< durations in steps of so much: ties
    std::uint64_t seed = 1;
};

inline survival_rows draw_survival_rows(survival_design const& design) {
    survival_rows rows;
    rows.columns = design.columns;
    rows.strata = design.strata;
    for (std::size_t i = 0; i < design.size; ++i) {
        random_stream random(design.seed, 5, i);
        double eta = 0;
        for (std::size_t c = 0; c < design.columns; ++c) {
            double const x = c % 2 == 0 ? random.normal() : (random.bernoulli(0.3) ? 1.0 : 0.0);
            rows.x.push_back(x + 3.0 * static_cast<double>(c));
            eta += (c % 2 == 0 ? 0.5 : -0.8) / static_cast<double>(c + 1) * x;
        }
        double const begin = design.late ? random.uniform(0, 40) : 0;
        double stop = begin + std::min(random.exponential() * 100 * std::exp(-eta), random.uniform(0, 300));
        bool event = random.bernoulli(0.7);
        if (design.step > 0) stop = (std::floor(stop / design.step) + 1) * design.step;
        rows.stop.push_back(stop);
        rows.event.push_back(event);
        if (design.late)
            rows.start.push_back(design.step > 0 ? std::floor(begin / design.step) * design.step : begin);
        if (design.weighted) rows.weights.push_back(random.bernoulli(0.1) ? 0.0 : random.uniform(0.2, 3));
        if (design.strata > 1)
            rows.stratum.push_back(
                static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(design.strata))));
        rows.cluster.push_back(static_cast<std::int32_t>(i % 40));
    }
    return rows;
}

}  // namespace clavis::statistics::test

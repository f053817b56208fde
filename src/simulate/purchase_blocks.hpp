#pragma once

// The loop over customers that every model of repeat purchases shares.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "clavis/core/random.hpp"
#include "clavis/simulate/purchases.hpp"
#include "streams.hpp"

namespace clavis::simulate {

/// What a customer is, beside the purchases.
struct simulated_customer {
    double rate;
    double left;
};

/// frequency, recency and log_gap_sum of customers [begin, end) from their purchases.
void summarize_purchases(simulated_purchases& data, std::size_t begin, std::size_t end);

/// draw(random, T, ages) appends the ages of one customer's purchases after the first.
template <class Draw>
simulated_purchases simulate_customers(std::span<double const> T, duration unit, std::uint64_t seed,
                                       unsigned threads, Draw&& draw) {
    constexpr std::size_t customers_a_block = 4096;
    std::size_t const size = T.size();
    for (std::size_t i = 0; i < size; ++i) {
        if (!(T[i] >= 0) || std::isinf(T[i])) {
            std::string const value = std::to_string(T[i]);
            throw input_error(
                {.table = "simulate", .column = "T", .row = static_cast<std::int64_t>(i), .value = value},
                "must be finite and at least 0");
        }
    }
    simulated_purchases result;
    result.unit = unit;
    result.T.assign(T.begin(), T.end());
    result.rate.resize(size);
    result.left.resize(size);
    result.frequency.resize(size);
    result.recency.resize(size);
    result.log_gap_sum.resize(size);
    result.offsets.resize(size + 1);

    std::vector<std::vector<double>> ages(block_count(size, customers_a_block));
    parallel_blocks(
        size, customers_a_block, threads, [&](std::size_t block, std::size_t begin, std::size_t end) {
            auto& block_ages = ages[block];
            for (std::size_t i = begin; i < end; ++i) {
                auto random = stream_of(seed, aspect::model_purchases, static_cast<std::int64_t>(i) + 1);
                std::size_t const before = block_ages.size();
                block_ages.push_back(0);
                simulated_customer const customer = draw(random, T[i], block_ages);
                result.rate[i] = customer.rate;
                result.left[i] = customer.left;
                result.frequency[i] = static_cast<std::int32_t>(block_ages.size() - before - 1);
            }
        });
    for (std::size_t i = 0; i < size; ++i)
        result.offsets[i + 1] = result.offsets[i] + result.frequency[i] + 1;
    result.age.resize(static_cast<std::size_t>(result.offsets.back()));
    parallel_blocks(
        size, customers_a_block, threads, [&](std::size_t block, std::size_t begin, std::size_t end) {
            std::copy(ages[block].begin(), ages[block].end(), result.age.begin() + result.offsets[begin]);
            ages[block] = {};
            summarize_purchases(result, begin, end);
        });
    return result;
}

/// The opportunities within each T: one that falls short of an opportunity by less than a hundredth holds it.
std::vector<double> whole_units(std::span<double const> T);

/// Purchases of a Poisson buyer up to `end`.
inline void add_purchases(random_stream& random, double rate, double end, std::vector<double>& ages) {
    for (double age = random.exponential() / rate; age <= end; age += random.exponential() / rate)
        ages.push_back(age);
}

/// Those of a Poisson buyer who leaves at age `life`, observed to age T.
inline simulated_customer buy_for_life(random_stream& random, double rate, double life, double T,
                                       std::vector<double>& ages) {
    add_purchases(random, rate, std::min(life, T), ages);
    return {rate, life <= T ? life : std::numeric_limits<double>::infinity()};
}

/// Purchases of a Poisson buyer who leaves after any repeat purchase with chance `dropout`, observed to age T.
inline double add_purchases_until_dropout(random_stream& random, double rate, double dropout, double T,
                                          std::vector<double>& ages) {
    double age = 0;
    for (;;) {
        age += random.exponential() / rate;
        if (!(age <= T)) return std::numeric_limits<double>::infinity();
        ages.push_back(age);
        if (random.bernoulli(dropout)) return age;
    }
}

/// The same where each gap is a sum of k exponential phases.
inline double add_regular_purchases(random_stream& random, double rate, std::int32_t k, double dropout,
                                    double T, std::vector<double>& ages) {
    double age = 0;
    for (;;) {
        for (std::int32_t phase = 0; phase < k; ++phase)
            age += random.exponential() / rate;
        if (!(age <= T)) return std::numeric_limits<double>::infinity();
        ages.push_back(age);
        if (random.bernoulli(dropout)) return age;
    }
}

}  // namespace clavis::simulate

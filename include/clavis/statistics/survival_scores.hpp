#pragma once

// How well scores and curves foretell durations. Concordance: of two rows of which one is seen to end first, the part in
// which that one has the higher score, equal scores counting half (Harrell 1982); with censoring weights each pair
// counts 1 / G(t⁻)², G the survival of censoring (Uno and others 2011). O(n log n) by a Fenwick tree over the ranks of
// the scores. A row censored at the time of another's event outlives it; two events at one time are not compared.
//
// Brier's score at t: the mean of (1{T > t} − S(t))², rows that ended by t weighted with 1 / G(T⁻), those beyond with
// 1 / G(t), those censored by t with 0 (Graf and others 1999); integrated by trapezoids over the times.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace clavis::statistics {

struct concordance_view {
    std::span<double const> stop;
    std::span<std::uint8_t const> event;
    std::span<double const> score;  ///< higher: sooner
    std::span<double const> start{};
    std::span<double const> weights{};
    std::span<std::int32_t const> stratum{};
    int strata = 1;
    bool censoring_weights = false;  ///< Uno's; not with start or strata
    double until = 0;                ///< events after it do not count; 0: all
};

struct concordance_result {
    double index;  ///< NaN where no pair can be compared
    double concordant, discordant, tied;
};

concordance_result concordance(concordance_view const& data);

struct brier_result {
    std::vector<double> score;  ///< one a time
    double integrated;          ///< over the times, divided by their span; NaN with fewer than two
};

/// survival[row * times + k]: what was predicted for the row at times[k], ascending.
brier_result brier_score(std::span<double const> duration, std::span<std::uint8_t const> event,
                         std::span<double const> survival, std::span<double const> times);

}  // namespace clavis::statistics

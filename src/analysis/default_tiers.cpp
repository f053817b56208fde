#include "analysis/default_tiers.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "clavis/loyalty/tier_replay.hpp"

namespace clavis::analysis {

namespace {

/// 12345 becomes 12000: a threshold that can be said aloud.
std::int64_t two_digits(std::int64_t value) {
    std::int64_t power = 1;
    while (value / power >= 100)
        power *= 10;
    return value / power * power;
}

/// 63.000000 is written 63.
loyalty::decimal shortest(std::int64_t digits, int scale) {
    while (scale > 0 && digits % 10 == 0) {
        digits /= 10;
        --scale;
    }
    return {.digits = digits, .scale = scale};
}

}  // namespace

loyalty::tier_program default_tiers(ledger::history const& records, sys_days as_of, unsigned threads) {
    loyalty::tier_program program{.name = "default", .tiers = {{.name = "Base"}}};
    auto const standings = loyalty::replay(program, records, as_of, threads);
    std::vector<std::int64_t> spent;
    std::copy_if(standings.metric.begin(), standings.metric.end(), std::back_inserter(spent),
                 [](std::int64_t metric) { return metric > 0; });
    if (spent.empty()) return program;

    std::int64_t reached = 0;
    auto add = [&](char const* name, std::size_t percent) {
        auto const position = spent.begin() + static_cast<std::ptrdiff_t>(spent.size() * percent / 100);
        std::nth_element(spent.begin(), position, spent.end());
        std::int64_t const threshold = two_digits(*position);
        if (threshold <= reached) return;
        reached = threshold;
        program.tiers.push_back({.name = name, .threshold = shortest(threshold, standings.amount_scale)});
    };
    add("Silver", 50);
    add("Gold", 90);
    return program;
}

}  // namespace clavis::analysis

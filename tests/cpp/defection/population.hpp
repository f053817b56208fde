#pragma once

// Populations of customers whose changes are known, for tests of what the detectors promise.

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "clavis/core/random.hpp"
#include "clavis/ledger/history.hpp"

namespace clavis::defection::test {

/// Part of the full work that slow proofs run: the environment's CLAVIS_VERIFY in (0, 1], else 0.01.
inline double verify() {
    char const* text = std::getenv("CLAVIS_VERIFY");
    double const part = text != nullptr ? std::atof(text) : 0.0;
    return part > 0 ? std::min(part, 1.0) : 0.01;
}

/// `full` scaled by verify(), at least `least`.
inline std::size_t scaled(std::size_t full, std::size_t least) {
    return std::max(least, static_cast<std::size_t>(static_cast<double>(full) * verify()));
}

/// How gaps between visits are spread around their mean.
enum class gaps { exponential, gamma_two, log_normal, bursts };

struct world {
    double r = 2;  ///< customer rates are Gamma(r, alpha) a week
    double alpha = 2;
    double baseline = 52;  ///< weeks before the watch
    double watched = 104;  ///< weeks of it
    gaps spread = gaps::exponential;
    double k = 1;  ///< where not 1 gaps are gamma of this shape, and `spread` does not matter
    double dropout_a =
        0;  ///< in the baseline only: chance of leaving after each visit ~ Beta(a, b); 0: nobody leaves
    double dropout_b = 0;
};

/// What happens to a customer in the watch: the rate is multiplied by `retained` from `change` (days) on.
struct fate {
    double change = 1e18;
    double retained = 1;
};

struct customer {
    std::vector<double> visits;  ///< days since the customer's first visit on day 0
    double rate = 0;             ///< a day
    bool left = false;           ///< in the baseline
    fate what{};
};

inline double draw_gap(random_stream& random, gaps spread, double k = 1) {
    if (k != 1) return random.gamma(k) / k;
    switch (spread) {
        case gaps::exponential:
            return random.exponential();
        case gaps::gamma_two:
            return random.gamma(2.0) / 2;
        case gaps::log_normal:
            return std::exp(1.2 * random.normal() - 0.72);  // mean one, coefficient of variation 1.8
        case gaps::bursts:  // three visits in four follow within a tenth of the mean gap
            return random.bernoulli(0.75) ? 0.1 * random.exponential() : 3.7 * random.exponential();
    }
    return 0;
}

inline customer simulate(world const& w, std::uint64_t seed, std::size_t index, fate what = {}) {
    random_stream random(seed, 7, index);
    customer result;
    result.what = what;
    result.rate = random.gamma(w.r) / (w.alpha * 7);
    double const start = 7 * w.baseline;
    double const end = start + 7 * w.watched;
    double const leave = w.dropout_a > 0 ? random.beta(w.dropout_a, w.dropout_b) : 0.0;
    double time = 0;
    while (time < end) {
        if (time < start) {
            result.visits.push_back(time);
            if (leave > 0 && random.bernoulli(leave)) {
                result.left = true;
                break;
            }
        } else {
            result.visits.push_back(time);
        }
        double gap = draw_gap(random, w.spread, w.k) / result.rate;
        // A gap that spans the change goes on at the new pace from there.
        if (time < what.change && time + gap > what.change) {
            gap = what.retained > 0 ? what.change - time + (time + gap - what.change) / what.retained : 1e18;
        } else if (time >= what.change) {
            gap = what.retained > 0 ? gap / what.retained : 1e18;
        }
        time += gap;
    }
    return result;
}

/// Days as the ledger keeps them: day 0 is `origin`; visits of one day are one.
inline ledger::history to_history(std::vector<customer> const& customers, std::int32_t origin = 0) {
    ledger::history result;
    std::vector<std::int64_t> ids;
    for (std::size_t i = 0; i < customers.size(); ++i) {
        ids.push_back(static_cast<std::int64_t>(i));
        std::int32_t last = origin - 1;
        for (double const time : customers[i].visits) {
            auto const day = origin + static_cast<std::int32_t>(std::floor(time));
            if (day == last) continue;
            last = day;
            result.day.push_back(day);
            result.sales.push_back(1000);
            result.returns.push_back(0);
            result.orders.push_back(1);
        }
        result.offsets.push_back(static_cast<std::int64_t>(result.day.size()));
    }
    result.customer_id = std::move(ids);
    return result;
}

/// The rows of a reference table, one map from column to text each.
inline std::vector<std::map<std::string, std::string>> read_reference(std::string const& name) {
    std::ifstream file(std::string(CLAVIS_SOURCE_DIR "/tests/reference/") + name);
    if (!file) throw std::runtime_error("cannot open the reference " + name);
    auto split = [](std::string const& line) {
        std::vector<std::string> cells;
        std::stringstream stream(line);
        for (std::string cell; std::getline(stream, cell, ',');)
            cells.push_back(cell);
        return cells;
    };
    std::string line;
    std::getline(file, line);
    auto const names = split(line);
    std::vector<std::map<std::string, std::string>> rows;
    while (std::getline(file, line)) {
        auto const cells = split(line);
        std::map<std::string, std::string> row;
        for (std::size_t i = 0; i < names.size(); ++i)
            row[names[i]] = cells.at(i);
        rows.push_back(std::move(row));
    }
    return rows;
}

}  // namespace clavis::defection::test

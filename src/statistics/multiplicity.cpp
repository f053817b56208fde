#include "clavis/statistics/multiplicity.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "clavis/core/errors.hpp"

namespace clavis::statistics {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

discovery_rule discovery_rule_of(std::string_view name) {
    if (name == "e-bh") return discovery_rule::e_bh;
    if (name == "bh") return discovery_rule::bh;
    if (name == "by") return discovery_rule::by;
    throw input_error("false discovery: the rules are e-bh, bh and by, not \"" + std::string(name) + '"');
}

void discovery_levels(std::span<double const> values, std::span<double> levels, discovery_rule rule) {
    if (values.size() != levels.size()) throw input_error("false discovery: spans of different length");
    bool const evidence = rule == discovery_rule::e_bh;
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (std::isnan(values[i])) {
            levels[i] = nan;
            continue;
        }
        if (values[i] < 0 || (!evidence && values[i] > 1)) {
            std::string const text = std::to_string(values[i]);
            throw input_error({.table = "false discovery",
                               .column = evidence ? "e" : "p",
                               .row = static_cast<std::int64_t>(i),
                               .value = text},
                              evidence ? "must be at least 0" : "must lie in [0, 1]");
        }
        order.push_back(i);
    }
    // The least significant first: a level is the smallest so far.
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return evidence ? values[a] < values[b] : values[a] > values[b];
    });
    auto const size = static_cast<double>(order.size());
    double factor = 1;
    if (rule == discovery_rule::by) {
        factor = 0;
        for (std::size_t k = order.size(); k > 0; --k)
            factor += 1 / static_cast<double>(k);
    }
    double smallest = 1;
    for (std::size_t k = 0; k < order.size();) {
        // Equal values share the level of the one that counts them all.
        double const value = values[order[k]];
        double const rank = static_cast<double>(order.size() - k);
        double const p = evidence ? 1 / value : value;
        smallest = std::min(smallest, factor * size * p / rank);
        for (; k < order.size() && values[order[k]] == value; ++k)
            levels[order[k]] = smallest;
    }
}

void conformal_scores::scores::sort() const {
    if (sorted == values.size()) return;
    std::sort(values.begin(), values.end());
    sorted = values.size();
}

void conformal_scores::add(std::int64_t stratum, double score) {
    if (std::isnan(score)) {
        ++missing_;
        return;
    }
    auto& own = strata_[stratum];
    own.values.push_back(score);
    own.sorted = 0;
}

conformal_scores& conformal_scores::merge(conformal_scores const& other) {
    if (&other == this) return merge(conformal_scores(other));
    for (auto const& [stratum, theirs] : other.strata_) {
        auto& own = strata_[stratum];
        own.values.insert(own.values.end(), theirs.values.begin(), theirs.values.end());
        own.sorted = 0;
    }
    missing_ += other.missing_;
    return *this;
}

double conformal_scores::p_value(std::int64_t stratum, double score) const {
    if (std::isnan(score)) return nan;
    auto const found = strata_.find(stratum);
    if (found == strata_.end()) return 1;
    auto const& own = found->second;
    own.sort();
    auto const above = own.values.end() - std::lower_bound(own.values.begin(), own.values.end(), score);
    return static_cast<double>(1 + above) / static_cast<double>(1 + own.values.size());
}

std::int64_t conformal_scores::size(std::int64_t stratum) const {
    auto const found = strata_.find(stratum);
    return found == strata_.end() ? 0 : static_cast<std::int64_t>(found->second.values.size());
}

bool conformal_scores::operator==(conformal_scores const& other) const {
    return missing_ == other.missing_ && std::equal(strata_.begin(), strata_.end(), other.strata_.begin(),
                                                    other.strata_.end(), [](auto const& a, auto const& b) {
                                                        a.second.sort();
                                                        b.second.sort();
                                                        return a.first == b.first &&
                                                               a.second.values == b.second.values;
                                                    });
}

void adaptive_level::validate() const {
    for (double const value : {target, step, level})
        if (!(value >= 0 && value <= 1))
            throw input_error("adaptive level: " + std::to_string(value) + " must lie in [0, 1]");
}

void adaptive_level::update(double share) {
    if (!(share >= 0 && share <= 1))
        throw input_error("adaptive level: a share of errors must lie in [0, 1], not " +
                          std::to_string(share));
    level = std::clamp(level + step * (target - share), 0.0, 1.0);
}

isotonic_calibration::isotonic_calibration(std::size_t bins) : counts_(bins), happened_(bins) {
    if (bins < 2 || bins > 1'000'000) throw input_error("isotonic calibration: bins must lie in [2, 1e6]");
}

void isotonic_calibration::add(double probability, bool happened, std::int64_t times) {
    if (std::isnan(probability)) return;
    if (!(probability >= 0 && probability <= 1))
        throw input_error("isotonic calibration: a probability must lie in [0, 1], not " +
                          std::to_string(probability));
    if (times < 0) throw input_error("isotonic calibration: a count must be at least 0");
    auto const bin = std::min(counts_.size() - 1,
                              static_cast<std::size_t>(probability * static_cast<double>(counts_.size())));
    counts_[bin] += times;
    if (happened) happened_[bin] += times;
    fitted_ = false;
}

isotonic_calibration& isotonic_calibration::merge(isotonic_calibration const& other) {
    if (counts_.size() != other.counts_.size())
        throw input_error("isotonic calibration: states of " + std::to_string(counts_.size()) + " and " +
                          std::to_string(other.counts_.size()) + " bins do not merge");
    for (std::size_t k = 0; k < counts_.size(); ++k) {
        counts_[k] += other.counts_[k];
        happened_[k] += other.happened_[k];
    }
    fitted_ = false;
    return *this;
}

std::int64_t isotonic_calibration::count() const {
    return std::accumulate(counts_.begin(), counts_.end(), std::int64_t{0});
}

void isotonic_calibration::fit() const {
    struct pool {
        std::int64_t count;
        std::int64_t happened;
        std::size_t bins;
        double share() const { return static_cast<double>(happened) / static_cast<double>(count); }
    };
    std::vector<pool> pools;
    std::vector<double> centres;
    for (std::size_t k = 0; k < counts_.size(); ++k) {
        if (counts_[k] == 0) continue;
        centres.push_back((static_cast<double>(k) + 0.5) / static_cast<double>(counts_.size()));
        pools.push_back({counts_[k], happened_[k], 1});
        while (pools.size() > 1 && pools[pools.size() - 2].share() >= pools.back().share()) {
            pool const last = pools.back();
            pools.pop_back();
            pools.back().count += last.count;
            pools.back().happened += last.happened;
            pools.back().bins += last.bins;
        }
    }
    steps_.clear();
    for (pool const& one : pools)
        for (std::size_t k = 0; k < one.bins; ++k)
            steps_.emplace_back(centres[steps_.size()], one.share());
    fitted_ = true;
}

double isotonic_calibration::operator()(double probability) const {
    if (std::isnan(probability)) return nan;
    if (!fitted_) fit();
    if (steps_.empty()) return probability;
    auto const above = std::lower_bound(steps_.begin(), steps_.end(), std::pair(probability, -1.0));
    if (above == steps_.begin()) return steps_.front().second;
    if (above == steps_.end()) return steps_.back().second;
    auto const below = above - 1;
    double const part = (probability - below->first) / (above->first - below->first);
    return below->second + part * (above->second - below->second);
}

}  // namespace clavis::statistics

#include "clavis/statistics/survival_scores.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "clavis/core/errors.hpp"
#include "clavis/statistics/survival_curve.hpp"
#include "statistics/sorted_order.hpp"

namespace clavis::statistics {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

/// Rows by value, and one stratum after the other where there are several.
std::vector<std::uint32_t> order_by(std::span<double const> values, bool descending,
                                    concordance_view const& data, std::vector<std::size_t> const& bounds) {
    std::uint64_t const turn = descending ? ~std::uint64_t{0} : 0;
    auto order = sorted_order(values.size(), [&](std::uint32_t row) { return sortable(values[row]) ^ turn; });
    if (data.stratum.empty()) return order;
    std::vector<std::size_t> place(bounds);
    std::vector<std::uint32_t> result(order.size());
    for (std::uint32_t const row : order)
        result[place[static_cast<std::size_t>(data.stratum[row])]++] = row;
    return result;
}

/// Where the score of a row stands among those of its stratum: scores equal to it have the places [begin, end).
struct standing {
    std::uint32_t place, begin, end;
};

/// Rows under observation, one a place: how many stand before one (Fenwick 1994, over words of 64 places).
class row_counts {
  public:
    explicit row_counts(std::size_t places) : words_(places / 64 + 1), tree_(words_.size() + 1) {}

    void enter(standing const& at, double /*weight*/) {
        words_[at.place / 64] |= std::uint64_t{1} << at.place % 64;
        move(at.place, 1);
    }
    void leave(standing const& at, double /*weight*/) {
        words_[at.place / 64] &= ~(std::uint64_t{1} << at.place % 64);
        move(at.place, -1);
    }
    std::int64_t below(standing const& at) const { return before(at.begin); }
    std::int64_t equal(standing const& at) const {
        return at.end - at.begin == 1 ? static_cast<std::int64_t>(words_[at.begin / 64] >> at.begin % 64 & 1)
                                      : before(at.end) - before(at.begin);
    }
    std::int64_t total() const { return total_; }

  private:
    void move(std::size_t place, std::int32_t by) {
        total_ += by;
        for (std::size_t i = place / 64 + 1; i < tree_.size(); i += i & (0 - i))
            tree_[i] += by;
    }
    std::int64_t before(std::size_t place) const {
        std::int64_t sum = std::popcount(words_[place / 64] & ((std::uint64_t{1} << place % 64) - 1));
        for (std::size_t i = place / 64; i > 0; i &= i - 1)
            sum += tree_[i];
        return sum;
    }

    std::vector<std::uint64_t> words_;
    std::vector<std::int32_t> tree_;
    std::int64_t total_ = 0;
};

/// The same for weights; equal scores share their first place.
class row_weights {
  public:
    explicit row_weights(std::size_t places) : own_(places), tree_(places + 1) {}

    void enter(standing const& at, double weight) {
        own_[at.begin] += weight;
        total_ += weight;
        for (std::size_t i = at.begin + std::size_t{1}; i < tree_.size(); i += i & (0 - i))
            tree_[i] += weight;
    }
    void leave(standing const& at, double weight) { enter(at, -weight); }
    double below(standing const& at) const {
        double sum = 0;
        for (std::size_t i = at.begin; i > 0; i &= i - 1)
            sum += tree_[i];
        return sum;
    }
    double equal(standing const& at) const { return own_[at.begin]; }
    double total() const { return total_; }

  private:
    std::vector<double> own_, tree_;
    double total_ = 0;
};

template <class Members, class Total>
concordance_result count_pairs(concordance_view const& data, std::span<double const> pair_weight) {
    std::size_t const n = data.stop.size();
    std::size_t const strata = data.stratum.empty() ? 1 : static_cast<std::size_t>(data.strata);
    std::vector<std::size_t> bounds(strata + 1, 0);
    if (data.stratum.empty()) {
        bounds[1] = n;
    } else {
        for (std::int32_t const code : data.stratum)
            ++bounds[static_cast<std::size_t>(code) + 1];
        std::partial_sum(bounds.begin(), bounds.end(), bounds.begin());
    }
    // Rows of one stratum together, those who end last first; those who enter last first.
    auto const order = order_by(data.stop, true, data, bounds);
    auto const leaving =
        data.start.empty() ? std::vector<std::uint32_t>() : order_by(data.start, true, data, bounds);
    std::vector<standing> standings(n);
    {
        auto const by_score = order_by(data.score, false, data, bounds);
        for (std::size_t s = 0; s < strata; ++s)
            for (std::size_t i = bounds[s]; i < bounds[s + 1];) {
                std::size_t end = i + 1;
                while (end < bounds[s + 1] && data.score[by_score[end]] == data.score[by_score[i]])
                    ++end;
                auto const place = [&](std::size_t k) { return static_cast<std::uint32_t>(k - bounds[s]); };
                for (std::size_t k = i; k < end; ++k)
                    standings[by_score[k]] = {place(k), place(i), place(end)};
                i = end;
            }
    }
    auto const weight = [&](std::size_t row) { return data.weights.empty() ? 1.0 : data.weights[row]; };
    double const until = data.until > 0 ? data.until : std::numeric_limits<double>::infinity();
    Total concordant = 0;
    Total discordant = 0;
    Total tied = 0;
    for (std::size_t s = 0; s < strata; ++s) {
        Members alive(bounds[s + 1] - bounds[s]);
        std::size_t gone = bounds[s];
        for (std::size_t i = bounds[s]; i < bounds[s + 1];) {
            std::size_t end = i;
            double const now = data.stop[order[i]];
            for (; end < bounds[s + 1] && data.stop[order[end]] == now; ++end)
                if (data.event[order[end]] == 0) alive.enter(standings[order[end]], weight(order[end]));
            for (; gone < leaving.size() && gone < bounds[s + 1] && data.start[leaving[gone]] >= now; ++gone)
                alive.leave(standings[leaving[gone]], weight(leaving[gone]));
            for (std::size_t k = i; k < end; ++k) {
                std::uint32_t const row = order[k];
                if (data.event[row] == 0 || now > until) continue;
                auto const below = alive.below(standings[row]);
                auto const equal = alive.equal(standings[row]);
                Total const w = static_cast<Total>(weight(row)) *
                                (pair_weight.empty() ? Total(1) : static_cast<Total>(pair_weight[row]));
                concordant += w * static_cast<Total>(below);
                tied += w * static_cast<Total>(equal);
                discordant += w * static_cast<Total>(alive.total() - below - equal);
            }
            for (std::size_t k = i; k < end; ++k)
                if (data.event[order[k]] != 0) alive.enter(standings[order[k]], weight(order[k]));
            i = end;
        }
    }
    auto const c = static_cast<double>(concordant);
    auto const d = static_cast<double>(discordant);
    auto const t = static_cast<double>(tied);
    double const all = c + d + t;
    return {all > 0 ? (c + t / 2) / all : nothing, c, d, t};
}

/// The survival of censoring, where events at the same time come first.
survival_curve censoring_curve(std::span<double const> stop, std::span<std::uint8_t const> event) {
    auto table = make_life_tables({.duration = stop, .event = event})[0];
    for (std::size_t i = 0; i < table.size(); ++i)
        table.at_risk[i] -= table.events[i];
    table.events = table.censored;
    return kaplan_meier(table);
}

/// Just before t.
double before(survival_curve const& curve, double t) {
    auto const at = std::lower_bound(curve.time.begin(), curve.time.end(), t);
    return at == curve.time.begin() ? 1
                                    : curve.survival[static_cast<std::size_t>(at - curve.time.begin()) - 1];
}

void check(std::span<double const> stop, std::span<std::uint8_t const> event) {
    if (stop.size() != event.size())
        throw input_error("there are " + std::to_string(event.size()) + " events for " +
                          std::to_string(stop.size()) + " durations");
    for (std::size_t row = 0; row < stop.size(); ++row)
        if (!(stop[row] >= 0) || std::isinf(stop[row]) || event[row] > 1)
            throw input_error({.table = "survival data", .row = static_cast<std::int64_t>(row)},
                              "durations are finite and not negative, events 0 or 1");
}

}  // namespace

concordance_result concordance(concordance_view const& data) {
    std::size_t const n = data.stop.size();
    check(data.stop, data.event);
    if (data.score.size() != n)
        throw input_error("there are " + std::to_string(data.score.size()) + " scores for " +
                          std::to_string(n) + " durations");
    for (std::size_t row = 0; row < n; ++row)
        if (std::isnan(data.score[row]))
            throw input_error(
                {.table = "survival data", .column = "score", .row = static_cast<std::int64_t>(row)},
                "is not a number");
    std::vector<double> pair_weight;
    if (data.censoring_weights) {
        if (!data.start.empty() || !data.stratum.empty())
            throw input_error("censoring weights go with neither start nor strata");
        auto const curve = censoring_curve(data.stop, data.event);
        pair_weight.resize(n);
        for (std::size_t row = 0; row < n; ++row) {
            double const g = data.event[row] != 0 ? before(curve, data.stop[row]) : 1;
            pair_weight[row] = 1 / (g * g);
        }
    }
    if (!data.weights.empty() || data.censoring_weights)
        return count_pairs<row_weights, double>(data, pair_weight);
    return count_pairs<row_counts, std::int64_t>(data, pair_weight);
}

brier_result brier_score(std::span<double const> duration, std::span<std::uint8_t const> event,
                         std::span<double const> survival, std::span<double const> times) {
    std::size_t const n = duration.size();
    check(duration, event);
    if (n == 0) throw input_error("survival data: there are no rows");
    if (survival.size() != n * times.size())
        throw input_error("predicted survival has one row for each duration and one column for each time");
    if (!std::is_sorted(times.begin(), times.end())) throw input_error("times ascend");
    auto const censoring = censoring_curve(duration, event);
    brier_result result{std::vector<double>(times.size()), nothing};
    std::vector<double> inverse(n);
    for (std::size_t row = 0; row < n; ++row)
        inverse[row] = event[row] != 0 ? 1 / before(censoring, duration[row]) : 0;
    for (std::size_t k = 0; k < times.size(); ++k) {
        double const g = censoring.at(times[k]);
        double sum = 0;
        for (std::size_t row = 0; row < n; ++row) {
            double const s = survival[row * times.size() + k];
            if (duration[row] > times[k]) {
                sum += (1 - s) * (1 - s) / g;
            } else {
                sum += s * s * inverse[row];
            }
        }
        result.score[k] = sum / static_cast<double>(n);
    }
    if (times.size() > 1) {
        double area = 0;
        for (std::size_t k = 1; k < times.size(); ++k)
            area += (times[k] - times[k - 1]) * (result.score[k] + result.score[k - 1]) / 2;
        result.integrated = area / (times.back() - times.front());
    }
    return result;
}

}  // namespace clavis::statistics

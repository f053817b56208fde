#include "clavis/statistics/survival_scores.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "clavis/core/errors.hpp"
#include "clavis/statistics/survival_curve.hpp"
#include "statistics/radix_sort.hpp"

namespace clavis::statistics {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

struct item {
    std::uint64_t key;
    std::uint32_t row;
};

std::vector<item> sorted(std::span<double const> values, bool descending) {
    std::vector<item> items(values.size());
    for (std::size_t i = 0; i < values.size(); ++i)
        items[i] = {descending ? ~sortable(values[i]) : sortable(values[i]), static_cast<std::uint32_t>(i)};
    if (!std::is_sorted(items.begin(), items.end(),
                        [](item const& a, item const& b) { return a.key < b.key; }))
        radix_sort(items, [](item const& one) { return one.key; });
    return items;
}

/// Sums by rank, and of all ranks below one (Fenwick 1994).
template <class Sum>
class ranked_sums {
  public:
    explicit ranked_sums(std::size_t ranks) : tree_(ranks + 1), own_(ranks) {}

    void add(std::size_t rank, Sum amount) {
        own_[rank] += amount;
        total_ += amount;
        for (std::size_t i = rank + 1; i < tree_.size(); i += i & (0 - i))
            tree_[i] += amount;
    }
    Sum below(std::size_t rank) const {
        Sum sum = 0;
        for (std::size_t i = rank; i > 0; i &= i - 1)
            sum += tree_[i];
        return sum;
    }
    Sum at(std::size_t rank) const { return own_[rank]; }
    Sum total() const { return total_; }

  private:
    std::vector<Sum> tree_, own_;
    Sum total_ = 0;
};

template <class Sum, class Total>
concordance_result count_pairs(concordance_view const& data, std::span<double const> pair_weight) {
    std::size_t const n = data.stop.size();
    auto const by_score = sorted(data.score, false);
    std::vector<std::uint32_t> rank(n);
    std::uint32_t ranks = 0;
    for (std::size_t i = 0; i < n; ++i) {
        if (i > 0 && by_score[i].key != by_score[i - 1].key) ++ranks;
        rank[by_score[i].row] = ranks;
    }
    auto const weight = [&](std::size_t row) -> Sum {
        return data.weights.empty() ? Sum(1) : static_cast<Sum>(data.weights[row]);
    };
    // Rows of one stratum together, those who end last first; those who enter last first.
    auto order = sorted(data.stop, true);
    auto leaving = data.start.empty() ? std::vector<item>() : sorted(data.start, true);
    auto const strata = static_cast<std::size_t>(data.stratum.empty() ? 1 : data.strata);
    std::vector<std::size_t> bounds(strata + 1, 0);
    if (strata > 1) {
        auto const stratum = [&](item const& one) { return data.stratum[one.row]; };
        auto const earlier = [&](item const& a, item const& b) { return stratum(a) < stratum(b); };
        std::stable_sort(order.begin(), order.end(), earlier);
        std::stable_sort(leaving.begin(), leaving.end(), earlier);
        for (auto const& one : order)
            ++bounds[static_cast<std::size_t>(stratum(one)) + 1];
        for (std::size_t s = 0; s < strata; ++s)
            bounds[s + 1] += bounds[s];
    } else {
        bounds[1] = n;
    }
    double const until = data.until > 0 ? data.until : std::numeric_limits<double>::infinity();
    Total concordant = 0;
    Total discordant = 0;
    Total tied = 0;
    for (std::size_t s = 0; s < strata; ++s) {
        ranked_sums<Sum> alive(static_cast<std::size_t>(ranks) + 1);
        std::size_t gone = bounds[s];
        for (std::size_t i = bounds[s]; i < bounds[s + 1];) {
            std::size_t end = i;
            double const now = data.stop[order[i].row];
            for (; end < bounds[s + 1] && order[end].key == order[i].key; ++end)
                if (data.event[order[end].row] == 0) alive.add(rank[order[end].row], weight(order[end].row));
            for (; gone < leaving.size() && gone < bounds[s + 1] && data.start[leaving[gone].row] >= now;
                 ++gone)
                alive.add(rank[leaving[gone].row], -weight(leaving[gone].row));
            for (std::size_t k = i; k < end; ++k) {
                std::size_t const row = order[k].row;
                if (data.event[row] == 0 || now > until) continue;
                Sum const below = alive.below(rank[row]);
                Sum const equal = alive.at(rank[row]);
                Total const w = static_cast<Total>(weight(row)) *
                                (pair_weight.empty() ? Total(1) : static_cast<Total>(pair_weight[row]));
                concordant += w * static_cast<Total>(below);
                tied += w * static_cast<Total>(equal);
                discordant += w * static_cast<Total>(alive.total() - below - equal);
            }
            for (std::size_t k = i; k < end; ++k)
                if (data.event[order[k].row] != 0) alive.add(rank[order[k].row], weight(order[k].row));
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
        return count_pairs<double, double>(data, pair_weight);
    return count_pairs<std::int64_t, std::int64_t>(data, pair_weight);
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

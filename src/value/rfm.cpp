#include "clavis/value/rfm.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "clavis/statistics/quantiles.hpp"
#include "value/rfm_axis.hpp"

namespace clavis::value {
namespace {

using byte_scores = large_vector<std::uint8_t>;

constexpr std::size_t block_size = std::size_t{1} << 16;
constexpr int most_bins = 100;
constexpr std::array<char const*, 3> axis_names{"recency", "frequency", "monetary"};

std::string number(double value) {
    std::array<char, 32> text{};
    auto const end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return {text.data(), end};
}

// Thresholds that stand for the breaks: a value scores one more for every cut it passes.
struct cuts {
    std::vector<double> at;      // values to compare with: x > at (low), x >= at (high)
    std::vector<double> breaks;  // what to show
};

void check_options(rfm_options const& options) {
    if (options.bins < 1 || options.bins > most_bins) {
        throw input_error("rfm: " + std::to_string(options.bins) +
                          " bins: the number of bins lies between 1 and 100");
    }
    if (options.quantile_type < 1 || options.quantile_type > 9) {
        throw input_error("rfm: quantile type " + std::to_string(options.quantile_type) +
                          " is not one of 1 to 9");
    }
    if (options.segments && options.segments->bins() != options.bins) {
        throw input_error("rfm: the segment map is drawn on " + std::to_string(options.segments->bins()) +
                          " bins, the scores have " + std::to_string(options.bins));
    }
    bool const by_quantile = options.rule != score_rule::midrank && options.breaks != break_rule::fixed;
    if (options.nested && !by_quantile)
        throw input_error("rfm: nested scores need quantile or weighted breaks");
    if (options.nested_minimum < 0) throw input_error("rfm: nested_minimum is negative");
    if (options.rule == score_rule::midrank && options.breaks != break_rule::quantile) {
        throw input_error("rfm: the midrank rule has no breaks to fix or to weigh");
    }
    if (options.breaks != break_rule::fixed) return;
    for (std::size_t axis = 0; axis < 3; ++axis) {
        auto const& given = options.fixed[axis];
        if (given.size() + 1 != static_cast<std::size_t>(options.bins)) {
            throw input_error("rfm: " + std::string(axis_names[axis]) + " has " +
                              std::to_string(given.size()) + " breaks, " + std::to_string(options.bins) +
                              " bins need " + std::to_string(options.bins - 1));
        }
        for (std::size_t k = 0; k < given.size(); ++k) {
            if (std::isnan(given[k]) || (k > 0 && given[k] < given[k - 1])) {
                throw input_error("rfm: the breaks of " + std::string(axis_names[axis]) +
                                  " do not ascend at " + number(given[k]));
            }
        }
    }
}

void check_columns(rfm_columns const& columns, bool weighted, unsigned threads) {
    std::size_t const size = columns.recency.size();
    std::array<std::span<double const>, 3> const axes{columns.recency, columns.frequency, columns.monetary};
    for (std::size_t axis = 0; axis < 3; ++axis) {
        if (axes[axis].size() != size) {
            throw input_error(
                {.table = "rfm", .column = axis_names[axis]},
                "has " + std::to_string(axes[axis].size()) + " rows, recency has " + std::to_string(size));
        }
        std::span<double const> const values = axes[axis];
        auto is_bad = [&values, axis](std::size_t row) {
            return (axis < 2 && values[row] < 0) || std::isinf(values[row]);
        };
        std::vector<char> bad(block_count(size, block_size), 0);
        parallel_blocks(size, block_size, threads,
                        [&](std::size_t block, std::size_t begin, std::size_t end) {
                            for (std::size_t row = begin; row < end; ++row)
                                bad[block] = static_cast<char>(bad[block] | static_cast<char>(is_bad(row)));
                        });
        auto const first = static_cast<std::size_t>(std::find(bad.begin(), bad.end(), 1) - bad.begin());
        for (std::size_t row = first * block_size; row < size; ++row) {
            if (!is_bad(row)) continue;
            double const x = values[row];
            bool const negative = axis < 2 && x < 0;
            throw input_error({.table = "rfm",
                               .column = axis_names[axis],
                               .row = static_cast<std::int64_t>(row),
                               .value = number(x)},
                              negative ? "is negative" : "is not finite");
        }
    }
    if (!weighted) return;
    if (columns.weights.size() != size) {
        throw input_error(
            {.table = "rfm", .column = "weights"},
            "has " + std::to_string(columns.weights.size()) + " rows, recency has " + std::to_string(size));
    }
    for (std::size_t row = 0; row < size; ++row) {
        double const w = columns.weights[row];
        if (w >= 0 && !std::isinf(w)) continue;
        throw input_error(
            {.table = "rfm", .column = "weights", .row = static_cast<std::int64_t>(row), .value = number(w)},
            "is not a weight: finite and at least 0");
    }
}

// The breaks of `size` values; select(ranks) gives the values of ascending ranks.
template <class Select>
cuts cut_by_ranks(std::size_t size, rfm_options const& options, Select const& select) {
    cuts result;
    auto const inner = static_cast<std::size_t>(options.bins - 1);
    if (inner == 0 || size == 0) return result;
    std::vector<statistics::quantile_position> places;
    std::vector<std::size_t> ranks;
    for (int k = 1; k < options.bins; ++k) {
        auto const where = statistics::locate_quantile(size, k, options.bins, options.quantile_type);
        places.push_back(where);
        ranks.push_back(where.index);
        ranks.push_back(where.fraction > 0 ? where.index + 1 : where.index);
    }
    // Both sequences ascend, but index + 1 of one break may lie above index of the next.
    auto sorted = ranks;
    std::sort(sorted.begin(), sorted.end());
    sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
    std::vector<double> const found = select(sorted);
    auto at = [&](std::size_t rank) {
        return found[static_cast<std::size_t>(std::lower_bound(sorted.begin(), sorted.end(), rank) -
                                              sorted.begin())];
    };
    for (std::size_t k = 0; k < inner; ++k) {
        double const lower = at(ranks[2 * k]);
        double const upper = at(ranks[2 * k + 1]);
        double const fraction = places[k].fraction;
        result.breaks.push_back(places[k].between(lower, upper));
        // No value lies strictly between neighbours, so x > break means x > lower unless the break is upper
        // itself, and x >= break means x >= upper unless it is lower itself.
        result.at.push_back(options.rule == score_rule::low ? (fraction < 1 ? lower : upper)
                                                            : (fraction > 0 ? upper : lower));
    }
    return result;
}

// `values` is scratch without NaN; `weights` belongs to it where breaks are weighted.
cuts cut_by_quantiles(std::span<double> values, std::span<double const> weights, rfm_options const& options) {
    if (options.breaks == break_rule::weighted && options.bins > 1 && !values.empty()) {
        std::vector<double> probabilities;
        for (int k = 1; k < options.bins; ++k)
            probabilities.push_back(static_cast<double>(k) / options.bins);
        cuts result;
        result.breaks = statistics::weighted_quantiles(values, weights, probabilities);
        result.at = result.breaks;
        return result;
    }
    return cut_by_ranks(values.size(), options, [values](std::vector<std::size_t> const& ranks) {
        std::vector<double> found(ranks.size());
        statistics::order_statistics(values, ranks, found);
        return found;
    });
}

int score_of(double x, cuts const& cut, score_rule rule) {
    int passed = 0;
    if (rule == score_rule::low) {
        for (double const at : cut.at)
            passed += static_cast<int>(x > at);
    } else {
        for (double const at : cut.at)
            passed += static_cast<int>(x >= at);
    }
    return 1 + passed;
}

// One axis: values, their direction, and the scores it writes.
class axis_scorer {
  public:
    axis_scorer(std::size_t axis, axis_column const& values, std::span<double const> weights,
                rfm_options const& options, unsigned threads)
        : name_(axis_names[axis]),
          values_(values),
          weights_(weights),
          options_(options),
          threads_(threads),
          reversed_(axis == 0),
          fixed_(options.fixed[axis]) {}

    // Of everybody together. Returns the cuts, which nested groups fall back on.
    cuts score_all(rfm_axis& report, byte_scores& scores) const {
        scores.assign(values_.size(), 1);
        report.distinct = count_distinct();
        cuts cut;
        bool const plain = options_.rule != score_rule::midrank && options_.breaks == break_rule::quantile;
        if (plain) {
            ranked_column const column(values_, threads_);
            report.scored = static_cast<std::int64_t>(column.size());
            cut = cut_by_ranks(column.size(), options_,
                               [&column](std::vector<std::size_t> const& ranks) { return column.at(ranks); });
        } else {
            std::vector<double> present;
            std::vector<double> weights;
            gather_all(present, weights);
            report.scored = static_cast<std::int64_t>(present.size());
            if (options_.rule == score_rule::midrank) {
                score_midrank(present, scores);
            } else if (options_.breaks == break_rule::fixed) {
                cut.at = cut.breaks = fixed_;
            } else {
                cut = cut_by_quantiles(present, weights, options_);
            }
        }
        report.missing = static_cast<std::int64_t>(values_.size()) - report.scored;
        if (options_.rule == score_rule::midrank) return {};
        report.breaks = cut.breaks;
        parallel_blocks(
            values_.size(), block_size, threads_, [&](std::size_t, std::size_t begin, std::size_t end) {
                for_each_block(values_, begin, end, [&](std::size_t at, std::span<double const> xs) {
                    score_block(xs, cut, scores.data() + at);
                });
            });
        return cut;
    }

    // Of the rows of one group; the parent's cuts where the group is small. Returns the cuts used.
    cuts score_group(std::span<std::uint32_t const> rows, cuts const& parent, byte_scores& scores) const {
        std::vector<double> present;
        std::vector<double> weights;
        for (auto const row : rows) {
            if (std::isnan(values_[row])) continue;
            present.push_back(values_[row]);
            if (!weights_.empty()) weights.push_back(weights_[row]);
        }
        std::int64_t const least =
            options_.nested_minimum > 0 ? options_.nested_minimum : 5 * std::int64_t{options_.bins};
        bool const small = static_cast<std::int64_t>(present.size()) < least;
        bool const weightless =
            !weights.empty() && std::all_of(weights.begin(), weights.end(), [](double w) { return w == 0; });
        cuts cut = small || weightless ? parent : cut_by_quantiles(present, weights, options_);
        for (auto const row : rows)
            scores[row] = scored(values_[row], cut);
        return cut;
    }

    // `seen[score]` says whether anybody has it.
    void finish(rfm_axis& report, std::span<std::uint8_t const> seen, std::vector<std::string>& notes) const {
        bool const nobody = values_.size() == 0;
        report.empty_bins =
            options_.bins - static_cast<int>(std::count(seen.begin() + 1, seen.end(), std::uint8_t{1}));
        report.degenerate = report.distinct < options_.bins;
        std::string const axis = name_;
        if (report.missing > 0) {
            notes.push_back(axis + ": " + std::to_string(report.missing) +
                            (report.missing == 1 ? " customer has no value and scores 1"
                                                 : " customers have no value and score 1"));
        }
        if (report.degenerate && !nobody) {
            notes.push_back(axis + ": " + std::to_string(report.distinct) +
                            (report.distinct == 1 ? " distinct value" : " distinct values") +
                            " cannot fill " + std::to_string(options_.bins) + " bins");
        } else if (report.empty_bins > 0 && !nobody) {
            bool const by_ties = options_.breaks == break_rule::quantile && !options_.nested;
            notes.push_back(axis + ": nobody gets " + std::to_string(report.empty_bins) + " of the " +
                            std::to_string(options_.bins) + " scores" +
                            (by_ties ? ", because equal values score equally" : ""));
        }
    }

  private:
    std::uint8_t oriented(int score) const {
        return static_cast<std::uint8_t>(reversed_ ? options_.bins + 1 - score : score);
    }
    std::uint8_t scored(double x, cuts const& cut) const {
        return std::isnan(x) ? std::uint8_t{1} : oriented(score_of(x, cut, options_.rule));
    }
    // One cut after the other, each in one plain loop.
    void score_block(std::span<double const> xs, cuts const& cut, std::uint8_t* scores) const {
        std::fill(scores, scores + xs.size(), std::uint8_t{1});
        for (double const at : cut.at) {
            if (options_.rule == score_rule::low) {
                for (std::size_t i = 0; i < xs.size(); ++i)
                    scores[i] = static_cast<std::uint8_t>(scores[i] + (xs[i] > at ? 1 : 0));
            } else {
                for (std::size_t i = 0; i < xs.size(); ++i)
                    scores[i] = static_cast<std::uint8_t>(scores[i] + (xs[i] >= at ? 1 : 0));
            }
        }
        if (!reversed_) return;
        for (std::size_t i = 0; i < xs.size(); ++i)
            scores[i] = std::isnan(xs[i]) ? std::uint8_t{1} : oriented(scores[i]);
    }

    void gather_all(std::vector<double>& present, std::vector<double>& weights) const {
        present.reserve(values_.size());
        for (std::size_t row = 0; row < values_.size(); ++row) {
            if (std::isnan(values_[row])) continue;
            present.push_back(values_[row]);
            if (!weights_.empty()) weights.push_back(weights_[row]);
        }
    }

    std::int64_t count_distinct() const {
        std::vector<double> known;
        for (std::size_t row = 0; row < values_.size(); ++row) {
            double const x = values_[row];
            if (std::isnan(x)) continue;
            auto const place = std::lower_bound(known.begin(), known.end(), x);
            if (place != known.end() && *place == x) continue;
            known.insert(place, x);
            if (known.size() == static_cast<std::size_t>(options_.bins)) break;
        }
        return static_cast<std::int64_t>(known.size());
    }

    void score_midrank(std::vector<double>& sorted, byte_scores& scores) const {
        std::sort(sorted.begin(), sorted.end());
        auto const twice = 2 * static_cast<std::int64_t>(sorted.size());
        parallel_blocks(
            values_.size(), block_size, threads_, [&](std::size_t, std::size_t begin, std::size_t end) {
                for (std::size_t row = begin; row < end; ++row) {
                    double const x = values_[row];
                    if (std::isnan(x)) continue;
                    auto const [first, last] = std::equal_range(sorted.begin(), sorted.end(), x);
                    // less + equal / 2, doubled
                    std::int64_t const middle = (first - sorted.begin()) + (last - sorted.begin());
                    auto const score =
                        static_cast<std::int32_t>((options_.bins * middle + twice - 1) / twice);
                    scores[row] = oriented(score);
                }
            });
    }

    char const* name_;
    axis_column const& values_;
    std::span<double const> weights_;
    rfm_options const& options_;
    unsigned threads_;
    bool reversed_;
    std::vector<double> const& fixed_;
};

// Rows ordered by key (1 ... keys), and where each key's rows start.
struct grouping {
    std::vector<std::uint32_t> rows;
    std::vector<std::size_t> start;

    template <class Key>
    grouping(std::size_t size, std::size_t keys, Key&& key) : rows(size), start(keys + 2, 0) {
        for (std::size_t row = 0; row < size; ++row)
            ++start[key(row) + 1];
        std::partial_sum(start.begin(), start.end(), start.begin());
        auto next = start;
        for (std::size_t row = 0; row < size; ++row)
            rows[next[key(row)]++] = static_cast<std::uint32_t>(row);
    }
    std::span<std::uint32_t const> group(std::size_t key) const {
        return std::span(rows).subspan(start[key], start[key + 1] - start[key]);
    }
};

// Checked columns, recency, frequency and monetary value.
rfm_scores score_axes(std::array<axis_column, 3> const& axes, std::span<double const> weights,
                      rfm_options const& options, unsigned threads) {
    std::size_t const size = axes[0].size();
    if (size > std::numeric_limits<std::uint32_t>::max())
        throw input_error("rfm: more than 4294967295 customers");
    rfm_scores result;
    result.bins = options.bins;
    axis_scorer const recency(0, axes[0], weights, options, threads);
    axis_scorer const frequency(1, axes[1], weights, options, threads);
    axis_scorer const monetary(2, axes[2], weights, options, threads);
    recency.score_all(result.recency, result.r);
    cuts const frequency_cuts = frequency.score_all(result.frequency, result.f);
    cuts const monetary_cuts = monetary.score_all(result.monetary, result.m);

    auto const bins = static_cast<std::size_t>(options.bins);
    if (options.nested) {
        grouping const by_r(size, bins,
                            [&](std::size_t row) { return static_cast<std::size_t>(result.r[row]); });
        std::vector<cuts> monetary_of_r(bins + 1);
        for (std::size_t r = 1; r <= bins; ++r) {
            frequency.score_group(by_r.group(r), frequency_cuts, result.f);
            monetary_of_r[r] = monetary.score_group(by_r.group(r), monetary_cuts, result.m);
        }
        grouping const by_rf(size, bins * (bins + 1), [&](std::size_t row) {
            return static_cast<std::size_t>(result.r[row]) * bins + static_cast<std::size_t>(result.f[row]);
        });
        for (std::size_t r = 1; r <= bins; ++r) {
            for (std::size_t f = 1; f <= bins; ++f) {
                monetary.score_group(by_rf.group(r * bins + f), monetary_of_r[r], result.m);
            }
        }
    }

    segment_map const segments = options.segments ? *options.segments : segment_map::standard(options.bins);
    result.segment_names = segments.names();
    result.cells.resize((bins + 1) * (bins + 1) * (bins + 1));
    for (int r = 1; r <= options.bins; ++r) {
        for (int f = 1; f <= options.bins; ++f) {
            for (int m = 1; m <= options.bins; ++m)
                result.cells[result.cell(r, f, m)] = segments.find(r, f, m);
        }
    }
    struct block_facts {
        std::array<std::array<std::uint8_t, most_bins + 1>, 3> seen{};
        std::int64_t unnamed = 0;
    };
    std::vector<block_facts> blocks(block_count(size, block_size));
    parallel_blocks(size, block_size, threads, [&](std::size_t block, std::size_t begin, std::size_t end) {
        block_facts own;
        for (std::size_t row = begin; row < end; ++row) {
            own.seen[0][result.r[row]] = own.seen[1][result.f[row]] = own.seen[2][result.m[row]] = 1;
            own.unnamed += result.segment(row) == segment_map::none ? 1 : 0;
        }
        blocks[block] = own;
    });
    block_facts all;
    for (block_facts const& own : blocks) {
        all.unnamed += own.unnamed;
        for (std::size_t axis = 0; axis < 3; ++axis)
            for (std::size_t score = 0; score <= bins; ++score)
                all.seen[axis][score] |= own.seen[axis][score];
    }
    result.without_segment = all.unnamed;

    auto const seen = [&](std::size_t axis) { return std::span(all.seen[axis]).first(bins + 1); };
    recency.finish(result.recency, seen(0), result.notes);
    frequency.finish(result.frequency, seen(1), result.notes);
    monetary.finish(result.monetary, seen(2), result.notes);
    if (result.without_segment > 0) {
        result.notes.push_back("segments: " + std::to_string(result.without_segment) +
                               " customers stand in cells that the segment map leaves without a name");
    }
    return result;
}

}  // namespace

std::int32_t rfm_scores::digits() const noexcept {
    std::int32_t base = 10;
    while (base <= bins)
        base *= 10;
    return base;
}

rfm_scores score_rfm(rfm_columns const& columns, rfm_options const& options, unsigned threads) {
    check_options(options);
    bool const weighted = options.breaks == break_rule::weighted;
    check_columns(columns, weighted, threads);
    return score_axes(
        {axis_column(columns.recency), axis_column(columns.frequency), axis_column(columns.monetary)},
        weighted ? columns.weights : std::span<double const>(), options, threads);
}

rfm_scores score_rfm(ledger::compact_summary const& customers, rfm_options const& options, unsigned threads) {
    check_options(options);
    std::span<std::uint32_t const> const never(customers.never);
    std::vector<double> weights;
    if (options.breaks == break_rule::weighted) {
        weights.assign(customers.size(), 0.0);
        for (std::size_t row = 0; row < customers.net_amount.size(); ++row)
            weights[row] = std::max(0.0, customers.net_amount[row]);
    }
    auto const end = static_cast<std::int32_t>(customers.observed_until.time_since_epoch().count());
    return score_axes(
        {axis_column(customers.last_day, end, -1, never), axis_column(customers.orders, 0, 1, never),
         customers.has_amounts ? axis_column(customers.net_amount, never)
                               : axis_column::absent(customers.size())},
        weights, options, threads);
}

rfm_result rfm(rfm_columns const& columns, rfm_options const& options, unsigned threads) {
    rfm_scores found = score_rfm(columns, options, threads);
    rfm_result result;
    result.bins = found.bins;
    result.r.assign(found.r.begin(), found.r.end());
    result.f.assign(found.f.begin(), found.f.end());
    result.m.assign(found.m.begin(), found.m.end());
    result.score.resize(found.size());
    result.segment.resize(found.size());
    std::int32_t const base = found.digits();
    parallel_blocks(found.size(), block_size, threads, [&](std::size_t, std::size_t begin, std::size_t end) {
        for (std::size_t row = begin; row < end; ++row) {
            result.score[row] = found.score(row, base);
            result.segment[row] = found.segment(row);
        }
    });
    result.segment_names = std::move(found.segment_names);
    result.recency = std::move(found.recency);
    result.frequency = std::move(found.frequency);
    result.monetary = std::move(found.monetary);
    result.without_segment = found.without_segment;
    result.notes = std::move(found.notes);
    return result;
}

rfm_result rfm(ledger::summary const& customers, rfm_options const& options, unsigned threads) {
    std::size_t const size = customers.size();
    constexpr double missing = std::numeric_limits<double>::quiet_NaN();
    std::vector<double> recency(size, missing);
    std::vector<double> frequency(size, missing);
    std::vector<double> monetary(size, missing);
    std::vector<double> weights(options.breaks == break_rule::weighted ? size : 0, 0.0);
    auto const end = static_cast<std::int32_t>(customers.observed_until.time_since_epoch().count());
    double const days_a_unit = in_units(customers.unit, day);
    for (std::size_t row = 0; row < size; ++row) {
        if (std::isnan(customers.T[row])) continue;
        // Ages are whole days in another unit where there is no day: the difference is taken back to the day it was.
        recency[row] = customers.last_day.empty()
                           ? std::round((customers.T[row] - customers.recency[row]) * days_a_unit)
                           : static_cast<double>(end - customers.last_day[row]);
        frequency[row] = static_cast<double>(customers.orders[row]);
        if (customers.net_amount.empty()) continue;
        monetary[row] = customers.net_amount[row];
        if (!weights.empty()) weights[row] = std::max(0.0, customers.net_amount[row]);
    }
    return rfm({.recency = recency, .frequency = frequency, .monetary = monetary, .weights = weights},
               options, threads);
}

void mean_score(rfm_result const& result, std::span<double> out) {
    if (out.size() != result.size())
        throw input_error("mean_score: the buffer has not one place for each customer");
    for (std::size_t row = 0; row < out.size(); ++row) {
        out[row] = static_cast<double>(result.r[row] + result.f[row] + result.m[row]) / 3;
    }
}

}  // namespace clavis::value

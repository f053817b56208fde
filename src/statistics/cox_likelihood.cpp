#include "statistics/cox_likelihood.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "clavis/core/parallel.hpp"

namespace clavis::statistics {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t block_rows = 32 * tile_rows;
constexpr double largest_exponent = 600;

}  // namespace

cox_sums::cox_sums(cox_columns const& columns, cox_rows const& rows, bool exact, unsigned threads)
    : columns_(columns),
      rows_(rows),
      exact_(exact),
      threads_(threads),
      risk_(columns.x.empty() ? 0 : rows.size),
      carry_(block_count(risk_.size(), block_rows) * 2 * (columns.columns + 1)) {}

template <class Body>
void cox_sums::each_part(std::size_t begin, std::size_t end, Body&& body) const {
    std::size_t s = rows_.stratum_of(begin);
    bool fresh = rows_.strata[s].rows_begin == begin;
    while (begin < end) {
        std::size_t const until = std::min(end, rows_.strata[s++].rows_end);
        body(begin, until, fresh);
        begin = until;
        fresh = true;
    }
}

bool cox_sums::update(std::span<double const> beta) {
    std::size_t const p = columns_.columns;
    std::size_t const blocks = block_count(risk_.size(), block_rows);
    std::vector<double> extremes(blocks);
    std::vector<double> totals(carry_.size());
    std::vector<std::uint8_t> restarted(blocks);
    parallel_blocks(
        risk_.size(), block_rows, threads_, [&](std::size_t block, std::size_t begin, std::size_t end) {
            double* const high = &totals[block * 2 * (p + 1)];
            double* const low = high + p + 1;
            for (std::size_t tile = begin; tile < end; tile += tile_rows) {
                std::size_t const count = std::min(tile_rows, end - tile);
                double const* const x = columns_.tile(tile);
                extremes[block] = std::max(
                    extremes[block],
                    cox_arithmetic.risks(x, columns_.offset.empty() ? nullptr : &columns_.offset[tile],
                                         columns_.weight.empty() ? nullptr : &columns_.weight[tile],
                                         beta.data(), p, count, &risk_[tile]));
                each_part(tile, tile + count, [&](std::size_t from, std::size_t until, bool fresh) {
                    if (fresh) {
                        std::fill_n(high, 2 * (p + 1), 0.0);
                        restarted[block] = 1;
                    }
                    double const* const first = x + (from - tile);
                    if (exact_) {
                        cox_arithmetic.running_exact(first, &risk_[from], p, until - from, high, low, nullptr,
                                                     nullptr);
                    } else {
                        cox_arithmetic.sums(first, &risk_[from], p, until - from, high);
                    }
                });
            }
        });
    // What each block begins with; a block in which a stratum begins forgets what came before.
    std::vector<double> sum(2 * (p + 1));
    for (std::size_t block = 0; block < blocks; ++block) {
        double* const carry = &carry_[block * 2 * (p + 1)];
        double const* const total = &totals[block * 2 * (p + 1)];
        std::copy(sum.begin(), sum.end(), carry);
        if (restarted[block] != 0) std::fill(sum.begin(), sum.end(), 0.0);
        for (std::size_t c = 0; c <= p; ++c) {
            double const x = total[c];
            double const next = sum[c] + x;
            double const back = next - sum[c];
            sum[p + 1 + c] += total[p + 1 + c] + ((sum[c] - (next - back)) + (x - back));
            sum[c] = next;
        }
    }
    return *std::max_element(extremes.begin(), extremes.end()) <= largest_exponent;
}

template <class Visit>
void cox_sums::each(std::span<std::uint32_t const> counts, Visit&& visit) const {
    std::size_t const p = columns_.columns;
    parallel_blocks(
        risk_.size(), block_rows, threads_, [&](std::size_t block, std::size_t begin, std::size_t end) {
            auto const place = [&](std::size_t rows) {
                return static_cast<std::size_t>(std::upper_bound(counts.begin(), counts.end(), rows) -
                                                counts.begin());
            };
            std::size_t j = place(begin);
            std::size_t const j_end = place(end);
            std::size_t const width = (p + 1) * tile_rows;
            std::vector<double> sum(&carry_[block * 2 * (p + 1)], &carry_[block * 2 * (p + 1)] + 2 * (p + 1));
            std::vector<double> running(exact_ ? 2 * width : width);
            std::vector<double> picked(running.size());
            for (std::size_t tile = begin; tile < end && j < j_end; tile += tile_rows) {
                std::size_t const until = std::min(tile + tile_rows, end);
                double const* const x = columns_.tile(tile);
                each_part(tile, until, [&](std::size_t from, std::size_t to, bool fresh) {
                    if (fresh) std::fill(sum.begin(), sum.end(), 0.0);
                    std::size_t const at = from - tile;
                    if (exact_) {
                        cox_arithmetic.running_exact(x + at, &risk_[from], p, to - from, sum.data(),
                                                     sum.data() + p + 1, running.data() + at,
                                                     running.data() + width + at);
                    } else {
                        cox_arithmetic.running(x + at, &risk_[from], p, to - from, sum.data(),
                                               running.data() + at);
                    }
                });
                while (j < j_end && counts[j] <= until) {
                    std::size_t const first = j;
                    std::size_t count = 0;
                    for (; j < j_end && counts[j] <= until && count < tile_rows; ++j, ++count) {
                        std::size_t const from = counts[j] - 1 - tile;
                        for (std::size_t c = 0; c < picked.size(); c += tile_rows)
                            picked[c + count] = running[c + from];
                    }
                    visit(block, first, count, picked.data(), exact_ ? picked.data() + width : nullptr);
                }
            }
        });
}

void cox_sums::add(std::size_t begin, std::size_t end, double* sum) const {
    while (begin < end) {
        std::size_t const until = std::min(end, (begin / tile_rows + 1) * tile_rows);
        cox_arithmetic.sums(columns_.tile(begin) + begin % tile_rows, &risk_[begin], columns_.columns,
                            until - begin, sum);
        begin = until;
    }
}

struct cox_likelihood::part {
    explicit part(std::size_t p)
        : slope(p + 1),
          outer(p * (p + 1) / 2),
          mean(p),
          tilt(p),
          deaths(p + 1),
          weight(tile_rows),
          hazard(tile_rows) {}

    double value = 0;
    bool sound = true;
    std::vector<double> slope;
    std::vector<double> outer;
    std::vector<double> mean, tilt, deaths, weight, hazard;  // of the times at hand
};

cox_likelihood::cox_likelihood(cox_rows const& rows, bool efron, unsigned threads)
    : rows_(rows),
      efron_(efron),
      threads_(threads),
      entering_(rows.entering, rows, !rows.start.empty(), threads),
      leaving_(rows.leaving, rows, true, threads),
      left_(rows.start.empty() ? 0 : rows.times.size() * 2 * (rows.columns + 1)),
      hazard_(rows.times.size() + rows.strata.size()),
      own_(rows.times.size()),
      gradient_(static_cast<Eigen::Index>(rows.columns)),
      information_(static_cast<Eigen::Index>(rows.columns), static_cast<Eigen::Index>(rows.columns)) {}

/// visit(block, first time, how many, sums over those at risk) for all times.
template <class Visit>
void cox_likelihood::scan(Visit&& visit) const {
    std::size_t const width = rows_.columns + 1;
    entering_.each(rows_.entered, [&](std::size_t block, std::size_t first, std::size_t count, double* sums,
                                      double const* errors) {
        if (errors != nullptr)
            for (std::size_t k = 0; k < count; ++k) {
                double const* const left = &left_[(first + k) * 2 * width];
                for (std::size_t c = 0; c < width; ++c)
                    sums[c * tile_rows + k] =
                        (sums[c * tile_rows + k] - left[c]) + (errors[c * tile_rows + k] - left[width + c]);
            }
        visit(block, first, count, sums);
    });
}

double cox_likelihood::evaluate(vector const& beta, std::span<double const> factor) {
    std::size_t const p = rows_.columns;
    std::size_t const width = p + 1;
    std::span const coefficients(beta.data(), p);
    if (!entering_.update(coefficients)) return nothing;
    if (!left_.empty()) {
        if (!leaving_.update(coefficients)) return nothing;
        leaving_.each(rows_.left, [&](std::size_t, std::size_t first, std::size_t count, double const* sums,
                                      double const* errors) {
            for (std::size_t k = 0; k < count; ++k)
                for (std::size_t c = 0; c < width; ++c) {
                    left_[(first + k) * 2 * width + c] = sums[c * tile_rows + k];
                    left_[(first + k) * 2 * width + width + c] = errors[c * tile_rows + k];
                }
        });
        // Nobody has left yet where the count is that of the stratum's beginning.
        for (auto const& stratum : rows_.strata)
            for (std::size_t j = stratum.times_begin;
                 j < stratum.times_end && rows_.left[j] == stratum.rows_begin; ++j)
                std::fill_n(&left_[j * 2 * width], 2 * width, 0.0);
    }

    std::size_t const blocks = block_count(rows_.size, block_rows);
    std::vector<part> parts(blocks, part(p));
    scan([&](std::size_t block, std::size_t first, std::size_t count, double* sums) {
        add_times(parts[block], first, count, sums, factor);
    });
    part sum(p);
    for (auto const& one : parts) {
        sum.value += one.value;
        sum.sound = sum.sound && one.sound;
        for (std::size_t c = 0; c < p; ++c)
            sum.slope[c] += one.slope[c];
        for (std::size_t i = 0; i < sum.outer.size(); ++i)
            sum.outer[i] += one.outer[i];
    }
    double value = rows_.deaths_offset - sum.value;
    for (std::size_t c = 0; c < p; ++c)
        value += beta[static_cast<Eigen::Index>(c)] * rows_.deaths_x[c];
    if (!sum.sound || !std::isfinite(value)) return nothing;
    accumulate_hazard();

    std::vector<std::vector<double>> products(blocks, std::vector<double>(sum.outer.size()));
    std::vector<std::vector<double>> deaths(blocks, std::vector<double>(factor.empty() ? 0 : width));
    parallel_blocks(
        rows_.size, block_rows, threads_, [&](std::size_t block, std::size_t begin, std::size_t end) {
            double lived[tile_rows];
            for (std::size_t tile = begin; tile < end; tile += tile_rows) {
                std::size_t const count = std::min(tile_rows, end - tile);
                double const* const x = rows_.entering.tile(tile);
                if (rows_.tied && efron_) {
                    for (std::size_t i = 0; i < count; ++i)
                        lived[i] = exposure(tile + i);
                } else {
                    for (std::size_t i = 0; i < count; ++i)
                        lived[i] = hazard_[rows_.first[tile + i]];
                    if (!rows_.last.empty())
                        for (std::size_t i = 0; i < count; ++i)
                            lived[i] -= hazard_[rows_.last[tile + i]];
                }
                for (std::size_t i = 0; i < count; ++i)
                    lived[i] *= entering_.risk()[tile + i];
                cox_arithmetic.products(x, lived, p, count, products[block].data());
                if (factor.empty()) continue;
                for (std::size_t i = 0; i < count; ++i) {
                    std::size_t const row = tile + i;
                    lived[i] = rows_.event[row] == 0
                                   ? 0.0
                                   : rows_.weight_of(row) * factor[rows_.first[row] - rows_.stratum_of(row)];
                }
                cox_arithmetic.sums(x, lived, p, count, deaths[block].data());
            }
        });
    std::vector<double> total(sum.outer.size());
    for (auto const& one : products)
        for (std::size_t i = 0; i < total.size(); ++i)
            total[i] += one[i];
    std::vector<double> died(factor.empty() ? rows_.deaths_x : std::vector<double>(width));
    for (auto const& one : deaths)
        for (std::size_t c = 0; c < one.size(); ++c)
            died[c] += one[c];
    std::size_t i = 0;
    for (std::size_t a = 0; a < p; ++a) {
        auto const row = static_cast<Eigen::Index>(a);
        gradient_[row] = died[a] - sum.slope[a];
        for (std::size_t c = a; c < p; ++c, ++i) {
            auto const column = static_cast<Eigen::Index>(c);
            information_(row, column) = information_(column, row) = total[i] - sum.outer[i];
        }
    }
    return value;
}

void cox_likelihood::add_times(part& sum, std::size_t first, std::size_t count, double* sums,
                               std::span<double const> factor) {
    std::size_t const p = rows_.columns;
    auto& weight = sum.weight;
    auto& hazard = sum.hazard;
    for (std::size_t k = 0; k < count; ++k) {
        auto const& time = rows_.times[first + k];
        weight[k] = time.weight;
        if (!factor.empty()) weight[k] *= factor[first + k];
        if (!efron_ || time.deaths_end - time.begin == 1) continue;
        double const s0 = sums[p * tile_rows + k];
        for (std::size_t c = 0; c < p; ++c)
            sum.mean[c] = sums[c * tile_rows + k] / s0;
        add_tied(sum, first + k, weight[k], s0, sum.mean.data());
        weight[k] = 0;
    }
    log_sum const logs = cox_arithmetic.means(sums, weight.data(), p, count, hazard.data());
    sum.value += logs.value;
    sum.sound = sum.sound && logs.least >= std::numeric_limits<double>::min();
    for (std::size_t k = 0; k < count; ++k) {
        auto const& time = rows_.times[first + k];
        if (!efron_ || time.deaths_end - time.begin == 1) hazard_[first + k] = own_[first + k] = hazard[k];
    }
    cox_arithmetic.sums(sums, weight.data(), p, count, sum.slope.data());
    cox_arithmetic.products(sums, weight.data(), p, count, sum.outer.data());
}

/// A time of several events, Efron's way.
void cox_likelihood::add_tied(part& sum, std::size_t j, double weight, double s0, double const* mean) {
    std::size_t const p = rows_.columns;
    auto const& time = rows_.times[j];
    std::fill(sum.deaths.begin(), sum.deaths.end(), 0.0);
    entering_.add(time.begin, time.deaths_end, sum.deaths.data());
    double const d0 = sum.deaths[p];
    tie_sums const terms = cox_arithmetic.ties(s0, d0, time.deaths_end - time.begin);
    auto const d = static_cast<double>(time.deaths_end - time.begin);
    double const w = weight / d;
    for (std::size_t c = 0; c < p; ++c)
        sum.tilt[c] = mean[c] - sum.deaths[c] / d0;
    sum.value += w * terms.log_sum;
    hazard_[j] = w * terms.hazard;
    own_[j] = w * terms.own_hazard;
    std::size_t i = 0;
    for (std::size_t a = 0; a < p; ++a) {
        double const m = mean[a];
        double const u = sum.tilt[a];
        sum.slope[a] += w * (d * m + terms.tilt * u);
        for (std::size_t c = a; c < p; ++c, ++i)
            sum.outer[i] += w * (d * m * mean[c] + terms.tilt * (m * sum.tilt[c] + u * mean[c]) +
                                 terms.tilt2 * u * sum.tilt[c]);
    }
}

/// hazard_[j] becomes the sum over all earlier times of its stratum and itself, moved to the stratum's own places.
void cox_likelihood::accumulate_hazard() {
    for (std::size_t s = rows_.strata.size(); s-- > 0;) {
        auto const& stratum = rows_.strata[s];
        double sum = 0;
        hazard_[stratum.times_end + s] = 0;
        for (std::size_t j = stratum.times_end; j-- > stratum.times_begin;) {
            sum += hazard_[j];
            hazard_[j + s] = sum;
        }
    }
}

/// The baseline hazard that a row lived through.
double cox_likelihood::exposure(std::size_t row) const {
    std::size_t const first = rows_.first[row];
    double sum = hazard_[first];
    if (rows_.event[row] != 0) sum = hazard_[first + 1] + own_[first - rows_.stratum_of(row)];
    if (!rows_.last.empty()) sum -= hazard_[rows_.last[row]];
    return sum;
}

cox_likelihood::time_means cox_likelihood::find_means() const {
    std::size_t const p = rows_.columns;
    time_means found{std::vector<double>(rows_.times.size() * p),
                     std::vector<double>((rows_.times.size() + rows_.strata.size()) * p),
                     std::vector<double>(rows_.times.size() * p)};
    scan([&](std::size_t, std::size_t first, std::size_t count, double const* sums) {
        std::vector<double> deaths(p + 1);
        for (std::size_t k = 0; k < count; ++k) {
            std::size_t const j = first + k;
            auto const& time = rows_.times[j];
            double const s0 = sums[p * tile_rows + k];
            double* const m = &found.mean[j * p];
            double* const through = &found.through[j * p];
            double* const own = &found.own[j * p];
            for (std::size_t c = 0; c < p; ++c)
                m[c] = sums[c * tile_rows + k] / s0;
            if (!efron_ || time.deaths_end - time.begin == 1) {
                for (std::size_t c = 0; c < p; ++c)
                    through[c] = own[c] = m[c] * time.weight / s0;
                continue;
            }
            std::fill(deaths.begin(), deaths.end(), 0.0);
            entering_.add(time.begin, time.deaths_end, deaths.data());
            auto const d = static_cast<double>(time.deaths_end - time.begin);
            tie_sums const terms = cox_arithmetic.ties(s0, deaths[p], time.deaths_end - time.begin);
            double const w = time.weight / d;
            for (std::size_t c = 0; c < p; ++c) {
                double const u = m[c] - deaths[c] / deaths[p];
                through[c] = w * (m[c] * terms.hazard + u * terms.tilt_hazard);
                own[c] = w * (m[c] * terms.own_hazard + u * terms.own_tilt);
                m[c] += u * terms.tilt / d;
            }
        }
    });
    return found;
}

std::vector<double> cox_likelihood::means() const {
    return find_means().mean;
}

cox_likelihood::matrix cox_likelihood::residual_products(std::size_t clusters) const {
    std::size_t const p = rows_.columns;
    auto [mean, through, own] = find_means();
    for (std::size_t s = rows_.strata.size(); s-- > 0;) {
        auto const& stratum = rows_.strata[s];
        std::fill_n(&through[(stratum.times_end + s) * p], p, 0.0);
        for (std::size_t j = stratum.times_end; j-- > stratum.times_begin;)
            for (std::size_t c = 0; c < p; ++c)
                through[(j + s) * p + c] = through[j * p + c] + through[(j + s + 1) * p + c];
    }
    bool const each = rows_.cluster.empty();
    std::vector<double> sums(each ? 0 : clusters * p);
    matrix products = matrix::Zero(static_cast<Eigen::Index>(p), static_cast<Eigen::Index>(p));
    vector one(static_cast<Eigen::Index>(p));
    for (std::size_t row = 0; row < rows_.size; ++row) {
        std::size_t const first = rows_.first[row];
        double const lived = exposure(row);
        bool const died = rows_.event[row] != 0;
        std::size_t const j = died ? first - rows_.stratum_of(row) : 0;
        for (std::size_t c = 0; c < p; ++c) {
            double const x = rows_.entering.at(row, c);
            double met = died ? through[(first + 1) * p + c] + own[j * p + c] : through[first * p + c];
            if (!rows_.last.empty()) met -= through[rows_.last[row] * p + c];
            double residual = -entering_.risk()[row] * (x * lived - met);
            if (died) residual += rows_.weight_of(row) * (x - mean[j * p + c]);
            one[static_cast<Eigen::Index>(c)] = residual;
        }
        if (each) {
            products.noalias() += one * one.transpose();
        } else {
            double* const into = &sums[static_cast<std::size_t>(rows_.cluster[row]) * p];
            for (std::size_t c = 0; c < p; ++c)
                into[c] += one[static_cast<Eigen::Index>(c)];
        }
    }
    for (std::size_t k = 0; k < sums.size(); k += p) {
        Eigen::Map<vector const> const of(&sums[k], static_cast<Eigen::Index>(p));
        products.noalias() += of * of.transpose();
    }
    return products;
}

}  // namespace clavis::statistics

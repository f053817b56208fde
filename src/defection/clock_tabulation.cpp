// How the tables of the hazard clock are made: Chebyshev's interpolation of H and of the integral j on every cell.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <mutex>
#include <string>

#include "clavis/core/errors.hpp"
#include "clavis/defection/clock_tables.hpp"
#include "clavis/numerics/log_incomplete_beta.hpp"
#include "clavis/numerics/quadrature.hpp"

namespace clavis::defection {
namespace {

constexpr int lowest_octave = -10;
/// Silences longer than this many times alpha + G, in ln(1 + s/b), are evaluated directly.
constexpr double longest = 4;
constexpr double deepest = 60;  ///< of H
constexpr std::size_t nodes = clock_tables::nodes;

struct chebyshev {
    std::array<double, nodes> at{};                         ///< on [-1, 1], ascending
    std::array<std::array<double, nodes>, nodes> powers{};  ///< coefficient of u^i for a unit value at node j
};

/// Lagrange's polynomials at `count` Chebyshev nodes.
chebyshev make_chebyshev(std::size_t count) {
    chebyshev rule;
    for (std::size_t i = 0; i < count; ++i)
        rule.at[i] = -std::cos((2.0 * static_cast<double>(i) + 1) * 3.14159265358979323846 /
                               (2.0 * static_cast<double>(count)));
    for (std::size_t j = 0; j < count; ++j) {
        std::array<double, nodes> poly{1.0};
        std::size_t length = 1;
        for (std::size_t i = 0; i < count; ++i) {
            if (i == j) continue;
            double const scale = 1 / (rule.at[j] - rule.at[i]);
            for (std::size_t p = length + 1; p-- > 0;)
                poly[p] = scale * ((p > 0 ? poly[p - 1] : 0.0) - (p < length ? rule.at[i] * poly[p] : 0.0));
            ++length;
        }
        for (std::size_t i = 0; i < count; ++i)
            rule.powers[i][j] = poly[i];
    }
    return rule;
}

template <std::size_t Count>
std::array<double, Count> through(chebyshev const& rule, std::array<double, Count> const& values) {
    std::array<double, Count> result{};
    for (std::size_t i = 0; i < Count; ++i)
        for (std::size_t j = 0; j < Count; ++j)
            result[i] += rule.powers[i][j] * values[j];
    return result;
}

}  // namespace

clock_tables::clock_tables(hazard_clock const& clock, std::span<double const> retained, double unit)
    : clock_(clock), rho_(retained.begin(), retained.end()), unit_(unit) {
    clock.validate();
    if (rho_.empty() || rho_.size() > 16)
        throw input_error("retained: give one to sixteen fractions, not " + std::to_string(rho_.size()));
    for (std::size_t j = 0; j < rho_.size(); ++j) {
        if (!(rho_[j] >= 0 && rho_[j] < 1)) throw input_error("retained: each fraction must lie in [0, 1)");
    }
    if (!(unit > 0)) throw input_error("the unit of a Shiryaev-Roberts statistic must be positive");
    int const cell_bits = clock.k > 2 ? 4 : 3;
    grid_.r_over_k = clock.r / clock.k;
    grid_.alpha = clock.alpha;
    grid_.per_unit = 1 / unit;
    grid_.shift = 52 - cell_bits;
    grid_.mask = (std::int64_t{1} << grid_.shift) - 1;
    grid_.cells_per_unit = std::ldexp(2.0, cell_bits);
    lanes_ = (2 + rho_.size()) / 2 * 2;
    width_ = nodes * lanes_;
    auto const cell_of = [&](double sigma) { return std::bit_cast<std::int64_t>(sigma) >> grid_.shift; };
    grid_.first_cell = cell_of(std::ldexp(1.0, lowest_octave));
    auto const cells_to = [&](double n) {
        // H grows like k sigma, less its start.
        double const end = std::min(deepest / clock_.k + 8, longest * n);
        return std::max<std::int64_t>(cell_of(end) + 1 - grid_.first_cell, 0);
    };
    std::vector<double> values;
    for (std::int32_t x = 0; x < directly_tabulated; ++x) {
        std::int64_t const cells = cells_to(x + grid_.r_over_k);
        small_.push_back(
            {static_cast<std::int32_t>(cells), static_cast<std::uint32_t>(values.size() / lanes_)});
        tabulate(x + grid_.r_over_k, static_cast<std::size_t>(cells), values);
    }
    // Beyond, cubics in 1/n through four values on each octave of n, the last down to 1/n = 0.
    first_n_ = directly_tabulated + grid_.r_over_k;
    large_cells_ = cells_to(first_n_);
    chebyshev const rule = make_chebyshev(rows);
    for (int octave = 0; octave <= octaves; ++octave) {
        std::array<std::vector<double>, rows> at_node;
        for (std::size_t i = 0; i < rows; ++i) {
            double const u = rule.at[i];
            double const part = octave < octaves ? (u + 3) / 4 : (u + 1) / 2;  // of the largest 1/n
            tabulate(first_n_ * std::ldexp(1.0, octave) / part, static_cast<std::size_t>(large_cells_),
                     at_node[i]);
        }
        for (std::size_t cell = 0; cell < static_cast<std::size_t>(large_cells_); ++cell)
            for (std::size_t i = 0; i < rows; ++i)
                for (std::size_t c = 0; c < width_; ++c) {
                    double sum = 0;
                    for (std::size_t j = 0; j < rows; ++j)
                        sum += rule.powers[i][j] * at_node[j][cell * width_ + c];
                    large_.push_back(sum);
                }
    }
    // The first of those are written out again, one table for each x.
    for (std::int32_t x = directly_tabulated; x < tabulated; ++x) {
        small_.push_back(
            {static_cast<std::int32_t>(large_cells_), static_cast<std::uint32_t>(values.size() / lanes_)});
        for (std::int64_t cell = 0; cell < large_cells_; ++cell) {
            values.resize(values.size() + width_);
            mix(x, cell, values.data() + values.size() - width_);
        }
    }
    values_ = std::move(values);
}

std::shared_ptr<clock_tables const> clock_tables::shared(hazard_clock const& clock,
                                                         std::span<double const> retained, double unit) {
    static std::mutex guard;
    static std::vector<std::weak_ptr<clock_tables const>> made;
    std::scoped_lock const lock(guard);
    std::erase_if(made, [](auto const& one) { return one.expired(); });
    for (auto const& one : made)
        if (auto known = one.lock();
            known && known->clock_ == clock && known->unit_ == unit &&
            std::equal(retained.begin(), retained.end(), known->rho_.begin(), known->rho_.end()))
            return known;
    auto fresh = std::make_shared<clock_tables const>(clock, retained, unit);
    made.push_back(fresh);
    return fresh;
}

void clock_tables::tabulate(double n, std::size_t cells, std::vector<double>& out) const {
    chebyshev const rule = make_chebyshev(nodes);
    double const shape = clock_.k * n;
    auto const hazard = [&](double sigma) {
        if (clock_.k == 1) return sigma;
        double const log_ratio = sigma / n;
        return -numerics::log_incomplete_beta(shape, clock_.k, std::exp(-log_ratio), -std::expm1(-log_ratio));
    };
    auto const speed = [&](double rho, double h, double sigma) {
        return std::exp(-(1 - rho) * h + sigma / n);
    };
    // j up to the first cell; H starts like sigma^k.
    double const start = std::ldexp(1.0, lowest_octave);
    double const power = std::max(1.0, 1 / clock_.k);
    std::vector<double> area(rho_.size());
    for (std::size_t j = 0; j < rho_.size(); ++j)
        area[j] = numerics::integrate16(
            [&](double q) {
                double const sigma = start * std::pow(q, power);
                return power * start * std::pow(q, power - 1) * speed(rho_[j], hazard(sigma), sigma);
            },
            0.0, 1.0);
    for (std::size_t cell = 0; cell < cells; ++cell) {
        std::int64_t const number = grid_.first_cell + static_cast<std::int64_t>(cell);
        double const low = std::bit_cast<double>(number << grid_.shift);
        double const high = std::bit_cast<double>((number + 1) << grid_.shift);
        double const half = (high - low) / 2;
        std::array<double, nodes> values{};
        for (std::size_t i = 0; i < nodes; ++i)
            values[i] = hazard(low + half * (1 + rule.at[i]));
        auto const h = through(rule, values);
        std::size_t const begin = out.size();
        out.resize(begin + width_);
        auto const keep = [&](std::size_t lane, std::array<double, nodes> const& c) {
            for (std::size_t i = 0; i < nodes; ++i)
                out[begin + i * lanes_ + lane] = c[i];
        };
        auto const h_at = [&](double u) {
            return h[0] + u * (h[1] + u * (h[2] + u * (h[3] + u * (h[4] + u * h[5]))));
        };
        keep(0, h);
        bool const gentle = values.back() - values.front() < 0.2 && high - low < 0.2 * n;
        for (std::size_t j = 0; j < rho_.size(); ++j) {
            auto const reach = [&](double u) {
                return numerics::integrate16(
                    [&](double v) { return half * speed(rho_[j], h_at(v), low + half * (1 + v)); }, -1.0, u);
            };
            std::array<double, nodes> areas{};
            double end = 0;
            if (gentle) {
                // The integral of the polynomial through the integrand.
                for (std::size_t i = 0; i < nodes; ++i)
                    areas[i] = half * speed(rho_[j], values[i], low + half * (1 + rule.at[i]));
                auto const f = through(rule, areas);
                auto const integral = [&](double u) {
                    double sum = 0;
                    double raised = 1;
                    double sign = 1;
                    for (std::size_t p = 0; p < nodes; ++p) {
                        raised *= u;
                        sign = -sign;
                        sum += f[p] * (raised - sign) / static_cast<double>(p + 1);
                    }
                    return sum;
                };
                for (std::size_t i = 0; i < nodes; ++i)
                    areas[i] = area[j] + integral(rule.at[i]);
                end = integral(1.0);
            } else {
                for (std::size_t i = 0; i < nodes; ++i)
                    areas[i] = area[j] + reach(rule.at[i]);
                end = reach(1.0);
            }
            keep(j + 1, through(rule, areas));
            area[j] += end;
        }
    }
}

}  // namespace clavis::defection

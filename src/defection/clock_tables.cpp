#include "clavis/defection/clock_tables.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "clavis/defection/detectors.hpp"
#include "clavis/numerics/quadrature.hpp"
#include "numerics/vector_math.hpp"

namespace clavis::defection {
namespace {

constexpr std::size_t widest = clock_tables::nodes * 18;  ///< doubles a cell
constexpr std::int64_t most_cells = 64;                   ///< that an integral is worth
/// Before a difference of two integrals is taken; where more H lies before, too little of them is left.
constexpr double deepest_before = 3;

/// Functions beside each other, coefficient after coefficient: two at a time fill the registers that every x86-64 has,
/// four those of most.
using pair = double __attribute__((vector_size(16), aligned(8)));
using quad = double __attribute__((vector_size(32), aligned(8)));

/// Neighbouring polynomials of degree 5 at u; `stride` doubles from coefficient to coefficient.
template <class Lanes>
CLAVIS_INLINE void polynomials(double const* c, std::size_t stride, double u, Lanes& result) {
    double const u2 = u * u;
    Lanes const low = *reinterpret_cast<Lanes const*>(c) + u * *reinterpret_cast<Lanes const*>(c + stride);
    Lanes const middle =
        *reinterpret_cast<Lanes const*>(c + 2 * stride) + u * *reinterpret_cast<Lanes const*>(c + 3 * stride);
    Lanes const high =
        *reinterpret_cast<Lanes const*>(c + 4 * stride) + u * *reinterpret_cast<Lanes const*>(c + 5 * stride);
    result = low + u2 * (middle + u2 * high);
}

/// H and each j of one cell.
CLAVIS_INLINE void read_cell(double const* c, std::size_t lanes, std::size_t fractions, double u,
                             double* hazard, double* fresh, std::size_t stride) {
    for (std::size_t lane = 0; lane < lanes; lane += 2) {
        pair two;
        polynomials(c + lane, lanes, u, two);
        if (lane == 0) {
            *hazard = two[0];
        } else {
            fresh[(lane - 1) * stride] = two[0];
        }
        if (lane < fractions) fresh[lane * stride] = two[1];
    }
}

constexpr std::int64_t one_bits = 0x3ff0000000000000;
constexpr std::size_t batch = 256;

/// Where a silence lies: its cell counted from zero, the place in it in [-1, 1), and b / (n u).
struct place {
    std::int64_t cell;
    double u;
    double per_unit;
};

CLAVIS_INLINE place locate(double visits, double gap_sum, double silence, clock_tables::grid const& grid) {
    double const b = grid.alpha + gap_sum;
    double const n = visits + grid.r_over_k;
    double const sigma = n * numerics::vector_log1p(silence / b);
    std::int64_t const bits = std::bit_cast<std::int64_t>(sigma);
    double const mantissa = std::bit_cast<double>((bits & grid.mask) | one_bits);
    return {(bits >> grid.shift) - grid.first_cell, (mantissa - 1) * grid.cells_per_unit - 1,
            b * grid.per_unit / n};
}

CLAVIS_INLINE void locate_all(std::int32_t const* visits, double const* gap_sum, double const* silence,
                              std::size_t size, clock_tables::grid const& grid, std::int64_t* cell, double* u,
                              double* per_unit) {
    for (std::size_t i = 0; i < size; ++i) {
        place const at = locate(visits[i], gap_sum[i], silence[i], grid);
        cell[i] = at.cell;
        u[i] = at.u;
        per_unit[i] = at.per_unit;
    }
}
void locate_portable(std::int32_t const* visits, double const* gap_sum, double const* silence,
                     std::size_t size, clock_tables::grid const& grid, std::int64_t* cell, double* u,
                     double* per_unit) {
    locate_all(visits, gap_sum, silence, size, grid, cell, u, per_unit);
}
CLAVIS_AVX2 void locate_avx2(std::int32_t const* visits, double const* gap_sum, double const* silence,
                             std::size_t size, clock_tables::grid const& grid, std::int64_t* cell, double* u,
                             double* per_unit) {
    locate_all(visits, gap_sum, silence, size, grid, cell, u, per_unit);
}
CLAVIS_AVX512 void locate_avx512(std::int32_t const* visits, double const* gap_sum, double const* silence,
                                 std::size_t size, clock_tables::grid const& grid, std::int64_t* cell,
                                 double* u, double* per_unit) {
    locate_all(visits, gap_sum, silence, size, grid, cell, u, per_unit);
}
auto const locate_best = numerics::choose(&locate_portable, &locate_avx2, &locate_avx512);

/// Every cell at its u; one cell is four lanes wide for the two fractions that most ask for.
CLAVIS_INLINE void read_all(double const* const* cell, double const* u, std::size_t size, std::size_t lanes,
                            std::size_t fractions, double* hazard, double* fresh, std::size_t stride) {
    if (lanes == 4 && fractions == 2) {
        for (std::size_t i = 0; i < size; ++i) {
            quad four;
            polynomials(cell[i], 4, u[i], four);
            hazard[i] = four[0];
            fresh[i] = four[1];
            fresh[stride + i] = four[2];
        }
        return;
    }
    for (std::size_t i = 0; i < size; ++i)
        read_cell(cell[i], lanes, fractions, u[i], hazard + i, fresh + i, stride);
}
void read_portable(double const* const* cell, double const* u, std::size_t size, std::size_t lanes,
                   std::size_t fractions, double* hazard, double* fresh, std::size_t stride) {
    read_all(cell, u, size, lanes, fractions, hazard, fresh, stride);
}
CLAVIS_AVX2 void read_avx2(double const* const* cell, double const* u, std::size_t size, std::size_t lanes,
                           std::size_t fractions, double* hazard, double* fresh, std::size_t stride) {
    read_all(cell, u, size, lanes, fractions, hazard, fresh, stride);
}
auto const read_best = numerics::choose(&read_portable, &read_avx2, &read_avx2);

/// fresh holds j on entry.
CLAVIS_INLINE void grow_all(double const* hazard, double const* per_unit, double power, std::size_t size,
                            double* growth, double* fresh) {
    for (std::size_t i = 0; i < size; ++i) {
        growth[i] = numerics::vector_exp(power * hazard[i]);
        fresh[i] = growth[i] * per_unit[i] * fresh[i];
    }
}
void grow_portable(double const* hazard, double const* per_unit, double power, std::size_t size,
                   double* growth, double* fresh) {
    grow_all(hazard, per_unit, power, size, growth, fresh);
}
CLAVIS_AVX2 void grow_avx2(double const* hazard, double const* per_unit, double power, std::size_t size,
                           double* growth, double* fresh) {
    grow_all(hazard, per_unit, power, size, growth, fresh);
}
CLAVIS_AVX512 void grow_avx512(double const* hazard, double const* per_unit, double power, std::size_t size,
                               double* growth, double* fresh) {
    grow_all(hazard, per_unit, power, size, growth, fresh);
}
auto const grow_best = numerics::choose(&grow_portable, &grow_avx2, &grow_avx512);

}  // namespace

void clock_tables::mix(std::int32_t visits, std::int64_t cell, double* out) const noexcept {
    double const ratio = (visits + grid_.r_over_k) / first_n_;
    int const exponent = static_cast<int>(std::bit_cast<std::int64_t>(ratio) >> 52) - 1023;
    int const octave = std::min(exponent, octaves);
    double const part = std::bit_cast<double>((std::int64_t{octave} + 1023) << 52) / ratio;
    double const v = octave < octaves ? 4 * part - 3 : 2 * part - 1;
    double const* row =
        large_.data() + static_cast<std::size_t>(octave * large_cells_ + cell) * rows * width_;
    for (std::size_t i = 0; i < width_; ++i)
        out[i] = row[i] + v * (row[width_ + i] + v * (row[2 * width_ + i] + v * row[3 * width_ + i]));
}

double const* clock_tables::find(std::int32_t visits, std::int64_t cell, double* mixed) const noexcept {
    if (visits < tabulated) {
        table const& own = small_[static_cast<std::size_t>(visits)];
        if (static_cast<std::uint64_t>(cell) >= static_cast<std::uint64_t>(own.cells)) return nullptr;
        return values_.data() + std::size_t{own.begin} * lanes_ + static_cast<std::size_t>(cell) * width_;
    }
    if (static_cast<std::uint64_t>(cell) >= static_cast<std::uint64_t>(large_cells_)) return nullptr;
    mix(visits, cell, mixed);
    return mixed;
}

bool clock_tables::read(std::int32_t visits, std::int64_t cell, double u, double* hazard, double* fresh,
                        std::size_t stride) const noexcept {
    double mixed[widest];
    double const* const c = find(visits, cell, mixed);
    if (c == nullptr) return false;
    read_cell(c, lanes_, rho_.size(), u, hazard, fresh, stride);
    return true;
}

double clock_tables::silence(std::int32_t visits, double gap_sum, double silence, double* growth,
                             double* fresh) const noexcept {
    place const at = locate(visits, gap_sum, silence, grid_);
    double hazard = 0;
    if (!read(visits, at.cell, at.u, &hazard, fresh, 1))
        return directly(visits, gap_sum, 0, silence, growth, fresh, 1);
    for (std::size_t j = 0; j < rho_.size(); ++j) {
        growth[j] = numerics::vector_exp((1 - rho_[j]) * hazard);
        fresh[j] = growth[j] * at.per_unit * fresh[j];
    }
    return hazard;
}

double clock_tables::hazard(std::int32_t visits, double gap_sum, double silence) const noexcept {
    if (silence == 0) return 0;
    place const at = locate(visits, gap_sum, silence, grid_);
    double mixed[widest];
    double const* const c = find(visits, at.cell, mixed);
    if (c == nullptr) return clock_.hazard_between(visits, gap_sum, 0, silence);
    pair two;
    polynomials(c, lanes_, at.u, two);
    return two[0];
}

void clock_tables::silences(std::span<std::int32_t const> visits, std::span<double const> gap_sum,
                            std::span<double const> silence, std::span<double> hazard,
                            std::span<double> growth, std::span<double> fresh) const noexcept {
    std::size_t const size = visits.size();
    std::int64_t cell[batch];
    double u[batch];
    double per_unit[batch];
    double const* found[batch];
    std::uint16_t apart[batch];
    for (std::size_t begin = 0; begin < size; begin += batch) {
        std::size_t const count = std::min(batch, size - begin);
        locate_best(visits.data() + begin, gap_sum.data() + begin, silence.data() + begin, count, grid_, cell,
                    u, per_unit);
        // Cells that must be put together first, or do not exist, are read one at a time.
        std::size_t several = 0;
        for (std::size_t i = 0; i < count; ++i) {
            std::int32_t const x = visits[begin + i];
            found[i] = x < tabulated ? find(x, cell[i], nullptr) : nullptr;
            if (found[i] == nullptr) {
                apart[several++] = static_cast<std::uint16_t>(i);
                found[i] = values_.data();
            }
#if defined(__GNUC__)
            for (std::size_t line = 0; line < width_; line += 8)
                __builtin_prefetch(found[i] + line);
#endif
        }
        read_best(found, u, count, lanes_, rho_.size(), hazard.data() + begin, fresh.data() + begin, size);
        for (std::size_t j = 0; j < rho_.size(); ++j)
            grow_best(hazard.data() + begin, per_unit, 1 - rho_[j], count, growth.data() + j * size + begin,
                      fresh.data() + j * size + begin);
        for (std::size_t k = 0; k < several; ++k) {
            std::size_t const i = begin + apart[k];
            double one_growth[16];
            double one_fresh[16];
            hazard[i] = this->silence(visits[i], gap_sum[i], silence[i], one_growth, one_fresh);
            for (std::size_t j = 0; j < rho_.size(); ++j) {
                growth[j * size + i] = one_growth[j];
                fresh[j * size + i] = one_fresh[j];
            }
        }
    }
}

double clock_tables::silence_between(std::int32_t visits, double gap_sum, double from, double to,
                                     double* growth, double* fresh) const noexcept {
    if (from == 0) return silence(visits, gap_sum, to, growth, fresh);
    double growth_before[16];
    double fresh_before[16];
    double growth_whole[16];
    double fresh_whole[16];
    double const before = silence(visits, gap_sum, from, growth_before, fresh_before);
    double const whole = silence(visits, gap_sum, to, growth_whole, fresh_whole);
    double hazard = 0;
    if (rest(before, growth_before, fresh_before, whole, growth_whole, fresh_whole, 1, hazard, growth, fresh))
        return hazard;
    if (cell_by_cell(visits, gap_sum, from, to, whole - before, growth, fresh)) return whole - before;
    return directly(visits, gap_sum, from, to, growth, fresh, 1);
}

bool clock_tables::cell_by_cell(std::int32_t visits, double gap_sum, double from, double to, double hazard,
                                double* growth, double* fresh) const noexcept {
    place const begin = locate(visits, gap_sum, from, grid_);
    place const end = locate(visits, gap_sum, to, grid_);
    double mixed[widest];
    if (begin.cell < 0 || end.cell - begin.cell > most_cells || find(visits, end.cell, mixed) == nullptr)
        return false;
    double const n = visits + grid_.r_over_k;
    double sums[16] = {};
    double start = 0;  // H at `from`
    for (std::int64_t cell = begin.cell; cell <= end.cell; ++cell) {
        double const* const c = find(visits, cell, mixed);
        double const low = std::bit_cast<double>((grid_.first_cell + cell) << grid_.shift);
        double const half = (std::bit_cast<double>((grid_.first_cell + cell + 1) << grid_.shift) - low) / 2;
        auto const hazard_at = [&](double u) {
            pair two;
            polynomials(c, lanes_, u, two);
            return two[0];
        };
        if (cell == begin.cell) start = hazard_at(begin.u);
        double const u_low = cell == begin.cell ? begin.u : -1.0;
        double const u_high = cell == end.cell ? end.u : 1.0;
        for (std::size_t j = 0; j < rho_.size(); ++j)
            sums[j] += half * numerics::integrate16(
                                  [&](double u) {
                                      return numerics::vector_exp((1 - rho_[j]) * (start - hazard_at(u)) +
                                                                  (low + half * (1 + u)) / n);
                                  },
                                  u_low, u_high);
    }
    for (std::size_t j = 0; j < rho_.size(); ++j) {
        growth[j] = numerics::vector_exp((1 - rho_[j]) * hazard);
        fresh[j] = growth[j] * begin.per_unit * sums[j];
    }
    return true;
}

bool clock_tables::rest(double hazard_before, double const* growth_before, double const* fresh_before,
                        double hazard_whole, double const* growth_whole, double const* fresh_whole,
                        std::size_t stride, double& hazard, double* growth, double* fresh) const noexcept {
    // Where little of the integral lies behind, the difference of two of them says nothing.
    if (!(hazard_before < deepest_before)) return false;
    hazard = hazard_whole - hazard_before;
    for (std::size_t j = 0; j < rho_.size(); ++j) {
        growth[j] = growth_whole[j * stride] / growth_before[j * stride];
        fresh[j] = std::max(fresh_whole[j * stride] - growth[j] * fresh_before[j * stride], 0.0);
    }
    return true;
}

double clock_tables::directly(std::int32_t visits, double gap_sum, double from, double to, double* growth,
                              double* fresh, std::size_t stride) const noexcept {
    double const hazard = clock_.hazard_between(visits, gap_sum, from, to);
    for (std::size_t j = 0; j < rho_.size(); ++j) {
        growth[j * stride] = std::exp((1 - rho_[j]) * hazard);
        fresh[j * stride] = std::exp(std::min(
            hazard_clock::cap, shiryaev_roberts_after(-std::numeric_limits<double>::infinity(), rho_[j],
                                                      clock_, visits, gap_sum, from, to, unit_)));
    }
    return hazard;
}

}  // namespace clavis::defection

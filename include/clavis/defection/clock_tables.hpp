#pragma once

// The hazard clock and the Shiryaev-Roberts statistic in a few nanoseconds, for any fitted regularity. A silence of s
// after a visit takes a statistic from R to growth R + fresh, with P the clock's P(gap > s) and b = alpha + G,
//     growth = P(s)^-(1-rho),    fresh = growth * (1/u) integral over 0 < v < s of P(v)^(1-rho) dv.
// With n = x + r/k and sigma = n ln(1 + s/b), the gaps that a customer would have expected, both follow from
//     H(sigma; 1/n)    and    j(sigma; 1/n) = integral over 0 < y < sigma of exp(-(1 - rho) H(y) + y/n) dy,
//     growth = e^{(1 - rho) H},    fresh = growth b j / (n u),
// which are smooth in sigma but at zero, and smooth in 1/n. They are kept as polynomials of degree 5 in sigma on eight
// or sixteen cells an octave: for every x below 128, and beyond as polynomials of degree 3 in 1/n on octaves of
// n down to 1/n = 0, where the customer's rate is known. Silences outside the tables (shorter than 2^-10 expected gaps,
// longer than 54 times alpha + G, or that far in the tail that no statistic stays below its limit) are evaluated
// directly, about a thousand times slower.
//
// Largest error against direct evaluation: H 1e-7 of max(H, 1), growth and fresh 1e-7 (1 + H) relative.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "clavis/defection/hazard_clock.hpp"

namespace clavis::defection {

class clock_tables {
  public:
    static constexpr std::int32_t tabulated = 256;
    static constexpr std::size_t nodes = 6;  ///< coefficients of a polynomial

    /// Retained fractions in [0, 1), at most 16; the statistic's unit is counted like alpha. Throws input_error for a
    /// clock, fraction or unit outside its domain. Takes 20 to 200 ms for k other than 1.
    clock_tables(hazard_clock const& clock, std::span<double const> retained, double unit);

    /// The same, made once for all who ask while somebody holds it.
    static std::shared_ptr<clock_tables const> shared(hazard_clock const& clock,
                                                      std::span<double const> retained, double unit);

    hazard_clock const& clock() const { return clock_; }
    std::size_t size() const { return rho_.size(); }
    double retained(std::size_t j) const { return rho_[j]; }

    /// A silence since a visit: returns H and writes growth and fresh for each fraction. visits, gap_sum, silence >= 0.
    double silence(std::int32_t visits, double gap_sum, double silence, double* growth,
                   double* fresh) const noexcept;

    /// H alone.
    double hazard(std::int32_t visits, double gap_sum, double silence) const noexcept;

    /// The same where the silence has lasted for `from` already and goes on to `to`, and the statistic stands at `from`.
    double silence_between(std::int32_t visits, double gap_sum, double from, double to, double* growth,
                           double* fresh) const noexcept;

    /// The same from two results of silence(), those of `from` and of `to`, whose growth and fresh stand `stride` apart:
    /// false, and nothing is written, where so much lies before `from` that their difference says nothing.
    bool rest(double hazard_before, double const* growth_before, double const* fresh_before,
              double hazard_whole, double const* growth_whole, double const* fresh_whole, std::size_t stride,
              double& hazard, double* growth, double* fresh) const noexcept;

    /// Many silences since a visit at once, about four times as fast; the bits are those of silence(). Spans of one
    /// length but growth and fresh, which hold size() columns of it one after the other.
    void silences(std::span<std::int32_t const> visits, std::span<double const> gap_sum,
                  std::span<double const> silence, std::span<double> hazard, std::span<double> growth,
                  std::span<double> fresh) const noexcept;

    /// How sigma is cut into cells.
    struct grid {
        double alpha = 0;
        double r_over_k = 0;
        double per_unit = 0;
        double cells_per_unit = 0;
        std::int64_t mask = 0;
        std::int64_t first_cell = 0;
        int shift = 0;
    };

  private:
    static constexpr std::int32_t directly_tabulated = 128;
    static constexpr int rows = 4;  ///< of coefficients by powers of 1/n
    static constexpr int octaves = 8;

    double directly(std::int32_t visits, double gap_sum, double from, double to, double* growth,
                    double* fresh, std::size_t stride) const noexcept;
    /// The cells of H and j for one n, appended to `out`.
    void tabulate(double n, std::size_t cells, std::vector<double>& out) const;
    /// One cell for many visits.
    void mix(std::int32_t visits, std::int64_t cell, double* out) const noexcept;
    /// A cell's coefficients, where they lie or put together in `mixed`; null outside the tables.
    double const* find(std::int32_t visits, std::int64_t cell, double* mixed) const noexcept;
    /// What a silence does from its middle on, by a quadrature of e^-H in each cell: for where differences say nothing.
    bool cell_by_cell(std::int32_t visits, double gap_sum, double from, double to, double hazard,
                      double* growth, double* fresh) const noexcept;
    /// H and j, or false outside the tables.
    bool read(std::int32_t visits, std::int64_t cell, double u, double* hazard, double* fresh,
              std::size_t stride) const noexcept;

    struct table {
        std::int32_t cells;
        std::uint32_t begin;  ///< in values_, in steps of lanes_
    };
    hazard_clock clock_;
    std::vector<double> rho_;
    double unit_ = 0;
    grid grid_;
    std::size_t lanes_ = 0;     ///< functions beside each other: H, each j, and one to make it even
    std::size_t width_ = 0;     ///< doubles a cell
    std::vector<table> small_;  ///< x < tabulated
    std::vector<double> values_;
    std::int64_t large_cells_ = 0;
    std::vector<double> large_;  ///< octaves + 1 blocks of cells of rows
    double first_n_ = 0;
};

}  // namespace clavis::defection

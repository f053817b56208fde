#pragma once

// The arithmetic of Cox's model over a tile: 512 rows, column after column, so that every loop runs on vectors. Each
// instruction set gives the same bits.

#include <cstddef>

#include "numerics/vector_math.hpp"

namespace clavis::statistics {

inline constexpr std::size_t tile_rows = 512;

/// Sums over the tied events of one time, Efron's way; f = k/d for k = 0 ... d − 1.
struct tie_sums {
    double log_sum = 0;      ///< Σ ln(S0 − f D0)
    double hazard = 0;       ///< Σ 1 / (S0 − f D0)
    double own_hazard = 0;   ///< Σ (1 − f) / (S0 − f D0)
    double tilt = 0;         ///< Σ a,  a = f D0 / (S0 − f D0): x̄_k = m + a u, m = S1/S0, u = m − D1/D0
    double tilt2 = 0;        ///< Σ a²
    double tilt_hazard = 0;  ///< Σ a / (S0 − f D0)
    double own_tilt = 0;     ///< Σ (1 − f) a / (S0 − f D0)
};

struct log_sum {
    double value;
    double least;  ///< of what logarithms were taken of
};

/// Row i of column c stands at x[c * tile_rows + i]; `rows` <= tile_rows of them count.
struct cox_kernels {
    /// risk = weight exp(offset + x·b); returns the largest |offset + x·b|. offset and weight may be null.
    double (*risks)(double const* x, double const* offset, double const* weight, double const* b,
                    std::size_t columns, std::size_t rows, double* risk);
    /// Adds Σ factor x_c to sum[c] and Σ factor to sum[columns].
    void (*sums)(double const* x, double const* factor, std::size_t columns, std::size_t rows, double* sum);
    /// Adds Σ factor x_a x_c, a <= c, to packed, row after row.
    void (*products)(double const* x, double const* factor, std::size_t columns, std::size_t rows,
                     double* packed);
    /// Goes on with sum (as of `sums`) row by row and writes what it is after each; columns + 1 columns in `out`.
    void (*running)(double const* x, double const* factor, std::size_t columns, std::size_t rows, double* sum,
                    double* out);
    /// The same with the rounding errors of each sum beside it (Knuth's two-sum). `out` may be null.
    void (*running_exact)(double const* x, double const* factor, std::size_t columns, std::size_t rows,
                          double* high, double* low, double* out_high, double* out_low);
    /// Sums at `times` times in columns + 1 columns become means; hazard = weight / S0; returns Σ weight ln S0.
    log_sum (*means)(double* sums, double const* weight, std::size_t columns, std::size_t times,
                     double* hazard);
    tie_sums (*ties)(double s0, double d0, std::size_t deaths);
};

/// For this processor.
extern cox_kernels const cox_arithmetic;

/// Compiled for one instruction set, which this processor must have.
cox_kernels const& cox_kernels_for(numerics::instruction_set set);

}  // namespace clavis::statistics

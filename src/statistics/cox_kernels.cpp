#include "statistics/cox_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace clavis::statistics {
namespace {

constexpr std::size_t lanes = 16;
using lane_array = double[lanes];

CLAVIS_INLINE double dot(double const* a, double const* b, std::size_t size) {
    lane_array lane = {};
    std::size_t i = 0;
    for (; i + lanes <= size; i += lanes)
        for (std::size_t l = 0; l < lanes; ++l)
            lane[l] += a[i + l] * b[i + l];
    double sum = numerics::sum16(lane);
    for (; i < size; ++i)
        sum += a[i] * b[i];
    return sum;
}

CLAVIS_INLINE double total(double const* a, std::size_t size) {
    lane_array lane = {};
    std::size_t i = 0;
    for (; i + lanes <= size; i += lanes)
        for (std::size_t l = 0; l < lanes; ++l)
            lane[l] += a[i + l];
    double sum = numerics::sum16(lane);
    for (; i < size; ++i)
        sum += a[i];
    return sum;
}

CLAVIS_INLINE double larger(double a, double b) {
    return a > b ? a : b;
}
CLAVIS_INLINE double risks_of(double const* x, double const* offset, double const* weight, double const* b,
                              std::size_t columns, std::size_t rows, double* risk) {
    if (offset != nullptr) {
        for (std::size_t i = 0; i < rows; ++i)
            risk[i] = offset[i];
    } else {
        for (std::size_t i = 0; i < rows; ++i)
            risk[i] = 0;
    }
    for (std::size_t c = 0; c < columns; ++c)
        for (std::size_t i = 0; i < rows; ++i)
            risk[i] += b[c] * x[c * tile_rows + i];
    lane_array lane = {};
    std::size_t i = 0;
    for (; i + lanes <= rows; i += lanes)
        for (std::size_t l = 0; l < lanes; ++l)
            lane[l] = larger(std::abs(risk[i + l]), lane[l]);
    double most = *std::max_element(lane, lane + lanes);
    for (; i < rows; ++i)
        most = larger(std::abs(risk[i]), most);
    for (i = 0; i < rows; ++i)
        risk[i] = numerics::vector_exp(risk[i]);
    if (weight != nullptr)
        for (i = 0; i < rows; ++i)
            risk[i] *= weight[i];
    return most;
}

CLAVIS_INLINE void sums_of(double const* x, double const* factor, std::size_t columns, std::size_t rows,
                           double* sum) {
    for (std::size_t c = 0; c < columns; ++c)
        sum[c] += dot(factor, x + c * tile_rows, rows);
    sum[columns] += total(factor, rows);
}

CLAVIS_INLINE void products_of(double const* x, double const* factor, std::size_t columns, std::size_t rows,
                               double* packed) {
    double scaled[tile_rows];
    for (std::size_t a = 0; a < columns; ++a) {
        for (std::size_t i = 0; i < rows; ++i)
            scaled[i] = factor[i] * x[a * tile_rows + i];
        for (std::size_t c = a; c < columns; ++c)
            *packed++ += dot(scaled, x + c * tile_rows, rows);
    }
}

/// Each sum waits for the one before it, so several go on side by side.
template <std::size_t Count>
CLAVIS_INLINE void run(std::size_t rows, double* sum, double* out) {
    double now[Count];
    for (std::size_t k = 0; k < Count; ++k)
        now[k] = sum[k];
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t k = 0; k < Count; ++k)
            out[k * tile_rows + i] = now[k] += out[k * tile_rows + i];
    for (std::size_t k = 0; k < Count; ++k)
        sum[k] = now[k];
}

CLAVIS_INLINE void increments(double const* x, double const* factor, std::size_t columns, std::size_t rows,
                              double* out) {
    for (std::size_t c = 0; c < columns; ++c)
        for (std::size_t i = 0; i < rows; ++i)
            out[c * tile_rows + i] = factor[i] * x[c * tile_rows + i];
    for (std::size_t i = 0; i < rows; ++i)
        out[columns * tile_rows + i] = factor[i];
}

CLAVIS_INLINE void running_of(double const* x, double const* factor, std::size_t columns, std::size_t rows,
                              double* sum, double* out) {
    increments(x, factor, columns, rows, out);
    std::size_t c = 0;
    for (; c + 4 <= columns + 1; c += 4)
        run<4>(rows, sum + c, out + c * tile_rows);
    for (; c + 2 <= columns + 1; c += 2)
        run<2>(rows, sum + c, out + c * tile_rows);
    for (; c < columns + 1; ++c)
        run<1>(rows, sum + c, out + c * tile_rows);
}

template <std::size_t Count, bool Written>
CLAVIS_INLINE void run_exact(std::size_t rows, double* high, double* low, double const* in, double* out_high,
                             double* out_low) {
    double now[Count];
    double lost[Count];
    for (std::size_t k = 0; k < Count; ++k) {
        now[k] = high[k];
        lost[k] = low[k];
    }
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t k = 0; k < Count; ++k) {
            double const x = in[k * tile_rows + i];
            double const next = now[k] + x;
            double const back = next - now[k];
            lost[k] += (now[k] - (next - back)) + (x - back);
            now[k] = next;
            if constexpr (Written) {
                out_high[k * tile_rows + i] = next;
                out_low[k * tile_rows + i] = lost[k];
            }
        }
    for (std::size_t k = 0; k < Count; ++k) {
        high[k] = now[k];
        low[k] = lost[k];
    }
}

template <bool Written>
CLAVIS_INLINE void run_all_exact(double const* x, double const* factor, std::size_t columns, std::size_t rows,
                                 double* high, double* low, double* out_high, double* out_low) {
    double scaled[4 * tile_rows];
    for (std::size_t c = 0; c < columns + 1; c += 4) {
        std::size_t const count = std::min<std::size_t>(4, columns + 1 - c);
        for (std::size_t k = 0; k < count; ++k) {
            double* const into = scaled + k * tile_rows;
            if (c + k == columns) {
                std::copy_n(factor, rows, into);
                continue;
            }
            for (std::size_t i = 0; i < rows; ++i)
                into[i] = factor[i] * x[(c + k) * tile_rows + i];
        }
        double* const to_high = Written ? out_high + c * tile_rows : nullptr;
        double* const to_low = Written ? out_low + c * tile_rows : nullptr;
        if (count == 4) {
            run_exact<4, Written>(rows, high + c, low + c, scaled, to_high, to_low);
        } else {
            for (std::size_t k = 0; k < count; ++k)
                run_exact<1, Written>(rows, high + c + k, low + c + k, scaled + k * tile_rows,
                                      Written ? to_high + k * tile_rows : nullptr,
                                      Written ? to_low + k * tile_rows : nullptr);
        }
    }
}

CLAVIS_INLINE void running_exact_of(double const* x, double const* factor, std::size_t columns,
                                    std::size_t rows, double* high, double* low, double* out_high,
                                    double* out_low) {
    if (out_high != nullptr) {
        run_all_exact<true>(x, factor, columns, rows, high, low, out_high, out_low);
    } else {
        run_all_exact<false>(x, factor, columns, rows, high, low, nullptr, nullptr);
    }
}

CLAVIS_INLINE log_sum means_of(double* sums, double const* weight, std::size_t columns, std::size_t times,
                               double* hazard) {
    double* const s0 = sums + columns * tile_rows;
    double logs[tile_rows];
    double inverse[tile_rows];
    for (std::size_t i = 0; i < times; ++i) {
        logs[i] = numerics::vector_log(s0[i]);
        inverse[i] = 1 / s0[i];
        hazard[i] = weight[i] * inverse[i];
    }
    for (std::size_t c = 0; c < columns; ++c)
        for (std::size_t i = 0; i < times; ++i)
            sums[c * tile_rows + i] *= inverse[i];
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < times; ++i)
        least = s0[i] >= least ? least : s0[i];
    return {dot(weight, logs, times), least};
}

CLAVIS_INLINE tie_sums ties_of(double s0, double d0, std::size_t deaths) {
    tie_sums result;
    double const step = 1 / static_cast<double>(deaths);
    double part[7][lanes] = {};
    for (std::size_t begin = 0; begin < deaths; begin += lanes)
        for (std::size_t l = 0; l < lanes; ++l) {
            // Lanes beyond the last death repeat it and count nothing.
            std::size_t const k = begin + l;
            double const counted = k < deaths ? 1 : 0;
            double const f =
                static_cast<double>(static_cast<std::int64_t>(k < deaths ? k : deaths - 1)) * step;
            double const sum = s0 - f * d0;
            double const inverse = counted / sum;
            double const a = f * d0 * inverse;
            part[0][l] += counted * numerics::vector_log(sum);
            part[1][l] += inverse;
            part[2][l] += (1 - f) * inverse;
            part[3][l] += a;
            part[4][l] += a * a;
            part[5][l] += a * inverse;
            part[6][l] += (1 - f) * a * inverse;
        }
    result.log_sum = numerics::sum16(part[0]);
    result.hazard = numerics::sum16(part[1]);
    result.own_hazard = numerics::sum16(part[2]);
    result.tilt = numerics::sum16(part[3]);
    result.tilt2 = numerics::sum16(part[4]);
    result.tilt_hazard = numerics::sum16(part[5]);
    result.own_tilt = numerics::sum16(part[6]);
    return result;
}

// One function an instruction set for each kernel. An attribute cannot stand in parentheses.
// NOLINTBEGIN(bugprone-macro-parentheses)
#define CLAVIS_COX_KERNELS(NAME, TARGET)                                                                     \
    struct NAME {                                                                                            \
        TARGET static double risks(double const* x, double const* offset, double const* weight,              \
                                   double const* b, std::size_t columns, std::size_t rows, double* risk) {   \
            return risks_of(x, offset, weight, b, columns, rows, risk);                                      \
        }                                                                                                    \
        TARGET static void sums(double const* x, double const* factor, std::size_t columns,                  \
                                std::size_t rows, double* sum) {                                             \
            sums_of(x, factor, columns, rows, sum);                                                          \
        }                                                                                                    \
        TARGET static void products(double const* x, double const* factor, std::size_t columns,              \
                                    std::size_t rows, double* packed) {                                      \
            products_of(x, factor, columns, rows, packed);                                                   \
        }                                                                                                    \
        TARGET static void running(double const* x, double const* factor, std::size_t columns,               \
                                   std::size_t rows, double* sum, double* out) {                             \
            running_of(x, factor, columns, rows, sum, out);                                                  \
        }                                                                                                    \
        TARGET static void running_exact(double const* x, double const* factor, std::size_t columns,         \
                                         std::size_t rows, double* high, double* low, double* out_high,      \
                                         double* out_low) {                                                  \
            running_exact_of(x, factor, columns, rows, high, low, out_high, out_low);                        \
        }                                                                                                    \
        TARGET static log_sum means(double* sums, double const* weight, std::size_t columns,                 \
                                    std::size_t times, double* hazard) {                                     \
            return means_of(sums, weight, columns, times, hazard);                                           \
        }                                                                                                    \
        TARGET static tie_sums ties(double s0, double d0, std::size_t deaths) {                              \
            return ties_of(s0, d0, deaths);                                                                  \
        }                                                                                                    \
        static constexpr cox_kernels all{&risks, &sums, &products, &running, &running_exact, &means, &ties}; \
    }

CLAVIS_COX_KERNELS(portable, );
CLAVIS_COX_KERNELS(avx2, CLAVIS_AVX2);
CLAVIS_COX_KERNELS(avx512, CLAVIS_AVX512);
#undef CLAVIS_COX_KERNELS
// NOLINTEND(bugprone-macro-parentheses)

}  // namespace

cox_kernels const cox_arithmetic = cox_kernels_for(numerics::best_instruction_set());

cox_kernels const& cox_kernels_for(numerics::instruction_set set) {
    switch (set) {
        case numerics::instruction_set::avx512:
            return avx512::all;
        case numerics::instruction_set::avx2:
            return avx2::all;
        case numerics::instruction_set::portable:
            break;
    }
    return portable::all;
}

}  // namespace clavis::statistics

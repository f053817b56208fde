#pragma once

// exp, expm1, log and log1p without branches, so that a loop over them runs on vectors, and the instruction sets that a
// kernel can be compiled for. The arithmetic is +, -, *, / and bit operations alone, never fused, so every instruction
// set gives the same bits. Errors against the exact value: 2.5e-16 relative for exp, 4e-16 for expm1, log and log1p.
//
// A kernel is written once as a CLAVIS_INLINE function of plain loops and called from one function per instruction set:
//     void scale_portable(double* x) { scale(x); }
//     CLAVIS_AVX2 void scale_avx2(double* x) { scale(x); }
//     CLAVIS_AVX512 void scale_avx512(double* x) { scale(x); }
//     auto const chosen = choose(&scale_portable, &scale_avx2, &scale_avx512);

#include <bit>
#include <cstddef>
#include <cstdint>

#if defined(__GNUC__)
#define CLAVIS_INLINE [[gnu::always_inline]] inline
#else
#define CLAVIS_INLINE inline
#endif

#if defined(__GNUC__) && defined(__x86_64__)
#define CLAVIS_AVX2 [[gnu::target("avx2")]]
#if defined(__clang__)
#define CLAVIS_AVX512 [[gnu::target("avx512f,avx512dq"), clang::min_vector_width(512)]]
#else
#define CLAVIS_AVX512 [[gnu::target("avx512f,avx512dq,prefer-vector-width=512")]]
#endif
#else
#define CLAVIS_AVX2
#define CLAVIS_AVX512
#endif

namespace clavis::numerics {

enum class instruction_set : unsigned char { portable, avx2, avx512 };

/// The widest that this processor has.
inline instruction_set best_instruction_set() noexcept {
#if defined(__GNUC__) && defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
        return instruction_set::avx512;
    if (__builtin_cpu_supports("avx2")) return instruction_set::avx2;
#endif
    return instruction_set::portable;
}

/// The variant of a kernel for this processor.
template <class Function>
Function* choose(Function* portable, Function* avx2, Function* avx512) noexcept {
    switch (best_instruction_set()) {
        case instruction_set::avx512:
            return avx512;
        case instruction_set::avx2:
            return avx2;
        case instruction_set::portable:
            break;
    }
    return portable;
}

namespace vector_math {

inline constexpr double ln2_high = 0x1.62e42fefa3800p-1;  // 42 bits: its product with an exponent is exact
inline constexpr double ln2_low = 0x1.ef35793c76730p-45;
inline constexpr double shifter =
    0x1.8p52;  // adding it rounds to an integer, which then stands in the low bits

struct reduced {
    double scale;  // 2^k
    double part;   // exp(x - k ln 2) - 1
};

CLAVIS_INLINE reduced reduce_exp(double x) {
    double const shifted = x * 0x1.71547652b82fep0 + shifter;
    double const k = shifted - shifter;
    double const y = (x - k * ln2_high) - k * ln2_low;
    double const scale = std::bit_cast<double>((std::bit_cast<std::uint64_t>(shifted) + 1023U) << 52);
    // The series of (e^y - 1 - y) / y^2 up to y^13 / 13!, |y| <= ln(2) / 2, summed in pairs.
    double const y2 = y * y;
    double const y4 = y2 * y2;
    double const low = (0.5 + y * (1.0 / 6)) + y2 * (1.0 / 24 + y * (1.0 / 120));
    double const middle = (1.0 / 720 + y * (1.0 / 5040)) + y2 * (1.0 / 40320 + y * (1.0 / 362880));
    double const high =
        (1.0 / 3628800 + y * (1.0 / 39916800)) + y2 * (1.0 / 479001600 + y * (1.0 / 6227020800));
    return {scale, y + y2 * (low + y4 * (middle + y4 * high))};
}

}  // namespace vector_math

/// e^x for |x| <= 708; beyond, the value at that bound.
CLAVIS_INLINE double vector_exp(double x) {
    double const above = x < -708.0 ? -708.0 : x;
    double const bounded = above > 708.0 ? 708.0 : above;
    auto const [scale, part] = vector_math::reduce_exp(bounded);
    return scale + scale * part;
}

/// e^x - 1 for 0 <= x <= 708.
CLAVIS_INLINE double vector_expm1(double x) {
    auto const [scale, part] = vector_math::reduce_exp(x);
    return scale * part + (scale - 1.0);
}

namespace vector_math {

struct split {
    std::uint64_t exponent;
    double part;  // m - 1
};

/// A normal x > 0 is 2^exponent m with m in [sqrt(1/2), sqrt(2)).
CLAVIS_INLINE split split_log(double x) {
    std::uint64_t const bits = std::bit_cast<std::uint64_t>(x);
    std::uint64_t const exponent = (bits - 0x3fe6a09e667f3bcdU + (std::uint64_t{1023} << 52)) >> 52;
    return {exponent - 1023, std::bit_cast<double>(bits - ((exponent - 1023) << 52)) - 1.0};
}

/// ln x from its split; `correction` is added in the last digits.
CLAVIS_INLINE double join_log(split const& x, double correction) {
    double const k = std::bit_cast<double>((x.exponent + 1023) | 0x4330000000000000U) - (0x1p52 + 1023);
    double const f = x.part;
    // ln m = 2 artanh(s) = f - s (f - R) with R = 2 (s^2 / 3 + s^4 / 5 + ...), |s| <= 0.172.
    double const s = f / (2.0 + f);
    double const w = s * s;
    double const w2 = w * w;
    double const odd = 2.0 / 3 + w2 * (2.0 / 7 + w2 * (2.0 / 11 + w2 * (2.0 / 15 + w2 * (2.0 / 19))));
    double const even = 2.0 / 5 + w2 * (2.0 / 9 + w2 * (2.0 / 13 + w2 * (2.0 / 17 + w2 * (2.0 / 21))));
    double const r = w * (odd + w * even);
    return k * ln2_high + (f - (s * (f - r) - (k * ln2_low + correction)));
}

}  // namespace vector_math

/// ln x, x > 0 and normal.
CLAVIS_INLINE double vector_log(double x) {
    return vector_math::join_log(vector_math::split_log(x), 0.0);
}

/// ln(1 + z), z >= 0 and finite.
CLAVIS_INLINE double vector_log1p(double z) {
    double const u = 1.0 + z;
    double const lost = z - (u - 1.0);
    auto const at = vector_math::split_log(u);
    // What rounding u lost, over u: it counts in the last digit alone, so 1 / m may be a short series.
    double const inverse =
        std::bit_cast<double>((std::uint64_t{1023} - at.exponent) << 52) * (1.0 - at.part * (1.0 - at.part));
    return vector_math::join_log(at, lost * inverse);
}

/// z, or the largest number where it is infinite.
CLAVIS_INLINE double vector_finite(double z) {
    constexpr double largest = 0x1.fffffffffffffp+1023;
    return z < largest ? z : largest;
}

/// Bits of which the highest says whether y > limit, for y >= 0 and limit >= 0: what many rows are or-ed from.
CLAVIS_INLINE std::uint64_t vector_above(double y, double limit) {
    return std::bit_cast<std::uint64_t>(limit) - std::bit_cast<std::uint64_t>(y);
}
CLAVIS_INLINE bool any_above(std::uint64_t bits) {
    return (bits >> 63) != 0;
}

/// The sum of 16 values in one fixed order, whatever the width of the vectors.
CLAVIS_INLINE double sum16(double const* v) {
    double eight[8];
    double four[4];
    for (std::size_t i = 0; i < 8; ++i)
        eight[i] = v[i] + v[i + 8];
    for (std::size_t i = 0; i < 4; ++i)
        four[i] = eight[i] + eight[i + 4];
    return (four[0] + four[2]) + (four[1] + four[3]);
}

}  // namespace clavis::numerics

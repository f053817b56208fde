#include "beta_geo_batches.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "numerics/vector_math.hpp"

namespace clavis::lifetime {
namespace {

using numerics::vector_exp;
using numerics::vector_finite;
using numerics::vector_log1p;

// Beyond, e^y is no number to calculate with.
constexpr double largest_exponent = 600.0;

struct alive_terms {
    double r, alpha, a, b;
    double before;  // so many purchases came without a chance to leave before them
};

// The odds of having left at the last purchase are a / (b + x - before) and grow by e^y in silence; returns
// whether any y is above largest_exponent.
CLAVIS_INLINE bool alive_all(alive_terms const& p, double const* x, double const* tx, double const* T,
                             std::size_t size, double* y, double* out) {
    std::uint64_t above = 0;
    for (std::size_t i = 0; i < size; ++i) {
        double const n = p.r + x[i];
        double const grown = n * vector_log1p(vector_finite((T[i] - tx[i]) / (p.alpha + tx[i])));
        double const chances = x[i] - p.before;
        double const any = chances < 0.0 ? 0.0 : 1.0;
        double const odds = any * (p.a / (p.b + (chances < 0.0 ? 0.0 : chances)));
        y[i] = any * grown;
        above |= numerics::vector_above(y[i], largest_exponent);
        out[i] = 1.0 / (1.0 + odds * vector_exp(y[i]));
    }
    return numerics::any_above(above);
}

bool alive_portable(alive_terms const& p, double const* x, double const* tx, double const* T,
                    std::size_t size, double* y, double* out) {
    return alive_all(p, x, tx, T, size, y, out);
}
CLAVIS_AVX2 bool alive_avx2(alive_terms const& p, double const* x, double const* tx, double const* T,
                            std::size_t size, double* y, double* out) {
    return alive_all(p, x, tx, T, size, y, out);
}
CLAVIS_AVX512 bool alive_avx512(alive_terms const& p, double const* x, double const* tx, double const* T,
                                std::size_t size, double* y, double* out) {
    return alive_all(p, x, tx, T, size, y, out);
}

// out becomes 1 - out + out (1 + t / (alpha + T))^-(r + x); y as above.
CLAVIS_INLINE bool silent_all(double r, double alpha, double t, double const* x, double const* T,
                              std::size_t size, double* y, double* out) {
    std::uint64_t above = 0;
    for (std::size_t i = 0; i < size; ++i) {
        y[i] = (r + x[i]) * vector_log1p(vector_finite(t / (alpha + T[i])));
        above |= numerics::vector_above(y[i], largest_exponent);
        // Where e^-y would be denormal the row keeps its chance of being active for an exact one afterwards.
        double const here = out[i];
        double const result = (1.0 - here) + here * vector_exp(-y[i]);
        double const most = result < 1.0 ? result : 1.0;
        out[i] = y[i] > largest_exponent ? here : most;
    }
    return numerics::any_above(above);
}

bool silent_portable(double r, double alpha, double t, double const* x, double const* T, std::size_t size,
                     double* y, double* out) {
    return silent_all(r, alpha, t, x, T, size, y, out);
}
CLAVIS_AVX2 bool silent_avx2(double r, double alpha, double t, double const* x, double const* T,
                             std::size_t size, double* y, double* out) {
    return silent_all(r, alpha, t, x, T, size, y, out);
}
CLAVIS_AVX512 bool silent_avx512(double r, double alpha, double t, double const* x, double const* T,
                                 std::size_t size, double* y, double* out) {
    return silent_all(r, alpha, t, x, T, size, y, out);
}

auto* const chosen_alive = numerics::choose(&alive_portable, &alive_avx2, &alive_avx512);
auto* const chosen_silent = numerics::choose(&silent_portable, &silent_avx2, &silent_avx512);

}  // namespace

void beta_geo_batches::alive(row_batch const& rows, double* out) const {
    alignas(64) std::array<double, row_batch::most> y;
    alive_terms const p{r_, alpha_, a_, b_, chances_before_};
    bool const any = chosen_alive(p, rows.x.data(), rows.tx.data(), rows.T.data(), rows.size, y.data(), out);
    if (!any) return;
    for (std::size_t i = 0; i < rows.size; ++i)
        if (y[i] > largest_exponent) out[i] = active_chance(a_ / (b_ + (rows.x[i] - chances_before_)), y[i]);
}

void beta_geo_batches::no_purchase(row_batch const& rows, double* out) const {
    alive(rows, out);
    alignas(64) std::array<double, row_batch::most> y;
    bool const any = chosen_silent(r_, alpha_, t_, rows.x.data(), rows.T.data(), rows.size, y.data(), out);
    if (!any) return;
    for (std::size_t i = 0; i < rows.size; ++i)
        if (y[i] > largest_exponent) out[i] = std::min(1.0, (1.0 - out[i]) + out[i] * std::exp(-y[i]));
}

}  // namespace clavis::lifetime

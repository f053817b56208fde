#include "pareto_batches.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "conditional.hpp"
#include "numerics/vector_math.hpp"
#include "pareto_integral.hpp"

namespace clavis::lifetime {
namespace {

using numerics::vector_exp;
using numerics::vector_finite;
using numerics::vector_log1p;

// Beyond, e^y is no number to calculate with.
constexpr double largest_exponent = 600.0;

double leaves_first(pareto_nbd const& m, double x, double T) {
    double const n = m.r + x;
    double const A = m.alpha + T;
    double const B = m.beta + T;
    // From here on nothing counts but the powers n and s; the integral goes no further than e^700 times A or B.
    double const end = 1e280;
    double const stayed = std::exp(-n * std::log1p(end / A) - m.s * std::log1p(end / B));
    return m.s * pareto_integral({n, A, m.s, B, end}) + stayed * (m.s / (n + m.s));
}

struct terms {
    double r, alpha, s, beta;
};

// y = ln of D(from) / D(from + length); returns whether any is above largest_exponent.
CLAVIS_INLINE bool decay_all(terms const& p, double const* x, double const* from, double const* length,
                             std::size_t size, double* y) {
    std::uint64_t above = 0;
    for (std::size_t i = 0; i < size; ++i) {
        double const a = vector_log1p(vector_finite(length[i] / (p.alpha + from[i])));
        double const b = vector_log1p(vector_finite(length[i] / (p.beta + from[i])));
        y[i] = (p.r + x[i]) * a + p.s * b;
        above |= numerics::vector_above(y[i], largest_exponent);
    }
    return numerics::any_above(above);
}
bool decay_portable(terms const& p, double const* x, double const* from, double const* length,
                    std::size_t size, double* y) {
    return decay_all(p, x, from, length, size, y);
}
CLAVIS_AVX2 bool decay_avx2(terms const& p, double const* x, double const* from, double const* length,
                            std::size_t size, double* y) {
    return decay_all(p, x, from, length, size, y);
}
CLAVIS_AVX512 bool decay_avx512(terms const& p, double const* x, double const* from, double const* length,
                                std::size_t size, double* y) {
    return decay_all(p, x, from, length, size, y);
}

// y becomes e^y or e^-y.
CLAVIS_INLINE void exp_all(double sign, std::size_t size, double* y) {
    for (std::size_t i = 0; i < size; ++i)
        y[i] = vector_exp(sign * y[i]);
}
void exp_portable(double sign, std::size_t size, double* y) {
    exp_all(sign, size, y);
}
CLAVIS_AVX2 void exp_avx2(double sign, std::size_t size, double* y) {
    exp_all(sign, size, y);
}
CLAVIS_AVX512 void exp_avx512(double sign, std::size_t size, double* y) {
    exp_all(sign, size, y);
}

auto* const decay = numerics::choose(&decay_portable, &decay_avx2, &decay_avx512);
auto* const exponential = numerics::choose(&exp_portable, &exp_avx2, &exp_avx512);

}  // namespace

state_of_batches<pareto_nbd>::state_of_batches(pareto_nbd const& model, ledger::summary_view const& rows,
                                               unsigned threads)
    : state_of_batches(model, rows, 0.0, threads) {}

state_of_batches<pareto_nbd>::state_of_batches(pareto_nbd const& model, ledger::summary_view const& rows,
                                               double t, unsigned threads)
    : model_(model), t_(t), leaves_first_(panels_for(model, rows, t)) {
    model_times const time(model, rows);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        bool const missing = std::isnan(rows.T[i]);
        double const x = missing ? 0.0 : rows.frequency[i];
        double const T = missing ? 0.0 : time(rows.T[i]);
        leaves_first_.add(x, missing ? 0.0 : time(rows.recency[i]));
        leaves_first_.add(x, T);
        if (t > 0.0) leaves_first_.add(x, T + t);
    }
    leaves_first_.evaluate(threads,
                           [&](double x, double T, double* value) { *value = leaves_first(model, x, T); });
}

void state_of_batches<pareto_nbd>::alive(row_batch const& rows, double* out) const {
    alignas(64) std::array<double, row_batch::most> silent, y;
    for (std::size_t i = 0; i < rows.size; ++i)
        silent[i] = rows.T[i] - rows.tx[i];
    terms const p{model_.r, model_.alpha, model_.s, model_.beta};
    decay(p, rows.x.data(), rows.tx.data(), silent.data(), rows.size, y.data());
    auto growth = y;
    exponential(1.0, rows.size, growth.data());
    for (std::size_t i = 0; i < rows.size; ++i) {
        double const x = rows.x[i];
        if (y[i] > largest_exponent || !leaves_first_.holds(x, rows.T[i])) {
            out[i] = model_.given(x, rows.tx[i], rows.T[i]).probability_alive;
            continue;
        }
        double const odds = leaves_first_.at(x, rows.tx[i]) * growth[i] - leaves_first_.at(x, rows.T[i]);
        out[i] = 1.0 / (1.0 + std::max(odds, 0.0));
    }
}

void state_of_batches<pareto_nbd>::no_purchase(row_batch const& rows, double* out) const {
    alive(rows, out);
    alignas(64) std::array<double, row_batch::most> ahead, y;
    ahead.fill(t_);
    terms const p{model_.r, model_.alpha, model_.s, model_.beta};
    decay(p, rows.x.data(), rows.T.data(), ahead.data(), rows.size, y.data());
    exponential(-1.0, rows.size, y.data());
    for (std::size_t i = 0; i < rows.size; ++i) {
        double const x = rows.x[i];
        double const T = rows.T[i];
        double none = 1.0;
        if (!leaves_first_.holds(x, T + t_))
            none = model_.given(x, T, T).process.no_purchase(t_);
        else if (t_ > 0.0)
            none = leaves_first_.at(x, T) + (1.0 - leaves_first_.at(x, T + t_)) * y[i];
        out[i] = std::min(1.0, (1.0 - out[i]) + out[i] * none);
    }
}

}  // namespace clavis::lifetime

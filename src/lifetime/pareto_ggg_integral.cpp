#include "pareto_ggg_integral.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "clavis/numerics/special.hpp"
#include "numerics/vector_math.hpp"
#include "outward_panels.hpp"
#include "panel_rule.hpp"

namespace clavis::lifetime {
namespace {

using numerics::sum16;
using numerics::vector_exp;
using numerics::vector_expm1;
using numerics::vector_log1p;

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr std::size_t points = panel_rule::points;
constexpr double furthest = 690.0;  // |y| beyond which e^y is no double

panel_rule const rule;

// The integrand along y, less `top`.
struct integrand {
    double k, N, s;
    double per_B;  // A / (k B): u / B = per_B e^y
    double beta_share, top;
};

struct later_sums {
    double total = 0.0;
    double first[2] = {};
    double second[3] = {};
};
struct left_sums {
    double total = 0.0;
    double first[4] = {};
    double second[10] = {};
    double more[4] = {};
};

CLAVIS_INLINE double log1p_of_exp(double y, double grown) {
    // ln(1 + e^y) by what is small.
    return (y > 0.0 ? y : 0.0) + vector_log1p(grown);
}

struct node {
    double l, q, density;
};
CLAVIS_INLINE node node_at(integrand const& f, double y, double weight) {
    double const small = vector_exp(y > 0.0 ? -y : y);  // e^-|y|
    double const l = log1p_of_exp(y, small);
    double const q = (y > 0.0 ? small : 1.0) / (1.0 + small);
    return {l, q, weight * vector_exp(f.k * y - f.N * l - f.top)};
}

struct leaving {
    double e, E, chance, share;  // share: u / (B + u)
};
CLAVIS_INLINE leaving leaving_at(integrand const& f, double y) {
    double const z = f.per_B * vector_exp(y);
    double const e0 = f.s * vector_log1p(z);
    double const e = e0 < 700.0 ? e0 : 700.0;
    double const grown = vector_expm1(e);
    return {e, e / grown, grown / (1.0 + grown), z / (1.0 + z)};
}

CLAVIS_INLINE void add_later(integrand const& f, double low, double length, double* total) {
    alignas(64) double w[points];
    for (std::size_t i = 0; i < points; ++i)
        w[i] = node_at(f, low + length * rule.node[i], length * rule.weight[i]).density;
    *total += sum16(w);
}

CLAVIS_INLINE void add_left(integrand const& f, double low, double length, double* total) {
    alignas(64) double w[points];
    for (std::size_t i = 0; i < points; ++i) {
        double const y = low + length * rule.node[i];
        w[i] = node_at(f, y, length * rule.weight[i]).density * leaving_at(f, y).chance;
    }
    *total += sum16(w);
}

CLAVIS_INLINE void add_later_moments(integrand const& f, double low, double length, later_sums* sums) {
    alignas(64) double v[6][points];
    for (std::size_t i = 0; i < points; ++i) {
        node const at = node_at(f, low + length * rule.node[i], length * rule.weight[i]);
        v[0][i] = at.density;
        v[1][i] = at.density * at.l;
        v[2][i] = at.density * at.q;
        v[3][i] = v[1][i] * at.l;
        v[4][i] = v[1][i] * at.q;
        v[5][i] = v[2][i] * at.q;
    }
    sums->total += sum16(v[0]);
    for (std::size_t j = 0; j < 2; ++j)
        sums->first[j] += sum16(v[1 + j]);
    for (std::size_t j = 0; j < 3; ++j)
        sums->second[j] += sum16(v[3 + j]);
}

CLAVIS_INLINE void add_left_moments(integrand const& f, double low, double length, left_sums* sums) {
    alignas(64) double w[points];
    alignas(64) double v[4][points];
    alignas(64) double more[4][points];
    for (std::size_t i = 0; i < points; ++i) {
        double const y = low + length * rule.node[i];
        node const at = node_at(f, y, length * rule.weight[i]);
        leaving const go = leaving_at(f, y);
        // d e / d ln beta = -s beta u / (B (B + u)), over e: -R.
        double const R = f.s * f.beta_share * go.share / go.e;
        double const F = R * go.E;
        w[i] = at.density * go.chance;
        v[0][i] = at.l;
        v[1][i] = at.q;
        v[2][i] = go.E;
        v[3][i] = F;
        more[0][i] = w[i] * go.e * go.E;
        more[1][i] = w[i] * go.e * F;
        more[2][i] = w[i] * go.e * (R * F);
        more[3][i] = w[i] * F * (f.beta_share * (1.0 - go.share));
    }
    sums->total += sum16(w);
    double* second = sums->second;
    for (std::size_t j = 0; j < 4; ++j) {
        alignas(64) double weighted[points];
        for (std::size_t i = 0; i < points; ++i)
            weighted[i] = w[i] * v[j][i];
        sums->first[j] += sum16(weighted);
        for (std::size_t m = j; m < 4; ++m) {
            alignas(64) double product[points];
            for (std::size_t i = 0; i < points; ++i)
                product[i] = weighted[i] * v[m][i];
            *second++ += sum16(product);
        }
        sums->more[j] += sum16(more[j]);
    }
}

void add_later_portable(integrand const& f, double low, double length, double* sums) {
    add_later(f, low, length, sums);
}
CLAVIS_AVX2 void add_later_avx2(integrand const& f, double low, double length, double* sums) {
    add_later(f, low, length, sums);
}
CLAVIS_AVX512 void add_later_avx512(integrand const& f, double low, double length, double* sums) {
    add_later(f, low, length, sums);
}
void add_left_portable(integrand const& f, double low, double length, double* sums) {
    add_left(f, low, length, sums);
}
CLAVIS_AVX2 void add_left_avx2(integrand const& f, double low, double length, double* sums) {
    add_left(f, low, length, sums);
}
CLAVIS_AVX512 void add_left_avx512(integrand const& f, double low, double length, double* sums) {
    add_left(f, low, length, sums);
}
void add_later_moments_portable(integrand const& f, double low, double length, later_sums* sums) {
    add_later_moments(f, low, length, sums);
}
CLAVIS_AVX2 void add_later_moments_avx2(integrand const& f, double low, double length, later_sums* sums) {
    add_later_moments(f, low, length, sums);
}
CLAVIS_AVX512 void add_later_moments_avx512(integrand const& f, double low, double length, later_sums* sums) {
    add_later_moments(f, low, length, sums);
}
void add_left_moments_portable(integrand const& f, double low, double length, left_sums* sums) {
    add_left_moments(f, low, length, sums);
}
CLAVIS_AVX2 void add_left_moments_avx2(integrand const& f, double low, double length, left_sums* sums) {
    add_left_moments(f, low, length, sums);
}
CLAVIS_AVX512 void add_left_moments_avx512(integrand const& f, double low, double length, left_sums* sums) {
    add_left_moments(f, low, length, sums);
}

auto* const chosen_add_later = numerics::choose(&add_later_portable, &add_later_avx2, &add_later_avx512);
auto* const chosen_add_left = numerics::choose(&add_left_portable, &add_left_avx2, &add_left_avx512);
auto* const chosen_add_later_moments =
    numerics::choose(&add_later_moments_portable, &add_later_moments_avx2, &add_later_moments_avx512);
auto* const chosen_add_left_moments =
    numerics::choose(&add_left_moments_portable, &add_left_moments_avx2, &add_left_moments_avx512);

// Where panels go; everything scalar.
struct layout {
    ggg_gap const& gap;
    double N = gap.N();
    double log_k_A = std::log(gap.k) - std::log(gap.A);
    double y_B = log_k_A + std::log(gap.B);  // u = B
    double per_B = std::exp(std::clamp(-y_B, -furthest, furthest));
    double end = gap.tau > 0.0 ? std::clamp(log_k_A + std::log(gap.tau), -furthest, furthest) : -inf;
    double peak = std::log(gap.k / gap.n);

    double log_density(double y) const { return gap.k * y - N * numerics::log1p_exp(y); }
    double log_left(double y) const {
        double const e = gap.s * std::log1p(std::exp(std::min(y - y_B, furthest)));
        return log_density(y) + std::log(-std::expm1(-e));
    }
    double slope_left(double y) const {
        double const z = std::exp(std::min(y - y_B, furthest));
        double const e = gap.s * std::log1p(z);
        double const more = e > 0.0 ? gap.s * (z / (1.0 + z)) / std::expm1(e) : 1.0;
        return gap.k - N * numerics::logistic(y) + more;
    }
    integrand at(double top) const { return {gap.k, N, gap.s, per_B, gap.beta / gap.B, top}; }
    /// Singularities are at i pi from 0 and from y_B.
    double longest(double y) const { return std::max(5.0, 0.6 * std::min(std::abs(y), std::abs(y - y_B))); }
    double log_beta() const { return numerics::log_beta(gap.k, gap.n); }

    double later_mode() const { return std::max(peak, end); }
    double left_mode() const {
        if (!(slope_left(end) < 0.0)) return end;
        double low = peak;  // the slope is positive there
        double high = end;
        if (gap.n > 1.0) high = std::min(high, std::log((gap.k + 1.0) / (gap.n - 1.0)));
        double const near = 0.3 * std::sqrt(1.0 / gap.k + 1.0 / gap.n);
        for (int step = 0; step < 60 && high - low > near; ++step) {
            double const middle = 0.5 * (low + high);
            (slope_left(middle) < 0.0 ? high : low) = middle;
        }
        return std::min(0.5 * (low + high), end);
    }
    template <class Add>
    void later_panels(double mode, Add&& add) const {
        outward_panels([&](double y) { return log_density(y); }, mode, std::max(end, -furthest), furthest,
                       [&](double y) { return longest(y); }, add);
    }
    template <class Add>
    void left_panels(double mode, Add&& add) const {
        outward_panels([&](double y) { return log_left(y); }, mode, -furthest, end,
                       [&](double y) { return longest(y); }, add);
    }
};

}  // namespace

double ggg_log_later(ggg_gap const& gap) noexcept {
    if (gap.tau == 0.0) return 0.0;
    layout const panels{gap};
    double const mode = panels.later_mode();
    double const top = panels.log_density(mode);
    integrand const f = panels.at(top);
    double sum = 0.0;
    panels.later_panels(mode, [&](double low, double length) { chosen_add_later(f, low, length, &sum); });
    return std::min(0.0, top + std::log(sum) - panels.log_beta());
}

ggg_fates ggg_log_fates(ggg_gap const& gap) noexcept {
    if (gap.tau == 0.0) return {0.0, -inf};
    layout const panels{gap};
    double const log_later = ggg_log_later(gap);
    double const mode = panels.left_mode();
    double const top = panels.log_density(mode);
    integrand const f = panels.at(top);
    double sum = 0.0;
    panels.left_panels(mode, [&](double low, double length) { chosen_add_left(f, low, length, &sum); });
    return {log_later, top + std::log(sum) - panels.log_beta()};
}

ggg_moments ggg_gap_moments(ggg_gap const& gap) noexcept {
    layout const panels{gap};
    double const later_mode = panels.later_mode();
    double const left_mode = gap.tau > 0.0 ? panels.left_mode() : -inf;
    double top = panels.log_density(later_mode);
    if (gap.tau > 0.0) top = std::max(top, panels.log_left(left_mode));
    integrand const f = panels.at(top);
    later_sums later;
    left_sums left;
    panels.later_panels(later_mode,
                        [&](double low, double length) { chosen_add_later_moments(f, low, length, &later); });
    if (gap.tau > 0.0)
        panels.left_panels(
            left_mode, [&](double low, double length) { chosen_add_left_moments(f, low, length, &left); });
    ggg_moments result;
    result.log_scale = top - panels.log_beta();
    result.total = later.total + left.total;
    std::copy_n(left.first, 4, result.first.begin());
    std::copy_n(left.second, 10, result.second.begin());
    result.first[0] += later.first[0];
    result.first[1] += later.first[1];
    result.second[0] += later.second[0];
    result.second[1] += later.second[1];
    result.second[4] += later.second[2];
    result.eE = left.more[0];
    result.eF = left.more[1];
    result.eRF = left.more[2];
    result.bend = left.more[3];
    return result;
}

}  // namespace clavis::lifetime

#include "gompertz_integral.hpp"

#include <algorithm>
#include <cmath>

#include "gompertz.hpp"
#include "numerics/vector_math.hpp"
#include "panel_rule.hpp"

namespace clavis::lifetime {
namespace {

using numerics::sum16;
using numerics::vector_exp;
using numerics::vector_expm1;
using numerics::vector_log1p;

constexpr std::size_t points = panel_rule::points;
constexpr double steepest_panel = 12.0;
// Beyond, e^(b t) is all that counts.
constexpr double largest_growth = 600.0;

panel_rule const rule;

// With E = e^(b t) - 1 and d = 1 / (beta + E), beta being that after tx: h = (1 + E) d, 1 - h = (beta - 1) d,
// v = (E + aged) d and 1 - v = (beta - aged) d.
struct integrand {
    double n, inverse_A;
    double b, s, beta, inverse_beta;
    double excess;  // beta - 1
    double aged;    // 1 - e^(-b tx)
    double fresh;   // beta - aged
    double b_tx;
};

// Along y = ln((c + t) / (c + low)), 0 <= y <= width.
struct panel {
    double low, behind, width;  // behind = c + low
};

struct value_sums {
    double integral = 0.0;
};
struct moment_sums {
    double integral = 0.0;
    double first[5] = {};
    double second[15] = {};
    double curvature_b = 0.0, w = 0.0, w_rest = 0.0, v_rest = 0.0;
};

struct node {
    double z;  // t / A
    double a, H, d, E;
    double bt;  // of t
    double density;
};

CLAVIS_INLINE node node_at(integrand const& f, panel const& on, std::size_t i) {
    double const grown = vector_expm1(on.width * rule.node[i]);
    double const t = on.low + on.behind * grown;
    double const bt = f.b * t;
    double const growth = bt < largest_growth ? bt : largest_growth;
    double const E = vector_expm1(growth);
    double const d = 1.0 / (f.beta + E);
    double const H = vector_log1p(E * f.inverse_beta) + (bt - growth);
    double const z = t * f.inverse_A;
    double const a = vector_log1p(z);
    double const density = on.width * rule.weight[i] * (on.behind * (1.0 + grown)) *
                           (f.s * f.b * ((1.0 + E) * d)) * vector_exp(-f.n * a - f.s * H);
    return {z, a, H, d, E, bt, density};
}

CLAVIS_INLINE void add_value(integrand const& f, panel const& on, double* total) {
    alignas(64) double w[points];
    for (std::size_t i = 0; i < points; ++i)
        w[i] = node_at(f, on, i).density;
    *total += sum16(w);
}

CLAVIS_INLINE void add_moments(integrand const& f, panel const& on, moment_sums* total) {
    alignas(64) double density[points];
    alignas(64) double y[5][points];
    alignas(64) double more[4][points];
    for (std::size_t i = 0; i < points; ++i) {
        node const at = node_at(f, on, i);
        double const h = (1.0 + at.E) * at.d;
        double const v = (at.E + f.aged) * at.d;
        double const rest = f.fresh * at.d;
        double const bt = f.b_tx + at.bt;
        double const w = bt * h;
        double const growth = 1.0 + bt * (f.excess * at.d);
        density[i] = at.density;
        y[0][i] = at.a;
        y[1][i] = at.z / (1.0 + at.z);
        y[2][i] = growth - f.s * w;
        y[3][i] = at.H;
        y[4][i] = v;
        more[0][i] = bt - (1.0 + f.s) * (w * growth);
        more[1][i] = w;
        more[2][i] = w * rest;
        more[3][i] = v * rest;
    }
    total->integral += sum16(density);
    double* second = total->second;
    for (std::size_t j = 0; j < 5; ++j) {
        alignas(64) double weighted[points];
        for (std::size_t i = 0; i < points; ++i)
            weighted[i] = density[i] * y[j][i];
        total->first[j] += sum16(weighted);
        for (std::size_t k = j; k < 5; ++k) {
            alignas(64) double product[points];
            for (std::size_t i = 0; i < points; ++i)
                product[i] = weighted[i] * y[k][i];
            *second++ += sum16(product);
        }
    }
    double* const rest[4] = {&total->curvature_b, &total->w, &total->w_rest, &total->v_rest};
    for (std::size_t j = 0; j < 4; ++j) {
        alignas(64) double product[points];
        for (std::size_t i = 0; i < points; ++i)
            product[i] = density[i] * more[j][i];
        *rest[j] += sum16(product);
    }
}

void add_value_portable(integrand const& f, panel const& on, double* total) {
    add_value(f, on, total);
}
CLAVIS_AVX2 void add_value_avx2(integrand const& f, panel const& on, double* total) {
    add_value(f, on, total);
}
CLAVIS_AVX512 void add_value_avx512(integrand const& f, panel const& on, double* total) {
    add_value(f, on, total);
}
void add_moments_portable(integrand const& f, panel const& on, moment_sums* total) {
    add_moments(f, on, total);
}
CLAVIS_AVX2 void add_moments_avx2(integrand const& f, panel const& on, moment_sums* total) {
    add_moments(f, on, total);
}
CLAVIS_AVX512 void add_moments_avx512(integrand const& f, panel const& on, moment_sums* total) {
    add_moments(f, on, total);
}

auto* const chosen_value = numerics::choose(&add_value_portable, &add_value_avx2, &add_value_avx512);
auto* const chosen_moments = numerics::choose(&add_moments_portable, &add_moments_avx2, &add_moments_avx512);

void add_panel(integrand const& f, panel const& on, value_sums& total) {
    chosen_value(f, on, &total.integral);
}
void add_panel(integrand const& f, panel const& on, moment_sums& total) {
    chosen_moments(f, on, &total);
}

template <class Sums>
Sums integrate(gompertz_path const& path) {
    gompertz_life const life{path.b, path.s, path.beta_after()};
    double const aged = -std::expm1(-path.b * path.tx);
    double const kept = std::exp(-path.b * path.tx);
    integrand const f{path.n,
                      1.0 / path.A,
                      path.b,
                      path.s,
                      life.beta,
                      1.0 / life.beta,
                      (path.beta - 1.0) * kept,
                      aged,
                      path.beta * kept,
                      path.b * path.tx};
    auto const H_of = [&](double t) {
        double const growth = std::min(path.b * t, largest_growth);
        return vector_log1p(vector_expm1(growth) * f.inverse_beta) + (path.b * t - growth);
    };
    Sums sums;
    double const c = std::min(path.A, life.behind());
    double fallen = 0.0;
    double before = 0.0;  // H at the start of the panel
    for (double low = 0.0; low < path.tau;) {
        double length = std::min({path.tau - low, life.beside(low), 6.38 * (c + low)});
        double H = 0.0;
        double fall = 0.0;
        for (int step = 0; step < 100; ++step) {
            H = H_of(low + length);
            fall = path.s * (H - before) + path.n * vector_log1p(length / (path.A + low));
            // While the hazard still grows e^(-s H) is an exponential of an exponential, which bends within 2 / b.
            bool const bends = fall > 1e-3 && low < life.beta_time() && length > 2.0 / life.b;
            if (fall <= steepest_panel && !bends) break;
            length = fall > steepest_panel ? length * std::max(11.5 / fall, 0.1) : 2.0 / life.b;
        }
        add_panel(f, {low, c + low, vector_log1p(length / (c + low))}, sums);
        fallen += fall;
        before = H;
        // Who leaves later is at most who has stayed so far.
        if (fallen > 39.0 && std::exp(-fallen) < 1e-17 * sums.integral) break;
        double const high = low + length;
        low = high > low && (path.tau - high) > 1e-15 * high ? high : path.tau;
    }
    return sums;
}

}  // namespace

double gompertz_path::beta_after() const {
    return gompertz_life{b, s, beta}.after(tx).beta;
}

double gompertz_path::H() const {
    return gompertz_life{b, s, beta_after()}.H(tau);
}

double gompertz_integral(gompertz_path const& path) noexcept {
    return integrate<value_sums>(path).integral;
}

gompertz_moments gompertz_integral_moments(gompertz_path const& path) noexcept {
    moment_sums const sums = integrate<moment_sums>(path);
    gompertz_moments result{};
    result.integral = sums.integral;
    if (!(sums.integral > 0.0)) return result;
    for (std::size_t i = 0; i < 5; ++i)
        result.mean[i] = sums.first[i] / sums.integral;
    for (std::size_t i = 0, k = 0; i < 5; ++i)
        for (std::size_t j = i; j < 5; ++j, ++k)
            result.covariance[k] = sums.second[k] / sums.integral - result.mean[i] * result.mean[j];
    result.curvature_b = sums.curvature_b / sums.integral;
    result.w = sums.w / sums.integral;
    result.w_rest = sums.w_rest / sums.integral;
    result.v_rest = sums.v_rest / sums.integral;
    return result;
}

}  // namespace clavis::lifetime

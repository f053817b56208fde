#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>
#include <vector>

#include "beta_geo_cnbd_likelihood.hpp"
#include "beta_geo_cnbd_sums.hpp"
#include "clavis/numerics/discrete_sum.hpp"
#include "clavis/numerics/rising_ratio.hpp"
#include "clavis/numerics/special.hpp"
#include "numerics/vector_math.hpp"
#include "panel_rule.hpp"

// Purchases within t, discounted. The m-th purchase is made with chance P(K >= m), and when it comes does not depend on
// that: v = its time over alpha has the density v^(i - 1) (1 + v)^-(n + i) / B(i, n), i = m k - j and n = r + j for a
// customer j phases behind the last purchase. So what is to be found is
//     sum over m of P(K >= m) * integral over v < t / alpha of e^(-alpha rate v) that density.
// Where few phases pass, the sum comes first: at each v it is a polynomial of (v / (1 + v))^k. Where many do, the integral
// comes first, and is smooth in m: blocks of m are summed from sixteen of them.

namespace clavis::lifetime {
namespace {

using numerics::sum16;
using numerics::vector_exp;
using numerics::vector_expm1;
using numerics::vector_log1p;

constexpr std::size_t points = panel_rule::points;
constexpr double inf = std::numeric_limits<double>::infinity();

panel_rule const rule;

// Everything relative to the end v = `end` of what is summed, h = v / (1 + v) over that at the end: purchases are made at the
// rate (end + 1)^r / (v + 1)^(r + 1) times the sum over m of coefficient[j][m] g^j h^(m k - 1 - j), g = (1 + end) / (1 + v).
struct polynomials {
    double r, end, z, from;  // discounted to v = from
    std::size_t k, purchases;
    double const* coefficients;
};

CLAVIS_INLINE void add_polynomials(polynomials const& f, double low, double length, double* sums) {
    alignas(64) double weight[points], g[points], x[points];
    alignas(64) double power[largest_k][points];
    double const grown = 1.0 + f.end;
    double const inverse = grown / f.end;
    for (std::size_t i = 0; i < points; ++i) {
        double const v = low + length * rule.node[i];
        double const over = 1.0 / (1.0 + v);
        g[i] = grown * over;
        x[i] = v * over * inverse;
        power[0][i] = 1.0;
        weight[i] = length * rule.weight[i] * over *
                    vector_exp(f.r * vector_log1p((f.end - v) * over) - f.z * (v - f.from));
    }
    for (std::size_t j = 1; j < f.k; ++j)
        for (std::size_t i = 0; i < points; ++i)
            power[j][i] = power[j - 1][i] * x[i];
    for (std::size_t i = 0; i < points; ++i)
        x[i] *= power[f.k - 1][i];
    for (std::size_t j = 0; j < f.k; ++j) {
        double const* const c = f.coefficients + j * f.purchases;
        alignas(64) double sum[points] = {};
        for (std::size_t m = f.purchases; m-- > 0;)
            for (std::size_t i = 0; i < points; ++i)
                sum[i] = sum[i] * x[i] + c[m];
        for (std::size_t i = 0; i < points; ++i) {
            sum[i] *= weight[i] * power[f.k - 1 - j][i];
            weight[i] *= g[i];
        }
        sums[j] += sum16(sum);
    }
}

void add_polynomials_portable(polynomials const& f, double low, double length, double* sums) {
    add_polynomials(f, low, length, sums);
}
CLAVIS_AVX2 void add_polynomials_avx2(polynomials const& f, double low, double length, double* sums) {
    add_polynomials(f, low, length, sums);
}
CLAVIS_AVX512 void add_polynomials_avx512(polynomials const& f, double low, double length, double* sums) {
    add_polynomials(f, low, length, sums);
}

auto* const chosen_polynomials =
    numerics::choose(&add_polynomials_portable, &add_polynomials_avx2, &add_polynomials_avx512);

/// Of each phase, where few phases pass before v = end.
chances by_polynomials(beta_geo_cnbd_process const& p, double end, double z) {
    auto const k = static_cast<std::size_t>(p.k);
    double const ratio = end / (1.0 + end);
    std::vector<std::vector<double>> each(k);
    std::size_t purchases = 0;
    for (std::size_t j = 0; j < k; ++j) {
        double const n = p.r + static_cast<double>(j);
        double mass = std::exp(-n * std::log1p(end));
        double reached = 1.0;
        double sum = 0.0;
        std::size_t in_gap = j;
        double m = 1.0;
        for (double i = 0.0; mass > 0.0; ++i) {
            double const growth = ratio * (n + i) / (i + 1.0);
            if (++in_gap == k) {
                in_gap = 0;
                double const term = mass * (n + i) * reached;
                each[j].push_back(term);
                sum += term;
                reached *= (p.b + (m - 1.0)) / (p.a + p.b + (m - 1.0));
                m += 1.0;
                if (growth < 1.0 && term < 1e-19 * (1.0 - growth) * sum) break;
            }
            mass *= growth;
        }
        purchases = std::max(purchases, each[j].size());
    }
    std::vector<double> coefficients(k * purchases);
    for (std::size_t j = 0; j < k; ++j)
        std::copy(each[j].begin(), each[j].end(),
                  coefficients.begin() + static_cast<std::ptrdiff_t>(j * purchases));
    polynomials const f{p.r, end, z, z < 0.0 ? end : 0.0, k, purchases, coefficients.data()};

    // The first panel, on which the time of the first purchase has a density like a (k - 1)-th power, is too short to matter
    // where that is a high one.
    double const fastest = p.r + p.k + 5.0 + 4.0 * std::sqrt(p.r + p.k);
    double const first = std::min(4.0 / fastest, p.k > 8 ? 0.25 * end : end);
    // Purchases of customers who are much alike and regular come in waves, the slowest of which is that of the second of the
    // k-th roots of 1: (1 + turn v)^-r. A panel holds no more than two thirds of one while they last.
    double const half = std::sin(std::numbers::pi / p.k);
    double const turn_real = 2.0 * half * half;
    double const turn_size = 2.0 * half;
    auto const longest = [&](double v) {
        double length = std::min(std::max(first, v), 8.0 / std::abs(z));
        double const at = turn_real * v;
        if (p.k > 2 && p.r * std::log1p(at) < 36.0)
            length = std::min(length, 4.0 * std::hypot(1.0 + at, turn_size * v) / (p.r * turn_size));
        return length;
    };
    chances sums{};
    if (z >= 0.0) {
        for (double low = 0.0; low < end;) {
            double const length = longest(low);
            double const high = low + length < end ? low + length : end;
            chosen_polynomials(f, low, high - low, sums.data());
            low = high;
        }
        return sums;
    }
    // What grows is worth most at the end. Before v no more is bought than in all.
    double const most = (p.r + p.k) * end / p.k + 1.0;
    for (double high = end; high > 0.0;) {
        double const length = longest(0.5 * high);
        double const low = length < high ? high - length : 0.0;
        chosen_polynomials(f, low, high - low, sums.data());
        double const least = *std::min_element(sums.begin(), sums.begin() + p.k);
        if (std::exp(z * (end - low)) * most < 1e-17 * least) break;
        high = low;
    }
    // In two steps, since it may be too large where the product is not.
    double const half_worth = std::exp(-0.5 * z * end);
    for (double& sum : sums)
        sum = sum * half_worth * half_worth;
    return sums;
}

// On one panel, with d = |y - reference| along y = ln v: v^i (1 + v)^-N e^(-z v) relative to the reference, times the
// polynomial of the phases.
struct times_panel {
    double power;    // i above the reference, n below it
    double N, part;  // v / (1 + v) at the reference, or 1 / (1 + v)
    double zv;
    double turned;   // silence / v, or v / silence, at the reference
    double upwards;  // 1 where the reference is the lower end, 0 where it is the upper one
    double of_v;     // 1 where the polynomial is one of v, 0 where it is one of 1 / v
    std::size_t terms;
    double const* ratios;  // of each coefficient to the one before
};

CLAVIS_INLINE double sum_times(times_panel const& f, double length) {
    alignas(64) double w[points], turned[points], sum[points];
    double const upwards = f.upwards;
    double const straight = upwards * f.of_v + (1.0 - upwards) * (1.0 - f.of_v);
    for (std::size_t i = 0; i < points; ++i) {
        double const d = length * rule.node[i];
        double const e = vector_expm1(d);
        double const over = 1.0 / (1.0 + e);
        double const grown = e * (upwards - (1.0 - upwards) * over);  // v over that at the reference, less 1
        w[i] = rule.weight[i] * vector_exp(f.power * d - f.N * vector_log1p(f.part * e) - f.zv * grown);
        turned[i] = f.turned * (straight * (1.0 + e) + (1.0 - straight) * over);
        sum[i] = 1.0;
    }
    for (std::size_t j = f.terms; j-- > 0;) {
        double const ratio = f.ratios[j];
        for (std::size_t i = 0; i < points; ++i)
            sum[i] = 1.0 + ratio * turned[i] * sum[i];
    }
    for (std::size_t i = 0; i < points; ++i)
        w[i] *= sum[i];
    return length * sum16(w);
}

double sum_times_portable(times_panel const& f, double length) {
    return sum_times(f, length);
}
CLAVIS_AVX2 double sum_times_avx2(times_panel const& f, double length) {
    return sum_times(f, length);
}
CLAVIS_AVX512 double sum_times_avx512(times_panel const& f, double length) {
    return sum_times(f, length);
}

auto* const chosen_times = numerics::choose(&sum_times_portable, &sum_times_avx2, &sum_times_avx512);

/// When the m-th purchase comes, for a customer `behind` phases after the last one, or, if that is not known, with the
/// silence of the process.
class purchase_times {
  public:
    purchase_times(beta_geo_cnbd_process const& p, bool behind_is_known, std::int32_t behind, double end,
                   double z)
        : r_(p.r), k_(p.k), first_(behind), last_(behind), silence_(p.silence), end_(end), z_(z) {
        if (behind_is_known || p.k == 1 || !(p.silence > 0.0)) return;
        last_ = p.k - 1;
        log_first_ = -log_phase_sum(p.r, p.k, p.silence);
        log_last_ = log_first_ + numerics::log_rising(p.r, last_) - numerics::log_gamma(p.k) +
                    last_ * std::log(p.silence);
    }

    /// ln of E[e^(-rate time)] over times up to the end.
    double log_worth(double m) {
        phases_ = m * k_;
        N_ = r_ + phases_;
        sum_ = {};
        if (first_ != last_) {
            for (std::int32_t j = 1; j < k_; ++j) {
                auto const at = static_cast<std::size_t>(j - 1);
                ratios_[at] = (phases_ - j) / j;
                reverse_[static_cast<std::size_t>(k_ - 1 - j)] = j / (phases_ - j);
            }
        }
        double const last = std::log(end_);
        // Where the density of ln v is highest.
        J_ = first_;
        double peak = inf;
        double valley = inf;
        for (int step = 0; step < 6; ++step) {
            double const i = phases_ - J_;
            double const n = z_ + r_ + J_;
            double const root = n * n + 4.0 * z_ * i;
            if (n > 0.0 && root > 0.0) {
                peak = 2.0 * i / (n + std::sqrt(root));
                if (z_ < 0.0) valley = (n + std::sqrt(root)) / (-2.0 * z_);
            } else {
                peak = valley = inf;
            }
            if (first_ == last_) break;
            double const before = std::exchange(J_, mean_behind(std::min(peak, end_)));
            if (std::abs(J_ - before) < 0.05 * (phases_ - J_)) break;
        }
        if (peak < end_) {
            double const at = std::log(peak);
            side(at, -1.0, -inf);
            side(at, 1.0, std::min(std::log(valley), last));
            if (valley < end_) side(last, -1.0, std::log(valley));
        } else {
            side(last, -1.0, -inf);
        }
        return sum_.log();
    }

  private:
    bool mostly_last(double v) const {
        return first_ != last_ && (phases_ - k_ + 1.0) * silence_ > (k_ - 1.0) * v;
    }

    // The mean phases behind of those who buy at v.
    double mean_behind(double v) const {
        bool const from_last = mostly_last(v);
        double const turned = from_last ? v / silence_ : silence_ / v;
        double term = 1.0, total = 1.0, steps = 0.0;
        for (std::int32_t j = 1; j < k_; ++j) {
            auto const at = static_cast<std::size_t>(j - 1);
            term *= turned * (from_last ? reverse_[at] : ratios_[at]);
            total += term;
            steps += j * term;
        }
        return from_last ? (k_ - 1) - steps / total : steps / total;
    }

    // Panels from `at` to `limit`, until nothing more counts.
    void side(double at, double direction, double limit) {
        for (int panels = 0; panels < 2000 && direction * (limit - at) > 0.0; ++panels) {
            double const v = std::exp(at);
            double const u = v / (1.0 + v);
            double const slope = phases_ - J_ - N_ * u - z_ * v;
            double const curvature = N_ * u / (1.0 + v) + std::abs(z_) * v;
            double const left = direction * (limit - at);
            double const length =
                std::min({1.2, left, 3.0 / std::sqrt(curvature), 12.0 / std::max(std::abs(slope), 1e-300)});
            double const part = panel(direction > 0.0 ? at : at - length, length);
            if (length == left || part < sum_.log() - 40.0) return;
            at += direction * length;
        }
    }

    // Adds a panel and says the logarithm of what it added.
    double panel(double low, double length) {
        double const lower = std::exp(low);
        bool const upwards = lower < 1.0;
        double const v = upwards ? lower : std::exp(low + length);
        bool const from_last = mostly_last(v);
        double const behind = from_last ? last_ : first_;
        double const i = phases_ - behind;
        double const n = r_ + behind;
        times_panel const f{upwards ? i : n,
                            N_,
                            upwards ? v / (1.0 + v) : 1.0 / (1.0 + v),
                            z_ * v,
                            from_last ? v / silence_ : silence_ / v,
                            upwards ? 1.0 : 0.0,
                            from_last ? 1.0 : 0.0,
                            static_cast<std::size_t>(last_ - first_),
                            from_last ? reverse_.data() : ratios_.data()};
        double const top = (from_last ? log_last_ : log_first_) + std::log(i) +
                           numerics::log_negative_binomial(i, n, v) - z_ * v;
        double const added = chosen_times(f, length);
        sum_.add(top, added);
        return top + std::log(added);
    }

    double r_;
    std::int32_t k_, first_, last_;
    double silence_, end_, z_;
    double log_first_ = 0.0, log_last_ = 0.0;
    double phases_ = 0.0, N_ = 0.0, J_ = 0.0;
    std::array<double, largest_k> ratios_{}, reverse_{};
    numerics::exponential_sum sum_;
};

double by_times(beta_geo_cnbd_process const& p, purchase_times times, double end, double z) {
    auto const log_term = [&](double before) {
        return times.log_worth(before + 1.0) - numerics::log_rising_ratio(p.b, p.a, before);
    };
    // About those that come just by the end turn down, the more suddenly the better the rate of phases is known. Where the rate
    // is not negative they only fall.
    numerics::sum_shape const shape{.offset = 0.5,
                                    .tail = 1.0,
                                    .turn = p.r * end / p.k,
                                    .width = std::sqrt(std::max(p.r, 1.0) * end * (1.0 + end)) / p.k};
    return z < 0.0 ? numerics::sum_peaked_terms(log_term, inf, shape).value()
                   : numerics::sum_terms(log_term, inf, shape).value();
}

// Later purchases are worth nothing beside the first: its time has a density that grows by no more than its (k - 1)-th power.
double end_that_counts(beta_geo_cnbd_process const& p, double t, double rate) {
    return (rate > 0.0 ? std::min(t, (45.0 + 2.5 * p.k) / rate) : t) / p.alpha;
}

// Whether few enough phases pass: the longest sum over them takes as long as summing over purchases.
bool is_polynomial(beta_geo_cnbd_process const& p, double end) {
    constexpr double most_phases = 4000.0;
    double const n = p.r + (p.k - 1);
    double const mean = n * end;
    double const tail = 40.0 * (1.0 + end) + 9.0 * std::sqrt(mean * (1.0 + end));
    return mean + tail < most_phases && n * std::log1p(end) < 200.0;
}

}  // namespace

chances discounted_within_by_phase(beta_geo_cnbd_process const& p, double t, double rate) {
    double const end = end_that_counts(p, t, rate);
    if (!(end > 0.0)) return {};
    double const z = p.alpha * rate;
    if (is_polynomial(p, end)) return by_polynomials(p, end, z);
    chances result{};
    for (std::int32_t j = 0; j < p.k; ++j)
        result[static_cast<std::size_t>(j)] = by_times(p, {p, true, j, end, z}, end, z);
    return result;
}

double discounted_within(beta_geo_cnbd_process const& p, chances const& phases, double t, double rate) {
    double const end = end_that_counts(p, t, rate);
    if (!(end > 0.0)) return 0.0;
    double const z = p.alpha * rate;
    if (!is_polynomial(p, end)) return by_times(p, {p, false, 0, end, z}, end, z);
    chances const each = by_polynomials(p, end, z);
    double sum = 0.0;
    for (std::size_t j = 0; j < static_cast<std::size_t>(p.k); ++j)
        sum += phases[j] * each[j];
    return sum;
}

}  // namespace clavis::lifetime

// What an active customer of Pareto/GGG does next. Given k, and with v the time of the first purchase from now on, the
// density of v is that of the gap after the last purchase at silence + v; from that purchase on the rate has the posterior
// Gamma(n + k, A + k (silence + v)), under which the j-th further purchase comes after (A / k + silence + v) rho with rho ~
// Beta prime(j k, n + k). So every mean is an integral over v and rho, and the n-th purchase from now on has the density of
// a sum of n gaps times the chance that the first of them exceeds its part of it.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "clavis/lifetime/pareto_ggg.hpp"
#include "clavis/numerics/discrete_sum.hpp"
#include "clavis/numerics/log_incomplete_beta.hpp"
#include "clavis/numerics/special.hpp"
#include "numerics/vector_math.hpp"
#include "outward_panels.hpp"
#include "panel_rule.hpp"
#include "pareto_ggg_integral.hpp"

namespace clavis::lifetime {
namespace {

using numerics::sum16;
using numerics::vector_exp;
using numerics::vector_log1p;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();
constexpr std::size_t points = panel_rule::points;
constexpr double furthest = 690.0;
using node = pareto_ggg_process::node;

panel_rule const rule;

// ln of the density along ln w of a sum w of `gaps` gaps.
struct sum_density {
    double a, n, log_scale, log_beta;
    sum_density(node const& at, double gaps)
        : a(gaps * at.k),
          n(at.n),
          log_scale(std::log(at.k) - std::log(at.A)),
          log_beta(numerics::log_beta(a, n)) {}
    double operator()(double w) const {
        double const y = log_scale + std::log(w);
        return a * y - (a + n) * numerics::log1p_exp(y) - log_beta;
    }
};

// Where one peak of log_f is, to within a change of log_f by 1: from `start` uphill, y <= last.
template <class LogF>
double peak_of(LogF&& log_f, double start, double last) {
    double middle = std::min(start, last);
    double here = log_f(middle);
    double low = middle;
    double high = middle;
    double at_low = here;
    double at_high = here;
    double step = 1.0;
    for (; high < last; step *= 2.0) {
        high = std::min(last, high + step);
        at_high = log_f(high);
        if (!(at_high > here)) break;
        low = middle, at_low = here;
        middle = high, here = at_high;
    }
    if (low == middle) {
        step = 1.0;
        for (; low > -furthest; step *= 2.0) {
            low = std::max(-furthest, low - step);
            at_low = log_f(low);
            if (!(at_low > here)) break;
            high = middle, at_high = here;
            middle = low, here = at_low;
        }
    }
    for (int i = 0; i < 100 && high - low > 1e-9; ++i) {
        if (here - at_low < 1.0 && here - at_high < 1.0) break;
        bool const right = high - middle > middle - low;
        double const tried = right ? 0.5 * (middle + high) : 0.5 * (low + middle);
        double const value = log_f(tried);
        if (value > here) {
            (right ? low : high) = middle;
            (right ? at_low : at_high) = here;
            middle = tried, here = value;
        } else {
            (right ? high : low) = tried;
            (right ? at_high : at_low) = value;
        }
    }
    return middle;
}

// Singularities of integrands along ln v, at a distance of pi from the axis.
struct lengths {
    double first, second, third;
    double operator()(double y) const {
        return std::max(5.0,
                        0.6 * std::min({std::abs(y - first), std::abs(y - second), std::abs(y - third)}));
    }
};

double log_or_low(double v) {
    return v > 0.0 ? std::log(v) : -2.0 * furthest;
}

lengths lengths_of(node const& at, double silence, double beta) {
    return {log_or_low(silence), std::log(at.A / at.k + silence), std::log(beta)};
}

// The integral over v of exp(log_f(y)) dy, y = ln v <= last.
template <class LogF>
double integral_of(LogF&& log_f, double start, double last, lengths const& longest) {
    double const mode = peak_of(log_f, start, last);
    double const top = log_f(mode);
    if (!(top > -1e300)) return 0.0;
    double sum = 0.0;
    outward_panels(log_f, mode, -furthest, last, longest, [&](double low, double length) {
        alignas(64) double w[points];
        for (std::size_t i = 0; i < points; ++i)
            w[i] = length * rule.weight[i] * std::exp(log_f(low + length * rule.node[i]) - top);
        sum += sum16(w);
    });
    return sum * std::exp(top);
}

double log_time(double t) {
    return std::clamp(std::log(t), -furthest, furthest);
}

// Density of v at 16 points, each times its weight.
struct panel {
    double low, length;
    alignas(64) std::array<double, points> v;
    alignas(64) std::array<double, points> weight;
};

struct staying {
    double s, per_beta, rate;
};

CLAVIS_INLINE void sum_staying(staying const& g, double const* v, double const* weight, double offset,
                               double factor, double* total) {
    alignas(64) double w[points];
    for (std::size_t i = 0; i < points; ++i) {
        double const time = offset + factor * v[i];
        w[i] = weight[i] *
               vector_exp(-g.s * vector_log1p(numerics::vector_finite(time * g.per_beta)) - g.rate * time);
    }
    *total += sum16(w);
}
void sum_staying_portable(staying const& g, double const* v, double const* weight, double offset,
                          double factor, double* total) {
    sum_staying(g, v, weight, offset, factor, total);
}
CLAVIS_AVX2 void sum_staying_avx2(staying const& g, double const* v, double const* weight, double offset,
                                  double factor, double* total) {
    sum_staying(g, v, weight, offset, factor, total);
}
CLAVIS_AVX512 void sum_staying_avx512(staying const& g, double const* v, double const* weight, double offset,
                                      double factor, double* total) {
    sum_staying(g, v, weight, offset, factor, total);
}
auto* const chosen_staying = numerics::choose(&sum_staying_portable, &sum_staying_avx2, &sum_staying_avx512);

CLAVIS_INLINE void sum_renewals(double const* shape, double const* log_weight, double log_q, double log_p,
                                double* total) {
    alignas(64) double w[points];
    for (std::size_t i = 0; i < points; ++i)
        w[i] = vector_exp(shape[i] * log_q + log_p + log_weight[i]);
    *total = sum16(w);
}
void sum_renewals_portable(double const* shape, double const* log_weight, double log_q, double log_p,
                           double* total) {
    sum_renewals(shape, log_weight, log_q, log_p, total);
}
CLAVIS_AVX2 void sum_renewals_avx2(double const* shape, double const* log_weight, double log_q, double log_p,
                                   double* total) {
    sum_renewals(shape, log_weight, log_q, log_p, total);
}
CLAVIS_AVX512 void sum_renewals_avx512(double const* shape, double const* log_weight, double log_q,
                                       double log_p, double* total) {
    sum_renewals(shape, log_weight, log_q, log_p, total);
}
auto* const chosen_renewals =
    numerics::choose(&sum_renewals_portable, &sum_renewals_avx2, &sum_renewals_avx512);

// Purchases after the first, per unit of ln rho: the sum over j of Beta prime(j k, N). Terms are listed one by one as long as
// their bell is narrow, and then in blocks with the rule of discrete_sum.hpp, sixteen at a time.
class renewals {
  public:
    renewals(double k, double N) : k_(k), N_(N) {}

    double operator()(double theta) {
        double const log_q = -numerics::log1p_exp(-theta);
        double const log_p = -N_ * numerics::log1p_exp(theta);
        double const likely = expected(theta);
        double const lowest = likely - 9.0 * spread(likely);
        auto chunk = static_cast<std::size_t>(
            std::upper_bound(first_.begin(), first_.end(), std::max(lowest, 1.0)) - first_.begin());
        chunk = chunk == 0 ? 0 : chunk - 1;
        double sum = 0.0;
        for (; chunk < 100000; ++chunk) {
            while (chunk >= first_.size()) {
                if (next_ > 0x1p50) return sum;
                list_more();
            }
            double part = 0.0;
            chosen_renewals(&shape_[chunk * points], &log_weight_[chunk * points], log_q, log_p, &part);
            sum += part;
            if (part < 1e-13 * sum && first_[chunk] > likely) break;
        }
        return sum;
    }
    double expected(double theta) const { return std::exp(theta) * (N_ / k_); }
    bool is_smooth(double theta) const { return spread(std::max(1.0, expected(theta))) > 1.45; }
    /// How far apart in theta purchases can be told from each other: panels follow them there.
    double longest(double theta) const {
        double const j = expected(theta);
        double const smooth = std::max(3.0, 0.6 * std::abs(theta));
        double const wide = spread(std::max(j, 1.0));
        if (j < 1.0) return std::min(smooth, std::max(16.0 / k_, 6.0 * wide));
        return wide > 1.45 ? smooth : std::min(3.0, std::min(2.5, 6.0 * wide) / j);
    }

  private:
    /// Deviation of the number of purchases where j are expected.
    double spread(double j) const { return std::sqrt(j / k_ + j * (j / N_)); }
    void list_more() {
        first_.push_back(next_);
        double const room = std::min(4.0 * spread(next_), next_);
        int exponent = 0;
        if (room >= 32.0) std::frexp(room, &exponent), --exponent;
        double const length = exponent >= 5 ? std::ldexp(1.0, exponent) : 16.0;
        for (std::size_t i = 0; i < points; ++i) {
            double j = next_ + static_cast<double>(i);
            double log_weight = 0.0;
            if (exponent >= 5) {
                auto const& block = numerics::gram16(exponent);
                j = next_ + 0.5 * (length - 1.0) + length * block.nodes[i];
                log_weight = std::log(length * block.weights[i]);
            }
            shape_.push_back(j * k_);
            log_weight_.push_back(log_weight - numerics::log_beta(j * k_, N_));
        }
        next_ += length;
    }

    double k_, N_;
    double next_ = 1.0;
    std::vector<double> first_;  // j at which a chunk begins
    std::vector<double> shape_, log_weight_;
};

// Expected purchases within t, each times e^(-rate * its time), given k.
class mean_ahead {
  public:
    mean_ahead(node const& at, double silence, double s, double beta, double t, double rate)
        : density_(at, 1.0),
          staying_{s, 1.0 / beta, rate},
          k_(at.k),
          silence_(silence),
          reach_(at.A / at.k + silence),
          t_(t),
          log_later_(at.log_later),
          renewals_(at.k, at.n + at.k) {
        auto const log_f = [&](double y) { return log_density(std::exp(y)); };
        double const last = log_time(t);
        double const mode = peak_of(log_f, std::log(at.A / at.n), last);
        outward_panels(log_f, mode, -furthest, last, lengths_of(at, silence, beta),
                       [&](double low, double length) { panels_.push_back(panel_at(low, length)); });
        // Of gaps too short for a double there may be many.
        if (silence == 0.0) at_once_ = std::exp(log_f(-furthest)) / at.k;
        // How fast the mean falls at last along theta.
        fall_ = s - 1.0;
        if (t < inf) {
            // Near the largest theta the purchases that come in time are fewer, on the scale of the gap's own density.
            double const rho = t / reach_;
            double const scale = std::max(silence, 1e-5 * (at.A / (at.k * at.n)));
            finest_ = std::min(1.0, 0.3 * scale * (1.0 + rho) / (rho * reach_));
        }
    }

    double operator()() {
        double sum = given(0.0);
        bool const ends = t_ < inf;
        double const last = ends ? std::min(std::log(t_) - std::log(reach_), furthest) : furthest;
        double const start = std::min(last, 0.0);
        for (double const direction : {-1.0, 1.0}) {
            double before = 0.0;
            double at = start;
            for (int i = 0; i < 5000; ++i) {
                double length = renewals_.longest(at);
                if (ends && direction < 0.0) length = std::min(length, std::max(finest_, 1.2 * (last - at)));
                if (ends && direction > 0.0) length = std::min(length, std::max(finest_, 0.55 * (last - at)));
                if (direction > 0.0) length = std::min(length, last - at);
                if (direction < 0.0 && at <= -furthest) {
                    sum += given(0.0) / std::expm1(-k_ * at);
                    break;
                }
                if (!(length > 0.0)) break;
                // Towards more purchases those can be told that belong to the far end.
                if (direction > 0.0)
                    length = std::min(length, std::max(renewals_.longest(at + length), 1e-3));
                double const low = direction > 0.0 ? at : at - length;
                double part = 0.0;
                for (std::size_t k = 0; k < points; ++k) {
                    double const theta = low + length * rule.node[k];
                    double const rho = std::exp(theta);
                    part += length * rule.weight[k] * renewals_(theta) * given(rho);
                }
                sum += part;
                at += direction * length;
                if (last - at < 1e-12 * (1.0 + std::abs(last)) && direction > 0.0) break;
                double const density = part / length;
                // Purchases of regular customers come in waves, between which there may be none.
                bool const smooth = direction < 0.0 ? renewals_.expected(at) < 1.0 : renewals_.is_smooth(at);
                if (smooth && density < before && density < 1e-13 * sum) break;
                if (direction > 0.0 && at > furthest - 1.0 && fall_ > 0.0) {
                    sum += density / fall_;
                    break;
                }
                before = density;
            }
        }
        return sum;
    }

  private:
    double log_density(double v) const {
        return density_(silence_ + v) + std::log(v / (silence_ + v)) - log_later_;
    }
    panel panel_at(double low, double length) const {
        panel result{low, length, {}, {}};
        for (std::size_t i = 0; i < points; ++i) {
            result.v[i] = std::exp(low + length * rule.node[i]);
            result.weight[i] = length * rule.weight[i] * std::exp(log_density(result.v[i]));
        }
        return result;
    }
    /// Mean over v <= the largest possible of the chance of staying until v + (reach + v) rho, discounted.
    double given(double rho) const {
        double const furthest_v = t_ == inf ? inf : (t_ - reach_ * rho) / (1.0 + rho);
        if (!(furthest_v > 0.0)) return 0.0;
        double const last = furthest_v == inf ? 2.0 * furthest : std::log(furthest_v);
        double const offset = reach_ * rho;
        double sum = 0.0;
        if (at_once_ > 0.0) {
            double const time = offset;
            sum = at_once_ *
                  std::exp(-staying_.s * std::log1p(time * staying_.per_beta) - staying_.rate * time);
        }
        for (panel const& p : panels_) {
            if (p.low >= last) continue;
            if (p.low + p.length <= last + 1e-14 * std::abs(last)) {
                chosen_staying(staying_, p.v.data(), p.weight.data(), offset, 1.0 + rho, &sum);
            } else {
                panel const part = panel_at(p.low, last - p.low);
                chosen_staying(staying_, part.v.data(), part.weight.data(), offset, 1.0 + rho, &sum);
            }
        }
        return sum;
    }

    sum_density density_;
    staying staying_;
    double k_, silence_, reach_, t_, log_later_;
    double at_once_ = 0.0;
    double fall_ = 0.0;
    double finest_ = 1.0;
    renewals renewals_;
    std::vector<panel> panels_;
};

}  // namespace

double pareto_ggg_process::expected(double t) const noexcept {
    return discounted(t, 0.0);
}

double pareto_ggg_process::discounted(double t, double rate) const noexcept {
    if (!(t >= 0.0) || std::isnan(rate) || nodes.empty()) return nan;
    if (t == 0.0) return 0.0;
    if (sudden) return inf;
    if (t == inf && (rate < 0.0 || (rate == 0.0 && s <= 1.0))) return inf;
    double sum = 0.0;
    for (node const& at : nodes)
        sum += at.weight * mean_ahead(at, silence, s, beta, t, rate)();
    return sum;
}

double pareto_ggg_process::survival(double t) const noexcept {
    if (!(t >= 0.0)) return nan;
    return std::exp(-s * std::log1p(t / beta));
}

double pareto_ggg_process::no_purchase(double t) const noexcept {
    if (!(t >= 0.0) || nodes.empty()) return nan;
    if (t == 0.0) return 1.0;
    double const last = log_time(t);
    double sum = 0.0;
    for (node const& at : nodes) {
        sum_density const density(at, 1.0);
        double const due_later =
            t == inf ? -inf : ggg_log_later({at.k, at.n, at.A, s, beta, beta, silence + t}) - at.log_later;
        auto const log_f = [&](double y) {
            double const v = std::exp(y);
            double const e = s * std::log1p(v / beta);
            return density(silence + v) + std::log(v / (silence + v)) - at.log_later +
                   std::log(-std::expm1(-e));
        };
        sum += at.weight * (std::exp(due_later) +
                            integral_of(log_f, std::log(at.A / at.n), last, lengths_of(at, silence, beta)));
    }
    return std::min(1.0, sum);
}

double pareto_ggg_process::at_least(double n, double t) const noexcept {
    if (!(n >= 0.0) || !(t >= 0.0) || nodes.empty()) return nan;
    if (n == 0.0) return 1.0;
    if (t == 0.0) return 0.0;
    double const last = log_time(t);
    double sum = 0.0;
    for (node const& at : nodes) {
        sum_density const density(at, n);
        auto const log_f = [&](double y) {
            double const v = std::exp(y);
            double const w = silence + v;
            double const first_is_long =
                n == 1.0 || silence == 0.0
                    ? 0.0
                    : numerics::log_incomplete_beta((n - 1.0) * at.k, at.k, v / w, silence / w);
            return density(w) + std::log(v / w) - at.log_later + first_is_long - s * std::log1p(v / beta);
        };
        double part = integral_of(log_f, std::log(n * (at.A / at.n)), last, lengths_of(at, silence, beta));
        if (t == inf) part += std::exp(log_f(last)) / (at.n + s);
        // Of gaps too short for a double there may be many.
        if (silence == 0.0) part += std::exp(log_f(-furthest)) / (n * at.k);
        sum += at.weight * part;
    }
    return std::min(1.0, sum);
}

double pareto_ggg_process::pmf(std::int64_t n, double t) const noexcept {
    if (n < 0 || !(t >= 0.0)) return nan;
    if (n == 0) return no_purchase(t);
    double const x = static_cast<double>(n);
    return std::max(0.0, at_least(x, t) - at_least(x + 1.0, t));
}

}  // namespace clavis::lifetime

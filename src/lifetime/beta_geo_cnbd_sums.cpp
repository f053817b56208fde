#include "beta_geo_cnbd_sums.hpp"

#include <boost/math/special_functions/beta.hpp>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>

#include "clavis/numerics/quadrature.hpp"
#include "clavis/numerics/special.hpp"

// Phases N that pass in (0, t] are negative binomial, P(N = i) = Gamma(n + i) / (Gamma(n) i!) z^i (1 - z)^n with z = t /
// (alpha + t), where n = r + j for a customer j phases behind the last purchase. With M = j + N, floor(M / k) purchases
// are possible by t, and who leaves at the K-th makes min(floor(M / k), K) of them.

namespace clavis::lifetime {
namespace {

using complex = std::complex<double>;

constexpr double inf = std::numeric_limits<double>::infinity();

using policy = boost::math::policies::policy<
    boost::math::policies::domain_error<boost::math::policies::ignore_error>,
    boost::math::policies::pole_error<boost::math::policies::ignore_error>,
    boost::math::policies::overflow_error<boost::math::policies::ignore_error>,
    boost::math::policies::underflow_error<boost::math::policies::ignore_error>,
    boost::math::policies::evaluation_error<boost::math::policies::ignore_error>>;

// ln P(N = i).
double log_mass(double n, double ratio, double i) {
    double const log_z = ratio < 1.0 ? std::log(ratio) - std::log1p(ratio) : -std::log1p(1.0 / ratio);
    if (i == 0.0) return -n * std::log1p(ratio);
    // z^i (1 - z)^n / B is computed by Boost with what is large cancelled first.
    double const d =
        ratio < 1.0
            ? boost::math::ibeta_derivative(i + 1.0, n, ratio / (1.0 + ratio), policy()) / (1.0 + ratio)
            : boost::math::ibeta_derivative(n, i + 1.0, 1.0 / (1.0 + ratio), policy()) / (1.0 + ratio);
    if (d > 1e-290 && d < inf) return std::log(d / (n + i));
    return numerics::log_rising(n, i) - numerics::log_gamma(i + 1.0) + i * log_z - n * std::log1p(ratio);
}

// The sum over N of P(N = i) value(floor((j + i) / k)) is used while it is short; the integral over p otherwise.
constexpr double longest_series = 1200.0;

bool is_short(double n, double ratio) {
    double const mean = n * ratio;
    double const tail = 40.0 * (1.0 + ratio) + 9.0 * std::sqrt(mean * (1.0 + ratio));
    return mean + tail < longest_series && n * std::log1p(ratio) < 600.0;
}

// value is that of no purchase; next(m, value) moves it from m purchases to m + 1.
template <class Next>
double phase_series(double n, double ratio, std::int32_t j, std::int32_t k, double value, Next&& next) {
    double const z = ratio / (1.0 + ratio);
    double mass = std::exp(-n * std::log1p(ratio));
    double sum = 0.0;
    std::int32_t in_gap = j;
    int purchases = 0;
    for (int i = 0; i < 12'000 && mass > 0.0; ++i) {
        double const term = mass * value;
        sum += term;
        double const growth = z * (n + i) / (i + 1.0);
        if (growth < 1.0 && mass * (value + 1.0) < 1e-18 * (1.0 - growth) * sum) break;
        mass *= growth;
        if (++in_gap == k) {
            in_gap = 0;
            value = next(purchases++, value);
        }
    }
    return sum;
}

// The integrands over p of a long sum: P(active at t | p) = E[q^floor(M / k)] and E[purchases | p] = E[1 - q^floor(M /
// k)] / p with q = 1 - p. As a function of M, q^floor(M / k) has period k up to a power of zeta = q^(1/k): its discrete
// Fourier transform is a sum over the k-th roots zeta_l of q, and E[zeta^N] = (1 + (1 - zeta) ratio)^-n. Where q is small
// and the roots cancel, it is a sum over purchases.
class long_kernel {
  public:
    long_kernel(beta_geo_cnbd_process const& process, chances const& phases, double ratio)
        : n_(process.r), ratio_(ratio), k_(process.k), chances_(phases) {}

    double survival(double p) const {
        double const q = 1.0 - p;
        if (q > 1e-200) {
            double const u = -std::log1p(-p) / k_;  // q = e^(-k u)
            complex sum = 0.0;
            double size = 0.0;
            double slowest = 0.0;
            for (std::int32_t l = 0; 2 * l <= k_; ++l) {
                root const z = root_of(u, l);
                complex const log_growth = z.log_growth(ratio_);
                if (l > 0 && n_ * log_growth.real() > slowest + 50.0) continue;  // this wave is over
                if (l == 0) slowest = n_ * log_growth.real();
                complex const base = z.value / (1.0 + z.apart * ratio_);
                complex mixture = 0.0;
                for (std::int32_t j = k_; j-- > 0;)
                    mixture = mixture * base + chances_[at(j)];
                complex const weight = l == 0 ? complex(principal(u, 0)) : share(q, z) * p;
                complex const term = times(l) * weight * std::exp(-n_ * log_growth) * mixture;
                sum += term;
                size += std::abs(term);
            }
            if (size < 1e3 * sum.real()) return sum.real();
        }
        // Where the roots cancel few purchases are all that counts.
        double sum = 0.0;
        for (std::size_t m = few; m-- > 0;)
            sum = sum * q + blocks()[m];
        return sum;
    }

    double expected(double p) const {
        double const q = 1.0 - p;
        if (q > 1e-200) {
            double size = 0.0;
            double const sum = expected_by_roots(p, q, size);
            if (size < 1e3 * sum) return sum;
        }
        double sum = 0.0;
        double reached = first();
        double power = 1.0;
        for (std::size_t m = 1; m < few; ++m) {
            sum += power * std::max(reached, 0.0);
            reached -= blocks()[m];
            power *= q;
        }
        return sum;
    }

    /// How far the integrands are straight lines.
    double straight() const { return 3e-9 / (1.0 + (n_ + k_) * ratio_); }
    double order() const { return n_ + k_; }

  private:
    static constexpr std::size_t few = 45;  // 0.4^45 = 1e-18

    struct root {
        complex value;
        complex apart;  // 1 - value
        complex log_growth(double ratio) const {
            // ln(1 + apart ratio); apart has a positive real part.
            double const re = apart.real() * ratio;
            double const im = apart.imag() * ratio;
            if (std::abs(re) + std::abs(im) > 1e100) return std::log(apart) + std::log(ratio);
            return {0.5 * std::log1p(re * (2.0 + re) + im * im), std::atan2(im, 1.0 + re)};
        }
    };
    double expected_by_roots(double p, double q, double& size) const {
        double const u = -std::log1p(-p) / k_;
        double const none_log = std::log1p(ratio_);
        double const slow = std::log1p(root_of(u, 0).apart.real() * ratio_);
        double const mean = principal(u, 0);
        // (1 - principal) / p: the mean over i of (e^((i - j) u) - 1) / p, negative.
        double rise = 0.0;
        for (std::int32_t i = 0; i < k_; ++i)
            rise += p > 0.0 ? std::expm1(i * u) / p : i / static_cast<double>(k_);
        rise /= k_;
        double sum = 0.0;
        for (std::int32_t j = 0; j < k_; ++j) {
            double const w = chances_[at(j)];
            if (w == 0.0) continue;
            double const n = n_ + j;
            double const some = -std::expm1(-n * none_log);
            double const fallen = p > 0.0 ? -std::expm1(-n * slow) / p : n * ratio_ / k_;
            double const back = std::exp(-j * u);
            double const down = p > 0.0 ? std::expm1(-j * u) / p : -j / static_cast<double>(k_);
            double const before = w * (back * rise + down) * some;
            double const after = w * back * mean * fallen;
            sum += after - before;
            size += std::abs(before) + after;
        }
        for (std::int32_t l = 1; 2 * l <= k_; ++l) {
            root const z = root_of(u, l);
            complex const log_growth = z.log_growth(ratio_);
            if (n_ * log_growth.real() > 80.0) continue;  // this wave is over
            complex const base = z.value / (1.0 + z.apart * ratio_);
            complex const weight = times(l) * share(q, z);
            complex power = std::exp(-n_ * log_growth);
            complex turn = 1.0;
            double none = std::exp(-n_ * none_log);
            for (std::int32_t j = 0; j < k_; ++j) {
                // At j = 0 n may be tiny, and the chance of any phase with it.
                complex const some = j == 0 && n_ * none_log < 1.0
                                         ? none * expm1(n_ * (none_log - log_growth))
                                         : power - none * turn;
                double const term = chances_[at(j)] * (weight * some).real();
                sum -= term;
                size += std::abs(term);
                power *= base;
                none /= 1.0 + ratio_;
                turn *= z.value;
            }
        }
        return sum;
    }

    static std::size_t at(std::int32_t j) { return static_cast<std::size_t>(j); }

    root root_of(double u, std::int32_t l) const {
        if (l == 0) return {std::exp(-u), -std::expm1(-u)};
        double const angle = 2.0 * std::numbers::pi * l / k_;
        double const half = std::sin(0.5 * angle);
        double const size = std::exp(-u);
        complex const turn(std::cos(angle), std::sin(angle));
        // 1 - size turn = (1 - size) + size (1 - turn)
        return {size * turn, complex(-std::expm1(-u) + 2.0 * size * half * half, -size * turn.imag())};
    }

    // The roots come in conjugate pairs.
    double times(std::int32_t l) const { return l == 0 || 2 * l == k_ ? 1.0 : 2.0; }
    // The weight of root l in q^floor(M / k), over p.
    complex share(double q, root const& z) const { return z.value / (k_ * q * z.apart); }
    // The weight of the first root times its j-th power: the mean of e^((i - j) u).
    double principal(double u, std::int32_t j) const {
        double sum = 0.0;
        for (std::int32_t i = 0; i < k_; ++i)
            sum += std::exp((i - j) * u);
        return sum / k_;
    }

    static complex expm1(complex z) {
        double const s = std::sin(0.5 * z.imag());
        return {std::expm1(z.real()) * std::cos(z.imag()) - 2.0 * s * s,
                std::exp(z.real()) * std::sin(z.imag())};
    }

    // P(floor(M / k) = m) and P(M >= k), which most integrals never ask for.
    std::array<double, few> const& blocks() const {
        if (!counted_) {
            counted_ = true;
            for (std::int32_t j = 0; j < k_; ++j) {
                double const w = chances_[at(j)];
                if (w == 0.0) continue;
                first_ += w * numerics::negative_binomial_tail(k_ - j, n_ + j, ratio_);
                add_blocks(j, w);
            }
        }
        return blocks_;
    }
    double first() const {
        blocks();
        return first_;
    }

    void add_blocks(std::int32_t j, double w) const {
        double const n = n_ + j;
        double const z = ratio_ / (1.0 + ratio_);
        // Far below the mode a mass may be too small for a double.
        double log_mass = -n * std::log1p(ratio_);
        double mass = std::exp(log_mass);
        int const end = static_cast<int>(few) * k_ - j;
        for (int i = 0; i < end; ++i) {
            blocks_[static_cast<std::size_t>((j + i) / k_)] += w * mass;
            double const growth = z * (n + i) / (i + 1.0);
            if (mass < 1e-280) {
                log_mass += std::log(growth);
                mass = std::exp(log_mass);
            } else {
                mass *= growth;
            }
        }
    }

    double n_;
    double ratio_;
    std::int32_t k_;
    chances chances_;
    mutable bool counted_ = false;
    mutable double first_ = 0.0;
    mutable std::array<double, few> blocks_{};
};

}  // namespace

bool is_short_sum(double n, double ratio) noexcept {
    return is_short(n, ratio);
}

phase_counts count_phases(double n, double ratio, double first, std::int32_t k) {
    if (ratio == inf) return {0.0, 1.0};
    double const z = ratio / (1.0 + ratio);
    double mass = 1.0;
    double sum = 0.0;
    phase_counts result{};
    if (first < 400.0 && is_short(n, ratio)) {
        mass = std::exp(-n * std::log1p(ratio));
        double i = 0.0;
        for (; i < first; ++i)
            mass *= z * (n + i) / (i + 1.0);
        for (double const end = first + k; mass > 0.0; ++i) {
            if (i == end) result.in_gap = sum;
            sum += mass;
            double const growth = z * (n + i) / (i + 1.0);
            if (i >= end && growth < 1.0 && mass < 1e-17 * (1.0 - growth) * sum) break;
            mass *= growth;
        }
        if (mass == 0.0 && result.in_gap == 0.0) result.in_gap = sum;
        result.reached = sum;
        return result;
    }
    // Relative to the mass at `first`.
    for (std::int32_t i = 0; i < k; ++i) {
        sum += mass;
        mass *= z * (n + first + i) / (first + i + 1.0);
    }
    return {std::exp(log_mass(n, ratio, first) + std::log(sum)),
            numerics::negative_binomial_tail(first, n, ratio)};
}

double expected_within(beta_geo_cnbd_process const& p, chances const& phases, double t) {
    double const ratio = t / p.alpha;
    if (!is_short(p.r + (p.k - 1), ratio)) {
        long_kernel const kernel(p, phases, ratio);
        // The rule for p takes 40 * sqrt(peaks) nodes or more where customers are alike in p.
        double const tilted = p.b + kernel.order();
        double const peaks = p.a / (p.a + tilted) * tilted;
        if (peaks > 1e4) return discounted_within(p, phases, t, 0.0);
        return numerics::beta_expectation(p.a, p.b, kernel.order(), kernel.straight(),
                                          [&](double q) { return kernel.expected(q); });
    }
    double sum = 0.0;
    for (std::int32_t j = 0; j < p.k; ++j) {
        double const w = phases[static_cast<std::size_t>(j)];
        if (w == 0.0) continue;
        // E[min(m, K)] = sum over l <= m of P(K >= l).
        double reached = 1.0;
        sum += w * phase_series(p.r + j, ratio, j, p.k, 0.0, [&](int m, double mean) {
                   if (m > 0) reached *= (p.b + (m - 1.0)) / (p.a + p.b + (m - 1.0));
                   return mean + reached;
               });
    }
    return sum;
}

double survival_within(beta_geo_cnbd_process const& p, chances const& phases, double t) {
    double const ratio = t / p.alpha;
    if (!is_short(p.r + (p.k - 1), ratio)) {
        long_kernel const kernel(p, phases, ratio);
        return numerics::beta_expectation(p.a, p.b, kernel.order(), kernel.straight(),
                                          [&](double q) { return kernel.survival(q); });
    }
    double sum = 0.0;
    for (std::int32_t j = 0; j < p.k; ++j) {
        double const w = phases[static_cast<std::size_t>(j)];
        if (w == 0.0) continue;
        sum += w * phase_series(p.r + j, ratio, j, p.k, 1.0,
                                [&](int m, double stayed) { return stayed * (p.b + m) / (p.a + p.b + m); });
    }
    return sum;
}

}  // namespace clavis::lifetime

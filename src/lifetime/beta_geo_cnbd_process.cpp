#include <algorithm>
#include <boost/math/special_functions/beta.hpp>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>
#include <vector>

#include "beta_geo_cnbd_likelihood.hpp"
#include "clavis/lifetime/beta_geo_cnbd.hpp"
#include "clavis/numerics/quadrature.hpp"
#include "clavis/numerics/special.hpp"

// Phases N that pass in (0, t] are negative binomial, P(N = i) = Gamma(n + i) / (Gamma(n) i!) z^i (1 - z)^n with z = t /
// (alpha + t), where n = r + j for a customer j phases behind the last purchase. With M = j + N, floor(M / k) purchases
// are possible by t, and who leaves at the K-th makes min(floor(M / k), K) of them.

namespace clavis::lifetime {
namespace {

using complex = std::complex<double>;
using chances = std::array<double, largest_k>;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

using policy = boost::math::policies::policy<
    boost::math::policies::domain_error<boost::math::policies::ignore_error>,
    boost::math::policies::pole_error<boost::math::policies::ignore_error>,
    boost::math::policies::overflow_error<boost::math::policies::ignore_error>,
    boost::math::policies::underflow_error<boost::math::policies::ignore_error>,
    boost::math::policies::evaluation_error<boost::math::policies::ignore_error>>;

// P(N >= i), i >= 1; ratio = t / alpha. Of z and 1 - z the smaller one is given, so that neither is rounded away.
double reach(double n, double ratio, double i) {
    if (i <= 0.0) return 1.0;
    if (ratio == inf) return 1.0;
    return ratio < 1.0 ? boost::math::ibeta(i, n, ratio / (1.0 + ratio), policy())
                       : boost::math::ibetac(n, i, 1.0 / (1.0 + ratio), policy());
}

// ln P(N = i).
double log_mass(double n, double ratio, double i) {
    double const log_z = ratio < 1.0 ? std::log(ratio) - std::log1p(ratio) : -std::log1p(1.0 / ratio);
    if (i == 0.0) return -n * std::log1p(ratio);
    // z^i (1 - z)^n / B is computed by Boost with what is large cancelled first.
    double const d = ratio < 1.0
                         ? boost::math::ibeta_derivative(i + 1.0, n, ratio / (1.0 + ratio), policy()) /
                               (1.0 + ratio)
                         : boost::math::ibeta_derivative(n, i + 1.0, 1.0 / (1.0 + ratio), policy()) /
                               (1.0 + ratio);
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
// Fourier transform is a sum over the k-th roots zeta_l of q, and E[zeta^N] = (1 + (1 - zeta) ratio)^-n. For small q,
// where the roots cancel, it is a sum over purchases.
class long_kernel {
  public:
    long_kernel(beta_geo_cnbd_process const& process, double ratio)
        : n_(process.r), ratio_(ratio), k_(process.k), chances_(process.phases()) {
        for (std::int32_t j = 0; j < k_; ++j) {
            double const w = chances_[at(j)];
            if (w == 0.0) continue;
            first_ += w * reach(n_ + j, ratio_, k_ - j);
            add_blocks(j, w);
        }
    }

    double survival(double p) const {
        double const q = 1.0 - p;
        if (q < smallest_root_of) {
            double sum = 0.0;
            for (std::size_t m = few; m-- > 0;)
                sum = sum * q + blocks_[m];
            return sum;
        }
        double const u = -std::log1p(-p) / k_;  // q = e^(-k u)
        complex sum = 0.0;
        for (std::int32_t l = 0; 2 * l <= k_; ++l) {
            root const z = root_of(u, l);
            complex const base = z.value / (1.0 + z.apart * ratio_);
            complex mixture = 0.0;
            for (std::int32_t j = k_; j-- > 0;)
                mixture = mixture * base + chances_[at(j)];
            complex const weight = l == 0 ? complex(principal(u, 0)) : share(p, q, z) * p;
            sum += times(l) * weight * std::exp(-n_ * z.log_growth(ratio_)) * mixture;
        }
        return sum.real();
    }

    double expected(double p) const {
        double const q = 1.0 - p;
        if (q < smallest_root_of) {
            double sum = 0.0;
            double reached = first_;
            double power = 1.0;
            for (std::size_t m = 1; m < few; ++m) {
                sum += power * std::max(reached, 0.0);
                reached -= blocks_[m];
                power *= q;
            }
            return sum;
        }
        double const u = -std::log1p(-p) / k_;
        double const u_by_p = p > 0.0 ? u / p : 1.0 / k_;
        double const none_log = std::log1p(ratio_);
        root const first = root_of(u, 0);
        double const apart = first.apart.real();
        double const slow = std::log1p(apart * ratio_);
        double sum = 0.0;
        for (std::int32_t j = 0; j < k_; ++j) {
            double const w = chances_[at(j)];
            if (w == 0.0) continue;
            double const n = n_ + j;
            double const some = -std::expm1(-n * none_log);
            double const fallen = p > 0.0 ? -std::expm1(-n * slow) / p : n * ratio_ / k_;
            // (1 - principal) / p, from (e^(i u) - 1) / p.
            double rest = 0.0;
            for (std::int32_t i = 0; i < k_; ++i)
                rest -= u > 1e-300 ? std::expm1((i - j) * u) / p : (i - j) * u_by_p;
            sum += w * (rest / k_ * some + principal(u, j) * fallen);
        }
        for (std::int32_t l = 1; 2 * l <= k_; ++l) {
            root const z = root_of(u, l);
            complex const log_growth = z.log_growth(ratio_);
            complex const base = z.value / (1.0 + z.apart * ratio_);
            complex const weight = times(l) * share(p, q, z);
            complex power = std::exp(-n_ * log_growth);
            complex turn = 1.0;
            double none = std::exp(-n_ * none_log);
            for (std::int32_t j = 0; j < k_; ++j) {
                // At j = 0 n may be tiny, and the chance of any phase with it.
                complex const some = j == 0 ? none * expm1(n_ * (none_log - log_growth)) : power - none * turn;
                sum -= chances_[at(j)] * (weight * some).real();
                power *= base;
                none /= 1.0 + ratio_;
                turn *= z.value;
            }
        }
        return sum;
    }

    /// How far the integrands are straight lines.
    double straight() const { return 3e-9 / (1.0 + (n_ + k_) * ratio_); }
    double order() const { return n_ + k_; }

  private:
    static constexpr double smallest_root_of = 0.4;
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
    complex share(double, double q, root const& z) const { return z.value / (k_ * q * z.apart); }
    // The weight of the first root times its j-th power: the mean of e^((i - j) u).
    double principal(double u, std::int32_t j) const {
        double sum = 0.0;
        for (std::int32_t i = 0; i < k_; ++i)
            sum += std::exp((i - j) * u);
        return sum / k_;
    }

    static complex expm1(complex z) {
        double const s = std::sin(0.5 * z.imag());
        return {std::expm1(z.real()) * std::cos(z.imag()) - 2.0 * s * s, std::exp(z.real()) * std::sin(z.imag())};
    }

    void add_blocks(std::int32_t j, double w) {
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
    double first_ = 0.0;                 // P(M >= k)
    std::array<double, few> blocks_{};  // P(floor(M / k) = m)
};

bool all_short(beta_geo_cnbd_process const& p, double ratio) {
    return is_short(p.r + (p.k - 1), ratio);
}

// Expected purchases of a customer in phase j, where the sum is short.
double short_expected(beta_geo_cnbd_process const& p, std::int32_t j, double ratio) {
    // E[min(m, K)] = sum over l <= m of P(K >= l).
    double reached = 1.0;
    return phase_series(p.r + j, ratio, j, p.k, 0.0, [&](int m, double mean) {
        if (m > 0) reached *= (p.b + (m - 1.0)) / (p.a + p.b + (m - 1.0));
        return mean + reached;
    });
}

// In phase j alone.
beta_geo_cnbd_process in_phase(beta_geo_cnbd_process process, std::int32_t j);

}  // namespace

std::array<double, largest_k> beta_geo_cnbd_process::phases() const noexcept {
    chances result{};
    double term = 1.0, sum = 1.0;
    result[0] = 1.0;
    for (std::int32_t j = 1; j < k; ++j) {
        term *= (r + (j - 1)) / j * silence;
        sum += term;
        result[static_cast<std::size_t>(j)] = term;
    }
    for (double& w : result)
        w /= sum;
    return result;
}
}  // namespace clavis::lifetime

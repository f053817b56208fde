#include "clavis/numerics/special.hpp"

#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <limits>

#include "clavis/numerics/quadrature.hpp"

namespace clavis::numerics {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double half_log_two_pi = 0.91893853320467274178;

using quiet = boost::math::policies::policy<
    boost::math::policies::domain_error<boost::math::policies::ignore_error>,
    boost::math::policies::pole_error<boost::math::policies::ignore_error>,
    boost::math::policies::overflow_error<boost::math::policies::ignore_error>,
    boost::math::policies::underflow_error<boost::math::policies::ignore_error>,
    boost::math::policies::evaluation_error<boost::math::policies::ignore_error>>;

// From here on the asymptotic series below are exact to the last digit.
constexpr double asymptotic = 10.0;

// ln Gamma(z) - [(z - 1/2) ln z - z + ln(2 pi) / 2] for z >= asymptotic: sum of B_2k / (2k (2k - 1) z^(2k -
// 1)).
double stirling_remainder(double z) {
    double const w = 1.0 / (z * z);
    return (1.0 / 12 -
            w * (1.0 / 360 -
                 w * (1.0 / 1260 -
                      w * (1.0 / 1680 - w * (1.0 / 1188 - w * (691.0 / 360360 -
                                                               w * (1.0 / 156 - w * 3617.0 / 122400))))))) /
           z;
}

// Integral over 0 < y < end of exp(-n y - z (e^y - 1)), which is that of exp(-z v) (1 + v)^-(n + 1) with v = e^y - 1, by
// panels on which it varies by less than e^8.
double laplace_panels(double n, double z, double end) {
    double sum = 0.0;
    for (double low = 0.0; low < end;) {
        double const high =
            std::min(end, low + std::min(1.0, 8.0 / (std::abs(n) + std::abs(z) * std::exp(low + 1.0))));
        sum += integrate16([&](double y) { return std::exp(-n * y - z * std::expm1(y)); }, low, high);
        // Where it falls, it falls ever faster.
        double const slope = n + z * std::exp(high);
        if (slope > 0.0 && z > 0.0 && std::exp(-n * high - z * std::expm1(high)) < 1e-17 * slope * sum) break;
        low = high;
    }
    return sum;
}

// e^y - 1 - y.
double expm1_beyond(double y) {
    if (std::abs(y) > 0.5) return std::expm1(y) - y;
    double sum = 0.0;
    for (double k = 17.0; k > 2.0; --k)
        sum = (1.0 + sum) * (y / k);
    return 0.5 * y * y * (1.0 + sum);
}

// The same integral for z < 0, whose logarithm is convex: what counts lies at its two ends, so panels go from both of
// them towards the lowest point between and stop where the rest is nothing.
double growing_laplace(double n, double z, double end) {
    double const grows = -z;
    auto const slope = [&](double y) { return grows * std::exp(y) - n; };
    // By how much the logarithm is higher at y + h than at y.
    auto const rise = [&](double y, double h) {
        return slope(y) * h + grows * std::exp(y) * expm1_beyond(h);
    };
    double const lowest = n > grows ? std::min(end, std::log(n / grows)) : 0.0;
    // From `from` to the lowest point, relative to the integrand at `from`.
    auto const side = [&](double from, double direction) {
        double sum = 0.0;
        double at = from;
        double fallen = 0.0;
        while (direction * (lowest - at) > 0.0) {
            double const left = direction * (lowest - at);
            double const length = std::min({left, 1.0, 8.0 / std::abs(slope(at))});
            double const low = direction > 0.0 ? at : at - length;
            double const start = at;
            sum += std::exp(fallen) *
                   integrate16([&](double y) { return std::exp(rise(start, y - start)); }, low, low + length);
            fallen += rise(at, direction * length);
            if (length == left || std::exp(fallen) * (left - length) < 1e-17 * sum) break;
            at += direction * length;
        }
        return sum;
    };
    double const half_top = 0.5 * rise(0.0, end);
    return side(0.0, 1.0) + side(end, -1.0) * std::exp(half_top) * std::exp(half_top);
}

}  // namespace

double log_gamma(double z) noexcept {
    if (!(z > 0.0)) return nan;
    if (z == inf) return inf;
    double product = 1.0;
    while (z < asymptotic)
        product *= z++;
    double const value = (z - 0.5) * std::log(z) - z + half_log_two_pi + stirling_remainder(z);
    return product == 1.0 ? value : value - std::log(product);
}

double digamma(double z) noexcept {
    if (!(z > 0.0)) return nan;
    double shift = 0.0;
    while (z < asymptotic)
        shift += 1.0 / z++;
    double const w = 1.0 / (z * z);
    double const series =
        w * (1.0 / 12 -
             w * (1.0 / 120 -
                  w * (1.0 / 252 -
                       w * (1.0 / 240 -
                            w * (1.0 / 132 - w * (691.0 / 32760 - w * (1.0 / 12 - w * 3617.0 / 8160)))))));
    return std::log(z) - 0.5 / z - series - shift;
}

double trigamma(double z) noexcept {
    if (!(z > 0.0)) return nan;
    double shift = 0.0;
    for (; z < asymptotic; ++z)
        shift += 1.0 / (z * z);
    double const w = 1.0 / (z * z);
    double const series =
        w *
        (1.0 / 6 -
         w * (1.0 / 30 -
              w * (1.0 / 42 -
                   w * (1.0 / 30 - w * (5.0 / 66 - w * (691.0 / 2730 - w * (7.0 / 6 - w * 3617.0 / 510)))))));
    return (1.0 + 0.5 / z + series) / z + shift;
}

double log_rising(double z, double n) noexcept {
    if (!(z > 0.0) || !(n >= 0.0)) return nan;
    if (n == 0.0) return 0.0;
    double shift = 0.0;
    if (z < asymptotic) {
        double below = 1.0;
        double above = 1.0;
        while (z < asymptotic) {
            below *= z;
            above *= z + n;
            ++z;
        }
        shift = std::log(below / above);
    }
    double const ratio = std::log1p(n / z);
    return z * ratio - n + (n - 0.5) * ratio + n * std::log(z) +
           (stirling_remainder(z + n) - stirling_remainder(z)) + shift;
}

double log_negative_binomial(double n, double r, double ratio) noexcept {
    if (!(n >= 0.0) || !(r > 0.0) || !(ratio > 0.0)) return nan;
    if (n == 0.0) return -r * std::log1p(ratio);
    // r / (r + n) times the binomial chance of r among r + n, which is the square root below with the remainders of
    // Stirling's series less twice the deviance from the means.
    auto const remainder = [](double z) {
        return z >= asymptotic ? stirling_remainder(z)
                               : log_gamma(z) - (z - 0.5) * std::log(z) + z - half_log_two_pi;
    };
    auto const deviance = [](double excess, double mean) {
        double const e = excess / mean;
        if (e > 1e15) return excess * (std::log(excess) - std::log(mean) - 1.0);
        if (!(std::abs(e) < 0.1)) return e > -1.0 ? mean * ((1.0 + e) * std::log1p(e) - e) : mean;
        // ln(1 + e) = 2 artanh(v), of which the first term cancels against e by hand.
        double const v = e / (2.0 + e);
        double const v2 = v * v;
        double tail = 0.0;
        for (double j = 19.0; j > 1.0; j -= 2.0)
            tail = v2 * (tail + 1.0 / j);
        return excess * v + 2.0 * (mean + excess) * v * tail;
    };
    double const total = r + n;
    double const mean_r = total / (1.0 + ratio);
    double const mean_n = total * (ratio / (1.0 + ratio));
    // Of r over its mean, and of the mean of n over n: next to the means all of its digits count.
    double const excess =
        ratio > 1e100 ? (r - n / ratio) / (1.0 + 1.0 / ratio) : std::fma(r, ratio, -n) / (1.0 + ratio);
    return 0.5 * std::log(r / (total * n)) - half_log_two_pi + remainder(total) - remainder(r) -
           remainder(n) - deviance(excess, mean_r) - deviance(-excess, mean_n);
}

double negative_binomial_tail(double n, double r, double ratio) noexcept {
    if (!(n >= 0.0) || !(r > 0.0) || !(ratio >= 0.0)) return nan;
    if (n == 0.0 || ratio == inf) return 1.0;
    if (ratio == 0.0) return 0.0;
    if (n > 1e10) return boost::math::gamma_q(r, n / ratio, quiet());
    // Of z and 1 - z the smaller one is given, so that neither is rounded away.
    return ratio < 1.0 ? boost::math::ibeta(n, r, ratio / (1.0 + ratio), quiet())
                       : boost::math::ibetac(r, n, 1.0 / (1.0 + ratio), quiet());
}

double log_beta(double a, double b) noexcept {
    double const small = std::min(a, b);
    return log_gamma(small) - log_rising(std::max(a, b), small);
}

double incomplete_beta(double a, double b, double x) noexcept {
    if (!(a > 0.0) || !(b > 0.0) || !(x >= 0.0) || !(x <= 1.0)) return nan;
    return boost::math::ibeta(a, b, x, quiet());
}

double scaled_upper_gamma(double n, double z) noexcept {
    if (!(n > -1.0) || !(z >= 0.0)) return nan;
    if (z == 0.0) return n > 0.0 ? 1.0 / n : inf;
    if (z == inf) return 0.0;
    if (z >= 1.0 || n >= 40.0) {
        // 1 / (z + n + 1 - (n + 1) / (z + n + 3 - 2 (n + 2) / (z + n + 5 - ...))), by Lentz's method.
        double b = z + n + 1.0;
        double c = 1e300;
        double d = 1.0 / b;
        double result = d;
        for (int k = 1; k < 500; ++k) {
            double const numerator = -k * (n + k);
            b += 2.0;
            d = 1.0 / (numerator * d + b);
            c = b + numerator / c;
            double const factor = c * d;
            result *= factor;
            if (std::abs(factor - 1.0) < 3e-16) break;
        }
        return result;
    }
    return laplace_panels(n, z, n > 0.0 ? std::min(42.0 / n, std::log1p(42.0 / z)) : std::log1p(42.0 / z));
}

double laplace_power(double m, double z, double end) noexcept {
    if (!(m > 0.0) || std::isnan(z) || !(end >= 0.0)) return nan;
    if (end == 0.0) return 0.0;
    if (end == inf) return z < 0.0 ? inf : scaled_upper_gamma(m - 1.0, z);
    double const y = std::log1p(end);
    // What lies behind the end is below e^-42 of the whole.
    if (z >= 1.0 && z * end > 42.0) return scaled_upper_gamma(m - 1.0, z);
    return z < 0.0 ? growing_laplace(m - 1.0, z, y) : laplace_panels(m - 1.0, z, y);
}

}  // namespace clavis::numerics

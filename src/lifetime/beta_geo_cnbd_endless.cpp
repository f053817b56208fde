#include <algorithm>
#include <cmath>
#include <vector>

#include "beta_geo_cnbd_sums.hpp"
#include "clavis/numerics/special.hpp"

// Purchases of BG/CNBD-k without an end, discounted.

namespace clavis::lifetime {
namespace {

// Nodes and weights over p ~ Beta(a, b) for 1 / (e + p (1 - e)), e >= smallest: the rule of beta_expectation.
struct dropout_rule {
    std::vector<double> p, weight;

    dropout_rule(double a, double b, double smallest) {
        double const h = 0.25 / std::sqrt(1.0 + 0.13 * (a / (a + b + 1.0)) * (b + 1.0));
        double const mode = std::log(a / b);
        auto const log_density = [&](double y) {
            double const l = std::log1p(std::exp(-std::abs(y)));
            return y > 0.0 ? -(a + b) * l - b * y : a * y - (a + b) * l;
        };
        double const top = log_density(mode);
        double mass = 0.0;
        auto const add = [&](double at, double w) {
            p.push_back(at);
            weight.push_back(w);
            mass += w;
        };
        double const right = -std::expm1(-b * h);
        for (double i = 0.0;; ++i) {
            double const y = mode + i * h;
            double const w = std::exp(log_density(y) - top);
            bool const last = y > 40.0 || !(w > 1e-17 * right * mass);
            add(numerics::logistic(y), last ? w / right : w);
            if (last) break;
        }
        double const left = -std::expm1(-a * h);
        double const left_of_p = -std::expm1(-(a + 1.0) * h);
        double const lowest = std::log(std::min(3e-9 * smallest, 3e-9 / (a + b + 1.0)));
        for (double i = 1.0;; ++i) {
            double const y = mode - i * h;
            double const w = std::exp(log_density(y) - top);
            if (!(w > 1e-17 * left * smallest * mass)) break;
            double const here = std::exp(y) / (1.0 + std::exp(y));
            if (y < lowest) {
                // Density and function are straight lines in p from here: two geometric series.
                double const limit = std::exp(a * y - top);
                add(here, w / left_of_p);
                add(0.0, limit * (1.0 / left - 1.0 / left_of_p));
                break;
            }
            add(here, w);
        }
        for (double& w : weight)
            w /= mass;
    }

    double mean(double e) const {
        double sum = 0.0;
        for (std::size_t i = 0; i < p.size(); ++i)
            sum += weight[i] / (e + p[i] * (1.0 - e));
        return sum;
    }
};

}  // namespace

// The m-th purchase of a customer in phase j comes after m k - j phases, and a phase is worth phi = lambda / (lambda +
// rate) of the time before it: in all phi^(k - j) / (1 - (1 - p) phi^k). The mean over p is a function of phi alone; over
// lambda the trapezoidal rule in ln(alpha lambda).
chances discounted_endless_by_phase(beta_geo_cnbd_process const& process, double rate) {
    double const n = process.r;
    std::int32_t const k = process.k;
    double const z = process.alpha * rate;
    double const h = 0.25 / std::sqrt(1.0 + 0.13 * (n + k));
    double const mode = std::log(n + 0.5 * k);
    double const fastest = n + k + 40.0 + 9.0 * std::sqrt(n + k);
    dropout_rule const dropout(process.a, process.b, -std::expm1(-k * std::log1p(z / fastest)));

    chances mass{}, sum{};
    auto const log_density = [n](double y) { return n * y - std::exp(y); };
    double const top = log_density(mode);
    // Adds the node at y; says how much the largest part counts still.
    auto const add = [&](double y) {
        double const density = std::exp(log_density(y) - top);
        double const log_phi = -std::log1p(z * std::exp(-y));
        double const purchases = dropout.mean(-std::expm1(k * log_phi));
        double const faster = std::exp(y - mode);
        double w = density;
        double counts = 0.0;
        for (std::int32_t j = 0; j < k; ++j) {
            auto const at = static_cast<std::size_t>(j);
            double const term = w * std::exp((k - j) * log_phi) * purchases;
            mass[at] += w;
            sum[at] += term;
            counts = std::max({counts, term / sum[at], w / mass[at]});
            w *= faster;
        }
        return counts;
    };
    for (double i = 0.0; i < 100'000.0; ++i)
        if (add(mode + i * h) < 1e-18) break;
    for (double i = 1.0; i < 100'000.0; ++i) {
        double const y = mode - i * h;
        double const counts = add(y);
        // Below, the density of ln lambda is a power of lambda: geometric series. What is worth discounting falls by one
        // power more.
        if (y < -40.0 && std::exp(y) < 1e-17 * z) {
            for (std::int32_t j = 0; j < k; ++j) {
                auto const at = static_cast<std::size_t>(j);
                double const w = std::exp(log_density(y) - top + j * (y - mode));
                double const log_phi = -std::log1p(z * std::exp(-y));
                mass[at] += w / std::expm1((n + j) * h);
                sum[at] += w * std::exp((k - j) * log_phi) / std::expm1((n + k) * h);
            }
            break;
        }
        if (counts < 1e-18 * -std::expm1(-n * h)) break;
    }
    for (std::size_t j = 0; j < static_cast<std::size_t>(k); ++j)
        sum[j] /= mass[j];
    return sum;
}

}  // namespace clavis::lifetime

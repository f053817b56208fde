#pragma once

// What an active customer spends ahead, drawn from the story of each process: the discounted sum of the amounts of all
// purchases within t.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "beta_geometric.hpp"
#include "clavis/core/random.hpp"
#include "clavis/lifetime/beta_discrete_weibull.hpp"
#include "clavis/lifetime/beta_geo_beta_binomial.hpp"
#include "clavis/lifetime/beta_geo_cnbd.hpp"
#include "clavis/lifetime/beta_geo_nbd.hpp"
#include "clavis/lifetime/gamma_gompertz_nbd.hpp"
#include "clavis/lifetime/nbd.hpp"
#include "clavis/lifetime/pareto_ggg.hpp"
#include "clavis/lifetime/pareto_nbd.hpp"
#include "clavis/lifetime/shifted_beta_geo.hpp"
#include "clavis/numerics/log_incomplete_beta.hpp"

namespace clavis::lifetime {

/// The amounts of one customer: Gamma(p) times scale, or always scale where p is infinite.
struct amount_law {
    double p;
    double scale;

    double draw(random_stream& random) const { return std::isinf(p) ? scale : random.gamma(p) * scale; }
    /// A sum of amounts times weights that add to `first` and whose squares add to `second`, where the variance of the
    /// weights themselves adds `spread` squared means: by the gamma law with its mean and variance.
    double draw_sum(random_stream& random, double first, double second, double spread = 0.0) const {
        double const mean = std::isinf(p) ? scale : p * scale;
        double const variance = mean * mean * (spread + (std::isinf(p) ? 0.0 : second / p));
        double const total = mean * first;
        if (!(variance > 1e-18 * total * total)) return total;
        double const shape = total * total / variance;
        return random.gamma(shape) * (total / shape);
    }
};

/// Purchases in a draw that are drawn one by one.
inline constexpr double drawn_singly = 24.0;

/// A Poisson number however large its mean.
inline double poisson_count(random_stream& random, double mean) {
    if (!(mean > 0.0)) return 0.0;
    if (mean < 1e8) return static_cast<double>(random.poisson(mean));
    return std::max(0.0, std::round(mean + std::sqrt(mean) * random.normal()));
}

/// The mean of exp(-rate u) over 0 < u < span.
inline double mean_discount(double rate, double span) {
    double const z = rate * span;
    return z == 0.0 ? 1.0 : -std::expm1(-z) / z;
}

/// n purchases at independent uniform times within span.
inline double spend_within(random_stream& random, amount_law const& amounts, double n, double span,
                           double rate) {
    if (n <= drawn_singly) {
        double sum = 0.0;
        for (double i = 0.0; i < n; ++i)
            sum += std::exp(-rate * span * random.uniform()) * amounts.draw(random);
        return sum;
    }
    double const first = mean_discount(rate, span);
    double const second = mean_discount(2.0 * rate, span);
    return amounts.draw_sum(random, n * first, n * second, n * std::max(0.0, second - first * first));
}

/// A Poisson buyer of this rate for a time of `life`.
inline double spend_for_life(random_stream& random, amount_law const& amounts, double buys, double life,
                             double t, double rate) {
    double const span = std::min(life, t);
    return spend_within(random, amounts, poisson_count(random, buys * span), span, rate);
}

/// Phases of rate `buys`, each k-th a purchase (`behind` have passed), after each of which the customer leaves with chance
/// `dropout`.
inline double spend_until_dropout(random_stream& random, amount_law const& amounts, double buys, double k,
                                  double behind, double dropout, double t, double rate) {
    double const last = dropout > 0.0 ? 1.0 + static_cast<double>(random.geometric(dropout))
                                      : std::numeric_limits<double>::infinity();
    double const phases = poisson_count(random, buys * t);
    double const possible = std::floor((behind + phases) / k);
    double const n = std::min(last, possible);
    if (n == 0.0) return 0.0;
    // Phases are uniform within t; the n-th purchase is at phase `end` of them.
    double const end = k * n - behind;
    double const share = random.beta(end, phases - end + 1.0);
    double const span = t * (n == last || k > 1.0 ? share : 1.0);
    if (k == 1.0 && n < last) return spend_within(random, amounts, n, t, rate);
    double const at_end = std::exp(-rate * span) * amounts.draw(random);
    if (n == 1.0) return at_end;
    if (k == 1.0 || n > drawn_singly) return at_end + spend_within(random, amounts, n - 1.0, span, rate);
    // Given the last, those before it are sums of phases.
    double total = random.gamma(k);
    double sum = 0.0;
    double gaps[static_cast<std::size_t>(drawn_singly)];
    for (std::size_t i = 0; i + 1 < static_cast<std::size_t>(n); ++i)
        total += gaps[i] = random.gamma(i == 0 ? k - behind : k);
    double reached = 0.0;
    for (std::size_t i = 0; i + 1 < static_cast<std::size_t>(n); ++i) {
        reached += gaps[i];
        sum += std::exp(-rate * span * (reached / total)) * amounts.draw(random);
    }
    return at_end + sum;
}

/// Every one of n opportunities is used with chance `buys`; that at i is discounted by exp(-rate i).
inline double spend_by_period(random_stream& random, amount_law const& amounts, double n, double buys,
                              double rate) {
    if (n <= 4.0 * drawn_singly) {
        double sum = 0.0;
        for (double i = 1.0; i <= n; ++i)
            if (buys >= 1.0 || random.bernoulli(buys)) sum += std::exp(-rate * i) * amounts.draw(random);
        return sum;
    }
    auto const total = [n](double r) {
        return r == 0.0 ? n : std::exp(-r) * std::expm1(-r * n) / std::expm1(-r);
    };
    double const first = total(rate);
    double const second = total(2.0 * rate);
    return amounts.draw_sum(random, buys * first, buys * second, buys * (1.0 - buys) * second);
}

/// How many of `due` opportunities a customer sees who leaves before each with chance `leaves`.
inline double seen_until_leaving(random_stream& random, double leaves, double due) {
    return leaves > 0.0 ? std::min(due, static_cast<double>(random.geometric(leaves))) : due;
}

inline double draw_spend(nbd const& m, random_stream& random, amount_law const& amounts, double t,
                         double rate) {
    return spend_for_life(random, amounts, random.gamma(m.r) / m.alpha, t, t, rate);
}

inline double draw_spend(pareto_nbd const& m, random_stream& random, amount_law const& amounts, double t,
                         double rate) {
    double const buys = random.gamma(m.r) / m.alpha;
    double const life = random.exponential() * m.beta / random.gamma(m.s);
    return spend_for_life(random, amounts, buys, life, t, rate);
}

/// A renewal process with gaps Gamma(k, rate) whose first purchase comes after `wait`, for a time of `span`.
inline double spend_at_renewals(random_stream& random, amount_law const& amounts, double k, double buys,
                                double wait, double span, double rate) {
    double sum = 0.0;
    double at = wait;
    for (double n = 0.0; at <= span; n += 1.0, at += random.gamma(k) / buys) {
        if (n < drawn_singly) {
            sum += std::exp(-rate * at) * amounts.draw(random);
            continue;
        }
        // The rest all but fills its time evenly: counts are normal, with the variance of renewals.
        double const left = span - at;
        double const mean = 1.0 + left * buys / k + 0.5 * (1.0 - k) / k;
        double const count = mean + std::sqrt(left * buys) / k * random.normal();
        if (count < 0.5) return sum;
        return sum + std::exp(-rate * at) * spend_within(random, amounts, std::round(count), left, rate);
    }
    return sum;
}

/// The gap after the last purchase, longer than the silence so far.
inline double draw_running_gap(random_stream& random, pareto_ggg_process::node const& at, double silence) {
    double const scale = at.A / at.k;
    if (at.log_later > -3.0)
        for (;;) {
            double const gap = scale * std::exp(random.log_gamma(at.k) - random.log_gamma(at.n));
            if (gap > silence || silence == 0.0) return gap;
        }
    // P(gap > u) falls from that of the silence: solved for a part of it along ln u.
    double const target = at.log_later + std::log(random.uniform());
    double const z = silence / scale;
    auto const log_later = [&](double y) {
        double const u = z * std::exp(y);
        return numerics::log_incomplete_beta(at.n, at.k, 1.0 / (1.0 + u), u / (1.0 + u));
    };
    double low = 0.0;
    double high = 0.25;
    while (log_later(high) > target && high < 600.0)
        low = high, high *= 2.0;
    for (int i = 0; i < 40 && high - low > 1e-9 * high; ++i) {
        double const middle = 0.5 * (low + high);
        (log_later(middle) > target ? low : high) = middle;
    }
    return silence * std::exp(0.5 * (low + high));
}

inline double draw_spend(pareto_ggg_process const& m, random_stream& random, amount_law const& amounts,
                         double t, double rate) {
    double left = random.uniform();
    std::size_t i = 0;
    while (i + 1 < m.nodes.size() && left > m.nodes[i].weight)
        left -= m.nodes[i++].weight;
    auto const& at = m.nodes[i];
    double const life = random.exponential() * m.beta / random.gamma(m.s);
    double const gap = draw_running_gap(random, at, m.silence);
    double const span = std::min(life, t);
    if (!(gap - m.silence <= span)) return 0.0;
    // With that gap the rate has this posterior.
    double const buys = at.k * (random.gamma(at.n + at.k) / (at.A + at.k * gap));
    return spend_at_renewals(random, amounts, at.k, buys, gap - m.silence, span, rate);
}

inline double draw_spend(gamma_gompertz_nbd const& m, random_stream& random, amount_law const& amounts,
                         double t, double rate) {
    double const buys = random.gamma(m.r) / m.alpha;
    double const life = std::log1p(random.exponential() * m.beta / random.gamma(m.s)) / m.b;
    return spend_for_life(random, amounts, buys, life, t, rate);
}

inline double draw_spend(beta_geo_nbd const& m, random_stream& random, amount_law const& amounts, double t,
                         double rate) {
    double const buys = random.gamma(m.r) / m.alpha;
    return spend_until_dropout(random, amounts, buys, 1.0, 0.0, random.beta(m.a, m.b), t, rate);
}

inline double draw_spend(beta_geo_cnbd_process const& m, random_stream& random, amount_law const& amounts,
                         double t, double rate) {
    auto const phases = m.phases();
    double left = random.uniform();
    std::int32_t behind = 0;
    while (behind + 1 < m.k && left > phases[static_cast<std::size_t>(behind)])
        left -= phases[static_cast<std::size_t>(behind++)];
    double const buys = random.gamma(m.r + behind) / m.alpha;
    return spend_until_dropout(random, amounts, buys, m.k, behind, random.beta(m.a, m.b), t, rate);
}

inline double draw_spend(beta_geo_beta_binomial const& m, random_stream& random, amount_law const& amounts,
                         double t, double rate) {
    double const buys = random.beta(m.alpha, m.beta);
    double const seen = seen_until_leaving(random, random.beta(m.gamma, m.delta), opportunities(t));
    return spend_by_period(random, amounts, seen, buys, rate);
}

inline double draw_spend(shifted_beta_geo const& m, random_stream& random, amount_law const& amounts,
                         double t, double rate) {
    double const seen = seen_until_leaving(random, random.beta(m.alpha, m.beta), opportunities(t));
    return spend_by_period(random, amounts, seen, 1.0, rate);
}

inline double draw_spend(beta_discrete_weibull_process const& m, random_stream& random,
                         amount_law const& amounts, double t, double rate) {
    // Who has renewed `age` times leaves with theta ~ Beta(gamma, delta + age^c), and renews as long as (age + i)^c
    // exceeds age^c by less than an exponential over -ln(1 - theta).
    double const start = std::pow(m.age, m.c);
    double const more = random.exponential() / -std::log1p(-random.beta(m.gamma, m.delta + start));
    double const due = opportunities(t);
    double made = std::floor(std::pow(start + more, 1.0 / m.c) - m.age);
    if (!(made >= 0.0)) made = 0.0;
    return spend_by_period(random, amounts, std::min(made, due), 1.0, rate);
}

}  // namespace clavis::lifetime

#pragma once

// The outer integral of Pareto/GGG, over y = ln k, and its likelihood with gradient and Hessian.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "clavis/lifetime/pareto_ggg.hpp"
#include "pareto_ggg_integral.hpp"
#include "rows.hpp"

namespace clavis::lifetime {

/// A history under a model: what each k makes of it.
class ggg_history {
  public:
    /// log_gap_sum is NaN or -infinity where it is not known.
    ggg_history(pareto_ggg const& model, double x, double tx, double T, double log_gap_sum) noexcept;

    ggg_gap gap(double k) const {
        return {k,        model_.r + shape(k),    model_.alpha + k * tx_,
                model_.s, model_.beta + recency_, model_.beta,
                tau_};
    }
    /// ln of the density of k along ln k and of the history before its last gap.
    double log_before(double k) const noexcept;
    double shape(double k) const { return kind_ == gaps::none ? x_ : k * x_; }
    double tau() const { return tau_; }
    double tx() const { return tx_; }  ///< of the rate: 0 where nothing is known of k
    double recency() const { return recency_; }

    /// Where the posterior of ln k has its mode, roughly, and a step of the trapezoidal rule that resolves it.
    struct place {
        double mode, step;
    };
    place first_guess() const noexcept;

  private:
    enum class gaps : unsigned char { known, summed, none };
    double slope(double y) const noexcept;

    pareto_ggg const& model_;
    double x_, tx_, recency_, tau_, log_gaps_;
    double log_tx_ = 0.0;
    double constant_ = 0.0;
    double log_k_prior_ = 0.0;
    gaps kind_ = gaps::known;
};

/// t ln t - t - ln Gamma(t), which is -ln(2 pi / t) / 2 and little more for large t.
double log_gamma_peak(double t) noexcept;

/// The trapezoidal rule for the integral over y = ln k of exp(log_f). evaluate(y) gives an entry with members y and log_f.
/// Nodes go outwards from the guess until the integrand has fallen by e^31; the step is halved until the sums over its even
/// and odd nodes agree to 1e-4, which leaves an error of 1e-9 or less. `entries` are sorted; the result is the step.
/// An entry with a member `reach` says by it, rather than log_f, how far to go.
template <class Entry, class Evaluate>
double ggg_rule(ggg_history::place guess, std::vector<Entry>& entries, Evaluate&& evaluate,
                double tolerance = 1e-4, double negligible = 31.0) {
    auto const reach = [](Entry const& e) {
        if constexpr (requires { e.reach; })
            return e.reach;
        else
            return e.log_f;
    };
    constexpr int most = 3000;
    constexpr double widest = 650.0;
    entries.clear();
    entries.push_back(evaluate(guess.mode));
    double top = entries[0].log_f;
    double furthest = reach(entries[0]);
    for (double const direction : {-1.0, 1.0}) {
        double before = reach(entries.back());
        if (direction > 0.0) {
            std::reverse(entries.begin(), entries.end());
            before = reach(entries.back());
        }
        for (int i = 1; i < most; ++i) {
            double const y = guess.mode + direction * i * guess.step;
            if (std::abs(y) > widest) break;
            entries.push_back(evaluate(y));
            double const here = reach(entries.back());
            if (std::isnan(here)) break;
            top = std::max(top, entries.back().log_f);
            furthest = std::max(furthest, here);
            if (here < before && here < furthest - negligible) break;
            before = here;
        }
    }
    double step = guess.step;
    for (int halving = 0; halving < 8; ++halving) {
        double sums[2] = {0.0, 0.0};
        for (std::size_t i = 0; i < entries.size(); ++i)
            sums[i % 2] += std::exp(entries[i].log_f - top);
        if (!(std::abs(sums[0] - sums[1]) > tolerance * (sums[0] + sums[1]))) break;
        std::vector<Entry> finer;
        finer.reserve(2 * entries.size());
        for (std::size_t i = 0; i + 1 < entries.size(); ++i) {
            finer.push_back(entries[i]);
            finer.push_back(evaluate(0.5 * (entries[i].y + entries[i + 1].y)));
            top = std::max(top, finer.back().log_f);
        }
        finer.push_back(entries.back());
        entries = std::move(finer);
        step *= 0.5;
    }
    return step;
}

/// -log L of rows at theta = ln (t, gamma, r, alpha, s, beta), in scaled time.
double pareto_ggg_objective(compressed_rows const& rows, std::span<double const> theta,
                            std::span<double> gradient, std::span<double> hessian, unsigned threads);

}  // namespace clavis::lifetime

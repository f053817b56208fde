#pragma once

// Tables of a kernel that is costly to evaluate, as a function of (x, T), for many rows.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <vector>

#include "clavis/core/parallel.hpp"

namespace clavis::lifetime {

/// For each x the kernel is analytic in T > -shift, so on panels of T + shift that reach no further than a ninth of their
/// middle a polynomial through twelve Chebyshev nodes gives it to 1e-14 of its size there. Panels depend on T and the
/// model alone, hence a row's value on nothing but the row. For kernels that do not depend on recency.
class panels_of_age {
  public:
    static constexpr std::size_t nodes = 12;
    /// Histories of more purchases are few: each is a matter of its own.
    static constexpr double most_purchases = 1023.0;

    /// `shift` > 0; `oldest` and `most` are the largest T and x to come. The kernel may give several `functions` at once.
    /// Each factor of two is cut into 2^`fineness` panels.
    panels_of_age(double shift, double oldest, double most, std::size_t functions = 1, int fineness = 2)
        : shift_(shift),
          functions_(functions),
          bits_below_(52 - fineness),
          oldest_(oldest),
          most_(std::min(most, most_purchases)),
          columns_(column(age(oldest)) + 1) {
        places_.resize((static_cast<std::size_t>(most_) + 1) * columns_);
    }

    /// Whether (x, T) is in the panels; a kernel is asked directly where it is not.
    bool holds(double x, double T) const { return x <= most_ && T <= oldest_; }

    /// To be called for every (x, T) that `at` will be asked for, before `evaluate`.
    void add(double x, double T) {
        if (holds(x, T)) places_[place(x, age(T))] = 1;
    }

    /// kernel(x, T, values) at the nodes of every panel that was added; it writes a value of every function.
    template <class Kernel>
    void evaluate(unsigned threads, Kernel&& kernel) {
        std::vector<std::uint32_t> used;
        for (std::size_t k = 0; k < places_.size(); ++k)
            if (places_[k] != 0) {
                places_[k] = static_cast<std::uint32_t>(used.size());
                used.push_back(static_cast<std::uint32_t>(k));
            }
        polynomials_.resize(used.size() * functions_);
        parallel_blocks(used.size(), 4, threads, [&](std::size_t, std::size_t begin, std::size_t end) {
            std::vector<double> values(nodes * functions_);
            for (std::size_t k = begin; k < end; ++k) {
                std::size_t const purchases = used[k] / columns_;
                auto const x = static_cast<double>(purchases);
                auto const [low, width] = panel(used[k] % columns_);
                for (std::size_t i = 0; i < nodes; ++i)
                    kernel(x, (low - 1.0 + width * tables().place[i]) * shift_, &values[i * functions_]);
                for (std::size_t f = 0; f < functions_; ++f)
                    polynomials_[k * functions_ + f] = through(&values[f]);
            }
        });
    }

    double at(double x, double T, std::size_t function = 0) const {
        double const v = age(T);
        auto const& c = polynomials_[places_[place(x, v)] * functions_ + function];
        auto const [low, width] = panel(column(v));
        double const u = 2.0 * ((v - low) / width) - 1.0;
        double const u2 = u * u;
        double const u4 = u2 * u2;
        double const first = (c[0] + u * c[1]) + u2 * (c[2] + u * c[3]);
        double const middle = (c[4] + u * c[5]) + u2 * (c[6] + u * c[7]);
        double const last = (c[8] + u * c[9]) + u2 * (c[10] + u * c[11]);
        return first + u4 * (middle + u4 * last);
    }

  private:
    using polynomial = std::array<double, nodes>;  ///< coefficients of powers of the place in [-1, 1]
    struct interval {
        double low, width;
    };
    struct rule {
        std::array<double, nodes> place{};                      ///< Chebyshev's nodes, on (0, 1)
        std::array<std::array<double, nodes>, nodes> series{};  ///< value at node j to the coefficient of T_k
        std::array<std::array<double, nodes>, nodes> powers{};  ///< T_k in powers
    };

    // Where T lies in units of the shift, from 1 on.
    double age(double T) const { return std::min(1.0 + T / shift_, 1e300); }
    std::size_t column(double v) const {
        return (std::bit_cast<std::uint64_t>(v) - std::bit_cast<std::uint64_t>(1.0)) >> bits_below_;
    }
    std::size_t place(double x, double v) const { return static_cast<std::size_t>(x) * columns_ + column(v); }
    interval panel(std::size_t column) const {
        auto const bound = [&](std::size_t k) {
            return std::bit_cast<double>(std::bit_cast<std::uint64_t>(1.0) +
                                         (std::uint64_t{k} << bits_below_));
        };
        return {bound(column), bound(column + 1) - bound(column)};
    }

    // By Chebyshev's series, whose coefficients fall so fast that its sum in powers rounds nothing more.
    polynomial through(double const* values) const {
        polynomial result{};
        for (std::size_t k = 0; k < nodes; ++k) {
            double coefficient = 0.0;
            for (std::size_t j = 0; j < nodes; ++j)
                coefficient += tables().series[k][j] * values[j * functions_];
            for (std::size_t i = 0; i <= k; ++i)
                result[i] += coefficient * tables().powers[k][i];
        }
        return result;
    }

    static rule const& tables() {
        static rule const made = [] {
            rule t{};
            for (std::size_t j = 0; j < nodes; ++j) {
                double const angle = std::numbers::pi * (static_cast<double>(j) + 0.5) / nodes;
                t.place[j] = 0.5 - 0.5 * std::cos(angle);
                for (std::size_t k = 0; k < nodes; ++k)
                    t.series[k][j] = (k == 0 ? 1.0 : 2.0) / nodes *
                                     std::cos(static_cast<double>(k) * (std::numbers::pi - angle));
            }
            t.powers[0][0] = t.powers[1][1] = 1.0;
            for (std::size_t k = 2; k < nodes; ++k)
                for (std::size_t i = 0; i <= k; ++i)
                    t.powers[k][i] = (i > 0 ? 2.0 * t.powers[k - 1][i - 1] : 0.0) - t.powers[k - 2][i];
            return t;
        }();
        return made;
    }

    double shift_;
    std::size_t functions_;
    int bits_below_;
    double oldest_;
    double most_;
    std::size_t columns_;
    std::vector<std::uint32_t>
        places_;  ///< by x and panel: marked first, then the place among the polynomials
    std::vector<polynomial> polynomials_;
};

/// The kernel of a process that depends on x and T alone, at the whole T of a discrete model: each once.
class whole_ages {
  public:
    whole_ages(double oldest, double most)
        : columns_(static_cast<std::size_t>(std::min(oldest, most_ages)) + 1),
          most_(std::min(most, panels_of_age::most_purchases)),
          values_((static_cast<std::size_t>(most_) + 1) * columns_, not_asked) {}

    bool holds(double x, double T) const { return x <= most_ && T < static_cast<double>(columns_); }
    void add(double x, double T) {
        if (holds(x, T)) values_[place(x, T)] = asked;
    }
    template <class Kernel>
    void evaluate(unsigned threads, Kernel&& kernel) {
        parallel_blocks(values_.size(), 64, threads, [&](std::size_t, std::size_t begin, std::size_t end) {
            for (std::size_t k = begin; k < end; ++k) {
                if (values_[k] != asked) continue;
                std::size_t const purchases = k / columns_;
                std::size_t const age = k % columns_;
                kernel(static_cast<double>(purchases), static_cast<double>(age), &values_[k]);
            }
        });
    }
    double at(double x, double T) const { return values_[place(x, T)]; }

  private:
    static constexpr double most_ages = 1023.0;
    static constexpr double not_asked = -2.0;  // no mean is negative
    static constexpr double asked = -1.0;
    std::size_t place(double x, double T) const {
        return static_cast<std::size_t>(x) * columns_ + static_cast<std::size_t>(T);
    }

    std::size_t columns_;
    double most_;
    std::vector<double> values_;
};

}  // namespace clavis::lifetime

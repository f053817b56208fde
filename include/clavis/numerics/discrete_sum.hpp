#pragma once

// Sums of smooth positive terms over i = 0, 1, ..., n - 1, where n may be large or infinite. What a Gauss-Legendre rule
// is for an integral, the rule from Gram's polynomials (orthogonal over 0 ... L - 1; Golub and Welsch 1969) is for the
// sum of L terms: sixteen of them are exact for polynomials up to degree 31, so blocks may double in length as i grows
// and a sum to 1e9 takes some twenty blocks. Relative error 1e-14 beyond that of the terms.

#include <algorithm>
#include <cmath>
#include <limits>

#include "clavis/numerics/quadrature.hpp"

namespace clavis::numerics {

/// Nodes (as parts of 2^exponent, from the middle of the block) and weights (adding to 1) of the sum of 2^exponent
/// terms; exponent >= 5.
quadrature_rule const& gram16(int exponent);

/// A sum of exponentials of which only the logarithm need fit a double.
class exponential_sum {
  public:
    void add(double log_term, double weight = 1.0) {
        if (!(log_term <= top_)) {
            if (log_term == -std::numeric_limits<double>::infinity()) return;
            sum_ *= std::exp(top_ - log_term);
            top_ = log_term;
        }
        sum_ += weight * std::exp(log_term - top_);
    }
    double log() const { return top_ + std::log(sum_); }
    double value() const { return sum_ == 0.0 ? 0.0 : sum_ * std::exp(top_); }

  private:
    double top_ = -std::numeric_limits<double>::infinity();
    double sum_ = 0.0;
};

struct sum_shape {
    double offset = 1.0;  ///< the terms are analytic within (i + offset) / bend of i
    double bend = 1.0;
    double straight = std::numeric_limits<double>::infinity();  ///< from this i on `bend` is 1
    double tail = 0.0;  ///< an endless sum ends like i^-(tail + 1) or faster; 0: its end is not known
    double settled = std::numeric_limits<double>::infinity();  ///< from this i on exactly like that
    double turn =
        std::numeric_limits<double>::infinity();  ///< about here, within nine times `width`, terms turn down
    double width = std::numeric_limits<double>::infinity();

    /// How long a block may be that begins, or going down ends, at i.
    double room(double i) const {
        double const most = (i + offset) / (i >= straight ? 1.0 : bend);
        if (width == std::numeric_limits<double>::infinity()) return most;
        return std::min(most, std::max(4.0 * width, turn - 9.0 * width - i));
    }
};

/// The sum of exp(log_term(i)). Terms may rise at first; once they fall they go on falling.
template <class LogTerm>
exponential_sum sum_terms(LogTerm&& log_term, double n, sum_shape const& shape) {
    constexpr double negligible = 40.0;
    exponential_sum sum;
    double i = 0.0;
    double here = n > 0.0 ? log_term(0.0) : 0.0;
    while (i < n) {
        double length = 0.0;
        double next = here;
        int exponent = 0;
        double const room = std::min(shape.room(i), n - i);
        if (room >= 32.0) {
            // Halve the block until its logarithm bends and falls by little enough for sixteen nodes.
            for (std::frexp(room, &exponent), --exponent; exponent >= 5; --exponent) {
                double const tried = std::ldexp(1.0, exponent);
                double const middle = log_term(i + 0.5 * tried);
                next = log_term(i + tried);
                if (std::abs(next - here) < 8.0 && std::abs(middle - 0.5 * (here + next)) < 2.0) {
                    length = tried;
                    break;
                }
            }
        }
        double const before = here;
        if (length > 0.0) {
            quadrature_rule const& rule = gram16(exponent);
            double const middle = i + 0.5 * (length - 1.0);
            for (std::size_t k = 0; k < 16; ++k)
                sum.add(log_term(middle + length * rule.nodes[k]), length * rule.weights[k]);
            i += length;
            here = next;
        } else if (i > 0x1p52 && n - i < 32.0) {
            // One more is no other number; the few that are left are alike.
            sum.add(here, n - i);
            break;
        } else {
            for (int k = 0; k < 16 && i < n; ++k, i += 1.0) {
                sum.add(here);
                here = log_term(i + 1.0);
            }
        }
        if (std::isnan(here)) {
            sum.add(here);
            return sum;
        }
        double const left = std::min(n - i, (i + shape.offset) / shape.tail);
        if (here < before && here + std::log(left) < sum.log() - negligible) break;
        if (n - i == std::numeric_limits<double>::infinity() && (i > shape.settled || i > 1e290)) {
            sum.add(here, left);
            break;
        }
    }
    return sum;
}

/// The same where the terms may climb for long before they fall (once): from the highest term on in both directions, so
/// that the way there costs nothing.
template <class LogTerm>
exponential_sum sum_peaked_terms(LogTerm&& log_term, double n, sum_shape const& shape) {
    if (n <= 64.0) return sum_terms(log_term, n, shape);
    // Far out neighbours differ by less than the rounding of their logarithms.
    auto const climbs = [&](double i) {
        double const next = i + std::max(1.0, std::floor(0x1p-10 * i));
        return next < n && log_term(next) > log_term(i);
    };
    double low = -1.0;
    double high = 0.0;
    for (double step = 1.0; climbs(high) && high < 1e290; step *= 2.0) {
        low = high;
        high = std::min(high + step, n - 1.0);
    }
    while (high - low > 1.0) {
        double const middle = std::floor(low + 0.5 * (high - low));
        if (!(middle > low && middle < high)) break;
        (climbs(middle) ? low : high) = middle;
    }
    double const mode = high;
    sum_shape behind = shape;
    behind.offset += mode;
    behind.straight -= mode;
    behind.settled -= mode;
    behind.turn -= mode;
    exponential_sum sum = sum_terms([&](double i) { return log_term(mode + i); }, n - mode, behind);
    double i = mode;  // the terms below i are left
    double here = log_term(mode);
    while (i > 0.0 && !(here + std::log(i) < sum.log() - 40.0) && !std::isnan(here)) {
        double room = std::min(i, 0.5 * (i + shape.offset));
        if (i > shape.turn - 9.0 * shape.width) room = std::min(room, 4.0 * shape.width);
        double length = 0.0;
        double next = here;
        int exponent = 0;
        if (room >= 32.0) {
            for (std::frexp(room, &exponent), --exponent; exponent >= 5; --exponent) {
                double const tried = std::ldexp(1.0, exponent);
                next = log_term(i - tried);
                if (std::abs(next - here) < 8.0 &&
                    std::abs(log_term(i - 0.5 * tried) - 0.5 * (here + next)) < 2.0) {
                    length = tried;
                    break;
                }
            }
        }
        if (length > 0.0) {
            quadrature_rule const& rule = gram16(exponent);
            double const middle = i - 0.5 * (length + 1.0);
            for (std::size_t k = 0; k < 16; ++k)
                sum.add(log_term(middle + length * rule.nodes[k]), length * rule.weights[k]);
            i -= length;
            here = next;
        } else {
            for (int k = 0; k < 16 && i > 0.0; ++k) {
                i -= 1.0;
                here = log_term(i);
                sum.add(here);
            }
        }
    }
    return sum;
}

}  // namespace clavis::numerics

#pragma once

// How unevenly a total is spread over those who make it up (sales over customers). With x_(1) <= ... <= x_(n) and
// total S = Σ x, the Lorenz curve L joins the points (k/n, (x_(1) + ... + x_(k)) / S) by lines, and
//   gini           Σ (2i − n − 1) x_(i) / (n S)      (Gini 1914); times n / (n − 1) without bias
//   gini_bounded   Σ (2i − n − 1) x_(i) / ((n − 1) (S⁺ + S⁻)), S⁺ and S⁻ the sums of the positive values and of the sizes of
//                  the negative ones: within [0, 1] where gini may exceed 1 (Raffinetti, Siletti and Vernizzi 2015); the
//                  unbiased gini where nothing is negative
//   hhi            Σ (x_i / S)² (Herfindahl 1950); effective_size 1 / hhi; hhi_normalized (hhi − 1/n) / (1 − 1/n)
//   top_share(p)   1 − L(1 − p), the part of the total that the largest p of all hold
// Everything that divides by a total that is not positive is NaN. Values are sorted before they are summed (with
// compensation), so that row order does not matter.

#include <cstddef>
#include <span>
#include <vector>

namespace clavis::statistics {

class concentration {
  public:
    /// Throws input_error where a value is NaN or infinite.
    explicit concentration(std::span<double const> values);

    std::size_t size() const noexcept { return top_.size() - 1; }
    double total() const noexcept { return top_.back(); }
    std::size_t negative() const noexcept { return negative_; }  ///< how many values are below 0

    double gini() const noexcept { return gini_; }
    double gini_unbiased() const noexcept { return gini_unbiased_; }  ///< NaN for one value
    double gini_bounded() const noexcept { return gini_bounded_; }    ///< NaN for one value, or zeros alone
    double hhi() const noexcept { return hhi_; }
    double hhi_normalized() const noexcept;  ///< NaN for one value
    double effective_size() const noexcept { return 1 / hhi_; }

    /// Part of the total held by the largest part p in [0, 1] of all, between two values in proportion.
    double top_share(double part) const noexcept;

    /// Part of the total held by the largest ⌈p n⌉ of all, whole values only. A p n within 4 ulp of a whole number
    /// counts as whole.
    double top_share_whole(double part) const noexcept;

    /// The smallest part of all that holds this share of the total, in [0, 1].
    double holders_of(double share) const noexcept;

  private:
    std::vector<double> top_;  // sums of the largest 0, 1, ..., n values
    std::size_t negative_ = 0;
    double gini_;
    double gini_unbiased_;
    double gini_bounded_;
    double hhi_;
};

}  // namespace clavis::statistics

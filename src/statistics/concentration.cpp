#include "clavis/statistics/concentration.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>

#include "clavis/core/errors.hpp"

namespace clavis::statistics {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// Neumaier's sum: the error does not grow with the number of terms.
class compensated_sum {
  public:
    void add(double term) noexcept {
        double const next = sum_ + term;
        lost_ += std::abs(sum_) >= std::abs(term) ? (sum_ - next) + term : (term - next) + sum_;
        sum_ = next;
    }
    double value() const noexcept { return sum_ + lost_; }

  private:
    double sum_ = 0;
    double lost_ = 0;
};

}  // namespace

concentration::concentration(std::span<double const> values)
    : top_(1, 0.0), gini_(nan), gini_unbiased_(nan), gini_bounded_(nan), hhi_(nan) {
    std::vector<double> sorted(values.begin(), values.end());
    for (std::size_t row = 0; row < sorted.size(); ++row) {
        if (std::isfinite(sorted[row])) continue;
        throw input_error(
            {.table = "concentration", .column = "values", .row = static_cast<std::int64_t>(row)},
            "is missing or not finite");
    }
    std::sort(sorted.begin(), sorted.end(), std::greater<>());
    auto const n = static_cast<double>(sorted.size());
    compensated_sum total;
    compensated_sum sizes;
    compensated_sum spread;
    top_.reserve(sorted.size() + 1);
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        double const x = sorted[i];
        total.add(x);
        sizes.add(std::abs(x));
        spread.add((n - 1 - 2 * static_cast<double>(i)) * x);
        negative_ += x < 0 ? 1 : 0;
        top_.push_back(total.value());
    }
    if (sorted.size() > 1 && sizes.value() > 0) gini_bounded_ = spread.value() / ((n - 1) * sizes.value());
    if (!(total.value() > 0)) return;
    gini_ = spread.value() / (n * total.value());
    if (sorted.size() > 1) gini_unbiased_ = gini_ * (n / (n - 1));
    compensated_sum squares;
    for (double const x : sorted)
        squares.add(x / total.value() * (x / total.value()));
    hhi_ = squares.value();
}

double concentration::hhi_normalized() const noexcept {
    auto const n = static_cast<double>(size());
    return size() > 1 ? (hhi_ - 1 / n) / (1 - 1 / n) : nan;
}

double concentration::top_share(double part) const noexcept {
    if (!(total() > 0) || !(part >= 0 && part <= 1)) return nan;
    double const position = part * static_cast<double>(size());
    auto const below = std::min(static_cast<std::size_t>(position), size() - 1);
    double const within = position - static_cast<double>(below);
    return (top_[below] + within * (top_[below + 1] - top_[below])) / total();
}

double concentration::top_share_whole(double part) const noexcept {
    if (!(total() > 0) || !(part >= 0 && part <= 1)) return nan;
    double const position = part * static_cast<double>(size());
    double const slack = 4 * std::numeric_limits<double>::epsilon() * std::max(1.0, position);
    auto const count = static_cast<std::size_t>(std::max(0.0, std::ceil(position - slack)));
    return top_[std::min(count, size())] / total();
}

double concentration::holders_of(double share) const noexcept {
    if (!(total() > 0) || !(share >= 0 && share <= 1)) return nan;
    // The sums rise until the values turn negative, and 1 is reached by then.
    auto const rising = top_.begin() + static_cast<std::ptrdiff_t>(size() - negative_) + 1;
    double const wanted = share * total();
    auto const first = std::lower_bound(top_.begin(), rising, wanted);
    auto const k = static_cast<std::size_t>(std::min(first, rising - 1) - top_.begin());
    if (k == 0) return 0;
    double const within = (wanted - top_[k - 1]) / (top_[k] - top_[k - 1]);
    return (static_cast<double>(k - 1) + std::min(within, 1.0)) / static_cast<double>(size());
}

}  // namespace clavis::statistics

#include "clavis/defection/regularity.hpp"

#include <algorithm>
#include <cmath>

#include "clavis/defection/hazard_clock.hpp"
#include "clavis/numerics/special.hpp"

namespace clavis::defection {
namespace {

void add_counts(std::vector<std::int64_t>& to, std::vector<std::int64_t> const& from) {
    if (to.size() < from.size()) to.resize(from.size());
    for (std::size_t i = 0; i < from.size(); ++i)
        to[i] += from[i];
}

void count(std::vector<std::int64_t>& counts, std::int32_t value) {
    auto const i = static_cast<std::size_t>(value);
    if (counts.size() <= i) counts.resize(i + 1);
    ++counts[i];
}

}  // namespace

void gap_pairs::add_customer(std::vector<std::int32_t> const& gaps) {
    double sum = 0;
    double fourth = 0;
    double own = 0;
    for (std::size_t i = 0; i + 1 < gaps.size(); i += 2) {
        std::int32_t const first = gaps[i];
        std::int32_t const second = gaps[i + 1];
        if (first < 1 || second < 1 || first + second < least_sum) continue;
        double const m = static_cast<double>(first) / (static_cast<double>(first) + second);
        double const square = (m - 0.5) * (m - 0.5);
        ++pairs_;
        ++own;
        sum += square;
        fourth += square * square;
        if (first + second <= exact_days) {
            count(days_, first);
            count(days_, second);
            count(sums_, first + second);
        } else {
            ++long_pairs_;
            long_logs_ += std::log(m * (1 - m));
        }
    }
    squares_ += sum;
    if (own < 3) return;
    ++groups_;
    group_pairs_ += own;
    group_pairs_squared_ += own * own;
    group_sum_ += sum;
    group_squares_ += sum * sum;
    group_cross_ += sum * own;
    group_fourth_ += fourth;
}

gap_pairs& gap_pairs::operator+=(gap_pairs const& other) {
    pairs_ += other.pairs_;
    add_counts(days_, other.days_);
    add_counts(sums_, other.sums_);
    long_pairs_ += other.long_pairs_;
    long_logs_ += other.long_logs_;
    squares_ += other.squares_;
    group_pairs_ += other.group_pairs_;
    group_sum_ += other.group_sum_;
    group_squares_ += other.group_squares_;
    group_cross_ += other.group_cross_;
    group_pairs_squared_ += other.group_pairs_squared_;
    group_fourth_ += other.group_fourth_;
    groups_ += other.groups_;
    return *this;
}

double gap_pairs::log_likelihood(double k) const {
    // Weights relative to a typical day, so that none overflows for k = 20.
    std::vector<double> weight(sums_.size());
    for (std::size_t d = 1; d < weight.size(); ++d) {
        auto const day = static_cast<double>(d);
        // The second difference cancels for long gaps, where its series is short.
        weight[d] = d < 32
                        ? (std::pow(day + 1, k + 1) - 2 * std::pow(day, k + 1) + std::pow(day - 1, k + 1)) /
                              (k * (k + 1))
                        : std::pow(day, k - 1) * (1 + (k - 1) * (k - 2) / (12 * day * day) *
                                                          (1 + (k - 3) * (k - 4) / (30 * day * day)));
    }
    double sum = 0;
    for (std::size_t d = 1; d < days_.size(); ++d)
        if (days_[d] > 0) sum += static_cast<double>(days_[d]) * std::log(weight[d]);
    for (std::size_t total = 2; total < sums_.size(); ++total) {
        if (sums_[total] == 0) continue;
        double all = 0;
        for (std::size_t d = 1; d < total; ++d)
            all += weight[d] * weight[total - d];
        sum -= static_cast<double>(sums_[total]) * std::log(all);
    }
    return sum + (k - 1) * long_logs_ - static_cast<double>(long_pairs_) * numerics::log_beta(k, k);
}

regularity gap_pairs::estimate() const {
    regularity result;
    result.pairs = pairs_;
    if (pairs_ == 0) return result;
    auto const bounded = [](double k) {
        return std::clamp(k, hazard_clock::least_k, hazard_clock::largest_k);
    };
    double const variance = squares_ / static_cast<double>(pairs_);
    result.by_moments = variance > 0 ? bounded((1 - 4 * variance) / (8 * variance)) : hazard_clock::largest_k;

    // Golden section on ln k, then Newton's parabola for the last digits.
    double low = std::log(hazard_clock::least_k);
    double high = std::log(hazard_clock::largest_k);
    double const golden = (std::sqrt(5.0) - 1) / 2;
    double left = high - golden * (high - low);
    double right = low + golden * (high - low);
    double at_left = log_likelihood(std::exp(left));
    double at_right = log_likelihood(std::exp(right));
    while (high - low > 1e-2) {
        if (at_left > at_right) {
            high = right;
            right = left;
            at_right = at_left;
            left = high - golden * (high - low);
            at_left = log_likelihood(std::exp(left));
        } else {
            low = left;
            left = right;
            at_left = at_right;
            right = low + golden * (high - low);
            at_right = log_likelihood(std::exp(right));
        }
    }
    double peak = (low + high) / 2;
    double curvature = 0;
    for (int step = 0; step < 3; ++step) {
        double const h = 0.01;
        double const below = log_likelihood(std::exp(peak - h));
        double const here = log_likelihood(std::exp(peak));
        double const above = log_likelihood(std::exp(peak + h));
        curvature = (2 * here - below - above) / (h * h);
        if (!(curvature > 0)) break;
        peak += std::clamp((above - below) / (2 * h * curvature), -0.02, 0.02);
    }
    result.k = bounded(std::exp(peak));
    bool const inside =
        result.k > 1.005 * hazard_clock::least_k && result.k < 0.995 * hazard_clock::largest_k;
    if (inside && curvature > 0) result.standard_error = result.k / std::sqrt(curvature);

    if (groups_ < 30) return result;
    // Customers' sums of (m - 1/2)^2: their variance about the pooled mean, less what pairs scatter by themselves.
    double const mean = group_sum_ / group_pairs_;
    double const within = group_fourth_ / group_pairs_ - mean * mean;
    double const scatter =
        group_squares_ - 2 * mean * group_cross_ + mean * mean * group_pairs_squared_ - within * group_pairs_;
    double const between = scatter / (group_pairs_squared_ - group_pairs_);
    result.spread = std::sqrt(std::max(between, 0.0)) / mean;
    // Under alike customers a sum of n has variance n `within`; its square scatters by about twice the square of that.
    result.spread_z = scatter / (within * std::sqrt(2 * group_pairs_squared_));
    return result;
}

}  // namespace clavis::defection

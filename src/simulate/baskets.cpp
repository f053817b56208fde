#include "baskets.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace clavis::simulate {

namespace {

constexpr std::int64_t most_lines = 50;
constexpr std::int32_t most_pieces = 99;
constexpr double another_piece = 0.35;  // chance of one more of the same article
constexpr double dearest = 1e12;        // cents; keeps every sum far from overflow

}  // namespace

double draw_spend_mean(shop_options const& options, random_stream random) {
    double const q = options.spend_heterogeneity;
    return options.mean_spend * (q - 1) / random.gamma(q);
}

void basket_maker::start(double spend_mean, random_stream random) {
    spend_mean_ = spend_mean;
    random_ = random;
    // Tastes are Dirichlet(1, ..., 1) times popularities that fall as 1, 1/2, 1/3, ...
    preference_.resize(options_.categories.size());
    double sum = 0;
    for (std::size_t c = 0; c < preference_.size(); ++c)
        preference_[c] = sum += random_.exponential() / static_cast<double>(c + 1);
}

void basket_maker::add_order(instant time, int day, std::int32_t order, std::vector<order_line>& lines) {
    double const amount = 100 * spend_mean_ * random_.gamma(options_.spend_shape) / options_.spend_shape;
    part_.resize(
        static_cast<std::size_t>(1 + std::min(most_lines - 1, random_.poisson(options_.extra_lines))));
    part_.front() = 1;
    if (part_.size() > 1)
        for (double& part : part_)
            part = random_.exponential();
    double const parts = std::accumulate(part_.begin(), part_.end(), 0.0);
    for (double const part : part_) {
        double const taste = random_.uniform() * preference_.back();
        auto const category =
            std::upper_bound(preference_.begin(), preference_.end(), taste) - preference_.begin();
        std::int32_t quantity = 1;
        while (quantity < most_pieces && random_.bernoulli(another_piece))
            ++quantity;
        double const price = std::clamp(std::floor(amount * part / parts / quantity + 0.5), 1.0, dearest);
        lines.push_back({.time = time,
                         .day = day,
                         .order = order,
                         .price = static_cast<std::int64_t>(price),
                         .quantity = quantity,
                         .category = static_cast<std::uint8_t>(
                             std::min<std::ptrdiff_t>(category, std::ssize(preference_) - 1))});
    }
}

}  // namespace clavis::simulate

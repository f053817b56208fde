#include "baskets.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "company_events.hpp"

namespace clavis::simulate {

namespace {

constexpr std::int64_t most_lines = 50;
constexpr std::int8_t most_pieces = 99;
constexpr double another_piece = 0.35;  // chance of one more of the same article
constexpr double dearest = 1e12;        // cents; keeps every sum far from overflow

/// A number in [0, 1) from 16 of 64 random bits.
double part_of(std::uint64_t bits, int which) {
    return static_cast<double>(bits >> 16 * which & 0xFFFF) * 0x1p-16;
}

}  // namespace

double draw_spend_mean(shop_options const& options, random_stream random) {
    double const q = options.spend_heterogeneity;
    return options.mean_spend * (q - 1) / random.gamma(q);
}

basket_maker::basket_maker(shop_options const& options)
    : options_(options),
      no_extra_line_(portable::exp(-options.extra_lines)),
      price_rise_day_(price_rise_day(options)) {}

void basket_maker::draw_preferences(customer_story& story, random_stream& random) {
    // Tastes are Dirichlet(1, ..., 1) times popularities that fall as 1, 1/2, 1/3, ...
    preference_.resize(options_.categories.size());
    double sum = 0;
    for (std::size_t c = 0; c < preference_.size(); ++c)
        preference_[c] = sum += random.exponential() / static_cast<double>(c + 1);
    story.dropped_category = no_code;
}

std::int64_t basket_maker::draw_extra_lines(random_stream& random) const {
    double const mean = options_.extra_lines;
    if (!(mean > 0) || mean >= 10) return random.poisson(mean);
    // random.poisson with its exponential kept.
    double term = no_extra_line_;
    double rest = random.uniform();
    std::int64_t count = 0;
    while (rest > term && term >= 0x1p-60) {
        rest -= term;
        ++count;
        term *= mean / static_cast<double>(count);
    }
    return count;
}

void basket_maker::run(customer_story& story, basket_streams random, std::vector<order_time> const& orders,
                       std::vector<order_line>& lines) {
    draw_preferences(story, random.baskets);
    // Which category is dropped is drawn by taste, whether or not one is.
    bool const drops = random.stores.bernoulli(options_.dropped_category_share);
    double const dropped = random.stores.uniform() * preference_.back();
    int drop_day = std::numeric_limits<int>::max();
    if (drops && story.plan.kind == shop_change::halving && preference_.size() > 1) {
        auto const which = std::min<std::ptrdiff_t>(
            std::upper_bound(preference_.begin(), preference_.end(), dropped) - preference_.begin(),
            std::ssize(preference_) - 1);
        story.dropped_category = static_cast<std::uint8_t>(which);
        drop_day = story.plan.day;
        afterwards_ = preference_;
        auto const c = static_cast<std::size_t>(which);
        double const mass = preference_[c] - (c > 0 ? preference_[c - 1] : 0);
        for (std::size_t i = c; i < afterwards_.size(); ++i)
            afterwards_[i] = i == c ? (c > 0 ? preference_[c - 1] : 0) : afterwards_[i] - mass;
    }
    double const scale = 100 * story.spend_mean / options_.spend_shape;
    std::int32_t order = 0;
    for (order_time const& when : orders) {
        double amount = scale * random.baskets.gamma(options_.spend_shape);
        if (when.day >= price_rise_day_) amount *= 1 + options_.price_rise;
        auto const size =
            static_cast<std::size_t>(1 + std::min(most_lines - 1, draw_extra_lines(random.baskets)));
        part_.resize(size);
        part_.front() = 1;
        if (size > 1)
            for (double& part : part_)
                part = random.baskets.exponential();
        double const parts = std::accumulate(part_.begin(), part_.end(), 0.0);
        std::uint8_t store = story.profile.home_store;
        if (!random.stores.bernoulli(options_.home_store_share))
            store = static_cast<std::uint8_t>(random.stores.below(options_.stores.size()));
        auto const& preference = when.day >= drop_day ? afterwards_ : preference_;
        for (double const part : part_) {
            double const taste = random.baskets.uniform() * preference.back();
            std::size_t category = 0;
            while (category + 1 < preference.size() && preference[category] <= taste)
                ++category;
            if (category == story.dropped_category && when.day >= drop_day)
                category = category > 0 ? category - 1 : 1;
            std::int8_t quantity = 1;
            while (quantity < most_pieces && random.baskets.bernoulli(another_piece))
                ++quantity;
            double const price = std::clamp(std::floor(amount * part / parts / quantity + 0.5), 1.0, dearest);
            std::uint64_t const bits = random.articles();
            double const product = part_of(bits, 0);
            order_line line;
            line.price = static_cast<std::int64_t>(price);
            line.time = when.time;
            line.order = order;
            line.quantity = quantity;
            line.category = static_cast<std::uint8_t>(category);
            line.product = product < 0.5 ? 1 : product < 0.8 ? 0 : 2;
            if (part_of(bits, 1) < options_.discount_chance)
                line.discount = static_cast<std::uint8_t>(10 * (1 + (bits >> 32 & 0xFFFF) % 3));
            line.store = store;
            lines.push_back(line);
        }
        ++order;
    }
}

}  // namespace clavis::simulate

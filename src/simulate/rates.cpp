#include "rates.hpp"

#include <algorithm>
#include <limits>

namespace clavis::simulate {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Gamma with the given shape and mean; all mass at the mean where the shape is infinite.
double gamma_with_mean(random_stream& random, double shape, double mean) {
    return shape == infinity ? mean : random.gamma(shape) * (mean / shape);
}

}  // namespace

buying_habit draw_habit(shop_options const& options, double arrival_end, random_stream random) {
    buying_habit habit{};
    habit.arrival = draw_arrival(arrival_end, random);
    habit.rate = gamma_with_mean(random, options.rate_shape, options.mean_rate);
    // Far below 0.1 a shape means bunches within a second; such customers are not of this world.
    habit.regularity =
        std::max(0.1, gamma_with_mean(random, options.regularity_shape, options.mean_regularity));
    return habit;
}

void purchase_maker::plan_stretches(customer_story const& story) {
    int const days = clock_.days();
    borders_.clear();
    if (story.plan.kind != shop_change::none) borders_.push_back(story.plan.day);
    for (rate_window const& window : story.windows) {
        borders_.push_back(window.from);
        borders_.push_back(std::min(window.until, days));
    }
    std::sort(borders_.begin(), borders_.end());
    stretches_.clear();
    int from = 0;
    auto add = [&](int until) {
        double rate = story.habit.rate / 7;
        if (story.plan.kind != shop_change::none && from >= story.plan.day) rate *= story.plan.ratio;
        for (rate_window const& window : story.windows)
            if (from >= window.from && from < window.until) rate *= window.ratio;
        stretches_.push_back({until < days ? clock_.at_start_of(until) : infinity, rate});
        from = until;
    };
    for (int const border : borders_)
        if (border > from && border < days) add(border);
    add(days);
}

void purchase_maker::run(customer_story const& story, random_stream random,
                         std::vector<double>& season_times) {
    buying_habit const& habit = story.habit;
    season_times.push_back(habit.arrival);
    if (story.plan.kind == shop_change::one_time) return;
    plan_stretches(story);
    double const end = clock_.days();
    double now = habit.arrival;
    auto current = stretches_.begin();
    while (current->until <= now)
        ++current;
    for (;;) {
        // The gap in expected purchases is used up at the rate of each stretch in turn.
        double gap =
            habit.regularity == 1 ? random.exponential() : random.gamma(habit.regularity) / habit.regularity;
        while (current->until < infinity) {
            double const unused = (current->until - now) * current->rate;
            if (gap < unused) break;
            gap -= unused;
            now = current->until;
            ++current;
        }
        now += gap / current->rate;
        if (!(now < end)) return;
        season_times.push_back(now);
    }
}

}  // namespace clavis::simulate

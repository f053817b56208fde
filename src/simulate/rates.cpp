#include "rates.hpp"

#include <algorithm>

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
    habit.arrival = random.uniform() * arrival_end;
    habit.rate = gamma_with_mean(random, options.rate_shape, options.mean_rate);
    // Far below 0.1 a shape means bunches within a second; such customers are not of this world.
    habit.regularity =
        std::max(0.1, gamma_with_mean(random, options.regularity_shape, options.mean_regularity));
    return habit;
}

void draw_purchases(buying_habit const& habit, change_plan const& plan, season_clock const& clock,
                    random_stream random, std::vector<double>& season_times) {
    season_times.push_back(habit.arrival);
    if (plan.kind == shop_change::one_time) return;
    double const end = clock.days();
    double const change = plan.kind == shop_change::none ? infinity : clock.at_start_of(plan.day);
    double const before = habit.rate / 7;
    double const after = before * plan.ratio;
    double now = habit.arrival;
    for (;;) {
        // The gap in expected purchases is used up at the rate before the change, then at the rate after it.
        double gap =
            habit.regularity == 1 ? random.exponential() : random.gamma(habit.regularity) / habit.regularity;
        if (now < change) {
            double const unused = (change - now) * before;
            if (gap < unused) {
                now += gap / before;
            } else {
                gap -= unused;
                now = change + gap / after;
            }
        } else {
            now += gap / after;
        }
        if (!(now < end)) return;
        season_times.push_back(now);
    }
}

}  // namespace clavis::simulate

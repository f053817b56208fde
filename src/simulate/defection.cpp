#include "defection.hpp"

#include <algorithm>
#include <cstdint>

namespace clavis::simulate {

change_plan draw_change(shop_options const& options, change_window window, int first_day,
                        random_stream random) {
    double const u = random.uniform();
    double bound = options.one_time_share;
    if (u < bound) return {shop_change::one_time, first_day + 1, 0};

    change_plan plan;
    if (u < (bound += options.stop_share)) {
        plan = {shop_change::stop, -1, 0};
    } else if (u < (bound += options.halving_share)) {
        plan = {shop_change::halving, -1, 0.5};
    } else if (u < bound + options.growth_share) {
        plan = {shop_change::growth, -1, options.growth_ratio};
    } else {
        return plan;
    }
    int const from = std::max(window.from, first_day + 1);
    if (from > window.until) return {};
    auto const possible = static_cast<std::uint64_t>(window.until - from) + 1;
    plan.day = from + static_cast<int>(random.below(possible));
    return plan;
}

change_cause draw_cause(shop_options const& options, change_plan const& plan, random_stream random) {
    if (plan.kind != shop_change::stop && plan.kind != shop_change::halving) return change_cause::none;
    double const u = random.uniform();
    if (u < options.complaint_cause_share) return change_cause::complaint;
    if (u < options.complaint_cause_share + options.life_event_cause_share) return change_cause::life_event;
    return change_cause::unknown;
}

}  // namespace clavis::simulate

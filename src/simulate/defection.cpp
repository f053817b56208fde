#include "defection.hpp"

#include <algorithm>
#include <cstdint>

#include "clavis/core/random.hpp"

namespace clavis::simulate {

change_plan draw_change(shop_options const& options, change_window window, int first_day,
                        random_stream random) {
    double const u = random.uniform();
    double bound = options.one_time_share;
    if (u < bound) return {shop_change::one_time, first_day + 1, 0};

    change_plan plan;
    if (u < (bound += options.stop_share)) {
        plan = {shop_change::stop, -1, 0, change_cause::unknown};
    } else if (u < (bound += options.halving_share)) {
        plan = {shop_change::halving, -1, 0.5, change_cause::unknown};
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

base_hazard::base_hazard(shop_options const& options, change_window window, int first_day)
    : from_(std::max(window.from, first_day + 1)), until_(window.until), length_(until_ - from_ + 1) {
    double const others = 1 - options.one_time_share - options.growth_share;
    double const defecting = options.stop_share + options.halving_share;
    share_ = others > 0 ? std::min(1.0, defecting / others) : 0;
}

change_plan apply_incidents(shop_options const& options, change_window window, int price_day,
                            customer_story const& story, random_stream random) {
    change_plan plan = story.plan;
    if (plan.kind == shop_change::one_time || plan.kind == shop_change::growth) return plan;
    base_hazard const base(options, window, story.first_day);
    double const defecting = options.stop_share + options.halving_share;
    if (defecting == 0 || base.from() > base.until()) return plan;

    auto apply = [&](int day, double ratio, double half_life, change_cause cause, std::size_t which) {
        int const last = plan.day < 0 ? base.until() : std::min(base.until(), plan.day - 1);
        if (ratio == 1 || day >= last) return;
        double const decay = portable::exp(-0.6931471805599453 / half_life);
        int today = std::max(day + 1, base.from());
        double excess = (ratio - 1) * portable::exp(-0.6931471805599453 / half_life * (today - day - 1));
        double left = random.uniform();  // comes about where survival falls to it
        bool const stops = random.uniform() * defecting < options.stop_share;
        for (double survival = 1; today <= last; ++today, excess *= decay) {
            survival *= 1 - std::min(1.0, base.at(today) * excess);
            if (survival > left) continue;
            plan = {stops ? shop_change::stop : shop_change::halving, today, stops ? 0 : 0.5, cause, which};
            return;
        }
    };
    for (std::size_t i = 0; i < story.contacts.size(); ++i) {
        contact_draft const& contact = story.contacts[i];
        if (contact.kind != contact_kind::complaint) continue;
        apply(contact.day,
              contact.resolved ? options.resolved_complaint_hazard_ratio : options.complaint_hazard_ratio,
              options.complaint_half_life, change_cause::complaint, i);
    }
    for (std::size_t i = 0; i < story.life_events.size(); ++i)
        apply(story.life_events[i].day, options.life_event_hazard_ratio, options.life_event_half_life,
              change_cause::life_event, i);
    apply(price_day - 1, options.price_hazard_ratio, options.price_half_life, change_cause::price, 0);
    return plan;
}

}  // namespace clavis::simulate

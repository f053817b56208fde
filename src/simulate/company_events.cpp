#include "company_events.hpp"

#include <algorithm>

#include "seasons.hpp"

namespace clavis::simulate {

std::vector<company_event> company_events(shop_options const& options) {
    std::vector<company_event> events;
    if (options.days < 90) return events;
    auto add = [&](company_event_kind kind, double share, int days, double effect) {
        int const day = static_cast<int>(options.days * share);
        if (days > 0) events.push_back({kind, day, std::min(days, options.days - day), effect});
    };
    add(company_event_kind::outage, 0.40, options.outage_days, options.outage_ratio);
    if (options.price_rise != 0) add(company_event_kind::price_change, 0.60, 1, 1 + options.price_rise);
    add(company_event_kind::anniversary, 0.75, options.anniversary_days, options.anniversary_ratio);
    return events;
}

int price_rise_day(shop_options const& options) {
    for (company_event const& event : company_events(options))
        if (event.kind == company_event_kind::price_change) return event.day;
    return options.days;
}

void add_company_events(shop_options const& options, season_clock const& clock, shop_events& table) {
    for (company_event const& event : company_events(options)) {
        table.time.push_back(clock.start_of(event.day));
        table.kind.push_back(event.kind);
        table.days.push_back(event.days);
        table.effect.push_back(event.effect);
    }
}

}  // namespace clavis::simulate

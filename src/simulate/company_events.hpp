#pragma once

// What happens to the company as a whole: an outage at 40 % of the period, a price rise at 60 % and an anniversary at
// 75 %, in periods of at least 90 days. Outage and anniversary bend the season; the price rise multiplies prices, and
// raises the hazard of stops and halvings.

#include <vector>

#include "clavis/simulate/shop_options.hpp"
#include "clavis/simulate/shop_tables.hpp"

namespace clavis::simulate {

class season_clock;

struct company_event {
    company_event_kind kind;
    int day;  ///< from 0
    int days;
    double effect;
};

std::vector<company_event> company_events(shop_options const& options);

/// The first day of the new prices; days of the period where they never rise.
int price_rise_day(shop_options const& options);

void add_company_events(shop_options const& options, season_clock const& clock, shop_events& events);

}  // namespace clavis::simulate

#pragma once

// One customer while being simulated: what the aspects hand on to each other.

#include <cstdint>
#include <vector>

#include "clavis/simulate/shop_tables.hpp"

namespace clavis::simulate {

struct change_plan {
    shop_change kind = shop_change::none;
    int day = -1;      ///< the first day of the new rate, from 0; -1 without change
    double ratio = 1;  ///< rate after over rate before
    change_cause cause = change_cause::none;
    std::size_t incident = 0;  ///< which contact or life event, where that is the cause
};

struct buying_habit {
    double rate;        ///< purchases a week of average season
    double regularity;  ///< shape of the gaps
    double arrival;     ///< season time of the first purchase
};

struct customer_profile {
    customer_segment segment;
    std::uint8_t region;
    std::uint8_t owner;
    std::uint8_t home_store;
    acquisition_channel channel;
    double age;     ///< years at the start of the period
    double income;  ///< relative, before what spending says about it
    double late_payment_chance;
};

struct contact_draft {
    instant time;
    int day;  ///< from 0
    contact_kind kind;
    contact_direction direction;
    contact_channel channel;
    contact_topic topic;
    std::uint8_t staff;
    bool resolved;  ///< complaints alone
    double sentiment;
    double response;    ///< seconds until the answer
    double resolution;  ///< seconds from the answer until the resolution
};

struct life_event_draft {
    instant time;
    int day;
    life_event_kind kind;
};

/// A stretch of days with another rate.
struct rate_window {
    int from;   ///< day, from 0
    int until;  ///< the day after the last
    double ratio;
};

struct customer_story {
    std::int64_t id = 0;
    buying_habit habit{};
    customer_profile profile{};
    int first_day = 0;  ///< from 0
    change_plan plan;
    double spend_mean = 0;
    // Share of wallet and attitude
    double wallet = 0;
    double share = 0;
    double wallet_ratio = 1;
    double share_ratio = 1;
    change_label label = change_label::none;
    double attitude = 0;
    double attitude_drop = 0;
    bool spurious = false;
    response_type response = response_type::lost_cause;
    std::uint8_t dropped_category = no_code;
    std::vector<contact_draft> contacts;
    std::vector<life_event_draft> life_events;
    std::vector<rate_window> windows;  ///< of campaigns

    /// The first day on which nothing happens any more, `days` where there is none.
    int last_day(int days) const { return plan.ratio == 0 && plan.day < days ? plan.day : days; }
};

}  // namespace clavis::simulate

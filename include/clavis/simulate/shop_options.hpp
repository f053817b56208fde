#pragma once

// What can be asked of a simulated shop, by aspect. docs/methods/simulate.md gives the law behind every number. A share,
// rate or count of 0 turns its aspect off and leaves the streams of random numbers of all others as they were.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clavis/core/time.hpp"

namespace clavis::simulate {

struct shop_options {
    std::int64_t customers = 1000;
    std::uint64_t seed = 1;
    sys_days start{std::chrono::days{19358}};  ///< the first day, 2023-01-01
    int days = 730;                            ///< length of the period, 1 to 36525
    std::string time_zone = "Europe/Berlin";
    std::optional<sys_days> acquired_until{};  ///< last day of first purchases; default: 60 % of the period

    // Purchases
    double rate_shape = 1.0;        ///< shape of the gamma law of rates; inf: all alike
    double mean_rate = 0.25;        ///< purchases a week, mean over customers
    double regularity_shape = 6.0;  ///< shape of the gamma law of regularities; inf: all alike
    double mean_regularity = 1.5;   ///< 1: Poisson purchases; above: more regular

    // Orders and their lines
    double spend_shape = 6.0;          ///< p of the gamma-gamma law: how alike a customer's orders are
    double spend_heterogeneity = 4.0;  ///< q > 1 of the gamma-gamma law
    double mean_spend = 35.0;          ///< amount of an order, mean over customers
    double extra_lines = 0.6;          ///< mean number of lines of an order beyond the first
    std::vector<std::string> categories{"grocery", "household", "drinks", "care", "toys", "garden"};
    std::vector<std::string> stores{"center", "north", "south", "online"};
    double home_store_share = 0.85;   ///< of the orders, those in the customer's own store
    double discount_chance = 0.15;    ///< of a line
    double mean_cost_ratio = 0.65;    ///< cost of goods over list price, mean over categories
    double late_share = 0.01;         ///< of the lines, those that are known later than they happened
    double mean_late_delay = 3.0;     ///< days until such a line is known
    double return_chance = 0.05;      ///< of a sale line, mean over customers; 0: no returns
    double mean_return_delay = 10.0;  ///< days

    // Payment by those who buy on account, the business customers
    double payment_days = 30.0;        ///< from the purchase to the day it is due
    double late_payment_chance = 0.2;  ///< of an order, mean over customers
    double mean_payment_delay = 12.0;  ///< days after the due time, of late payments

    // Changes
    double stop_share = 0.15;
    double halving_share = 0.15;
    double growth_share = 0.10;
    double one_time_share = 0.15;
    double growth_ratio = 1.6;                ///< rate after over rate before, for growth
    std::optional<sys_days> changes_from{};   ///< first possible change_day; default: half of the period
    std::optional<sys_days> changes_until{};  ///< last possible change_day; default: 85 % of the period
    double dropped_category_share = 0.3;      ///< of the halvings, those that give up one category

    // What raises the hazard of a stop or a halving: the ratio on the day after, and how fast its excess decays
    double complaint_hazard_ratio = 12.0;          ///< after a complaint that is not resolved
    double resolved_complaint_hazard_ratio = 2.0;  ///< after one that is
    double complaint_half_life = 30.0;             ///< days
    double life_event_hazard_ratio = 6.0;
    double life_event_half_life = 60.0;  ///< days
    double price_hazard_ratio = 1.5;     ///< after the price rise
    double price_half_life = 45.0;       ///< days

    // Contacts and life events
    double contact_rate = 0.8;          ///< inquiries, complaints and praise a year
    double complaint_share = 0.25;      ///< of these contacts
    double praise_share = 0.15;         ///< of these contacts
    double visit_rate = 2.0;            ///< visits a year, to business customers
    double resolved_share = 0.65;       ///< of the complaints, mean over staff
    double staff_spread = 0.15;         ///< how far the best and the worst of the staff are from that
    double mean_response_hours = 20.0;  ///< until a contact is answered
    double mean_resolution_days = 4.0;  ///< from the answer until a complaint is resolved
    double life_event_rate = 0.08;      ///< a year

    // Share of wallet
    double mean_share = 0.5;           ///< of what a customer spends on all suppliers, mean over customers
    double share_concentration = 4.0;  ///< a + b of its beta law: larger is more alike
    double switched_share = 0.7;  ///< of the stops and halvings, those that go to others; the rest need less
    double losing_share = 0.4;    ///< of the growing customers, those whose share falls
    double losing_ratio = 0.7;    ///< share after over share before, for them
    double wallet_panel_share =
        0.1;  ///< of the customers, those asked every quarter what they spend elsewhere
    double wallet_answer_chance = 0.8;
    double wallet_noise = 0.15;  ///< standard deviation of the logarithm of what they report

    // Attitude and surveys
    double spurious_share = 0.08;    ///< customers with a high share and a low attitude
    double attitudinal_share = 0.6;  ///< of the stops and halvings, those before which the attitude falls
    double attitude_drop = 1.5;      ///< standard deviations
    double attitude_lead = 90.0;     ///< days over which it falls
    double survey_interval = 182.0;  ///< days between invitations
    double survey_response_chance = 0.3;  ///< of an invitation

    // Customers, referrals, campaigns, interviews
    std::array<double, 4> segment_weights{0.35, 0.30, 0.20, 0.15};  ///< single, family, senior, business
    double referral_share = 0.2;      ///< of the customers, those whom an earlier, satisfied customer sends
    int campaigns = 4;                ///< at even distances over the period
    double campaign_reach = 0.3;      ///< of the customers so far, those who are in a campaign
    double treated_share = 0.5;       ///< of these, those it goes to; the others are its control group
    int campaign_days = 28;           ///< how long it works
    double persuadable_share = 0.2;   ///< customers who then buy more
    double sleeping_dog_share = 0.1;  ///< customers who then buy less
    double persuaded_ratio = 1.8;     ///< rate with the campaign over rate without
    double annoyed_ratio = 0.6;       ///< the same for sleeping dogs
    double campaign_cost = 1.2;       ///< for each customer treated
    double interview_share = 0.3;     ///< of the stops and halvings, those asked for an interview
    double interview_refusal = 0.25;  ///< of those asked
    double interview_error = 0.1;     ///< of the interviews, those that give another cause

    // The company: a price rise, an outage and an anniversary, in periods of 90 days and more
    double price_rise = 0.04;         ///< of all prices
    double outage_ratio = 0.3;        ///< business during the outage over business without it
    int outage_days = 3;              ///< 0: none
    double anniversary_ratio = 1.25;  ///< the same for the anniversary
    int anniversary_days = 7;         ///< 0: none

    std::array<double, 7> weekday_weights{0.9, 0.85, 0.9, 1.0, 1.25, 1.6, 0.0};  ///< Monday first; 0: closed
    std::array<double, 12> month_weights{0.85, 0.85, 0.95, 1.0, 1.0, 0.95, 0.9, 0.9, 1.0, 1.0, 1.2, 1.4};
    std::array<double, 24> hour_weights{0,   0,   0,   0,   0,   0,   0,   0,   0, 0.6, 0.9, 1.2,
                                        1.4, 1.0, 0.8, 0.9, 1.2, 1.6, 1.5, 0.8, 0, 0,   0,   0};

    /// Throws input_error that names the option and its value.
    void validate() const;
};

/// An option that is a number, its name and what it may be.
struct number_option {
    std::string_view name;
    double shop_options::*member;
    double low;
    double high;
    std::string_view rule;  ///< the bounds in words
    bool above = false;     ///< low itself is not allowed
};

/// Every option that is a real number, in the order above.
std::span<number_option const> number_options();

}  // namespace clavis::simulate

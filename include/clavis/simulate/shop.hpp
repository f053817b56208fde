#pragma once

// A whole shop with planted truth. Customers arrive over the first part of the period, buy at their own rates (gamma
// across customers) with gamma gaps between purchases, spend by the gamma-gamma law (Colombo and Jiang 1999), and
// return some lines. Purchases happen in opening hours of a real time zone, and the company's weekly and yearly
// seasons bend every customer's clock alike: with m(t) the season (mean 1 over the period), a customer's purchases
// are a renewal process in the time
//   u(t) = rate * integral of m c,   gaps ~ Gamma(regularity) / regularity,
// where c is 1 at first, rate_ratio from the day of change on, and further bent while a campaign works. Some customers
// stop or halve: each day from changes_from to changes_until has the hazard
//   q(t) (1 + sum over incidents j of (ratio_j - 1) 2^-(days since j / half-life))
// with q the hazard of a uniform day, and incidents the complaints, life events and price rise of the record. Around the
// purchases there are share of wallet, attitude, surveys, campaigns with control groups, referrals, payments, costs and
// interviews; shop_truth says what was planted, docs/methods/simulate.md gives every law.
//
// The result depends on the options alone: not on the number of threads, and not on the platform as far as doubles
// are those of IEEE 754 (core/random.hpp); times are whole seconds and amounts whole cents. Every customer has streams
// of random numbers of its own, one an aspect: more customers leave the first ones as they were, and no returns
// leave the sales as they were.

#include <cstdint>
#include <string>
#include <vector>

#include "clavis/core/progress.hpp"
#include "clavis/core/time.hpp"
#include "clavis/simulate/shop_options.hpp"
#include "clavis/simulate/shop_tables.hpp"

namespace clavis::simulate {

/// What was planted, one row per customer in the order of customer_id. After a stop or a halving the customer spends
/// share * share_ratio of wallet * wallet_ratio here.
struct shop_truth {
    static constexpr std::int32_t no_day = simulate::no_day;

    shop_column<std::int64_t> customer_id;
    shop_column<std::int32_t> first_day;  ///< of the first purchase, local days since 1970-01-01
    shop_column<double> rate;             ///< purchases a week of average season, before any change
    shop_column<double> regularity;       ///< shape of the gaps; 1: Poisson
    shop_column<shop_change> change;
    shop_column<std::int32_t> change_day;  ///< the first local day with the new rate; no_day without change
    shop_column<double> rate_ratio;        ///< rate after over rate before; 1 without change
    shop_column<change_cause> cause;
    shop_column<instant> cause_time;  ///< of the complaint, life event or price rise
    shop_column<change_label> label;
    shop_column<std::uint8_t> dropped_category;  ///< not bought from change_day on
    shop_column<double>
        spend_mean;  ///< expected amount of an order before rounding and price rise, in currency units
    shop_column<double> return_chance;    ///< of a line
    shop_column<std::int32_t> purchases;  ///< orders that came about
    shop_column<double> wallet;  ///< spent a week on all suppliers, before any change, in currency units
    shop_column<double> share;   ///< the part of it spent here
    shop_column<double> wallet_ratio;    ///< after over before
    shop_column<double> share_ratio;     ///< after over before
    shop_column<double> attitude;        ///< standard normal across customers but for spurious ones
    shop_column<double> attitude_drop;   ///< how far it falls before change_day; 0: not at all
    shop_column<std::uint8_t> spurious;  ///< 1: high share, low attitude
    shop_column<response_type> response;
    shop_column<double> late_payment_chance;  ///< of an order; NaN for those who pay at once
    shop_column<std::int32_t> invitations;    ///< to surveys

    std::size_t size() const { return customer_id.size(); }
};

/// The names behind the codes that options or the period decide.
struct shop_labels {
    std::vector<std::string> categories;
    std::vector<std::string> product_lines;
    std::vector<std::string> stores;
    std::vector<std::string> staff;
    std::vector<std::string> regions;
    std::vector<std::string> contact_texts;
    std::vector<std::string> periods;    ///< quarters, "2023-Q1"
    std::vector<std::string> campaigns;  ///< "campaign 1"
    std::vector<std::string> offers;
    std::vector<std::string> interview_causes;
};

struct shop {
    shop_transactions transactions;
    shop_customers customers;
    shop_contacts contacts;
    shop_surveys surveys;
    shop_wallet wallet;
    shop_life_events life_events;
    shop_costs costs;
    shop_referrals referrals;
    shop_campaigns campaigns;
    shop_interviews interviews;
    shop_events events;
    shop_targets targets;
    shop_truth truth;
    shop_labels labels;
    sys_days start{};
    std::vector<double> season;  ///< m of each day of the period, mean 1
};

/// Simulates the shop on up to `threads` threads (0: every core).
shop simulate_shop(shop_options const& options = {}, unsigned threads = 0, progress const& watch = {});

}  // namespace clavis::simulate

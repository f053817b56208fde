#pragma once

// A whole shop with planted truth. Customers arrive over the first part of the period, buy at their own rates
// (gamma across customers) with gamma gaps between purchases, spend by the gamma-gamma law (Colombo and Jiang
// 1999), return some lines, and a known part of them stops, buys half as often or more often from a known day
// on. Purchases happen in opening hours of a real time zone, and the company's weekly and yearly seasons bend
// every customer's clock alike: with m(t) the season (mean 1 over the period), a customer's purchases are a
// renewal process in the time
//   u(t) = rate * integral of m, times rate_ratio from the day of change on; gaps ~ Gamma(regularity) /
//   regularity.
//
// The result depends on the options alone: not on the number of threads, and not on the platform as far as
// doubles are those of IEEE 754 (core/random.hpp); times are whole seconds and amounts whole cents. Every
// customer has streams of random numbers of its own, one an aspect: more customers leave the first ones as
// they were, and no returns leave the sales as they were.

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "clavis/core/columns.hpp"
#include "clavis/core/progress.hpp"
#include "clavis/core/time.hpp"

namespace clavis::simulate {

/// What becomes of a customer.
enum class shop_change : std::uint8_t {
    none,      ///< buys at one rate to the end
    stop,      ///< complete defection: buys nothing from change_day on
    halving,   ///< partial defection: buys at half the rate from change_day on
    growth,    ///< buys more often from change_day on
    one_time,  ///< never comes back after the first purchase, the day after which is change_day
};

/// What made a customer stop or halve.
enum class change_cause : std::uint8_t {
    none,        ///< no change, or one that is no defection
    complaint,   ///< a complaint in the contacts, at most 45 days before change_day
    life_event,  ///< a move in the life events, at most 30 days before change_day
    unknown,     ///< nothing in the records
};

enum class line_kind : std::uint8_t { sale, return_ };
enum class contact_kind : std::uint8_t { inquiry, complaint, praise };
enum class contact_channel : std::uint8_t { phone, email, shop };
enum class contact_topic : std::uint8_t { quality, delivery, service, price };
enum class life_event_kind : std::uint8_t { moving, new_job, marriage, birth, divorce };

struct shop_options {
    std::int64_t customers = 1000;
    std::uint64_t seed = 1;
    sys_days start{std::chrono::days{19358}};  ///< the first day, 2023-01-01
    int days = 730;                            ///< length of the period, 1 to 36525
    std::string time_zone = "Europe/Berlin";
    std::optional<sys_days> acquired_until{};  ///< last day of first purchases; default: 60 % of the period

    double rate_shape = 1.0;        ///< shape of the gamma law of rates; inf: all alike
    double mean_rate = 0.25;        ///< purchases a week, mean over customers
    double regularity_shape = 6.0;  ///< shape of the gamma law of regularities; inf: all alike
    double mean_regularity = 1.5;   ///< 1: Poisson purchases; above: more regular

    double spend_shape = 6.0;          ///< p of the gamma-gamma law: how alike a customer's orders are
    double spend_heterogeneity = 4.0;  ///< q > 1 of the gamma-gamma law
    double mean_spend = 35.0;          ///< amount of an order, mean over customers
    double extra_lines = 0.6;          ///< mean number of lines of an order beyond the first
    std::vector<std::string> categories{"grocery", "household", "drinks", "care", "toys", "garden"};

    double stop_share = 0.15;
    double halving_share = 0.15;
    double growth_share = 0.10;
    double one_time_share = 0.15;
    double growth_ratio = 1.6;                ///< rate after over rate before, for growth
    std::optional<sys_days> changes_from{};   ///< first possible change_day; default: half of the period
    std::optional<sys_days> changes_until{};  ///< last possible change_day; default: 85 % of the period

    double return_chance = 0.05;      ///< of a sale line, mean over customers; 0: no returns
    double mean_return_delay = 10.0;  ///< days

    std::array<double, 7> weekday_weights{0.9, 0.85, 0.9, 1.0, 1.25, 1.6, 0.0};  ///< Monday first; 0: closed
    std::array<double, 12> month_weights{0.85, 0.85, 0.95, 1.0, 1.0, 0.95, 0.9, 0.9, 1.0, 1.0, 1.2, 1.4};
    std::array<double, 24> hour_weights{0,   0,   0,   0,   0,   0,   0,   0,   0, 0.6, 0.9, 1.2,
                                        1.4, 1.0, 0.8, 0.9, 1.2, 1.6, 1.5, 0.8, 0, 0,   0,   0};

    double contact_rate = 0.8;             ///< contacts a year that have nothing to do with a change
    double life_event_rate = 0.08;         ///< the same for life events
    double complaint_cause_share = 0.25;   ///< of the stops and halvings, those with a complaint before them
    double life_event_cause_share = 0.10;  ///< those with a move before them

    /// Throws input_error that names the option and its value.
    void validate() const;
};

/// The lines of all orders, customer by customer, and ascending in time within a customer.
struct shop_transactions {
    std::vector<std::int64_t> customer_id;  ///< 1 ... customers
    std::vector<instant> time;              ///< whole seconds
    std::vector<std::int64_t> amount;       ///< cents, negative for returns
    std::vector<std::int64_t> order_id;     ///< a return carries the id of the order it undoes
    std::vector<std::uint8_t> category;     ///< index into shop::categories
    std::vector<line_kind> kind;
    std::vector<std::int32_t> quantity;  ///< negative for returns; amount / quantity is the price in cents

    std::size_t size() const { return customer_id.size(); }
    column_view time_view() const;
};

/// Who called, wrote or came by, and why: customer by customer, ascending in time within a customer.
struct shop_contacts {
    std::vector<std::int64_t> customer_id;
    std::vector<instant> time;
    std::vector<contact_kind> kind;
    std::vector<contact_channel> channel;
    std::vector<contact_topic> topic;

    std::size_t size() const { return customer_id.size(); }
};

struct shop_life_events {
    std::vector<std::int64_t> customer_id;
    std::vector<instant> time;
    std::vector<life_event_kind> kind;

    std::size_t size() const { return customer_id.size(); }
};

/// What was planted, one row per customer in the order of customer_id.
struct shop_truth {
    static constexpr std::int32_t no_day = std::numeric_limits<std::int32_t>::min();

    std::vector<std::int64_t> customer_id;
    std::vector<std::int32_t> first_day;  ///< of the first purchase, local days since 1970-01-01
    std::vector<double> rate;             ///< purchases a week of average season, before any change
    std::vector<double> regularity;       ///< shape of the gaps; 1: Poisson
    std::vector<shop_change> change;
    std::vector<std::int32_t> change_day;  ///< the first local day with the new rate; no_day without change
    std::vector<double> rate_ratio;        ///< rate after over rate before; 1 without change
    std::vector<change_cause> cause;
    std::vector<double> spend_mean;       ///< expected amount of an order before rounding, in currency units
    std::vector<double> return_chance;    ///< of a line
    std::vector<std::int32_t> purchases;  ///< orders that came about

    std::size_t size() const { return customer_id.size(); }
};

struct shop {
    shop_transactions transactions;
    shop_contacts contacts;
    shop_life_events life_events;
    shop_truth truth;
    std::vector<std::string> categories;
    sys_days start{};
    std::vector<double> season;  ///< m of each day of the period, mean 1
};

/// Simulates the shop on up to `threads` threads (0: every core).
shop simulate_shop(shop_options const& options = {}, unsigned threads = 0, progress const& watch = {});

}  // namespace clavis::simulate

#pragma once

// The tables of a simulated shop: one struct of columns each. Codes are indices into the names of shop_labels.

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "clavis/core/columns.hpp"
#include "clavis/core/time.hpp"
#include "clavis/simulate/shop_column.hpp"

namespace clavis::simulate {

/// What becomes of a customer.
enum class shop_change : std::uint8_t {
    none,      ///< buys at one rate to the end
    stop,      ///< complete defection: buys nothing from change_day on
    halving,   ///< partial defection: buys at half the rate from change_day on
    growth,    ///< buys more often from change_day on
    one_time,  ///< never comes back after the first purchase, the day after which is change_day
};

/// Which part of the hazard made a customer stop or halve.
enum class change_cause : std::uint8_t {
    none,        ///< no change, or one that is no defection
    complaint,   ///< one of the complaints in the contacts
    life_event,  ///< one of the life events
    price,       ///< the price rise among the company's events
    unknown,     ///< the base hazard: nothing in the records
};

/// Where a stop or a halving went.
enum class change_label : std::uint8_t {
    none,      ///< no defection
    switched,  ///< to other suppliers: the wallet is what it was
    stopped,   ///< nowhere: the customer needs less
    other,     ///< after a life event
};

/// What a campaign does to a customer.
enum class response_type : std::uint8_t { persuadable, sure_thing, lost_cause, sleeping_dog };

enum class line_kind : std::uint8_t { sale, return_ };
enum class contact_kind : std::uint8_t { inquiry, complaint, praise, visit };
enum class contact_direction : std::uint8_t { inbound, outbound };
enum class contact_channel : std::uint8_t { phone, email, shop };
enum class contact_topic : std::uint8_t { quality, delivery, service, price };
enum class contact_outcome : std::uint8_t { answered, resolved, unresolved, open };
enum class life_event_kind : std::uint8_t { moving, new_job, marriage, birth, divorce };
enum class customer_segment : std::uint8_t { single, family, senior, business };
enum class acquisition_channel : std::uint8_t { walk_in, search, campaign, referral };
enum class survey_scale : std::uint8_t { nps, csat, share_rank };
enum class campaign_arm : std::uint8_t { treated, control };
enum class interview_status : std::uint8_t { done, refused, planned };
enum class company_event_kind : std::uint8_t { price_change, outage, anniversary };

/// Where there is no instant, no day or no code.
inline constexpr instant no_time{duration{std::numeric_limits<std::int64_t>::min()}};
inline constexpr std::int32_t no_day = std::numeric_limits<std::int32_t>::min();
inline constexpr std::uint8_t no_code = 255;

/// Lines that became known later than they happened, in the order of their rows.
struct shop_late_lines {
    shop_column<std::int64_t> row;  ///< of the transactions, from 0
    shop_column<instant> known_time;

    std::size_t size() const { return row.size(); }
};

/// Sale lines of orders on account, in the order of their rows.
struct shop_payments {
    shop_column<std::int64_t> row;  ///< of the transactions, from 0
    shop_column<instant> due_time;
    shop_column<instant> paid_time;  ///< no_time where not paid in the period

    std::size_t size() const { return row.size(); }
};

/// The lines of all orders, customer by customer, and ascending in time within a customer. Columns that follow from the
/// others, or that differ from them in few rows, are made when they are asked for.
struct shop_transactions {
    shop_column<std::int64_t> customer_id;  ///< 1 ... customers
    shop_column<instant> time;              ///< whole seconds
    shop_column<std::int64_t> amount;       ///< cents, negative for returns
    shop_column<std::int64_t> order_id;     ///< a return carries the id of the order it undoes
    shop_column<std::uint8_t> category;
    shop_column<std::uint8_t> product_line;  ///< three of each category
    shop_column<std::uint8_t> store;
    shop_column<line_kind> kind;
    shop_column<std::int32_t> quantity;  ///< negative for returns; amount / quantity is the price in cents
    shop_column<std::int64_t>
        discount;                    ///< cents off the list price, amount + discount; negative for returns
    shop_column<std::int64_t> cost;  ///< cents; negative for returns
    shop_late_lines late;
    shop_payments payments;

    shop_column<std::int64_t> event_id() const;  ///< 1, 2, ...
    shop_column<instant> known_time() const;     ///< time, or later where the records were late
    shop_column<std::int64_t> margin() const;    ///< amount - cost
    shop_column<instant> due_time() const;       ///< of orders on account, else no_time
    shop_column<instant> paid_time()
        const;  ///< of orders on account that are paid in the period, else no_time

    std::size_t size() const { return customer_id.size(); }
    column_view time_view() const;
};

/// One row per customer, in the order of customer_id.
struct shop_customers {
    shop_column<std::int64_t> customer_id;
    shop_column<customer_segment> segment;
    shop_column<std::int64_t>
        account_id;  ///< that of the account's first customer; private customers are their own
    shop_column<std::uint8_t> owner;  ///< of business customers
    shop_column<acquisition_channel> acquired_by;
    shop_column<instant> acquired_time;    ///< the first purchase
    shop_column<std::int32_t> birth_date;  ///< days since 1970-01-01; no_day for business customers
    shop_column<std::uint8_t> region;
    shop_column<double> income;  ///< a year, in currency units; NaN for business customers

    std::size_t size() const { return customer_id.size(); }
};

/// Who called, wrote or came by, and why: customer by customer, ascending in time within a customer.
struct shop_contacts {
    shop_column<std::int64_t> customer_id;
    shop_column<instant> time;
    shop_column<contact_kind> kind;
    shop_column<contact_direction> direction;
    shop_column<contact_channel> channel;
    shop_column<std::uint8_t> staff;
    shop_column<contact_topic> topic;
    shop_column<double> sentiment;  ///< -1 ... 1
    shop_column<contact_outcome> outcome;
    shop_column<instant> responded_time;
    shop_column<instant> resolved_time;
    shop_column<instant> due_time;  ///< by when an answer was promised
    shop_column<std::uint8_t> text;

    std::size_t size() const { return customer_id.size(); }
};

struct shop_life_events {
    shop_column<std::int64_t> customer_id;
    shop_column<instant> time;
    shop_column<life_event_kind> kind;

    std::size_t size() const { return customer_id.size(); }
};

struct shop_surveys {
    shop_column<std::int64_t> customer_id;
    shop_column<instant> time;
    shop_column<double> score;
    shop_column<survey_scale> scale;

    std::size_t size() const { return customer_id.size(); }
};

/// What panel members report for a quarter, in cents.
struct shop_wallet {
    shop_column<std::int64_t> customer_id;
    shop_column<std::uint16_t> period;
    shop_column<std::int64_t> category_spend;    ///< own net sales (at least 0) and competitor_spend
    shop_column<std::int64_t> competitor_spend;  ///< as reported

    std::size_t size() const { return customer_id.size(); }
};

/// What a customer cost in a year of the period, in cents.
struct shop_costs {
    shop_column<std::int64_t> customer_id;
    shop_column<instant> time;              ///< the start of the year, or the first purchase
    shop_column<std::int64_t> acquisition;  ///< in the first row of a customer
    shop_column<std::int64_t> service;      ///< contacts
    shop_column<std::int64_t> retention;    ///< campaigns

    std::size_t size() const { return customer_id.size(); }
};

struct shop_referrals {
    shop_column<std::int64_t> referrer_id;
    shop_column<std::int64_t> customer_id;
    shop_column<instant> time;

    std::size_t size() const { return customer_id.size(); }
};

struct shop_campaigns {
    shop_column<std::int64_t> customer_id;
    shop_column<std::uint8_t> campaign;
    shop_column<instant> time;
    shop_column<campaign_arm> arm;
    shop_column<std::uint8_t> offer;
    shop_column<std::int64_t> cost;      ///< cents
    shop_column<std::int32_t> response;  ///< 1 where the customer bought while the campaign worked

    std::size_t size() const { return customer_id.size(); }
};

struct shop_interviews {
    shop_column<std::int64_t> customer_id;
    shop_column<std::uint8_t> interviewer;
    shop_column<interview_status> status;
    shop_column<instant> time;         ///< missing where planned
    shop_column<std::uint8_t> causes;  ///< where done
    shop_column<std::uint8_t> label;   ///< change_label where done

    std::size_t size() const { return customer_id.size(); }
};

/// What happened to the company as a whole.
struct shop_events {
    shop_column<instant> time;
    shop_column<company_event_kind> kind;
    shop_column<std::int32_t> days;
    shop_column<double> effect;  ///< ratio of prices, or of business on these days

    std::size_t size() const { return time.size(); }
};

/// Targets of the company by segment and year.
struct shop_targets {
    std::vector<std::string> class_;
    std::vector<std::string> metric;
    std::vector<std::string> period;
    std::vector<double> value;

    std::size_t size() const { return value.size(); }
};

}  // namespace clavis::simulate

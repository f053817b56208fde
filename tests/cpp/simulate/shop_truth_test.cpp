// What is planted can be measured back, from the truth and through the records.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "clavis/core/time_zone.hpp"
#include "clavis/simulate/shop.hpp"

namespace {

namespace cs = clavis::simulate;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Events seen against the number expected, of which the variance is known: off by how many standard deviations.
struct tally {
    double seen = 0;
    double expected = 0;
    double variance = 0;

    void trial(bool success, double chance) {
        seen += success;
        expected += chance;
        variance += chance * (1 - chance);
    }
    void poisson(double mean) {
        expected += mean;
        variance += mean;
    }
    double score() const { return (seen - expected) / std::sqrt(variance); }
};

/// A shop with its days and season time.
struct simulated {
    explicit simulated(cs::shop_options const& asked)
        : options(asked),
          shop(cs::simulate_shop(asked)),
          zone(clavis::time_zone::named(asked.time_zone)),
          start(static_cast<int>(shop.start.time_since_epoch().count())) {
        for (double const m : shop.season)
            elapsed.push_back(elapsed.back() + m);
    }
    int day(clavis::instant time) const { return zone.local_day(time) - start; }
    /// From 0; the period's length without change.
    int change_day(std::size_t row) const {
        return shop.truth.change[row] == cs::shop_change::none ? options.days
                                                               : shop.truth.change_day[row] - start;
    }
    int first_day(std::size_t row) const { return shop.truth.first_day[row] - start; }
    double season_time(int from, int until) const {
        return elapsed[static_cast<std::size_t>(until)] - elapsed[static_cast<std::size_t>(from)];
    }

    cs::shop_options options;
    cs::shop shop;
    clavis::time_zone zone;
    int start;
    std::vector<double> elapsed{0};
};

std::size_t row_of(std::int64_t customer_id) {
    return static_cast<std::size_t>(customer_id - 1);
}

TEST(shop_truth, incidents_raise_the_hazard_as_planted) {
    cs::shop_options options{.customers = 30000, .seed = 101};
    options.price_hazard_ratio = 3;
    options.life_event_rate = 0.3;
    simulated const made(options);
    auto const& [shop, truth] = std::pair(std::cref(made.shop), std::cref(made.shop.truth));
    struct incident {
        int day;
        std::size_t kind;
        clavis::instant time;
    };
    // Kinds: unresolved and resolved complaints, life events, the price rise.
    std::array<double, 4> const ratio{options.complaint_hazard_ratio, options.resolved_complaint_hazard_ratio,
                                      options.life_event_hazard_ratio, options.price_hazard_ratio};
    std::array<double, 4> const half_life{options.complaint_half_life, options.complaint_half_life,
                                          options.life_event_half_life, options.price_half_life};
    std::vector<std::vector<incident>> incidents(truth.get().size());
    auto const& contacts = shop.get().contacts;
    for (std::size_t i = 0; i < contacts.size(); ++i) {
        if (contacts.kind[i] != cs::contact_kind::complaint) continue;
        bool const unresolved = contacts.outcome[i] == cs::contact_outcome::unresolved;
        incidents[row_of(contacts.customer_id[i])].push_back(
            {made.day(contacts.time[i]), unresolved ? 0U : 1U, contacts.time[i]});
    }
    auto const& life = shop.get().life_events;
    for (std::size_t i = 0; i < life.size(); ++i)
        incidents[row_of(life.customer_id[i])].push_back({made.day(life.time[i]), 2, life.time[i]});
    auto const price = std::find(shop.get().events.kind.begin(), shop.get().events.kind.end(),
                                 cs::company_event_kind::price_change);
    ASSERT_NE(price, shop.get().events.kind.end());
    auto const price_time =
        shop.get().events.time[static_cast<std::size_t>(price - shop.get().events.kind.begin())];

    int const window_from = options.days / 2;
    int const window_until = static_cast<int>(options.days * 0.85);
    double const share =
        (options.stop_share + options.halving_share) / (1 - options.growth_share - options.one_time_share);
    std::array<tally, 4> caused;
    tally base;
    tally soon_after;  // any change within two weeks of an unresolved complaint
    for (std::size_t row = 0; row < truth.get().size(); ++row) {
        auto const change = truth.get().change[row];
        if (change == cs::shop_change::growth || change == cs::shop_change::one_time) continue;
        auto& mine = incidents[row];
        mine.push_back({made.day(price_time) - 1, 3, price_time});
        int const from = std::max(window_from, made.first_day(row) + 1);
        int const changed = made.change_day(row);
        for (int day = from; day <= std::min(window_until, changed); ++day) {
            double const hazard = share / (window_until - from + 1 - share * (day - from));
            base.poisson(hazard);
            double ratios = 1;
            bool soon = false;
            for (auto const& one : mine) {
                if (day <= one.day) continue;
                double const excess =
                    (ratio[one.kind] - 1) * std::exp2(-(day - one.day - 1) / half_life[one.kind]);
                caused[one.kind].poisson(hazard * excess);
                ratios += excess;
                soon = soon || (one.kind == 0 && day - one.day <= 14);
            }
            if (!soon) continue;
            soon_after.poisson(hazard * ratios);
            soon_after.seen += day == changed;
        }
        switch (truth.get().cause[row]) {
            case cs::change_cause::none:
                EXPECT_EQ(change, cs::shop_change::none);
                break;
            case cs::change_cause::unknown:
                ++base.seen;
                EXPECT_EQ(truth.get().cause_time[row], cs::no_time);
                break;
            default: {
                auto const found = std::find_if(mine.begin(), mine.end(), [&](incident const& one) {
                    return one.time == truth.get().cause_time[row];
                });
                ASSERT_NE(found, mine.end());
                EXPECT_LT(found->day, changed);
                ++caused[found->kind].seen;
            }
        }
    }
    EXPECT_LT(std::fabs(base.score()), 4);
    for (std::size_t kind = 0; kind < 4; ++kind) {
        EXPECT_GT(caused[kind].seen, 50) << kind;
        EXPECT_LT(std::fabs(caused[kind].score()), 4) << kind << ' ' << caused[kind].seen;
    }
    EXPECT_GT(soon_after.seen, 100);
    EXPECT_LT(std::fabs(soon_after.score()), 4);
}

TEST(shop_truth, complaints_are_resolved_as_planted) {
    simulated const made({.customers = 30000, .seed = 102});
    auto const& contacts = made.shop.contacts;
    std::array<tally, 8> staff;
    double response = 0;
    double answered = 0;
    for (std::size_t i = 0; i < contacts.size(); ++i) {
        bool const complaint = contacts.kind[i] == cs::contact_kind::complaint;
        EXPECT_EQ(
            contacts.responded_time[i] == cs::no_time && contacts.kind[i] != cs::contact_kind::complaint,
            contacts.outcome[i] == cs::contact_outcome::open && !complaint);
        EXPECT_EQ(contacts.resolved_time[i] != cs::no_time,
                  contacts.outcome[i] == cs::contact_outcome::resolved);
        if (contacts.resolved_time[i] != cs::no_time) {
            EXPECT_GE(contacts.resolved_time[i], contacts.responded_time[i]);
        }
        EXPECT_LE(std::fabs(contacts.sentiment[i]), 1);
        EXPECT_EQ(contacts.direction[i] == cs::contact_direction::outbound,
                  contacts.kind[i] == cs::contact_kind::visit);
        if (made.day(contacts.time[i]) > made.options.days - 100) continue;  // may still be open
        if (contacts.kind[i] != cs::contact_kind::visit) {
            response += clavis::in_units(contacts.responded_time[i] - contacts.time[i], clavis::hour);
            ++answered;
        }
        double const chance = 0.65 + 0.15 * (1 - 2.0 * contacts.staff[i] / 7);
        if (complaint)
            staff[contacts.staff[i]].trial(contacts.outcome[i] == cs::contact_outcome::resolved, chance);
    }
    for (auto const& one : staff)
        EXPECT_LT(std::fabs(one.score()), 4);
    EXPECT_LT(std::fabs(response / answered - 20) / (20 / std::sqrt(answered)), 4);
}

TEST(shop_truth, wallets_hold_what_is_spent_here_and_elsewhere) {
    cs::shop_options options{.customers = 6000, .seed = 103};
    options.campaigns = 0;
    options.price_rise = 0;
    options.wallet_panel_share = 1;
    simulated const made(options);
    auto const& shop = made.shop;
    auto const& truth = shop.truth;
    auto quarter_of = [&](int day) {
        std::chrono::year_month_day const date(shop.start + std::chrono::days{day});
        std::string const name = std::to_string(static_cast<int>(date.year())) + "-Q" +
                                 std::to_string((static_cast<unsigned>(date.month()) + 2) / 3);
        return static_cast<std::size_t>(
            std::find(shop.labels.periods.begin(), shop.labels.periods.end(), name) -
            shop.labels.periods.begin());
    };
    std::vector<int> begin(shop.labels.periods.size() + 1, made.options.days);
    for (int day = made.options.days - 1; day >= 0; --day)
        begin[quarter_of(day)] = day;
    EXPECT_EQ(begin.size(), 9U);
    std::map<std::pair<std::int64_t, std::size_t>, std::int64_t> own;
    for (std::size_t i = 0; i < shop.transactions.size(); ++i)
        own[{shop.transactions.customer_id[i], quarter_of(made.day(shop.transactions.time[i]))}] +=
            shop.transactions.amount[i];

    tally answers;
    for (std::size_t row = 0; row < truth.size(); ++row)
        for (std::size_t quarter = 0; quarter + 1 < begin.size(); ++quarter)
            if (begin[quarter] > made.first_day(row)) answers.trial(false, 0.8);
    answers.seen = static_cast<double>(shop.wallet.size());
    EXPECT_LT(std::fabs(answers.score()), 4);

    // What is spent elsewhere before a change, and after one that switched, stopped or grew while losing.
    std::map<std::string, tally> elsewhere;
    double const noise = std::exp(options.wallet_noise * options.wallet_noise);
    for (std::size_t i = 0; i < shop.wallet.size(); ++i) {
        auto const row = row_of(shop.wallet.customer_id[i]);
        std::size_t const quarter = shop.wallet.period[i];
        ASSERT_EQ(shop.wallet.category_spend[i] - shop.wallet.competitor_spend[i],
                  (std::max<std::int64_t>(0, own[{shop.wallet.customer_id[i], quarter}])));
        int const change = made.change_day(row);
        if (begin[quarter] < change && begin[quarter + 1] > change) continue;
        bool const after = begin[quarter] >= change;
        double const wallet = truth.wallet[row] * (after ? truth.wallet_ratio[row] : 1);
        double const share = truth.share[row] * (after ? truth.share_ratio[row] : 1);
        double const mean = wallet * (1 - share) * made.season_time(begin[quarter], begin[quarter + 1]) / 7;
        std::string const group = !after                                           ? "before"
                                  : truth.change[row] == cs::shop_change::growth   ? "growing"
                                  : truth.label[row] == cs::change_label::switched ? "switched"
                                  : truth.change[row] == cs::shop_change::one_time ? "one time"
                                                                                   : "needs less";
        auto& sum = elsewhere[group];
        sum.seen += static_cast<double>(shop.wallet.competitor_spend[i]) / 100;
        sum.expected += mean;
        sum.variance += mean * truth.spend_mean[row] * noise + mean * mean * (noise - 1);
    }
    for (auto const* group : {"before", "growing", "switched", "one time", "needs less"}) {
        EXPECT_GT(elsewhere[group].expected, 1000) << group;
        EXPECT_LT(std::fabs(elsewhere[group].score()), 4) << group;
    }
    // The truth itself: wallets are what rates and shares say, and the labels come in their shares.
    tally switched;
    tally losing;
    for (std::size_t row = 0; row < truth.size(); ++row) {
        EXPECT_NEAR(truth.wallet[row] * truth.share[row], truth.rate[row] * truth.spend_mean[row],
                    1e-9 * truth.wallet[row]);
        EXPECT_NEAR(truth.wallet_ratio[row] * truth.share_ratio[row], truth.rate_ratio[row], 1e-12);
        EXPECT_EQ(truth.label[row] == cs::change_label::other,
                  truth.cause[row] == cs::change_cause::life_event);
        if (truth.label[row] == cs::change_label::switched || truth.label[row] == cs::change_label::stopped)
            switched.trial(truth.label[row] == cs::change_label::switched, 0.7);
        if (truth.change[row] == cs::shop_change::growth) losing.trial(truth.share_ratio[row] < 1, 0.4);
    }
    EXPECT_LT(std::fabs(switched.score()), 4);
    EXPECT_LT(std::fabs(losing.score()), 4);
}

TEST(shop_truth, surveys_follow_the_attitude) {
    cs::shop_options options{.customers = 30000, .seed = 104};
    options.survey_response_chance = 0.5;
    simulated const made(options);
    auto const& surveys = made.shop.surveys;
    auto const& truth = made.shop.truth;
    double invitations = 0;
    tally spurious;
    tally attitudinal;
    std::array<double, 2> attitude_of_spurious{};
    for (std::size_t row = 0; row < truth.size(); ++row) {
        invitations += truth.invitations[row];
        spurious.trial(truth.spurious[row] == 1, 0.08);
        bool const defects = truth.label[row] != cs::change_label::none;
        if (defects && truth.cause[row] != cs::change_cause::life_event)
            attitudinal.trial(truth.attitude_drop[row] > 0, 0.6);
        EXPECT_TRUE(truth.attitude_drop[row] == 0 || defects);
        if (truth.spurious[row] == 1) {
            attitude_of_spurious[0] += truth.attitude[row];
            attitude_of_spurious[1] += truth.share[row];
        }
    }
    EXPECT_LT(std::fabs(spurious.score()), 4);
    EXPECT_LT(std::fabs(attitudinal.score()), 4);
    EXPECT_NEAR(attitude_of_spurious[0] / spurious.seen, -1.5, 0.05);
    EXPECT_NEAR(attitude_of_spurious[1] / spurious.seen, 0.9, 0.01);
    double const answered = static_cast<double>(surveys.size());
    EXPECT_LT(std::fabs(answered - 0.5 * invitations) / std::sqrt(0.25 * invitations), 4);

    // The line of scores over attitudes where no score is cut off, and how far it lies lower after a fall.
    double n = 0, x = 0, y = 0, xx = 0, xy = 0, deficit = 0, fallen = 0;
    for (std::size_t i = 0; i < surveys.size(); ++i) {
        auto const row = row_of(surveys.customer_id[i]);
        if (surveys.scale[i] != cs::survey_scale::nps) continue;
        double const a = truth.attitude[row];
        if (truth.attitude_drop[row] == 0 && a > -1.5 && a < 0.3) {
            ++n, x += a, y += surveys.score[i], xx += a * a, xy += a * surveys.score[i];
        } else if (truth.attitude_drop[row] > 0 && a > 0 && a < 1.5 &&
                   made.day(surveys.time[i]) > made.change_day(row)) {
            deficit += 7.4 + 1.7 * a - surveys.score[i];
            ++fallen;
        }
    }
    double const slope = (n * xy - x * y) / (n * xx - x * x);
    EXPECT_NEAR(slope, 1.7, 0.1);
    EXPECT_NEAR((y - slope * x) / n, 7.4, 0.1);
    EXPECT_GT(fallen, 100);
    EXPECT_NEAR(deficit / fallen, 1.7 * 1.5, 5 * 1.1 / std::sqrt(fallen));
}

TEST(shop_truth, campaigns_move_those_who_can_be_moved) {
    cs::shop_options options{.customers = 30000, .seed = 105};
    options.regularity_shape = infinity;
    options.mean_regularity = 1;
    simulated const made(options);
    auto const& shop = made.shop;
    auto const& campaigns = shop.campaigns;
    std::vector<std::vector<int>> purchases(shop.truth.size());
    std::int64_t last_order = 0;
    for (std::size_t i = 0; i < shop.transactions.size(); ++i) {
        if (shop.transactions.kind[i] != cs::line_kind::sale || shop.transactions.order_id[i] == last_order)
            continue;
        last_order = shop.transactions.order_id[i];
        purchases[row_of(shop.transactions.customer_id[i])].push_back(made.day(shop.transactions.time[i]));
    }
    std::array<double, 4> const ratio{options.persuaded_ratio, 1, 1, options.annoyed_ratio};
    std::array<std::array<tally, 2>, 4> bought;
    tally treated;
    for (std::size_t i = 0; i < campaigns.size(); ++i) {
        auto const row = row_of(campaigns.customer_id[i]);
        auto const response = static_cast<std::size_t>(shop.truth.response[row]);
        auto const arm = static_cast<std::size_t>(campaigns.arm[i]);
        treated.trial(arm == 0, 0.5);
        EXPECT_EQ(campaigns.cost[i], arm == 0 ? 120 : 0);
        int const from = made.day(campaigns.time[i]);
        int const until = from + options.campaign_days;
        int const change = std::clamp(made.change_day(row), from, until);
        if (shop.truth.change[row] == cs::shop_change::one_time) continue;
        double const exposure =
            shop.truth.rate[row] / 7 *
            (made.season_time(from, change) + shop.truth.rate_ratio[row] * made.season_time(change, until));
        auto const& days = purchases[row];
        auto const count = std::lower_bound(days.begin(), days.end(), until) -
                           std::lower_bound(days.begin(), days.end(), from);
        EXPECT_EQ(campaigns.response[i], count > 0 ? 1 : 0);
        auto& sum = bought[response][arm];
        sum.seen += static_cast<double>(count);
        sum.poisson(exposure * (arm == 0 ? ratio[response] : 1));
    }
    EXPECT_LT(std::fabs(treated.score()), 4);
    for (std::size_t response = 0; response < 4; ++response)
        for (std::size_t arm = 0; arm < 2; ++arm) {
            EXPECT_GT(bought[response][arm].seen, 500);
            EXPECT_LT(std::fabs(bought[response][arm].score()), 4) << response << ' ' << arm;
        }
    tally persuadable;
    tally sleeping;
    std::array<tally, 4> by_segment;
    std::array<double, 4> const weight{0.75, 1.75, 0.5, 1.0};
    double const mean_weight = 0.35 * 0.75 + 0.3 * 1.75 + 0.2 * 0.5 + 0.15;
    for (std::size_t row = 0; row < shop.truth.size(); ++row) {
        auto const segment = static_cast<std::size_t>(shop.customers.segment[row]);
        bool const moved = shop.truth.response[row] == cs::response_type::persuadable;
        persuadable.trial(moved, 0.2);
        sleeping.trial(shop.truth.response[row] == cs::response_type::sleeping_dog, 0.1);
        by_segment[segment].trial(moved, 0.2 * weight[segment] / mean_weight);
    }
    EXPECT_LT(std::fabs(persuadable.score()), 4);
    EXPECT_LT(std::fabs(sleeping.score()), 4);
    for (auto const& segment : by_segment)
        EXPECT_LT(std::fabs(segment.score()), 4);
}

TEST(shop_truth, satisfied_customers_refer_later_ones) {
    simulated const made({.customers = 20000, .seed = 106});
    auto const& shop = made.shop;
    std::vector<bool> referred(shop.truth.size());
    for (std::size_t i = 0; i < shop.referrals.size(); ++i) {
        auto const from = row_of(shop.referrals.referrer_id[i]);
        auto const to = row_of(shop.referrals.customer_id[i]);
        EXPECT_GT(shop.truth.attitude[from], 0);
        EXPECT_LE(shop.customers.acquired_time[from], shop.customers.acquired_time[to]);
        EXPECT_EQ(shop.referrals.time[i], shop.customers.acquired_time[to]);
        EXPECT_FALSE(referred[to]);
        referred[to] = true;
    }
    tally share;
    for (std::size_t row = 0; row < shop.truth.size(); ++row) {
        EXPECT_EQ(shop.customers.acquired_by[row] == cs::acquisition_channel::referral, referred[row]);
        // Those who come later than nearly nobody find no referrer.
        if (made.first_day(row) > 100 && row > 200) share.trial(referred[row], 0.2);
    }
    EXPECT_LT(std::fabs(share.score()), 4);
}

TEST(shop_truth, lines_carry_what_was_planted) {
    simulated const made({.customers = 8000, .seed = 107});
    auto const& shop = made.shop;
    auto const& lines = shop.transactions;
    auto const event_id = lines.event_id();
    auto const margin = lines.margin();
    auto const known_time = lines.known_time();
    auto const due_time = lines.due_time();
    auto const paid_time = lines.paid_time();
    tally discounts;
    tally late;
    double lateness = 0;
    std::map<std::int64_t, std::pair<tally, double>> punctual;
    double delay = 0;
    std::int64_t last_order = 0;
    tally late_payments;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        auto const row = row_of(lines.customer_id[i]);
        bool const sale = lines.kind[i] == cs::line_kind::sale;
        ASSERT_EQ(event_id[i], static_cast<std::int64_t>(i) + 1);
        ASSERT_EQ(margin[i], lines.amount[i] - lines.cost[i]);
        ASSERT_EQ(lines.product_line[i] / 3, lines.category[i]);
        ASSERT_EQ(lines.cost[i] >= 0, sale || lines.cost[i] == 0);
        ASSERT_LT(lines.store[i], shop.labels.stores.size());
        double const list = static_cast<double>(lines.amount[i] + lines.discount[i]);
        double const off = static_cast<double>(lines.discount[i]) / list;
        double const per_piece = std::fabs(list / lines.quantity[i]);
        ASSERT_NEAR(10 * off, std::round(10 * off), 10 / per_piece);
        auto const known = known_time[i] - lines.time[i];
        late.trial(known > clavis::duration{0}, 0.01);
        lateness += clavis::in_units(known, clavis::day);
        if (sale && per_piece > 100) discounts.trial(lines.discount[i] > 0, 0.15);
        bool const business = shop.customers.segment[row] == cs::customer_segment::business;
        ASSERT_EQ(due_time[i] != cs::no_time, business && sale);
        if (!business || !sale || lines.order_id[i] == last_order) continue;
        last_order = lines.order_id[i];
        EXPECT_EQ(due_time[i] - lines.time[i], 30 * clavis::day);
        if (made.day(due_time[i]) + 200 > made.options.days) continue;  // may not be paid yet
        auto const overdue = paid_time[i] - due_time[i];
        late_payments.trial(overdue > clavis::duration{0}, shop.truth.late_payment_chance[row]);
        if (overdue > clavis::duration{0}) delay += clavis::in_units(overdue, clavis::day);
        EXPECT_GE(paid_time[i], lines.time[i]);
    }
    EXPECT_LT(std::fabs(discounts.score()), 4);
    EXPECT_LT(std::fabs(late.score()), 4);
    EXPECT_LT(std::fabs(late_payments.score()), 4);
    EXPECT_NEAR(lateness / late.seen, 3, 4 * 3 / std::sqrt(late.seen));
    EXPECT_NEAR(delay / late_payments.seen, 12, 4 * 12 / std::sqrt(late_payments.seen));
}

TEST(shop_truth, a_dropped_category_is_not_bought_again) {
    simulated const made({.customers = 10000, .seed = 108});
    auto const& shop = made.shop;
    tally dropped;
    std::map<std::size_t, int> before;
    for (std::size_t row = 0; row < shop.truth.size(); ++row)
        if (shop.truth.change[row] == cs::shop_change::halving)
            dropped.trial(shop.truth.dropped_category[row] != cs::no_code, 0.3);
        else
            EXPECT_EQ(shop.truth.dropped_category[row], cs::no_code);
    EXPECT_LT(std::fabs(dropped.score()), 4);
    int bought = 0;
    for (std::size_t i = 0; i < shop.transactions.size(); ++i) {
        auto const row = row_of(shop.transactions.customer_id[i]);
        if (shop.transactions.category[i] != shop.truth.dropped_category[row]) continue;
        if (shop.transactions.kind[i] != cs::line_kind::sale) continue;
        ++bought;
        EXPECT_LT(made.day(shop.transactions.time[i]), made.change_day(row));
    }
    EXPECT_GT(bought, 1000);
}

TEST(shop_truth, interviews_tell_the_cause_with_known_errors) {
    cs::shop_options options{.customers = 30000, .seed = 109};
    options.interview_share = 0.8;
    simulated const made(options);
    auto const& shop = made.shop;
    std::map<std::int64_t, cs::contact_topic> topics;
    tally refused;
    tally right;
    tally asked;
    for (std::size_t row = 0; row < shop.truth.size(); ++row)
        if (shop.truth.label[row] != cs::change_label::none) asked.trial(false, 0.8);
    asked.seen = static_cast<double>(shop.interviews.size());
    EXPECT_LT(std::fabs(asked.score()), 4);
    std::map<std::pair<std::int64_t, clavis::instant>, std::string> incident;
    std::array<char const*, 4> const topic{"quality", "delivery", "service", "price"};
    std::array<char const*, 5> const event{"moving", "new_job", "marriage", "birth", "divorce"};
    for (std::size_t i = 0; i < shop.contacts.size(); ++i)
        incident[{shop.contacts.customer_id[i], shop.contacts.time[i]}] =
            topic[static_cast<std::size_t>(shop.contacts.topic[i])];
    for (std::size_t i = 0; i < shop.life_events.size(); ++i)
        incident[{shop.life_events.customer_id[i], shop.life_events.time[i]}] =
            event[static_cast<std::size_t>(shop.life_events.kind[i])];
    for (std::size_t i = 0; i < shop.interviews.size(); ++i) {
        auto const row = row_of(shop.interviews.customer_id[i]);
        auto const status = shop.interviews.status[i];
        EXPECT_EQ(shop.interviews.time[i] == cs::no_time, status == cs::interview_status::planned);
        EXPECT_EQ(shop.interviews.causes[i] != cs::no_code, status == cs::interview_status::done);
        if (status == cs::interview_status::planned) continue;
        EXPECT_GE(made.day(shop.interviews.time[i]), made.change_day(row) + 7);
        refused.trial(status == cs::interview_status::refused, 0.25);
        if (status == cs::interview_status::refused) continue;
        EXPECT_EQ(shop.interviews.label[i], static_cast<std::uint8_t>(shop.truth.label[row]));
        std::string truth = shop.truth.label[row] == cs::change_label::switched ? "competitor" : "no_need";
        if (shop.truth.cause[row] == cs::change_cause::price) truth = "price";
        if (shop.truth.cause[row] == cs::change_cause::complaint ||
            shop.truth.cause[row] == cs::change_cause::life_event)
            truth = incident.at({shop.interviews.customer_id[i], shop.truth.cause_time[row]});
        std::string const said = shop.labels.interview_causes[shop.interviews.causes[i]];
        // One in eleven of the errors names the true cause.
        right.trial(said.substr(0, said.find(';')) == truth, 1 - 0.1 * 10 / 11);
    }
    EXPECT_LT(std::fabs(refused.score()), 4);
    EXPECT_GT(right.seen, 1000);
    EXPECT_LT(std::fabs(right.score()), 4);
}

TEST(shop_truth, company_events_bend_season_and_prices) {
    simulated const with({.customers = 20, .seed = 110});
    cs::shop_options options = with.options;
    options.outage_days = 0;
    options.anniversary_days = 0;
    options.price_rise = 0;
    options.price_hazard_ratio = 1;
    simulated const without(options);
    auto ratio = [&](int day) {
        auto const d = static_cast<std::size_t>(day);
        return with.shop.season[d] / without.shop.season[d];
    };
    // Relative to a day without events, since the mean season stays 1.
    EXPECT_NEAR(ratio(292) / ratio(200), 0.3, 1e-9);
    EXPECT_NEAR(ratio(550) / ratio(200), 1.25, 1e-9);
    EXPECT_EQ(with.shop.events.size(), 3U);
    EXPECT_EQ(without.shop.events.size(), 0U);
    simulated const dearer({.customers = 8000, .seed = 110, .price_rise = 0.5});
    tally spent;
    std::map<std::int64_t, std::pair<std::size_t, double>> orders;
    auto const& lines = dearer.shop.transactions;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (lines.kind[i] != cs::line_kind::sale || dearer.day(lines.time[i]) < 438) continue;
        auto& order = orders[lines.order_id[i]];
        order.first = row_of(lines.customer_id[i]);
        order.second += static_cast<double>(lines.amount[i]) / 100;
    }
    for (auto const& [id, order] : orders) {
        double const mean = 1.5 * dearer.shop.truth.spend_mean[order.first];
        spent.seen += order.second;
        spent.expected += mean;
        spent.variance += mean * mean / 6;
    }
    EXPECT_LT(std::fabs(spent.score()), 4);
}

}  // namespace

#include "clavis/simulate/shop.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <boost/math/distributions/gamma.hpp>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/core/time_zone.hpp"
#include "core/goodness_of_fit.hpp"
#include "simulate/tables.hpp"

namespace {

namespace cs = clavis::simulate;
using clavis::test::chi_square_score;
using clavis::test::kolmogorov_p;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Every table but the targets, in a fixed order; not const, as columns() is not.
auto tables(cs::shop& shop) {
    return std::tie(shop.transactions, shop.customers, shop.contacts, shop.surveys, shop.wallet,
                    shop.life_events, shop.costs, shop.referrals, shop.campaigns, shop.interviews,
                    shop.truth);
}

std::int64_t bits_of(clavis::instant value) {
    return value.time_since_epoch().count();
}
std::int64_t bits_of(double value) {
    return std::bit_cast<std::int64_t>(value);
}
template <class T>
std::int64_t bits_of(T value) {
    return static_cast<std::int64_t>(value);
}

/// All columns of a table, those included that are made when asked for.
template <class Table>
auto all_columns(Table& table) {
    return cs::columns(table);
}
auto all_columns(cs::shop_transactions& t) {
    return std::make_tuple(t.customer_id, t.time, t.amount, t.event_id(), t.known_time(), t.order_id,
                           t.category, t.product_line, t.store, t.kind, t.quantity, t.discount, t.cost,
                           t.margin(), t.due_time(), t.paid_time());
}

/// Calls visit(table, column, row, bits) for every value, tables and columns by their place.
template <class Visit>
void each_value(cs::shop shop, Visit&& visit) {
    int table_number = 0;
    auto each_table = [&](auto& table) {
        int column_number = 0;
        auto each_column = [&](auto const& column) {
            for (std::size_t row = 0; row < column.size(); ++row)
                visit(table_number, column_number, row, bits_of(column[row]));
            ++column_number;
        };
        std::apply([&](auto const&... column) { (each_column(column), ...); }, all_columns(table));
        ++table_number;
    };
    std::apply([&](auto&... table) { (each_table(table), ...); }, tables(shop));
}

// FNV-1a.
class digest {
  public:
    void add(std::int64_t value) {
        for (int byte = 0; byte < 8; ++byte)
            hash_ = (hash_ ^ (static_cast<std::uint64_t>(value) >> 8 * byte & 0xFF)) * 0x100000001b3ULL;
    }
    std::uint64_t value() const { return hash_; }

  private:
    std::uint64_t hash_ = 0xcbf29ce484222325ULL;
};

template <class T>
std::vector<T> plain(cs::shop_column<T> const& column) {
    return {column.begin(), column.end()};
}

/// A digest of each table.
std::array<std::uint64_t, 11> digests(cs::shop const& shop) {
    std::array<digest, 11> sums;
    each_value(shop, [&](int table, int, std::size_t, std::int64_t bits) {
        sums[static_cast<std::size_t>(table)].add(bits);
    });
    std::array<std::uint64_t, 11> values{};
    std::transform(sums.begin(), sums.end(), values.begin(), [](digest const& sum) { return sum.value(); });
    return values;
}

bool same(cs::shop const& a, cs::shop const& b) {
    return digests(a) == digests(b) && a.season == b.season;
}

/// The options with nothing that bends prices, rates or the hazard of changes.
cs::shop_options undisturbed(cs::shop_options options) {
    options.complaint_hazard_ratio = 1;
    options.resolved_complaint_hazard_ratio = 1;
    options.life_event_hazard_ratio = 1;
    options.price_hazard_ratio = 1;
    options.price_rise = 0;
    options.campaigns = 0;
    return options;
}

// One entry per sale order: its customer (row of the truth) and its first line's time.
struct order {
    std::size_t row;
    clavis::instant time;
    std::int64_t amount;  ///< of its sale lines
};

std::map<std::int64_t, order> sale_orders(cs::shop const& shop) {
    std::map<std::int64_t, order> orders;
    auto const& lines = shop.transactions;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (lines.kind[i] != cs::line_kind::sale) continue;
        auto const row = static_cast<std::size_t>(lines.customer_id[i] - 1);
        auto [entry, fresh] = orders.try_emplace(lines.order_id[i], order{row, lines.time[i], 0});
        entry->second.amount += lines.amount[i];
    }
    return orders;
}

// Season time at the start of each day of the period.
std::vector<double> elapsed(cs::shop const& shop) {
    std::vector<double> sum{0};
    for (double const m : shop.season)
        sum.push_back(sum.back() + m);
    return sum;
}

std::size_t day_of_period(cs::shop const& shop, std::int32_t local_day) {
    return static_cast<std::size_t>(local_day - shop.start.time_since_epoch().count());
}

TEST(shop, is_the_same_for_any_number_of_threads) {
    cs::shop_options options{.customers = 5000, .seed = 11};
    auto const one = cs::simulate_shop(options, 1);
    EXPECT_TRUE(same(one, cs::simulate_shop(options, 2)));
    EXPECT_TRUE(same(one, cs::simulate_shop(options, 7)));
    options.seed = 12;
    EXPECT_FALSE(same(one, cs::simulate_shop(options, 1)));
}

TEST(shop, is_the_same_on_every_platform) {
    // A change of these numbers changes every result that rests on a simulated shop.
    auto const shop = cs::simulate_shop({.customers = 1500, .seed = 42, .time_zone = "+01:00"});
    std::array<std::uint64_t, 11> const expected{
        0x2052b222791a6761ULL, 0x9a77c42c5135d0b9ULL, 0xb7373d6ecbadbe3bULL, 0x514ac241cc4ea8f0ULL,
        0x254a3668a410c659ULL, 0x487dbcdc3c50209cULL, 0xbd84582c9fcf9a77ULL, 0x3016802272005d2cULL,
        0x9349ba89135ca2cbULL, 0xcdacb54e64c68777ULL, 0xc9eacd6a8bfaa662ULL};
    EXPECT_EQ(digests(shop), expected);
    digest season;
    for (double const m : shop.season)
        season.add(bits_of(m));
    EXPECT_EQ(season.value(), 0xa81ceb668602f88eULL);
}

TEST(shop, more_customers_leave_the_first_as_they_were) {
    auto const few = cs::simulate_shop({.customers = 1500, .seed = 3});
    auto const many = cs::simulate_shop({.customers = 3000, .seed = 3});
    ASSERT_GT(many.transactions.size(), few.transactions.size());
    std::map<std::pair<int, int>, std::vector<std::int64_t>> columns;
    each_value(many, [&](int table, int column, std::size_t, std::int64_t bits) {
        columns[{table, column}].push_back(bits);
    });
    each_value(few, [&](int table, int column, std::size_t row, std::int64_t bits) {
        ASSERT_EQ(columns.at({table, column}).at(row), bits) << table << ' ' << column << ' ' << row;
    });
}

TEST(shop, aspects_do_not_disturb_each_other) {
    cs::shop_options options{.customers = 400, .seed = 5};
    auto const with = sale_orders(cs::simulate_shop(options));
    options.return_chance = 0;
    auto const without = cs::simulate_shop(options);
    auto const sales = sale_orders(without);
    ASSERT_EQ(with.size(), sales.size());
    for (auto const& [id, sale] : with) {
        EXPECT_EQ(sale.time, sales.at(id).time);
        EXPECT_EQ(sale.amount, sales.at(id).amount);
    }
    for (auto const kind : without.transactions.kind)
        EXPECT_EQ(kind, cs::line_kind::sale);
    // Dearer goods are bought at the same times.
    options.mean_spend = 350;
    auto const dearer = sale_orders(cs::simulate_shop(options));
    ASSERT_EQ(dearer.size(), sales.size());
    for (auto const& [id, sale] : dearer)
        EXPECT_EQ(sale.time, sales.at(id).time);
}

TEST(shop, turning_a_part_off_leaves_the_others) {
    // The tables by their place: transactions 0, customers 1, contacts 2, surveys 3, wallet 4, life events 5, costs 6,
    // referrals 7, campaigns 8, interviews 9, truth 10.
    cs::shop_options const options{.customers = 600, .seed = 6};
    auto const all = digests(cs::simulate_shop(options));
    auto changed = [&](std::function<void(cs::shop_options&)> const& turn_off) {
        cs::shop_options less = options;
        turn_off(less);
        auto const now = digests(cs::simulate_shop(less));
        std::set<std::size_t> tables;
        for (std::size_t table = 0; table < all.size(); ++table)
            if (all[table] != now[table]) tables.insert(table);
        return tables;
    };
    using places = std::set<std::size_t>;
    EXPECT_EQ(changed([](auto& o) { o.survey_response_chance = 0; }), (places{3, 10}));
    EXPECT_EQ(changed([](auto& o) { o.wallet_panel_share = 0; }), (places{4}));
    EXPECT_EQ(changed([](auto& o) { o.referral_share = 0; }), (places{1, 6, 7}));
    EXPECT_EQ(changed([](auto& o) { o.interview_share = 0; }), (places{9}));
    EXPECT_EQ(changed([](auto& o) { o.late_share = 0; }), (places{0}));
    EXPECT_EQ(changed([](auto& o) { o.discount_chance = 0; }), (places{0}));
    EXPECT_EQ(changed([](auto& o) { o.return_chance = 0; }), (places{0, 4, 10}));
    EXPECT_EQ(changed([](auto& o) { o.late_payment_chance = 0; }), (places{0, 10}));
    // Categories do not count in what is spent, nor in what is said.
    EXPECT_EQ(changed([](auto& o) { o.dropped_category_share = 0; }), (places{0, 10}));
    // Campaigns move purchases, and all that is counted in purchases.
    EXPECT_EQ(changed([](auto& o) { o.campaigns = 0; }), (places{0, 4, 6, 8, 10}));
}

TEST(shop, lines_are_well_formed) {
    cs::shop_options const options{.customers = 2000, .seed = 8, .return_chance = 0.2};
    auto const shop = cs::simulate_shop(options);
    auto const& lines = shop.transactions;
    auto const zone = clavis::time_zone::named(options.time_zone);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (i > 0) {
            ASSERT_LE(lines.customer_id[i - 1], lines.customer_id[i]);
            if (lines.customer_id[i - 1] == lines.customer_id[i]) {
                ASSERT_LE(lines.time[i - 1], lines.time[i]);
            }
        }
        ASSERT_EQ(lines.time[i].time_since_epoch().count() % 1'000'000, 0);
        bool const sale = lines.kind[i] == cs::line_kind::sale;
        ASSERT_EQ(lines.quantity[i] > 0, sale);
        ASSERT_EQ(lines.amount[i] > 0, sale);
        ASSERT_EQ(lines.amount[i] % lines.quantity[i], 0);
        ASSERT_LT(lines.category[i], shop.labels.categories.size());
        // Opening hours, summer and winter alike, and never on a Sunday.
        auto const local = zone.local_time(lines.time[i]);
        auto const day = std::chrono::floor<std::chrono::days>(local);
        auto const hour = std::chrono::floor<std::chrono::hours>(local - day).count();
        ASSERT_TRUE(hour >= 9 && hour < 20) << hour;
        ASSERT_NE(std::chrono::weekday(day), std::chrono::Sunday);
        auto const in_period = day.time_since_epoch() - shop.start.time_since_epoch();
        ASSERT_TRUE(in_period.count() >= 0 && in_period.count() < options.days);
    }
    std::set<std::int64_t> const ids(lines.order_id.begin(), lines.order_id.end());
    EXPECT_EQ(*ids.begin(), 1);
    EXPECT_EQ(*ids.rbegin(), static_cast<std::int64_t>(ids.size()));
}

TEST(shop, truth_agrees_with_the_lines) {
    auto const shop = cs::simulate_shop({.customers = 3000, .seed = 9});
    auto const zone = clavis::time_zone::named("Europe/Berlin");
    auto const& truth = shop.truth;
    std::vector<std::int32_t> orders(truth.size());
    std::vector<std::int32_t> first(truth.size(), INT32_MAX);
    for (auto const& [id, sale] : sale_orders(shop)) {
        auto const day = zone.local_day(sale.time);
        ++orders[sale.row];
        first[sale.row] = std::min(first[sale.row], day);
        if (truth.rate_ratio[sale.row] == 0) {
            EXPECT_LT(day, truth.change_day[sale.row]);
        }
    }
    EXPECT_EQ(orders, plain(truth.purchases));
    EXPECT_EQ(first, plain(truth.first_day));
    for (std::size_t i = 0; i < truth.size(); ++i) {
        EXPECT_EQ(truth.customer_id[i], static_cast<std::int64_t>(i) + 1);
        EXPECT_EQ(truth.change_day[i] == cs::shop_truth::no_day, truth.change[i] == cs::shop_change::none);
        if (truth.change[i] != cs::shop_change::none) {
            EXPECT_GT(truth.change_day[i], truth.first_day[i]);
        }
        if (truth.change[i] == cs::shop_change::one_time) {
            EXPECT_EQ(truth.purchases[i], 1);
            EXPECT_EQ(truth.change_day[i], truth.first_day[i] + 1);
        }
    }
}

TEST(shop, customers_differ_as_asked) {
    auto const options = undisturbed({.customers = 20000, .seed = 21, .rate_shape = 0.6, .mean_rate = 0.2});
    auto const truth = cs::simulate_shop(options).truth;
    auto gamma = [](double shape, double mean) {
        return
            [law = boost::math::gamma_distribution<>(shape, mean / shape)](double x) { return cdf(law, x); };
    };
    EXPECT_GT(kolmogorov_p(plain(truth.rate), gamma(0.6, 0.2)), 1e-3);
    auto regularity = gamma(options.regularity_shape, options.mean_regularity);
    EXPECT_GT(kolmogorov_p(plain(truth.regularity), [&](double x) { return x < 0.1 ? 0 : regularity(x); }),
              1e-3);
    // spend_mean = mean (q - 1) / Gamma(q).
    boost::math::gamma_distribution<> const q(options.spend_heterogeneity);
    EXPECT_GT(kolmogorov_p(plain(truth.spend_mean),
                           [&](double x) {
                               return cdf(
                                   complement(q, options.mean_spend * (options.spend_heterogeneity - 1) / x));
                           }),
              1e-3);
    std::vector<std::int64_t> kinds;
    for (auto const change : truth.change)
        kinds.push_back(static_cast<std::int64_t>(change));
    // Every customer has arrived before the last possible day of change, so the shares are exact.
    std::array<double, 5> const share{0.45, 0.15, 0.15, 0.10, 0.15};
    EXPECT_LT(
        chi_square_score(kinds, [&](std::int64_t kind) { return share[static_cast<std::size_t>(kind)]; }),
        3.5);
}

// With Poisson purchases, the number of orders of many customers over given stretches is Poisson with the sum
// of rate * season time as its mean: the score is its distance from that in standard deviations.
struct exposure {
    double expected = 0;
    double seen = 0;
    double score() const { return (seen - expected) / std::sqrt(expected); }
};

TEST(shop, changes_have_the_planted_size) {
    cs::shop_options const options{.customers = 20000,
                                   .seed = 31,
                                   .regularity_shape = infinity,
                                   .mean_regularity = 1,
                                   .growth_ratio = 1.6,
                                   .campaigns = 0};
    auto const shop = cs::simulate_shop(options);
    auto const time = elapsed(shop);
    auto const& truth = shop.truth;
    std::map<cs::shop_change, exposure> before;
    std::map<cs::shop_change, exposure> after;
    auto day_of_change = [&](std::size_t row) {
        return truth.change[row] == cs::shop_change::none ? time.size() - 1
                                                          : day_of_period(shop, truth.change_day[row]);
    };
    for (std::size_t row = 0; row < truth.size(); ++row) {
        if (truth.change[row] == cs::shop_change::one_time) continue;
        // From the day after the first purchase, so that what the first day leaves out does not count.
        double const begin = time[day_of_period(shop, truth.first_day[row]) + 1];
        double const change = time[day_of_change(row)];
        before[truth.change[row]].expected += truth.rate[row] / 7 * (change - begin);
        after[truth.change[row]].expected +=
            truth.rate[row] / 7 * truth.rate_ratio[row] * (time.back() - change);
    }
    auto const zone = clavis::time_zone::named(options.time_zone);
    for (auto const& [id, sale] : sale_orders(shop)) {
        auto const day = zone.local_day(sale.time);
        if (truth.change[sale.row] == cs::shop_change::one_time || day == truth.first_day[sale.row]) continue;
        bool const late = day_of_period(shop, day) >= day_of_change(sale.row);
        ++(late ? after : before)[truth.change[sale.row]].seen;
    }
    for (auto const change :
         {cs::shop_change::none, cs::shop_change::stop, cs::shop_change::halving, cs::shop_change::growth}) {
        EXPECT_GT(before[change].seen, 3000);
        EXPECT_LT(std::fabs(before[change].score()), 4) << static_cast<int>(change);
    }
    EXPECT_EQ(after[cs::shop_change::stop].seen, 0);
    for (auto const change : {cs::shop_change::halving, cs::shop_change::growth}) {
        EXPECT_GT(after[change].seen, 3000);
        EXPECT_LT(std::fabs(after[change].score()), 4) << static_cast<int>(change);
    }
}

TEST(shop, gaps_follow_the_planted_regularity_in_season_time) {
    for (double const regularity : {0.7, 1.0, 3.0}) {
        cs::shop_options const options{.customers = 5000,
                                       .seed = 41,
                                       .days = 120,
                                       .rate_shape = infinity,
                                       .mean_rate = 2,
                                       .regularity_shape = infinity,
                                       .mean_regularity = regularity,
                                       .stop_share = 0,
                                       .halving_share = 0,
                                       .growth_share = 0,
                                       .one_time_share = 0,
                                       .campaigns = 0};
        auto const shop = cs::simulate_shop(options);
        auto const time = elapsed(shop);
        auto const zone = clavis::time_zone::named(options.time_zone);
        double hours = 0;
        for (double const weight : options.hour_weights)
            hours += weight;
        auto season_time = [&](clavis::instant when) {
            auto const day = zone.local_day(when);
            auto const local = zone.local_time(when).time_since_epoch() - std::chrono::days{day};
            double const hour = clavis::in_units(local, clavis::hour);
            double part = 0;
            for (std::size_t h = 0; h < 24; ++h)
                part += options.hour_weights[h] / hours * std::clamp(hour - static_cast<double>(h), 0.0, 1.0);
            auto const d = day_of_period(shop, day);
            return time[d] + part * shop.season[d];
        };
        // First gaps alone: at two purchases a week the end of the period cuts none of them off.
        std::vector<double> previous(shop.truth.size(), -1);
        std::vector<int> seen(shop.truth.size());
        std::vector<double> gaps;
        for (auto const& [id, sale] : sale_orders(shop)) {
            double const now = season_time(sale.time);
            if (++seen[sale.row] == 2) gaps.push_back(now - previous[sale.row]);
            previous[sale.row] = now;
        }
        ASSERT_EQ(gaps.size(), shop.truth.size());
        boost::math::gamma_distribution<> const law(regularity, 3.5 / regularity);
        EXPECT_GT(kolmogorov_p(gaps, [&](double x) { return x <= 0 ? 0 : cdf(law, x); }), 1e-3) << regularity;
    }
}

TEST(shop, seasons_shape_the_calendar) {
    cs::shop_options const options{.customers = 4000,
                                   .seed = 51,
                                   .acquired_until = clavis::sys_days{std::chrono::days{19358}},
                                   .mean_rate = 0.5,
                                   .stop_share = 0,
                                   .halving_share = 0,
                                   .growth_share = 0,
                                   .one_time_share = 0,
                                   .campaigns = 0};
    // The first day is a Sunday, on which the shop is closed: arrivals need an open day.
    EXPECT_THROW(cs::simulate_shop(options), clavis::input_error);
    auto open = options;
    open.acquired_until = clavis::sys_days{std::chrono::days{19359}};
    auto const shop = cs::simulate_shop(open);
    double mean = 0;
    for (double const m : shop.season)
        mean += m / static_cast<double>(shop.season.size());
    EXPECT_NEAR(mean, 1, 1e-12);

    auto const zone = clavis::time_zone::named(options.time_zone);
    std::vector<std::int64_t> weekdays;
    std::vector<std::int64_t> months;
    for (auto const& [id, sale] : sale_orders(shop)) {
        auto const day = zone.local_day(sale.time);
        if (day == shop.truth.first_day[sale.row]) continue;
        clavis::sys_days const date{std::chrono::days{day}};
        weekdays.push_back(std::chrono::weekday(date).iso_encoding() - 1);
        months.push_back(static_cast<unsigned>(std::chrono::year_month_day(date).month()) - 1);
    }
    std::array<double, 7> weekday_share{};
    std::array<double, 12> month_share{};
    for (std::size_t d = 2; d < shop.season.size(); ++d) {
        clavis::sys_days const date = shop.start + std::chrono::days{d};
        weekday_share[std::chrono::weekday(date).iso_encoding() - 1] += shop.season[d];
        month_share[static_cast<unsigned>(std::chrono::year_month_day(date).month()) - 1] += shop.season[d];
    }
    double total = 0;
    for (double const part : weekday_share)
        total += part;
    // Regular gaps make counts less variable than multinomial ones, so the score errs on the low side.
    EXPECT_LT(
        chi_square_score(weekdays,
                         [&](std::int64_t k) { return weekday_share[static_cast<std::size_t>(k)] / total; }),
        3.5);
    EXPECT_LT(chi_square_score(
                  months, [&](std::int64_t k) { return month_share[static_cast<std::size_t>(k)] / total; }),
              3.5);
    EXPECT_NEAR(weekday_share[5] / weekday_share[0], 1.6 / 0.9, 0.02);
    EXPECT_EQ(weekday_share[6], 0);
    EXPECT_GT(month_share[11], 1.3 * month_share[1]);
}

TEST(shop, orders_cost_what_the_customer_spends) {
    auto const shop = cs::simulate_shop({.customers = 5000, .seed = 61, .price_rise = 0});
    double seen = 0;
    double expected = 0;
    double variance = 0;
    for (auto const& [id, sale] : sale_orders(shop)) {
        double const mean = 100 * shop.truth.spend_mean[sale.row];
        seen += static_cast<double>(sale.amount);
        expected += mean;
        variance += mean * mean / 6;  // of a gamma variate with shape 6
    }
    EXPECT_LT(std::fabs(seen - expected) / std::sqrt(variance), 4);
}

TEST(shop, returns_undo_lines_of_their_order) {
    cs::shop_options const options{.customers = 6000, .seed = 71, .return_chance = 0.1};
    auto const shop = cs::simulate_shop(options);
    auto const& lines = shop.transactions;
    std::map<std::int64_t, std::vector<std::size_t>> sales;
    for (std::size_t i = 0; i < lines.size(); ++i)
        if (lines.kind[i] == cs::line_kind::sale) sales[lines.order_id[i]].push_back(i);
    auto const half = clavis::instant(shop.start) + 365 * clavis::day;
    double early_sales = 0;
    double early_returns = 0;
    for (auto const& [id, rows] : sales)
        for (auto const row : rows)
            early_sales += lines.time[row] < half;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (lines.kind[i] == cs::line_kind::sale) continue;
        auto const found = std::find_if(
            sales.at(lines.order_id[i]).begin(), sales.at(lines.order_id[i]).end(), [&](std::size_t sale) {
                return lines.customer_id[sale] == lines.customer_id[i] &&
                       lines.category[sale] == lines.category[i] &&
                       lines.quantity[sale] >= -lines.quantity[i] &&
                       lines.amount[sale] / lines.quantity[sale] == lines.amount[i] / lines.quantity[i] &&
                       lines.time[sale] < lines.time[i];
            });
        ASSERT_NE(found, sales.at(lines.order_id[i]).end());
        early_returns += lines.time[*found] < half;
    }
    // Nearly all returns of the first year's lines fall into the period; chances vary between customers,
    // which widens the spread of the share to about 0.004.
    EXPECT_NEAR(early_returns / early_sales, 0.1, 0.015);
}

TEST(shop, contacts_come_at_their_rate_while_the_customer_stays) {
    cs::shop_options const options{
        .customers = 10000, .seed = 82, .contact_rate = 2, .visit_rate = 0, .life_event_rate = 0.5};
    auto const shop = cs::simulate_shop(options);
    auto const zone = clavis::time_zone::named(options.time_zone);
    auto const time = elapsed(shop);
    double years = 0;
    for (std::size_t row = 0; row < shop.truth.size(); ++row) {
        auto const first = day_of_period(shop, shop.truth.first_day[row]);
        auto const end = shop.truth.rate_ratio[row] == 0 ? day_of_period(shop, shop.truth.change_day[row])
                                                         : time.size() - 1;
        // The first purchase lies half a day into its day on average.
        years += (time[end] - time[first] - 0.5 * shop.season[first]) / 365.25;
    }
    EXPECT_LT(std::fabs(static_cast<double>(shop.contacts.size()) - 2 * years) / std::sqrt(2 * years), 4);
    EXPECT_LT(std::fabs(static_cast<double>(shop.life_events.size()) - years / 2) / std::sqrt(years / 2), 4);
    std::vector<std::int64_t> kinds;
    for (std::size_t i = 0; i < shop.contacts.size(); ++i) {
        auto const row = static_cast<std::size_t>(shop.contacts.customer_id[i] - 1);
        kinds.push_back(static_cast<std::int64_t>(shop.contacts.kind[i]));
        auto const day = zone.local_day(shop.contacts.time[i]);
        ASSERT_GE(day, shop.truth.first_day[row]);
        if (shop.truth.rate_ratio[row] == 0) {
            ASSERT_LT(day, shop.truth.change_day[row]);
        }
        if (i > 0 && shop.contacts.customer_id[i - 1] == shop.contacts.customer_id[i]) {
            ASSERT_LE(shop.contacts.time[i - 1], shop.contacts.time[i]);
        }
    }
    std::array<double, 3> const share{0.6, 0.25, 0.15};
    EXPECT_LT(
        chi_square_score(kinds, [&](std::int64_t kind) { return share[static_cast<std::size_t>(kind)]; }),
        3.5);
}

TEST(shop, works_at_its_smallest) {
    cs::shop_options options{.customers = 1, .start = clavis::sys_days{std::chrono::days{19359}}, .days = 1};
    auto const shop = cs::simulate_shop(options);
    EXPECT_GE(shop.truth.purchases[0], 1);
    EXPECT_EQ(shop.season, std::vector<double>{1});
    EXPECT_EQ(shop.transactions.time_view().size, shop.transactions.size());
}

TEST(shop, bad_options_are_named) {
    auto message = [](std::function<void(cs::shop_options&)> const& spoil) -> std::string {
        cs::shop_options options;
        spoil(options);
        try {
            cs::simulate_shop(options);
        } catch (clavis::input_error const& problem) {
            return problem.what();
        }
        return "nothing thrown";
    };
    double const nan = std::numeric_limits<double>::quiet_NaN();
    EXPECT_EQ(message([](auto& o) { o.customers = 0; }),
              "simulate_shop: customers must be 1 to 1000000000, not 0");
    EXPECT_EQ(message([](auto& o) { o.days = 0; }), "simulate_shop: days must be 1 to 36525, not 0");
    EXPECT_EQ(message([](auto& o) { o.rate_shape = -0.5; }),
              "simulate_shop: rate_shape must be above 0, not -0.5");
    EXPECT_EQ(message([](auto& o) { o.spend_heterogeneity = 1; }),
              "simulate_shop: spend_heterogeneity must be above 1 and finite, not 1");
    EXPECT_EQ(message([=](auto& o) { o.mean_rate = nan; }),
              "simulate_shop: mean_rate must be above 0 and at most 1000 a week, not nan");
    EXPECT_EQ(message([](auto& o) { o.stop_share = 0.9; }),
              "simulate_shop: the sum of stop_share, halving_share, growth_share and one_time_share must be "
              "0 to 1, "
              "not 1.3");
    EXPECT_EQ(message([](auto& o) { o.categories.clear(); }),
              "simulate_shop: categories must be 1 to 80 names, not 0");
    EXPECT_EQ(message([](auto& o) { o.weekday_weights[2] = -1; }),
              "simulate_shop: weekday_weights must be finite and not negative, not -1");
    EXPECT_EQ(message([](auto& o) { o.praise_share = 0.8; }),
              "simulate_shop: the sum of complaint_share and praise_share must be 0 to 1, not 1.05");
    EXPECT_EQ(message([](auto& o) { o.campaigns = -1; }),
              "simulate_shop: campaigns must be 0 to 100, not -1");
    for (cs::number_option const& number : cs::number_options()) {
        EXPECT_NE(message([=, &number](auto& o) {
                      o.*number.member = nan;
                  }).find(std::string(number.name) + " must be " + std::string(number.rule) + ", not nan"),
                  std::string::npos)
            << number.name;
        if (number.low == 0 || number.low == 1) {
            EXPECT_NE(message([=, &number](auto& o) { o.*number.member = number.low - 1; }).find(number.name),
                      std::string::npos)
                << number.name;
        }
    }
    EXPECT_EQ(message([](auto& o) { o.hour_weights.fill(0); }),
              "simulate_shop: hour_weights must be above 0 in sum, not 0");
    EXPECT_EQ(
        message([](auto& o) { o.changes_from = o.start - std::chrono::days{1}; }),
        "simulate_shop: changes_from must be a day of the period, 2023-01-01 to 2024-12-30, not 2022-12-31");
    EXPECT_EQ(message([](auto& o) { o.changes_until = o.start; }),
              "simulate_shop: changes_until must be at or after changes_from, not 2023-01-01");
    EXPECT_NE(message([](auto& o) { o.time_zone = "Europe/Atlantis"; }).find("Europe/Atlantis"),
              std::string::npos);
    EXPECT_NE(message([](auto& o) { o.days = 1; }).find("never open"), std::string::npos);
}

TEST(shop, can_be_stopped) {
    int calls = 0;
    clavis::progress const watch([&](std::string_view stage, double) {
        EXPECT_EQ(stage, "simulating customers");
        return ++calls < 3;
    });
    EXPECT_THROW(cs::simulate_shop({.customers = 10000}, 1, watch), clavis::cancelled);
}

}  // namespace

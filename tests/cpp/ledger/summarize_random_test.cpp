// summarize against its definition (summarize_reference.hpp) on random logs, and against itself under every split,
// order, merge and number of threads.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>

#include "ledger/summarize_reference.hpp"

namespace {

using namespace clavis;
using namespace clavis::ledger;
using reference::a_day;
using reference::line;

struct table {
    std::vector<std::int64_t> ids, times, cents, orders;
    std::vector<std::uint8_t> order_bits;
    text_column names, kinds;

    explicit table(std::vector<line> const& lines) : order_bits(lines.size() / 8 + 1) {
        for (auto const& one : lines) {
            if (one.order >= 0)
                order_bits[ids.size() / 8] |= static_cast<std::uint8_t>(1U << (ids.size() % 8));
            ids.push_back(one.customer);
            times.push_back(one.time);
            cents.push_back(one.cents);
            orders.push_back(one.order);
            kinds.push_back(one.kind);
            // Of one width, so that text sorts as the numbers do.
            std::string digits = std::to_string(one.customer + 1000000);
            names.push_back("customer " + digits);
        }
    }
};

struct shape {
    bool amounts = true;
    bool orders = false;
    bool kinds = false;
    bool dates = false;
    bool text = false;
};

transactions_view view_of(table const& from, std::vector<std::int32_t>& days, shape const& form) {
    transactions_view rows;
    rows.customer_id = form.text ? from.names.view() : column_view(std::span<std::int64_t const>(from.ids));
    if (form.dates) {
        days.clear();
        for (std::int64_t time : from.times)
            days.push_back(static_cast<std::int32_t>(time / a_day));
        rows.time = column_view::days(days);
    } else {
        rows.time = column_view(std::span<std::int64_t const>(from.times));
        rows.time.type = column_type::timestamp;
    }
    if (form.amounts) rows.amount = column_view::minor_units(from.cents);
    if (form.orders) {
        rows.order_id = column_view(std::span<std::int64_t const>(from.orders));
        rows.order_id.validity = from.order_bits.data();
    }
    if (form.kinds) rows.kind = from.kinds.view();
    return rows;
}

std::vector<line> random_log(std::mt19937_64& random, std::size_t size, std::int64_t customers,
                             shape const& form) {
    auto draw = [&](std::int64_t below) {
        return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(below));
    };
    std::vector<line> log(size);
    for (auto& one : log) {
        one.customer = draw(customers) * draw(2) + draw(customers);  // uneven
        one.time = (10950 + draw(200)) * a_day;
        if (!form.dates)
            one.time += draw(4) * a_day / 4 + draw(3) * 1800 * 1000000LL + draw(2) * draw(1000000);
        one.cents = draw(4) == 0 ? -100 * draw(4) - 100 : 100 * draw(5);
        if (form.orders && draw(5) > 0) one.order = draw(60);
        if (form.kinds) {
            constexpr char const* kinds[] = {"", "sale", "return", "cancel", "adjust", "Sale"};
            one.kind = kinds[draw(6)];
        }
    }
    return log;
}

void expect_same(summary const& a, summary const& b) {
    ASSERT_EQ(a.customer_id, b.customer_id);
    EXPECT_EQ(a.frequency, b.frequency);
    auto bits = [](std::vector<double> const& values) {
        std::vector<std::uint64_t> words;
        for (double value : values)
            words.push_back(std::bit_cast<std::uint64_t>(value));
        return words;
    };
    EXPECT_EQ(bits(a.recency), bits(b.recency));
    EXPECT_EQ(bits(a.T), bits(b.T));
    EXPECT_EQ(bits(a.monetary_value), bits(b.monetary_value));
    EXPECT_EQ(bits(a.log_gap_sum), bits(b.log_gap_sum));
    EXPECT_EQ(a.first_time, b.first_time);
    EXPECT_EQ(a.last_time, b.last_time);
    EXPECT_EQ(a.last_day, b.last_day);
    EXPECT_EQ(a.orders, b.orders);
    EXPECT_EQ(a.days, b.days);
    EXPECT_EQ(a.lines, b.lines);
    EXPECT_EQ(bits(a.net_amount), bits(b.net_amount));
    EXPECT_EQ(bits(a.returns_amount), bits(b.returns_amount));
    EXPECT_EQ(a.frequency_holdout, b.frequency_holdout);
    EXPECT_EQ(bits(a.duration_holdout), bits(b.duration_holdout));
    EXPECT_EQ(a.observed_until, b.observed_until);
    EXPECT_EQ(a.left_out, b.left_out);
    EXPECT_EQ(a.quality.rows_used, b.quality.rows_used);
    EXPECT_EQ(a.quality.amount_total, b.quality.amount_total);
}

void expect_history_same(history const& a, history const& b) {
    EXPECT_EQ(a.customer_id, b.customer_id);
    EXPECT_EQ(a.offsets, b.offsets);
    EXPECT_EQ(a.day, b.day);
    EXPECT_EQ(a.sales, b.sales);
    EXPECT_EQ(a.returns, b.returns);
    EXPECT_EQ(a.orders, b.orders);
}

void expect_equals_definition(summary const& got, reference::result const& expected, bool amounts,
                              bool holdout) {
    ASSERT_EQ(got.size(), expected.rows.size());
    EXPECT_EQ(got.left_out, expected.left_out);
    std::size_t i = 0;
    for (auto const& [customer, row] : expected.rows) {
        SCOPED_TRACE("customer " + std::to_string(customer));
        if (!got.customer_id.is_text()) {
            EXPECT_EQ(got.customer_id.integers()[i], customer);
        } else {
            EXPECT_EQ(got.customer_id.label(i), "customer " + std::to_string(customer + 1000000));
        }
        auto near = [](double a, double b) {
            return (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= 1e-12 * (1 + std::abs(b));
        };
        EXPECT_EQ(got.frequency[i], row.frequency);
        EXPECT_TRUE(near(got.recency[i], row.recency)) << got.recency[i] << " " << row.recency;
        EXPECT_TRUE(near(got.T[i], row.T)) << got.T[i] << " " << row.T;
        EXPECT_TRUE(near(got.log_gap_sum[i], row.log_gap_sum))
            << got.log_gap_sum[i] << " " << row.log_gap_sum;
        EXPECT_EQ(got.first_time[i].time_since_epoch().count(), row.first_time);
        EXPECT_EQ(got.last_time[i].time_since_epoch().count(), row.last_time);
        EXPECT_EQ(got.last_day[i], reference::floor_to(row.last_time, a_day) / a_day);
        EXPECT_EQ(got.orders[i], row.orders);
        EXPECT_EQ(got.days[i], row.days);
        EXPECT_EQ(got.lines[i], row.lines);
        if (amounts) {
            EXPECT_TRUE(near(got.monetary_value[i], row.monetary_value))
                << got.monetary_value[i] << " " << row.monetary_value;
            EXPECT_DOUBLE_EQ(got.net_amount[i], row.net_amount);
            EXPECT_DOUBLE_EQ(got.returns_amount[i], row.returns_amount);
        } else {
            EXPECT_TRUE(got.monetary_value.empty() && got.net_amount.empty() && got.returns_amount.empty());
        }
        if (holdout) {
            EXPECT_EQ(got.frequency_holdout[i], row.holdout);
        } else {
            EXPECT_TRUE(got.frequency_holdout.empty() && got.duration_holdout.empty());
        }
        if (testing::Test::HasFailure()) return;
        ++i;
    }
}

void expect_equals_definition(history const& got, std::vector<line> const& log, shape const& form, bool net) {
    std::map<std::int64_t, std::map<std::int64_t, std::vector<line>>> expected;
    for (auto const& one : log)
        expected[one.customer][reference::floor_to(one.time, a_day) / a_day].push_back(one);
    ASSERT_EQ(got.size(), expected.size());
    std::size_t i = 0;
    std::size_t entry = 0;
    for (auto const& [customer, days] : expected) {
        ASSERT_EQ(got.offsets[i + 1] - got.offsets[i], static_cast<std::int64_t>(days.size()));
        for (auto const& [day, lines] : days) {
            std::int64_t sales = 0, returns = 0, without_order = 0;
            std::map<std::int64_t, std::vector<line>> orders;
            for (auto const& one : lines) {
                (is_return(one) ? returns : sales) += is_return(one) ? -worth(one) : worth(one);
                if (form.orders && one.order >= 0) {
                    orders[one.order].push_back(one);
                } else {
                    without_order += is_sale(one);
                }
            }
            std::int64_t count = without_order;
            for (auto const& [order, own] : orders)
                count += is_purchase(own, net && form.amounts);
            if (!is_purchase(lines, net && form.amounts)) count = 0;
            ASSERT_EQ(got.day[entry], day);
            ASSERT_EQ(got.orders[entry], count);
            if (form.amounts) {
                ASSERT_EQ(got.sales[entry], sales * 10000);  // cents at six decimal places
                ASSERT_EQ(got.returns[entry], returns * 10000);
            }
            ++entry;
        }
        ++i;
    }
}

TEST(SummarizeRandom, EqualsItsDefinition) {
    std::mt19937_64 random(20261121);
    for (collapse by : {collapse::none, collapse::hour, collapse::day, collapse::week, collapse::month}) {
        for (int variant = 0; variant < 64; ++variant) {
            shape const form{.amounts = (variant & 7) != 7,
                             .orders = (variant & 1) != 0,
                             .kinds = (variant & 2) != 0,
                             .dates = (variant & 4) != 0,
                             .text = (variant & 8) != 0};
            summarize_options options{
                .unit = (variant & 1) != 0 ? week : day,
                .collapse_by = by,
                .returns = (variant & 16) != 0 ? returns_policy::ignore : returns_policy::net,
                .include_first = (variant & 3) == 2,
                .threads = 1};
            bool const holdout = (variant & 32) != 0;
            if (holdout) options.calibrate_until = sys_days(std::chrono::days(11040));
            options.observe_until = sys_days(std::chrono::days(11155));
            auto const log = random_log(random, 600, 40, form);
            // Without amounts a row is a return only where its kind says so.
            auto judged = log;
            if (!form.amounts)
                for (auto& one : judged)
                    one.cents = 0;
            table const rows(log);
            std::vector<std::int32_t> days;
            SCOPED_TRACE("collapse " + std::string(to_string(by)) + ", variant " + std::to_string(variant));
            summarizer state(options);
            state.update(view_of(rows, days, form));
            expect_equals_definition(state.finish(),
                                     reference::summarize(judged, options, form.amounts, form.orders, 11155),
                                     form.amounts, holdout);
            expect_equals_definition(state.daily(), judged, form, options.returns == returns_policy::net);
            if (HasFailure()) return;
        }
    }
}

TEST(SummarizeRandom, IsTheSameForAnySplitOrderMergeAndThreads) {
    std::mt19937_64 random(7);
    for (int variant = 0; variant < 40; ++variant) {
        shape const form{.amounts = variant % 7 != 6,
                         .orders = variant % 2 == 1,
                         .kinds = variant % 3 == 1,
                         .dates = variant % 5 == 2,
                         .text = variant % 4 == 3};
        summarize_options options{.collapse_by = static_cast<collapse>(variant % 5), .threads = 1};
        if (variant % 3 == 0) options.calibrate_until = sys_days(std::chrono::days(11050));
        auto log = random_log(random, 3000, 300, form);
        std::vector<std::int32_t> days;
        table const whole(log);
        summarizer one(options);
        one.update(view_of(whole, days, form));
        summary const expected = one.finish();
        history const expected_days = one.daily();
        for (int round = 0; round < 4; ++round) {
            SCOPED_TRACE("variant " + std::to_string(variant) + ", round " + std::to_string(round));
            std::shuffle(log.begin(), log.end(), random);
            options.threads = 1 + static_cast<unsigned>(round) % 3;
            // Unequal shards, each fed in unequal batches, one of them empty.
            std::vector<summarizer> shards(1 + random() % 5, summarizer(options));
            for (std::size_t begin = 0; begin < log.size();) {
                std::size_t const end = std::min(log.size(), begin + 1 + random() % 900);
                table const part(std::vector<line>(log.begin() + static_cast<std::ptrdiff_t>(begin),
                                                   log.begin() + static_cast<std::ptrdiff_t>(end)));
                shards[random() % shards.size()].update(view_of(part, days, form));
                begin = end;
            }
            shards.emplace_back(options);
            std::shuffle(shards.begin(), shards.end(), random);
            for (std::size_t i = 1; i < shards.size(); ++i)
                shards[0].merge(shards[i]);
            expect_same(shards[0].finish(), expected);
            expect_history_same(shards[0].daily(), expected_days);
            if (HasFailure()) return;
        }
    }
}

TEST(SummarizeRandom, ManyRowsOnManyThreads) {
    // More rows than a block, a chunk of interning and a chunk of dealing out; few customers have most of the rows.
    std::mt19937_64 random(11);
    std::vector<std::int64_t> ids, cents;
    std::vector<std::int32_t> days;
    for (std::size_t i = 0; i < 300000; ++i) {
        std::int64_t const spread = static_cast<std::int64_t>(random() % 4);
        ids.push_back(static_cast<std::int64_t>(random() % (spread == 0   ? 50000
                                                            : spread == 1 ? 500
                                                                          : 5)) *
                      1000003);
        days.push_back(static_cast<std::int32_t>(18000 + random() % 700));
        cents.push_back(static_cast<std::int64_t>(random() % 10000) - 500);
    }
    summary const expected = summarize({ids, days, cents}, {.threads = 1});
    for (unsigned threads : {2U, 3U, 8U})
        expect_same(summarize({ids, days, cents}, {.threads = threads}), expected);

    // The same by counting: a purchase day is a day with a sale, unless returns take it all back.
    std::map<std::int64_t, std::map<std::int32_t, std::pair<std::int64_t, int>>> count;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        auto& [total, flags] = count[ids[i]][days[i]];
        total += cents[i];
        flags |= cents[i] < 0 ? 2 : 1;
    }
    ASSERT_EQ(expected.size(), count.size());
    std::size_t i = 0;
    for (auto const& [id, own] : count) {
        std::int32_t purchases = 0;
        for (auto const& [day, entry] : own)
            purchases += entry.second == 1 || (entry.second == 3 && entry.first > 0);
        ASSERT_EQ(expected.customer_id.integers()[i], id);
        ASSERT_EQ(expected.frequency[i], std::max(purchases - 1, 0));
        ++i;
    }
}

}  // namespace

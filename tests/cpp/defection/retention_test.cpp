#include "clavis/defection/retention.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/core/random.hpp"

namespace clavis::defection {
namespace {

struct entry {
    std::int32_t day;
    std::int64_t sales, returns;
    std::int32_t orders;
};
using people = std::vector<std::vector<entry>>;

constexpr std::int32_t origin = 19000;  // 2022-01-08

people draw(std::uint64_t seed, std::size_t size) {
    people result(size);
    for (std::size_t i = 0; i < size; ++i) {
        random_stream random(seed, 0, i);
        std::int32_t day = origin + static_cast<std::int32_t>(random.below(200));
        for (std::uint64_t k = 0, n = 1 + random.below(12); k < n; ++k) {
            // A day of returns alone is no purchase.
            bool const bought = k == 0 || random.bernoulli(0.8);
            result[i].push_back(
                {day, bought ? 100 + static_cast<std::int64_t>(random.below(900)) : 0,
                 bought && random.bernoulli(0.7) ? 0 : static_cast<std::int64_t>(random.below(300)),
                 bought ? 1 : 0});
            day += 1 + static_cast<std::int32_t>(random.below(90));
        }
    }
    return result;
}

ledger::history to_history(people const& all) {
    ledger::history records;
    std::vector<std::int64_t> ids;
    for (auto const& one : all) {
        ids.push_back(static_cast<std::int64_t>(ids.size()));
        for (auto const& at : one) {
            records.day.push_back(at.day);
            records.sales.push_back(at.sales);
            records.returns.push_back(at.returns);
            records.orders.push_back(at.orders);
        }
        records.offsets.push_back(static_cast<std::int64_t>(records.day.size()));
    }
    records.customer_id = std::move(ids);
    return records;
}

sys_days on(std::int32_t day) {
    return sys_days(std::chrono::days(day));
}

struct member {
    std::int32_t first = 0;  ///< day of the first purchase
    std::set<std::int32_t> bought;
    std::map<std::int32_t, std::int64_t> gross, net;
};

/// Each customer's purchases and money by period, up to the last day observed.
std::vector<member> by_period(people const& all, calendar const& periods, std::int32_t until) {
    std::vector<member> result;
    for (auto const& one : all) {
        member found;
        bool begun = false;
        for (auto const& at : one) {
            if (at.day > until) continue;
            if (at.orders > 0 && !begun) found.first = at.day, begun = true;
            if (!begun) continue;
            auto const period = periods.period_of(at.day);
            if (at.orders > 0) found.bought.insert(period);
            found.gross[period] += at.sales;
            found.net[period] += at.sales - at.returns;
        }
        if (begun) result.push_back(found);
    }
    return result;
}

template <class Count>
std::int64_t count(std::vector<member> const& all, Count&& counts) {
    std::int64_t sum = 0;
    for (auto const& one : all)
        sum += static_cast<std::int64_t>(counts(one));
    return sum;
}
std::int64_t money(std::map<std::int32_t, std::int64_t> const& by, std::int32_t period) {
    auto const at = by.find(period);
    return at == by.end() ? 0 : at->second;
}

TEST(retention, cohorts_by_their_definition) {
    auto const all = draw(1, 300);
    for (char const* name : {"month", "week", "quarter", "28 days"})
        for (std::int32_t const until : {origin + 150, origin + 400, origin + 2000}) {
            auto const periods = calendar::parse(name);
            auto const members = by_period(all, periods, until);
            auto const table = cohorts(to_history(all), periods, on(until));
            std::int64_t customers = 0;
            for (std::size_t i = 0; i < table.cohort.size(); ++i) {
                auto const start = periods.period_of(table.cohort[i]);
                auto const period = start + table.age[i];
                auto const in = [&](member const& one) { return periods.period_of(one.first) == start; };
                EXPECT_EQ(table.customers[i], count(members, in));
                EXPECT_EQ(table.active[i], count(members, [&](member const& one) {
                              return in(one) && one.bought.contains(period);
                          }));
                EXPECT_EQ(table.active_later[i], count(members, [&](member const& one) {
                              return in(one) && *one.bought.rbegin() >= period;
                          }));
                EXPECT_EQ(table.gross[i], count(members, [&](member const& one) {
                              return in(one) ? money(one.gross, period) : 0;
                          }));
                EXPECT_EQ(table.net[i], count(members, [&](member const& one) {
                              return in(one) ? money(one.net, period) : 0;
                          }));
                EXPECT_EQ(table.complete[i] != 0, periods.first_day(period + 1) - 1 <= until);
                EXPECT_LE(periods.first_day(period), until);
                if (table.age[i] == 0) customers += table.customers[i];
            }
            EXPECT_EQ(customers, static_cast<std::int64_t>(members.size())) << name << ' ' << until;
        }
}

TEST(retention, flows_by_their_definition) {
    auto const all = draw(2, 250);
    auto const periods = calendar::parse("month");
    std::int32_t const until = origin + 500;
    auto const members = by_period(all, periods, until);
    auto const table = flows(to_history(all), periods, on(until));
    ASSERT_FALSE(table.period.empty());
    for (std::size_t i = 0; i < table.period.size(); ++i) {
        auto const now = periods.period_of(table.period[i]);
        auto const in = [now](member const& one, int back) { return one.bought.contains(now - back); };
        auto const fresh = [&](member const& one) { return periods.period_of(one.first) == now; };
        auto const kept = [&](member const& one) { return in(one, 0) && in(one, 1); };
        auto const back = [&](member const& one) { return in(one, 0) && !in(one, 1) && !fresh(one); };
        EXPECT_EQ(table.active[i], count(members, [&](member const& one) { return in(one, 0); }));
        EXPECT_EQ(table.fresh[i], count(members, fresh));
        EXPECT_EQ(table.kept[i], count(members, kept));
        EXPECT_EQ(table.reactivated[i], count(members, back));
        EXPECT_EQ(table.active[i], table.fresh[i] + table.kept[i] + table.reactivated[i]);
        EXPECT_EQ(table.lapsed[i],
                  count(members, [&](member const& one) { return in(one, 1) && !in(one, 0); }));
        EXPECT_EQ(table.dormant[i], count(members, [&](member const& one) {
                      return periods.period_of(one.first) <= now && !in(one, 0);
                  }));
        auto const sum = [&](auto&& who) {
            return count(members, [&](member const& one) { return who(one) ? money(one.net, now) : 0; });
        };
        EXPECT_EQ(table.net_fresh[i], sum(fresh));
        EXPECT_EQ(table.net_kept[i], sum(kept));
        EXPECT_EQ(table.net_reactivated[i], sum(back));
        EXPECT_EQ(table.base[i], count(members, [&](member const& one) {
                      return in(one, 1) ? money(one.net, now - 1) : 0;
                  }));
        EXPECT_EQ(table.kept_of_base[i], count(members, [&](member const& one) {
                      return kept(one) ? std::max<std::int64_t>(
                                             0, std::min(money(one.net, now), money(one.net, now - 1)))
                                       : 0;
                  }));
    }
}

TEST(retention, brackets_by_their_definition) {
    auto const all = draw(3, 300);
    auto const periods = calendar::parse("month");
    std::int32_t const until = origin + 260;
    auto const table = bracket(to_history(all), periods, 5, 40, on(until));
    std::map<std::int32_t, std::array<std::int64_t, 3>> exact;
    for (auto const& one : all) {
        std::int32_t first = -1;
        bool again = false;
        for (auto const& at : one) {
            if (at.orders == 0 || at.day > until) continue;
            if (first < 0) first = at.day;
            again = again || (at.day >= first + 5 && at.day <= first + 40);
        }
        if (first < 0) continue;
        auto& of = exact[periods.first_day(periods.period_of(first))];
        ++of[0];
        if (first + 40 > until) continue;
        ++of[1];
        of[2] += again;
    }
    // Months in which nobody began are there too.
    ASSERT_GE(table.cohort.size(), exact.size());
    EXPECT_EQ(table.cohort.front(), exact.begin()->first);
    EXPECT_EQ(table.cohort.back(), periods.first_day(periods.period_of(until)));
    for (std::size_t i = 0; i < table.cohort.size(); ++i) {
        auto const& of = exact[table.cohort[i]];
        EXPECT_EQ(table.customers[i], of[0]);
        EXPECT_EQ(table.eligible[i], of[1]);
        EXPECT_EQ(table.returned[i], of[2]);
    }
    EXPECT_THROW(bracket(to_history(all), periods, 0, 5, on(until)), input_error);
    EXPECT_THROW(bracket(to_history(all), periods, 9, 5, on(until)), input_error);
}

TEST(retention, spells_by_their_definition) {
    auto const all = draw(4, 300);
    std::int32_t const until = origin + 420;
    for (int const gap : {1, 20, 45, 1000}) {
        auto const table = spells(to_history(all), gap, on(until));
        std::size_t k = 0;
        for (std::size_t i = 0; i < all.size(); ++i) {
            std::vector<std::int32_t> days;
            for (auto const& at : all[i])
                if (at.orders > 0 && at.day <= until) days.push_back(at.day);
            std::int32_t number = 0;
            for (std::size_t a = 0; a < days.size();) {
                std::size_t b = a;
                while (b + 1 < days.size() && days[b + 1] - days[b] <= gap)
                    ++b;
                ++number;
                bool const left = days[b] + gap <= until;
                std::int32_t const end = std::min(days[b] + gap, until);
                if (days[a] < until) {
                    ASSERT_LT(k, table.row.size());
                    EXPECT_EQ(table.row[k], static_cast<std::int64_t>(i));
                    EXPECT_EQ(table.number[k], number);
                    EXPECT_EQ(table.first[k], days[a]);
                    EXPECT_EQ(table.last[k], days[b]);
                    EXPECT_EQ(table.purchases[k], static_cast<std::int32_t>(b - a + 1));
                    EXPECT_EQ(table.duration[k], end - days[a]);
                    EXPECT_EQ(table.event[k] != 0, left) << gap << ' ' << until - days[b];
                    EXPECT_EQ(table.start[k], days[a] - days[0]);
                    ++k;
                }
                a = b + 1;
            }
        }
        EXPECT_EQ(k, table.row.size());
    }
    EXPECT_THROW(spells(to_history(all), 0, on(until)), input_error);
}

// Counts and money of disjoint customers add up.
TEST(retention, shards_add_up) {
    auto const all = draw(5, 200);
    people const one(all.begin(), all.begin() + 70);
    people const other(all.begin() + 70, all.end());
    auto const periods = calendar::parse("quarter");
    auto const total = [&](people const& some) {
        std::map<std::pair<std::int32_t, std::int32_t>, std::array<std::int64_t, 4>> sums;
        auto const table = cohorts(to_history(some), periods, on(origin + 700));
        for (std::size_t i = 0; i < table.cohort.size(); ++i) {
            auto& of = sums[{table.cohort[i], table.age[i]}];
            of = {table.active[i], table.active_later[i], table.gross[i], table.net[i]};
        }
        return sums;
    };
    auto sums = total(one);
    for (auto const& [key, of] : total(other))
        for (std::size_t c = 0; c < 4; ++c)
            sums[key][c] += of[c];
    EXPECT_EQ(sums, total(all));
}

TEST(retention, calendars_name_what_they_know) {
    EXPECT_THROW(calendar::parse("fortnight"), input_error);
    auto const weeks = calendar::parse("week");
    // 2024-01-01 was a Monday.
    EXPECT_EQ(weeks.first_day(weeks.period_of(19723)), 19723);
    EXPECT_EQ(weeks.period_of(19723 + 6), weeks.period_of(19723));
    EXPECT_EQ(weeks.period_of(19723 + 7), weeks.period_of(19723) + 1);
    auto const years = calendar::parse("year");
    EXPECT_EQ(years.first_day(years.period_of(19723 + 365)), 19723);
}

}  // namespace
}  // namespace clavis::defection

// Regularity learned from whole days, and the clock that comes of it.

#include "clavis/defection/regularity.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "clavis/defection/baseline.hpp"
#include "clavis/lifetime/modified_beta_geo_cnbd.hpp"
#include "defection/population.hpp"

namespace clavis::defection {
namespace {

using test::customer;
using test::world;

std::vector<std::int32_t> gaps_in_days(customer const& one, double until) {
    std::vector<std::int32_t> gaps;
    std::int32_t last = 0;
    for (double const time : one.visits) {
        if (time >= until) break;
        auto const day = static_cast<std::int32_t>(time);
        if (day > last) gaps.push_back(day - last);
        last = day;
    }
    return gaps;
}

gap_pairs pairs_of(world const& w, std::size_t customers, std::uint64_t seed) {
    gap_pairs pairs;
    for (std::size_t i = 0; i < customers; ++i)
        pairs.add_customer(gaps_in_days(test::simulate(w, seed, i), 7 * w.baseline));
    return pairs;
}

TEST(Regularity, IsFoundInWholeDaysWhateverTheRatesAndWhoeverLeft) {
    std::size_t const customers = test::scaled(60000, 4000);
    for (auto const& [r, alpha] : {std::pair{0.55, 10.58}, {2.0, 2.0}, {5.0, 1.0}})
        for (double const k : {0.5, 1.0, 2.0, 4.0}) {
            regularity const found =
                pairs_of({.r = r, .alpha = alpha, .watched = 1, .k = k, .dropout_a = 0.8, .dropout_b = 12},
                         customers, 201)
                    .estimate();
            // Whole days leave a bias where customers come nearly daily and regularly.
            double const bias = r == 5 ? 0.12 : 0.04;
            EXPECT_NEAR(found.k / k, 1, bias + 3 * found.standard_error / k) << r << ' ' << k;
            EXPECT_LT(found.spread_z, 5);
            std::printf("[ measured ] r %.2f, k %.1f: %.3f (error %.3f), by moments %.3f\n", r, k, found.k,
                        found.standard_error, found.by_moments);
        }
}

TEST(Regularity, IsUnbiasedAtOneForTheBusiestToo) {
    // At k = 1 days of visits are exactly geometric.
    regularity const found =
        pairs_of({.r = 5, .alpha = 1, .watched = 1}, test::scaled(200000, 6000), 202).estimate();
    EXPECT_NEAR(found.k, 1, 4 * found.standard_error);
    EXPECT_LT(found.standard_error, 0.03);
}

TEST(Regularity, StatesAddUp) {
    world const w{.watched = 1, .k = 1.5};
    gap_pairs whole;
    gap_pairs left;
    gap_pairs right;
    for (std::size_t i = 0; i < 500; ++i) {
        auto const gaps = gaps_in_days(test::simulate(w, 203, i), 364);
        whole.add_customer(gaps);
        (i % 3 == 0 ? left : right).add_customer(gaps);
    }
    left += right;
    EXPECT_EQ(left.pairs(), whole.pairs());
    EXPECT_NEAR(left.estimate().k, whole.estimate().k, 1e-12);
    EXPECT_NEAR(left.estimate().spread, whole.estimate().spread, 1e-9);
    EXPECT_EQ(gap_pairs{}.estimate().k, 1);
    EXPECT_EQ(gap_pairs{}.estimate().pairs, 0);
}

TEST(Regularity, LongGapsCountAsExactTimes) {
    // Pairs of more than 1,024 days leave the sums over days: the two likelihoods must join without a step.
    regularity estimates[2];
    for (int part = 0; part < 2; ++part) {
        gap_pairs pairs;
        for (std::size_t i = 0; i < 3000; ++i) {
            random_stream random(204, 1, i);
            double const mean = part == 0 ? 400 : 700;  // mostly below and mostly above
            std::vector<std::int32_t> gaps;
            for (int j = 0; j < 2; ++j)
                gaps.push_back(1 + static_cast<std::int32_t>(mean * random.gamma(3.0) / 3));
            pairs.add_customer(gaps);
        }
        estimates[part] = pairs.estimate();
        EXPECT_NEAR(estimates[part].k, 3, 4 * estimates[part].standard_error);
    }
}

TEST(Regularity, CustomersWhoDifferAreToldApart) {
    gap_pairs pairs;
    for (std::size_t i = 0; i < 2000; ++i)
        pairs.add_customer(
            gaps_in_days(test::simulate({.watched = 1, .k = i % 2 == 0 ? 0.5 : 10.0}, 205, i), 364));
    regularity const found = pairs.estimate();
    EXPECT_GT(found.spread, 0.5);
    EXPECT_GT(found.spread_z, 10);
}

TEST(Regularity, RatesAreThoseOfTheModelWithWholePhases) {
    // For whole k the likelihood is that of MBG/CNBD-k, which sums over phases.
    world const w{.baseline = 104, .watched = 1, .k = 3, .dropout_a = 0.8, .dropout_b = 12};
    std::vector<customer> customers;
    for (std::size_t i = 0; i < 3000; ++i)
        customers.push_back(test::simulate(w, 206, i));
    auto const records = test::to_history(customers);
    sys_days const until{std::chrono::days{728}};
    clock_knowledge whole(3.0);
    whole.time = operational_time{};
    baseline const known = learn_baseline(records, until, whole);
    ASSERT_TRUE(known.fit->converged) << known.fit->status;

    std::vector<double> span;
    std::vector<double> age;
    std::vector<double> log_gaps(known.size(), 0.0);
    for (std::size_t i = 0; i < known.size(); ++i) {
        span.push_back(known.gap_days[i]);
        age.push_back(727.0 - (known.last_day[i] - known.gap_days[i]));
    }
    ledger::summary_view const rows{.frequency = known.visits,
                                    .recency = span,
                                    .T = age,
                                    .monetary_value = {},
                                    .log_gap_sum = log_gaps,
                                    .weights = {},
                                    .unit = day};
    lifetime::fit_options options;
    options.fixed = {{"k", 3.0}};
    auto const expected = lifetime::fit<lifetime::modified_beta_geo_cnbd>(rows, options);
    ASSERT_TRUE(expected.report.converged);
    for (char const* name : {"r", "alpha", "a", "b"}) {
        EXPECT_NEAR(known.fit->estimate(name) / expected.report.estimate(name), 1, 1e-4) << name;
        EXPECT_NEAR(known.fit->standard_error(name) / expected.report.standard_error(name), 1, 1e-2) << name;
    }
    EXPECT_EQ(known.clock.k, 3);
}

TEST(Regularity, TheBaselineLearnsIt) {
    world const w{.watched = 1, .k = 4, .dropout_a = 0.8, .dropout_b = 12};
    std::vector<customer> customers;
    for (std::size_t i = 0; i < 4000; ++i)
        customers.push_back(test::simulate(w, 207, i));
    baseline const known = learn_baseline(test::to_history(customers), sys_days{std::chrono::days{364}});
    EXPECT_NEAR(known.clock.k, 4, 0.3);
    EXPECT_NEAR(known.clock.r, 2, 0.3);
    EXPECT_NEAR(known.clock.rate(0, 0) * 7, 1, 0.1);
    EXPECT_TRUE(known.warnings.empty());
    EXPECT_GT(known.fit->standard_error("k"), 0.01);
    EXPECT_LT(known.long_silence_excess, 1.2);
}

/// Clock gaps of each customer's first five, judged by a clock of regularity `k`.
std::vector<double> clock_gaps(double r, double alpha, double true_k, double k, std::size_t customers) {
    hazard_clock const clock{r, alpha, k};
    std::vector<double> result;
    for (std::size_t i = 0; i < customers; ++i) {
        random_stream random(208, 9, i);
        double const lambda = random.gamma(r) / alpha;
        double gap_sum = 0;
        for (int x = 0; x < 5; ++x) {
            double const gap = random.gamma(true_k) / lambda;
            result.push_back(clock.hazard(x, gap_sum, gap));
            gap_sum += gap;
        }
    }
    return result;
}

TEST(RegularClock, GapsOnTheClockAreUnitExponentialForEveryK) {
    std::size_t const customers = test::scaled(100000, 1500);
    for (auto [r, alpha] : {std::pair{0.55, 74.06}, {2.0, 14.0}, {5.0, 7.0}})
        for (double const k : {0.5, 2.0, 4.0, 11.5}) {
            clock_check const right = check_clock(clock_gaps(r, alpha, k, k, customers));
            EXPECT_GT(right.p_value, 1e-3) << r << ' ' << k << " distance " << right.distance;
            EXPECT_LT(check_clock(clock_gaps(r, alpha, k, 1, customers)).p_value, 1e-6) << r << ' ' << k;
        }
}

}  // namespace
}  // namespace clavis::defection

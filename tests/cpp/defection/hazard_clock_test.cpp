#include "clavis/defection/hazard_clock.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "clavis/core/errors.hpp"
#include "defection/population.hpp"

namespace clavis::defection {
namespace {

using test::gaps;
using test::world;

TEST(HazardClock, OverduePIsTheMixedExponentialOfThePosterior) {
    auto const rows = test::read_reference("defection_clock.csv");
    ASSERT_EQ(rows.size(), 36U);
    for (auto row : rows) {
        auto value = [&](char const* name) { return std::stod(row[name]); };
        hazard_clock const clock{value("r"), value("alpha")};
        double const p = clock.overdue_p(value("x"), value("G"), value("silence"));
        // e^{-H} carries the rounding of H: an error of H ulp in p.
        double const bound = 4e-16 * (4 - std::log(value("p")));
        EXPECT_NEAR(p / value("p"), 1, bound) << row["r"] << ' ' << row["x"] << ' ' << row["silence"];
        EXPECT_NEAR(clock.silence_at(value("x"), value("G"), value("p")) / value("silence"), 1, 1e-13);
    }
}

TEST(HazardClock, PiecesOfASilenceAddUp) {
    hazard_clock const clock{0.55, 74.06};
    double const whole = clock.hazard(3, 100, 60);
    EXPECT_NEAR(clock.hazard_between(3, 100, 0, 17) + clock.hazard_between(3, 100, 17, 60), whole, 1e-15);
    EXPECT_GT(clock.hazard(3, 100, 61), whole);
}

TEST(HazardClock, PNeverReachesZeroAndNaNStaysNaN) {
    hazard_clock const clock{5, 1};
    EXPECT_EQ(clock.hazard(1e6, 1e6, 1e12), hazard_clock::cap);
    EXPECT_GT(clock.overdue_p(1e6, 1e6, 1e12), 0);
    EXPECT_EQ(clock.overdue_p(4, 10, 0), 1);
    double const nan = std::numeric_limits<double>::quiet_NaN();
    EXPECT_TRUE(std::isnan(clock.overdue_p(nan, 10, 1)));
    EXPECT_TRUE(std::isnan(clock.overdue_p(1, nan, 1)));
    EXPECT_TRUE(std::isnan(clock.overdue_p(1, 10, nan)));
    EXPECT_TRUE(std::isnan(clock.overdue_p(1, 10, -1)));
    EXPECT_TRUE(std::isnan(clock.overdue_p(-1, 10, 1)));
    EXPECT_TRUE(std::isnan((hazard_clock{0, 1}.overdue_p(1, 10, 1))));
}

TEST(HazardClock, ValidateNamesTheParameter) {
    EXPECT_THROW((hazard_clock{0, 1}.validate()), input_error);
    EXPECT_THROW((hazard_clock{1, std::numeric_limits<double>::infinity()}.validate()), input_error);
    EXPECT_THROW(hazard_clock{}.validate(), input_error);
    EXPECT_NO_THROW((hazard_clock{1, 1}.validate()));
}

TEST(HazardClock, BatchEqualsRowsForAnyThreads) {
    hazard_clock const clock{0.55, 74.06};
    std::vector<double> visits;
    std::vector<double> gap_sum;
    std::vector<double> silence;
    for (int i = 0; i < 40000; ++i) {
        visits.push_back(i % 13);
        gap_sum.push_back(i % 400);
        silence.push_back(i % 177);
    }
    std::vector<double> one(visits.size());
    std::vector<double> three(visits.size());
    overdue_p(clock, visits, gap_sum, silence, one, 1);
    overdue_p(clock, visits, gap_sum, silence, three, 3);
    EXPECT_EQ(one, three);
    EXPECT_EQ(one[12345], clock.overdue_p(visits[12345], gap_sum[12345], silence[12345]));
    std::vector<double> shorter(3);
    EXPECT_THROW(overdue_p(clock, visits, gap_sum, silence, shorter), input_error);
}

/// Gaps on the clock of customers with unknown rates, each judged by what was known before it.
std::vector<double> clock_gaps(world const& w, std::size_t customers, std::uint64_t seed) {
    hazard_clock const clock{w.r, w.alpha * 7};
    std::vector<double> result;
    for (std::size_t i = 0; i < customers; ++i) {
        // The first gaps of each, a fixed number: those seen up to a date would favour short ones.
        random_stream random(seed, 9, i);
        double const rate = random.gamma(w.r) / (w.alpha * 7);
        double gap_sum = 0;
        for (int x = 0; x < 5; ++x) {
            double const gap = test::draw_gap(random, w.spread) / rate;
            result.push_back(clock.hazard(x, gap_sum, gap));
            gap_sum += gap;
        }
    }
    return result;
}

TEST(HazardClock, GapsOnTheClockAreUnitExponentialWhateverThePopulation) {
    std::size_t const customers = test::scaled(400000, 4000);
    for (auto [r, alpha] : {std::pair{0.55, 10.58}, {2.0, 2.0}, {5.0, 1.0}}) {
        clock_check const check = check_clock(clock_gaps({.r = r, .alpha = alpha}, customers, 101));
        EXPECT_EQ(check.gaps, 5 * customers);
        EXPECT_GT(check.p_value, 1e-3) << r << ' ' << alpha << " distance " << check.distance;
    }
}

TEST(HazardClock, CheckFindsGapsThatAreNotExponential) {
    EXPECT_LT(check_clock(clock_gaps({.spread = gaps::gamma_two}, 4000, 102)).p_value, 1e-6);
    EXPECT_LT(check_clock(clock_gaps({.spread = gaps::log_normal}, 4000, 103)).p_value, 1e-6);
}

TEST(HazardClock, KolmogorovPValuesAreUniform) {
    int below_tenth = 0;
    int const repeats = 600;
    for (int k = 0; k < repeats; ++k) {
        random_stream random(5, 1, static_cast<std::uint64_t>(k));
        std::vector<double> gaps(40);
        for (double& gap : gaps)
            gap = random.exponential();
        below_tenth += check_clock(gaps).p_value < 0.1;
    }
    EXPECT_NEAR(below_tenth / static_cast<double>(repeats), 0.1, 4 * 0.0123);
    EXPECT_EQ(check_clock({}).gaps, 0U);
    EXPECT_TRUE(std::isnan(check_clock({}).p_value));
}

}  // namespace
}  // namespace clavis::defection

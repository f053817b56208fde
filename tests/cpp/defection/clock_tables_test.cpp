// The clock of any regularity against its definition at 25 digits, and the tables against direct evaluation.

#include "clavis/defection/clock_tables.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/defection/detectors.hpp"
#include "defection/population.hpp"

namespace clavis::defection {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

TEST(RegularClock, AgreesWithItsDefiningIntegrals) {
    auto const rows = test::read_reference("defection_regular.csv");
    ASSERT_EQ(rows.size(), 60U);
    for (auto row : rows) {
        auto value = [&](char const* name) { return std::stod(row[name]); };
        hazard_clock const clock{value("r"), value("alpha"), value("k")};
        double const expected = -std::log(value("p"));
        double const found = clock.hazard(value("x"), value("G"), value("silence"));
        std::string const where = row["k"] + ' ' + row["r"] + ' ' + row["x"] + ' ' + row["silence"];
        EXPECT_NEAR(found, expected, 2e-12 * std::max(1.0, expected)) << where;
        // Of an H near zero 1 - P has lost the digits, but not the clock.
        if (expected > 1e-6 && expected < hazard_clock::cap) {
            EXPECT_NEAR(clock.silence_at(value("x"), value("G"), std::exp(-found)) / value("silence"), 1,
                        1e-10 + 1e-15 / std::min(1.0, expected))
                << where;
        }
        double const stop = shiryaev_roberts_after(-infinity, 0, clock, value("x"), value("G"), value("from"),
                                                   value("silence"), 7);
        double const half = shiryaev_roberts_after(std::log(3.5), 0.5, clock, value("x"), value("G"),
                                                   value("from"), value("silence"), 7);
        EXPECT_NEAR(stop, value("log_stop"), 1e-11 * (1 + expected)) << where;
        EXPECT_NEAR(half, value("log_half"), 1e-11 * (1 + expected)) << where;
    }
}

TEST(RegularClock, IsTheLomaxClockAtOne) {
    // The general formulas a hair beside k = 1 against the closed forms at it.
    hazard_clock const one{2, 14};
    hazard_clock const near{2, 14, 1 + 1e-9};
    for (double const silence : {0.01, 3.0, 80.0, 2000.0}) {
        EXPECT_NEAR(near.hazard(5, 60, silence) / one.hazard(5, 60, silence), 1, 3e-8);
        EXPECT_NEAR(near.rate(5, 60, silence) / one.rate(5, 60, silence), 1, 3e-8);
        EXPECT_NEAR(shiryaev_roberts_after(0.3, 0.5, near, 5, 60, 1, 1 + silence, 7),
                    shiryaev_roberts_after(0.3, 0.5, one, 5, 60, 1, 1 + silence, 7), 3e-7);
    }
}

TEST(RegularClock, PiecesOfASilenceCompose) {
    for (double const k : {0.3, 4.0}) {
        hazard_clock const clock{0.55, 74.06, k};
        EXPECT_NEAR(clock.hazard_between(3, 100, 0, 17) + clock.hazard_between(3, 100, 17, 160),
                    clock.hazard(3, 100, 160), 1e-13);
        double const half = shiryaev_roberts_after(1.2, 0.5, clock, 3, 100, 0, 17, 7);
        EXPECT_NEAR(shiryaev_roberts_after(half, 0.5, clock, 3, 100, 17, 160, 7),
                    shiryaev_roberts_after(1.2, 0.5, clock, 3, 100, 0, 160, 7), 1e-11);
    }
}

TEST(RegularClock, PNeverReachesZeroAndNaNStaysNaN) {
    hazard_clock const clock{5, 1, 3.3};
    double const nan = std::numeric_limits<double>::quiet_NaN();
    EXPECT_EQ(clock.hazard(1e6, 1e6, 1e12), hazard_clock::cap);
    EXPECT_EQ(clock.overdue_p(4, 10, 0), 1);
    EXPECT_TRUE(std::isnan(clock.overdue_p(nan, 10, 1)));
    EXPECT_TRUE(std::isnan(clock.overdue_p(1, 10, -1)));
    EXPECT_TRUE(std::isnan((hazard_clock{1, 1, 30}.overdue_p(1, 10, 1))));
    EXPECT_THROW((hazard_clock{1, 1, 0.1}.validate()), input_error);
    EXPECT_TRUE(std::isfinite(shiryaev_roberts_after(-infinity, 0, clock, 5000, 10, 0, 1e15, 7)));
    EXPECT_TRUE(std::isnan(shiryaev_roberts_after(0, 0.5, clock, 3, 10, 5, 4, 7)));
}

/// A silence of a given number of expected gaps, and what both ways make of it.
struct errors {
    double hazard = 0;
    double growth = 0;
    double fresh = 0;
};

void compare(clock_tables const& tables, std::int32_t visits, double gap_sum, double silence, errors& worst) {
    hazard_clock const& clock = tables.clock();
    std::vector<double> growth(tables.size());
    std::vector<double> fresh(tables.size());
    double const found = tables.silence(visits, gap_sum, silence, growth.data(), fresh.data());
    double const exact = clock.hazard(visits, gap_sum, silence);
    worst.hazard = std::max(worst.hazard, std::abs(found - exact) / std::max(1.0, exact));
    for (std::size_t j = 0; j < tables.size(); ++j) {
        double const rho = tables.retained(j);
        double const log_fresh =
            shiryaev_roberts_after(-infinity, rho, clock, visits, gap_sum, 0, silence, 7);
        worst.growth =
            std::max(worst.growth, std::abs(std::log(growth[j]) - (1 - rho) * exact) / (1 + exact));
        worst.fresh = std::max(worst.fresh, std::abs(std::log(fresh[j]) - log_fresh) / (1 + exact));
    }
}

TEST(ClockTables, AgreeWithDirectEvaluation) {
    std::size_t const draws = test::scaled(40000, 1200);
    errors worst;
    for (double const k : {0.2, 0.5, 1.0, 1.37, 4.0, 20.0}) {
        hazard_clock const clock{k < 1 ? 5.0 : 0.55, 30, k};
        clock_tables const tables(clock, std::array{0.0, 0.5, 0.8}, 7);
        random_stream random(31, 1, static_cast<std::uint64_t>(100 * k));
        for (std::size_t i = 0; i < draws; ++i) {
            // All x for which there is a table, and every octave beyond.
            auto const visits = static_cast<std::int32_t>(i % 2 == 0 ? random.uniform(0.0, 600.0)
                                                                     : std::exp(random.uniform(0.0, 13.0)));
            double const gap_sum = visits * random.uniform(1.0, 60.0);
            double const n = visits + clock.r / k;
            double const end = std::min(60 / k + 6, 4.2 * n);
            double const sigma = i % 3 == 0 ? random.uniform(0.0, end)
                                            : std::exp(random.uniform(std::log(5e-5), std::log(end)));
            compare(tables, visits, gap_sum, clock.scale(gap_sum) * std::expm1(sigma / n), worst);
        }
    }
    EXPECT_LT(worst.hazard, 1e-7);
    EXPECT_LT(worst.growth, 1e-7);
    EXPECT_LT(worst.fresh, 1e-7);
    std::printf("[ measured ] largest errors: H %.1e, growth %.1e, fresh %.1e\n", worst.hazard, worst.growth,
                worst.fresh);
}

TEST(ClockTables, ManyAtOnceAreTheSameBits) {
    clock_tables const tables({2, 14, 1.6}, std::array{0.0, 0.5}, 7);
    std::vector<std::int32_t> visits;
    std::vector<double> gap_sum;
    std::vector<double> silence;
    for (int i = 0; i < 3000; ++i) {
        visits.push_back(i % 700);
        gap_sum.push_back(i % 700 * 5.0 + i % 11);
        silence.push_back(i % 97 == 0 ? 1e5 : i % 40);  // among them none at all, and one beyond every table
    }
    std::vector<double> hazard(visits.size());
    std::vector<double> growth(2 * visits.size());
    std::vector<double> fresh(2 * visits.size());
    tables.silences(visits, gap_sum, silence, hazard, growth, fresh);
    for (std::size_t i = 0; i < visits.size(); ++i) {
        double one_growth[2];
        double one_fresh[2];
        EXPECT_EQ(tables.silence(visits[i], gap_sum[i], silence[i], one_growth, one_fresh), hazard[i]);
        for (std::size_t j = 0; j < 2; ++j) {
            EXPECT_EQ(one_growth[j], growth[j * visits.size() + i]);
            EXPECT_EQ(one_fresh[j], fresh[j * visits.size() + i]);
        }
    }
}

TEST(ClockTables, SilencesGoOnInTheirMiddle) {
    for (double const k : {0.5, 1.0, 4.0}) {
        hazard_clock const clock{2, 14, k};
        clock_tables const tables(clock, std::array{0.0, 0.5}, 7);
        for (double const from : {0.0, 2.0, 9.0, 400.0})
            for (double const more : {0.0, 1.0, 30.0, 3000.0}) {
                double growth[2];
                double fresh[2];
                double const hazard = tables.silence_between(7, 60, from, from + more, growth, fresh);
                EXPECT_NEAR(hazard, clock.hazard_between(7, 60, from, from + more), 1e-7 * (1 + hazard));
                for (std::size_t j = 0; j < 2; ++j) {
                    double const rho = tables.retained(j);
                    double const exact =
                        shiryaev_roberts_after(std::log(2.0), rho, clock, 7, 60, from, from + more, 7);
                    EXPECT_NEAR(std::log(growth[j] * 2 + fresh[j]), std::min(exact, hazard_clock::cap + 10),
                                2e-6 * (1 + hazard))
                        << k << ' ' << from << ' ' << more;
                }
            }
    }
}

TEST(ClockTables, RefuseWhatLiesOutside) {
    EXPECT_THROW(clock_tables({2, 14, 50}, std::array{0.0}, 7), input_error);
    EXPECT_THROW(clock_tables({2, 14}, std::array{1.0}, 7), input_error);
    EXPECT_THROW(clock_tables({2, 14}, std::vector<double>{}, 7), input_error);
    EXPECT_THROW(clock_tables({2, 14}, std::array{0.5}, 0), input_error);
}

}  // namespace
}  // namespace clavis::defection

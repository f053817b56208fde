#include "clavis/defection/detectors.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "clavis/core/errors.hpp"
#include "defection/population.hpp"

namespace clavis::defection {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(Cusum, PublishedTable) {
    // Limits for run lengths 52 ... 1000 and the mean wait after the change, to the digits given.
    struct line {
        double rho;
        double limit[5];
        double delay[5];
    };
    constexpr double lengths[5] = {52, 104, 200, 500, 1000};
    constexpr line table[] = {
        {0, {3.9703, 4.6540, 5.3033, 6.2166, 6.9088}, {3.97, 4.65, 5.30, 6.22, 6.91}},
        {0.25, {3.1759, 3.8140, 4.4362, 5.3281, 6.0117}, {6.46, 8.01, 9.54, 11.74, 13.43}},
        {0.5, {2.3852, 2.9599, 3.5405, 4.3968, 5.0654}, {10.92, 14.46, 18.12, 23.62, 27.95}},
        {0.7, {1.6198, 2.0902, 2.5926, 3.3726, 4.0052}, {18.10, 26.14, 35.26, 50.04, 62.32}},
        {0.8, {1.1613, 1.5395, 1.9626, 2.6536, 3.2383}, {24.43, 37.78, 54.27, 83.40, 109.27}},
    };
    for (auto const& [rho, limit, delay] : table)
        for (int i = 0; i < 5; ++i) {
            double const found = threshold_for(rho, lengths[i]);
            EXPECT_NEAR(found, limit[i], 0.5001e-4) << rho << ' ' << lengths[i];
            EXPECT_NEAR(average_run_length(rho, found, rho), delay[i], 0.5001e-2) << rho << ' ' << lengths[i];
        }
}

TEST(Cusum, AgreesWithTheBackwardEquation) {
    auto const rows = test::read_reference("defection_run_lengths.csv");
    ASSERT_GT(rows.size(), 100U);
    for (auto row : rows) {
        auto value = [&](char const* name) { return std::stod(row[name]); };
        double const length = average_run_length(value("rho"), value("limit"), value("rate"));
        EXPECT_NEAR(length / value("average_run_length"), 1, 1e-9)
            << row["rho"] << ' ' << row["stretches"] << ' ' << row["rate"];
    }
}

TEST(Cusum, ThresholdInverts) {
    for (double const rho : {0.0, 0.1, 0.5, 0.9})
        for (double const rate : {1.0, 0.5})
            for (double const length : {0.3, 5.0, 104.0, 2000.0}) {
                double const limit = threshold_for(rho, length, rate);
                EXPECT_NEAR(average_run_length(rho, limit, rate) / length, 1, 1e-10)
                    << rho << ' ' << rate << ' ' << length;
            }
}

TEST(Cusum, SimulationAgrees) {
    std::size_t const runs = test::scaled(200000, 4000);
    for (double const rho : {0.0, 0.5, 0.8}) {
        double const limit = threshold_for(rho, 30);
        for (double const rate : {1.0, 0.4}) {
            double sum = 0;
            double squares = 0;
            for (std::size_t i = 0; i < runs; ++i) {
                random_stream random(11, 2, i);
                double statistic = 0;
                double time = 0;
                while (true) {
                    double const gap = random.exponential() / rate;
                    double const left = (limit - statistic) / (1 - rho);
                    if (gap >= left) {
                        time += left;
                        break;
                    }
                    time += gap;
                    statistic = rho == 0 ? 0 : std::max(0.0, statistic + (1 - rho) * gap + std::log(rho));
                }
                sum += time;
                squares += time * time;
            }
            double const n = static_cast<double>(runs);
            double const error = std::sqrt((squares / n - sum / n * sum / n) / n);
            EXPECT_NEAR(sum / n, average_run_length(rho, limit, rate), 4.5 * error) << rho << ' ' << rate;
        }
    }
}

TEST(Cusum, EdgesOfTheDomain) {
    EXPECT_EQ(average_run_length(0.5, 0, 1), 0);
    EXPECT_DOUBLE_EQ(average_run_length(0.5, 3, 0), 6);
    EXPECT_DOUBLE_EQ(threshold_for(0.5, 6, 0), 3);
    EXPECT_EQ(average_run_length(0.5, 1e5), infinity);
    EXPECT_EQ(average_run_length(0, infinity), infinity);
    EXPECT_TRUE(std::isnan(average_run_length(1, 3)));
    EXPECT_TRUE(std::isnan(average_run_length(-0.1, 3)));
    EXPECT_TRUE(std::isnan(average_run_length(0.5, nan)));
    EXPECT_TRUE(std::isnan(threshold_for(nan, 3)));
    EXPECT_TRUE(std::isnan(threshold_for(0.5, -1)));
}

TEST(ShiryaevRoberts, AgreesWithItsDefiningIntegral) {
    auto const rows = test::read_reference("defection_statistic.csv");
    ASSERT_EQ(rows.size(), 162U);
    for (auto row : rows) {
        auto value = [&](char const* name) { return std::stod(row[name]); };
        double const expected = value("log_statistic");
        double const found = shiryaev_roberts_after(std::log(value("start")), value("rho"), value("shape"),
                                                    value("scale"), value("silence"), value("unit"));
        EXPECT_NEAR(found, expected, 1e-13 * (1 + std::abs(expected)))
            << row["start"] << ' ' << row["rho"] << ' ' << row["shape"] << ' ' << row["silence"];
    }
}

TEST(ShiryaevRoberts, PiecesOfASilenceCompose) {
    for (double const rho : {0.0, 0.5}) {
        double const half = shiryaev_roberts_after(-infinity, rho, 4.5, 90, 31, 7);
        double const pieces = shiryaev_roberts_after(half, rho, 4.5, 90 + 31, 12, 7);
        EXPECT_NEAR(pieces, shiryaev_roberts_after(-infinity, rho, 4.5, 90, 43, 7), 1e-14);
    }
}

TEST(ShiryaevRoberts, FiniteForEverySilence) {
    double const far = shiryaev_roberts_after(-infinity, 0, 5000, 10, 1e15, 7);
    EXPECT_TRUE(std::isfinite(far));
    EXPECT_GT(far, 1e5);
    EXPECT_EQ(shiryaev_roberts_after(-infinity, 0.5, 3, 10, 0, 7), -infinity);
    EXPECT_TRUE(std::isnan(shiryaev_roberts_after(nan, 0.5, 3, 10, 1, 7)));
    EXPECT_TRUE(std::isnan(shiryaev_roberts_after(0, 1, 3, 10, 1, 7)));
    EXPECT_TRUE(std::isnan(shiryaev_roberts_after(0, 0.5, 3, 10, -1, 7)));
}

TEST(ShiryaevRoberts, WithoutChangeItGrowsByOneAWeekOnAverage) {
    // E[R_t] = t / u for customers of unknown rate. R has a heavy tail, so the test stops early: half a year.
    std::size_t const customers = test::scaled(2000000, 40000);
    for (double const rho : {0.0, 0.5}) {
        double sum = 0;
        double squares = 0;
        for (std::size_t i = 0; i < customers; ++i) {
            random_stream random(13, 3, i);
            double const rate = random.gamma(2.0) / 14;
            double log_statistic = -infinity;
            double last = 0;
            int visits = 0;
            double const end = 70;
            while (true) {
                double const next = last + random.exponential() / rate;
                double const until = std::min(next, end);
                log_statistic =
                    shiryaev_roberts_after(log_statistic, rho, 2.0 + visits, 14 + last, until - last, 7);
                if (next >= end) break;
                log_statistic += std::log(rho);
                last = next;
                ++visits;
            }
            sum += std::exp(log_statistic);
            squares += std::exp(2 * log_statistic);
        }
        double const n = static_cast<double>(customers);
        double const error = std::sqrt((squares / n - sum / n * sum / n) / n);
        EXPECT_NEAR(sum / n, 10, 5 * error) << rho << ", error " << error;
        EXPECT_LT(error, 0.5);
    }
}

TEST(ShiryaevRoberts, LimitAndBoundAreOnePromise) {
    double const limit = shiryaev_roberts_limit(0.1);
    EXPECT_NEAR(limit, 521.7857142857143, 1e-9);
    EXPECT_NEAR(false_alarm_bound(limit, 365.25), 0.1, 1e-12);
    EXPECT_EQ(false_alarm_bound(0, 100), 1);
    EXPECT_EQ(false_alarm_bound(0, 0), 1);
    EXPECT_EQ(false_alarm_bound(2, 100), 1);
    EXPECT_TRUE(std::isnan(false_alarm_bound(nan, 100)));
    EXPECT_THROW(shiryaev_roberts_limit(0), input_error);
    EXPECT_THROW(shiryaev_roberts_limit(1.5), input_error);
    EXPECT_THROW(shiryaev_roberts_limit(nan), input_error);
    EXPECT_THROW(shiryaev_roberts_limit(0.1, duration{}), input_error);
}

}  // namespace
}  // namespace clavis::defection

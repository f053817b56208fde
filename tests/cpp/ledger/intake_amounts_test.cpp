// Amounts: what is read exactly, what is rounded and by how much, what is refused.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "ledger/intake_decode.hpp"

namespace {

using namespace clavis;
using namespace clavis::ledger;

TEST(IntakeAmounts, TextIsReadExactly) {
    struct example {
        char const* text;
        std::int64_t expected;
    };
    for (auto const& [text, expected] :
         {example{"12.50", 12500000},
          {"-3", -3000000},
          {"+1.5e3", 1500000000},
          {" 0.001 ", 1000},
          {".5", 500000},
          {"5.", 5000000},
          {"-0", 0},
          {"0e9999", 0},
          {"1E-2", 10000},
          {"0.000001", 1},
          {"1000000e-6", 1000000},
          {"000000000000000000000000000000000000000001.0000000000000000000000000000000000000", 1000000},
          // Not a double: 2^53 + 1 millionths.
          {"9007199254.740993", 9007199254740993},
          {"9223372036854.775807", 9223372036854775807},
          {"-9223372036854.775807", -9223372036854775807}}) {
        auto const amount = parse_amount(text, 6);
        EXPECT_EQ(amount.problem, row_problem::none) << text;
        EXPECT_EQ(amount.value, expected) << text;
        EXPECT_EQ(amount.rounding, 0) << text;
    }
}

TEST(IntakeAmounts, TextRoundsHalfAwayFromZero) {
    EXPECT_EQ(parse_amount("0.125", 2).value, 13);
    EXPECT_EQ(parse_amount("-0.125", 2).value, -13);
    EXPECT_EQ(parse_amount("0.12499999999999999999999999999999999999999", 2).value, 12);
    EXPECT_EQ(parse_amount("0.1250000000000000000000000000000000000000001", 2).value, 13);
    EXPECT_NEAR(parse_amount("0.124", 2).rounding, 0.004, 1e-15);
    EXPECT_NEAR(parse_amount("0.126", 2).rounding, 0.004, 1e-15);
    EXPECT_EQ(parse_amount("4e-100", 2).value, 0);
    EXPECT_NEAR(parse_amount("4e-100", 2).rounding, 4e-100, 1e-112);
}

TEST(IntakeAmounts, TextThatIsNoNumber) {
    for (char const* text : {"12,50", "abc", "-", "+", ".", "1e", "1e+", "1.2.3", "0x10", "nan", "inf", "1 2",
                             "--1", "12.5€", "1e5x", "e5"})
        EXPECT_EQ(parse_amount(text, 6).problem, row_problem::amount_malformed) << text;
    for (char const* text : {"", " ", "\t "})
        EXPECT_EQ(parse_amount(text, 6).problem, row_problem::amount_missing) << '"' << text << '"';
    for (char const* text : {"9223372036854.775808", "-9223372036854.775808", "1e13", "1e400",
                             "123456789012345678901234567890123456789012345678901234567890"})
        EXPECT_EQ(parse_amount(text, 6).problem, row_problem::amount_too_large) << text;
}

TEST(IntakeAmounts, DoublesRoundToTheNearest) {
    for (int cents = -200000; cents <= 200000; cents += 7) {
        auto const amount = round_amount(cents / 100.0, 6);
        ASSERT_EQ(amount.value, cents * 10000LL);
        ASSERT_EQ(amount.rounding, 0);
    }
    EXPECT_EQ(round_amount(0.0000005, 6).value, 1);
    EXPECT_EQ(round_amount(-0.0000005, 6).value, -1);
    EXPECT_NEAR(round_amount(0.0000004, 6).rounding, 4e-7, 1e-20);
    EXPECT_EQ(round_amount(-0.0, 6).value, 0);
    // Whole numbers above 2^52 stay what they are.
    EXPECT_EQ(round_amount(4503599627370497.0, 0).value, 4503599627370497);
    EXPECT_EQ(round_amount(9007199254740993.0, 0).value, static_cast<std::int64_t>(9007199254740993.0));
    EXPECT_EQ(round_amount(1e13, 6).problem, row_problem::amount_too_large);
    EXPECT_EQ(round_amount(-std::numeric_limits<double>::infinity(), 6).problem,
              row_problem::amount_not_finite);
    EXPECT_EQ(round_amount(std::nan(""), 6).problem, row_problem::amount_malformed);
}

TEST(IntakeAmounts, MinorUnitsAreRescaled) {
    EXPECT_EQ(shift_amount(1234, 4, 6).value, 12340000);
    EXPECT_EQ(shift_amount(-125, -1, 2).value, -13);
    EXPECT_EQ(shift_amount(124, -1, 2).value, 12);
    EXPECT_NEAR(shift_amount(124, -1, 2).rounding, 0.004, 1e-15);
    EXPECT_EQ(shift_amount(std::numeric_limits<std::int64_t>::min(), -1, 2).value, -922337203685477581);
    EXPECT_EQ(shift_amount(std::numeric_limits<std::int64_t>::max(), 1, 2).problem,
              row_problem::amount_too_large);
    EXPECT_EQ(shift_amount(std::numeric_limits<std::int64_t>::max(), -40, 2).value, 0);
}

TEST(IntakeAmounts, ValuesAreShownAsTheyStand) {
    std::vector<std::int64_t> const cents{5, -1205, 100};
    auto const money = column_view::minor_units(cents);
    EXPECT_EQ(show_value(money, 0), "0.05");
    EXPECT_EQ(show_value(money, 1), "-12.05");
    EXPECT_EQ(show_value(money, 2), "1.00");
    std::vector<double> const doubles{0.1, std::nan("")};
    EXPECT_EQ(show_value(std::span<double const>(doubles), 0), "0.1");
    EXPECT_EQ(show_value(std::span<double const>(doubles), 1), "nan");
    std::vector<std::int32_t> const days{0, 2147483647};
    EXPECT_EQ(show_value(column_view::days(days), 0), "1970-01-01");
    EXPECT_EQ(show_value(column_view::days(days), 1), "2147483647 days since 1970");
    std::vector<std::int64_t> const ticks{-1, std::numeric_limits<std::int64_t>::max()};
    column_view time = std::span<std::int64_t const>(ticks);
    time.type = column_type::timestamp;
    time.resolution = time_resolution::nanoseconds;
    EXPECT_EQ(show_value(time, 0), "1969-12-31T23:59:59.999999Z");
    time.resolution = time_resolution::seconds;
    EXPECT_EQ(show_value(time, 1), "9223372036854775807 ticks since 1970");
    text_column text;
    text.push_back(std::string(59, 'x') + "ä" + std::string(100, 'y'));
    EXPECT_EQ(show_value(text.view(), 0), std::string(59, 'x') + "...");
}

}  // namespace

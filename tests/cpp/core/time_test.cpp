#include "clavis/core/time.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/core/time_text.hpp"

namespace {

using clavis::duration;
using clavis::input_error;
using clavis::instant;
using clavis::parse_date;
using clavis::parse_duration;
using clavis::parse_time;
using clavis::sys_days;
using clavis::time_text_problem;
using namespace std::chrono_literals;

/// What `call` throws says, or nothing where it throws no input_error.
template <class Call>
std::string refusal(Call&& call) {
    try {
        call();
    } catch (input_error const& thrown) {
        return thrown.what();
    }
    return "";
}

testing::AssertionResult says(std::string const& text, std::string const& part) {
    if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
    return testing::AssertionFailure() << '"' << text << "\" does not say \"" << part << '"';
}

TEST(Durations, ReadsNumbersUnitsAndAbbreviations) {
    EXPECT_EQ(parse_duration("week"), duration(7LL * 24 * 3600 * 1'000'000));
    EXPECT_EQ(parse_duration("weeks"), clavis::week);
    EXPECT_EQ(parse_duration("39 weeks"), 39 * clavis::week);
    EXPECT_EQ(parse_duration(" 39  Weeks "), 39 * clavis::week);
    EXPECT_EQ(parse_duration("1.5 years"), clavis::year + clavis::year / 2);
    EXPECT_EQ(parse_duration("90d"), 90 * clavis::day);
    EXPECT_EQ(parse_duration("12h"), 12 * clavis::hour);
    EXPECT_EQ(parse_duration("30 min"), 30min);
    EXPECT_EQ(parse_duration("6mo"), clavis::year / 2);
    EXPECT_EQ(parse_duration(".5 s"), 500ms);
    EXPECT_EQ(parse_duration("0.0000005 s"), 1us) << "halves round up";
    EXPECT_EQ(parse_duration("292271 years"), 292271 * clavis::year);
}

TEST(Durations, AYearIs365AndAQuarterDays) {
    EXPECT_EQ(parse_duration("4 years"), parse_duration("1461 days"));
    EXPECT_EQ(parse_duration("12 months"), parse_duration("year"));
}

TEST(Durations, RefusesWhatIsNoLengthOfTime) {
    for (char const* text : {"", " ", "fortnight", "39", "-1 week", "+1 week", "1..5 d", ". d", "1e3 d",
                             "nan d", "inf d", "1,5 d", "0x10 d", "1 week 2", "d 1", "m", "1 m"}) {
        EXPECT_THROW(parse_duration(text), input_error) << '"' << text << '"';
    }
    EXPECT_TRUE(says(refusal([] { parse_duration("39 wombats"); }), "\"39 wombats\" is not a"));
    EXPECT_TRUE(says(refusal([] { parse_duration("0 weeks"); }), "positive"));
    EXPECT_TRUE(says(refusal([] { parse_duration("300000 years"); }), "longer"));
    EXPECT_TRUE(says(refusal([] { parse_duration(std::string(200, '9') + " s"); }), "longer"));
}

TEST(Durations, SaysTheShortestTextThatReadsBack) {
    EXPECT_EQ(clavis::to_string(clavis::week), "week");
    EXPECT_EQ(clavis::to_string(39 * clavis::week), "39 weeks");
    EXPECT_EQ(clavis::to_string(duration(90min)), "90 minutes");
    EXPECT_EQ(clavis::to_string(365 * clavis::day), "365 days");
    EXPECT_EQ(clavis::to_string(clavis::year), "year");
    EXPECT_EQ(clavis::to_string(3 * clavis::month), "3 months");
    EXPECT_EQ(clavis::to_string(duration::zero()), "0 seconds");
    EXPECT_EQ(clavis::to_string(-duration(1500ms)), "-1.5 seconds");
    for (std::int64_t ticks = 1; ticks > 0 && ticks < INT64_MAX / 3; ticks = ticks * 3 + 7) {
        EXPECT_EQ(parse_duration(clavis::to_string(duration(ticks))), duration(ticks));
    }
    for (duration unit : {clavis::day, clavis::week, clavis::month, clavis::year}) {
        for (int count : {1, 2, 5, 12, 30, 52, 365}) {
            EXPECT_EQ(parse_duration(clavis::to_string(count * unit)), count * unit);
        }
    }
}

TEST(Dates, ReadsAndWritesEveryDayOfFourCenturies) {
    // The calendar of std::chrono is the other route.
    sys_days const first = std::chrono::year{1799} / 1 / 1;
    sys_days const last = std::chrono::year{2201} / 1 / 1;
    for (sys_days date = first; date < last; date += std::chrono::days{1}) {
        std::chrono::year_month_day const parts(date);
        char text[16];
        std::snprintf(text, sizeof text, "%04d-%02u-%02u", int(parts.year()), unsigned(parts.month()),
                      unsigned(parts.day()));
        ASSERT_EQ(clavis::to_string(date), text);
        ASSERT_EQ(parse_date(text), date);
    }
    EXPECT_EQ(clavis::to_string(parse_date("0000-02-29")), "0000-02-29");
    EXPECT_EQ(clavis::to_string(sys_days(std::chrono::days(106'751'991))), "294247-01-10");
    EXPECT_EQ(clavis::to_string(sys_days(std::chrono::days(-106'751'992))), "-290308-12-21");
}

TEST(Dates, SaysWhatIsWrong) {
    EXPECT_TRUE(
        says(refusal([] { parse_date("2021-02-30"); }), "\"2021-02-30\" is a date that does not exist"));
    EXPECT_TRUE(says(refusal([] { parse_date("1900-02-29"); }), "does not exist"));
    EXPECT_TRUE(says(refusal([] { parse_date("yesterday"); }), "\"yesterday\" is not a date"));
    EXPECT_THROW(parse_date("2021-02-28T12:00"), input_error);
    EXPECT_THROW(parse_date(""), input_error);
}

instant at(int y, unsigned m, unsigned d, duration since_midnight = {}) {
    return sys_days(std::chrono::year{y} / static_cast<int>(m) / static_cast<int>(d)) + since_midnight;
}

TEST(TimeText, ReadsTheFormsOfIso8601) {
    struct row {
        char const* text;
        instant when;
        bool has_time, has_zone;
    };
    duration const half_past = 13h + 30min;
    for (row const& want : {
             row{"2021-02-28", at(2021, 2, 28), false, false},
             row{"20210228", at(2021, 2, 28), false, false},
             row{"2021-02-28T13:30", at(2021, 2, 28, half_past), true, false},
             row{"2021-02-28 13:30:05", at(2021, 2, 28, half_past + 5s), true, false},
             row{"2021-02-28t13:30:05.25", at(2021, 2, 28, half_past + 5250ms), true, false},
             row{"2021-02-28T13:30:05,25", at(2021, 2, 28, half_past + 5250ms), true, false},
             row{"2021-02-28 13:30:05.123456789", at(2021, 2, 28, half_past + 5'123'456us), true, false},
             row{"2021-02-28T13:30:05Z", at(2021, 2, 28, half_past + 5s), true, true},
             row{"2021-02-28 13:30:05 UTC", at(2021, 2, 28, half_past + 5s), true, true},
             row{"2021-02-28 13:30:05+00", at(2021, 2, 28, half_past + 5s), true, true},
             row{"2021-02-28T13:30:05+05:30", at(2021, 2, 28, 8h + 5s), true, true},
             row{"2021-02-28T13:30-0800", at(2021, 2, 28, 21h + 30min), true, true},
             row{"2021-02-28T24:00", at(2021, 3, 1), true, false},
             row{"0001-01-01T00:00:00+23:59", at(1, 1, 1, -(23h + 59min)), true, true},
             row{"9999-12-31T23:59:59.999999Z", at(10000, 1, 1, -1us), true, true},
         }) {
        time_text_problem problem = time_text_problem::malformed;
        auto const parsed = parse_time(want.text, &problem);
        ASSERT_TRUE(parsed) << want.text;
        EXPECT_EQ(problem, time_text_problem::none);
        EXPECT_EQ(parsed->when, want.when) << want.text << " gave " << clavis::to_string(parsed->when);
        EXPECT_EQ(parsed->has_time, want.has_time) << want.text;
        EXPECT_EQ(parsed->has_zone, want.has_zone) << want.text;
    }
}

TEST(TimeText, TellsImpossibleFromMalformed) {
    auto problem_of = [](std::string_view text) {
        time_text_problem problem{};
        EXPECT_FALSE(parse_time(text, &problem)) << text;
        EXPECT_FALSE(parse_time(text)) << text;
        return problem;
    };
    for (char const* text : {"2021-02-30", "2021-13-01", "2021-00-01", "2021-01-00", "20210431", "2100-02-29",
                             "2021-02-30T12:00:00Z"}) {
        EXPECT_EQ(problem_of(text), time_text_problem::impossible_date) << text;
    }
    for (char const* text :
         {"2021-01-01T24:61", "2021-01-01T24:01", "2021-01-01T24:00:00.1", "2021-01-01T12:60",
          "2021-01-01T12:00:60", "2021-01-01T12:00+24:00", "2021-01-01T12:00+05:60"}) {
        EXPECT_EQ(problem_of(text), time_text_problem::impossible_time) << text;
    }
    for (char const* text : {"",
                             "2",
                             "2021",
                             "2021-02",
                             "2021-2-3",
                             "2021/02/03",
                             "03.02.2021",
                             "2021-02-03T",
                             "2021-02-03 1",
                             "2021-02-03T1:00",
                             "2021-02-03T12",
                             "2021-02-03T12:00:",
                             "2021-02-03T12:00:00.",
                             "2021-02-03T12:00:00.1234567890",
                             "2021-02-03T12:00:00+",
                             "2021-02-03T12:00:00+1",
                             "2021-02-03T12:00:00+01:",
                             "2021-02-03T12:00:00+01:3",
                             "2021-02-03T12:00:00Zulu",
                             "2021-02-03T12:00:00 U",
                             "2021-02-03Z",
                             " 2021-02-03",
                             "2021-02-03 ",
                             "-021-02-03",
                             "20210203T12:00",
                             "2021-0203",
                             "202102-03",
                             "2021-02-30x",
                             "NaT"}) {
        EXPECT_EQ(problem_of(text), time_text_problem::malformed) << text;
    }
    EXPECT_EQ(problem_of(std::string_view("2021-02-0\0", 10)), time_text_problem::malformed);
    for (auto problem : {time_text_problem::malformed, time_text_problem::impossible_date,
                         time_text_problem::impossible_time, static_cast<time_text_problem>(99)}) {
        EXPECT_EQ(clavis::describe(problem).substr(0, 3), "is ");
    }
    EXPECT_EQ(clavis::describe(time_text_problem::none), "is a time");
}

TEST(TimeText, NeverReadsPastTheEnd) {
    // Every cut of a long text, each in a buffer of its own size so that a sanitizer sees an over-read.
    std::string const whole = "2021-02-28T13:30:05.123456789+05:30";
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        std::vector<char> const exact(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        auto const parsed = parse_time({exact.data(), exact.size()});
        // What ends after a whole part is a time, what ends inside one is not.
        bool const whole_part =
            size == 10 || size == 16 || size == 19 || (size >= 21 && size <= 29) || size == 32 || size == 35;
        EXPECT_EQ(parsed.has_value(), whole_part) << size;
    }
}

TEST(TimeText, WritesInstants) {
    EXPECT_EQ(clavis::to_string(at(1997, 9, 30, 12h)), "1997-09-30T12:00:00Z");
    EXPECT_EQ(clavis::to_string(at(1969, 12, 31, 23h + 59min + 59s + 500ms)), "1969-12-31T23:59:59.5Z");
    EXPECT_EQ(clavis::to_string(at(2000, 2, 29, 1us)), "2000-02-29T00:00:00.000001Z");
    EXPECT_EQ(clavis::to_string(instant::min()), "-290308-12-21T19:59:05.224192Z");
    EXPECT_EQ(clavis::to_string(instant::max()), "294247-01-10T04:00:54.775807Z");
    for (std::int64_t ticks = 1; ticks < 250'000'000'000'000'000; ticks = ticks * 7 + 3) {
        for (std::int64_t signed_ticks : {ticks, -ticks / 5}) {
            instant const when{duration(signed_ticks)};
            auto const parsed = parse_time(clavis::to_string(when));
            ASSERT_TRUE(parsed) << clavis::to_string(when);
            EXPECT_EQ(parsed->when, when);
            EXPECT_TRUE(parsed->has_time && parsed->has_zone);
        }
    }
}

}  // namespace

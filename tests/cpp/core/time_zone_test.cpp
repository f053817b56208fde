#include "clavis/core/time_zone.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/core/time_text.hpp"

namespace {

using clavis::duration;
using clavis::input_error;
using clavis::instant;
using clavis::local_clock;
using clavis::local_instant;
using clavis::time_zone;
using namespace std::chrono_literals;

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

instant at(std::int64_t second) {
    return instant(std::chrono::seconds(second));
}
instant at(std::string_view text) {
    return clavis::parse_time(text).value().when;
}
local_instant on_the_wall(std::string_view text) {
    return local_instant(at(text).time_since_epoch());
}
std::int32_t day_of(std::string_view text) {
    return static_cast<std::int32_t>(clavis::parse_date(text).time_since_epoch().count());
}

bool has_database() {
    try {
        time_zone::named("Europe/London");
        return true;
    } catch (input_error const&) {
        return false;
    }
}
#define NEEDS_DATABASE() \
    if (!has_database()) GTEST_SKIP() << "there is no time-zone database here"

/// Builds TZif files, right and wrong.
struct tzif_builder {
    struct type {
        std::int32_t offset = 0;
        unsigned char daylight = 0, designation = 0;
    };
    char version = '2';
    std::vector<std::int64_t> changes;
    std::vector<unsigned char> kinds;
    std::vector<type> types{{}};
    std::string characters = std::string("XXX\0", 4);
    std::string footer;
    std::uint32_t leap_seconds = 0, standard_indicators = 0, ut_indicators = 0;

    static void append(std::string& out, std::uint64_t value, int size) {
        for (int i = size - 1; i >= 0; --i)
            out += static_cast<char>(value >> (8 * i) & 0xff);
    }
    std::string block(int time_size) const {
        std::string out = "TZif";
        out += version;
        out += std::string(15, '\0');
        append(out, ut_indicators, 4);
        append(out, standard_indicators, 4);
        append(out, leap_seconds, 4);
        append(out, changes.size(), 4);
        append(out, types.size(), 4);
        append(out, characters.size(), 4);
        for (auto change : changes)
            append(out, static_cast<std::uint64_t>(change), time_size);
        for (auto kind : kinds)
            out += static_cast<char>(kind);
        for (auto const& entry : types) {
            append(out, static_cast<std::uint32_t>(entry.offset), 4);
            out += static_cast<char>(entry.daylight);
            out += static_cast<char>(entry.designation);
        }
        out += characters;
        out += std::string(
            leap_seconds * (static_cast<std::size_t>(time_size) + 4) + standard_indicators + ut_indicators,
            '\0');
        return out;
    }
    std::string bytes() const {
        if (version == '\0') return block(4);
        return block(4) + block(8) + '\n' + footer + '\n';
    }
};

time_zone read(std::string const& bytes) {
    // In a buffer of its own size, so that a sanitizer sees an over-read.
    std::vector<std::byte> const exact(reinterpret_cast<std::byte const*>(bytes.data()),
                                       reinterpret_cast<std::byte const*>(bytes.data()) + bytes.size());
    return time_zone::from_tzif(exact, "test");
}

std::string with_rule(std::string const& rule) {
    tzif_builder file;
    file.footer = rule;
    return file.bytes();
}

/// Compares with a table of changes made by another implementation: the second before, and the change itself.
template <class MakeZone>
int compare_with_table(std::string const& name, MakeZone make_zone) {
    std::ifstream file(std::string(CLAVIS_SOURCE_DIR "/tests/reference/") + name);
    std::string line, zone_name;
    std::getline(file, line);
    time_zone zone;
    int rows = 0;
    for (; std::getline(file, line); ++rows) {
        std::istringstream fields(line);
        std::string first, second, before, after;
        std::getline(std::getline(std::getline(std::getline(fields, first, ';'), second, ';'), before, ';'),
                     after);
        if (first != zone_name) zone = make_zone(zone_name = first);
        std::int64_t const change = std::stoll(second);
        EXPECT_EQ(zone.offset_at(at(change) - 1us), std::stoi(before)) << line;
        EXPECT_EQ(zone.offset_at(at(change)), std::stoi(after)) << line;
        auto const stretch = zone.stretch_at(change);
        EXPECT_EQ(stretch.begin, change) << line;
        EXPECT_EQ(zone.stretch_at(change - 1).end, change) << line;
        // The table's wall clock and day from one clock, in an order that jumps between stretches.
        local_clock clock(zone);
        for (std::int64_t when : {change - 1, change, change - 86400, change + 86400}) {
            auto const ticks = clock.time(at(when)).time_since_epoch();
            EXPECT_EQ(ticks, duration(std::chrono::seconds(when + zone.offset_at(at(when)))));
            EXPECT_EQ(clock.day(at(when)), std::chrono::floor<std::chrono::days>(ticks).count());
            EXPECT_EQ(clock.day(at(when)), zone.local_day(at(when)));
            EXPECT_EQ(clock.time(at(when)), zone.local_time(at(when)));
        }
    }
    return rows;
}

TEST(TimeZones, AgreesWithAnotherImplementationOnPastChanges) {
    NEEDS_DATABASE();
    EXPECT_GT(
        compare_with_table("time_zones.csv", [](std::string const& name) { return time_zone::named(name); }),
        600);
}

TEST(TimeZones, AgreesWithAnotherImplementationOnYearlyRules) {
    EXPECT_GT(compare_with_table("time_zone_rules.csv",
                                 [](std::string const& rule) { return read(with_rule(rule)); }),
              200);
}

TEST(TimeZones, KnowsWhatClocksShowed) {
    NEEDS_DATABASE();
    auto offset = [](char const* zone, char const* when) {
        return time_zone::named(zone).offset_at(at(when)) / 60;
    };
    EXPECT_EQ(offset("America/New_York", "2011-03-13T06:59:59Z"), -300);
    EXPECT_EQ(offset("America/New_York", "2011-03-13T07:00:00Z"), -240);
    EXPECT_EQ(offset("Europe/London", "1970-01-01T00:00:00Z"), 60) << "British Standard Time";
    EXPECT_EQ(offset("Australia/Lord_Howe", "2020-01-01T00:00:00Z"), 660);
    EXPECT_EQ(offset("Australia/Lord_Howe", "2020-07-01T00:00:00Z"), 630);
    EXPECT_EQ(offset("Asia/Kolkata", "2150-07-01T00:00:00Z"), 330);
    EXPECT_EQ(time_zone::named("Pacific/Apia").local_day(at("2011-12-30T09:59:59Z")), day_of("2011-12-29"));
    EXPECT_EQ(time_zone::named("Pacific/Apia").local_day(at("2011-12-30T10:00:00Z")), day_of("2011-12-31"))
        << "Samoa left out a day";
}

TEST(TimeZones, DaylightTimeMayLastAllYear) {
    auto const zone = read(with_rule("XXX3EDT4,0/0,J365/23"));
    for (char const* when : {"2023-12-31T23:59:59Z", "2024-01-01T03:00:00Z", "2024-01-01T04:00:00Z",
                             "2024-02-29T00:00:00Z", "2024-12-31T00:00:00Z"}) {
        EXPECT_EQ(zone.offset_at(at(when)), -4 * 3600) << when;
    }
}

TEST(TimeZones, ReadsWallClockTimesBack) {
    auto const york = read(with_rule("EST5EDT,M3.2.0,M11.1.0"));
    EXPECT_EQ(york.to_instant(on_the_wall("2024-01-15T12:00")), at("2024-01-15T17:00Z"));
    EXPECT_EQ(york.to_instant(on_the_wall("2024-07-15T12:00")), at("2024-07-15T16:00Z"));
    EXPECT_EQ(york.to_instant(on_the_wall("2024-11-03T01:30")), at("2024-11-03T05:30Z"))
        << "the first of two";
    EXPECT_EQ(york.to_instant(on_the_wall("2024-11-03T02:00")), at("2024-11-03T07:00Z"));
    EXPECT_EQ(york.to_instant(on_the_wall("2024-03-10T02:30")), at("2024-03-10T07:30Z")) << "jumped over";
    EXPECT_EQ(york.start_of_day(day_of("2024-03-10")), at("2024-03-10T05:00Z"));
    EXPECT_EQ(york.start_of_day(day_of("2024-03-11")), at("2024-03-11T04:00Z"));

    auto const midnight_change =
        read(with_rule("XXX3YYY,M10.3.0/0,M2.3.0/0"));  // the clock jumps at midnight
    instant const start = midnight_change.start_of_day(day_of("2024-10-20"));
    EXPECT_EQ(start, at("2024-10-20T03:00Z"));
    EXPECT_EQ(midnight_change.local_day(start), day_of("2024-10-20"));
    EXPECT_EQ(midnight_change.local_day(start - 1us), day_of("2024-10-19"));

    for (auto const& zone : {york, midnight_change, time_zone::fixed(330min), time_zone::utc()}) {
        for (std::int32_t day = -40'000; day < 90'000; day += 13) {
            instant const first = zone.start_of_day(day);
            ASSERT_EQ(zone.local_day(first), day);
            ASSERT_EQ(zone.local_day(first - 1us), day - 1);
        }
        for (std::int64_t second = -3'000'000'000; second < 8'000'000'000; second += 12'345'678) {
            instant const back = zone.to_instant(zone.local_time(at(second)));
            // Within the hour that the clock shows twice the first showing comes back.
            ASSERT_TRUE(back == at(second) || back == at(second) - 1h);
            ASSERT_EQ(zone.local_time(back), zone.local_time(at(second)));
        }
    }
}

TEST(TimeZones, CoversEveryInstant) {
    for (auto const& zone : {read(with_rule("EST5EDT,M3.2.0,M11.1.0")), time_zone::utc(),
                             time_zone::fixed(-25h), time_zone::fixed(25h)}) {
        local_clock clock(zone);
        for (instant when : {instant::min(), instant::min() + 24h, instant::max() - 48h, instant::max() - 72h,
                             instant::max(), instant(duration(-1)), instant(duration(0))}) {
            std::int64_t const second =
                std::chrono::floor<std::chrono::seconds>(when).time_since_epoch().count();
            std::int64_t const local = second + zone.offset_at(when);
            EXPECT_EQ(zone.local_day(when), local / 86400 - (local % 86400 < 0));
            EXPECT_EQ(clock.day(when), zone.local_day(when));
            EXPECT_EQ(clock.time(when), zone.local_time(when));
            auto const around = zone.stretch_at(second);
            EXPECT_LE(around.begin, second);
            EXPECT_GT(around.end, second);
        }
        EXPECT_LT(zone.start_of_day(INT32_MIN), zone.start_of_day(INT32_MAX));
        EXPECT_EQ(time_zone(zone).name(), zone.name());
        EXPECT_EQ(clock.zone().name(), zone.name());
    }
    EXPECT_EQ(time_zone().name(), "UTC");
}

TEST(TimeZones, OneClockServesInstantsInAnyOrder) {
    auto const zone = read(with_rule("EST5EDT,M3.2.0,M11.1.0"));
    local_clock clock(zone);
    std::uint64_t state = 1;
    for (int i = 0; i < 20'000; ++i) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        // Over 600 years, so that years share the clock's slots.
        instant const when{duration(static_cast<std::int64_t>(state >> 11) % (600 * clavis::year.count()) -
                                    200 * clavis::year.count())};
        ASSERT_EQ(clock.day(when), zone.local_day(when)) << clavis::to_string(when);
        ASSERT_EQ(clock.time(when), zone.local_time(when)) << clavis::to_string(when);
    }
}

TEST(TimeZones, ReadsOffsetsAsNames) {
    EXPECT_EQ(time_zone::named("+05:30").offset_at({}), 19800);
    EXPECT_EQ(time_zone::named("-0800").offset_at({}), -28800);
    EXPECT_EQ(time_zone::named("+01").offset_at({}), 3600);
    EXPECT_EQ(time_zone::named("+05:30").name(), "+05:30");
    EXPECT_EQ(time_zone::named("-0930").name(), "-09:30");
    EXPECT_EQ(time_zone::fixed(-1h - 1s).name(), "-01:00:01");
    EXPECT_EQ(time_zone::named("UTC").offset_at({}), 0);
    EXPECT_EQ(time_zone::named("Z").name(), "UTC");
    for (char const* name : {"+5", "+24:00", "+05:60", "+05:3", "+05-30", "+a5:30", "+", "++5:30", "+053"}) {
        EXPECT_THROW(time_zone::named(name), input_error) << name;
    }
    EXPECT_THROW(time_zone::fixed(26h), input_error);
    EXPECT_THROW(time_zone::fixed(-26h), input_error);
}

TEST(TimeZones, NamesTheZoneAndThePlacesWhereItLooked) {
    std::string const missing = refusal([] { time_zone::named("Europe/Lodnon"); });
    EXPECT_TRUE(says(missing, "\"Europe/Lodnon\""));
    EXPECT_TRUE(says(missing, "/usr/share/zoneinfo"));
    EXPECT_NE(refusal([] { time_zone::named("Europe"); }), "") << "a directory";
    for (std::string_view name : {std::string_view("../../../etc/passwd"), std::string_view("/etc/passwd"),
                                  std::string_view(""), std::string_view("Europe//London"),
                                  std::string_view("Europe/"), std::string_view("Europe/London\0", 14),
                                  std::string_view("Europe London"), std::string_view("tzdata.zi")}) {
        EXPECT_TRUE(says(refusal([&] { time_zone::named(name); }), "is not a time zone")) << name;
    }
    EXPECT_TRUE(says(refusal([] { time_zone::named(std::string(5000, 'a')); }), "is not a time zone"));
}

TEST(TimeZones, LooksInTzdirFirst) {
    std::string const directory = testing::TempDir();
    std::string const before = std::getenv("TZDIR") == nullptr ? "" : std::getenv("TZDIR");
    std::ofstream(directory + "/Clavis_Test_Zone", std::ios::binary) << with_rule("XXX-7");
    std::ofstream(directory + "/Clavis_Bad_Zone", std::ios::binary) << "no zone";
    setenv("TZDIR", directory.c_str(), 1);
    auto const zone = time_zone::named("Clavis_Test_Zone");
    EXPECT_EQ(zone.offset_at({}), 7 * 3600);
    EXPECT_EQ(zone.name(), "Clavis_Test_Zone");
    EXPECT_TRUE(
        says(refusal([] { time_zone::named("Clavis_Bad_Zone"); }), "\"Clavis_Bad_Zone\" are damaged"));
    EXPECT_TRUE(says(refusal([] { time_zone::named("Clavis_No_Zone"); }), directory));
    if (before.empty()) {
        unsetenv("TZDIR");
    } else {
        setenv("TZDIR", before.c_str(), 1);
    }
    std::remove((directory + "/Clavis_Test_Zone").c_str());
    std::remove((directory + "/Clavis_Bad_Zone").c_str());
}

tzif_builder three_changes() {
    tzif_builder file;
    file.changes = {-1000, 0, 1000};
    file.types = {{100, 0, 0}, {3600, 1, 0}, {7200, 0, 0}};
    file.kinds = {1, 2, 1};
    return file;
}

TEST(TimeZoneFiles, ReadsEveryVersion) {
    for (char version : {'\0', '2', '3', '4', '5'}) {
        tzif_builder file = three_changes();
        file.version = version;
        auto const zone = read(file.bytes());
        EXPECT_EQ(zone.offset_at(at(-1001)), 100);
        EXPECT_EQ(zone.offset_at(at(-1000)), 3600);
        EXPECT_EQ(zone.offset_at(at(0)), 7200);
        EXPECT_EQ(zone.offset_at(at(1000)), 3600);
        EXPECT_EQ(zone.offset_at(at(INT32_MAX)), 3600) << "without a rule the last offset stays";
    }
    tzif_builder file = three_changes();
    file.ut_indicators = file.standard_indicators = 3;
    file.footer = "XXX-3";
    auto const zone = read(file.bytes());
    EXPECT_EQ(zone.offset_at(at(1000)), 3 * 3600) << "the rule holds from the last change on";
    EXPECT_EQ(zone.stretch_at(5000).begin, 1000);
    EXPECT_EQ(zone.offset_at(at(999)), 7200);
}

TEST(TimeZoneFiles, RefusesEveryCut) {
    tzif_builder file = three_changes();
    file.footer = "XXX3YYY,M3.2.0,M11.1.0";
    for (char version : {'\0', '2'}) {
        file.version = version;
        std::string const whole = file.bytes();
        EXPECT_NO_THROW(read(whole));
        for (std::size_t size = 0; size < whole.size(); ++size) {
            EXPECT_THROW(read(whole.substr(0, size)), input_error) << size;
        }
    }
}

TEST(TimeZoneFiles, SaysWhatIsDamaged) {
    auto damage = [](auto change) {
        tzif_builder file = three_changes();
        change(file);
        return refusal([&] { read(file.bytes()); });
    };
    EXPECT_TRUE(says(refusal([] { read("TZxf" + std::string(100, '\0')); }), "\"TZif\""));
    EXPECT_TRUE(says(damage([](auto& file) { file.version = '1'; }), "version"));
    EXPECT_TRUE(says(damage([](auto& file) { file.types.clear(); }), "0 local time types"));
    EXPECT_TRUE(says(damage([](auto& file) { file.types.resize(257); }), "257 local time types"));
    EXPECT_TRUE(says(damage([](auto& file) { file.characters.clear(); }), "no designations"));
    EXPECT_TRUE(says(damage([](auto& file) { file.ut_indicators = 1; }), "indicators"));
    EXPECT_TRUE(says(damage([](auto& file) { file.standard_indicators = 2; }), "indicators"));
    EXPECT_TRUE(says(damage([](auto& file) { file.leap_seconds = 1; }), "leap seconds"));
    EXPECT_TRUE(says(damage([](auto& file) { file.types[1].offset = 26 * 3600; }), "offset of 93600 s"));
    EXPECT_TRUE(says(damage([](auto& file) { file.types[1].offset = INT32_MIN; }), "offset"));
    EXPECT_TRUE(says(damage([](auto& file) { file.types[1].daylight = 2; }), "daylight"));
    EXPECT_TRUE(says(damage([](auto& file) { file.types[1].designation = 4; }), "designation"));
    EXPECT_TRUE(says(damage([](auto& file) { file.changes[1] = -1000; }), "ascending"));
    EXPECT_TRUE(says(damage([](auto& file) { file.kinds[2] = 3; }), "does not define"));
    for (char const* rule : {"X3",
                             "XX3",
                             "<>3",
                             "<XXX",
                             "XXX",
                             "XXX25",
                             "XXX3:60",
                             "XXX3:00:60",
                             "XXX3YYY",
                             "XXX3YYY,",
                             "XXX3YYY,M3.2.0",
                             "XXX3YYY,M0.2.0,M11.1.0",
                             "XXX3YYY,M3.6.0,M11.1.0",
                             "XXX3YYY,M3.2.7,M11.1.0",
                             "XXX3YYY,M3.2,M11.1.0",
                             "XXX3YYY,J0,J5",
                             "XXX3YYY,J366,J5",
                             "XXX3YYY,366,5",
                             "XXX3YYY,M3.2.0/168,M11.1.0",
                             "XXX3YYY,M3.2.0,M11.1.0 ",
                             "XXX3YYY,M3.2.0,M11.1.0,",
                             "XXX3 YYY",
                             "XXX99999999999999999999",
                             "XXX3YY,M3.2.0,M11.1.0",
                             "XXX3YYY99,M3.2.0,M11.1.0",
                             "XXX3YYY,x,5"}) {
        EXPECT_TRUE(says(refusal([&] { read(with_rule(rule)); }), "cannot be read")) << rule;
    }
}

TEST(TimeZoneFiles, AbsurdCountsAreRefusedBeforeAnythingIsReserved) {
    std::string bytes = three_changes().bytes();
    for (std::size_t field = 0; field < 6; ++field) {
        std::string damaged = bytes;
        for (std::size_t i = 0; i < 4; ++i)
            damaged[20 + 4 * field + i] = '\xff';
        EXPECT_THROW(read(damaged), input_error) << field;
    }
    tzif_builder file = three_changes();
    file.version = '\0';
    bytes = file.bytes();
    for (std::size_t field = 0; field < 6; ++field) {
        std::string damaged = bytes;
        for (std::size_t i = 0; i < 4; ++i)
            damaged[20 + 4 * field + i] = '\xff';
        EXPECT_THROW(read(damaged), input_error) << field;
    }
}

}  // namespace

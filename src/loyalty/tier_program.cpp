#include "clavis/loyalty/tier_program.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <initializer_list>
#include <limits>
#include <set>

#include "clavis/core/errors.hpp"
#include "clavis/core/exact_sum.hpp"
#include "core/json_reader.hpp"

namespace clavis::loyalty {
namespace {

constexpr json_reader reader{"tier program", std::size_t{1} << 20, 8};
constexpr std::size_t most_tiers = 100;
constexpr std::size_t longest_name = 200;
constexpr std::int32_t most_days = 36'500;
constexpr int most_digits = 18;

[[noreturn]] void refuse(std::string const& where, std::string const& problem) {
    reader.refuse(where, problem);
}

void check_keys(json const& object, std::string const& where, std::initializer_list<char const*> known) {
    reader.check_keys(object, where, known);
}

std::string read_text(json const& value, std::string const& where) {
    return reader.text(value, where);
}

std::int32_t read_days(json const& value, std::string const& where, std::int32_t least) {
    bool const whole = value.is_number_integer() || value.is_number_unsigned();
    if (!whole) refuse(where, quote(value) + " is not a whole number of days");
    bool const fits = value.is_number_unsigned() ? value.get<std::uint64_t>() <= most_days : true;
    auto const days = fits ? value.get<std::int64_t>() : std::int64_t{-1};
    if (days < least || days > most_days) {
        refuse(where, quote(value) + " does not lie between " + std::to_string(least) + " and " +
                          std::to_string(most_days) + " days");
    }
    return static_cast<std::int32_t>(days);
}

decimal read_decimal(json const& value, std::string const& where) {
    std::string text;
    if (value.is_string()) {
        text = value.get<std::string>();
    } else if (value.is_number_float()) {
        // The shortest decimal that means this double is what was written, up to 15 digits.
        std::array<char, 400> buffer{};
        auto const end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value.get<double>(),
                                       std::chars_format::fixed);
        text.assign(buffer.data(), end.ptr);
    } else if (value.is_number()) {
        text = value.dump();
    } else {
        refuse(where, quote(value) + " is not a number");
    }
    try {
        return decimal::parse(text);
    } catch (input_error const& error) {
        refuse(where, error.what());
    }
}

tier_window read_window(json const& value) {
    check_keys(value, "window", {"rolling_days", "calendar", "lifetime"});
    if (value.size() != 1) refuse("window", "needs one of rolling_days, calendar, lifetime");
    tier_window window;
    if (value.contains("rolling_days")) {
        window.days = read_days(value["rolling_days"], "window.rolling_days", 1);
    } else if (value.contains("calendar")) {
        auto const period = read_text(value["calendar"], "window.calendar");
        if (period == "month") {
            window.type = tier_window::kind::month;
        } else if (period == "quarter") {
            window.type = tier_window::kind::quarter;
        } else if (period == "year") {
            window.type = tier_window::kind::year;
        } else {
            refuse("window.calendar", quote(value["calendar"]) + " is not one of month, quarter, year");
        }
    } else {
        auto const& flag = value["lifetime"];
        if (!flag.is_boolean() || !flag.get<bool>()) refuse("window.lifetime", quote(flag) + " is not true");
        window.type = tier_window::kind::lifetime;
    }
    return window;
}

// Compares a with b as numbers: at a common scale both fit 128 bits (18 digits, scale up to 18).
int compare(decimal const& a, decimal const& b) {
    int const scale = std::max(a.scale, b.scale);
    int128 const left = int128{a.digits} * power_of_ten(scale - a.scale);
    int128 const right = int128{b.digits} * power_of_ten(scale - b.scale);
    return left < right ? -1 : left > right ? 1 : 0;
}

}  // namespace

decimal decimal::parse(std::string_view text) {
    auto fail = [text](std::string_view problem) {
        std::string shown(text.substr(0, 40));
        throw input_error({.value = shown}, problem);
    };
    if (text.empty()) throw input_error("a number is missing");
    decimal result;
    int digits = 0;
    bool point = false;
    bool any = false;
    for (char const c : text) {
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c == '-' && !any && !point) fail("is negative or not a number");
        if (c < '0' || c > '9') fail("is not a number such as 100 or 79.90");
        any = true;
        if (digits > 0 || c != '0') ++digits;
        if (digits > most_digits || result.scale >= most_digits) fail("has more than 18 digits");
        result.digits = result.digits * 10 + (c - '0');
        result.scale += point ? 1 : 0;
    }
    if (!any || text.back() == '.') fail("is not a number such as 100 or 79.90");
    while (result.scale > 0 && result.digits % 10 == 0) {
        result.digits /= 10;
        --result.scale;
    }
    return result;
}

std::int64_t decimal::at_least(int unit_scale) const {
    if (scale > unit_scale) {
        std::int64_t const divisor = power_of_ten(scale - unit_scale);
        return digits / divisor + (digits % divisor > 0 ? 1 : 0);
    }
    int128 const whole = int128{digits} * power_of_ten(unit_scale - scale);
    if (whole > std::numeric_limits<std::int64_t>::max()) {
        throw input_error("tier program: the threshold " + text() +
                          " is too large to count in steps of 10^-" + std::to_string(unit_scale));
    }
    return static_cast<std::int64_t>(whole);
}

std::string decimal::text() const {
    std::string written = std::to_string(digits);
    if (scale == 0) return written;
    auto const places = static_cast<std::size_t>(scale);
    if (written.size() <= places) written.insert(0, places + 1 - written.size(), '0');
    return written.insert(written.size() - places, 1, '.');
}

std::int32_t tier_window::first_day_without(std::int32_t event_day) const {
    using namespace std::chrono;
    if (type == kind::rolling) {
        std::int64_t const exit = std::int64_t{event_day} + days;
        return exit < never_ends ? static_cast<std::int32_t>(exit) : never_ends;
    }
    if (type == kind::lifetime) return never_ends;
    year_month_day const date{sys_days{std::chrono::days{event_day}}};
    year_month next{date.year(), date.month()};
    if (type == kind::year) {
        next = year_month{date.year(), January} + years{1};
    } else if (type == kind::quarter) {
        auto const index = static_cast<unsigned>(date.month()) - 1;
        next = year_month{date.year(), std::chrono::month{index / 3 * 3 + 1}} + months{3};
    } else {
        next += months{1};
    }
    return static_cast<std::int32_t>(sys_days{next / 1}.time_since_epoch().count());
}

tier_program tier_program::from_json(std::string_view text) {
    json const document = reader.parse(text);
    check_keys(document, "", {"name", "metric", "window", "tiers", "validity"});
    tier_program program;
    if (document.contains("name")) program.name = read_text(document["name"], "name");
    for (auto const* needed : {"metric", "window", "tiers"}) {
        if (!document.contains(needed)) refuse("", std::string(needed) + " is missing");
    }
    auto const metric = read_text(document["metric"], "metric");
    if (metric != "spend" && metric != "orders") {
        refuse("metric", quote(document["metric"]) + " is not one of spend, orders");
    }
    program.metric = metric == "spend" ? tier_metric::spend : tier_metric::orders;
    program.window = read_window(document["window"]);
    auto const& tiers = document["tiers"];
    if (!tiers.is_array()) refuse("tiers", quote(tiers) + " is not a list");
    if (tiers.size() > most_tiers) refuse("tiers", std::to_string(tiers.size()) + " tiers are more than 100");
    for (std::size_t i = 0; i < tiers.size(); ++i) {
        std::string const where = "tiers[" + std::to_string(i) + "]";
        check_keys(tiers[i], where, {"name", "threshold", "keep"});
        tier entry;
        if (!tiers[i].contains("name")) refuse(where, "name is missing");
        entry.name = read_text(tiers[i]["name"], where + ".name");
        if (tiers[i].contains("threshold")) {
            entry.threshold = read_decimal(tiers[i]["threshold"], where + ".threshold");
        } else if (i > 0) {
            refuse(where, "threshold is missing; only the first tier has none");
        }
        if (tiers[i].contains("keep")) entry.keep = read_decimal(tiers[i]["keep"], where + ".keep");
        program.tiers.push_back(std::move(entry));
    }
    if (document.contains("validity")) {
        check_keys(document["validity"], "validity", {"days"});
        if (!document["validity"].contains("days")) refuse("validity", "days is missing");
        program.validity_days = read_days(document["validity"]["days"], "validity.days", 0);
    }
    program.validate();
    return program;
}

std::string tier_program::to_json() const {
    json document;
    document["name"] = name;
    document["metric"] = metric == tier_metric::spend ? "spend" : "orders";
    switch (window.type) {
        case tier_window::kind::rolling:
            document["window"]["rolling_days"] = window.days;
            break;
        case tier_window::kind::month:
            document["window"]["calendar"] = "month";
            break;
        case tier_window::kind::quarter:
            document["window"]["calendar"] = "quarter";
            break;
        case tier_window::kind::year:
            document["window"]["calendar"] = "year";
            break;
        case tier_window::kind::lifetime:
            document["window"]["lifetime"] = true;
            break;
    }
    document["tiers"] = json::array();
    for (std::size_t i = 0; i < tiers.size(); ++i) {
        json entry;
        entry["name"] = tiers[i].name;
        if (i > 0) entry["threshold"] = tiers[i].threshold.text();
        if (tiers[i].keep) entry["keep"] = tiers[i].keep->text();
        document["tiers"].push_back(std::move(entry));
    }
    if (validity_days > 0) document["validity"]["days"] = validity_days;
    return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

void tier_program::validate() const {
    if (tiers.empty()) refuse("tiers", "there is no tier");
    if (tiers.size() > most_tiers) refuse("tiers", std::to_string(tiers.size()) + " tiers are more than 100");
    if (name.size() > longest_name) refuse("name", "is longer than 200 bytes");
    if (window.type == tier_window::kind::rolling && (window.days < 1 || window.days > most_days)) {
        refuse("window", std::to_string(window.days) + " days do not lie between 1 and 36500");
    }
    if (validity_days < 0 || validity_days > most_days) {
        refuse("validity", std::to_string(validity_days) + " days do not lie between 0 and 36500");
    }
    std::set<std::string> names;
    for (std::size_t i = 0; i < tiers.size(); ++i) {
        auto const& here = tiers[i];
        std::string const where = "tiers[" + std::to_string(i) + "]";
        auto in_range = [](decimal const& d) {
            return d.digits >= 0 && d.scale >= 0 && d.scale <= most_digits;
        };
        if (here.name.empty()) refuse(where, "the name is empty");
        if (here.name.size() > longest_name) refuse(where, "the name is longer than 200 bytes");
        if (!names.insert(here.name).second)
            refuse(where, "the name " + quote(json(here.name)) + " stands twice");
        if (!in_range(here.threshold) || (here.keep && !in_range(*here.keep))) {
            refuse(where, "a threshold is negative or has a scale outside 0 to 18");
        }
        if (i == 0) {
            if (here.threshold.digits != 0) {
                refuse(where,
                       "the first tier is where everybody starts and has no threshold; put one before " +
                           quote(json(here.name)));
            }
            if (here.keep && here.keep->digits != 0)
                refuse(where, "nobody falls below the first tier: no keep threshold");
            continue;
        }
        if (compare(here.threshold, tiers[i - 1].threshold) <= 0) {
            refuse(where, "the threshold " + here.threshold.text() + " is not above " +
                              tiers[i - 1].threshold.text() + " of the tier before it");
        }
        auto const& keep = here.keep ? *here.keep : here.threshold;
        auto const& keep_before = tiers[i - 1].keep ? *tiers[i - 1].keep : tiers[i - 1].threshold;
        if (compare(keep, here.threshold) > 0) {
            refuse(where,
                   "the keep threshold " + keep.text() + " is above the threshold " + here.threshold.text());
        }
        if (compare(keep, keep_before) < 0) {
            refuse(where, "the keep threshold " + keep.text() + " is below " + keep_before.text() +
                              " of the tier before it");
        }
    }
}

}  // namespace clavis::loyalty

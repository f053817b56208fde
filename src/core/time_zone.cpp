#include "clavis/core/time_zone.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "clavis/core/errors.hpp"
#include "core/civil.hpp"

namespace clavis {
namespace {

constexpr std::int64_t seconds_a_day = 86400;
constexpr std::int64_t ticks_a_second = 1'000'000;
constexpr std::int64_t beginning = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t for_ever = std::numeric_limits<std::int64_t>::max();

/// A day of the year on which a yearly rule changes the clock, and the time of that day.
struct yearly_date {
    enum class kind : std::uint8_t { julian, zero_based, weekday };
    kind how = kind::zero_based;
    int day = 0;    // julian: 1 to 365 without the leap day; zero_based: 0 to 365; weekday: 0 (Sunday) to 6
    int week = 0;   // weekday: 1 to 5, where 5 is the last
    int month = 0;  // weekday: 1 to 12
    std::int32_t second = 7200;  // of the day, from -167 h to 167 h, by the clock before the change

    /// Seconds since 1970 by the clock on the wall.
    std::int64_t local_second(std::int64_t y) const { return day_in(y) * seconds_a_day + second; }

  private:
    std::int64_t day_in(std::int64_t y) const {
        switch (how) {
            case kind::julian:
                return first_day_of_year(y) + day - 1 + (day >= 60 && is_leap(y) ? 1 : 0);
            case kind::zero_based:
                return first_day_of_year(y) + day;
            case kind::weekday:
                break;
        }
        std::int64_t const first = days_from_civil({y, static_cast<unsigned>(month), 1});
        std::int64_t const weekday_of_first =
            first + 4 - 7 * floor_divide(first + 4, 7);  // 1970-01-01 was a Thursday
        std::int64_t in_month = (day - weekday_of_first + 7) % 7 + 7 * (week - 1);
        if (in_month >= days_in_month(y, static_cast<unsigned>(month))) in_month -= 7;
        return first + in_month;
    }
};

/// The rule at the end of a TZif file: standard time, and where `daylight` is there, the dates it comes and
/// goes.
struct footer_rule {
    std::int32_t standard = 0;  // seconds east
    std::optional<std::int32_t> daylight;
    yearly_date daylight_begins;
    yearly_date daylight_ends;

    time_zone::stretch stretch_at(std::int64_t second) const {
        if (!daylight) return {beginning, for_ever, standard};
        struct change {
            std::int64_t when;
            std::int32_t offset;
        };
        std::array<change, 6> changes{};
        std::int64_t const this_year = year_of_day(floor_divide(second, seconds_a_day));
        std::size_t count = 0;
        for (std::int64_t y = this_year - 1; y <= this_year + 1; ++y) {
            // The end first: where daylight time ends at the instant it begins again, it lasts all year.
            changes[count++] = {daylight_ends.local_second(y) - *daylight, standard};
            changes[count++] = {daylight_begins.local_second(y) - standard, *daylight};
        }
        std::stable_sort(changes.begin(), changes.end(),
                         [](change const& a, change const& b) { return a.when < b.when; });
        auto const after =
            std::upper_bound(changes.begin(), changes.end(), second,
                             [](std::int64_t value, change const& c) { return value < c.when; });
        if (after == changes.begin()) return {second, changes.front().when, changes.back().offset};
        std::int64_t const end = after == changes.end() ? second + 1 : after->when;
        return {std::prev(after)->when, end, std::prev(after)->offset};
    }
};

// ---------------------------------------------------------------- the POSIX TZ string

class footer_reader {
  public:
    explicit footer_reader(std::string_view text) : rest_(text) {}

    /// Nothing where the text does not follow the grammar.
    std::optional<footer_rule> read() {
        footer_rule rule;
        std::int32_t west = 0;
        if (!designation() || !clock(west, 24)) return std::nullopt;
        rule.standard = -west;
        if (rest_.empty()) return rule;
        if (!designation()) return std::nullopt;
        rule.daylight = rule.standard + 3600;
        if (!rest_.empty() && rest_.front() != ',') {
            if (!clock(west, 24)) return std::nullopt;
            rule.daylight = -west;
        }
        if (!date(rule.daylight_begins) || !date(rule.daylight_ends) || !rest_.empty()) return std::nullopt;
        return rule;
    }

  private:
    bool skip(char c) {
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    static bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
    static bool is_digit(char c) { return c >= '0' && c <= '9'; }

    /// GMT, or <+0330>.
    bool designation() {
        if (skip('<')) {
            std::size_t const close = rest_.find('>');
            if (close == std::string_view::npos || close == 0) return false;
            rest_.remove_prefix(close + 1);
            return true;
        }
        std::size_t letters = 0;
        while (letters < rest_.size() && is_letter(rest_[letters]))
            ++letters;
        rest_.remove_prefix(letters);
        return letters >= 3;
    }
    bool number(int& value, int low, int high) {
        if (rest_.empty() || !is_digit(rest_.front())) return false;
        value = 0;
        while (!rest_.empty() && is_digit(rest_.front())) {
            value = value * 10 + (rest_.front() - '0');
            if (value > high) return false;
            rest_.remove_prefix(1);
        }
        return value >= low;
    }
    /// [+-]hh[:mm[:ss]]
    bool clock(std::int32_t& seconds, int most_hours) {
        bool const negative = skip('-');
        if (!negative) skip('+');
        int hours = 0, minutes = 0, rest = 0;
        if (!number(hours, 0, most_hours)) return false;
        if (skip(':')) {
            if (!number(minutes, 0, 59)) return false;
            if (skip(':') && !number(rest, 0, 59)) return false;
        }
        seconds = (hours * 60 + minutes) * 60 + rest;
        if (negative) seconds = -seconds;
        return true;
    }
    /// ,M3.2.0/2 or ,J60 or ,59
    bool date(yearly_date& out) {
        if (!skip(',')) return false;
        if (skip('M')) {
            out.how = yearly_date::kind::weekday;
            if (!number(out.month, 1, 12) || !skip('.') || !number(out.week, 1, 5) || !skip('.') ||
                !number(out.day, 0, 6)) {
                return false;
            }
        } else if (skip('J')) {
            out.how = yearly_date::kind::julian;
            if (!number(out.day, 1, 365)) return false;
        } else {
            out.how = yearly_date::kind::zero_based;
            if (!number(out.day, 0, 365)) return false;
        }
        return !skip('/') || clock(out.second, 167);
    }

    std::string_view rest_;
};

// ---------------------------------------------------------------- TZif

/// Where the database of compiled zones may lie.
std::vector<std::string> zone_directories() {
    std::vector<std::string> directories;
    // getenv is safe as long as nobody changes the environment meanwhile, which is the caller's to see to.
    char const* own = std::getenv("TZDIR");  // NOLINT(concurrency-mt-unsafe)
    if (own != nullptr && *own == '/') directories.emplace_back(own);
    directories.insert(directories.end(), {"/usr/share/zoneinfo", "/usr/lib/zoneinfo",
                                           "/usr/share/lib/zoneinfo", "/etc/zoneinfo"});
    return directories;
}

/// Names of the database have letters, digits, "_", "+", "-" and "/" between parts. Without dots none leads
/// out of its directory.
bool is_zone_name(std::string_view name) {
    if (name.empty() || name.size() > 255 || name.front() == '/' || name.back() == '/') return false;
    for (std::size_t i = 0; i < name.size(); ++i) {
        char const c = name[i];
        bool const plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                           c == '_' || c == '+' || c == '-';
        if (!plain && (c != '/' || name[i - 1] == '/')) return false;
    }
    return true;
}

/// "+05:30", "-0800", "+01"
std::optional<std::int32_t> parse_offset(std::string_view text) {
    if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
    bool const west = text.front() == '-';
    text.remove_prefix(1);
    if (text.size() == 5 && text[2] == ':') {
        // as hhmm
    } else if (text.size() != 4 && text.size() != 2) {
        return std::nullopt;
    }
    int digits[4] = {0, 0, 0, 0};
    std::size_t count = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text.size() == 5 && i == 2) continue;
        if (text[i] < '0' || text[i] > '9') return std::nullopt;
        digits[count++] = text[i] - '0';
    }
    int const hours = digits[0] * 10 + digits[1];
    int const minutes = digits[2] * 10 + digits[3];
    if (hours > 23 || minutes > 59) return std::nullopt;
    std::int32_t const seconds = (hours * 60 + minutes) * 60;
    return west ? -seconds : seconds;
}

/// Seconds since 1970 of an instant, rounded down.
std::int64_t second_of(instant when) {
    return floor_divide(when.time_since_epoch().count(), ticks_a_second);
}

/// ticks + seconds, at the ends of the range the end.
std::int64_t shift(std::int64_t ticks, std::int64_t seconds) {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(ticks, seconds * ticks_a_second, &sum))
        return seconds < 0 ? beginning : for_ever;
    return sum;
}

}  // namespace

struct time_zone::rules {
    std::string name;
    std::vector<std::int64_t> changes;     // ascending seconds since 1970
    std::vector<std::int32_t> offsets{0};  // offsets[i] holds before changes[i], the last one after them all
    std::optional<footer_rule> footer;     // holds after the last change where it is there

    stretch stretch_at(std::int64_t second) const {
        auto const after = std::upper_bound(changes.begin(), changes.end(), second);
        std::int64_t const begin = after == changes.begin() ? beginning : *std::prev(after);
        if (after == changes.end() && footer) {
            stretch found = footer->stretch_at(second);
            found.begin = std::max(found.begin, begin);
            return found;
        }
        std::int64_t const end = after == changes.end() ? for_ever : *after;
        return {begin, end, offsets[static_cast<std::size_t>(after - changes.begin())]};
    }
};

namespace {

/// Reads big-endian fields of a TZif file and never past its end.
class tzif_reader {
  public:
    tzif_reader(std::span<std::byte const> bytes, std::string const& name) : rest_(bytes), name_(name) {}

    struct header {
        unsigned char version = 0;
        std::uint32_t ut_indicators = 0, standard_indicators = 0, leap_seconds = 0, changes = 0, types = 0,
                      characters = 0;
        std::uint64_t block_size(std::uint64_t time_size) const {
            return changes * time_size + changes + std::uint64_t{6} * types + characters +
                   leap_seconds * (time_size + 4) + standard_indicators + ut_indicators;
        }
    };

    header read_header() {
        auto const magic = take(4);
        if (character(magic[0]) != 'T' || character(magic[1]) != 'Z' || character(magic[2]) != 'i' ||
            character(magic[3]) != 'f') {
            refuse("it does not begin with \"TZif\"");
        }
        header found;
        found.version = static_cast<unsigned char>(take(1)[0]);
        take(15);
        for (auto* count : {&found.ut_indicators, &found.standard_indicators, &found.leap_seconds,
                            &found.changes, &found.types, &found.characters}) {
            *count = static_cast<std::uint32_t>(integer(take(4)));
        }
        return found;
    }

    /// Reads the data block into changes and offsets.
    void read_block(header const& counts, std::size_t time_size, std::vector<std::int64_t>& changes,
                    std::vector<std::int32_t>& offsets) {
        if (counts.types == 0 || counts.types > 256)
            refuse("it has " + std::to_string(counts.types) + " local time types");
        if (counts.characters == 0) refuse("it has no designations");
        if ((counts.ut_indicators != 0 && counts.ut_indicators != counts.types) ||
            (counts.standard_indicators != 0 && counts.standard_indicators != counts.types)) {
            refuse("its indicators do not match its local time types");
        }
        if (counts.leap_seconds != 0) refuse("it counts leap seconds, which time stamps of records do not");
        if (counts.block_size(time_size) > rest_.size()) refuse("it ends too early");

        auto const times = take(counts.changes * time_size);
        auto const kinds = take(counts.changes);
        auto const types = take(std::size_t{6} * counts.types);
        take(counts.characters + std::size_t{counts.standard_indicators} + counts.ut_indicators);

        std::vector<std::int32_t> offset_of(counts.types);
        for (std::size_t i = 0; i < counts.types; ++i) {
            std::int64_t const offset = integer(types.subspan(6 * i, 4));
            // The bounds of RFC 9636: -25 h and 26 h, exclusive.
            if (offset <= -25 * 3600 || offset >= 26 * 3600)
                refuse("it has an offset of " + std::to_string(offset) + " s");
            if (static_cast<unsigned>(types[6 * i + 4]) > 1)
                refuse("it has a daylight flag other than 0 and 1");
            if (static_cast<unsigned>(types[6 * i + 5]) >= counts.characters)
                refuse("it has a designation outside its text");
            offset_of[i] = static_cast<std::int32_t>(offset);
        }
        changes.clear();
        changes.reserve(counts.changes);
        offsets.assign(1, offset_of[0]);
        offsets.reserve(counts.changes + std::size_t{1});
        for (std::size_t i = 0; i < counts.changes; ++i) {
            std::int64_t const when = integer(times.subspan(i * time_size, time_size));
            std::size_t const kind = static_cast<std::size_t>(kinds[i]);
            if (!changes.empty() && when <= changes.back()) refuse("its changes are not in ascending order");
            if (kind >= counts.types) refuse("it has a change to a local time type that it does not define");
            changes.push_back(when);
            offsets.push_back(offset_of[kind]);
        }
    }

    std::string_view read_footer() {
        if (rest_.size() < 2 || character(rest_.front()) != '\n') refuse("its footer is missing");
        std::string_view const text(reinterpret_cast<char const*>(rest_.data()) + 1, rest_.size() - 1);
        std::size_t const end = text.find('\n');
        if (end == std::string_view::npos) refuse("its footer has no end");
        return text.substr(0, end);
    }

    void skip(std::uint64_t size) {
        if (size > rest_.size()) refuse("it ends too early");
        take(static_cast<std::size_t>(size));
    }

    [[noreturn]] void refuse(std::string const& problem) const {
        throw input_error("the data of the time zone \"" + name_ + "\" are damaged: " + problem);
    }

  private:
    static char character(std::byte value) { return static_cast<char>(value); }
    std::span<std::byte const> take(std::size_t size) {
        if (size > rest_.size()) refuse("it ends too early");
        auto const taken = rest_.first(size);
        rest_ = rest_.subspan(size);
        return taken;
    }
    static std::int64_t integer(std::span<std::byte const> field) {
        std::uint64_t value = 0;
        for (std::byte const part : field)
            value = value << 8 | static_cast<std::uint64_t>(part);
        return field.size() == 4 ? static_cast<std::int32_t>(static_cast<std::uint32_t>(value))
                                 : static_cast<std::int64_t>(value);
    }

    std::span<std::byte const> rest_;
    std::string const& name_;
};

}  // namespace

time_zone time_zone::utc() {
    static time_zone const zone = [] {
        rules data;
        data.name = "UTC";
        return time_zone(std::make_shared<rules const>(std::move(data)));
    }();
    return zone;
}

time_zone time_zone::fixed(std::chrono::seconds offset) {
    std::int64_t const seconds = offset.count();
    if (seconds <= -26 * 3600 || seconds >= 26 * 3600) {
        throw input_error("a time zone cannot be " + std::to_string(seconds) + " s from UTC");
    }
    std::int64_t const size = seconds < 0 ? -seconds : seconds;
    auto two = [](std::int64_t value) { return std::to_string(100 + value).substr(1); };
    rules data;
    data.name.assign(1, seconds < 0 ? '-' : '+');
    data.name += two(size / 3600) + ':' + two(size / 60 % 60);
    if (size % 60 != 0) data.name += ':' + two(size % 60);
    data.offsets = {static_cast<std::int32_t>(seconds)};
    return time_zone(std::make_shared<rules const>(std::move(data)));
}

time_zone time_zone::from_tzif(std::span<std::byte const> bytes, std::string name) {
    rules data;
    data.name = std::move(name);
    tzif_reader in(bytes, data.name);
    auto counts = in.read_header();
    if (counts.version == 0) {
        in.read_block(counts, 4, data.changes, data.offsets);
    } else if (counts.version < '2') {
        in.refuse("its version is unknown");
    } else {
        // From version 2 on the first block is there for old readers only: 64-bit times and the footer follow
        // it.
        in.skip(counts.block_size(4));
        counts = in.read_header();
        in.read_block(counts, 8, data.changes, data.offsets);
        if (std::string_view const text = in.read_footer(); !text.empty()) {
            data.footer = footer_reader(text).read();
            if (!data.footer)
                in.refuse("its rule \"" + std::string(text.substr(0, 64)) + "\" cannot be read");
        }
    }
    return time_zone(std::make_shared<rules const>(std::move(data)));
}

time_zone time_zone::named(std::string_view name) {
    if (name == "UTC" || name == "Z" || name == "Etc/UTC" || name == "GMT" || name == "Etc/GMT") return utc();
    if (auto const offset = parse_offset(name)) return fixed(std::chrono::seconds(*offset));
    std::string quoted = '"' + std::string(name.substr(0, 255)) + '"';
    std::replace_if(
        quoted.begin(), quoted.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    if (!is_zone_name(name)) {
        throw input_error(quoted +
                          " is not a time zone: expected a name such as \"Europe/London\" or an offset such "
                          "as \"+05:30\"");
    }
    std::string places;
    for (std::string const& directory : zone_directories()) {
        std::ifstream file(directory + '/' + std::string(name), std::ios::binary);
        // Compiled zones have some kilobytes.
        std::vector<char> bytes(std::size_t{1} << 18);
        if (file.read(bytes.data(), static_cast<std::streamsize>(bytes.size())); file.gcount() > 0) {
            bytes.resize(static_cast<std::size_t>(file.gcount()));
            return from_tzif(std::as_bytes(std::span<char const>(bytes)), std::string(name));
        }
        places += (places.empty() ? "" : ", ") + directory;
    }
    throw input_error("the time zone " + quoted + " is not in the time-zone database (looked in " + places +
                      "; TZDIR may name another directory)");
}

std::string const& time_zone::name() const {
    return rules_->name;
}

time_zone::stretch time_zone::stretch_at(std::int64_t second) const {
    return rules_->stretch_at(second);
}

std::int32_t time_zone::offset_at(instant when) const {
    return stretch_at(second_of(when)).offset;
}

local_instant time_zone::local_time(instant when) const {
    return local_instant(duration(shift(when.time_since_epoch().count(), offset_at(when))));
}

std::int32_t time_zone::local_day(instant when) const {
    std::int64_t const second = second_of(when);
    return static_cast<std::int32_t>(floor_divide(second + stretch_at(second).offset, seconds_a_day));
}

instant time_zone::to_instant(local_instant local) const {
    std::int64_t const ticks = local.time_since_epoch().count();
    std::int64_t const wall = floor_divide(ticks, ticks_a_second);
    // The offset in force a day before the reading, and then after each later change, until the reading lies
    // before the next change: where the clock went back that is the earlier reading, where it jumped the
    // offset before.
    stretch now = stretch_at(wall - 2 * seconds_a_day);
    while (wall - now.offset >= now.end) {
        stretch const next = stretch_at(now.end);
        if (wall - next.offset < now.end) break;  // the clock jumps over the reading
        now = next;
    }
    return instant(duration(shift(ticks, -now.offset)));
}

instant time_zone::start_of_day(std::int32_t local_day) const {
    constexpr std::int64_t limit = for_ever / (seconds_a_day * ticks_a_second);
    std::int64_t const days = std::clamp<std::int64_t>(local_day, -limit, limit);
    return to_instant(local_instant(duration(days * seconds_a_day * ticks_a_second)));
}

bool local_clock::seek(std::int64_t ticks) {
    constexpr std::int64_t margin = 2 * ticks_a_day;
    constexpr std::int64_t low = beginning + margin;
    constexpr std::int64_t high = for_ever - margin;
    if (ticks < low || ticks >= high) return false;
    time_zone::stretch const found = zone_.stretch_at(floor_divide(ticks, ticks_a_second));
    known_[slot_of(ticks)] = {
        .begin = found.begin <= low / ticks_a_second ? low : found.begin * ticks_a_second,
        .end = found.end >= high / ticks_a_second ? high : found.end * ticks_a_second,
        .offset = std::int64_t{found.offset} * ticks_a_second};
    return true;
}

}  // namespace clavis

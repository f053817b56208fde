#pragma once

// Time zones: which offset from UTC a clock on the wall showed at an instant. Rules come from the system's
// compiled time-zone database (TZif, RFC 8536 and RFC 9636, versions 1 to 4), and after the last tabulated
// change from the POSIX TZ rule at the end of the file, so every year is covered. A zone is immutable, cheap
// to copy and safe to share between threads; local_clock is the per-thread companion for converting a column.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "clavis/core/time.hpp"

namespace clavis {

/// What a clock on the wall shows.
using local_instant = std::chrono::local_time<duration>;

class time_zone {
  public:
    /// A stretch of time [begin, end) in which the offset does not change, in seconds since 1970 UTC.
    struct stretch {
        std::int64_t begin;
        std::int64_t end;
        std::int32_t offset;  ///< seconds east of UTC
    };

    time_zone() : time_zone(utc()) {}
    static time_zone utc();
    /// A constant offset of less than 26 hours east of UTC.
    static time_zone fixed(std::chrono::seconds offset);
    /// "Europe/London" from $TZDIR or the system's database; "UTC" and "Z"; "+05:30", "-0800" or "+01".
    /// Throws input_error that names the zone and the places where it was looked for.
    static time_zone named(std::string_view name);
    /// Reads the bytes of a TZif file, trusted in nothing. Throws input_error that says what is wrong with
    /// them.
    static time_zone from_tzif(std::span<std::byte const> bytes, std::string name);

    std::string const& name() const;

    /// The stretch of constant offset around `second` (since 1970 UTC).
    stretch stretch_at(std::int64_t second) const;

    /// Seconds east of UTC.
    std::int32_t offset_at(instant when) const;
    local_instant local_time(instant when) const;
    /// Days since 1970-01-01 in the local calendar.
    std::int32_t local_day(instant when) const;
    /// The instant at which the clock shows `local`: the first of two where the clock goes back; where the
    /// clock jumps over it, the instant it would have been without the jump.
    instant to_instant(local_instant local) const;
    /// The first instant of a local day.
    instant start_of_day(std::int32_t local_day) const;

  private:
    struct rules;
    explicit time_zone(std::shared_ptr<rules const> data) : rules_(std::move(data)) {}
    std::shared_ptr<rules const> rules_;
};

/// Converts many instants in one zone: remembers stretches of constant offset, so that the instants of a column cost a
/// look-up and a division each, in any order. One for each thread.
class local_clock {
  public:
    explicit local_clock(time_zone zone) : zone_(std::move(zone)) {}

    std::int32_t day(instant when) {
        std::int64_t const ticks = when.time_since_epoch().count();
        known const& around = known_[slot_of(ticks)];
        if ((ticks < around.begin || ticks >= around.end) && !seek(ticks)) return zone_.local_day(when);
        std::int64_t const local = ticks + around.offset;
        std::int64_t const days = local / ticks_a_day;
        return static_cast<std::int32_t>(days - (local - days * ticks_a_day < 0));
    }
    local_instant time(instant when) {
        std::int64_t const ticks = when.time_since_epoch().count();
        known const& around = known_[slot_of(ticks)];
        if ((ticks < around.begin || ticks >= around.end) && !seek(ticks)) return zone_.local_time(when);
        return local_instant(duration(ticks + around.offset));
    }
    time_zone const& zone() const { return zone_; }

  private:
    /// A stretch in microseconds.
    struct known {
        std::int64_t begin = 0;
        std::int64_t end = 0;
        std::int64_t offset = 0;
    };
    static constexpr std::int64_t ticks_a_day = clavis::day.count();
    // Slots of 2^42 microseconds, 51 days: clocks seldom change twice in one, and 64 of them span nine years.
    static constexpr std::size_t slots = 64;
    static std::size_t slot_of(std::int64_t ticks) { return static_cast<std::size_t>(ticks >> 42) % slots; }
    /// Fills the slot of `ticks`. False within two days of the ends of the range of an instant, where adding an offset
    /// could overflow.
    bool seek(std::int64_t ticks);

    time_zone zone_;
    std::array<known, slots> known_{};
};

}  // namespace clavis

// Fuzzes the readers of time text, lengths of time and compiled time zones.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "clavis/core/errors.hpp"
#include "clavis/core/time.hpp"
#include "clavis/core/time_text.hpp"
#include "clavis/core/time_zone.hpp"

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

void read_zone(std::span<std::byte const> bytes) {
    clavis::time_zone zone;
    try {
        zone = clavis::time_zone::from_tzif(bytes, "fuzzed");
    } catch (clavis::input_error const&) {
        return;
    }
    clavis::local_clock clock(zone);
    for (std::int64_t second :
         {std::int64_t{-9'223'372'036'854}, std::int64_t{-4'000'000'000}, std::int64_t{0},
          std::int64_t{1'700'000'000}, std::int64_t{4'000'000'000}, std::int64_t{9'223'372'036'854}}) {
        auto const around = zone.stretch_at(second);
        require(around.begin <= second && second < around.end);
        require(around.offset > -26 * 3600 && around.offset < 26 * 3600);
        clavis::instant const when{std::chrono::seconds(second)};
        require(clock.day(when) == zone.local_day(when));
        require(clock.time(when) == zone.local_time(when));
        zone.to_instant(zone.local_time(when));
        zone.start_of_day(zone.local_day(when));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    if (auto const parsed = clavis::parse_time(text)) {
        // What was read can be written and read again.
        require(clavis::parse_time(clavis::to_string(parsed->when)).has_value() ||
                parsed->when < clavis::instant{} - 1900 * clavis::year ||
                parsed->when > clavis::instant{} + 8000 * clavis::year);
    }
    try {
        clavis::duration const length = clavis::parse_duration(text);
        require(length > clavis::duration::zero());
        require(clavis::parse_duration(clavis::to_string(length)) == length);
    } catch (clavis::input_error const&) {
    }
    read_zone(std::as_bytes(std::span(data, size)));
    return 0;
}

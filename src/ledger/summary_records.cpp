#include "ledger/summary_records.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace clavis::ledger {

namespace {

constexpr std::int32_t base_day = 19723;  // 2024-01-01
constexpr std::array<std::int64_t, 4> units{1, 1000, 1000000, 60000000};
constexpr unsigned default_unit = 2;
constexpr unsigned highest_power = 18;
// No clock is further than 26 hours from UTC, and a day has 24.
constexpr std::int64_t furthest = 3 * day.count();
constexpr std::int64_t before_midnight = 26 * hour.count();
constexpr std::int64_t local_reach = 76 * hour.count();
constexpr std::uint64_t furthest_gap = 8000000;

__extension__ using uint128 = unsigned __int128;

uint128 magnitude(int128 value) {
    return value < 0 ? -static_cast<uint128>(value) : static_cast<uint128>(value);
}

/// Lowers `power` until 10^power divides the value.
void fit_power(int128 value, unsigned& power) {
    if (value == 0) return;
    uint128 const size = magnitude(value);
    if (size <= std::numeric_limits<std::uint64_t>::max()) {
        auto const small = static_cast<std::uint64_t>(size);
        while (small % static_cast<std::uint64_t>(power_of_ten(static_cast<int>(power))) != 0)
            --power;
    } else {
        while (size % static_cast<uint128>(power_of_ten(static_cast<int>(power))) != 0)
            --power;
    }
}

bool is_general(day_entry const& entry) {
    if (entry.adjust_lines > 0) return true;
    if (entry.sale_lines > 0) return entry.return_lines > 0 || entry.sales < 0;
    return entry.return_lines > 1;
}

struct scales {
    unsigned power;
    unsigned unit;
    bool given;
};

/// What a record says of its scales: a function of the days alone.
scales scales_of(std::span<day_entry const> days, record_format const& format) {
    auto const usual = static_cast<unsigned>(format.power);
    unsigned power = usual;
    unsigned unit = default_unit;
    bool const worth = days.size() >= 4;  // then coarser scales than usual save more than their byte
    if (format.amounts) {
        unsigned found = worth ? usual + 4 : usual;
        bool any = false;
        for (auto const& entry : days) {
            for (int128 const sum : {entry.sales, entry.returns, entry.adjustments}) {
                any = any || sum != 0;
                fit_power(sum, found);
            }
            if (found == 0) break;
        }
        if (any) power = found;
    }
    if (format.timed) {
        unsigned found = worth ? 3 : default_unit;
        bool any = false;
        for (auto const& entry : days) {
            for (std::int64_t const time :
                 {entry.first_sale, entry.last_sale, entry.first_other, entry.last_other}) {
                if (time == day_entry::never_first || time == day_entry::never_last) continue;
                any = any || time != entry.midnight();
                while (time % units[found] != 0)
                    --found;
            }
        }
        if (any) unit = found;
    }
    return {power, unit, power != usual || unit != default_unit};
}

}  // namespace

void day_entry::add(day_entry const& other) {
    line_sums::add(other);
    first_sale = std::min(first_sale, other.first_sale);
    last_sale = std::max(last_sale, other.last_sale);
    first_other = std::min(first_other, other.first_other);
    last_other = std::max(last_other, other.last_other);
}

void write_record(std::span<day_entry const> days, record_format const& format,
                  std::vector<std::uint8_t>& out) {
    byte_writer write(out);
    auto const [power, unit, given] = scales_of(days, format);
    write.number(days.size() << 1 | (given ? 1U : 0U));
    if (given) write.byte(static_cast<std::uint8_t>(power | unit << 5));
    std::int64_t const divisor = power_of_ten(static_cast<int>(power));
    auto amount = [&](int128 sum, bool never_negative) {
        if (!format.amounts) return;
        if (sum >= 0 && sum <= std::numeric_limits<std::int64_t>::max() / 2) {
            auto const scaled = static_cast<std::uint64_t>(static_cast<std::int64_t>(sum) / divisor);
            write.number(never_negative ? scaled : scaled << 1);
        } else {
            // The groups of an unsigned number and of zigzag(number / 2) are alike, so both may be wide.
            int128 const scaled = sum / divisor;
            if (!never_negative) {
                write.wide(scaled);
            } else {
                auto bits = static_cast<uint128>(scaled);
                for (; bits >= 128; bits >>= 7)
                    write.byte(static_cast<std::uint8_t>(static_cast<std::uint8_t>(bits) | 128));
                write.byte(static_cast<std::uint8_t>(bits));
            }
        }
    };
    std::int64_t before = 0;
    auto const steps = static_cast<std::uint64_t>(local_reach / units[unit]) + 1;
    for (std::size_t i = 0; i < days.size(); ++i) {
        day_entry const& entry = days[i];
        std::uint64_t gap = i == 0 ? byte_writer::zigzag(entry.day - base_day)
                                   : static_cast<std::uint64_t>(entry.day - before - 1);
        before = entry.day;
        bool const sold = entry.sale_lines > 0;
        if (format.timed) {
            std::int64_t const since =
                (sold ? entry.first_sale : entry.first_other) - entry.midnight() + before_midnight;
            gap = gap * steps + static_cast<std::uint64_t>(since / units[unit]);
        }
        if (is_general(entry)) {
            write.number(gap << 2 | 3);
            write.number(static_cast<std::uint64_t>(entry.sale_lines));
            write.number(static_cast<std::uint64_t>(entry.return_lines));
            write.number(static_cast<std::uint64_t>(entry.adjust_lines));
            if (entry.sale_lines > 0) amount(entry.sales, false);
            if (entry.return_lines > 0) amount(entry.returns, true);
            if (entry.adjust_lines > 0) amount(entry.adjustments, false);
        } else if (entry.sale_lines == 1) {
            write.number(gap << 2);
            amount(entry.sales, true);
        } else if (entry.sale_lines > 1) {
            write.number(gap << 2 | 1);
            write.number(static_cast<std::uint64_t>(entry.sale_lines - 2));
            amount(entry.sales, true);
        } else {
            write.number(gap << 2 | 2);
            amount(entry.returns, true);
        }
        if (!format.timed) continue;
        auto const step =
            static_cast<std::uint64_t>(units[unit]);  // clang 14 captures no structured bindings
        auto last_after = [&](std::int64_t lines, std::int64_t first, std::int64_t last) {
            if (lines > 1) write.number(static_cast<std::uint64_t>(last - first) / step);
        };
        std::int64_t const others = entry.return_lines + entry.adjust_lines;
        last_after(entry.sale_lines, entry.first_sale, entry.last_sale);
        if (sold && others > 0) write.signed_number((entry.first_other - entry.midnight()) / units[unit]);
        last_after(others, entry.first_other, entry.last_other);
    }
}

void read_record(byte_reader& from, record_format const& format, std::vector<day_entry>& days) {
    std::uint64_t const head = from.number();
    std::uint64_t const count = head >> 1;
    if (count > from.left()) byte_reader::fail("ends early");  // a day takes a byte at least
    auto power = static_cast<unsigned>(format.power);
    unsigned unit = default_unit;
    if ((head & 1) != 0) {
        unsigned const given = from.byte();
        power = given & 31;
        unit = given >> 5;
        if (power > highest_power || unit >= units.size()) byte_reader::fail("holds a scale out of bounds");
    }
    std::int64_t const factor = power_of_ten(static_cast<int>(power));
    // A sum is no larger than its lines allow, and with them far from the ends of 128 bits.
    auto checked = [&](int128 scaled, std::int64_t lines) {
        uint128 const most = (static_cast<uint128>(lines) << 63) / static_cast<uint128>(factor);
        if (magnitude(scaled) > most) byte_reader::fail("holds an amount out of bounds");
        return scaled * factor;
    };
    auto signed_amount = [&](std::int64_t lines) {
        return format.amounts ? checked(from.wide(), lines) : int128{0};
    };
    auto plain_amount = [&](std::int64_t lines) {
        if (!format.amounts) return int128{0};
        uint128 bits = 0;
        for (unsigned shift = 0;; shift += 7) {
            std::uint8_t const next = from.byte();
            if (shift >= 119) byte_reader::fail("holds an amount out of bounds");
            bits |= static_cast<uint128>(next & 127) << shift;
            if (next >= 128) continue;
            if (next == 0 && shift > 0) byte_reader::fail("holds a number in more bytes than it needs");
            return checked(static_cast<int128>(bits), lines);
        }
    };
    std::int64_t before = 0;
    auto const steps = static_cast<std::uint64_t>(local_reach / units[unit]) + 1;
    for (std::uint64_t i = 0; i < count; ++i) {
        std::uint64_t const token = from.number();
        std::uint64_t const gap = format.timed ? (token >> 2) / steps : token >> 2;
        if (gap > furthest_gap) byte_reader::fail("holds a day out of bounds");
        std::int64_t const number =
            i == 0 ? base_day + (static_cast<std::int64_t>(gap >> 1) ^ -static_cast<std::int64_t>(gap & 1))
                   : before + 1 + static_cast<std::int64_t>(gap);
        if (number < first_known_day || number > last_known_day)
            byte_reader::fail("holds a day out of bounds");
        before = number;
        day_entry entry;
        entry.day = static_cast<std::int32_t>(number);
        switch (token & 3) {
            case 0:
                entry.sale_lines = 1;
                entry.sales = plain_amount(1);
                break;
            case 1:
                entry.sale_lines = from.number_below(most_rows) + 2;
                entry.sales = plain_amount(entry.sale_lines);
                break;
            case 2:
                entry.return_lines = 1;
                entry.returns = plain_amount(1);
                break;
            default:
                entry.sale_lines = from.number_below(most_rows);
                entry.return_lines = from.number_below(most_rows);
                entry.adjust_lines = from.number_below(most_rows);
                if (entry.sale_lines > 0) entry.sales = signed_amount(entry.sale_lines);
                if (entry.return_lines > 0) entry.returns = plain_amount(entry.return_lines);
                if (entry.adjust_lines > 0) entry.adjustments = signed_amount(entry.adjust_lines);
                if (!is_general(entry)) byte_reader::fail("holds a day in a form that is not its own");
                break;
        }
        bool const sold = entry.sale_lines > 0;
        std::int64_t const others = entry.return_lines + entry.adjust_lines;
        auto times = [&](std::int64_t lines, bool in_token, std::int64_t& first, std::int64_t& last) {
            if (lines == 0) return;
            first = last = entry.midnight();
            if (!format.timed) return;
            std::int64_t const reach = furthest / units[unit];
            std::int64_t const offset =
                in_token ? static_cast<std::int64_t>((token >> 2) % steps) - before_midnight / units[unit]
                         : from.signed_number();
            if (offset < -reach || offset > reach) byte_reader::fail("holds a time out of bounds");
            first = entry.midnight() + offset * units[unit];
            last = first + (lines > 1 ? from.number_below(2 * reach) * units[unit] : 0);
        };
        times(entry.sale_lines, true, entry.first_sale, entry.last_sale);
        times(others, !sold, entry.first_other, entry.last_other);
        days.push_back(entry);
    }
}

}  // namespace clavis::ledger

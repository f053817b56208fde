#include "ledger/arrow_decimal.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "clavis/core/exact_sum.hpp"

namespace clavis::ledger::arrow {
namespace {

__extension__ using uint128 = unsigned __int128;

constexpr int most_places = 18;  // more than 64 bits tell apart
constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();

std::int64_t low_word(std::int64_t stored) {
    return stored;
}
template <std::size_t Words>
std::int64_t low_word(wide_integer<Words> const& stored) {
    return static_cast<std::int64_t>(stored.word[0]);
}

/// 0 where the words above the lowest repeat its sign.
std::uint64_t beyond_low_word(std::int64_t) {
    return 0;
}
template <std::size_t Words>
std::uint64_t beyond_low_word(wide_integer<Words> const& stored) {
    auto const sign = static_cast<std::uint64_t>(low_word(stored) >> 63);
    std::uint64_t beyond = 0;
    for (std::size_t i = 1; i < Words; ++i)
        beyond |= stored.word[i] ^ sign;
    return beyond;
}

wide_integer<4> widened(std::int64_t stored) {
    auto const sign = static_cast<std::uint64_t>(stored >> 63);
    return {{static_cast<std::uint64_t>(stored), sign, sign, sign}};
}
wide_integer<4> widened(wide_integer<2> const& stored) {
    auto const sign = static_cast<std::uint64_t>(static_cast<std::int64_t>(stored.word[1]) >> 63);
    return {{stored.word[0], stored.word[1], sign, sign}};
}
wide_integer<4> widened(wide_integer<4> const& stored) {
    return stored;
}

/// Divides by ten in place and returns the remainder.
int divide_by_ten(wide_integer<4>& value) {
    uint128 rest = 0;
    for (int i = 3; i >= 0; --i) {
        rest = rest << 64 | value.word[i];
        value.word[i] = static_cast<std::uint64_t>(rest / 10);
        rest %= 10;
    }
    return static_cast<int>(rest);
}

/// value / 10^scale in digits.
std::string to_text(wide_integer<4> value, int scale) {
    bool const negative = value.word[3] >> 63 != 0;
    if (negative) {
        bool carry = true;
        for (auto& word : value.word) {
            word = ~word + (carry ? 1 : 0);
            carry = carry && word == 0;
        }
    }
    auto const left = [&value] {
        return (value.word[0] | value.word[1] | value.word[2] | value.word[3]) != 0;
    };
    std::string text;
    for (int places = 0; left() || places <= std::max(scale, 0); ++places) {
        if (places == scale && scale > 0) text += '.';
        text += static_cast<char>('0' + divide_by_ten(value));
    }
    if (negative) text += '-';
    std::reverse(text.begin(), text.end());
    if (scale < 0) text.append(static_cast<std::size_t>(-scale), '0');
    return text;
}

bool fits_128(wide_integer<4> const& value) {
    auto const sign = static_cast<std::uint64_t>(static_cast<std::int64_t>(value.word[1]) >> 63);
    return value.word[2] == sign && value.word[3] == sign;
}
int128 to_int128(wide_integer<4> const& value) {
    return static_cast<int128>(static_cast<uint128>(value.word[1]) << 64 | value.word[0]);
}

int128 wide_power_of_ten(int exponent) {
    int128 power = 1;
    while (exponent-- > 0)
        power *= 10;
    return power;
}

/// How many of the last digits are zero in every present row; at most `scale`.
template <class Stored>
int common_zeros(column_view const& column, Stored const* stored, int scale) {
    int zeros = std::min(scale, 38);
    int128 power = wide_power_of_ten(zeros);
    for (std::size_t i = 0; i < column.size && zeros > 0; ++i) {
        wide_integer<4> const value = widened(stored[i]);
        if (column.is_null(i) || !fits_128(value)) continue;
        while (to_int128(value) % power != 0) {
            power /= 10;
            --zeros;
        }
    }
    return zeros;
}

}  // namespace

template <class Stored>
void read_decimals(column_view& column, Stored const* stored, int scale, column_place const& place,
                   batch_memory& memory) {
    auto* values = memory.allocate<std::int64_t>(column.size);
    column.values = values;
    // A negative scale counts tens, hundreds …: those become whole units.
    std::int64_t const factor = power_of_ten(std::max(-scale, 0));
    std::int64_t const limit = most / factor;
    auto const fits = [limit](Stored const& value) {
        std::int64_t const low = low_word(value);
        return (beyond_low_word(value) == 0) & (low <= limit) & (low >= -limit);
    };
    if (scale <= most_places) {
        bool all = true;
        for (std::size_t i = 0; i < column.size; ++i) {
            all &= fits(stored[i]);
            values[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(low_word(stored[i])) *
                                                  static_cast<std::uint64_t>(factor));
        }
        // Missing rows may hold anything.
        for (std::size_t i = 0; !all && i < column.size; ++i) {
            if (!column.is_null(i) && !fits(stored[i])) break;
            all = i + 1 == column.size;
        }
        if (all) return;
    }
    int const zeros = common_zeros(column, stored, std::max(scale, 0));
    int128 const divisor = wide_power_of_ten(zeros);
    bool const too_many_places = scale - zeros > most_places;
    for (std::size_t i = 0; i < column.size; ++i) {
        values[i] = 0;
        if (column.is_null(i)) continue;
        wide_integer<4> const wide = widened(stored[i]);
        int128 const value = fits_128(wide) ? to_int128(wide) / divisor : int128{most} + 1;
        if (value > limit || value < -limit || (too_many_places && value != 0))
            place.bad_value(i, to_text(wide, scale), "is a decimal that does not fit in 64 bits");
        values[i] = static_cast<std::int64_t>(value) * factor;
    }
    if (scale > 0) column.scale = std::min(scale - zeros, most_places);
}

template void read_decimals(column_view&, std::int32_t const*, int, column_place const&, batch_memory&);
template void read_decimals(column_view&, std::int64_t const*, int, column_place const&, batch_memory&);
template void read_decimals(column_view&, wide_integer<2> const*, int, column_place const&, batch_memory&);
template void read_decimals(column_view&, wide_integer<4> const*, int, column_place const&, batch_memory&);

}  // namespace clavis::ledger::arrow

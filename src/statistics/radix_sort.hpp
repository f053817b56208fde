#pragma once

// Doubles sorted by their bits, eleven at a time from the lowest (Knuth 5.2.5): passes in which all keys agree are
// left out, so that whole numbers take two or three.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace clavis::statistics {

/// A key that sorts as the double does; -0 is 0. Not for NaN.
inline std::uint64_t sortable(double x) noexcept {
    auto const bits = std::bit_cast<std::uint64_t>(x + 0.0);
    return bits ^ ((bits >> 63) != 0 ? ~std::uint64_t{0} : std::uint64_t{1} << 63);
}
inline double from_sortable(std::uint64_t key) noexcept {
    return std::bit_cast<double>(key ^ ((key >> 63) != 0 ? std::uint64_t{1} << 63 : ~std::uint64_t{0}));
}

/// Sorts by key_of(item), a std::uint64_t; equal keys keep their order.
template <class Item, class Key>
void radix_sort(std::vector<Item>& items, Key&& key_of) {
    constexpr unsigned bits = 11;
    constexpr std::size_t radix = std::size_t{1} << bits;
    std::uint64_t any = 0;
    for (auto const& item : items)
        any |= key_of(item);
    unsigned const passes = (static_cast<unsigned>(std::bit_width(any)) + bits - 1) / bits;
    std::vector<std::array<std::size_t, radix>> counts(passes);
    for (auto const& item : items) {
        std::uint64_t const key = key_of(item);
        for (unsigned pass = 0; pass < passes; ++pass)
            ++counts[pass][key >> (bits * pass) & (radix - 1)];
    }
    std::vector<Item> other;
    for (unsigned pass = 0; pass < passes; ++pass) {
        auto& count = counts[pass];
        if (items.empty() || count[key_of(items[0]) >> (bits * pass) & (radix - 1)] == items.size()) continue;
        std::size_t start = 0;
        for (auto& one : count)
            start += std::exchange(one, start);
        other.resize(items.size());
        for (auto const& item : items)
            other[count[key_of(item) >> (bits * pass) & (radix - 1)]++] = item;
        items.swap(other);
    }
}

}  // namespace clavis::statistics

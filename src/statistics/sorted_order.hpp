#pragma once

// Rows in the order of a key. The leading 32 bits in which keys differ share eight bytes with the row, so that a pass
// of the radix sort moves little; rows that agree in them are sorted among themselves.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "statistics/radix_sort.hpp"

namespace clavis::statistics {

/// Sorts rows by key_of(row), a std::uint64_t; equal keys keep their order.
template <class Key>
void sort_rows(std::span<std::uint32_t> rows, Key const& key_of) {
    constexpr std::size_t few = 16;
    constexpr std::size_t many = 2048;
    if (rows.size() <= few) {
        for (std::size_t i = 1; i < rows.size(); ++i)
            for (std::size_t k = i; k > 0 && key_of(rows[k]) < key_of(rows[k - 1]); --k)
                std::swap(rows[k], rows[k - 1]);
        return;
    }
    std::uint64_t lowest = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t highest = 0;
    std::uint64_t before = 0;
    bool ascending = true;
    for (std::uint32_t const row : rows) {
        std::uint64_t const key = key_of(row);
        ascending = ascending && key >= before;
        before = key;
        lowest = std::min(lowest, key);
        highest = std::max(highest, key);
    }
    if (ascending) return;
    if (rows.size() < many) {
        std::vector<std::pair<std::uint64_t, std::uint32_t>> items;
        items.reserve(rows.size());
        for (std::uint32_t const row : rows)
            items.emplace_back(key_of(row), row);
        std::stable_sort(items.begin(), items.end(),
                         [](auto const& a, auto const& b) { return a.first < b.first; });
        for (std::size_t i = 0; i < rows.size(); ++i)
            rows[i] = items[i].second;
        return;
    }
    auto const width = static_cast<unsigned>(std::bit_width(highest - lowest));
    unsigned const shift = width > 32 ? width - 32 : 0;
    std::vector<std::uint64_t> items(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i)
        items[i] = (key_of(rows[i]) - lowest) >> shift << 32 | rows[i];
    radix_sort(items, [](std::uint64_t item) { return item >> 32; });
    for (std::size_t i = 0; i < rows.size(); ++i)
        rows[i] = static_cast<std::uint32_t>(items[i]);
    if (shift == 0) return;
    for (std::size_t i = 0; i < rows.size();) {
        std::size_t end = i + 1;
        while (end < rows.size() && items[end] >> 32 == items[i] >> 32)
            ++end;
        if (end - i > 1) sort_rows(rows.subspan(i, end - i), key_of);
        i = end;
    }
}

/// The rows 0 to size - 1 sorted so.
template <class Key>
std::vector<std::uint32_t> sorted_order(std::size_t size, Key const& key_of) {
    std::vector<std::uint32_t> rows(size);
    std::iota(rows.begin(), rows.end(), 0U);
    sort_rows(std::span(rows), key_of);
    return rows;
}

}  // namespace clavis::statistics

#pragma once

// Words of the alphabet that every code page shares.

#include <cstddef>
#include <string_view>

namespace clavis::ledger {

/// The letter small; other characters as they are.
constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Whether a text is this word of small letters, whatever the case of its own.
constexpr bool equals_ignoring_case(std::string_view text, std::string_view word) noexcept {
    if (text.size() != word.size()) return false;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (lower(text[i]) != word[i]) return false;
    return true;
}

}  // namespace clavis::ledger

#pragma once

// What reading a foreign column needs besides its buffers: memory for what is converted, the place that errors name,
// and bitmaps.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "clavis/core/large_memory.hpp"

namespace clavis::ledger::arrow {

/// Memory of converted columns, freed together.
class batch_memory {
  public:
    /// Room for `count` elements, not initialised.
    template <class T>
    T* allocate(std::size_t count) {
        static_assert(alignof(T) <= alignof(std::uint64_t));
        std::size_t const words = (count * sizeof(T) + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t) + 1;
        return reinterpret_cast<T*>(blocks_.emplace_back(words).data());
    }
    /// Bits that are all 0.
    std::uint8_t* allocate_bits(std::size_t count) {
        std::size_t const size = count / 8 + 1;
        auto* bytes = allocate<std::uint8_t>(size);
        std::memset(bytes, 0, size);
        return bytes;
    }

  private:
    std::vector<large_vector<std::uint64_t>> blocks_;
};

/// Where a column stands, for errors.
struct column_place {
    std::string_view table;
    std::string_view column;
    std::int64_t first_row = 0;  ///< of the stream, at the first row of the slice; -1: no rows of the table

    /// Throws an input_error that the producer got something wrong.
    [[noreturn]] void damaged(std::string const& problem) const;
    /// Throws an input_error about one value.
    [[noreturn]] void bad_value(std::size_t row, std::string_view value, std::string_view problem) const;
    /// The same place for values that are looked up and have rows of their own.
    column_place of_values() const { return {table, column, -1}; }
};

/// A bitmap as in Arrow, or none: everything is present.
struct bitmap {
    std::uint8_t const* bytes = nullptr;
    std::size_t offset = 0;

    explicit operator bool() const { return bytes != nullptr; }
    bool test(std::size_t i) const {
        std::size_t const bit = offset + i;
        return (bytes[bit >> 3] >> (bit & 7) & 1) != 0;
    }
};

inline void set_bit(std::uint8_t* bytes, std::size_t bit, bool value = true) {
    bytes[bit >> 3] = static_cast<std::uint8_t>(bytes[bit >> 3] | static_cast<unsigned>(value) << (bit & 7));
}

/// What empty columns point at, so that no view holds a null pointer.
inline constexpr std::int64_t nothing[2] = {0, 0};

}  // namespace clavis::ledger::arrow

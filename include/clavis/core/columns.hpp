#pragma once

// Columns. A column_view looks into memory that somebody else owns (a NumPy array, an Arrow buffer, a std::vector) and
// says how to read it; every table the library reads arrives as column_views, so there is one way in. Text and
// identifiers are the owning counterparts for results.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace clavis {

enum class column_type : std::uint8_t {
    none,        ///< no such column
    int32,       ///< std::int32_t
    int64,       ///< std::int64_t
    float64,     ///< double; NaN counts as missing
    utf8,        ///< bytes with std::int32_t offsets
    large_utf8,  ///< bytes with std::int64_t offsets
    date32,      ///< std::int32_t days since 1970-01-01
    timestamp,   ///< std::int64_t ticks since 1970-01-01; see resolution and zone
    decimal64,   ///< std::int64_t counting 10^-scale, for example cents with scale 2
};

enum class time_resolution : std::uint8_t { seconds, milliseconds, microseconds, nanoseconds };

/// A typed, non-owning look at one column. `values` points at element 0 (slices are already applied); `validity` is a
/// bitmap as in Arrow (bit set: present), read from bit `validity_offset` on, or null where nothing is missing.
struct column_view {
    column_type type = column_type::none;
    std::size_t size = 0;
    void const* values = nullptr;   ///< elements; for text the bytes that offsets index
    void const* offsets = nullptr;  ///< text only: size + 1 ascending offsets
    std::uint8_t const* validity = nullptr;
    std::size_t validity_offset = 0;
    time_resolution resolution = time_resolution::microseconds;  ///< timestamp only
    std::string_view zone{};  ///< timestamp only: an IANA name or ±hh:mm; empty: the ticks have no zone
    int scale = 0;            ///< decimal64 only

    constexpr column_view() = default;
    column_view(std::span<std::int32_t const> data)  // NOLINT: meant to convert
        : type(column_type::int32), size(data.size()), values(data.data()) {}
    column_view(std::span<std::int64_t const> data)  // NOLINT: meant to convert
        : type(column_type::int64), size(data.size()), values(data.data()) {}
    column_view(std::span<double const> data)  // NOLINT: meant to convert
        : type(column_type::float64), size(data.size()), values(data.data()) {}

    /// Days since 1970-01-01.
    static column_view days(std::span<std::int32_t const> data) {
        column_view column(data);
        column.type = column_type::date32;
        return column;
    }
    /// Money in minor units: cents with scale 2.
    static column_view minor_units(std::span<std::int64_t const> data, int scale = 2) {
        column_view column(data);
        column.type = column_type::decimal64;
        column.scale = scale;
        return column;
    }

    explicit operator bool() const { return type != column_type::none; }
    bool is_text() const { return type == column_type::utf8 || type == column_type::large_utf8; }

    /// Rows [begin, begin + count).
    column_view slice(std::size_t begin, std::size_t count) const {
        column_view part = *this;
        part.size = count;
        part.validity_offset += begin;
        auto skip = [begin](void const* data, std::size_t width) -> void const* {
            return static_cast<char const*>(data) + begin * width;
        };
        switch (type) {
            case column_type::none:
                part.size = 0;
                break;
            case column_type::int32:
            case column_type::date32:
                part.values = skip(values, 4);
                break;
            case column_type::utf8:
                part.offsets = skip(offsets, 4);
                break;
            case column_type::large_utf8:
                part.offsets = skip(offsets, 8);
                break;
            default:
                part.values = skip(values, 8);
                break;
        }
        return part;
    }

    bool is_null(std::size_t row) const {
        if (validity == nullptr) return false;
        std::size_t const bit = validity_offset + row;
        return (validity[bit >> 3] >> (bit & 7) & 1) == 0;
    }
    template <class T>
    T at(std::size_t row) const {
        return static_cast<T const*>(values)[row];
    }
    std::string_view text(std::size_t row) const {
        auto const* bytes = static_cast<char const*>(values);
        auto slice = [&](auto const* start) {
            return std::string_view(bytes + start[row],
                                    static_cast<std::size_t>(start[row + 1] - start[row]));
        };
        return type == column_type::utf8 ? slice(static_cast<std::int32_t const*>(offsets))
                                         : slice(static_cast<std::int64_t const*>(offsets));
    }
};

/// Owned text: one buffer of bytes and the offsets into it.
class text_column {
  public:
    std::size_t size() const { return offsets_.size() - 1; }
    std::string_view operator[](std::size_t row) const {
        return std::string_view(bytes_).substr(static_cast<std::size_t>(offsets_[row]),
                                               static_cast<std::size_t>(offsets_[row + 1] - offsets_[row]));
    }
    void push_back(std::string_view value) {
        bytes_ += value;
        offsets_.push_back(static_cast<std::int64_t>(bytes_.size()));
    }
    std::string const& bytes() const { return bytes_; }
    std::vector<std::int64_t> const& offsets() const { return offsets_; }
    column_view view() const {
        column_view column;
        column.type = column_type::large_utf8;
        column.size = size();
        column.values = bytes_.data();
        column.offsets = offsets_.data();
        return column;
    }
    bool operator==(text_column const&) const = default;

  private:
    std::string bytes_;
    std::vector<std::int64_t> offsets_{0};
};

/// Customer ids of a result: all integers or all text. Ids sort by value, text by its bytes.
class identifiers {
  public:
    identifiers() = default;
    identifiers(std::vector<std::int64_t> ids) : ids_(std::move(ids)) {}  // NOLINT: meant to convert
    identifiers(text_column ids) : ids_(std::move(ids)) {}                // NOLINT: meant to convert

    std::size_t size() const {
        return std::visit([](auto const& ids) { return ids.size(); }, ids_);
    }
    bool is_text() const { return std::holds_alternative<text_column>(ids_); }
    std::vector<std::int64_t> const& integers() const { return std::get<std::vector<std::int64_t>>(ids_); }
    text_column const& text() const { return std::get<text_column>(ids_); }
    std::string label(std::size_t row) const {
        return is_text() ? std::string(text()[row]) : std::to_string(integers()[row]);
    }
    column_view view() const {
        return is_text() ? text().view() : column_view(std::span<std::int64_t const>(integers()));
    }
    bool operator==(identifiers const&) const = default;

  private:
    std::variant<std::vector<std::int64_t>, text_column> ids_;
};

}  // namespace clavis

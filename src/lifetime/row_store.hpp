#pragma once

// Where a fit keeps its distinct rows: in columns of its own, 24 bytes a row, or as places in the caller's columns,
// from which each evaluation gathers a tile at a time: 4 bytes a row, and 4 more where most repeat or 16 where a few do.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <span>
#include <utility>
#include <vector>

namespace clavis::lifetime {

/// Rows a tile has at most: small enough to balance two threads on 20,000 rows, large enough to hide the cost of one.
inline constexpr std::size_t tile_rows = 4096;

/// Consecutive rows of one x, times divided by the store's scale.
struct row_tile {
    using buffer = std::vector<double>;
    std::span<double const> tx, T, weight;
    std::size_t size() const { return T.size(); }
};

/// The caller's columns; weights may be empty.
struct row_columns {
    std::span<double const> tx, T, weights;
};

class row_store {
  public:
    struct row {
        double tx, T, weight;
    };
    struct repeated {
        std::uint32_t row;
        double weight;
    };

    row_store() = default;
    /// Columns to be filled with times that are divided by `scale`.
    explicit row_store(double scale) : scale_(scale) {}
    /// Rows at these places of `source`, which must outlive the store. Their weights are `count` where there are any,
    /// else the source's or 1, but for the `repeated`, in the order of rows.
    row_store(row_columns source, std::vector<std::uint32_t> place, std::vector<std::uint32_t> count,
              std::deque<repeated> weights)
        : source_(source),
          place_(std::move(place)),
          count_(std::move(count)),
          repeated_(std::move(weights)) {}

    std::size_t size() const { return in_columns() ? T_.size() : place_.size(); }
    /// Rows [begin, end), at most `tile_rows`; `scratch` must live as long as the tile.
    row_tile tile(std::size_t begin, std::size_t end, row_tile::buffer& scratch) const;

    void reserve(std::size_t rows);
    void push_back(row const& r) {
        tx_.push_back(r.tx);
        T_.push_back(r.T);
        weight_.push_back(r.weight);
    }
    /// Columns of all rows instead of places.
    void own_columns();
    /// Divides all times by a power of two, which rounds nothing.
    void divide_by(double scale);

  private:
    bool in_columns() const { return place_.empty(); }

    std::vector<double> tx_, T_, weight_;
    row_columns source_;
    std::vector<std::uint32_t> place_;
    std::vector<std::uint32_t> count_;
    std::deque<repeated> repeated_;
    double scale_ = 1.0;
};

}  // namespace clavis::lifetime

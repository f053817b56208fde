#include "row_order.hpp"

#include <algorithm>
#include <deque>
#include <numeric>
#include <utility>

namespace clavis::lifetime {
namespace {

constexpr std::size_t sorted_rows = std::size_t{1} << 20U;  // at once

/// Sorts the places of each x by T and tx, and makes one of those that repeat.
class arrangement {
  public:
    arrangement(row_columns source, places_by_x places) : source_(source), by_x_(std::move(places)) {
        own_ = by_x_.place.size() <= own_rows;
        if (own_) store_.reserve(by_x_.place.size());
    }

    /// Histories in order, and where those of each x begin and end.
    row_store run(std::vector<compressed_rows::run>& runs) {
        for (std::size_t k = 0; k < by_x_.x.size(); ++k) {
            std::size_t const begin = written_;
            arrange(by_x_.start[k], by_x_.start[k + 1]);
            runs.push_back({by_x_.x[k], begin, written_, 0.0});
        }
        rows_ = {};
        if (own_) return std::move(store_);
        by_x_.place.resize(written_);
        if (!by_x_.count.empty()) by_x_.count.resize(written_);
        row_store result(source_, std::move(by_x_.place), std::move(by_x_.count), std::move(repeated_));
        if (written_ <= own_rows) result.own_columns();
        return result;
    }

  private:
    struct row {
        double T, tx;
        std::uint32_t place, count;
        bool operator<(row const& other) const { return T != other.T ? T < other.T : tx < other.tx; }
        bool same(row const& other) const { return T == other.T && tx == other.tx; }
    };

    row at(std::size_t i) const {
        std::uint32_t const place = by_x_.place[i];
        return {source_.T[place], source_.tx[place], place, by_x_.count.empty() ? 1 : by_x_.count[i]};
    }

    // Too many to be sorted at once are parted at about their middle.
    void arrange(std::size_t from, std::size_t to) {
        while (to - from > sorted_rows) {
            row const pivot = middle(from, to);
            std::size_t mid = part(from, to, [&](row const& r) { return r < pivot; });
            if (mid == from) {
                mid = part(from, to, [&](row const& r) { return !(pivot < r); });
                merge(from, mid);
            } else {
                arrange(from, mid);
            }
            from = mid;
        }
        rows_.clear();
        rows_.reserve(to - from);
        for (std::size_t i = from; i < to; ++i)
            rows_.push_back(at(i));
        std::sort(rows_.begin(), rows_.end());
        for (std::size_t i = 0; i < rows_.size();) {
            std::size_t next = i + 1;
            while (next < rows_.size() && rows_[next].same(rows_[i]))
                ++next;
            write(rows_[i], next - i, [&](std::size_t j) { return rows_[i + j]; });
            i = next;
        }
    }

    row middle(std::size_t from, std::size_t to) const {
        std::vector<row> sample;
        std::size_t const step = (to - from) / 1000;
        for (std::size_t i = from; i < to; i += step)
            sample.push_back(at(i));
        auto const mid = sample.begin() + static_cast<std::ptrdiff_t>(sample.size() / 2);
        std::nth_element(sample.begin(), mid, sample.end());
        return *mid;
    }

    template <class Left>
    std::size_t part(std::size_t from, std::size_t to, Left&& left) {
        for (;;) {
            while (from < to && left(at(from)))
                ++from;
            while (from < to && !left(at(to - 1)))
                --to;
            if (from == to) return from;
            std::swap(by_x_.place[from], by_x_.place[to - 1]);
            if (!by_x_.count.empty()) std::swap(by_x_.count[from], by_x_.count[to - 1]);
        }
    }

    // Places [from, to) have one history.
    void merge(std::size_t from, std::size_t to) {
        row const first = at(from);
        write(first, to - from, [&](std::size_t i) { return at(from + i); });
    }
    template <class Row>
    void write(row first, std::size_t rows, Row&& row_at) {
        double weight = 0.0;
        if (source_.weights.empty()) {
            for (std::size_t i = 1; i < rows; ++i)
                first.count += row_at(i).count;
            weight = first.count;
        } else {
            weights_.clear();
            for (std::size_t i = 0; i < rows; ++i)
                weights_.push_back(source_.weights[row_at(i).place]);
            std::sort(weights_.begin(), weights_.end());
            weight = std::accumulate(weights_.begin(), weights_.end(), 0.0);
        }
        if (own_) {
            store_.push_back({.tx = first.tx, .T = first.T, .weight = weight});
        } else {
            by_x_.place[written_] = first.place;
            if (!by_x_.count.empty())
                by_x_.count[written_] = first.count;
            else if (rows > 1)
                repeated_.push_back({static_cast<std::uint32_t>(written_), weight});
        }
        ++written_;
    }

    row_columns source_;
    places_by_x by_x_;
    bool own_;
    std::size_t written_ = 0;  // no more than were read, so that places are written over
    row_store store_;
    std::deque<row_store::repeated> repeated_;
    std::vector<row> rows_;
    std::vector<double> weights_;
};

}  // namespace

row_store arrange(row_columns source, places_by_x places, std::vector<compressed_rows::run>& runs) {
    return arrangement(source, std::move(places)).run(runs);
}

}  // namespace clavis::lifetime

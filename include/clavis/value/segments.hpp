#pragma once

// A segment map: names for the cells of an RFM table. It is an ordered list of boxes (a range of scores on
// each axis); a customer gets the name of the first box that holds their three scores, so a map can be read
// from top to bottom. check() finds what a map leaves open: cells without a name and boxes no cell can reach.

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace clavis::value {

/// Scores from low to high, both included.
struct score_range {
    int low = 1;
    int high = 1;

    bool holds(int score) const noexcept { return low <= score && score <= high; }
    bool operator==(score_range const&) const = default;
};

/// One line of a segment map. The same name may stand on several lines.
struct segment_box {
    std::string name;
    score_range r;
    score_range f;
    score_range m;

    bool operator==(segment_box const&) const = default;
};

/// What a map leaves open or says in vain.
struct segment_map_check {
    std::vector<std::array<int, 3>> uncovered;  ///< cells (r, f, m) that no box holds
    std::vector<std::size_t> shadowed;          ///< boxes whose every cell an earlier box takes
    std::vector<std::string> dead;              ///< names that no cell gets

    bool complete() const noexcept { return uncovered.empty() && shadowed.empty(); }
};

class segment_map {
  public:
    /// The position no box has: a cell without a name.
    static constexpr int none = -1;

    /// Throws input_error where a box has no name or its ranges do not lie within 1 ... bins (bins up to
    /// 100).
    segment_map(std::vector<segment_box> boxes, int bins);

    /// Ten usual segments, complete on any number of bins: champions, loyal, potential loyalists, new,
    /// promising, needs attention, about to sleep, cannot lose, at risk, hibernating. They are drawn on five
    /// bins; for other numbers of bins each score is taken for the fifth in which its middle lies.
    static segment_map standard(int bins = 5);

    int bins() const noexcept { return bins_; }
    std::vector<segment_box> const& boxes() const noexcept { return boxes_; }

    /// The distinct names in the order of their first box.
    std::vector<std::string> const& names() const noexcept { return names_; }

    /// Position in names() of the segment of a cell, or none. Scores lie in 1 ... bins.
    int find(int r, int f, int m) const noexcept;

    segment_map_check check() const;

    /// The same map with a segment called otherwise. Throws input_error where no segment is called `from`.
    segment_map renamed(std::string const& from, std::string const& to) const;

  private:
    int bins_;
    std::vector<segment_box> boxes_;
    std::vector<std::string> names_;
    std::vector<int> name_of_box_;
};

}  // namespace clavis::value

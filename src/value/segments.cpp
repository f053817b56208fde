#include "clavis/value/segments.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "clavis/core/errors.hpp"

namespace clavis::value {
namespace {

constexpr int most_bins = 100;

void check_range(std::string const& name, char const* axis, score_range range, int bins) {
    if (range.low >= 1 && range.low <= range.high && range.high <= bins) return;
    throw input_error("segment \"" + name + "\": " + axis + " from " + std::to_string(range.low) + " to " +
                      std::to_string(range.high) + " does not lie within 1 to " + std::to_string(bins));
}

}  // namespace

segment_map::segment_map(std::vector<segment_box> boxes, int bins) : bins_(bins), boxes_(std::move(boxes)) {
    if (bins < 1 || bins > most_bins) {
        throw input_error(std::to_string(bins) + " bins: the number of bins lies between 1 and 100");
    }
    for (auto const& box : boxes_) {
        if (box.name.empty()) throw input_error("a segment needs a name");
        check_range(box.name, "r", box.r, bins);
        check_range(box.name, "f", box.f, bins);
        check_range(box.name, "m", box.m, bins);
        auto const known = std::find(names_.begin(), names_.end(), box.name);
        name_of_box_.push_back(static_cast<int>(known - names_.begin()));
        if (known == names_.end()) names_.push_back(box.name);
    }
}

segment_map segment_map::standard(int bins) {
    constexpr score_range any{1, 5};
    std::vector<segment_box> const drawn{
        {"champions", {4, 5}, {4, 5}, {4, 5}},
        {"loyal", {3, 5}, {4, 5}, any},
        {"potential loyalists", {4, 5}, {2, 3}, any},
        {"new", {5, 5}, {1, 1}, any},
        {"promising", {4, 4}, {1, 1}, any},
        {"needs attention", {3, 3}, {2, 3}, any},
        {"about to sleep", {3, 3}, {1, 1}, any},
        {"cannot lose", {1, 2}, {4, 5}, {4, 5}},
        {"at risk", {1, 2}, {3, 5}, any},
        {"hibernating", {1, 2}, {1, 2}, any},
    };
    if (bins == 5) return {drawn, bins};
    // Score s of K covers ((s − 1) / K, s / K]; its middle lies in fifth ⌊5 (2 s − 1) / (2 K)⌋ + 1.
    auto scaled = [bins](score_range range) {
        score_range found{bins + 1, 0};
        for (int s = 1; s <= bins; ++s) {
            if (!range.holds(5 * (2 * s - 1) / (2 * bins) + 1)) continue;
            found.low = std::min(found.low, s);
            found.high = std::max(found.high, s);
        }
        return found;
    };
    std::vector<segment_box> boxes;
    for (auto const& box : drawn) {
        segment_box const here{box.name, scaled(box.r), scaled(box.f), scaled(box.m)};
        bool const empty = here.r.high == 0 || here.f.high == 0 || here.m.high == 0;
        if (!empty) boxes.push_back(here);
    }
    return {boxes, bins};
}

int segment_map::find(int r, int f, int m) const noexcept {
    for (std::size_t i = 0; i < boxes_.size(); ++i) {
        auto const& box = boxes_[i];
        if (box.r.holds(r) && box.f.holds(f) && box.m.holds(m)) return name_of_box_[i];
    }
    return none;
}

segment_map_check segment_map::check() const {
    segment_map_check found;
    std::vector<char> reached(boxes_.size(), 0);
    for (int r = 1; r <= bins_; ++r) {
        for (int f = 1; f <= bins_; ++f) {
            for (int m = 1; m <= bins_; ++m) {
                auto const box =
                    std::find_if(boxes_.begin(), boxes_.end(), [&](segment_box const& candidate) {
                        return candidate.r.holds(r) && candidate.f.holds(f) && candidate.m.holds(m);
                    });
                if (box == boxes_.end()) {
                    found.uncovered.push_back({r, f, m});
                } else {
                    reached[static_cast<std::size_t>(box - boxes_.begin())] = 1;
                }
            }
        }
    }
    std::set<int> alive;
    for (std::size_t i = 0; i < boxes_.size(); ++i) {
        if (reached[i] != 0) {
            alive.insert(name_of_box_[i]);
        } else {
            found.shadowed.push_back(i);
        }
    }
    for (std::size_t i = 0; i < names_.size(); ++i) {
        if (!alive.contains(static_cast<int>(i))) found.dead.push_back(names_[i]);
    }
    return found;
}

segment_map segment_map::renamed(std::string const& from, std::string const& to) const {
    auto boxes = boxes_;
    bool any = false;
    for (auto& box : boxes) {
        if (box.name != from) continue;
        box.name = to;
        any = true;
    }
    if (!any) throw input_error("no segment is called \"" + from + '"');
    return {std::move(boxes), bins_};
}

}  // namespace clavis::value

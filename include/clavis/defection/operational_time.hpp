#pragma once

// The time that customers live by: where everybody buys more in December, a silent week of December weighs more than one
// of July. An index m says how lively each day is, 1 on average, and the hazard clock runs on operational days, the sum
// of m over days.
//
// Learned (learn_index) from who certainly was a customer: between a customer's first and last visit the other n visits
// fall, given their number, in proportion to m, whatever the customer's rate, however many customers come or leave. So
//     m_w = (visits in week w) / sum over customers of n |w within their span| / (operational length of their span)
// is solved by iteration (iterative proportional fitting of a Poisson model with an effect for each customer). Weeks
// scatter by chance: m is drawn towards 1 by as much as chance explains of its variance, and all the way where it
// explains all of it. Trends count as well as seasons. Ahead of the baseline the index of a week of the year is its mean
// over the years known over the year's level, times the level of the last year; it takes two years to know one.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "clavis/core/time.hpp"
#include "clavis/ledger/history.hpp"

namespace clavis::defection {

class operational_time {
  public:
    /// The calendar's own: every day counts one.
    operational_time() = default;

    /// Day `first` + i counts `index[i]`, to a millionth; other days count one. Throws input_error unless every index is
    /// positive and at most 1000, and there are at most 100 years of them.
    operational_time(sys_days first, std::vector<double> const& index);

    bool is_calendar() const { return total_.empty(); }

    /// Operational days from 1970-01-01 to midnight at the start of a day.
    double at(std::int32_t day) const noexcept {
        if (total_.empty()) return day;
        std::int64_t const i = std::int64_t{day} - first_;
        if (i <= 0) return day;
        if (i < static_cast<std::int64_t>(total_.size())) return total_[static_cast<std::size_t>(i)];
        return total_.back() + static_cast<double>(i - static_cast<std::int64_t>(total_.size()) + 1);
    }

    /// From midnight at the start of one day to that of another.
    double between(std::int32_t from, std::int32_t to) const noexcept { return at(to) - at(from); }

    sys_days first() const { return sys_days{std::chrono::days{first_}}; }
    std::vector<double> index() const;  ///< day by day from first()

    bool operator==(operational_time const&) const = default;

  private:
    std::int32_t first_ = 0;
    std::vector<double> total_;  ///< at(first_ + i); one more than days, as it ends with the last day's end
};

/// What the baseline tells of seasons and trends.
struct learned_index {
    operational_time time;      ///< through the baseline and `ahead` days of the watch
    std::vector<double> weeks;  ///< the index of the baseline's weeks, the last ending at its end
    double variation = 0;       ///< coefficient of variation of m between weeks, chance taken off
    std::int64_t visits = 0;    ///< that told it
};

/// Fewer weeks do not tell a season from a trend.
inline constexpr int weeks_to_learn = 104;

/// Learns the index from the visits before `until`; the calendar's own time where fewer than 104 weeks or fewer than
/// 2,000 visits tell it, or chance explains how weeks differ.
learned_index learn_index(ledger::history const& records, sys_days until, int ahead = 3653);

}  // namespace clavis::defection

#pragma once

// The company's clock: season time runs at m(day) = weekday weight * month weight * effect of company events, scaled
// to mean 1 over the period, so that n days of the period are n of season time in all. Within a day it follows the
// weights of the opening hours.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "clavis/core/time.hpp"
#include "clavis/simulate/shop.hpp"

namespace clavis::simulate {

class season_clock {
  public:
    /// Throws input_error where the shop never opens in the period.
    explicit season_clock(shop_options const& options);

    int days() const { return days_; }
    std::int32_t first_day() const { return first_day_; }
    /// m of each day.
    std::vector<double> season() const;
    /// Season time at the start of a day, counted from the first: 0 ... days().
    double at_start_of(int day) const { return elapsed_[static_cast<std::size_t>(day)]; }
    /// The day (from 0) in which `season_time` in [0, days()) falls.
    int day_at(double season_time) const;
    /// The instant, in whole seconds, within the day that day_at gave.
    instant time_at(double season_time, int day) const;
    /// The instant at which `part` in [0, 1) of the business of a day is done.
    instant time_of_day(int day, double part) const;
    /// The same as seconds since start_of(0).
    std::uint32_t second_of_day(int day, double part) const {
        return static_cast<std::uint32_t>((time_of_day(day, part) - start_of(0)) / std::chrono::seconds{1});
    }
    std::uint32_t second_at(double season_time, int day) const {
        return static_cast<std::uint32_t>((time_at(season_time, day) - start_of(0)) /
                                          std::chrono::seconds{1});
    }
    /// The first day at or after `day` on which the shop is open; days() where there is none.
    int next_open_day(int day) const;
    /// Midnight at the start of a day, 0 ... days().
    instant start_of(int day) const { return midnight_[static_cast<std::size_t>(day)]; }
    instant end() const { return midnight_.back(); }

  private:
    bool is_open(int day) const { return at_start_of(day + 1) > at_start_of(day); }

    int days_;
    std::int32_t first_day_;
    std::vector<double> elapsed_;        // days + 1
    std::vector<std::int32_t> day_of_;   // the day at each whole number of season time
    std::array<double, 25> business_{};  // part of a day's business done at each hour
    std::array<std::uint8_t, 64>
        hour_of_{};                    // where to seek parts of a day, from the hour at each 64th of it
    std::vector<instant> hour_start_;  // 24 a day
    std::vector<instant> midnight_;    // days + 1
};

}  // namespace clavis::simulate

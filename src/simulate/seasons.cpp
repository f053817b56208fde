#include "seasons.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "clavis/core/errors.hpp"
#include "clavis/core/time_zone.hpp"
#include "company_events.hpp"

namespace clavis::simulate {

namespace {

// Weights of months hold at their middles; in between the season moves on a straight line.
double month_weight(std::array<double, 12> const& weights, sys_days date) {
    using namespace std::chrono;
    year_month_day const ymd(date);
    year_month const month = ymd.year() / ymd.month();
    double const length = static_cast<unsigned>((month / last).day());
    double const position = (static_cast<unsigned>(ymd.day()) - 0.5) / length - 0.5;
    auto weight = [&](months shift) { return weights[static_cast<unsigned>((month + shift).month()) - 1]; };
    double const here = weight(months{0});
    double const there = position < 0 ? weight(months{-1}) : weight(months{1});
    double const away = position < 0 ? -position : position;
    return here * (1 - away) + there * away;
}

}  // namespace

season_clock::season_clock(shop_options const& options)
    : days_(options.days), first_day_(static_cast<std::int32_t>(options.start.time_since_epoch().count())) {
    auto const size = static_cast<std::size_t>(days_);
    std::vector<double> effect(size, 1);
    for (company_event const& event : company_events(options)) {
        if (event.kind == company_event_kind::price_change) continue;
        for (int d = event.day; d < event.day + event.days; ++d)
            effect[static_cast<std::size_t>(d)] *= event.effect;
    }
    elapsed_.assign(size + 1, 0);
    for (int d = 0; d < days_; ++d) {
        sys_days const date = options.start + std::chrono::days{d};
        unsigned const weekday = std::chrono::weekday(date).iso_encoding() - 1;
        auto const i = static_cast<std::size_t>(d);
        double const weight =
            options.weekday_weights[weekday] * month_weight(options.month_weights, date) * effect[i];
        elapsed_[i + 1] = elapsed_[i] + weight;
    }
    double const total = elapsed_.back();
    if (!(total > 0)) throw input_error("simulate_shop: the shop is never open in the period");
    for (double& value : elapsed_)
        value = value / total * days_;
    for (int whole = 0; whole < days_; ++whole) {
        auto const after = std::upper_bound(elapsed_.begin(), elapsed_.end(), static_cast<double>(whole));
        day_of_.push_back(std::clamp(static_cast<std::int32_t>(after - elapsed_.begin()) - 1, 0, days_ - 1));
    }

    double const hours = std::accumulate(options.hour_weights.begin(), options.hour_weights.end(), 0.0);
    for (std::size_t h = 0; h < 24; ++h)
        business_[h + 1] = business_[h] + options.hour_weights[h] / hours;

    std::size_t opening_hour = 0;
    while (options.hour_weights[opening_hour] == 0)
        ++opening_hour;
    for (std::size_t i = 0; i < hour_of_.size(); ++i) {
        std::size_t h = opening_hour;
        while (h < 23 && business_[h + 1] <= static_cast<double>(i) / 64)
            ++h;
        hour_of_[i] = static_cast<std::uint8_t>(h);
    }

    auto const zone = time_zone::named(options.time_zone);
    hour_start_.reserve(24 * size);
    for (int d = 0; d < days_; ++d) {
        local_instant const midnight{(options.start + std::chrono::days{d}).time_since_epoch()};
        for (int h = 0; h < 24; ++h)
            hour_start_.push_back(zone.to_instant(midnight + h * hour));
        midnight_.push_back(hour_start_[hour_start_.size() - 24]);
    }
    midnight_.push_back(
        zone.to_instant(local_instant{(options.start + std::chrono::days{days_}).time_since_epoch()}));
}

std::vector<double> season_clock::season() const {
    std::vector<double> result(static_cast<std::size_t>(days_));
    for (std::size_t d = 0; d < result.size(); ++d)
        result[d] = elapsed_[d + 1] - elapsed_[d];
    return result;
}

int season_clock::day_at(double season_time) const {
    // The last day that begins at or before season_time, sought from the one at the whole number below it.
    int day = day_of_[static_cast<std::size_t>(std::clamp(static_cast<int>(season_time), 0, days_ - 1))];
    while (day + 1 < days_ && at_start_of(day + 1) <= season_time)
        ++day;
    return day;
}

instant season_clock::time_at(double season_time, int day) const {
    double const begin = at_start_of(day);
    return time_of_day(day, (season_time - begin) / (at_start_of(day + 1) - begin));
}

instant season_clock::time_of_day(int day, double part) const {
    std::size_t h = hour_of_[static_cast<std::size_t>(std::clamp(static_cast<int>(part * 64), 0, 63))];
    while (h < 23 && business_[h + 1] <= part)
        ++h;
    // Where rounding left the last sum below `part`, the last open hour takes it.
    while (h > 0 && business_[h + 1] == business_[h])
        --h;
    double const within = (part - business_[h]) / (business_[h + 1] - business_[h]);
    int const second = std::min(3599, static_cast<int>(within * 3600));
    return hour_start_[static_cast<std::size_t>(day) * 24 + h] + std::chrono::seconds{second};
}

int season_clock::next_open_day(int day) const {
    while (day < days_ && !is_open(day))
        ++day;
    return day;
}

}  // namespace clavis::simulate

#include "clavis/defection/operational_time.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "clavis/core/errors.hpp"
#include "defection/records.hpp"

namespace clavis::defection {
namespace {

constexpr std::int64_t fewest_visits = 2000;

/// One customer between the first and the last visit.
struct span_of_visits {
    std::int32_t first;
    std::int32_t last;
    std::int32_t between;  ///< visits inside
};

/// The index of weeks of the year around a level: the years known, averaged.
class season {
  public:
    static constexpr int weeks = 53;

    season(std::vector<double> const& index, std::int32_t first_day) {
        // Whole years back from the end, so that every week of the year is seen as often.
        std::size_t const years = index.size() / 52;
        std::size_t const begin = index.size() - 52 * years;
        std::array<double, weeks> sum{};
        std::array<int, weeks> seen{};
        for (std::size_t y = 0; y < years; ++y) {
            double level = 0;
            for (std::size_t w = 0; w < 52; ++w)
                level += index[begin + 52 * y + w] / 52;
            level_ = level;
            for (std::size_t w = 0; w < 52; ++w) {
                std::size_t const i = begin + 52 * y + w;
                int const week = week_of_year(first_day + static_cast<std::int32_t>(7 * i) + 3);
                sum[static_cast<std::size_t>(week)] += index[i] / level;
                ++seen[static_cast<std::size_t>(week)];
            }
        }
        for (std::size_t w = 0; w < weeks; ++w)
            profile_[w] = seen[w] > 0 ? sum[w] / seen[w] : 0;
        for (std::size_t w = 0; w < weeks;
             ++w)  // the odd days at the year's end may have no week of their own
            if (profile_[w] == 0)
                profile_[w] = profile_[(w + weeks - 1) % weeks] > 0 ? profile_[(w + weeks - 1) % weeks] : 1;
    }

    double at(std::int32_t day) const {
        return level_ * profile_[static_cast<std::size_t>(week_of_year(day))];
    }

  private:
    static int week_of_year(std::int32_t day) {
        std::chrono::year_month_day const date{date_of(day)};
        auto const new_year = sys_days{date.year() / std::chrono::January / 1};
        return static_cast<int>((date_of(day) - new_year).count() / 7);
    }

    double level_ = 1;
    std::array<double, weeks> profile_{};
};

}  // namespace

operational_time::operational_time(sys_days first, std::vector<double> const& index)
    : first_(day_number(first)) {
    if (index.empty()) return;
    if (index.size() > 36525) throw input_error("season: an index of more than 100 years");
    double total = first_;
    total_.reserve(index.size() + 1);
    for (std::size_t i = 0; i < index.size(); ++i) {
        // Sums of whole parts of a million are exact, so that the index is what its sums differ by.
        double const kept = std::round(index[i] * 0x1p20) * 0x1p-20;
        if (!(kept > 0 && kept <= 1000))
            throw input_error({.column = "season", .row = static_cast<std::int64_t>(i)},
                              number("%.6g", index[i]) + " is not positive and at most 1000");
        total_.push_back(total);
        total += kept;
    }
    total_.push_back(total);
}

std::vector<double> operational_time::index() const {
    std::vector<double> result;
    for (std::size_t i = 1; i < total_.size(); ++i)
        result.push_back(total_[i] - total_[i - 1]);
    return result;
}

learned_index learn_index(ledger::history const& records, sys_days until, int ahead) {
    check_history(records);
    std::int32_t const end = day_number(until);
    std::int32_t begin = end;
    for (std::size_t k = 0; k < records.day.size(); ++k)
        if (records.orders[k] > 0 && records.day[k] < end) begin = std::min(begin, records.day[k]);
    auto const count = static_cast<std::size_t>((end - begin) / 7);
    learned_index result;
    result.weeks.assign(count, 1.0);
    if (count < weeks_to_learn) return result;
    // Whole weeks that end with the baseline; what lies before them counts one a day.
    std::int32_t const origin = end - static_cast<std::int32_t>(7 * count);
    std::vector<span_of_visits> customers;
    std::vector<double> seen(count);
    for (std::size_t i = 0; i < records.size(); ++i) {
        span_of_visits one{0, 0, -2};
        auto const from = static_cast<std::size_t>(records.offsets[i]);
        auto const to = static_cast<std::size_t>(records.offsets[i + 1]);
        auto const visit = [&](std::size_t k) {
            return records.orders[k] > 0 && records.day[k] >= origin && records.day[k] < end;
        };
        for (std::size_t k = from; k < to; ++k) {
            if (!visit(k)) continue;
            if (one.between == -2) one.first = records.day[k];
            one.last = records.day[k];
            ++one.between;
        }
        // Short spans tell little, and their few days may all be lively ones because they were chosen to be visited.
        if (one.between < 1 || one.last - one.first < 28) continue;
        customers.push_back(one);
        result.visits += one.between;
        for (std::size_t k = from; k < to; ++k)
            if (visit(k) && records.day[k] > one.first && records.day[k] < one.last)
                ++seen[static_cast<std::size_t>((records.day[k] - origin) / 7)];
    }
    if (result.visits < fewest_visits) return result;

    std::vector<double> index(count, 1.0);
    for (int step = 0; step < 100; ++step) {
        std::vector<double> total(7 * count + 1);
        for (std::size_t day = 0; day < 7 * count; ++day)
            total[day + 1] = total[day] + index[day / 7];
        // Each customer's visits per operational day, spread over the days inside the span by differences.
        std::vector<double> change(7 * count + 1);
        for (span_of_visits const& one : customers) {
            auto const from = static_cast<std::size_t>(one.first + 1 - origin);
            auto const to = static_cast<std::size_t>(one.last - origin);
            double const pace = one.between / (total[to] - total[from]);
            change[from] += pace;
            change[to] -= pace;
        }
        std::vector<double> pace(count);
        double running = 0;
        for (std::size_t day = 0; day < 7 * count; ++day) {
            running += change[day];
            pace[day / 7] += running;
        }
        double moved = 0;
        double mean = 0;
        for (std::size_t w = 0; w < count; ++w) {
            // Half a visit on both sides keeps an empty week from standing still.
            double const next = (seen[w] + 0.5) / (pace[w] + 0.5);
            moved = std::max(moved, std::abs(next / index[w] - 1));
            index[w] = next;
            mean += next / static_cast<double>(count);
        }
        for (double& value : index)
            value /= mean;
        if (moved < 1e-6) break;
    }
    // Chance alone scatters the index of a week with v visits by 1/v; what is more is season and trend.
    double variance = 0;
    double chance = 0;
    for (std::size_t w = 0; w < count; ++w) {
        double const weight = 1 / static_cast<double>(count);
        variance += weight * (index[w] - 1) * (index[w] - 1);
        chance += weight * index[w] * index[w] / (seen[w] + 0.5);
    }
    double const own = variance - chance;
    // Twice the standard error of a variance of so many weeks.
    if (own <= 2 * chance * std::sqrt(2.0 / static_cast<double>(count))) return result;
    result.variation = std::sqrt(own);
    for (std::size_t w = 0; w < count; ++w) {
        double const noise = index[w] * index[w] / (seen[w] + 0.5);
        result.weeks[w] = 1 + own / (own + noise) * (index[w] - 1);
    }
    season const profile(result.weeks, origin);
    std::vector<double> days;
    for (std::size_t day = 0; day < 7 * count; ++day)
        days.push_back(result.weeks[day / 7]);
    for (int day = 0; day < ahead; ++day)
        days.push_back(profile.at(end + day));
    result.time = operational_time(date_of(origin), days);
    return result;
}

}  // namespace clavis::defection

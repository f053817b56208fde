#include "returns.hpp"

#include <algorithm>
#include <cstdint>

namespace clavis::simulate {

double draw_return_chance(shop_options const& options, random_stream& random) {
    double const mean = options.return_chance;
    if (mean <= 0 || mean >= 1) return mean;
    constexpr double a = 0.8;
    return random.beta(a, a * (1 - mean) / mean);
}

void add_returns(shop_options const& options, season_clock const& clock, double chance, random_stream& random,
                 std::vector<order_time> const& orders, std::size_t first, std::vector<order_line>& lines,
                 std::vector<order_line>& returned) {
    if (chance <= 0) return;
    returned.clear();
    std::size_t const sales = lines.size();
    for (std::size_t i = first; i < sales; ++i) {
        if (!random.bernoulli(chance)) continue;
        order_line line = lines[i];
        line.quantity = static_cast<std::int8_t>(
            -1 - static_cast<int>(random.below(static_cast<std::uint64_t>(line.quantity))));
        double const delay = 1 + random.exponential() * options.mean_return_delay;
        double const part = random.uniform();
        int day = orders[static_cast<std::size_t>(line.order)].day;
        if (!(day + delay < clock.days())) continue;
        day = clock.next_open_day(day + static_cast<int>(delay));
        if (day >= clock.days()) continue;
        line.time = clock.second_of_day(day, part);
        returned.push_back(line);
    }
    if (returned.empty()) return;
    // Merged from the end, after sales of the same second.
    std::stable_sort(returned.begin(), returned.end(),
                     [](order_line const& a, order_line const& b) { return a.time < b.time; });
    lines.resize(sales + returned.size());
    std::size_t sale = sales;
    std::size_t place = lines.size();
    for (std::size_t i = returned.size(); i > 0;) {
        bool const sale_last = sale > first && lines[sale - 1].time > returned[i - 1].time;
        lines[--place] = sale_last ? lines[--sale] : returned[--i];
    }
}

}  // namespace clavis::simulate

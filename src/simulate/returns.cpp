#include "returns.hpp"

#include <cstdint>

namespace clavis::simulate {

double draw_return_chance(shop_options const& options, random_stream& random) {
    double const mean = options.return_chance;
    if (mean <= 0 || mean >= 1) return mean;
    constexpr double a = 0.8;
    return random.beta(a, a * (1 - mean) / mean);
}

void add_returns(shop_options const& options, season_clock const& clock, double chance, random_stream& random,
                 std::vector<order_line>& lines) {
    std::size_t const sales = lines.size();
    for (std::size_t i = 0; i < sales; ++i) {
        if (!random.bernoulli(chance)) continue;
        order_line line = lines[i];
        line.kind = line_kind::return_;
        line.quantity =
            -1 - static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(line.quantity)));
        double const delay = 1 + random.exponential() * options.mean_return_delay;
        double const part = random.uniform();
        if (!(line.day + delay < clock.days())) continue;
        line.day = clock.next_open_day(line.day + static_cast<int>(delay));
        if (line.day >= clock.days()) continue;
        line.time = clock.time_of_day(line.day, part);
        lines.push_back(line);
    }
}

}  // namespace clavis::simulate

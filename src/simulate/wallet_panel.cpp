#include "wallet_panel.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace clavis::simulate {

quarters::quarters(shop_options const& options) {
    using namespace std::chrono;
    for (int day = 0; day < options.days;) {
        year_month_day const date(options.start + std::chrono::days{day});
        unsigned const quarter = (static_cast<unsigned>(date.month()) - 1) / 3;
        names_.push_back(std::to_string(static_cast<int>(date.year())) + "-Q" + std::to_string(quarter + 1));
        first_day_.push_back(day);
        year_month const next = date.year() / std::chrono::month{3 * quarter + 1} + months{3};
        day = static_cast<int>((sys_days{next / 1} - options.start).count());
    }
    first_day_.push_back(options.days);
}

void add_wallet(shop_options const& options, season_clock const& clock, quarters const& periods,
                customer_story const& story, order_line const* lines, std::size_t size, random_stream random,
                shop_wallet& table) {
    if (!random.bernoulli(options.wallet_panel_share)) return;
    double const before = story.wallet * (1 - story.share) / 7;
    double const after = story.wallet * story.wallet_ratio * (1 - story.share * story.share_ratio) / 7;
    int const change =
        story.plan.kind == shop_change::none ? clock.days() : std::min(story.plan.day, clock.days());
    std::size_t line = 0;
    for (std::size_t quarter = 0; quarter < periods.size(); ++quarter) {
        int const end = periods.first_day(quarter + 1);
        std::int64_t own = 0;
        std::uint32_t const end_time =
            static_cast<std::uint32_t>((clock.start_of(end) - clock.start_of(0)) / std::chrono::seconds{1});
        for (; line < size && lines[line].time < end_time; ++line)
            own += lines[line].price * lines[line].quantity;
        // Whoever joins in the middle of a quarter is asked from the next one on.
        int const begin = periods.first_day(quarter);
        if (begin <= story.first_day) continue;
        bool const answers = random.bernoulli(options.wallet_answer_chance);
        int const middle = std::clamp(change, begin, end);
        double const mean = before * (clock.at_start_of(middle) - clock.at_start_of(begin)) +
                            after * (clock.at_start_of(end) - clock.at_start_of(middle));
        // As many orders as here in the mean, each exponential: a gamma variate of that shape.
        double const orders = mean / story.spend_mean;
        double const spend = orders > 1e-3 ? story.spend_mean * random.gamma(orders) : 0;
        double const error =
            options.wallet_noise * random.normal() - options.wallet_noise * options.wallet_noise / 2;
        if (!answers) continue;
        double const reported = std::min(1e15, std::floor(100 * spend * portable::exp(error) + 0.5));
        table.customer_id.push_back(story.id);
        table.period.push_back(static_cast<std::uint16_t>(quarter));
        table.competitor_spend.push_back(static_cast<std::int64_t>(reported));
        table.category_spend.push_back(std::max<std::int64_t>(0, own) + static_cast<std::int64_t>(reported));
    }
}

}  // namespace clavis::simulate

#include "campaigns.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace clavis::simulate {

namespace {

// How much more likely than the mean a single, family, senior or business customer is to be persuadable or a sleeping
// dog, before the shares asked for are met in the mean over segments.
constexpr std::array<double, 4> persuadable_weight{0.75, 1.75, 0.5, 1.0};
constexpr std::array<double, 4> sleeping_dog_weight{1.0, 0.5, 2.0, 1.0};
constexpr std::array<char const*, 3> offers{"voucher", "sample", "points"};
constexpr double sure_thing_share = 0.4;  // of the others

double mean_weight(shop_options const& options, std::array<double, 4> const& weights) {
    double sum = 0;
    double total = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        sum += options.segment_weights[i] * weights[i];
        total += options.segment_weights[i];
    }
    return sum / total;
}

}  // namespace

campaign_plan::campaign_plan(shop_options const& options, season_clock const& clock) {
    if (options.campaign_reach == 0) return;
    // Evenly from 30 % to 90 % of the period, on open days.
    for (int i = 0; i < options.campaigns; ++i) {
        double const share = 0.3 + 0.6 * (i + 0.5) / options.campaigns;
        int const day = clock.next_open_day(static_cast<int>(options.days * share));
        if (day < options.days) days_.push_back(day);
    }
}

std::vector<std::string> campaign_plan::names() const {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < size(); ++i)
        names.push_back("campaign " + std::to_string(i + 1));
    return names;
}

response_type draw_response(shop_options const& options, customer_segment segment, random_stream random) {
    auto const s = static_cast<std::size_t>(segment);
    double persuadable =
        options.persuadable_share * persuadable_weight[s] / mean_weight(options, persuadable_weight);
    double sleeping =
        options.sleeping_dog_share * sleeping_dog_weight[s] / mean_weight(options, sleeping_dog_weight);
    persuadable = std::min(persuadable, 1.0);
    sleeping = std::min(sleeping, 1 - persuadable);
    double const u = random.uniform();
    if (u < persuadable) return response_type::persuadable;
    if (u < persuadable + sleeping) return response_type::sleeping_dog;
    return random.bernoulli(sure_thing_share) ? response_type::sure_thing : response_type::lost_cause;
}

void draw_campaigns(shop_options const& options, season_clock const& clock, campaign_plan const& plan,
                    customer_story& story, random_stream random, std::vector<campaign_entry>& entries) {
    entries.clear();
    story.windows.clear();
    double const ratio = story.response == response_type::persuadable    ? options.persuaded_ratio
                         : story.response == response_type::sleeping_dog ? options.annoyed_ratio
                                                                         : 1;
    for (std::size_t i = 0; i < plan.size(); ++i) {
        bool const reached = random.bernoulli(options.campaign_reach);
        bool const treated = random.bernoulli(options.treated_share);
        int const day = plan.days()[i];
        if (!reached || day <= story.first_day) continue;
        entries.push_back({static_cast<std::uint8_t>(i),
                           treated ? campaign_arm::treated : campaign_arm::control,
                           static_cast<std::uint8_t>(i % offers.size())});
        if (treated && ratio != 1)
            story.windows.push_back({day, std::min(day + options.campaign_days, clock.days()), ratio});
    }
}

void add_campaigns(shop_options const& options, season_clock const& clock, campaign_plan const& plan,
                   customer_story const& story, std::vector<campaign_entry> const& entries,
                   std::vector<order_time> const& orders, shop_campaigns& table) {
    for (campaign_entry const& entry : entries) {
        int const day = plan.days()[entry.campaign];
        auto const next =
            std::lower_bound(orders.begin(), orders.end(), day,
                             [](order_time const& order, int from) { return order.day < from; });
        bool const buys = next != orders.end() && next->day < day + options.campaign_days;
        bool const treated = entry.arm == campaign_arm::treated;
        table.customer_id.push_back(story.id);
        table.campaign.push_back(entry.campaign);
        table.time.push_back(clock.time_of_day(day, 0));
        table.arm.push_back(entry.arm);
        table.offer.push_back(entry.offer);
        table.cost.push_back(
            treated ? static_cast<std::int64_t>(std::floor(100 * options.campaign_cost + 0.5)) : 0);
        table.response.push_back(buys ? 1 : 0);
    }
}

std::vector<std::string> offer_names() {
    return {offers.begin(), offers.end()};
}

}  // namespace clavis::simulate

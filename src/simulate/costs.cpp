#include "costs.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

namespace clavis::simulate {

namespace {

constexpr std::array<std::int64_t, 4> acquisition_cost{800, 2000, 3000,
                                                       500};  // cents, by acquisition_channel
constexpr std::int64_t contact_cost = 600;
constexpr std::array<char const*, 4> segments{"single", "family", "senior", "business"};

}  // namespace

void add_costs(shop_options const& options, season_clock const& clock, campaign_plan const& campaigns,
               customer_story const& story, std::vector<campaign_entry> const& entries, instant acquired,
               shop_costs& table) {
    auto const campaign_cost = static_cast<std::int64_t>(std::floor(100 * options.campaign_cost + 0.5));
    int const last_day = story.last_day(clock.days());
    auto contact = story.contacts.begin();
    auto entry = entries.begin();
    for (int year = story.first_day / 365; 365 * year < clock.days(); ++year) {
        std::int64_t contacts = 0;
        for (; contact != story.contacts.end() && contact->day < std::min(last_day, 365 * (year + 1));
             ++contact)
            ++contacts;
        std::int64_t treatments = 0;
        for (; entry != entries.end() && campaigns.days()[entry->campaign] < 365 * (year + 1); ++entry)
            treatments += entry->arm == campaign_arm::treated;
        bool const first = 365 * year <= story.first_day;
        if (!first && 365 * year >= last_day && treatments == 0) continue;
        table.customer_id.push_back(story.id);
        table.time.push_back(first ? acquired : clock.start_of(365 * year));
        table.acquisition.push_back(first ? acquisition_cost[static_cast<std::size_t>(story.profile.channel)]
                                          : 0);
        table.service.push_back(contact_cost * contacts);
        table.retention.push_back(campaign_cost * treatments);
    }
}

shop_targets make_targets(shop_options const& options) {
    using std::chrono::year_month_day;
    shop_targets targets;
    auto const first = year_month_day(options.start).year();
    auto const last = year_month_day(options.start + std::chrono::days{options.days - 1}).year();
    double const defecting = options.stop_share + options.halving_share;
    double const years = std::max(1.0, options.days / 365.0);
    for (auto y = first; y <= last; ++y) {
        for (std::size_t s = 0; s < segments.size(); ++s) {
            auto add = [&](char const* metric, double value) {
                targets.class_.emplace_back(segments[s]);
                targets.metric.emplace_back(metric);
                targets.period.push_back(std::to_string(static_cast<int>(y)));
                targets.value.push_back(value);
            };
            // A tenth better than what is planted.
            add("retention_rate", 1 - 0.9 * defecting / years);
            add("share_of_wallet", std::min(1.0, 1.1 * options.mean_share));
            add("nps", 20);
            add("net_amount", 1.1 * static_cast<double>(options.customers) * 52 * options.mean_rate *
                                  options.mean_spend * options.segment_weights[s] /
                                  (options.segment_weights[0] + options.segment_weights[1] +
                                   options.segment_weights[2] + options.segment_weights[3]));
        }
    }
    return targets;
}

}  // namespace clavis::simulate

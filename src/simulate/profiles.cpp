#include "profiles.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "incidents.hpp"
#include "streams.hpp"

namespace clavis::simulate {

namespace {

constexpr std::array<double, 4> youngest{18, 28, 60, 0};
constexpr std::array<double, 4> oldest{45, 55, 85, 0};
constexpr double late_payment_concentration = 4;

}  // namespace

customer_segment segment_of(shop_options const& options, std::int64_t customer_id) {
    auto const& weights = options.segment_weights;
    auto random = stream_of(options.seed, aspect::segments, customer_id);
    double rest = random.uniform() * (weights[0] + weights[1] + weights[2] + weights[3]);
    std::size_t last = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        if (weights[i] == 0) continue;
        last = i;
        if ((rest -= weights[i]) < 0) break;
    }
    return static_cast<customer_segment>(last);
}

customer_profile draw_profile(shop_options const& options, std::int64_t customer_id) {
    auto random = stream_of(options.seed, aspect::profiles, customer_id);
    customer_profile profile{};
    profile.segment = segment_of(options, customer_id);
    profile.region = static_cast<std::uint8_t>(random.below(4));
    profile.home_store = static_cast<std::uint8_t>(random.below(options.stores.size()));
    profile.channel = static_cast<acquisition_channel>(random.below(3));
    auto const segment = static_cast<std::size_t>(profile.segment);
    profile.age = random.uniform(youngest[segment], oldest[segment]);
    profile.income = portable::exp(0.35 * random.normal());
    profile.owner = no_code;
    profile.late_payment_chance = std::numeric_limits<double>::quiet_NaN();
    if (profile.segment == customer_segment::business) {
        profile.owner = static_cast<std::uint8_t>(random.below(staff_size));
        double const mean = options.late_payment_chance;
        profile.late_payment_chance =
            mean <= 0 || mean >= 1
                ? mean
                : random.beta(late_payment_concentration * mean, late_payment_concentration * (1 - mean));
    }
    return profile;
}

std::int64_t account_of(shop_options const& options, std::int64_t customer_id, customer_segment segment) {
    if (segment != customer_segment::business) return customer_id;
    std::int64_t first = (customer_id - 1) / 8 * 8 + 1;
    while (first < customer_id && segment_of(options, first) != customer_segment::business)
        ++first;
    return first;
}

void set_customer(shop_options const& options, season_clock const& clock, customer_story const& story,
                  instant acquired, shop_customers& table) {
    auto const row = static_cast<std::size_t>(story.id - 1);
    customer_profile const& profile = story.profile;
    bool const business = profile.segment == customer_segment::business;
    table.customer_id[row] = story.id;
    table.segment[row] = profile.segment;
    table.account_id[row] = account_of(options, story.id, profile.segment);
    table.owner[row] = profile.owner;
    table.acquired_by[row] = profile.channel;
    table.acquired_time[row] = acquired;
    table.birth_date[row] =
        business ? no_day : clock.first_day() - static_cast<std::int32_t>(profile.age * 365.25);
    table.region[row] = profile.region;
    // Who earns more spends more: half of it in logarithms.
    table.income[row] =
        business
            ? std::numeric_limits<double>::quiet_NaN()
            : 100 *
                  static_cast<double>(static_cast<std::int64_t>(std::min(
                      1e12, 320 * profile.income *
                                portable::exp(0.5 * portable::log(story.spend_mean / options.mean_spend)))));
}

std::vector<std::string> region_names() {
    return {"north", "east", "south", "west"};
}

}  // namespace clavis::simulate

#include "incidents.hpp"

#include <algorithm>
#include <cstdint>

namespace clavis::simulate {

namespace {

constexpr int complaint_days_before = 45;
constexpr int move_days_before = 30;
constexpr double inquiry_share = 0.6;
constexpr double complaint_share = 0.25;  // the rest is praise

/// The times of incidents at `rate` a year from the first purchase until the customer stops or the period ends.
std::vector<instant> times_at_rate(season_clock const& clock, customer_story const& story, double rate,
                                   random_stream& random) {
    double const end = story.plan.ratio == 0 ? clock.at_start_of(std::min(story.plan.day, clock.days()))
                                             : static_cast<double>(clock.days());
    double const length = end - story.arrival;
    std::vector<double> season_times(static_cast<std::size_t>(random.poisson(rate * length / 365.25)));
    for (double& season_time : season_times)
        season_time = story.arrival + length * random.uniform();
    std::sort(season_times.begin(), season_times.end());
    std::vector<instant> times;
    times.reserve(season_times.size() + 1);
    for (double const season_time : season_times)
        times.push_back(clock.time_at(season_time, clock.day_at(season_time)));
    return times;
}

/// A moment of an open day at most `days_before` days before the change, but not before the first purchase's day.
instant time_before_change(season_clock const& clock, customer_story const& story, int days_before,
                           random_stream& random) {
    auto const back = 1 + static_cast<int>(random.below(static_cast<std::uint64_t>(days_before)));
    int day = clock.next_open_day(std::max(story.first_day, story.plan.day - back));
    if (day >= story.plan.day) day = clock.last_open_day(story.plan.day - 1);
    return clock.time_of_day(day, random.uniform());
}

/// Puts `time` in its place and says which that is.
std::size_t insert_in_order(std::vector<instant>& times, instant time) {
    auto const place = std::upper_bound(times.begin(), times.end(), time);
    auto const index = static_cast<std::size_t>(place - times.begin());
    times.insert(place, time);
    return index;
}

constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

}  // namespace

void add_contacts(shop_options const& options, season_clock const& clock, customer_story const& story,
                  random_stream random, shop_contacts& contacts) {
    auto times = times_at_rate(clock, story, options.contact_rate, random);
    std::size_t planted = nowhere;
    if (story.cause == change_cause::complaint)
        planted = insert_in_order(times, time_before_change(clock, story, complaint_days_before, random));
    for (std::size_t i = 0; i < times.size(); ++i) {
        double const u = random.uniform();
        contact_kind kind = u < inquiry_share                     ? contact_kind::inquiry
                            : u < inquiry_share + complaint_share ? contact_kind::complaint
                                                                  : contact_kind::praise;
        if (i == planted) kind = contact_kind::complaint;
        contacts.customer_id.push_back(story.customer_id);
        contacts.time.push_back(times[i]);
        contacts.kind.push_back(kind);
        contacts.channel.push_back(static_cast<contact_channel>(random.below(3)));
        contacts.topic.push_back(static_cast<contact_topic>(random.below(4)));
    }
}

void add_life_events(shop_options const& options, season_clock const& clock, customer_story const& story,
                     random_stream random, shop_life_events& events) {
    auto times = times_at_rate(clock, story, options.life_event_rate, random);
    std::size_t planted = nowhere;
    if (story.cause == change_cause::life_event)
        planted = insert_in_order(times, time_before_change(clock, story, move_days_before, random));
    for (std::size_t i = 0; i < times.size(); ++i) {
        auto kind = static_cast<life_event_kind>(random.below(5));
        if (i == planted) kind = life_event_kind::moving;
        events.customer_id.push_back(story.customer_id);
        events.time.push_back(times[i]);
        events.kind.push_back(kind);
    }
}

}  // namespace clavis::simulate

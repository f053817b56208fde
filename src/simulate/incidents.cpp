#include "incidents.hpp"

#include <algorithm>
#include <cstdint>

namespace clavis::simulate {

namespace {

constexpr duration promised_answer = 48 * hour;
constexpr duration promised_answer_to_complaint = 24 * hour;

/// Calls add(time, day) in the order of time for events at `rate` a year from the first purchase to the period's end.
template <class Add>
void at_rate(season_clock const& clock, customer_story const& story, double rate, random_stream& random,
             Add&& add) {
    double const length = clock.days() - story.habit.arrival;
    std::int64_t left = random.poisson(rate * length / 365.25);
    // Uniform times in ascending order: the earliest of `left` in what remains is 1 - U^(1/left) of it.
    double season_time = story.habit.arrival;
    for (; left > 0; --left) {
        double const part = portable::exp(portable::log(random.uniform()) / static_cast<double>(left));
        season_time = std::min<double>(clock.days() - (clock.days() - season_time) * part, clock.days());
        int const day = clock.day_at(season_time);
        add(clock.time_at(season_time, day), day);
    }
}

duration whole_seconds(double seconds) {
    return std::chrono::seconds{static_cast<std::int64_t>(std::min(seconds, 1e10))};
}

}  // namespace

void draw_contacts(shop_options const& options, season_clock const& clock, customer_story& story,
                   random_stream random) {
    story.contacts.clear();
    bool const business = story.profile.segment == customer_segment::business;
    double const visits = business ? options.visit_rate : 0;
    double const rate = options.contact_rate + visits;
    at_rate(clock, story, rate, random, [&](instant time, int day) {
        contact_draft contact{};
        contact.time = time;
        contact.day = day;
        double const u = random.uniform();
        double const share = options.contact_rate / rate;
        double const complaint = share * options.complaint_share;
        double const praise = share * options.praise_share;
        contact.kind = u < complaint            ? contact_kind::complaint
                       : u < complaint + praise ? contact_kind::praise
                       : u < share              ? contact_kind::inquiry
                                                : contact_kind::visit;
        bool const visit = contact.kind == contact_kind::visit;
        contact.direction = visit ? contact_direction::outbound : contact_direction::inbound;
        contact.channel = static_cast<contact_channel>(random.below(3));
        if (visit) contact.channel = contact_channel::shop;
        contact.topic = static_cast<contact_topic>(random.below(4));
        contact.staff = static_cast<std::uint8_t>(random.below(staff_size));
        if (visit) contact.staff = story.profile.owner;
        double const mood = random.uniform();
        switch (contact.kind) {
            case contact_kind::inquiry:
            case contact_kind::visit:
                contact.sentiment = 0.6 * mood - 0.3;
                break;
            case contact_kind::complaint:
                contact.sentiment = -0.2 - 0.8 * mood;
                break;
            case contact_kind::praise:
                contact.sentiment = 0.3 + 0.7 * mood;
                break;
        }
        contact.response = visit ? 0 : 3600 * options.mean_response_hours * random.exponential();
        if (contact.kind == contact_kind::complaint) {
            // From the first of the staff to the last, evenly.
            double const better = 1 - 2.0 * contact.staff / (staff_size - 1);
            contact.resolved = random.bernoulli(options.resolved_share + options.staff_spread * better);
            contact.resolution = 86400 * options.mean_resolution_days * random.exponential();
        }
        story.contacts.push_back(contact);
    });
}

void draw_life_events(shop_options const& options, season_clock const& clock, customer_story& story,
                      random_stream random) {
    story.life_events.clear();
    at_rate(clock, story, options.life_event_rate, random, [&](instant time, int day) {
        story.life_events.push_back({time, day, static_cast<life_event_kind>(random.below(5))});
    });
}

void add_contacts(season_clock const& clock, customer_story const& story, shop_contacts& table) {
    int const last_day = story.last_day(clock.days());
    for (contact_draft const& contact : story.contacts) {
        if (contact.day >= last_day) break;
        bool const complaint = contact.kind == contact_kind::complaint;
        instant responded = contact.time + whole_seconds(contact.response);
        instant resolved = no_time;
        contact_outcome outcome = contact_outcome::answered;
        if (responded >= clock.end()) {
            responded = no_time;
            outcome = contact_outcome::open;
        } else if (complaint && contact.resolved) {
            resolved = responded + whole_seconds(contact.resolution);
            outcome = contact_outcome::resolved;
            if (resolved >= clock.end()) {
                resolved = no_time;
                outcome = contact_outcome::open;
            }
        } else if (complaint) {
            outcome = contact_outcome::unresolved;
        }
        table.customer_id.push_back(story.id);
        table.time.push_back(contact.time);
        table.kind.push_back(contact.kind);
        table.direction.push_back(contact.direction);
        table.channel.push_back(contact.channel);
        table.staff.push_back(contact.staff);
        table.topic.push_back(contact.topic);
        table.sentiment.push_back(contact.sentiment);
        table.outcome.push_back(outcome);
        table.responded_time.push_back(responded);
        table.resolved_time.push_back(resolved);
        table.due_time.push_back(contact.time + (complaint ? promised_answer_to_complaint : promised_answer));
        table.text.push_back(
            static_cast<std::uint8_t>(4 * static_cast<int>(contact.kind) + static_cast<int>(contact.topic)));
    }
}

void add_life_events(season_clock const& clock, customer_story const& story, shop_life_events& table) {
    int const last_day = story.last_day(clock.days());
    for (life_event_draft const& event : story.life_events) {
        if (event.day >= last_day) break;
        table.customer_id.push_back(story.id);
        table.time.push_back(event.time);
        table.kind.push_back(event.kind);
    }
}

std::vector<std::string> staff_names() {
    return {"Albers", "Brandt", "Claasen", "Dietz", "Ebert", "Franke", "Giese", "Harms"};
}

std::vector<std::string> contact_texts() {
    return {"What is it made of?",
            "When will it arrive?",
            "Can you set it up for me?",
            "What does it cost by the dozen?",
            "It broke in the first week.",
            "The parcel came late and open.",
            "Nobody called back.",
            "The price at the till was another than on the shelf.",
            "The best I have had so far.",
            "Here the next morning, thank you.",
            "Your colleague took the time to explain.",
            "Good value, as always.",
            "Visit: quality reviewed.",
            "Visit: delivery dates agreed.",
            "Visit: service plan agreed.",
            "Visit: prices agreed."};
}

}  // namespace clavis::simulate

#include "interviews.hpp"

#include "incidents.hpp"

namespace clavis::simulate {

namespace {

constexpr int first_life_event = 4;
constexpr int competitor = 9;
constexpr int no_need = 10;
constexpr int causes = 11;
constexpr int price = static_cast<int>(contact_topic::price);
constexpr double price_too = 0.2;  // chance that price is named as a second cause

int true_cause(customer_story const& story) {
    switch (story.plan.cause) {
        case change_cause::complaint:
            return static_cast<int>(story.contacts[story.plan.incident].topic);
        case change_cause::life_event:
            return first_life_event + static_cast<int>(story.life_events[story.plan.incident].kind);
        case change_cause::price:
            return price;
        case change_cause::none:
        case change_cause::unknown:
            break;
    }
    return story.label == change_label::switched ? competitor : no_need;
}

}  // namespace

void add_interview(shop_options const& options, season_clock const& clock, customer_story const& story,
                   random_stream random, shop_interviews& table) {
    if (story.label == change_label::none || !random.bernoulli(options.interview_share)) return;
    auto const interviewer = static_cast<std::uint8_t>(random.below(staff_size));
    int const day = clock.next_open_day(story.plan.day + 7 + static_cast<int>(random.below(50)));
    bool const refuses = random.bernoulli(options.interview_refusal);
    bool const errs = random.bernoulli(options.interview_error);
    auto const another = static_cast<int>(random.below(causes));
    bool const names_price = random.bernoulli(price_too);
    double const part = random.uniform();

    int const main = errs ? another : true_cause(story);
    bool const planned = day >= clock.days();
    bool const done = !planned && !refuses;
    table.customer_id.push_back(story.id);
    table.interviewer.push_back(interviewer);
    table.status.push_back(planned   ? interview_status::planned
                           : refuses ? interview_status::refused
                                     : interview_status::done);
    table.time.push_back(planned ? no_time : clock.time_of_day(day, part));
    table.causes.push_back(
        done ? static_cast<std::uint8_t>(main + (names_price && main != price ? causes : 0)) : no_code);
    table.label.push_back(done ? static_cast<std::uint8_t>(story.label) : no_code);
}

std::vector<std::string> interview_cause_names() {
    std::vector<std::string> names{"quality",  "delivery", "service", "price",      "moving", "new_job",
                                   "marriage", "birth",    "divorce", "competitor", "no_need"};
    for (std::size_t i = 0; i < causes; ++i)
        names.push_back(names[i] + "; price");
    return names;
}

}  // namespace clavis::simulate

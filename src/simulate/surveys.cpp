#include "surveys.hpp"

#include <algorithm>
#include <cmath>

#include "loyalty.hpp"

namespace clavis::simulate {

namespace {

// Answers vary around the attitude by an error of this standard deviation.
constexpr double answer_error = 0.6;
constexpr double nps_middle = 7.4;
constexpr double nps_slope = 1.7;
constexpr double csat_middle = 3.7;
constexpr double csat_slope = 0.8;

double rounded(double value, double low, double high) {
    return std::clamp(std::floor(value + 0.5), low, high);
}

/// The shop's place among three suppliers, the other two of which split the rest of the wallet at random.
double rank_among_suppliers(double share, double split) {
    double const rest = 1 - share;
    return 1 + (rest * split > share ? 1 : 0) + (rest * (1 - split) > share ? 1 : 0);
}

}  // namespace

std::int32_t add_surveys(shop_options const& options, season_clock const& clock, customer_story const& story,
                         random_stream random, shop_surveys& table) {
    if (options.survey_response_chance == 0) return 0;
    int const last_day = story.last_day(clock.days());
    std::int32_t invitations = 0;
    for (double day = story.first_day + 1 + random.uniform() * options.survey_interval;
         static_cast<int>(day) < last_day; day += options.survey_interval) {
        auto const today = static_cast<int>(day);
        int const open = clock.next_open_day(today);
        if (open >= last_day) break;
        ++invitations;
        if (!random.bernoulli(options.survey_response_chance)) continue;
        double const u = random.uniform();
        double const attitude = attitude_at(options, story, today) + answer_error * random.normal();
        double score = 0;
        survey_scale scale{};
        if (u < 0.6) {
            scale = survey_scale::nps;
            score = rounded(nps_middle + nps_slope * attitude, 0, 10);
        } else if (u < 0.9) {
            scale = survey_scale::csat;
            score = rounded(csat_middle + csat_slope * attitude, 1, 5);
        } else {
            scale = survey_scale::share_rank;
            double const ratio = today >= story.plan.day && story.plan.day >= 0 ? story.share_ratio : 1;
            score = rank_among_suppliers(story.share * ratio, random.uniform());
        }
        table.customer_id.push_back(story.id);
        table.time.push_back(clock.time_of_day(open, random.uniform()));
        table.score.push_back(score);
        table.scale.push_back(scale);
    }
    return invitations;
}

}  // namespace clavis::simulate

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "clavis/core/errors.hpp"
#include "clavis/simulate/shop_options.hpp"
#include "period.hpp"

namespace clavis::simulate {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double largest = std::numeric_limits<double>::max();

using o = shop_options;

constexpr number_option all_numbers[] = {
    {"rate_shape", &o::rate_shape, 0, infinity, "above 0", true},
    {"mean_rate", &o::mean_rate, 0, 1000, "above 0 and at most 1000 a week", true},
    {"regularity_shape", &o::regularity_shape, 0, infinity, "above 0", true},
    {"mean_regularity", &o::mean_regularity, 0.1, largest, "at least 0.1 and finite"},
    {"spend_shape", &o::spend_shape, 0, largest, "above 0 and finite", true},
    {"spend_heterogeneity", &o::spend_heterogeneity, 1, largest, "above 1 and finite", true},
    {"mean_spend", &o::mean_spend, 0, 1e9, "above 0 and at most 1e9", true},
    {"extra_lines", &o::extra_lines, 0, 20, "0 to 20"},
    {"home_store_share", &o::home_store_share, 0, 1, "0 to 1"},
    {"discount_chance", &o::discount_chance, 0, 1, "0 to 1"},
    {"mean_cost_ratio", &o::mean_cost_ratio, 0, 1, "0 to 1"},
    {"late_share", &o::late_share, 0, 1, "0 to 1"},
    {"mean_late_delay", &o::mean_late_delay, 0, 36525, "above 0 and at most 36525 days", true},
    {"return_chance", &o::return_chance, 0, 1, "0 to 1"},
    {"mean_return_delay", &o::mean_return_delay, 0, largest, "above 0 and finite", true},
    {"payment_days", &o::payment_days, 0, 36525, "0 to 36525 days"},
    {"late_payment_chance", &o::late_payment_chance, 0, 1, "0 to 1"},
    {"mean_payment_delay", &o::mean_payment_delay, 0, 36525, "above 0 and at most 36525 days", true},
    {"stop_share", &o::stop_share, 0, 1, "0 to 1"},
    {"halving_share", &o::halving_share, 0, 1, "0 to 1"},
    {"growth_share", &o::growth_share, 0, 1, "0 to 1"},
    {"one_time_share", &o::one_time_share, 0, 1, "0 to 1"},
    {"growth_ratio", &o::growth_ratio, 0, 1000, "above 0 and at most 1000", true},
    {"dropped_category_share", &o::dropped_category_share, 0, 1, "0 to 1"},
    {"complaint_hazard_ratio", &o::complaint_hazard_ratio, 1, 1e6, "1 to 1e6"},
    {"resolved_complaint_hazard_ratio", &o::resolved_complaint_hazard_ratio, 1, 1e6, "1 to 1e6"},
    {"complaint_half_life", &o::complaint_half_life, 0, 36525, "above 0 and at most 36525 days", true},
    {"life_event_hazard_ratio", &o::life_event_hazard_ratio, 1, 1e6, "1 to 1e6"},
    {"life_event_half_life", &o::life_event_half_life, 0, 36525, "above 0 and at most 36525 days", true},
    {"price_hazard_ratio", &o::price_hazard_ratio, 1, 1e6, "1 to 1e6"},
    {"price_half_life", &o::price_half_life, 0, 36525, "above 0 and at most 36525 days", true},
    {"contact_rate", &o::contact_rate, 0, 1000, "0 to 1000 a year"},
    {"complaint_share", &o::complaint_share, 0, 1, "0 to 1"},
    {"praise_share", &o::praise_share, 0, 1, "0 to 1"},
    {"visit_rate", &o::visit_rate, 0, 1000, "0 to 1000 a year"},
    {"resolved_share", &o::resolved_share, 0, 1, "0 to 1"},
    {"staff_spread", &o::staff_spread, 0, 1, "0 to 1"},
    {"mean_response_hours", &o::mean_response_hours, 0, 1e6, "above 0 and at most 1e6", true},
    {"mean_resolution_days", &o::mean_resolution_days, 0, 36525, "above 0 and at most 36525 days", true},
    {"life_event_rate", &o::life_event_rate, 0, 1000, "0 to 1000 a year"},
    {"mean_share", &o::mean_share, 0.01, 0.99, "0.01 to 0.99"},
    {"share_concentration", &o::share_concentration, 0.1, 1e6, "0.1 to 1e6"},
    {"switched_share", &o::switched_share, 0, 1, "0 to 1"},
    {"losing_share", &o::losing_share, 0, 1, "0 to 1"},
    {"losing_ratio", &o::losing_ratio, 0, 1, "above 0 and at most 1", true},
    {"wallet_panel_share", &o::wallet_panel_share, 0, 1, "0 to 1"},
    {"wallet_answer_chance", &o::wallet_answer_chance, 0, 1, "0 to 1"},
    {"wallet_noise", &o::wallet_noise, 0, 3, "0 to 3"},
    {"spurious_share", &o::spurious_share, 0, 1, "0 to 1"},
    {"attitudinal_share", &o::attitudinal_share, 0, 1, "0 to 1"},
    {"attitude_drop", &o::attitude_drop, 0, 100, "0 to 100"},
    {"attitude_lead", &o::attitude_lead, 0, 36525, "above 0 and at most 36525 days", true},
    {"survey_interval", &o::survey_interval, 1, 36525, "1 to 36525 days"},
    {"survey_response_chance", &o::survey_response_chance, 0, 1, "0 to 1"},
    {"referral_share", &o::referral_share, 0, 1, "0 to 1"},
    {"campaign_reach", &o::campaign_reach, 0, 1, "0 to 1"},
    {"treated_share", &o::treated_share, 0, 1, "0 to 1"},
    {"persuadable_share", &o::persuadable_share, 0, 1, "0 to 1"},
    {"sleeping_dog_share", &o::sleeping_dog_share, 0, 1, "0 to 1"},
    {"persuaded_ratio", &o::persuaded_ratio, 1, 1000, "1 to 1000"},
    {"annoyed_ratio", &o::annoyed_ratio, 0, 1, "0 to 1"},
    {"campaign_cost", &o::campaign_cost, 0, 1e6, "0 to 1e6"},
    {"interview_share", &o::interview_share, 0, 1, "0 to 1"},
    {"interview_refusal", &o::interview_refusal, 0, 1, "0 to 1"},
    {"interview_error", &o::interview_error, 0, 1, "0 to 1"},
    {"price_rise", &o::price_rise, -0.9, 10, "-0.9 to 10"},
    {"outage_ratio", &o::outage_ratio, 0, 1, "0 to 1"},
    {"anniversary_ratio", &o::anniversary_ratio, 1, 100, "1 to 100"},
};

void require(bool good, std::string_view option, std::string const& value, std::string_view rule) {
    if (!good)
        throw input_error("simulate_shop: " + std::string(option) + " must be " + std::string(rule) +
                          ", not " + value);
}

void require(bool good, std::string_view option, double value, std::string_view rule) {
    std::string text = std::to_string(value);
    if (text.find('.') != std::string::npos) {
        text.erase(text.find_last_not_of('0') + 1);
        if (text.back() == '.') text.pop_back();
    }
    require(good, option, text, rule);
}

void require_count(std::string_view option, std::int64_t value, std::int64_t low, std::int64_t high) {
    require(value >= low && value <= high, option, std::to_string(value),
            std::to_string(low) + " to " + std::to_string(high));
}

void require_names(std::string_view option, std::vector<std::string> const& names, std::size_t most) {
    require(!names.empty() && names.size() <= most, option, std::to_string(names.size()),
            "1 to " + std::to_string(most) + " names");
}

void require_sum(std::string_view options, double sum) {
    require(sum <= 1 + 1e-12, "the sum of " + std::string(options), sum, "0 to 1");
}

template <std::size_t N>
void require_weights(std::array<double, N> const& weights, std::string_view option) {
    double sum = 0;
    for (double const weight : weights) {
        require(weight >= 0 && std::isfinite(weight), option, weight, "finite and not negative");
        sum += weight;
    }
    require(sum > 0 && std::isfinite(sum), option, sum, "above 0 in sum");
}

/// The day of the period at `share` of its length, or the one asked for, checked.
int day_of(std::optional<sys_days> const& asked, shop_options const& options, double share,
           std::string_view option) {
    if (!asked) return std::min(options.days - 1, static_cast<int>(options.days * share));
    auto const day = (*asked - options.start).count();
    require(day >= 0 && day < options.days, option, to_string(*asked),
            "a day of the period, " + to_string(options.start) + " to " +
                to_string(options.start + std::chrono::days{options.days - 1}));
    return static_cast<int>(day);
}

}  // namespace

std::span<number_option const> number_options() {
    return all_numbers;
}

period_plan plan_period(shop_options const& options) {
    period_plan const plan{day_of(options.acquired_until, options, 0.6, "acquired_until"),
                           {day_of(options.changes_from, options, 0.5, "changes_from"),
                            day_of(options.changes_until, options, 0.85, "changes_until")}};
    require(plan.changes.from <= plan.changes.until, "changes_until",
            to_string(options.start + std::chrono::days{plan.changes.until}), "at or after changes_from");
    return plan;
}

void shop_options::validate() const {
    require_count("customers", customers, 1, 1'000'000'000);
    require_count("days", days, 1, 36525);
    for (number_option const& number : number_options()) {
        double const value = this->*number.member;
        require((number.above ? value > number.low : value >= number.low) && value <= number.high,
                number.name, value, number.rule);
    }
    require_names("categories", categories, 80);
    require_names("stores", stores, 250);
    require_count("campaigns", campaigns, 0, 100);
    require_count("campaign_days", campaign_days, 1, 36525);
    require_count("outage_days", outage_days, 0, 60);
    require_count("anniversary_days", anniversary_days, 0, 60);
    require_sum("stop_share, halving_share, growth_share and one_time_share",
                stop_share + halving_share + growth_share + one_time_share);
    require_sum("complaint_share and praise_share", complaint_share + praise_share);
    require_sum("persuadable_share and sleeping_dog_share", persuadable_share + sleeping_dog_share);
    require_weights(segment_weights, "segment_weights");
    require_weights(weekday_weights, "weekday_weights");
    require_weights(month_weights, "month_weights");
    require_weights(hour_weights, "hour_weights");
    plan_period(*this);
}

}  // namespace clavis::simulate

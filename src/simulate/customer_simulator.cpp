#include "customer_simulator.hpp"

#include "clavis/core/errors.hpp"
#include "company_events.hpp"
#include "costs.hpp"
#include "defection.hpp"
#include "incidents.hpp"
#include "interviews.hpp"
#include "lines.hpp"
#include "loyalty.hpp"
#include "profiles.hpp"
#include "referrals.hpp"
#include "returns.hpp"
#include "streams.hpp"
#include "surveys.hpp"
#include "tables.hpp"

namespace clavis::simulate {

shop_plan::shop_plan(shop_options const& options, season_clock const& clock)
    : days(plan_period(options)),
      arrival_end(clock.at_start_of(days.acquired_until + 1)),
      price_rise_day(simulate::price_rise_day(options)),
      periods(options),
      campaigns(options, clock) {
    if (!(arrival_end > 0)) throw input_error("simulate_shop: the shop is never open up to acquired_until");
}

void block_result::clear() {
    lines.clear();
    customers.clear();
    std::apply([](auto&... table) { (simulate::clear(table), ...); }, tables);
}

void customer_simulator::draw_story(std::int64_t id) {
    auto numbers = [&](aspect which) { return stream_of(options_.seed, which, id); };
    story_.id = id;
    story_.habit = draw_habit(options_, plan_.arrival_end, numbers(aspect::rates));
    story_.first_day = clock_.day_at(story_.habit.arrival);
    story_.profile = draw_profile(options_, id);
    story_.spend_mean = draw_spend_mean(options_, numbers(aspect::spending));
    draw_contacts(options_, clock_, story_, numbers(aspect::contacts));
    draw_life_events(options_, clock_, story_, numbers(aspect::life_events));
    story_.plan = draw_change(options_, plan_.days.changes, story_.first_day, numbers(aspect::changes));
    story_.plan =
        apply_incidents(options_, plan_.days.changes, plan_.price_rise_day, story_, numbers(aspect::hazards));
    draw_loyalty(options_, story_, numbers(aspect::wallets), numbers(aspect::attitudes));
    story_.response = draw_response(options_, story_.profile.segment, numbers(aspect::response_types));
    draw_campaigns(options_, clock_, plan_.campaigns, story_, numbers(aspect::campaigns), campaigns_);
}

void customer_simulator::draw_orders() {
    season_times_.clear();
    purchases_.run(story_, stream_of(options_.seed, aspect::purchases, story_.id), season_times_);
    orders_.clear();
    for (double const season_time : season_times_) {
        int const day = clock_.day_at(season_time);
        orders_.push_back({clock_.second_at(season_time, day), day});
    }
}

void customer_simulator::run(std::int64_t id, shop& whole, block_result& out) {
    auto numbers = [&](aspect which) { return stream_of(options_.seed, which, id); };
    draw_story(id);
    draw_orders();
    std::size_t const first_line = out.lines.size();
    baskets_.run(story_, {numbers(aspect::baskets), numbers(aspect::articles), numbers(aspect::stores)},
                 orders_, out.lines);
    auto returning = numbers(aspect::returns);
    double const return_chance = draw_return_chance(options_, returning);
    add_returns(options_, clock_, return_chance, returning, orders_, first_line, out.lines, returned_);
    std::size_t const lines = out.lines.size() - first_line;
    out.customers.push_back({static_cast<std::int32_t>(lines), static_cast<std::int32_t>(orders_.size())});

    instant const acquired = clock_.start_of(0) + std::chrono::seconds{orders_.front().time};
    auto& [contacts, surveys, wallet, life_events, costs, referrals, campaigns, interviews, late, payments] =
        out.tables;
    add_late_lines(options_, clock_, id, out.lines, first_line, late);
    if (story_.profile.segment == customer_segment::business)
        add_payments(options_, clock_, id, story_.profile.late_payment_chance, out.lines, first_line,
                     payments);
    add_contacts(clock_, story_, contacts);
    add_life_events(clock_, story_, life_events);
    std::int32_t const invitations = add_surveys(options_, clock_, story_, numbers(aspect::surveys), surveys);
    add_wallet(options_, clock_, plan_.periods, story_, out.lines.data() + first_line, lines,
               numbers(aspect::wallet_panel), wallet);
    if (auto const referrer = draw_referrer(options_, plan_.arrival_end, story_, numbers(aspect::referrals));
        referrer > 0) {
        story_.profile.channel = acquisition_channel::referral;
        referrals.referrer_id.push_back(referrer);
        referrals.customer_id.push_back(id);
        referrals.time.push_back(acquired);
    }
    add_campaigns(options_, clock_, plan_.campaigns, story_, campaigns_, orders_, campaigns);
    add_interview(options_, clock_, story_, numbers(aspect::interviews), interviews);
    add_costs(options_, clock_, plan_.campaigns, story_, campaigns_, acquired, costs);
    set_customer(options_, clock_, story_, acquired, whole.customers);
    set_truth(return_chance, invitations, whole.truth);
}

void customer_simulator::set_truth(double return_chance, std::int32_t invitations, shop_truth& truth) const {
    auto const row = static_cast<std::size_t>(story_.id - 1);
    change_plan const& plan = story_.plan;
    truth.customer_id[row] = story_.id;
    truth.first_day[row] = clock_.first_day() + story_.first_day;
    truth.rate[row] = story_.habit.rate;
    truth.regularity[row] = story_.habit.regularity;
    truth.change[row] = plan.kind;
    truth.change_day[row] = plan.day < 0 ? no_day : clock_.first_day() + plan.day;
    truth.rate_ratio[row] = plan.ratio;
    truth.cause[row] = plan.cause;
    truth.cause_time[row] = plan.cause == change_cause::complaint    ? story_.contacts[plan.incident].time
                            : plan.cause == change_cause::life_event ? story_.life_events[plan.incident].time
                            : plan.cause == change_cause::price      ? clock_.start_of(plan_.price_rise_day)
                                                                     : no_time;
    truth.label[row] = story_.label;
    truth.dropped_category[row] = story_.dropped_category;
    truth.spend_mean[row] = story_.spend_mean;
    truth.return_chance[row] = return_chance;
    truth.purchases[row] = static_cast<std::int32_t>(orders_.size());
    truth.wallet[row] = story_.wallet;
    truth.share[row] = story_.share;
    truth.wallet_ratio[row] = story_.wallet_ratio;
    truth.share_ratio[row] = story_.share_ratio;
    truth.attitude[row] = story_.attitude;
    truth.attitude_drop[row] = story_.attitude_drop;
    truth.spurious[row] = story_.spurious;
    truth.response[row] = story_.response;
    truth.late_payment_chance[row] = story_.profile.late_payment_chance;
    truth.invitations[row] = invitations;
}

}  // namespace clavis::simulate

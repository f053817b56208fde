#include "loyalty.hpp"

#include <algorithm>

namespace clavis::simulate {

namespace {

constexpr double spurious_attitude = -1.5;
constexpr double spurious_spread = 0.3;
constexpr double spurious_share_a = 18;  // a share of 0.9 in the mean
constexpr double spurious_share_b = 2;

}  // namespace

base_attitude draw_attitude(shop_options const& options, random_stream& random) {
    bool const spurious = random.bernoulli(options.spurious_share);
    double const normal = random.normal();
    return {spurious ? spurious_attitude + spurious_spread * normal : normal, spurious};
}

void draw_loyalty(shop_options const& options, customer_story& story, random_stream wallets,
                  random_stream attitudes) {
    change_plan const& plan = story.plan;
    bool const defects = plan.kind == shop_change::stop || plan.kind == shop_change::halving;
    auto const [attitude, spurious] = draw_attitude(options, attitudes);
    story.attitude = attitude;
    story.spurious = spurious;
    // A life event is no matter of attitude.
    bool const attitudinal =
        attitudes.bernoulli(options.attitudinal_share) && plan.cause != change_cause::life_event;
    story.attitude_drop = defects && attitudinal ? options.attitude_drop : 0;

    double const a = options.share_concentration * options.mean_share;
    double const b = options.share_concentration - a;
    double const switches = wallets.uniform();
    story.share = spurious ? wallets.beta(spurious_share_a, spurious_share_b) : wallets.beta(a, b);
    story.share = std::clamp(story.share, 0.01, 1.0);
    story.wallet = story.habit.rate * story.spend_mean / story.share;
    story.wallet_ratio = 1;
    story.share_ratio = 1;
    story.label = change_label::none;
    if (defects) {
        story.label = plan.cause == change_cause::life_event ? change_label::other
                      : switches < options.switched_share    ? change_label::switched
                                                             : change_label::stopped;
        (story.label == change_label::switched ? story.share_ratio : story.wallet_ratio) = plan.ratio;
    } else if (plan.kind == shop_change::growth) {
        if (switches < options.losing_share) story.share_ratio = options.losing_ratio;
        story.wallet_ratio = plan.ratio / story.share_ratio;
    } else if (plan.kind == shop_change::one_time) {
        story.share_ratio = 0;
    }
}

double attitude_at(shop_options const& options, customer_story const& story, int day) {
    if (story.attitude_drop == 0) return story.attitude;
    double const fallen = 1 - (story.plan.day - day) / options.attitude_lead;
    return story.attitude - story.attitude_drop * std::clamp(fallen, 0.0, 1.0);
}

}  // namespace clavis::simulate

#include "referrals.hpp"

#include "loyalty.hpp"
#include "rates.hpp"
#include "streams.hpp"

namespace clavis::simulate {

std::int64_t draw_referrer(shop_options const& options, double arrival_end, customer_story const& story,
                           random_stream random) {
    constexpr int most_tries = 64;
    if (!random.bernoulli(options.referral_share)) return 0;
    for (int i = 0; i < most_tries && story.id > 1; ++i) {
        auto const candidate =
            1 + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(story.id - 1)));
        auto rates = stream_of(options.seed, aspect::rates, candidate);
        if (!(draw_arrival(arrival_end, rates) < story.habit.arrival)) continue;
        auto attitudes = stream_of(options.seed, aspect::attitudes, candidate);
        if (draw_attitude(options, attitudes).value > 0) return candidate;
    }
    return 0;
}

}  // namespace clavis::simulate

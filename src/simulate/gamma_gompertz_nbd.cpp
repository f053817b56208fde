#include "clavis/simulate/gamma_gompertz_nbd.hpp"

#include "purchase_blocks.hpp"

namespace clavis::simulate {

simulated_purchases simulate(lifetime::gamma_gompertz_nbd const& model, std::span<double const> T,
                             std::uint64_t seed, unsigned threads) {
    model.validate();
    return simulate_customers(
        T, model.unit, seed, threads,
        [&](random_stream& random, double end, std::vector<double>& ages) -> simulated_customer {
            double const rate = random.gamma(model.r) / model.alpha;
            double const eta = random.gamma(model.s) / model.beta;
            // The chance of staying beyond t is exp(-eta (e^(b t) - 1)).
            double const life = portable::log1p(random.exponential() / eta) / model.b;
            return buy_for_life(random, rate, life, end, ages);
        });
}

}  // namespace clavis::simulate

#include "clavis/simulate/pareto_nbd.hpp"

#include "purchase_blocks.hpp"

namespace clavis::simulate {

simulated_purchases simulate(lifetime::pareto_nbd const& model, std::span<double const> T, std::uint64_t seed,
                             unsigned threads) {
    model.validate();
    return simulate_customers(
        T, model.unit, seed, threads,
        [&](random_stream& random, double end, std::vector<double>& ages) -> simulated_customer {
            double const rate = random.gamma(model.r) / model.alpha;
            double const leaving = random.gamma(model.s) / model.beta;
            return buy_for_life(random, rate, random.exponential() / leaving, end, ages);
        });
}

}  // namespace clavis::simulate

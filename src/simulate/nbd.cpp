#include "clavis/simulate/nbd.hpp"

#include "purchase_blocks.hpp"

namespace clavis::simulate {

simulated_purchases simulate(lifetime::nbd const& model, std::span<double const> T, std::uint64_t seed,
                             unsigned threads) {
    model.validate();
    return simulate_customers(
        T, model.unit, seed, threads,
        [&](random_stream& random, double end, std::vector<double>& ages) -> simulated_customer {
            double const rate = random.gamma(model.r) / model.alpha;
            add_purchases(random, rate, end, ages);
            return {rate, std::numeric_limits<double>::infinity()};
        });
}

}  // namespace clavis::simulate

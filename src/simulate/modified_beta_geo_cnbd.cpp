#include "clavis/simulate/modified_beta_geo_cnbd.hpp"

#include "purchase_blocks.hpp"

namespace clavis::simulate {

simulated_purchases simulate(lifetime::modified_beta_geo_cnbd const& model, std::span<double const> T,
                             std::uint64_t seed, unsigned threads) {
    model.validate();
    return simulate_customers(
        T, model.unit, seed, threads,
        [&](random_stream& random, double end, std::vector<double>& ages) -> simulated_customer {
            double const rate = random.gamma(model.r) / model.alpha;
            double const dropout = random.beta(model.a, model.b);
            if (random.bernoulli(dropout)) return {rate / model.k, 0};
            return {rate / model.k, add_regular_purchases(random, rate, model.k, dropout, end, ages)};
        });
}

}  // namespace clavis::simulate

#include "clavis/simulate/shifted_beta_geo.hpp"

#include "purchase_blocks.hpp"

namespace clavis::simulate {

simulated_purchases simulate(lifetime::shifted_beta_geo const& model, std::span<double const> T,
                             std::uint64_t seed, unsigned threads) {
    model.validate();
    return simulate_customers(
        whole_units(T), model.unit, seed, threads,
        [&](random_stream& random, double end, std::vector<double>& ages) -> simulated_customer {
            double const leaves = random.beta(model.alpha, model.beta);
            for (double age = 1; age <= end; ++age) {
                if (random.bernoulli(leaves)) return {1, age};
                ages.push_back(age);
            }
            return {1, std::numeric_limits<double>::infinity()};
        });
}

}  // namespace clavis::simulate

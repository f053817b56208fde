#include "clavis/simulate/beta_geo_beta_binomial.hpp"

#include "purchase_blocks.hpp"

namespace clavis::simulate {

simulated_purchases simulate(lifetime::beta_geo_beta_binomial const& model, std::span<double const> T,
                             std::uint64_t seed, unsigned threads) {
    model.validate();
    return simulate_customers(
        whole_units(T), model.unit, seed, threads,
        [&](random_stream& random, double end, std::vector<double>& ages) -> simulated_customer {
            double const buys = random.beta(model.alpha, model.beta);
            double const leaves = random.beta(model.gamma, model.delta);
            for (double age = 1; age <= end; ++age) {
                if (random.bernoulli(leaves)) return {buys, age};
                if (random.bernoulli(buys)) ages.push_back(age);
            }
            return {buys, std::numeric_limits<double>::infinity()};
        });
}

}  // namespace clavis::simulate

#include "clavis/simulate/beta_discrete_weibull.hpp"

#include "purchase_blocks.hpp"

namespace clavis::simulate {

simulated_purchases simulate(lifetime::beta_discrete_weibull const& model, std::span<double const> T,
                             std::uint64_t seed, unsigned threads) {
    model.validate();
    return simulate_customers(
        whole_units(T), model.unit, seed, threads,
        [&](random_stream& random, double end, std::vector<double>& ages) -> simulated_customer {
            double const leaves = random.beta(model.gamma, model.delta);
            // t^c may grow to this; an impatience of infinity (leaves = 1) lets nobody renew.
            double const most = random.exponential() / -portable::log1p(-leaves);
            for (double age = 1; age <= end; ++age) {
                if (!(portable::exp(model.c * portable::log(age)) <= most)) return {1, age};
                ages.push_back(age);
            }
            return {1, std::numeric_limits<double>::infinity()};
        });
}

}  // namespace clavis::simulate

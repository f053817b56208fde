#include "clavis/simulate/pareto_ggg.hpp"

#include "clavis/core/errors.hpp"
#include "purchase_blocks.hpp"

namespace clavis::simulate {

simulated_purchases simulate(lifetime::pareto_ggg const& model, std::span<double const> T, std::uint64_t seed,
                             unsigned threads) {
    constexpr std::size_t most = 10'000'000;
    model.validate();
    return simulate_customers(
        T, model.unit, seed, threads,
        [&](random_stream& random, double end, std::vector<double>& ages) -> simulated_customer {
            double const k = random.gamma(model.t) / model.gamma;
            double const rate = random.gamma(model.r) / model.alpha;
            double const life = random.exponential() * model.beta / random.gamma(model.s);
            double const last = std::min(life, end);
            std::size_t const before = ages.size();
            for (double age = random.gamma(k) / (k * rate); age <= last;
                 age += random.gamma(k) / (k * rate)) {
                ages.push_back(age);
                if (ages.size() - before > most)
                    throw input_error("simulate: a customer of Pareto/GGG buys more than 10 million times");
            }
            return {rate, life <= end ? life : std::numeric_limits<double>::infinity()};
        });
}

}  // namespace clavis::simulate

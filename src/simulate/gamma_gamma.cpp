#include "clavis/simulate/gamma_gamma.hpp"

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "streams.hpp"

namespace clavis::simulate {

simulated_spend simulate(lifetime::gamma_gamma const& model, std::span<std::int64_t const> offsets,
                         std::uint64_t seed, unsigned threads) {
    model.validate();
    if (offsets.empty() || offsets.front() != 0) throw input_error("simulate: offsets must begin with 0");
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
        if (offsets[i + 1] < offsets[i])
            throw input_error(
                {.table = "simulate", .column = "offsets", .row = static_cast<std::int64_t>(i) + 1},
                "is below the offset before it");
    }
    std::size_t const customers = offsets.size() - 1;
    simulated_spend result;
    result.mean.resize(customers);
    result.monetary_value.resize(customers);
    result.amount.resize(static_cast<std::size_t>(offsets.back()));
    parallel_blocks(customers, 4096, threads, [&](std::size_t, std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            auto random = stream_of(seed, aspect::model_spend, static_cast<std::int64_t>(i) + 1);
            double const scale = model.gamma / random.gamma(model.q);
            result.mean[i] = model.p * scale;
            auto const first = static_cast<std::size_t>(offsets[i]);
            auto const last = static_cast<std::size_t>(offsets[i + 1]);
            double sum = 0;
            for (std::size_t k = first; k < last; ++k) {
                result.amount[k] = random.gamma(model.p) * scale;
                if (k > first) sum += result.amount[k];
            }
            result.monetary_value[i] = last - first > 1 ? sum / static_cast<double>(last - first - 1) : 0;
        }
    });
    return result;
}

}  // namespace clavis::simulate

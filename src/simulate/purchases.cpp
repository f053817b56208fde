#include "clavis/simulate/purchases.hpp"

#include <algorithm>

#include "clavis/core/errors.hpp"
#include "purchase_blocks.hpp"

namespace clavis::simulate {

void summarize_purchases(simulated_purchases& data, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
        auto const first = static_cast<std::size_t>(data.offsets[i]);
        auto const last = static_cast<std::size_t>(data.offsets[i + 1]) - 1;
        double sum = 0;
        for (std::size_t k = first + 1; k <= last; ++k)
            sum += portable::log(data.age[k] - data.age[k - 1]);
        data.log_gap_sum[i] = sum;
        data.recency[i] = data.age[last];
    }
}

std::vector<double> whole_units(std::span<double const> T) {
    std::vector<double> result(T.begin(), T.end());
    for (double& t : result)
        t = std::floor(t + 0.01);
    return result;
}

ledger::summary_view simulated_purchases::view() const {
    return {.frequency = frequency,
            .recency = recency,
            .T = T,
            .monetary_value = {},
            .log_gap_sum = log_gap_sum,
            .weights = {},
            .unit = unit};
}

simulated_purchases simulated_purchases::until(std::span<double const> ages) const {
    if (ages.size() != size())
        throw input_error("until: " + std::to_string(ages.size()) + " ages for " + std::to_string(size()) +
                          " customers");
    simulated_purchases result;
    result.unit = unit;
    result.T.assign(ages.begin(), ages.end());
    result.rate = rate;
    result.left = left;
    result.frequency.resize(size());
    result.recency.resize(size());
    result.log_gap_sum.resize(size());
    for (std::size_t i = 0; i < size(); ++i) {
        if (!(ages[i] >= 0 && ages[i] <= T[i])) {
            std::string const value = std::to_string(ages[i]);
            throw input_error(
                {.table = "until", .column = "T", .row = static_cast<std::int64_t>(i), .value = value},
                "must be from 0 to the age simulated, " + std::to_string(T[i]));
        }
        auto const begin = age.begin() + offsets[i];
        auto const end = std::upper_bound(begin, age.begin() + offsets[i + 1], ages[i]);
        result.age.insert(result.age.end(), begin, end);
        result.offsets.push_back(static_cast<std::int64_t>(result.age.size()));
        result.frequency[i] = static_cast<std::int32_t>(end - begin - 1);
        if (left[i] > ages[i]) result.left[i] = std::numeric_limits<double>::infinity();
    }
    summarize_purchases(result, 0, size());
    return result;
}

simulated_purchases simulated_purchases::until(double end) const {
    return until(std::vector<double>(size(), end));
}

}  // namespace clavis::simulate

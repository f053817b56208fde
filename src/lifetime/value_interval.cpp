#include "clavis/lifetime/value_interval.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "clavis/lifetime/modified_beta_geo_cnbd.hpp"
#include "clavis/lifetime/modified_beta_geo_nbd.hpp"
#include "clavis/lifetime/pareto_ggg.hpp"
#include "conditional.hpp"
#include "futures.hpp"

namespace clavis::lifetime {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::uint32_t future_stream = 0x66757475;

struct bounds {
    double low, high;
};

/// The value at place p (from 1) of sorted draws, between two of them where p is no whole number.
double at_place(std::vector<double>& draws, double p) {
    double const last = static_cast<double>(draws.size());
    double const place = std::clamp(p, 1.0, last);
    auto const below = static_cast<std::size_t>(place) - 1;
    auto const begin = draws.begin();
    std::nth_element(begin, begin + static_cast<std::ptrdiff_t>(below), draws.end());
    double const low = draws[below];
    double const part = place - std::floor(place);
    if (part == 0.0) return low;
    double const next = *std::min_element(begin + static_cast<std::ptrdiff_t>(below) + 1, draws.end());
    return low + part * (next - low);
}

bounds interval_of(std::vector<double>& draws, double level) {
    for (double const v : draws)
        if (std::isnan(v)) return {nan, nan};
    double const n = static_cast<double>(draws.size());
    double const none = static_cast<double>(std::count(draws.begin(), draws.end(), 0.0)) / n;
    double const tail = 0.5 * (1.0 - level);
    if (none >= level) return {0.0, 0.0};
    if (none >= tail) return {0.0, at_place(draws, level * (n + 1.0))};
    double const high = at_place(draws, (1.0 - tail) * (n + 1.0));
    return {at_place(draws, tail * (n + 1.0)), high};
}

// The numbers of a row follow from its values, so that its interval does not depend on where it stands; from what has no
// unit, rounded, so that it does not depend on the unit of time either.
std::uint64_t key_of(double x, double tx, double T, double m) {
    std::uint64_t key = 0x9e3779b97f4a7c15U;
    for (float const part :
         {static_cast<float>(x), T > 0.0 ? static_cast<float>(tx / T) : 0.0F, static_cast<float>(m)}) {
        key = (key ^ std::bit_cast<std::uint32_t>(part)) * 0xbf58476d1ce4e5b9U;
        key ^= key >> 31;
    }
    return key;
}

}  // namespace

template <class Model>
void value_interval(std::span<Model const> models, std::span<gamma_gamma const> spends,
                    std::span<double const> amounts, ledger::summary_view const& rows,
                    interval_options const& options, std::span<double> low, std::span<double> high) {
    auto const& value = options.value;
    if (!(options.level > 0.0 && options.level < 1.0))
        throw input_error("the interval " + number_text(options.level) + " is not a chance between 0 and 1");
    if (models.empty() || options.draws < 1)
        throw input_error("an interval needs a model and a draw or more");
    if (!std::isfinite(value.margin))
        throw input_error("the margin " + number_text(value.margin) + " is not a finite number");
    check_result(high.size(), rows.size());
    if (spends.empty()) check_result(amounts.size(), rows.size());
    for (gamma_gamma const& spend : spends)
        spend.validate();
    if (options.kind == interval_kind::mean) {
        std::size_t constexpr block = 512;
        std::size_t const draws = std::max(models.size(), spends.size());
        // Checked once as a whole, so that errors name rows of the whole.
        lifetime_value(models[0], spends, amounts, rows, value, low);
        parallel_blocks(
            rows.size(), block, value.threads, [&](std::size_t, std::size_t begin, std::size_t end) {
                std::size_t const count = end - begin;
                auto const part = [&](auto column) {
                    return column.empty() ? column : column.subspan(begin, count);
                };
                ledger::summary_view const some{
                    part(rows.frequency),   part(rows.recency), part(rows.T), part(rows.monetary_value),
                    part(rows.log_gap_sum), part(rows.weights), rows.unit};
                value_options alone = value;
                alone.threads = 1;
                std::vector<std::vector<double>> all(count, std::vector<double>(draws));
                std::vector<double> out(count);
                for (std::size_t d = 0; d < draws; ++d) {
                    lifetime_value(models[d % models.size()],
                                   spends.empty() ? spends : spends.subspan(d % spends.size(), 1),
                                   part(amounts), some, alone, out);
                    for (std::size_t i = 0; i < count; ++i)
                        all[i][d] = out[i];
                }
                for (std::size_t i = 0; i < count; ++i) {
                    bounds const b = interval_of(all[i], options.level);
                    low[begin + i] = b.low;
                    high[begin + i] = b.high;
                }
            });
        return;
    }
    duration const unit = common_unit(models[0], rows.unit);
    double const rate = continuous_rate(value.annual_rate, unit);
    double t = length_in(value.horizon, unit, "horizon");
    if (t == std::numeric_limits<double>::infinity()) {
        if (!(rate > 0.0))
            throw input_error("an interval over an endless horizon needs a positive annual rate");
        t = 45.0 / rate;  // what comes later is worth e^-45 of what comes now
    }
    for (Model const& model : models)
        model.validate();
    if (!spends.empty()) {
        std::vector<double> unused(rows.size());
        expected_spend(spends[0], rows, unused, value.threads);  // checks the amounts
    }
    for_rows(models[0], rows, low, 1, value.threads, [&](std::size_t i, double x, double tx, double T) {
        double const m = spends.empty() ? amounts[i] : rows.monetary_value[i];
        if (std::isnan(m) || (!spends.empty() && x > 0.0 && !(m > 0.0))) {
            low[i] = high[i] = nan;
            return;
        }
        std::vector<decltype(models[0].given(x, tx, T))> states;
        for (Model const& model : models)
            states.push_back(state_of(model, rows, i, x, tx, T));
        std::vector<double> draws(options.draws);
        random_stream random(options.seed, future_stream, key_of(x, tx, T, m));
        for (std::size_t d = 0; d < draws.size(); ++d) {
            auto const& [alive, process] = states[d % states.size()];
            if (!random.bernoulli(alive)) continue;
            amount_law law{std::numeric_limits<double>::infinity(), m};
            if (!spends.empty()) {
                gamma_gamma const& spend = spends[d % spends.size()];
                double const seen = x > 0.0 ? x : 0.0;
                law = {spend.p, (spend.gamma + seen * m) / random.gamma(spend.p * seen + spend.q)};
            }
            draws[d] = value.margin * draw_spend(process, random, law, t, rate);
        }
        bounds const b = interval_of(draws, options.level);
        low[i] = b.low;
        high[i] = b.high;
    });
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (std::isnan(low[i])) high[i] = nan;
}

template void value_interval(std::span<beta_geo_nbd const>, std::span<gamma_gamma const>,
                             std::span<double const>, ledger::summary_view const&, interval_options const&,
                             std::span<double>, std::span<double>);
template void value_interval(std::span<modified_beta_geo_nbd const>, std::span<gamma_gamma const>,
                             std::span<double const>, ledger::summary_view const&, interval_options const&,
                             std::span<double>, std::span<double>);
template void value_interval(std::span<beta_geo_cnbd const>, std::span<gamma_gamma const>,
                             std::span<double const>, ledger::summary_view const&, interval_options const&,
                             std::span<double>, std::span<double>);
template void value_interval(std::span<modified_beta_geo_cnbd const>, std::span<gamma_gamma const>,
                             std::span<double const>, ledger::summary_view const&, interval_options const&,
                             std::span<double>, std::span<double>);
template void value_interval(std::span<pareto_nbd const>, std::span<gamma_gamma const>,
                             std::span<double const>, ledger::summary_view const&, interval_options const&,
                             std::span<double>, std::span<double>);
template void value_interval(std::span<pareto_ggg const>, std::span<gamma_gamma const>,
                             std::span<double const>, ledger::summary_view const&, interval_options const&,
                             std::span<double>, std::span<double>);
template void value_interval(std::span<gamma_gompertz_nbd const>, std::span<gamma_gamma const>,
                             std::span<double const>, ledger::summary_view const&, interval_options const&,
                             std::span<double>, std::span<double>);
template void value_interval(std::span<nbd const>, std::span<gamma_gamma const>, std::span<double const>,
                             ledger::summary_view const&, interval_options const&, std::span<double>,
                             std::span<double>);
template void value_interval(std::span<beta_geo_beta_binomial const>, std::span<gamma_gamma const>,
                             std::span<double const>, ledger::summary_view const&, interval_options const&,
                             std::span<double>, std::span<double>);
template void value_interval(std::span<shifted_beta_geo const>, std::span<gamma_gamma const>,
                             std::span<double const>, ledger::summary_view const&, interval_options const&,
                             std::span<double>, std::span<double>);
template void value_interval(std::span<beta_discrete_weibull const>, std::span<gamma_gamma const>,
                             std::span<double const>, ledger::summary_view const&, interval_options const&,
                             std::span<double>, std::span<double>);

}  // namespace clavis::lifetime

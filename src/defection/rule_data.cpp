#include "clavis/defection/rule_data.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "clavis/core/random.hpp"
#include "defection/records.hpp"

namespace clavis::defection {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::uint32_t benchmark_stream = 768;  // beside those of simulated shops and models
constexpr std::size_t block = 1024;

struct drawn {
    double rate;
    double retained;
    double change;
};

/// One customer; appends the visits to `times`.
drawn draw(rule_benchmark const& options, std::uint64_t item, std::vector<double>& times) {
    random_stream random(options.seed, benchmark_stream, item);
    double const start = options.calibration_weeks;
    double const end = start + options.watched_weeks;
    drawn one{};
    one.retained = item % 3 == 0 ? 1.0 : item % 3 == 1 ? options.retained : 0.0;
    one.change = one.retained == 1 ? infinity : start + random.uniform(0, options.change_within);
    std::size_t const before = times.size();
    for (;;) {
        times.resize(before);
        one.rate = random.gamma(options.r) / options.alpha;
        double const mean_gap = 1 / one.rate;
        auto const k = options.regularity;
        // The residual of a gap met at an ordinary moment: a uniform part of a length-biased gap.
        double now = random.uniform() * random.gamma(k + 1) / k * mean_gap;
        while (now < std::min(end, one.change)) {
            times.push_back(now);
            now += random.gamma(k) / k * mean_gap;
        }
        std::size_t calibrated = 0;
        while (before + calibrated < times.size() && times[before + calibrated] < start)
            ++calibrated;
        if (calibrated < static_cast<std::size_t>(options.least_visits)) continue;
        if (one.retained > 0 && one.retained < 1) {
            now = one.change + (now - one.change) / one.retained;
            while (now < end) {
                times.push_back(now);
                now += random.gamma(k) / k * mean_gap / one.retained;
            }
        }
        return one;
    }
}

}  // namespace

void rule_benchmark::validate() const {
    auto positive = [](double value) { return value > 0 && std::isfinite(value); };
    auto refuse = [](char const* what) { throw input_error(std::string("rule benchmark: ") + what); };
    if (customers < 3) refuse("customers must be at least 3");
    if (!positive(r) || !positive(alpha)) refuse("r and alpha must be positive and finite");
    if (!(regularity >= 0.05 && regularity <= 1000)) refuse("regularity must lie in [0.05, 1000]");
    if (calibration_weeks < 1 || calibration_weeks > 2000) refuse("calibration_weeks must lie in [1, 2000]");
    if (watched_weeks < 1 || watched_weeks > 2000) refuse("watched_weeks must lie in [1, 2000]");
    if (change_within < 0 || change_within > watched_weeks)
        refuse("change_within must lie in [0, watched_weeks]");
    if (!(retained > 0 && retained < 1)) refuse("retained must lie in (0, 1)");
    // Drawing anew must end: the mean number of visits must not be far below what is asked for.
    if (least_visits < 1 || least_visits > 4 * (r / alpha) * calibration_weeks + 4)
        refuse("least_visits must be at least 1 and not far above what the rates bring");
}

void rule_data::validate() const {
    if (calibration_weeks < 1 || watched_weeks < 1)
        throw input_error("rules: calibration_weeks and watched_weeks must be at least 1");
    if (retained.size() != size() || change.size() != size() || rate.size() != size() ||
        offsets.front() != 0 || static_cast<std::size_t>(offsets.back()) != time.size())
        throw input_error("rules: columns of different length");
    for (std::size_t i = 0; i < size(); ++i) {
        auto refuse = [i](char const* column, double value, char const* what) {
            std::string const text = std::to_string(value);
            throw input_error(
                {.table = "rules", .column = column, .row = static_cast<std::int64_t>(i), .value = text},
                what);
        };
        if (offsets[i + 1] < offsets[i]) throw input_error("rules: offsets must ascend");
        auto const own = visits(i);
        if (own.empty() || !(own.front() >= 0 && own.front() < calibration_weeks))
            refuse("time", own.empty() ? 0 : own.front(), "needs a visit in the calibration");
        for (std::size_t k = 1; k < own.size(); ++k)
            if (!(own[k] >= own[k - 1])) refuse("time", own[k], "visits must ascend");
        if (!(retained[i] >= 0 && retained[i] <= 1)) refuse("retained", retained[i], "must lie in [0, 1]");
        if (retained[i] < 1 &&
            !(change[i] >= calibration_weeks && change[i] < calibration_weeks + watched_weeks))
            refuse("change", change[i], "must lie in the weeks watched");
    }
}

rule_data simulate_rule_data(rule_benchmark const& options, unsigned threads) {
    options.validate();
    auto const size = static_cast<std::size_t>(options.customers);
    rule_data result;
    result.calibration_weeks = options.calibration_weeks;
    result.watched_weeks = options.watched_weeks;
    result.retained.resize(size);
    result.change.resize(size);
    result.rate.resize(size);
    result.offsets.assign(size + 1, 0);
    std::vector<std::vector<double>> times(block_count(size, block));
    parallel_blocks(size, block, threads, [&](std::size_t shard, std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            std::size_t const before = times[shard].size();
            drawn const one = draw(options, i, times[shard]);
            result.retained[i] = one.retained;
            result.change[i] = one.change;
            result.rate[i] = one.rate;
            result.offsets[i + 1] = static_cast<std::int64_t>(times[shard].size() - before);
        }
    });
    for (std::size_t i = 0; i < size; ++i)
        result.offsets[i + 1] += result.offsets[i];
    result.time.reserve(static_cast<std::size_t>(result.offsets.back()));
    for (auto& part : times)
        result.time.insert(result.time.end(), part.begin(), part.end());
    return result;
}

rule_data rule_data_from(ledger::history const& records, std::span<known_fate const> fate,
                         sys_days watched_from, int calibration_weeks, int watched_weeks) {
    check_history(records);
    if (fate.size() != records.size())
        throw input_error("rules: " + std::to_string(fate.size()) + " fates for " +
                          std::to_string(records.size()) + " customers");
    rule_data result;
    result.calibration_weeks = calibration_weeks;
    result.watched_weeks = watched_weeks;
    auto const begin =
        static_cast<std::int32_t>(watched_from.time_since_epoch().count()) - 7 * calibration_weeks;
    std::int32_t const end = begin + 7 * (calibration_weeks + watched_weeks);
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < records.size(); ++i) {
        std::size_t const before = result.time.size();
        for (auto k = static_cast<std::size_t>(records.offsets[i]);
             k < static_cast<std::size_t>(records.offsets[i + 1]); ++k)
            if (records.orders[k] > 0 && records.day[k] >= begin && records.day[k] < end)
                result.time.push_back((records.day[k] - begin + 0.5) / 7.0);
        double const change =
            fate[i].retained == 1
                ? infinity
                : static_cast<double>((fate[i].change - watched_from).count()) / 7.0 + calibration_weeks;
        bool const usable = result.time.size() > before && result.time[before] < calibration_weeks &&
                            (fate[i].retained == 1 ||
                             (change >= calibration_weeks && change < calibration_weeks + watched_weeks));
        if (!usable) {
            result.time.resize(before);
            ++result.left_out;
            continue;
        }
        rows.push_back(i);
        result.retained.push_back(fate[i].retained);
        result.change.push_back(change);
        result.rate.push_back(std::numeric_limits<double>::quiet_NaN());
        result.offsets.push_back(static_cast<std::int64_t>(result.time.size()));
    }
    if (rows.empty()) throw input_error("rules: no customer has a visit in the calibration");
    result.customer_id = select(records.customer_id, rows);
    return result;
}

}  // namespace clavis::defection

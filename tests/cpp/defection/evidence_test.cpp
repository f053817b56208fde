// Evidence beyond visits: the promise in calendar time, by simulation, and what it finds that visits do not.

#include "clavis/defection/evidence.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/core/random.hpp"
#include "clavis/defection/alarm_rules.hpp"
#include "clavis/defection/rule_data.hpp"
#include "defection/population.hpp"

namespace clavis::defection {
namespace {

lifetime::gamma_gamma const spending{4, 5, 60};

TEST(Evidence, TheRatioHasMeanOneAndIsThatOfThePredictiveDensities) {
    // Predictive of A: beta prime; the density by a difference of spend_p, at a and at a / rho.
    for (double const rho : {0.5, 0.75, 0.9}) {
        double mean = 0;
        constexpr int steps = 40'000;
        double before = 0;  // cumulative probability
        for (int i = 1; i < steps; ++i) {
            double const amount = 0.5 * std::expm1(i * 3e-4);
            double const cumulative = 1 - spend_p(spending, 3, 90, amount);
            double const middle = amount - 0.25 * 3e-4 * std::exp(i * 3e-4);
            mean += (cumulative - before) * std::exp(log_spend_ratio(spending, 3, 90, middle, rho));
            before = cumulative;
        }
        EXPECT_NEAR(mean, 1, 2e-3) << rho;
        double const step = 1e-4;
        auto density = [&](double amount) {
            return (spend_p(spending, 3, 90, amount - step) - spend_p(spending, 3, 90, amount + step)) /
                   (2 * step);
        };
        for (double const amount : {2.0, 30.0, 75.0})
            EXPECT_NEAR(log_spend_ratio(spending, 3, 90, amount, rho),
                        std::log(density(amount / rho) / rho / density(amount)), 1e-5);
    }
    EXPECT_EQ(log_spend_ratio(spending, 3, 90, 0, 0.5), 0);
}

TEST(Evidence, MarksAreUniform) {
    random_stream random(5, 0, 0);
    std::vector<double> p;
    for (int i = 0; i < 400; ++i) {
        double const nu = random.gamma(spending.q) / spending.gamma;
        double sum = 0;
        for (int n = 0; n < 12; ++n) {
            double const amount = random.gamma(spending.p) / nu;
            p.push_back(spend_p(spending, n, sum, amount));
            sum += amount;
        }
    }
    std::sort(p.begin(), p.end());
    double distance = 0;
    for (std::size_t k = 0; k < p.size(); ++k)
        distance = std::max(distance,
                            std::abs(p[k] - (static_cast<double>(k) + 0.5) / static_cast<double>(p.size())));
    EXPECT_LT(distance, 1.95 / std::sqrt(static_cast<double>(p.size())));  // Kolmogorov, p = 0.001
}

TEST(Evidence, VisitsAreTheNamedRules) {
    auto const data = simulate_rule_data({.customers = 60, .seed = 3});
    rule_context const context{.clock = {2, 2}};
    std::vector<double> checks;
    for (std::size_t w = 0; w < context.checks(); ++w)
        checks.push_back(context.check_time(w));
    std::vector<double> mine(checks.size());
    std::vector<double> theirs(checks.size());
    for (std::size_t i = 0; i < data.size(); ++i) {
        visit_evidence({2, 2}, data.visits(i), 52, checks, mine);
        named_rule("sr_mixture").scores(context, data.visits(i), theirs);
        for (std::size_t w = 1; w < checks.size(); ++w)
            EXPECT_NEAR(mine[w], theirs[w], 1e-9 * (1 + std::abs(theirs[w])));
    }
}

/// One customer with visits, amounts and categories; spend falls to `spend` and the first category is dropped from `change`
/// on.
struct shopper {
    std::vector<double> visits;
    std::vector<double> amounts;
    std::vector<double> purchases;
    std::vector<std::int32_t> category;
};
shopper draw(std::uint64_t seed, std::uint64_t item, double change, double spend, bool drop) {
    random_stream random(seed, 21, item);
    shopper result;
    double const rate = random.gamma(2) / 2;
    double const nu = random.gamma(spending.q) / spending.gamma;
    double share[3];
    for (double& one : share)
        one = random.beta(2, 2);
    for (double now = random.exponential() / rate; now < 156; now += random.exponential() / rate) {
        result.visits.push_back(now);
        result.amounts.push_back(random.gamma(spending.p) / nu * (now > change ? spend : 1));
        for (std::int32_t k = 0; k < 3; ++k) {
            bool const bought = random.bernoulli(share[k]);
            if (!bought || (drop && k == 0 && now > change)) continue;
            result.purchases.push_back(now);
            result.category.push_back(k);
        }
    }
    return result;
}

TEST(Evidence, TheBoundHoldsInCalendarTimeAndSpendAndCategoriesSeeWhatVisitsDoNot) {
    // A category's rate is Gamma(2, 2) times Beta(2, 2), of mean 1/2 and shape 1.25 by its moments; the clock has 1.4.
    std::size_t const customers = test::scaled(20'000, 1'500);
    std::vector<hazard_clock> const clocks(3, {1.4, 2.8});
    std::vector<double> checks;
    for (int w = 1; w <= 104; ++w)
        checks.push_back(52.0 + w);
    double const limit = std::log(520.0);
    std::vector<double> const weights{0.5, 0.25, 0.25};
    struct counts {
        double visits = 0, spend = 0, category = 0, combined = 0, mean = 0;
    };
    auto run = [&](double change, double spend, bool drop, std::size_t year) {
        counts result;
        std::vector<double> logs[4];
        for (auto& one : logs)
            one.resize(checks.size());
        for (std::size_t i = 0; i < customers; ++i) {
            auto const one = draw(77, i, change, spend, drop);
            visit_evidence({2, 2}, one.visits, 52, checks, logs[0]);
            spend_evidence(spending, one.visits, one.amounts, 52, checks, logs[1]);
            category_evidence(clocks, one.purchases, one.category, 52, checks, logs[2]);
            for (std::size_t w = 0; w < checks.size(); ++w) {
                double const parts[3] = {logs[0][w], logs[1][w], logs[2][w]};
                logs[3][w] = log_combined(parts, weights);
            }
            double const n = static_cast<double>(customers);
            auto alarms = [&](std::vector<double> const& log) {
                return std::any_of(log.begin(), log.begin() + static_cast<std::ptrdiff_t>(year),
                                   [&](double value) { return value >= limit; })
                           ? 1 / n
                           : 0.0;
            };
            result.visits += alarms(logs[0]);
            result.spend += alarms(logs[1]);
            result.category += alarms(logs[2]);
            result.combined += alarms(logs[3]);
            result.mean += std::exp(logs[1][3]) / 4 / n;
        }
        return result;
    };
    auto print = [](char const* what, counts const& one) {
        std::printf("[ measured ] %-28s visits %5.2f %% spend %5.2f %% category %5.2f %% combined %5.2f %%\n",
                    what, 100 * one.visits, 100 * one.spend, 100 * one.category, 100 * one.combined);
    };
    counts const unchanged = run(1e9, 1, false, 52);
    print("unchanged, first year", unchanged);
    double const error = 4 * std::sqrt(0.1 * 0.9 / static_cast<double>(customers));
    EXPECT_LT(unchanged.visits, 0.1 + error);
    EXPECT_LT(unchanged.spend, 0.1 + error);
    EXPECT_LT(unchanged.category, 0.1 + error);
    EXPECT_LT(unchanged.combined, 0.1 + error);
    EXPECT_NEAR(unchanged.mean, 1, 0.15);  // E[R_t] = t / u, early, while tails are not heavy yet
    counts const halved = run(60, 0.5, false, 60);
    print("spend halved in week 60", halved);
    EXPECT_GT(halved.spend, halved.visits + 0.4);
    EXPECT_GT(halved.combined, halved.visits + 0.3);
    counts const dropped = run(60, 1, true, 60);
    print("category dropped in week 60", dropped);
    EXPECT_GT(dropped.category, dropped.visits + 0.2);
    EXPECT_GT(dropped.combined, dropped.visits + 0.15);
}

TEST(Evidence, MultipliersSetTheSpeedAtWhichTheStatisticStartsAfresh) {
    std::vector<double> const visits{0, 1.5, 2, 4};
    std::vector<double> const checks{3.5, 5, 9};
    std::vector<double> plain(3);
    std::vector<double> warned(3);
    std::vector<double> const moment{-1};
    std::vector<double> const one{1};
    visit_evidence({2, 3}, visits, 3, checks, plain);
    warned_evidence({2, 3}, visits, 3, checks, moment, one, warned);
    for (std::size_t k = 0; k < 3; ++k)
        EXPECT_NEAR(warned[k], plain[k], 1e-9);
    // dR = m dt / u + (1 - rho) R dH in small steps, k = 2, m = 3 between 4.5 and 6.
    hazard_clock const clock{2, 3, 2};
    std::vector<double> const moments{0, 4.5, 6};
    std::vector<double> const speeds{0.5, 3, 0.5};
    warned_evidence(clock, visits, 3, checks, moments, speeds, warned);
    double r[] = {0, 0};
    double const rho[] = {0, 0.5};
    constexpr int steps = 60'000;
    std::size_t next = 3;
    for (int i = 0; i < steps; ++i) {
        double const from = 3 + 6.0 * i / steps;
        double const to = 3 + 6.0 * (i + 1) / steps;
        double const m = from >= 4.5 && from < 6 ? 3 : 0.5;
        double const last = visits[next - 1];
        double const hazard =
            clock.hazard_between(static_cast<int>(next) - 1, last - visits.front(), from - last, to - last);
        for (int j = 0; j < 2; ++j)
            r[j] = (r[j] + m * (to - from) / 2) * std::exp((1 - rho[j]) * hazard) + m * (to - from) / 2;
        if (next < visits.size() && to >= visits[next] - 1e-9) {
            ++next;
            for (int j = 0; j < 2; ++j)
                r[j] *= rho[j];
        }
    }
    EXPECT_NEAR(std::exp(warned[2]) / ((r[0] + r[1]) / 2), 1, 1e-4);
    EXPECT_THROW(warned_evidence(clock, visits, 3, checks, {}, {}, warned), input_error);
}

TEST(Evidence, Edges) {
    std::vector<double> const checks{1, 2, 3};
    std::vector<double> logs(3);
    // A customer not seen yet, or without a category bought often enough: nothing but the passing of time.
    visit_evidence({2, 2}, {}, 0, checks, logs);
    EXPECT_NEAR(std::exp(logs[2]), 3, 1e-12);
    std::vector<double> const few{-3, -2, -1};
    std::vector<std::int32_t> const category{0, 0, 7};
    std::vector<hazard_clock> const clocks(1, {2, 2});
    EXPECT_EQ(category_evidence(clocks, few, category, 0, checks, logs), 0U);
    EXPECT_NEAR(std::exp(logs[1]), 2, 1e-12);
    std::vector<double> const visits{-2, 0.5, 2.5};
    std::vector<double> const amounts{10, -4, 0};
    spend_evidence(spending, visits, amounts, 0, checks, logs);
    EXPECT_NEAR(std::exp(logs[2]), 3, 1e-12);  // returns tell nothing of amounts
    double const parts[2] = {std::log(4.0), std::log(8.0)};
    double const weights[2] = {0.75, 0.25};
    EXPECT_NEAR(log_combined(parts, weights), std::log(5.0), 1e-15);
    EXPECT_THROW((evidence_options{.retained = {1.0}}.validate()), input_error);
    EXPECT_THROW((evidence_options{.retained_spend = {0.0}}.validate()), input_error);
    EXPECT_THROW((evidence_options{.unit = 0}.validate()), input_error);
    EXPECT_NO_THROW(evidence_options{}.validate());
}

}  // namespace
}  // namespace clavis::defection

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <random>
#include <string>

#include "clavis/core/errors.hpp"
#include "clavis/lifetime/beta_discrete_weibull.hpp"
#include "clavis/lifetime/shifted_beta_geo.hpp"
#include "clavis/numerics/optimize.hpp"
#include "lifetime/contract_likelihood.hpp"
#include "lifetime/rows.hpp"

// Contracts that are renewed or lost: sBG and BdW.

namespace clavis::lifetime {
namespace {

#define EXPECT_RELATIVE(actual, expected, tolerance) \
    EXPECT_NEAR((actual) / (expected), 1.0, tolerance) << #actual " = " << (actual)

double sum(std::vector<double> const& v) {
    return std::accumulate(v.begin(), v.end(), 0.0);
}

time_span years(double n) {
    return {n, year};
}

struct table {
    std::vector<std::int32_t> frequency;
    std::vector<double> recency, T, weights;
    ledger::summary_view view() const {
        ledger::summary_view v{};
        v.frequency = frequency;
        v.recency = recency;
        v.T = T;
        v.weights = weights;
        v.unit = year;
        return v;
    }
    void add(int made, int due, double weight = 1.0) {
        frequency.push_back(made);
        recency.push_back(made);
        T.push_back(due);
        weights.push_back(weight);
    }
};

// Survivors per 1,000 of a cohort, year after year (Fader and Hardie 2007).
std::vector<int> const regular{1000, 631, 468, 382, 326, 289, 262, 241, 223, 207, 194, 183, 173};
std::vector<int> const high_end{1000, 869, 743, 653, 593, 551, 517, 491, 468, 445, 427, 409, 394};

table cohort(std::vector<int> const& survivors, int renewals) {
    table result;
    for (int t = 0; t < renewals; ++t) {
        auto const at = static_cast<std::size_t>(t);
        result.add(t, t + 1, survivors[at] - survivors[at + 1]);
    }
    result.add(renewals, renewals, survivors[static_cast<std::size_t>(renewals)]);
    return result;
}

// Contracts drawn from BdW itself.
table simulate(std::size_t count, beta_discrete_weibull const& model, int longest, unsigned seed) {
    auto const [leave, stay, c] = model.parameters();
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> uniform(0.0, 1.0);
    table result;
    for (std::size_t i = 0; i < count; ++i) {
        double const one = std::gamma_distribution<double>(leave)(random);
        double const theta = one / (one + std::gamma_distribution<double>(stay)(random));
        int const due = longest / 2 + static_cast<int>(uniform(random) * (longest - longest / 2 + 1));
        // Stays through renewal t with chance (1 - theta)^(t^c).
        double const lost = std::pow(std::log(uniform(random)) / std::log1p(-theta), 1.0 / c);
        double const made = std::min(std::ceil(lost) - 1.0, static_cast<double>(due));
        result.add(static_cast<int>(made), due);
    }
    return result;
}

bool says(fit_report const& report, std::string_view words) {
    return std::any_of(report.warnings.begin(), report.warnings.end(),
                       [&](std::string const& w) { return w.find(words) != std::string::npos; });
}

template <class Model>
double total_likelihood(Model const& model, table const& data) {
    std::vector<double> rows(data.T.size());
    log_likelihood(model, data.view(), rows);
    for (std::size_t i = 0; i < rows.size(); ++i)
        rows[i] *= data.weights[i];
    return sum(rows);
}

TEST(shifted_beta_geo, published_fits) {
    auto const data = cohort(regular, 7);
    auto const [model, report] = fit<shifted_beta_geo>(data.view());
    EXPECT_TRUE(report.converged) << report.status;
    EXPECT_TRUE(report.warnings.empty());
    EXPECT_EQ(report.customers, 1000.0);
    EXPECT_RELATIVE(model.alpha, 0.704077, 1e-6);
    EXPECT_RELATIVE(model.beta, 1.182043, 1e-6);
    EXPECT_NEAR(report.log_likelihood, -1680.27, 6e-3);
    EXPECT_RELATIVE(total_likelihood(model, data), report.log_likelihood, 1e-13);
    auto const high = fit<shifted_beta_geo>(cohort(high_end, 7).view());
    EXPECT_RELATIVE(high.model.alpha, 0.668088, 1e-6);
    EXPECT_RELATIVE(high.model.beta, 3.806095, 1e-6);
    EXPECT_NEAR(high.report.log_likelihood, -1611.16, 6e-3);
    EXPECT_NEAR(high.model.survival(12.0), 0.394, 0.02);  // the holdout

    // The value of a customer about to decide on renewal 5, that renewal counting in full, at 10 %.
    table fifth;
    fifth.add(4, 4);
    std::vector<double> out(1);
    discounted_expected_purchases(shifted_beta_geo{0.668088, 3.806095, year}, fifth.view(), 0.1, forever,
                                  out);
    EXPECT_RELATIVE(1.1 * out[0], 6.8967082, 5e-9);
    discounted_expected_purchases(high.model, fifth.view(), 0.1, forever, out);
    EXPECT_RELATIVE(1.1 * out[0], 6.8967067, 5e-9);
}

TEST(beta_discrete_weibull, published_fits) {
    auto const data = cohort(regular, 7);
    auto const [model, report] = fit<beta_discrete_weibull>(data.view());
    EXPECT_TRUE(report.converged) << report.status;
    EXPECT_RELATIVE(model.gamma, 0.455614, 2e-6);
    EXPECT_RELATIVE(model.delta, 0.779326, 2e-6);
    EXPECT_RELATIVE(model.c, 1.283451, 2e-6);
    EXPECT_NEAR(report.log_likelihood, -1679.603, 6e-4);
    EXPECT_NEAR(model.survival(12.0), 0.1773, 6e-5);
    EXPECT_RELATIVE(total_likelihood(model, data), report.log_likelihood, 1e-13);
    auto const high = fit<beta_discrete_weibull>(cohort(high_end, 7).view());
    EXPECT_RELATIVE(high.model.gamma, 0.214253, 3e-6);
    EXPECT_RELATIVE(high.model.delta, 1.426575, 2e-6);
    EXPECT_RELATIVE(high.model.c, 1.723565, 2e-6);
    EXPECT_NEAR(high.report.log_likelihood, -1605.314, 6e-4);
    EXPECT_NEAR(high.model.survival(12.0), 0.4039, 6e-5);
    // sBG is BdW with c = 1, and cannot fit better.
    auto const nested = fit<beta_discrete_weibull>(data.view(), {.fixed = {{"c", 1.0}}});
    auto const sbg = fit<shifted_beta_geo>(data.view());
    EXPECT_RELATIVE(nested.model.gamma, sbg.model.alpha, 1e-9);
    EXPECT_RELATIVE(nested.report.log_likelihood, sbg.report.log_likelihood, 1e-13);
    EXPECT_EQ(nested.report.standard_error("c"), 0.0);
    EXPECT_GT(report.log_likelihood, sbg.report.log_likelihood);
}

// gamma c > 1, but the power law of that exponent begins beyond any double: at 50 digits, 94.8 % and 0.08 % renew 1e308 times,
// and a mean is no less than n times the chance of n.
TEST(beta_discrete_weibull, a_mean_beyond_the_doubles_is_infinite) {
    double const inf = std::numeric_limits<double>::infinity();
    beta_discrete_weibull_process const nearly_all{1e6, 5.214700354258703e-06, 5.2556707448778642e-06,
                                                   3664.0};
    EXPECT_NEAR(nearly_all.at_least(1e308, inf), 0.94827200536991148427, 1e-9);
    EXPECT_EQ(nearly_all.expected(inf), inf);
    beta_discrete_weibull_process const few{3427.8694429943534, 4.9801355049048301e-05, 0.0008825735960508442,
                                            176.0};
    EXPECT_NEAR(few.at_least(1e308, inf), 0.00083262155598791102861, 1e-12);
    EXPECT_EQ(few.expected(inf), inf);
    // Those that are not: E[Gamma(1 + 1 / c) (-ln(1 - theta))^(-1 / c)] over theta, for a sum so long an integral.
    beta_discrete_weibull_process const far{162.8, 363.2, 0.0085, 0.0};
    EXPECT_NEAR(far.expected(inf) / 1.16831375128702674e+271, 1.0, 1e-12);
    beta_discrete_weibull_process const farther{1200.0, 3000.0, 0.0086, 0.0};
    EXPECT_NEAR(farther.expected(inf) / 4.80169767483602447e+248, 1.0, 1e-12);
    beta_discrete_weibull_process const near{400.0, 363.0, 0.0085, 0.0};
    EXPECT_NEAR(near.expected(inf) / 7.70813319286592248e+217, 1.0, 1e-12);
    // Nothing counts out there.
    beta_discrete_weibull_process const nothing{33.470639369737576, 0.99999999198635536, 0.029920450944325747,
                                                0.0};
    EXPECT_NEAR(nothing.expected(inf) / 2.23440217856445977e+40, 1.0, 1e-12);
}

TEST(contracts, predictions_of_rows) {
    shifted_beta_geo const sbg{0.668, 3.806, year};
    beta_discrete_weibull const bdw{0.668, 3.806, 1.0, year};
    table rows;
    rows.add(0, 0);
    rows.add(4, 4);
    rows.add(4, 6);  // lost at renewal 5
    std::vector<double> one(3), other(3);
    auto const same = [&] {
        for (std::size_t i = 0; i < 3; ++i)
            EXPECT_NEAR(one[i], other[i], 1e-13 * (1.0 + one[i]));
        EXPECT_EQ(one[2], other[2]);
    };
    probability_alive(sbg, rows.view(), {}, one);
    EXPECT_EQ(one, (std::vector<double>{1.0, 1.0, 0.0}));
    probability_alive(sbg, rows.view(), years(3), one);
    probability_alive(bdw, rows.view(), years(3), other);
    same();
    EXPECT_RELATIVE(one[1], sbg.survival(7.0) / sbg.survival(4.0), 1e-14);
    EXPECT_RELATIVE(one[1], sbg.retention_rate(5.0) * sbg.retention_rate(6.0) * sbg.retention_rate(7.0),
                    1e-14);
    expected_purchases(sbg, rows.view(), years(3), one);
    expected_purchases(bdw, rows.view(), years(3), other);
    same();
    EXPECT_EQ(one[2], 0.0);
    probability_no_purchase(sbg, rows.view(), years(3), one);
    probability_no_purchase(bdw, rows.view(), years(3), other);
    same();
    EXPECT_RELATIVE(one[1], 1.0 - sbg.retention_rate(5.0), 1e-14);
    EXPECT_EQ(one[2], 1.0);
    discounted_expected_purchases(sbg, rows.view(), 0.1, forever, one);
    discounted_expected_purchases(bdw, rows.view(), 0.1, forever, other);
    same();
    std::vector<double> pmf(3 * 4), pmf_other(3 * 4);
    purchase_pmf(sbg, rows.view(), years(3), 3, pmf);
    purchase_pmf(bdw, rows.view(), years(3), 3, pmf_other);
    for (std::size_t i = 0; i < pmf.size(); ++i)
        EXPECT_NEAR(pmf[i], pmf_other[i], 1e-15);
    for (std::size_t i = 0; i < 3; ++i)
        EXPECT_NEAR(pmf[4 * i] + pmf[4 * i + 1] + pmf[4 * i + 2] + pmf[4 * i + 3], 1.0, 1e-14);
    EXPECT_EQ(pmf[8], 1.0);
    EXPECT_EQ(sbg.expected(HUGE_VAL), HUGE_VAL);
    EXPECT_EQ(bdw.given(0, 0, 0).process.expected(HUGE_VAL), HUGE_VAL);
    shifted_beta_geo const light{1.5, 3.0};
    EXPECT_RELATIVE(light.expected(HUGE_VAL), 6.0, 1e-15);
    beta_discrete_weibull const lighter{1.5, 3.0, 1.0};
    EXPECT_RELATIVE(lighter.given(0, 0, 0).process.expected(HUGE_VAL), 6.0, 1e-13);
}

TEST(contracts, gradient_and_hessian_are_those_of_the_value) {
    auto data = cohort(regular, 7);
    data.add(0, 0, 5.0);
    data.add(300, 300, 2.0);
    data.add(299, 310, 3.0);
    auto const rows = compress(data.view());
    for (double const offset : {-2.0, 0.0, 3.0}) {
        for (std::size_t n : {2U, 3U}) {
            std::vector<double> theta{-0.7 + offset, 0.4 + offset, 0.1 - 0.2 * offset};
            theta.resize(n);
            std::vector<double> gradient(n), hessian(n * n), up(n), down(n), spare(n * n);
            double const value = contract_objective(rows, theta, gradient, hessian);
            for (std::size_t i = 0; i < n; ++i) {
                double const h = 1e-5;
                auto moved = theta;
                moved[i] += h;
                double const above = contract_objective(rows, moved, up, spare);
                moved[i] -= 2.0 * h;
                double const below = contract_objective(rows, moved, down, spare);
                double const size = std::abs(value) + 1.0;
                EXPECT_NEAR(gradient[i], (above - below) / (2.0 * h), 1e-9 * size) << offset;
                for (std::size_t j = 0; j < n; ++j)
                    EXPECT_NEAR(hessian[i * n + j], (up[j] - down[j]) / (2.0 * h), 1e-8 * size)
                        << offset << ' ' << i << ' ' << j;
            }
        }
    }
}

TEST(contracts, fits_reach_at_least_the_likelihood_of_the_truth_from_any_start) {
    std::mt19937_64 random(1);
    std::uniform_real_distribution<double> uniform(-2.0, 2.0);
    for (beta_discrete_weibull const& truth :
         {beta_discrete_weibull{0.7, 1.2, 1.0}, beta_discrete_weibull{0.4, 3.0, 1.6},
          beta_discrete_weibull{2.0, 20.0, 0.8}}) {
        for (unsigned seed = 0; seed < 3; ++seed) {
            auto const data = simulate(3'000, truth, 12, 10 + seed);
            auto const found = fit<beta_discrete_weibull>(data.view());
            EXPECT_GE(found.report.log_likelihood, total_likelihood(truth, data));
            // Few renewals: where customers differ little, gamma and delta may well be endless.
            EXPECT_TRUE(found.report.converged || (truth.gamma == 2.0 && !found.report.warnings.empty()))
                << found.report.status;
            EXPECT_RELATIVE(found.report.log_likelihood, total_likelihood(found.model, data), 1e-12);
            auto const plain = fit<shifted_beta_geo>(data.view());
            EXPECT_GE(found.report.log_likelihood, plain.report.log_likelihood - 1e-9);
            if (truth.c == 1.0) {
                EXPECT_GE(plain.report.log_likelihood,
                          total_likelihood(shifted_beta_geo{truth.gamma, truth.delta}, data));
            }
            auto const rows = compress(data.view());
            for (int i = 0; i < 20; ++i) {
                std::vector<double> const start{uniform(random), uniform(random), 0.3 * uniform(random)};
                auto const end = numerics::minimize(
                    [&](std::span<double const> theta, std::span<double> gradient,
                        std::span<double> hessian) {
                        return contract_objective(rows, theta, gradient, hessian);
                    },
                    start);
                EXPECT_NEAR(-end.value - rows.purchases * std::log(rows.scale), found.report.log_likelihood,
                            1e-6);
            }
        }
    }
}

TEST(contracts, the_higher_of_two_peaks_is_found) {
    // Up to four renewals: a peak at c = 1.4, and a higher one where c is large and hardly anybody leaves but at once.
    table data;
    data.add(0, 4, 442.0);
    data.add(1, 4, 68.0);
    data.add(2, 4, 22.0);
    data.add(3, 4, 8.0);
    data.add(2, 2, 268.0);
    data.add(3, 3, 226.0);
    data.add(4, 4, 254.0);
    auto const found = fit<beta_discrete_weibull>(data.view());
    for (double const c : {0.5, 1.0, 1.43, 2.0, 4.0, 7.0, 12.0}) {
        auto const held = fit<beta_discrete_weibull>(data.view(), {.fixed = {{"c", c}}});
        EXPECT_GE(found.report.log_likelihood, held.report.log_likelihood - 1e-9) << c;
    }
}

TEST(contracts, simulated_customers_do_what_is_predicted) {
    beta_discrete_weibull const model{0.5, 2.0, 1.4, year};
    auto const all = simulate(200'000, model, 40, 77);
    // Who is still there after 4 renewals, and what they do in the 10 that follow (or T, where that is earlier: it
    // never is).
    double count = 0.0, there = 0.0, made = 0.0, discounted = 0.0;
    for (std::size_t i = 0; i < all.T.size(); ++i) {
        double const renewals = all.recency[i];
        if (renewals < 4.0) continue;
        ++count;
        there += renewals >= 14.0;
        for (double h = 1.0; h <= std::min(renewals - 4.0, 10.0); ++h)
            made += 1.0, discounted += std::pow(1.1, -h);
    }
    table fifth;
    fifth.add(4, 4);
    std::vector<double> out(1);
    probability_alive(model, fifth.view(), years(10), out);
    EXPECT_NEAR(out[0], there / count, 4.0 * 0.5 / std::sqrt(count));
    expected_purchases(model, fifth.view(), years(10), out);
    EXPECT_NEAR(out[0], made / count, 4.0 * 5.0 / std::sqrt(count));
    discounted_expected_purchases(model, fifth.view(), 0.1, years(10), out);
    EXPECT_NEAR(out[0], discounted / count, 4.0 * 3.0 / std::sqrt(count));
}

TEST(contracts, what_cannot_be_known) {
    table nobody_left;
    nobody_left.add(9, 9, 100.0);
    table everybody_left;
    everybody_left.add(0, 5, 100.0);
    table nothing_due;
    nothing_due.add(0, 0, 100.0);
    table one_renewal;
    one_renewal.add(0, 1, 30.0);
    one_renewal.add(1, 1, 70.0);
    table same_chance;  // 20 % of those who are left, every time
    for (int t = 0; t < 8; ++t)
        same_chance.add(t, t + 1, 2000.0 * std::pow(0.8, t));
    same_chance.add(8, 8, 10'000.0 * std::pow(0.8, 8));
    auto const check = [](auto const& found, std::string_view words) {
        found.model.validate();
        EXPECT_FALSE(found.report.converged);
        EXPECT_TRUE(found.report.status.starts_with("not converged")) << found.report.status;
        EXPECT_TRUE(std::isfinite(found.report.log_likelihood));
        EXPECT_TRUE(says(found.report, words))
            << words << " / " << (found.report.warnings.empty() ? "nothing" : found.report.warnings[0]);
    };
    check(fit<shifted_beta_geo>(nobody_left.view()), "no sign of customers leaving");
    check(fit<beta_discrete_weibull>(nobody_left.view()), "no sign of customers leaving");
    check(fit<shifted_beta_geo>(everybody_left.view()), "no contract was renewed");
    check(fit<beta_discrete_weibull>(everybody_left.view()), "no contract was renewed");
    check(fit<shifted_beta_geo>(nothing_due.view()), "no contract was renewed");
    check(fit<beta_discrete_weibull>(nothing_due.view()), "no contract was renewed");
    check(fit<shifted_beta_geo>(one_renewal.view()), "alpha");
    check(fit<beta_discrete_weibull>(one_renewal.view()), "c is not identified");
    check(fit<shifted_beta_geo>(same_chance.view()), "do not differ in leaving more than chance explains");
    auto const known = fit<shifted_beta_geo>(one_renewal.view());
    EXPECT_NEAR(known.model.survival(1.0), 0.7, 1e-6);
    EXPECT_NEAR(fit<shifted_beta_geo>(same_chance.view()).model.survival(3.0), 0.512, 1e-4);
    EXPECT_GT(fit<shifted_beta_geo>(nobody_left.view()).model.survival(9.0), 0.999);
}

TEST(contracts, rows_that_are_no_contracts_are_refused) {
    auto const problem = [&](int x, double tx, double T) -> std::string {
        table rows;
        rows.add(1, 2);
        rows.add(0, 0);
        rows.frequency[1] = x, rows.recency[1] = tx, rows.T[1] = T;
        std::vector<double> out(2);
        try {
            probability_alive(shifted_beta_geo{1.0, 2.0, year}, rows.view(), {}, out);
        } catch (input_error const& e) {
            EXPECT_THROW(fit<shifted_beta_geo>(rows.view()), input_error);
            EXPECT_THROW(fit<beta_discrete_weibull>(rows.view()), input_error);
            return e.what();
        }
        return {};
    };
    EXPECT_NE(problem(2, 3, 5).find("\"frequency\", row 1: \"2\" is not the recency of 3"), std::string::npos)
        << problem(2, 3, 5);
    EXPECT_NE(problem(2, 2, 5.5).find("\"T\", row 1: \"5.5\" is not a whole number"), std::string::npos);
    EXPECT_EQ(problem(2, 2, 5), "");
}

TEST(contracts, never_nan) {
    std::mt19937_64 random(12);
    std::uniform_real_distribution<double> power(-6.0, 6.0);
    auto const any = [&] { return std::pow(10.0, power(random)); };
    char const* const asked = std::getenv("CLAVIS_VERIFY");
    auto const draws = static_cast<int>(200'000 * (asked != nullptr ? std::strtod(asked, nullptr) : 0.01));
    for (int i = 0; i < draws; ++i) {
        shifted_beta_geo const sbg{any(), any()};
        beta_discrete_weibull const bdw{any(), any(), any()};
        double const made = std::floor(any());
        double const due = made + std::floor(any());
        double const t = std::floor(any());
        auto const p = bdw.given(made, made, made).process;
        auto const q = sbg.given(made, made, made).process;
        ASSERT_TRUE(std::isfinite(sbg.log_likelihood(made, made, due)));
        ASSERT_LE(bdw.log_likelihood(made, made, due), 0.0);
        for (double const chance :
             {p.survival(t), p.no_purchase(t), q.survival(t), q.no_purchase(t), p.pmf(3, t), q.pmf(3, t),
              sbg.retention_rate(made + 1.0), bdw.retention_rate(made + 1.0)})
            ASSERT_TRUE(chance >= 0.0 && chance <= 1.0)
                << chance << ' ' << bdw.gamma << ' ' << bdw.delta << ' ' << bdw.c << ' ' << made << ' ' << due
                << ' ' << t;
        for (double const value : {p.expected(t), p.discounted(t, 1e-3), p.discounted(HUGE_VAL, 1e-4),
                                   q.expected(t), q.discounted(t, 1e-3), q.discounted(HUGE_VAL, 1e-4)})
            ASSERT_TRUE(std::isfinite(value) && value >= 0.0)
                << value << ' ' << bdw.gamma << ' ' << bdw.delta << ' ' << bdw.c << ' ' << made << ' ' << t;
        // A mean that exists may be beyond a double where the chance of n falls more slowly than 1 / n to the end of doubles.
        bool const endless = bdw.gamma * bdw.c <= 1.0;
        bool const may_be_beyond = p.at_least(1e305, HUGE_VAL) > 1e-15 * p.at_least(1e290, HUGE_VAL);
        ASSERT_TRUE(p.expected(HUGE_VAL) == HUGE_VAL ? endless || may_be_beyond : !endless)
            << p.expected(HUGE_VAL) << ' ' << bdw.gamma << ' ' << bdw.delta << ' ' << bdw.c << ' ' << made;
    }
}

}  // namespace
}  // namespace clavis::lifetime

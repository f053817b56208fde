#include "reference.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <random>

#include "clavis/lifetime/gamma_gamma.hpp"
#include "clavis/lifetime/modified_beta_geo_nbd.hpp"

// Against tables of defining integrals at 50 digits (tests/reference/make_lifetime.py), and for being finite.

namespace clavis::lifetime {
namespace {

// The bounds stated in beta_geo_nbd.hpp.
constexpr double likelihood_bound = 1e-13;
constexpr double prediction_bound = 1e-12;

TEST(beta_geo_nbd, agrees_with_the_defining_integrals) {
    std::map<std::string, double> worst;
    for (auto const& [name, v] : test::reference("lifetime_models.csv")) {
        beta_geo_nbd const bg{v[0], v[1], v[2], v[3]};
        modified_beta_geo_nbd const mbg{v[0], v[1], v[2], v[3]};
        double const u = v[4];
        double const w = v[5];
        double const exact = v[7];
        double value = 0.0;
        double size = std::abs(exact);
        double bound = prediction_bound;
        if (name == "bg_log_likelihood") {
            value = bg.log_likelihood(u, w, v[6]), size = std::max(1.0, size), bound = likelihood_bound;
        } else if (name == "mbg_log_likelihood") {
            value = mbg.log_likelihood(u, w, v[6]), size = std::max(1.0, size), bound = likelihood_bound;
        } else if (name == "bg_probability_alive") {
            value = bg.given(u, w, v[6]).probability_alive;
        } else if (name == "mbg_probability_alive") {
            value = mbg.given(u, w, v[6]).probability_alive;
        } else if (name == "expected") {
            value = bg.expected(u);
        } else if (name == "survival") {
            value = bg.survival(u);
        } else if (name == "pmf") {
            value = bg.pmf(static_cast<std::int64_t>(u), w);
        } else if (name == "discounted") {
            value = bg.discounted(u, w);
        } else {
            FAIL() << "unknown value " << name;
        }
        if (exact < 1e-290 && exact >= 0.0) {
            EXPECT_LT(value, 1e-280);  // too small for a double to hold its digits
            continue;
        }
        double const error = std::abs(value - exact) / size;
        worst[name] = std::max(worst[name], error);
        EXPECT_LE(error, bound) << name << " at r " << v[0] << " alpha " << v[1] << " a " << v[2] << " b "
                                << v[3] << ": " << u << ' ' << w << ' ' << v[6] << " gives " << value
                                << " not " << exact;
    }
    EXPECT_EQ(worst.size(), 8U);
    for (auto const& [name, error] : worst)
        RecordProperty(name, std::to_string(error * 1e16));
}

TEST(gamma_gamma, agrees_with_the_defining_integrals) {
    for (auto const& [name, v] : test::reference("lifetime_spend.csv")) {
        gamma_gamma const model{v[0], v[1], v[2]};
        bool const likelihood = name == "log_likelihood";
        double const value = likelihood ? model.log_likelihood(v[3], v[4]) : model.expected_spend(v[3], v[4]);
        double const size = likelihood ? std::max(1.0, std::abs(v[5])) : v[5];
        EXPECT_LE(std::abs(value - v[5]) / size, 1e-13)
            << name << ' ' << v[0] << ' ' << v[1] << ' ' << v[2] << ' ' << v[3] << ' ' << v[4];
    }
}

double share_of_work() {
    char const* text = std::getenv("CLAVIS_VERIFY");
    return text == nullptr ? 0.01 : std::clamp(std::atof(text), 0.0, 1.0);
}

// Parameters 1e-6 to 1e6, x to 1e5, times 1e-6 to 1e6: no NaN and nothing infinite anywhere.
TEST(beta_geo_nbd, is_finite_everywhere) {
    std::mt19937_64 random(99);
    std::uniform_real_distribution<double> uniform(0.0, 1.0);
    auto wide = [&](double low, double high) { return std::pow(10.0, low + (high - low) * uniform(random)); };
    auto const draws = static_cast<int>(100'000 * share_of_work());
    for (int i = 0; i < draws; ++i) {
        beta_geo_nbd const bg{wide(-6, 6), wide(-6, 6), wide(-6, 6), wide(-6, 6)};
        modified_beta_geo_nbd const mbg{bg.r, bg.alpha, bg.a, bg.b};
        double const T = wide(-6, 6);
        double const x = uniform(random) < 0.3 ? 0.0 : std::floor(wide(0, 5));
        double const tx = x == 0.0 ? 0.0 : uniform(random) < 0.2 ? T : T * uniform(random);
        double const t = wide(-6, 6);
        double const rate = wide(-6, 1);
        auto const text = ::testing::Message()
                          << "r " << bg.r << " alpha " << bg.alpha << " a " << bg.a << " b " << bg.b << " x "
                          << x << " tx " << tx << " T " << T << " t " << t;
        for (auto const& [log_likelihood, state] :
             {std::pair(bg.log_likelihood(x, tx, T), bg.given(x, tx, T)),
              std::pair(mbg.log_likelihood(x, tx, T), mbg.given(x, tx, T))}) {
            double const alive = state.probability_alive;
            auto const& process = state.process;
            ASSERT_TRUE(std::isfinite(log_likelihood)) << text;
            ASSERT_TRUE(alive >= 0.0 && alive <= 1.0) << text;
            double const survival = process.survival(t);
            ASSERT_TRUE(survival >= 0.0 && survival <= 1.0 + 1e-11) << text << ": " << survival;
            double const none = process.no_purchase(t);
            ASSERT_TRUE(none >= 0.0 && none <= 1.0) << text;
            double const mean = process.expected(t);
            ASSERT_TRUE(std::isfinite(mean) && mean >= 0.0) << text << ": " << mean;
            ASSERT_LE(mean, process.r * t / process.alpha * (1.0 + 1e-11)) << text;
            double const pmf = process.pmf(static_cast<std::int64_t>(1 + 30 * uniform(random)), t);
            ASSERT_TRUE(pmf >= 0.0 && pmf <= 1.0 + 1e-11) << text << ": " << pmf;
            if (i % 16 != 0) continue;
            double const present = process.discounted(t, rate);
            ASSERT_TRUE(present >= 0.0 && present <= mean * (1.0 + 1e-10))
                << text << ": " << present << " of " << mean;
            double const endless = process.discounted(std::numeric_limits<double>::infinity(), rate);
            ASSERT_TRUE(std::isfinite(endless) && endless >= present * (1.0 - 1e-10))
                << text << ": " << endless;
        }
    }
}

TEST(beta_geo_nbd, ends_of_time) {
    double const inf = std::numeric_limits<double>::infinity();
    double const nan = std::numeric_limits<double>::quiet_NaN();
    beta_geo_nbd const heavy{0.5, 3.0, 0.8, 2.5};
    beta_geo_nbd const light{0.5, 3.0, 1.8, 2.5};
    EXPECT_EQ(heavy.expected(0.0), 0.0);
    EXPECT_EQ(heavy.expected(inf), inf);
    EXPECT_EQ(heavy.discounted(inf, 0.0), inf);
    EXPECT_NEAR(light.expected(inf), 3.3 / 0.8, 1e-14);
    EXPECT_NEAR(light.expected(1e12) / light.expected(inf), 1.0, 1e-3);
    EXPECT_EQ(heavy.survival(0.0), 1.0);
    EXPECT_EQ(heavy.survival(inf), 0.0);
    EXPECT_EQ(heavy.no_purchase(inf), 0.0);
    EXPECT_EQ(heavy.pmf(0, 0.0), 1.0);
    EXPECT_EQ(heavy.pmf(3, 0.0), 0.0);
    for (double const value :
         {heavy.expected(nan), heavy.expected(-1.0), heavy.survival(nan), heavy.no_purchase(-1.0),
          heavy.pmf(-1, 1.0), heavy.discounted(1.0, nan), heavy.given(1.0, nan, 2.0).probability_alive,
          heavy.log_likelihood(1.0, nan, 2.0)})
        EXPECT_TRUE(std::isnan(value));
    // Discounting hardly at all changes hardly anything, and a rate below 0 adds.
    EXPECT_NEAR(heavy.discounted(50.0, 1e-12) / heavy.expected(50.0), 1.0, 1e-9);
    EXPECT_GT(heavy.discounted(50.0, -0.01), heavy.expected(50.0));
}

// In a batch discounted purchases are interpolated over panels of T; each row must come out as if alone and direct.
TEST(conditional, discounted_purchases_of_a_batch_are_those_of_each_row) {
    modified_beta_geo_nbd const model{0.5, 6.0, 0.9, 1.6, week};
    std::mt19937_64 random(3);
    std::uniform_real_distribution<double> uniform(0.0, 1.0);
    std::vector<std::int32_t> frequency;
    std::vector<double> recency, T;
    for (int i = 0; i < 40; ++i) {
        frequency.push_back(i % 3 == 0 ? 0
                                       : static_cast<std::int32_t>(std::pow(10.0, 4.0 * uniform(random))));
        T.push_back(i == 0   ? 0.0
                    : i < 10 ? std::ldexp(1.0, i)
                             : std::pow(10.0, -3.0 + 6.0 * uniform(random)));
        recency.push_back(frequency.back() == 0 ? 0.0 : T.back() * uniform(random));
    }
    ledger::summary_view rows;
    rows.frequency = frequency;
    rows.recency = recency;
    rows.T = T;
    rows.unit = week;
    double const rate = std::log(1.1) / in_units(year, week);
    for (time_span const horizon : {time_span(year), time_span(300.0, week)}) {
        std::vector<double> batch(T.size());
        discounted_expected_purchases(model, rows, 0.1, horizon, batch);
        for (std::size_t i = 0; i < T.size(); ++i) {
            auto const state = model.given(frequency[i], recency[i], T[i]);
            double const direct = state.probability_alive * state.process.discounted(horizon.in(week), rate);
            ASSERT_NEAR(batch[i], direct, 1e-12 * direct) << frequency[i] << ' ' << T[i];
            if (i % 4 != 0) continue;
            auto one = rows;
            one.frequency = one.frequency.subspan(i, 1);
            one.recency = one.recency.subspan(i, 1);
            one.T = one.T.subspan(i, 1);
            double alone = 0.0;
            discounted_expected_purchases(model, one, 0.1, horizon, {&alone, 1}, 1);
            ASSERT_EQ(alone, batch[i]);
        }
    }
}

TEST(gamma_gamma, where_the_mean_does_not_exist) {
    gamma_gamma const model{6.0, 0.9, 15.0};
    EXPECT_EQ(model.population_mean(), std::numeric_limits<double>::infinity());
    EXPECT_EQ(model.expected_spend(0.0, 0.0), std::numeric_limits<double>::infinity());
    EXPECT_TRUE(std::isfinite(model.expected_spend(1.0, 20.0)));
    EXPECT_TRUE(std::isnan(model.expected_spend(2.0, -5.0)));
    EXPECT_TRUE(std::isnan(model.log_likelihood(0.0, 20.0)));
}

}  // namespace
}  // namespace clavis::lifetime

#include "cdnow.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "clavis/lifetime/clv.hpp"
#include "clavis/lifetime/gamma_gamma.hpp"
#include "clavis/lifetime/modified_beta_geo_nbd.hpp"

// Published and independently recomputed figures of the CDNOW sample (Fader, Hardie and Lee 2005 and notes).

namespace clavis::lifetime {
namespace {

#define EXPECT_RELATIVE(actual, expected, tolerance) \
    EXPECT_NEAR((actual) / (expected), 1.0, tolerance) << #actual " = " << (actual)

class cdnow : public ::testing::Test {
  protected:
    static void SetUpTestSuite() { data = test::cdnow_sample(); }
    void SetUp() override {
        if (data.T.empty()) GTEST_SKIP() << "cdnow_sample.csv is not in the data folder";
    }
    static test::columns data;
};
test::columns cdnow::data;

double sum(std::vector<double> const& v) {
    return std::accumulate(v.begin(), v.end(), 0.0);
}

TEST_F(cdnow, is_the_sample_of_the_papers) {
    EXPECT_EQ(data.T.size(), 2357U);
    EXPECT_EQ(std::accumulate(data.frequency.begin(), data.frequency.end(), 0), 2457);
    EXPECT_NEAR(sum(data.recency), 16135.571429, 1e-5);
    EXPECT_NEAR(sum(data.T), 77111.285714, 1e-5);
}

TEST_F(cdnow, beta_geo_nbd_fit) {
    auto const fit = lifetime::fit<beta_geo_nbd>(data.view());
    EXPECT_TRUE(fit.report.converged) << fit.report.status;
    EXPECT_TRUE(fit.report.warnings.empty());
    EXPECT_RELATIVE(fit.model.r, 0.242594522, 1e-6);
    EXPECT_RELATIVE(fit.model.alpha, 4.41360202, 1e-6);
    EXPECT_RELATIVE(fit.model.a, 0.792922017, 2e-6);
    EXPECT_RELATIVE(fit.model.b, 2.42590678, 2e-6);
    EXPECT_NEAR(fit.report.log_likelihood, -9582.42920667, 1e-6);
    EXPECT_NEAR(fit.report.standard_error("r"), 0.01256, 6e-6);
    EXPECT_NEAR(fit.report.standard_error("alpha"), 0.3782, 6e-5);
    EXPECT_NEAR(fit.report.standard_error("a"), 0.1857, 6e-5);
    EXPECT_NEAR(fit.report.standard_error("b"), 0.7054, 6e-5);
    EXPECT_EQ(fit.report.rows, 2357);
    EXPECT_LT(fit.report.gradient_norm, 1e-6);
    EXPECT_LT(fit.report.iterations, 15);
}

TEST_F(cdnow, modified_beta_geo_nbd_fit) {
    auto const fit = lifetime::fit<modified_beta_geo_nbd>(data.view());
    EXPECT_TRUE(fit.report.converged) << fit.report.status;
    EXPECT_RELATIVE(fit.model.r, 0.524843, 1e-6);
    EXPECT_RELATIVE(fit.model.alpha, 6.183084, 1e-6);
    EXPECT_RELATIVE(fit.model.a, 0.891359, 2e-6);
    EXPECT_RELATIVE(fit.model.b, 1.614003, 2e-6);
    EXPECT_NEAR(fit.report.log_likelihood, -9582.135716, 1e-6);
    EXPECT_NEAR(fit.report.standard_error("r"), 0.0833, 6e-5);
    EXPECT_NEAR(fit.report.standard_error("b"), 0.5375, 6e-5);
    std::vector<double> expected(data.T.size());
    expected_purchases(fit.model, data.view(), std::chrono::weeks{39}, expected);
    EXPECT_RELATIVE(expected[0], 1.262759, 1e-6);
    EXPECT_RELATIVE(sum(expected), 1576.73, 5e-6);
    EXPECT_RELATIVE(expected_purchases_new_customer(fit.model, std::chrono::weeks{52}), 1.418885, 1e-6);
}

TEST_F(cdnow, gamma_gamma_fit) {
    auto const fit = lifetime::fit<gamma_gamma>(data.view());
    EXPECT_TRUE(fit.report.converged) << fit.report.status;
    EXPECT_EQ(fit.report.rows, 946);
    EXPECT_RELATIVE(fit.model.p, 6.249571, 1e-6);
    EXPECT_RELATIVE(fit.model.q, 3.744225, 1e-6);
    EXPECT_RELATIVE(fit.model.gamma, 15.443524, 1e-6);
    EXPECT_NEAR(fit.report.log_likelihood, -4055.91769, 1e-5);
    EXPECT_NEAR(fit.report.standard_error("p"), 1.190, 6e-4);
    EXPECT_NEAR(fit.report.standard_error("q"), 0.290, 6e-4);
    EXPECT_NEAR(fit.report.standard_error("gamma"), 4.159, 6e-4);
    EXPECT_RELATIVE(fit.model.population_mean(), 35.17037, 1e-6);
    std::vector<double> spend(data.T.size());
    expected_spend(fit.model, data.view(), spend);
    std::vector<double> const first{24.653919, 18.910019, 35.170372, 35.170372, 35.170372,
                                    71.464705, 18.910019, 35.170372, 27.281931, 35.170372};
    for (std::size_t i = 0; i < first.size(); ++i)
        EXPECT_RELATIVE(spend[i], first[i], 1e-6);
}

TEST_F(cdnow, beta_geo_nbd_predictions) {
    auto const model = lifetime::fit<beta_geo_nbd>(data.view()).model;
    auto const weeks = [](double n) { return time_span(n, week); };
    EXPECT_RELATIVE(expected_purchases_new_customer(model, weeks(52)), 1.4440124, 1e-7);
    std::vector<double> const t{0.1429, 1, 3, 31.8571, 32, 78};
    std::vector<double> const e{0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.8580};
    for (std::size_t i = 0; i < t.size(); ++i)
        EXPECT_NEAR(expected_purchases_new_customer(model, weeks(t[i])), e[i], 5.1e-5);

    std::vector<double> out(data.T.size());
    EXPECT_EQ(data.frequency[1515], 26);
    EXPECT_DOUBLE_EQ(data.T[1515], 31.0);
    probability_alive(model, data.view(), {}, out);
    EXPECT_RELATIVE(out[1515], 0.9688544, 1e-6);
    EXPECT_RELATIVE(out[0], 0.726620, 1e-6);
    expected_purchases(model, data.view(), weeks(52), out);
    EXPECT_RELATIVE(out[1515], 25.757338, 1e-6);
    expected_purchases(model, data.view(), weeks(1), out);
    EXPECT_RELATIVE(out[1515], 0.7105738, 1e-6);
    expected_purchases(model, data.view(), weeks(39), out);
    EXPECT_NEAR(out[0], 1.226, 5e-4);
    EXPECT_RELATIVE(sum(out), 1653.41, 5e-6);

    // delta = ln(1.15) / 52 a week; the library's year has 365.25 days.
    double const rate = std::pow(1.15, in_units(year, week) / 52.0) - 1.0;
    discounted_expected_purchases(model, data.view(), rate, forever, out);
    EXPECT_RELATIVE(out[0], 5.169808, 1e-6);
    EXPECT_RELATIVE(out[1515], 71.06738, 1e-6);
}

TEST(beta_geo_nbd, published_values_at_given_parameters) {
    beta_geo_nbd const model{0.243, 4.414, 0.793, 2.426, week};
    std::vector<double> pmf(21);
    purchase_pmf_new_customer(model, time_span(2, week), pmf);
    EXPECT_RELATIVE(pmf[10], 1.07869e-7, 1e-5);
    purchase_pmf_new_customer(model, time_span(39, week), pmf);
    EXPECT_RELATIVE(pmf[0], 0.5737864, 1e-6);
    purchase_pmf_new_customer(model, time_span(30, week), pmf);
    EXPECT_RELATIVE(pmf[11], 0.0019995214, 1e-7);
    EXPECT_RELATIVE(pmf[20], 0.0002222260, 1e-6);
    EXPECT_NEAR((beta_geo_nbd{0.25, 4, 0.8, 2.5}.log_likelihood(0, 0, 40)), -0.59947382, 1e-8);
    EXPECT_NEAR((beta_geo_nbd{0.25, 4, 0.8, 2.5}.log_likelihood(200, 38, 40)), 100.7957, 5e-5);
    EXPECT_NEAR((modified_beta_geo_nbd{0.25, 4, 0.8, 2.5}.log_likelihood(0, 0, 40)), -0.41792826, 1e-8);
    EXPECT_NEAR((modified_beta_geo_nbd{0.25, 4, 0.8, 2.5}.log_likelihood(200, 38, 40)), 100.7869, 5e-5);
}

}  // namespace
}  // namespace clavis::lifetime

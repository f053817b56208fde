#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "clavis/core/errors.hpp"
#include "every_model.hpp"

// Quantiles of counts and of the next purchase against their definitions: sums of the distribution of counts, which other
// kernels compute, and the chance of no purchase.

namespace clavis::lifetime {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

struct rows {
    std::vector<std::int32_t> x;
    std::vector<double> tx, T;
    void add(test::history const& h) {
        x.push_back(static_cast<std::int32_t>(h.x)), tx.push_back(h.tx), T.push_back(h.T);
    }
    ledger::summary_view view() const {
        return {.frequency = x,
                .recency = tx,
                .T = T,
                .monetary_value = {},
                .log_gap_sum = {},
                .weights = {},
                .unit = std::chrono::weeks{1}};
    }
};

template <class Model>
rows usual_rows() {
    rows result;
    for (auto const& [x, tx, T] : std::vector<test::history>{
             {0, 0, 38.9}, {2, 30.4, 38.9}, {26, 30.9, 31}, {7, 12, 60}, {1, 1, 2}, {0, 0, 0}, {40, 50, 52}})
        result.add(test::possible<Model>(x, tx, T));
    return result;
}

TEST(quantiles, tail_is_the_sum_of_the_distribution) {
    test::for_every_model([](auto const& model) {
        using Model = std::remove_cvref_t<decltype(model)>;
        rows const r = usual_rows<Model>();
        for (std::size_t i = 0; i < r.x.size(); ++i)
            for (double const t : {0.5, 3.0, 39.0, 200.0}) {
                auto const process = model.given(r.x[i], r.tx[i], r.T[i]).process;
                double before = 0.0;
                for (std::int64_t n = 0; n < 60; ++n) {
                    double const tail = process.at_least(static_cast<double>(n), t);
                    ASSERT_NEAR(tail, 1.0 - before, 2e-12)
                        << Model::name << " row " << i << " t " << t << " n " << n;
                    // In the tail its differences are the distribution itself.
                    double const pmf = process.pmf(n, t);
                    double const next = process.at_least(static_cast<double>(n) + 1.0, t);
                    ASSERT_NEAR(tail - next, pmf, 1e-11 * tail)
                        << Model::name << " row " << i << " t " << t << " n " << n;
                    before += pmf;
                }
            }
    });
}

TEST(quantiles, of_counts_are_the_smallest_that_reach_the_chance) {
    test::for_every_model([](auto const& model) {
        using Model = std::remove_cvref_t<decltype(model)>;
        rows const r = usual_rows<Model>();
        std::vector<double> n(r.x.size());
        std::size_t constexpr most = 200;
        std::vector<double> pmf(r.x.size() * most);
        for (double const t : {0.5, 10.0}) {
            purchase_pmf(model, r.view(), {t, model.unit}, most - 1, pmf, 1);
            for (double const q : {0.0, 0.02, 0.5, 0.9, 0.975}) {
                purchase_quantile(model, r.view(), {t, model.unit}, q, n, 1);
                for (std::size_t i = 0; i < n.size(); ++i) {
                    ASSERT_LT(n[i], most);
                    double below = 0.0;
                    std::size_t smallest = 0;
                    for (; below + pmf[i * most + smallest] < q - 1e-11; ++smallest)
                        below += pmf[i * most + smallest];
                    double const reached = below + pmf[i * most + smallest];
                    if (std::abs(reached - q) < 1e-10) continue;  // a tie is a matter of the last digit
                    ASSERT_EQ(n[i], static_cast<double>(smallest))
                        << Model::name << " row " << i << " t " << t << " q " << q;
                }
            }
        }
    });
}

TEST(quantiles, of_the_next_purchase_solve_their_equation) {
    test::for_every_model([](auto const& model) {
        using Model = std::remove_cvref_t<decltype(model)>;
        rows const r = usual_rows<Model>();
        std::vector<double> w(r.x.size());
        for (double const q : {0.0, 1e-9, 0.05, 0.3, 0.5, 0.8, 0.95, 1.0}) {
            next_purchase_quantile(model, r.view(), q, w, 1);
            for (std::size_t i = 0; i < w.size(); ++i) {
                auto const [alive, process] = model.given(r.x[i], r.tx[i], r.T[i]);
                auto const some = [&](double t) { return alive * process.at_least(1.0, t); };
                auto const where = ::testing::Message()
                                   << Model::name << " row " << i << " q " << q << " w " << w[i];
                if (w[i] == inf) {
                    ASSERT_LE(some(inf), q + 1e-12) << where;
                } else if (q == 0.0) {
                    ASSERT_EQ(w[i], 0.0) << where;
                } else if (test::is_discrete<Model>) {
                    ASSERT_EQ(w[i], std::floor(w[i])) << where;
                    ASSERT_GE(some(w[i]), q - 1e-13) << where;
                    ASSERT_LT(some(w[i] - 1.0), q + 1e-13) << where;
                } else {
                    // By the other kernel, and by this one.
                    ASSERT_NEAR(1.0 - alive + alive * process.no_purchase(w[i]), 1.0 - q, 2e-13) << where;
                    ASSERT_NEAR(some(w[i]) / q, 1.0, 1e-11) << where;
                }
            }
        }
    });
}

TEST(quantiles, of_heavy_customers) {
    test::for_every_model([](auto const& model) {
        using Model = std::remove_cvref_t<decltype(model)>;
        rows r;
        for (double const x : {1e3, 1e4, 1e5})
            r.add(test::is_contract<Model>   ? test::history{x, x, x}
                  : test::is_discrete<Model> ? test::history{x, 1.5 * x, 1.5 * x}
                                             : test::history{x, 100.0, 100.001});
        double const t = test::is_discrete<Model> ? 1e5 : 100.0;
        std::vector<double> low(r.x.size()), middle(low), high(low), mean(low);
        purchase_quantile(model, r.view(), {t, model.unit}, 0.001, low);
        purchase_quantile(model, r.view(), {t, model.unit}, 0.5, middle);
        purchase_quantile(model, r.view(), {t, model.unit}, 0.999, high);
        expected_purchases(model, r.view(), {t, model.unit}, mean);
        for (std::size_t i = 0; i < mean.size(); ++i) {
            auto const [alive, process] = model.given(r.x[i], r.tx[i], r.T[i]);
            ASSERT_LT(low[i], middle[i]) << Model::name << ' ' << i;
            ASSERT_LT(low[i], mean[i]) << Model::name << ' ' << i;
            ASSERT_GT(high[i], mean[i]) << Model::name << ' ' << i;
            for (auto const& [n, q] : {std::pair(low[i], 0.001), {middle[i], 0.5}, {high[i], 0.999}}) {
                ASSERT_LE(alive * process.at_least(n + 1.0, t), 1.0 - q) << Model::name << ' ' << i;
                if (n > 0.0) {
                    ASSERT_GT(alive * process.at_least(n, t), 1.0 - q) << Model::name << ' ' << i;
                }
            }
        }
    });
}

TEST(quantiles, ends) {
    beta_geo_nbd const model{0.243, 4.414, 0.793, 2.426, std::chrono::weeks{1}};
    rows const r = usual_rows<beta_geo_nbd>();
    std::vector<double> n(r.x.size());
    purchase_quantile(model, r.view(), {39.0, model.unit}, 1.0, n);
    for (double const value : n)
        EXPECT_EQ(value, inf);
    purchase_quantile(model, r.view(), {0.0, model.unit}, 1.0, n);
    for (double const value : n)
        EXPECT_EQ(value, 0.0);
    purchase_quantile(model, r.view(), forever, 0.5, n);  // customers leave, so that counts end
    for (double const value : n)
        EXPECT_LT(value, 1e6);
    purchase_quantile(nbd{0.4, 12.0, model.unit}, r.view(), forever, 0.5, n);  // and here they do not
    for (double const value : n)
        EXPECT_EQ(value, inf);
    beta_geo_beta_binomial const donors{1.204, 0.750, 0.657, 2.783, model.unit};
    rows const d = usual_rows<beta_geo_beta_binomial>();
    purchase_quantile(donors, d.view(), {12.0, model.unit}, 1.0, n);
    for (double const value : n)
        EXPECT_EQ(value, 12.0);
    EXPECT_THROW(purchase_quantile(model, r.view(), {39.0, model.unit}, 1.1, n), input_error);
    EXPECT_THROW(next_purchase_quantile(model, r.view(), std::nan(""), n), input_error);
}

}  // namespace
}  // namespace clavis::lifetime

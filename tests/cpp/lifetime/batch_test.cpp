#include "reference.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "every_model.hpp"

// Batches go other ways than rows one by one (panels over T, differences of integrals, vectors, histories met before):
// each row must come out as alone, to the last bit, and as its model says directly, to the bound of the headers.

namespace clavis::lifetime {
namespace {

constexpr double bound = 1e-12;

struct table {
    std::vector<std::int32_t> frequency;
    std::vector<double> recency, T;

    ledger::summary_view view(std::size_t first = 0, std::size_t count = std::dynamic_extent) const {
        ledger::summary_view rows;
        rows.frequency = std::span(frequency).subspan(first, count);
        rows.recency = std::span(recency).subspan(first, count);
        rows.T = std::span(T).subspan(first, count);
        return rows;
    }
};

class draws {
  public:
    explicit draws(unsigned seed) : random_(seed) {}
    double uniform() { return std::uniform_real_distribution<double>(0.0, 1.0)(random_); }
    double wide(double low, double high) { return std::pow(10.0, low + (high - low) * uniform()); }

    template <class Model>
    table rows(std::size_t n, double longest) {
        table made;
        for (std::size_t i = 0; i < n; ++i) {
            double const T = i % 50 == 0       ? 0.0
                             : uniform() < 0.5 ? longest * uniform()
                                               : wide(-3, 0) * longest;
            double const tx = uniform() < 0.2 ? T : T * std::sqrt(uniform());
            double const counts = uniform() < 0.4 ? 0.0 : std::floor(wide(0, uniform() < 0.05 ? 4.5 : 1.7));
            test::history const h = test::possible<Model>(T == 0.0 ? 0.0 : counts, tx, T);
            made.frequency.push_back(static_cast<std::int32_t>(h.x));
            made.recency.push_back(h.tx);
            made.T.push_back(i % 97 == 3 ? std::nan("") : h.T);
        }
        return made;
    }

  private:
    std::mt19937_64 random_;
};

template <class Model, class Batch, class Direct>
void compare(Model const& model, table const& rows, Batch&& batch, Direct&& direct, char const* what) {
    std::size_t const n = rows.T.size();
    std::vector<double> all(n), threaded(n);
    batch(rows.view(), all, 1U);
    batch(rows.view(), threaded, 3U);
    for (std::size_t i = 0; i < n; ++i) {
        if (std::isnan(rows.T[i])) {
            ASSERT_TRUE(std::isnan(all[i]));
            continue;
        }
        ASSERT_EQ(all[i], threaded[i]);
        double const x = rows.frequency[i];
        double const exact = direct(x, rows.recency[i], rows.T[i]);
        if (exact > 1e-290)
            ASSERT_NEAR(all[i], exact, bound * exact)
                << Model::name << ' ' << what << ' ' << x << ' ' << rows.recency[i] << ' ' << rows.T[i]
                << ::testing::PrintToString(model.parameters());
        else
            ASSERT_LE(all[i], 1e-280);
        if (i % 11 != 0) continue;
        double alone = 0.0;
        batch(rows.view(i, 1), std::span(&alone, 1), 1U);
        ASSERT_EQ(alone, all[i]) << what;
    }
}

template <class Model>
void compare_all(Model const& model, table const& rows, double t) {
    time_span const horizon(t, model.unit);
    compare(
        model, rows,
        [&](auto const& view, std::span<double> out, unsigned threads) {
            probability_alive(model, view, {}, out, threads);
        },
        [&](double x, double tx, double T) { return model.given(x, tx, T).probability_alive; }, "P(alive)");
    compare(
        model, rows,
        [&](auto const& view, std::span<double> out, unsigned threads) {
            expected_purchases(model, view, horizon, out, threads);
        },
        [&](double x, double tx, double T) {
            auto const state = model.given(x, tx, T);
            return state.probability_alive == 0.0 ? 0.0 : state.probability_alive * state.process.expected(t);
        },
        "E(purchases)");
    compare(
        model, rows,
        [&](auto const& view, std::span<double> out, unsigned threads) {
            probability_no_purchase(model, view, horizon, out, threads);
        },
        [&](double x, double tx, double T) {
            auto const state = model.given(x, tx, T);
            double const alive = state.probability_alive;
            return std::min(1.0, (1.0 - alive) + alive * state.process.no_purchase(t));
        },
        "P(no purchase)");
}

template <class Model>
void compare_discounted(Model const& model, table const& rows, time_span horizon) {
    double const rate = std::log(1.1) / in_units(year, model.unit);
    compare(
        model, rows,
        [&](auto const& view, std::span<double> out, unsigned threads) {
            discounted_expected_purchases(model, view, 0.1, horizon, out, threads);
        },
        [&](double x, double tx, double T) {
            auto const state = model.given(x, tx, T);
            return state.probability_alive == 0.0
                       ? 0.0
                       : state.probability_alive * state.process.discounted(horizon.in(model.unit), rate);
        },
        "discounted purchases");
}

// The batch of one row, against tables of defining integrals at 50 digits. A new customer is the history (0, 0, 0).
template <class Model>
void check_reference(Model const& model, std::string const& name, double u, double w, double T,
                     double exact) {
    bool const alive = name == "probability_alive";
    table one;
    one.frequency.push_back(alive ? static_cast<std::int32_t>(u) : 0);
    one.recency.push_back(alive ? w : 0.0);
    one.T.push_back(alive ? T : 0.0);
    double value = 0.0;
    std::span<double> const out(&value, 1);
    if (alive)
        probability_alive(model, one.view(), {}, out, 1);
    else if (name == "expected")
        expected_purchases(model, one.view(), {u, duration{}}, out, 1);
    else if (name == "no_purchase")
        probability_no_purchase(model, one.view(), {u, duration{}}, out, 1);
    else
        return;
    if (exact < 1e-290)
        EXPECT_LT(value, 1e-280);  // too small for a double to hold its digits
    else
        EXPECT_NEAR(value, exact, exact * bound * std::max(1.0, -std::log(exact) / 50.0))
            << Model::name << ' ' << name << ' ' << u << ' ' << w << ' ' << T << ' '
            << ::testing::PrintToString(model.parameters());
}

TEST(batches, agree_with_the_defining_integrals) {
    int checked = 0;
    for (auto const& [name, v] : clavis::test::reference("lifetime_models.csv")) {
        beta_geo_nbd const bg{v[0], v[1], v[2], v[3]};
        modified_beta_geo_nbd const mbg{v[0], v[1], v[2], v[3]};
        if (name == "bg_probability_alive" || name == "expected")
            check_reference(bg, name.starts_with("bg_") ? name.substr(3) : name, v[4], v[5], v[6], v[7]),
                ++checked;
        else if (name == "mbg_probability_alive")
            check_reference(mbg, name.substr(4), v[4], v[5], v[6], v[7]), ++checked;
    }
    for (auto const& [name, v] : clavis::test::reference("lifetime_dropout.csv"))
        if (name.starts_with("pareto_"))
            check_reference(pareto_nbd{v[0], v[1], v[2], v[3]}, name.substr(7), v[5], v[6], v[7], v[8]),
                ++checked;
    EXPECT_GT(checked, 1000);
}

TEST(batches, of_every_model_are_those_of_each_row) {
    test::for_every_model([](auto const& model) {
        using Model = std::decay_t<decltype(model)>;
        draws draw(41);
        auto const rows = draw.rows<Model>(test::is_discrete<Model> ? 600 : 300, 80.0);
        for (double const t : {0.0, 1.0, 52.0})
            compare_all(model, rows, t);
        auto const few = draw.rows<Model>(40, 80.0);
        compare_discounted(model, few, forever);
        compare_discounted(model, few, year);
    });
}

// Purchases of regular customers come in waves, the more the larger k is.
TEST(batches, of_regular_customers_are_those_of_each_row) {
    draws draw(43);
    for (std::int32_t const k : {2, 4, 6, 12, 48})
        for (int i = 0; i < (k < 12 ? 2 : 1); ++i) {
            beta_geo_cnbd const model{
                draw.wide(-1, 0.5),   draw.wide(-1, 1), draw.wide(-1, 1), draw.wide(-1, 1.5), k,
                std::chrono::weeks{1}};
            auto const rows = draw.rows<beta_geo_cnbd>(k < 12 ? 12 : 6, 60.0);
            compare_all(model, rows, draw.wide(0, 1.5));
            if (k == 4 && i == 0) compare_discounted(model, rows, time_span(30.0, model.unit));
        }
}

TEST(batches, of_extreme_parameters_are_those_of_each_row) {
    draws draw(42);
    auto const parameter = [&] { return draw.wide(-3, 3); };
    for (int i = 0; i < 40; ++i) {
        double const T = draw.wide(-3, 4);
        double const t = draw.wide(-3, 4);
        compare_all(beta_geo_nbd{parameter(), parameter(), parameter(), parameter()},
                    draw.rows<beta_geo_nbd>(60, T), t);
        compare_all(modified_beta_geo_nbd{parameter(), parameter(), parameter(), parameter()},
                    draw.rows<modified_beta_geo_nbd>(60, T), t);
        compare_all(pareto_nbd{parameter(), parameter(), parameter(), parameter()},
                    draw.rows<pareto_nbd>(60, T), t);
    }
}

}  // namespace
}  // namespace clavis::lifetime

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/core/random.hpp"
#include "every_model.hpp"

// What every fit promises, whatever the model: a weight is as good as repeated rows, compressed rows tell what the rows
// tell, a parameter held fixed stays and the others are the best beside it, the result does not depend on where the search
// begins, and priors are a density of the logarithms.

namespace clavis::lifetime {
namespace {

struct table {
    std::vector<std::int32_t> x;
    std::vector<double> tx, T, gaps, weights;

    ledger::summary_view view() const {
        return {.frequency = x,
                .recency = tx,
                .T = T,
                .monetary_value = {},
                .log_gap_sum = gaps,
                .weights = weights,
                .unit = std::chrono::weeks{1}};
    }
};

/// Customers in whole weeks, many of them alike: Poisson buyers who leave at constant rates of their own, or contracts.
template <class Model>
table customers(std::size_t n = 400) {
    table t;
    for (std::size_t i = 0; i < n; ++i) {
        random_stream random(7, 1, i);
        double T = 20.0 + static_cast<double>(random.below(5)) * 8.0;
        double const buys = random.gamma(1.2) / 8.0;
        double const life = random.exponential() * 40.0 / random.gamma(1.5);
        double tx = 0.0;
        std::int32_t x = 0;
        if (test::is_contract<Model>) {
            T = 1.0 + static_cast<double>(random.below(9));
            double const lost = static_cast<double>(random.geometric(random.beta(1.0, 3.0)));
            tx = std::min(T, lost);
            x = static_cast<std::int32_t>(tx);
        } else {
            double at = 0.0;
            while ((at += random.exponential() / buys) <= std::min(T, life)) {
                if (std::ceil(at) == tx) continue;  // one purchase a week, as BG/BB counts
                tx = std::ceil(at);
                ++x;
            }
        }
        t.x.push_back(x);
        t.tx.push_back(tx);
        t.T.push_back(T);
        t.gaps.push_back(x == 0 ? 0.0 : x * (std::log(tx / x) - 0.2));
    }
    return t;
}

template <class Model>
fit_options usual() {
    fit_options options{.threads = 1};
    if constexpr (std::is_same_v<Model, beta_geo_cnbd> || std::is_same_v<Model, modified_beta_geo_cnbd>)
        options.fixed.emplace_back("k", 2.0);
    return options;
}

template <class Model>
double total(Model const& model, table const& t) {
    std::vector<double> out(t.x.size());
    log_likelihood(model, t.view(), out, 1);
    double sum = 0.0;
    for (std::size_t i = 0; i < out.size(); ++i)
        sum += (t.weights.empty() ? 1.0 : t.weights[i]) * out[i];
    return sum;
}

/// Parameters that a fit estimates: all but k.
template <class Model>
std::size_t estimated() {
    std::size_t const n = Model::parameter_names.size();
    return Model::parameter_names[n - 1] == "k" ? n - 1 : n;
}

/// The same model with its parameters times these factors.
template <class Model>
Model scaled(Model const& model, std::vector<double> const& factors) {
    auto p = model.parameters();
    for (std::size_t i = 0; i < factors.size(); ++i)
        p[i] *= factors[i];
    return Model::from(p, model.unit);
}

TEST(fit_promises, weights_are_repeated_rows) {
    test::for_every_model([](auto const& usual_model) {
        using Model = std::remove_cvref_t<decltype(usual_model)>;
        table weighted = customers<Model>();
        table repeated;
        for (std::size_t i = 0; i < weighted.x.size(); ++i) {
            std::size_t const times = i % 3 + (i % 7 == 0 ? 2 : 0);  // none, one or more
            weighted.weights.push_back(static_cast<double>(times));
            for (std::size_t k = 0; k < times; ++k) {
                repeated.x.push_back(weighted.x[i]);
                repeated.tx.push_back(weighted.tx[i]);
                repeated.T.push_back(weighted.T[i]);
                repeated.gaps.push_back(weighted.gaps[i]);
            }
        }
        auto const one = fit<Model>(weighted.view(), usual<Model>());
        auto const other = fit<Model>(repeated.view(), usual<Model>());
        EXPECT_EQ(one.report.converged, other.report.converged) << Model::name;
        EXPECT_EQ(one.report.distinct_rows, other.report.distinct_rows) << Model::name;
        EXPECT_EQ(one.report.customers, other.report.customers) << Model::name;
        EXPECT_NEAR(one.report.log_likelihood, other.report.log_likelihood,
                    1e-11 * std::abs(one.report.log_likelihood))
            << Model::name;
        for (std::size_t i = 0; i < estimated<Model>() && one.report.converged; ++i) {
            EXPECT_NEAR(one.report.estimates[i] / other.report.estimates[i], 1.0, 1e-7) << Model::name << i;
            EXPECT_NEAR(one.report.standard_errors[i] / other.report.standard_errors[i], 1.0, 1e-6)
                << Model::name << i;
        }
    });
}

TEST(fit_promises, compressed_rows_tell_what_the_rows_tell) {
    test::for_every_model([](auto const& usual_model) {
        using Model = std::remove_cvref_t<decltype(usual_model)>;
        table const t = customers<Model>();
        auto const found = fit<Model>(t.view(), usual<Model>());
        EXPECT_LT(found.report.distinct_rows, found.report.rows) << Model::name;
        EXPECT_EQ(found.report.rows, static_cast<std::int64_t>(t.x.size()));
        EXPECT_NEAR(total(found.model, t), found.report.log_likelihood,
                    1e-11 * std::abs(found.report.log_likelihood))
            << Model::name;
        // Row by row, each under a weight too small to tell it from the next: nothing is alike, and nothing changes.
        table apart = t;
        for (std::size_t i = 0; i < t.x.size(); ++i)
            apart.weights.push_back(1.0 + 1e-13 * static_cast<double>(i));
        auto const again = fit<Model>(apart.view(), usual<Model>());
        EXPECT_NEAR(again.report.log_likelihood / found.report.log_likelihood, 1.0, 1e-10) << Model::name;
    });
}

TEST(fit_promises, a_parameter_held_fixed_stays_and_the_rest_is_the_best_beside_it) {
    test::for_every_model([](auto const& usual_model) {
        using Model = std::remove_cvref_t<decltype(usual_model)>;
        table const t = customers<Model>();
        auto const free = fit<Model>(t.view(), usual<Model>());
        for (std::size_t held = 0; held < estimated<Model>(); ++held) {
            fit_options options = usual<Model>();
            double const value = usual_model.parameters()[held];
            options.fixed.emplace_back(std::string(Model::parameter_names[held]), value);
            auto const found = fit<Model>(t.view(), options);
            auto const where = std::string(Model::name) + " " + std::string(Model::parameter_names[held]);
            EXPECT_EQ(found.report.estimates[held], value) << where;
            EXPECT_EQ(found.model.parameters()[held], value) << where;
            EXPECT_EQ(found.report.standard_errors[held], 0.0) << where;
            double const top = total(found.model, t);
            EXPECT_NEAR(top, found.report.log_likelihood, 1e-10 * std::abs(top)) << where;
            EXPECT_LE(top, free.report.log_likelihood + 1e-6) << where;
            // No other set of the rest is better, near or far.
            random_stream random(3, 2, held);
            for (int i = 0; i < 60; ++i) {
                std::vector<double> factors(estimated<Model>());
                double const width = i < 30 ? 0.02 : 1.0;
                for (std::size_t j = 0; j < factors.size(); ++j)
                    factors[j] = j == held ? 1.0 : std::exp(width * random.normal());
                EXPECT_LE(total(scaled(found.model, factors), t), top + 1e-7 * (1.0 + std::abs(top)))
                    << where;
            }
        }
    });
}

TEST(fit_promises, a_poor_start_does_no_harm) {
    test::for_every_model([](auto const& usual_model) {
        using Model = std::remove_cvref_t<decltype(usual_model)>;
        table const t = customers<Model>();
        auto const found = fit<Model>(t.view(), usual<Model>());
        random_stream random(5, 2, 1);
        for (int i = 0; i < 8; ++i) {
            fit_options options = usual<Model>();
            auto& start = options.starts.emplace_back();
            for (std::size_t j = 0; j < estimated<Model>(); ++j)
                start.push_back(usual_model.parameters()[j] * std::exp(random.uniform(-6.0, 6.0)));
            auto const other = fit<Model>(t.view(), options);
            EXPECT_EQ(other.report.converged, found.report.converged) << Model::name << i;
            // Without an optimum there is a ridge, along which little is to be gained.
            double const slack = found.report.converged ? 1e-8 * std::abs(found.report.log_likelihood) : 0.5;
            EXPECT_NEAR(other.report.log_likelihood, found.report.log_likelihood, slack) << Model::name << i;
            EXPECT_GE(other.report.log_likelihood, found.report.log_likelihood - 1e-6) << Model::name << i;
        }
    });
}

TEST(fit_promises, starts_are_checked_and_the_optimum_is_one) {
    table const t = customers<pareto_nbd>();
    auto const found = fit<pareto_nbd>(t.view());
    ASSERT_TRUE(found.report.converged);
    auto const p = found.model.parameters();
    fit_options options{.starts = {{p.begin(), p.end()}}, .threads = 1};
    auto const again = fit<pareto_nbd>(t.view(), options);
    for (std::size_t i = 0; i < p.size(); ++i)
        EXPECT_NEAR(again.model.parameters()[i] / p[i], 1.0, 1e-7);
    EXPECT_THROW(fit<pareto_nbd>(t.view(), {.starts = {{1.0, 2.0}}}), input_error);
    EXPECT_THROW(fit<pareto_nbd>(t.view(), {.starts = {{1.0, 2.0, -1.0, 3.0}}}), input_error);
    EXPECT_THROW(fit<pareto_nbd>(t.view(), {.starts = {{1.0, 2.0, std::nan(""), 3.0}}}), input_error);
}

double log_density(prior const& p, double y) {
    if (p.kind == prior::family::gamma)
        return p.first * std::log(p.second) + p.first * y - p.second * std::exp(y) - std::lgamma(p.first);
    double const z = (y - p.first) / p.second;
    return -0.5 * z * z - std::log(p.second * std::sqrt(2.0 * std::acos(-1.0)));
}

TEST(fit_promises, priors_are_a_density_of_the_logarithms) {
    test::for_every_model([](auto const& usual_model) {
        using Model = std::remove_cvref_t<decltype(usual_model)>;
        table const t = customers<Model>();
        double const mean_age =
            std::accumulate(t.T.begin(), t.T.end(), 0.0) / static_cast<double>(t.T.size());
        fit_options options = usual<Model>();
        for (std::size_t i = 0; i < estimated<Model>(); ++i)
            options.priors.push_back({.parameter = std::string(Model::parameter_names[i]),
                                      .kind = i % 2 == 0 ? prior::family::log_normal : prior::family::gamma,
                                      .first = i % 2 == 0 ? -0.3 : 2.0,
                                      .second = i % 2 == 0 ? 0.6 : 1.5});
        auto const found = fit<Model>(t.view(), options);
        EXPECT_TRUE(found.report.converged) << Model::name << ' ' << found.report.status;
        EXPECT_EQ(found.report.priors.size(), estimated<Model>());
        auto const prior_at = [&](Model const& m) {
            double sum = 0.0;
            for (std::size_t i = 0; i < estimated<Model>(); ++i)
                sum += log_density(options.priors[i],
                                   std::log(m.parameters()[i] / std::pow(mean_age, Model::time_power[i])));
            return sum;
        };
        EXPECT_NEAR(found.report.log_prior, prior_at(found.model),
                    1e-9 * (1.0 + std::abs(found.report.log_prior)))
            << Model::name;
        EXPECT_NEAR(found.report.log_likelihood, total(found.model, t),
                    1e-9 * std::abs(found.report.log_likelihood))
            << Model::name;
        double const top = total(found.model, t) + prior_at(found.model);
        random_stream random(3, 2, 9);
        for (int i = 0; i < 80; ++i) {
            std::vector<double> factors(estimated<Model>());
            for (double& f : factors)
                f = std::exp((i < 40 ? 0.02 : 1.0) * random.normal());
            Model const other = scaled(found.model, factors);
            EXPECT_LE(total(other, t) + prior_at(other), top + 1e-8 * std::abs(top)) << Model::name;
        }
    });
}

TEST(fit_promises, a_sharp_prior_holds_a_parameter) {
    table const t = customers<beta_geo_nbd>();
    double const mean_age = std::accumulate(t.T.begin(), t.T.end(), 0.0) / static_cast<double>(t.T.size());
    fit_options options{.priors = {{.parameter = "alpha", .first = std::log(9.0 / mean_age), .second = 1e-4}},
                        .threads = 1};
    auto const near = fit<beta_geo_nbd>(t.view(), options);
    auto const held = fit<beta_geo_nbd>(t.view(), {.fixed = {{"alpha", 9.0}}, .threads = 1});
    EXPECT_NEAR(near.model.alpha, 9.0, 1e-3);
    EXPECT_NEAR(near.model.r / held.model.r, 1.0, 1e-3);
    EXPECT_NEAR(near.model.b / held.model.b, 1.0, 1e-2);
}

TEST(fit_promises, priors_that_mean_nothing) {
    table const t = customers<beta_geo_nbd>();
    auto const refused = [&](std::vector<prior> priors, std::string const& words) {
        try {
            fit<beta_geo_nbd>(t.view(), {.fixed = {{"b", 2.0}}, .priors = std::move(priors)});
            ADD_FAILURE() << words;
        } catch (input_error const& error) {
            EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
        }
    };
    refused({{.parameter = "s"}}, "no parameter \"s\"");
    refused({{.parameter = "r"}, {.parameter = "r"}}, "\"r\" has two priors");
    refused({{.parameter = "b"}}, "held fixed");
    refused({{.parameter = "r", .second = 0.0}}, "deviation must be positive");
    refused({{.parameter = "r", .first = std::nan("")}}, "log-normal");
    refused({{.parameter = "r", .kind = prior::family::gamma, .first = -1.0, .second = 1.0}},
            "both must be positive");
}

}  // namespace
}  // namespace clavis::lifetime

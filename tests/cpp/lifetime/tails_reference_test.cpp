#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "every_model.hpp"
#include "reference.hpp"

// Tails of counts, quantiles of counts and waits until the next purchase against integrals over the time of the n-th
// purchase and ratios of likelihoods at 50 digits (tests/reference/make_lifetime_tails.py).

namespace clavis::lifetime {
namespace {

// The bounds stated in the models' headers and in model.hpp.
constexpr double tail_bound = 1e-12;
constexpr double wait_bound = 1e-11;

constexpr duration week = std::chrono::weeks{1};

/// visit(model) with the model of a row.
template <class Visit>
void with_model(std::string const& name, std::vector<double> const& p, Visit&& visit) {
    auto const k = static_cast<std::int32_t>(p[4]);
    if (name == "nbd") return visit(nbd{p[0], p[1], week});
    if (name == "bg") return visit(beta_geo_nbd{p[0], p[1], p[2], p[3], week});
    if (name == "mbg") return visit(modified_beta_geo_nbd{p[0], p[1], p[2], p[3], week});
    if (name == "cnbd" || name == "bg_cnbd") return visit(beta_geo_cnbd{p[0], p[1], p[2], p[3], k, week});
    if (name == "mbg_cnbd") return visit(modified_beta_geo_cnbd{p[0], p[1], p[2], p[3], k, week});
    if (name == "pareto") return visit(pareto_nbd{p[0], p[1], p[2], p[3], week});
    if (name == "ggom") return visit(gamma_gompertz_nbd{p[0], p[1], p[4], p[2], p[3], week});
    if (name == "bgbb") return visit(beta_geo_beta_binomial{p[0], p[1], p[2], p[3], week});
    if (name == "sbg") return visit(shifted_beta_geo{p[0], p[1], week});
    if (name == "bdw") return visit(beta_discrete_weibull{p[0], p[1], p[2], week});
    ADD_FAILURE() << "unknown model " << name;
}

/// P(n or more purchases in t) of the process of a row.
double tail(std::string const& name, std::vector<double> const& v) {
    double const n = v[6], t = v[7];
    if (name == "cnbd")
        return beta_geo_cnbd_process{v[0], v[1], v[2], v[3], static_cast<std::int32_t>(v[4]), v[5]}.at_least(
            n, t);
    if (name == "bdw") {
        double const age = std::isnan(v[3]) ? 0.0 : v[3];
        return beta_discrete_weibull_process{v[0], v[1], v[2], age}.at_least(n, t);
    }
    double result = 0.0;
    with_model(name, v, [&](auto const& model) {
        if constexpr (requires { model.at_least(n, t); }) result = model.at_least(n, t);
    });
    return result;
}

ledger::summary_view one_row(std::int32_t const& x, double const& tx, double const& T) {
    return {.frequency = {&x, 1},
            .recency = {&tx, 1},
            .T = {&T, 1},
            .monetary_value = {},
            .log_gap_sum = {},
            .weights = {},
            .unit = week};
}

std::tuple<std::string, std::string> parts(std::string const& function) {
    for (std::string const what : {"_at_least", "_count_quantile", "_wait"})
        if (function.ends_with(what)) return {function.substr(0, function.size() - what.size()), what};
    return {function, ""};
}

std::string row_text(std::string const& function, std::vector<double> const& v) {
    std::string text = function + " at";
    for (double const value : v)
        text += ' ' + std::to_string(value);
    return text;
}

TEST(tails, agree_with_the_defining_integrals) {
    std::map<std::string, double> worst;
    std::map<std::string, int> rows;
    for (auto const& [function, v] : clavis::test::reference("lifetime_tails.csv")) {
        auto const [name, what] = parts(function);
        if (what != "_at_least") continue;
        ++rows[name];
        double const exact = v[10];
        double const value = tail(name, v);
        if (exact < 1e-290) {
            EXPECT_LT(value, 1e-280);  // too small for a double to hold its digits
            continue;
        }
        // The logarithm of what is very small has only so many digits.
        double const bound = tail_bound * std::max(1.0, -std::log(exact) / 50.0);
        double const error = std::abs(value / exact - 1.0);
        worst[name] = std::max(worst[name], error);
        EXPECT_LE(error, bound) << row_text(function, v) << " gives " << value << " not " << exact;
    }
    EXPECT_EQ(worst.size(), 8U);
    for (auto const& [name, error] : worst) {
        EXPECT_GE(rows[name], 200) << name;
        RecordProperty(name, std::to_string(error * 1e15) + "e-15");
    }
}

// Of new customers; a third of the chances lie 1e-9 off where the quantile jumps.
TEST(tails, quantiles_of_counts) {
    std::map<std::string, int> rows;
    for (auto const& [function, v] : clavis::test::reference("lifetime_tails.csv")) {
        auto const [name, what] = parts(function);
        if (what != "_count_quantile") continue;
        ++rows[name];
        double n = -1.0;
        with_model(name, v, [&](auto const& model) {
            std::int32_t const x = 0;
            double const T = 0.0;
            purchase_quantile(model, one_row(x, T, T), {v[6], week}, v[7], {&n, 1}, 1);
        });
        EXPECT_EQ(n, v[10]) << row_text(function, v);
    }
    EXPECT_EQ(rows.size(), 9U);
    for (auto const& [name, count] : rows)
        EXPECT_EQ(count, 200) << name;
}

TEST(tails, waits_until_the_next_purchase) {
    std::map<std::string, double> worst;
    std::map<std::string, int> rows;
    for (auto const& [function, v] : clavis::test::reference("lifetime_tails.csv")) {
        auto const [name, what] = parts(function);
        if (what != "_wait") continue;
        ++rows[name];
        auto const x = static_cast<std::int32_t>(v[6]);
        double wait = -1.0;
        with_model(name, v, [&](auto const& model) {
            next_purchase_quantile(model, one_row(x, v[7], v[8]), v[9], {&wait, 1}, 1);
        });
        double const error = std::abs(wait / v[10] - 1.0);
        worst[name] = std::max(worst[name], error);
        EXPECT_LE(error, wait_bound) << row_text(function, v) << " gives " << wait;
    }
    EXPECT_EQ(worst.size(), 8U);
    EXPECT_EQ(worst["bgbb"], 0.0);
    for (auto const& [name, error] : worst) {
        EXPECT_EQ(rows[name], 200) << name;
        RecordProperty(name, std::to_string(error * 1e15) + "e-15");
    }
}

}  // namespace
}  // namespace clavis::lifetime

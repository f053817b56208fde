#include "clavis/lifetime/saved_model.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "clavis/core/errors.hpp"

// Models as documents: back to the last bit, and nothing from strangers is believed.

namespace clavis::lifetime {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

void expect_same_bits(double a, double b) {
    if (std::isnan(a)) {
        EXPECT_TRUE(std::isnan(b));
    } else {
        EXPECT_EQ(std::bit_cast<std::uint64_t>(a), std::bit_cast<std::uint64_t>(b));
    }
}

void expect_same_bits(std::vector<double> const& a, std::vector<double> const& b) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i)
        expect_same_bits(a[i], b[i]);
}

// Any positive finite double, subnormal ones too.
double any_positive(std::mt19937_64& random) {
    for (;;) {
        auto const v = std::bit_cast<double>(random() >> 1);
        if (v > 0.0 && std::isfinite(v)) return v;
    }
}

template <class Model>
void expect_back(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    constexpr std::size_t n = Model::parameter_names.size();
    std::array<double, n> parameters{};
    for (std::size_t i = 0; i < n; ++i)
        parameters[i] = Model::parameter_names[i] == "k" ? 1.0 + static_cast<double>(random() % 48)
                                                         : any_positive(random);
    Model model{};
    if constexpr (requires { model.unit; })
        model = Model::from(parameters, duration(static_cast<std::int64_t>(random() % 3) * 86'400'000'000));
    else
        model = Model::from(parameters);
    fit_report report;
    report.parameter_names.assign(Model::parameter_names.begin(), Model::parameter_names.end());
    report.estimates.assign(parameters.begin(), parameters.end());
    report.converged = random() % 2 == 0;
    report.status = "not converged: \"flat\", \\ and \u03b2";
    for (std::size_t i = 0; i < n; ++i)
        report.standard_errors.push_back(i == 0 ? nan : i == 1 ? 0.0 : any_positive(random));
    for (std::size_t i = 0; i < n * n; ++i)
        report.covariance.push_back(i % 3 == 0 ? nan : -any_positive(random));
    report.log_likelihood = -any_positive(random);
    report.gradient_norm = any_positive(random);
    report.condition = inf;
    report.iterations = 17;
    report.rows = 2357;
    report.distinct_rows = 1016;
    report.left_out = 3;
    report.customers = 2357.5;
    // The longest report that a fit can give.
    for (int i = 0; i < 8; ++i)
        report.warnings.emplace_back(200, 'w');
    for (int k = 1; k <= 48; ++k)
        report.profile.push_back({static_cast<double>(k), -any_positive(random)});

    std::string const text = to_json(model, &report);
    EXPECT_LE(text.size(), 10u << 10);
    auto const saved = from_json(text);
    ASSERT_TRUE(std::holds_alternative<Model>(saved.model));
    auto const& back = std::get<Model>(saved.model);
    for (std::size_t i = 0; i < n; ++i)
        expect_same_bits(parameters[i], back.parameters()[i]);
    if constexpr (requires { model.unit; }) {
        EXPECT_EQ(model.unit, back.unit);
    }
    ASSERT_TRUE(saved.report.has_value());
    fit_report const& r = *saved.report;
    EXPECT_EQ(r.converged, report.converged);
    EXPECT_EQ(r.status, report.status);
    EXPECT_EQ(r.parameter_names, report.parameter_names);
    expect_same_bits(report.estimates, r.estimates);
    expect_same_bits(report.standard_errors, r.standard_errors);
    expect_same_bits(report.covariance, r.covariance);
    expect_same_bits(report.log_likelihood, r.log_likelihood);
    expect_same_bits(report.gradient_norm, r.gradient_norm);
    expect_same_bits(report.condition, r.condition);
    expect_same_bits(report.customers, r.customers);
    EXPECT_EQ(r.iterations, 17);
    EXPECT_EQ(r.rows, 2357);
    EXPECT_EQ(r.distinct_rows, 1016);
    EXPECT_EQ(r.left_out, 3);
    EXPECT_EQ(r.warnings, report.warnings);
    ASSERT_EQ(r.profile.size(), 48u);
    for (std::size_t i = 0; i < 48; ++i) {
        EXPECT_EQ(r.profile[i].value, report.profile[i].value);
        expect_same_bits(report.profile[i].log_likelihood, r.profile[i].log_likelihood);
    }
    EXPECT_EQ(to_json(saved.model, &r), text);
    EXPECT_FALSE(from_json(to_json(model)).report.has_value());
}

template <std::size_t... I>
void expect_all_back(std::index_sequence<I...>) {
    for (std::uint64_t seed = 0; seed < 40; ++seed)
        (expect_back<std::variant_alternative_t<I, any_model>>(seed), ...);
}

TEST(saved_model, comes_back_to_the_last_bit) {
    expect_all_back(std::make_index_sequence<std::variant_size_v<any_model>>());
}

void expect_refused(std::string const& text, std::string const& words) {
    try {
        from_json(text);
        ADD_FAILURE() << "accepted " << text.substr(0, 300);
    } catch (input_error const& error) {
        EXPECT_NE(std::string(error.what()).find(words), std::string::npos)
            << error.what() << " should say " << words;
        EXPECT_LT(std::string(error.what()).size(), 400u);
    }
}

TEST(saved_model, refuses_what_it_does_not_know) {
    fit_report report;
    report.parameter_names = {"r", "alpha"};
    report.standard_errors = {0.1, nan};
    report.covariance = {1.0, 2.0, 2.0, nan};
    report.status = "converged";
    report.warnings = {"careful"};
    report.log_likelihood = report.gradient_norm = report.condition = 1.0;
    std::string const good = to_json(nbd{0.5, 10.0, week}, &report);
    ASSERT_NO_THROW(from_json(good));
    auto const changed = [&](std::string const& from, std::string const& to) {
        std::string text = good;
        auto const place = text.find(from);
        EXPECT_NE(place, std::string::npos) << from << " in " << text;
        return text.replace(place, from.size(), to);
    };
    expect_refused("", "not JSON");
    expect_refused(good.substr(0, good.size() - 1), "not JSON");
    expect_refused(good + "x", "not JSON");
    expect_refused("[]", "is not an object");
    expect_refused("null", "is not an object");
    expect_refused("{}", "format is missing");
    expect_refused(std::string(10'241, ' '), "larger than 10 KB");
    expect_refused(std::string(9'000, '['), "deeper than 5 levels");
    expect_refused(changed("\"clavis model\"", "\"other\""), "format");
    expect_refused(changed("\"version\":1", "\"version\":2"), "version: 2 is not 1");
    expect_refused(changed("\"version\":1", "\"version\":\"1\""), "version");
    expect_refused(changed("\"version\":1", "\"version\":1,\"extra\":0"), "unknown key \"extra\"");
    expect_refused(changed("\"version\":1", "\"version\":1,\"version\":1"), "stands twice");
    expect_refused(changed("\"model\":\"NBD\"", "\"model\":\"NBD2\""), "not a model this version knows");
    expect_refused(changed("\"model\":\"NBD\"", "\"model\":7"), "model: 7 is not text");
    expect_refused(changed("\"model\":\"NBD\"", "\"model\":\"Gamma-Gamma\""), "unit");
    expect_refused(changed("\"model\":\"NBD\"", "\"model\":\"BG/NBD\""), "a is missing");
    for (auto const* unit :
         {"-1", "1.5", "\"week\"", "null", "18446744073709551615", "1e300", "99999999999999999"})
        expect_refused(changed("\"unit\":604800000000", std::string("\"unit\":") + unit), "unit");
    for (auto const* r : {"0.0", "-0.5", "null", "\"0.5\"", "[0.5]", "true", "{}"})
        expect_refused(changed("\"r\":0.5", std::string("\"r\":") + r), "parameters");
    expect_refused(changed("\"r\":0.5", "\"r\":1e999"), "not JSON: a number is out of range");
    expect_refused(changed("\"r\":0.5", "\"r\":NaN"), "not JSON");
    expect_refused(changed("\"r\":0.5", "\"q\":0.5"), "r is missing");
    expect_refused(changed("\"r\":0.5", "\"r\":0.5,\"q\":1"), "there is no parameter \"q\"");
    expect_refused(changed("\"parameters\":{", "\"parameters\":[{"), "not JSON");
    expect_refused(changed("\"converged\":false", "\"converged\":0"), "is not true or false");
    expect_refused(changed("\"status\":\"converged\"", "\"status\":null"), "is not text");
    expect_refused(changed("\"status\":\"converged\"", "\"status\":\"" + std::string(1001, 'x') + '"'),
                   "longer");
    expect_refused(changed("\"standard_errors\":{\"r\":0.1", "\"standard_errors\":{\"r\":-0.1"), "negative");
    expect_refused(changed("\"standard_errors\":{\"r\":0.1", "\"standard_errors\":{\"p\":0.1"),
                   "r is missing");
    expect_refused(changed("\"covariance\":[1.0,", "\"covariance\":["), "4 are needed");
    expect_refused(changed("\"covariance\":[1.0,", "\"covariance\":[1.0,1.0,"), "longer than 4");
    expect_refused(changed("\"covariance\":[1.0,", "\"covariance\":[\"NaN\","), "is not a number, null");
    expect_refused(changed("\"rows\":0", "\"rows\":-1"), "does not lie between");
    expect_refused(changed("\"rows\":0", "\"rows\":9007199254740993"), "does not lie between");
    expect_refused(changed("\"rows\":0", "\"rows\":0.5"), "not a whole number");
    expect_refused(changed("\"iterations\":0", "\"iterations\":2147483648"), "does not lie between");
    expect_refused(changed("\"warnings\":[\"careful\"]", "\"warnings\":\"careful\""), "is not a list");
    expect_refused(changed("\"warnings\":[\"careful\"]", "\"warnings\":[1]"), "is not text");
    expect_refused(changed("\"profile\":[]", "\"profile\":[[1]]"), "with its log-likelihood");
    expect_refused(changed("\"profile\":[]", "\"profile\":[[1,2,3]]"), "longer than 2");
    expect_refused(changed("\"profile\":[]", "\"profiles\":[]"), "unknown key");
    expect_refused(R"({"format":"clavis model","version":1,"model":"BG/CNBD-k","unit":0,)"
                   R"("parameters":{"r":1,"alpha":1,"a":1,"b":1,"k":1.5},"report":null})",
                   "k");
    expect_refused(R"({"format":"clavis model","version":1,"model":"BG/CNBD-k","unit":0,)"
                   R"("parameters":{"r":1,"alpha":1,"a":1,"b":1,"k":1e300},"report":null})",
                   "k");
}

TEST(saved_model, refuses_to_write_what_is_no_model) {
    EXPECT_THROW(to_json(nbd{0.5, nan}), input_error);
    EXPECT_THROW(to_json(gamma_gamma{1.0, -1.0, 2.0}), input_error);
    fit_report report;
    report.parameter_names = {"alpha", "r"};
    report.standard_errors = {1.0, 1.0};
    report.covariance.assign(4, 1.0);
    EXPECT_THROW(to_json(nbd{0.5, 1.0}, &report), input_error);
}

}  // namespace
}  // namespace clavis::lifetime

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iomanip>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "anywhere.hpp"
#include "every_model.hpp"
#include "lifetime/beta_geo_beta_binomial_likelihood.hpp"
#include "lifetime/beta_geo_cnbd_likelihood.hpp"
#include "lifetime/beta_geo_likelihood.hpp"
#include "lifetime/contract_likelihood.hpp"
#include "lifetime/gamma_gompertz_likelihood.hpp"
#include "lifetime/nbd_likelihood.hpp"
#include "lifetime/pareto_likelihood.hpp"

// Whatever valid history meets whatever valid parameters, every figure is a number, is infinite only where it is so in
// mathematics, keeps the bounds of its kind and agrees with its neighbours: a chance ahead is no larger than now, a mean no
// smaller than the chance of any, what is discounted no larger than what is not. A draw is one customer under one set of
// parameters with one horizon. Every draw goes through the likelihood, P(alive) now and then, the mean and P(no purchase);
// distributions, quantiles, derivatives and discounted means, which cost up to a thousand times as much, take turns, each
// with an eighth or a quarter of the draws. CLAVIS_VERIFY=1 makes 10 million draws, a million of each model.

namespace clavis::lifetime {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
using test::draw_parameter;
using test::tiny;
using test::wide;

template <class Model>
Model draw_model(random_stream& random) {
    std::array<double, Model::parameter_names.size()> p{};
    for (std::size_t i = 0; i < p.size(); ++i)
        p[i] = Model::parameter_names[i] == "k" ? std::floor(wide(random, 1.0, largest_k + 0.99))
                                                : draw_parameter(random);
    // Two parameters that meet are a case of their own.
    if (random.below(20) == 0) p[p.size() > 3 ? 3 : 1] = p[p.size() > 3 ? 1 : 0];
    return Model::from(p, std::chrono::weeks{1});
}

template <class Model>
test::history draw_history(random_stream& random) {
    double T = wide(random, 1e-6, 1e6);
    if (test::is_discrete<Model>) T = std::floor(wide(random, 1.0, 1e5));
    if (random.below(50) == 0) T = 0.0;
    double const x = test::draw_count(random);
    double tx = T;
    switch (random.below(8)) {
        case 0:
            break;
        case 1:
            tx = 0.0;
            break;
        case 2:
        case 3:
            tx = T * (1.0 - tiny(random));
            break;
        case 4:
            tx = T * tiny(random);
            break;
        default:
            tx = T * random.uniform();
    }
    auto result = test::possible<Model>(x, tx, T);
    if (test::is_discrete<Model> && result.x > 1.0 && random.below(4) == 0)  // few purchases in many periods
        if (!test::is_contract<Model>) result.x = 1.0;
    return result;
}

double draw_horizon(random_stream& random) {
    switch (random.below(12)) {
        case 0:
            return inf;
        case 1:
            return random.below(4) == 0 ? 0.0 : 1.0;
        default:
            return wide(random, 1e-6, 1e6);
    }
}

double draw_chance(random_stream& random) {
    switch (random.below(8)) {
        case 0:
            return static_cast<double>(random.below(2));
        case 1:
            return tiny(random);
        case 2:
            return 1.0 - tiny(random);
        default:
            return random.uniform();
    }
}

/// Whether the mean over an endless horizon does not exist.
bool is_endless(pareto_nbd const& m) {
    return m.s <= 1.0;
}
bool is_endless(gamma_gompertz_nbd const&) {
    return false;
}
bool is_endless(nbd const&) {
    return true;
}
bool is_endless(beta_geo_beta_binomial const& m) {
    return m.gamma <= 1.0;
}
bool is_endless(shifted_beta_geo const& m) {
    return m.alpha <= 1.0;
}
bool is_endless(beta_discrete_weibull const& m) {
    return m.gamma * m.c <= 1.0;
}
template <class Model>
bool is_endless(Model const& m) {
    return m.a <= 1.0;
}

/// Whether the chance of n still falls more slowly than 1 / n where doubles end: the mean may then be beyond them, though it
/// exists.
template <class Process>
bool outlasts_doubles(Process const& process) {
    if constexpr (std::is_same_v<Process, beta_discrete_weibull_process>)
        return process.at_least(1e305, inf) > 1e-15 * process.at_least(1e290, inf);
    else
        return false;
}

/// -log L of rows, with its derivatives.
double objective_of(beta_geo_nbd const&, compressed_rows const& rows, std::span<double const> theta,
                    std::span<double> gradient, std::span<double> hessian) {
    return beta_geo_objective(rows, first_chance_to_leave::at_first_repeat, theta, gradient, hessian, 1);
}
double objective_of(modified_beta_geo_nbd const&, compressed_rows const& rows, std::span<double const> theta,
                    std::span<double> gradient, std::span<double> hessian) {
    return beta_geo_objective(rows, first_chance_to_leave::at_once, theta, gradient, hessian, 1);
}
double objective_of(beta_geo_cnbd const& m, compressed_rows const& rows, std::span<double const> theta,
                    std::span<double> gradient, std::span<double> hessian) {
    return beta_geo_cnbd_objective(rows, m.k, first_chance_to_leave::at_first_repeat, theta, gradient,
                                   hessian, 1);
}
double objective_of(modified_beta_geo_cnbd const& m, compressed_rows const& rows,
                    std::span<double const> theta, std::span<double> gradient, std::span<double> hessian) {
    return beta_geo_cnbd_objective(rows, m.k, first_chance_to_leave::at_once, theta, gradient, hessian, 1);
}
double objective_of(pareto_nbd const&, compressed_rows const& rows, std::span<double const> theta,
                    std::span<double> gradient, std::span<double> hessian) {
    return pareto_objective(rows, theta, gradient, hessian, 1);
}
double objective_of(gamma_gompertz_nbd const&, compressed_rows const& rows, std::span<double const> theta,
                    std::span<double> gradient, std::span<double> hessian) {
    return gamma_gompertz_objective(rows, theta, gradient, hessian, 1);
}
double objective_of(nbd const&, compressed_rows const& rows, std::span<double const> theta,
                    std::span<double> gradient, std::span<double> hessian) {
    return nbd_objective(rows, theta, gradient, hessian, 1);
}
double objective_of(beta_geo_beta_binomial const&, compressed_rows const& rows, std::span<double const> theta,
                    std::span<double> gradient, std::span<double> hessian) {
    return beta_geo_beta_binomial_objective(rows, theta, gradient, hessian, 1);
}
template <class Model>
    requires test::is_contract<Model>
double objective_of(Model const&, compressed_rows const& rows, std::span<double const> theta,
                    std::span<double> gradient, std::span<double> hessian) {
    return contract_objective(rows, theta, gradient, hessian);
}

template <class Model>
inline constexpr bool regular =
    std::is_same_v<Model, beta_geo_cnbd> || std::is_same_v<Model, modified_beta_geo_cnbd>;

template <class Model>
class draw {
  public:
    explicit draw(std::uint64_t number)
        : random_(20261129, 0x6e616e, number),
          model_(draw_model<Model>(random_)),
          history_(draw_history<Model>(random_)),
          t_(draw_horizon(random_)) {
        // The sum of logarithms of gaps needs gaps.
        if (regular<Model>)
            if (history_.x > 0.0 && !(history_.tx > 0.0)) history_ = {0.0, 0.0, history_.T};
        x_[0] = static_cast<std::int32_t>(history_.x);
        tx_[0] = history_.tx;
        T_[0] = history_.T;
        gaps_[0] = history_.x == 0.0 ? 0.0 : history_.x * std::log(history_.tx / history_.x);
        rows_ = {.frequency = x_,
                 .recency = tx_,
                 .T = T_,
                 .monetary_value = {},
                 .log_gap_sum = gaps_,
                 .weights = {},
                 .unit = std::chrono::weeks{1}};
    }

    /// What is wrong with it, one line each.
    std::string const& check(std::uint64_t part) {
        likelihood();
        means();
        switch (part % 8) {
            case 0:
            case 1:
                derivatives();
                break;
            case 2:
            case 3:
                counts();
                break;
            case 4:
            case 5:
                quantiles();
                break;
            case 6:
                waits();
                break;
            default:
                // A batch of one row makes tables for many, of each phase: a thousand times the cost.
                discounted(!regular<Model> && part % 64 == 15);
        }
        new_customer(part % 16 == 3);
        return wrong_;
    }

    std::string text() const {
        std::ostringstream out;
        out << std::setprecision(17) << Model::name;
        auto const values = model_.parameters();
        for (std::size_t i = 0; i < values.size(); ++i)
            out << ' ' << Model::parameter_names[i] << ' ' << values[i];
        out << " x " << history_.x << " tx " << history_.tx << " T " << history_.T << " t " << t_;
        return out.str();
    }

  private:
    using span = std::span<double>;

    void expect(bool holds, char const* what, std::initializer_list<double> values) {
        if (holds) return;
        std::ostringstream out;
        out << std::setprecision(17) << "\n    " << what << ':';
        for (double const v : values)
            out << ' ' << v;
        wrong_ += out.str();
    }
    time_span ahead() const { return {t_, model_.unit}; }
    template <class Function>
    double one(Function&& function) {
        double value = std::numeric_limits<double>::quiet_NaN();
        function(span(&value, 1));
        return value;
    }
    /// How large the logarithms of beta functions get that make up a chance.
    double log_size() const {
        double sum = history_.T;
        for (double const v : model_.parameters())
            sum += v;
        return 40.0 * sum;
    }
    /// Of a chance of so many purchases: where logarithms of beta functions are large, so is it.
    double count_error() const { return 1e-10 + (test::is_discrete<Model> ? 1e-14 * log_size() : 0.0); }
    static bool is_chance(double p) { return p >= 0.0 && p <= 1.0; }

    void likelihood() {
        double const value = one([&](span out) { log_likelihood(model_, rows_, out, 1); });
        expect(std::isfinite(value), "log-likelihood", {value});
        // Counts of whole periods have probabilities, not densities.
        if (test::is_discrete<Model>) expect(value <= 1e-13, "log-probability", {value});
    }

    void means() {
        now_ = one([&](span out) { probability_alive(model_, rows_, {0.0, model_.unit}, out, 1); });
        double const then = one([&](span out) { probability_alive(model_, rows_, ahead(), out, 1); });
        mean_ = one([&](span out) { expected_purchases(model_, rows_, ahead(), out, 1); });
        none_ = one([&](span out) { probability_no_purchase(model_, rows_, ahead(), out, 1); });
        expect(is_chance(now_), "P(alive)", {now_});
        // Two evaluations, each within the error of its header; they differ most where both are near 1e-200.
        expect(is_chance(then) && then <= now_ * (1.0 + 1e-12), "P(alive) ahead", {then, now_});
        expect(is_chance(none_) && none_ >= (1.0 - now_) * (1.0 - 1e-13), "P(no purchase)", {none_, now_});
        bool const may_be_infinite =
            t_ == inf && now_ > 0.0 &&
            (is_endless(model_) ||
             outlasts_doubles(model_.given(history_.x, history_.tx, history_.T).process));
        expect(mean_ >= 0.0 && (mean_ < inf || may_be_infinite), "mean", {mean_});
        expect(mean_ >= (1.0 - none_) * (1.0 - 1e-11) - 1e-12, "mean and chance of any",
               {mean_, 1.0 - none_});
        if (test::is_discrete<Model> && t_ < inf)
            expect(mean_ <= std::floor(t_ + 0.01) * (1.0 + 1e-12), "mean and opportunities", {mean_});
    }

    void counts() {
        constexpr std::int64_t most = 6;
        std::vector<double> pmf(most + 1);
        purchase_pmf(model_, rows_, ahead(), most, pmf, 1);
        double sum = 0.0;
        double partial_mean = 0.0;
        for (std::size_t n = 0; n < pmf.size(); ++n) {
            expect(is_chance(pmf[n]), "pmf", {static_cast<double>(n), pmf[n]});
            sum += pmf[n];
            partial_mean += static_cast<double>(n) * pmf[n];
        }
        expect(sum <= 1.0 + 1e-11, "sum of pmf", {sum});
        expect(std::abs(pmf[0] - none_) <= 1e-12, "pmf of 0 and P(no purchase)", {pmf[0], none_});
        // Those who buy more often than `most` at least so often.
        expect(partial_mean + static_cast<double>(most + 1) * std::max(0.0, 1.0 - sum) <=
                   mean_ * (1.0 + 1e-10) + 1e-11,
               "pmf and mean", {partial_mean, sum, mean_});
        // Somewhere in the range of likely counts.
        auto const n = static_cast<std::int64_t>(std::min(1e5, std::floor(2.0 * random_.uniform() * mean_)));
        auto const state = model_.given(history_.x, history_.tx, history_.T);
        double const there = state.process.pmf(n, t_);
        double const tail = state.process.at_least(static_cast<double>(n), t_);
        double const beyond = state.process.at_least(static_cast<double>(n) + 1.0, t_);
        expect(there >= 0.0 && there <= 1.0 + 1e-11, "pmf of many", {static_cast<double>(n), there});
        double const noise = count_error();
        expect(is_chance(tail) && is_chance(beyond) && beyond <= tail + noise, "tail",
               {static_cast<double>(n), tail, beyond});
        expect(std::abs(tail - beyond - there) <= noise, "pmf and tail",
               {static_cast<double>(n), there, tail, beyond});
    }

    void quantiles() {
        double const q = draw_chance(random_);
        double const less = q * random_.uniform();
        double const n = one([&](span out) { purchase_quantile(model_, rows_, ahead(), q, out, 1); });
        double const fewer = one([&](span out) { purchase_quantile(model_, rows_, ahead(), less, out, 1); });
        expect(n >= 0.0 && fewer >= 0.0 && fewer <= n, "quantiles", {q, n, less, fewer});
        // Half of the customers at most have more than twice the mean. Beyond 1e18 nobody counts.
        if (q <= 0.5 && mean_ < 1e17) expect(n <= 2.0 * mean_ + 1e-9, "median and mean", {q, n, mean_});
        if (q < 1.0 && t_ < inf && mean_ < 1e10) expect(n < inf, "quantile", {q, n});
        expect((n == 0.0) == (q <= none_) || std::abs(q - none_) < 1e-12, "quantile of 0", {q, n, none_});
    }

    void waits() {
        double const q = draw_chance(random_);
        double const less = q * random_.uniform();
        double const w = one([&](span out) { next_purchase_quantile(model_, rows_, q, out, 1); });
        double const shorter = one([&](span out) { next_purchase_quantile(model_, rows_, less, out, 1); });
        expect(w >= 0.0 && shorter >= 0.0 && shorter <= w, "waits", {q, w, less, shorter});
        // Counts end there, and waits whose ratio to alpha is no double, alpha down to 1e-6.
        double const within = w < inf ? w : test::is_discrete<Model> ? 1e18 : 1e290;
        double const none = one([&](span out) {
            probability_no_purchase(model_, rows_, {within, model_.unit}, out, 1);
        });
        if (w == inf)
            expect(none >= 1.0 - q - 1e-10, "endless wait", {q, none});
        else
            expect(none <= 1.0 - q + 1e-2 * count_error() + 1e-10, "P(no purchase) within the wait",
                   {q, w, none});
    }

    void discounted(bool as_batch) {
        double const annual = random_.below(8) == 0 ? 0.0 : wide(random_, 1e-6, 10.0);
        double value = 0.0;
        double later = 0.0;
        if (!as_batch) {
            auto const [alive, process] = model_.given(history_.x, history_.tx, history_.T);
            double const rate = std::log1p(annual) / in_units(year, model_.unit);
            value = alive == 0.0 ? 0.0 : alive * process.discounted(t_, rate);
            later = alive == 0.0 ? 0.0 : alive * process.discounted(inf, rate);
        } else {
            value =
                one([&](span out) { discounted_expected_purchases(model_, rows_, annual, ahead(), out, 1); });
            later =
                one([&](span out) { discounted_expected_purchases(model_, rows_, annual, forever, out, 1); });
        }
        bool const may_be_infinite =
            annual == 0.0 && now_ > 0.0 &&
            (is_endless(model_) ||
             outlasts_doubles(model_.given(history_.x, history_.tx, history_.T).process));
        // The smallest doubles have no digits to agree in.
        double const most = mean_ * (1.0 + 1e-10) + std::numeric_limits<double>::min();
        expect(value >= 0.0 && value <= most && (value < inf || (t_ == inf && may_be_infinite)),
               "discounted and mean", {annual, value, mean_});
        expect(later >= value * (1.0 - 1e-10) && (later < inf || may_be_infinite), "discounted without end",
               {annual, later, value});
    }

    void derivatives() {
        compressed_rows const rows = compress(rows_);
        std::vector<double> theta;
        auto const values = model_.parameters();
        for (std::size_t i = 0; i < values.size(); ++i)
            if (Model::parameter_names[i] != "k")
                theta.push_back(std::log(values[i] / std::pow(rows.scale, Model::time_power[i])));
        std::size_t const n = theta.size();
        std::vector<double> gradient(n), hessian(n * n);
        double const value = objective_of(model_, rows, theta, gradient, hessian);
        expect(std::isfinite(value), "objective", {value});
        double const expected = model_.log_likelihood(history_.x, history_.tx, history_.T);
        double const sum = -value - rows.purchases * std::log(rows.scale);
        // Logarithms of parameters that come back through the exponential cost digits where x is large.
        double const size = 1.0 + std::abs(expected) + 30.0 * history_.x;
        expect(std::abs(sum - expected) <= 1e-12 * size, "objective and log-likelihood", {sum, expected});
        for (std::size_t i = 0; i < n; ++i) {
            expect(std::isfinite(gradient[i]), "gradient", {static_cast<double>(i), gradient[i]});
            for (std::size_t j = 0; j < n; ++j)
                expect(std::isfinite(hessian[i * n + j]), "Hessian",
                       {static_cast<double>(i), static_cast<double>(j), hessian[i * n + j]});
        }
    }

    void new_customer(bool with_counts) {
        double const mean = expected_purchases_new_customer(model_, ahead());
        bool const may_be_infinite =
            t_ == inf && (is_endless(model_) || outlasts_doubles(model_.given(0.0, 0.0, 0.0).process));
        expect(mean >= 0.0 && (mean < inf || may_be_infinite), "mean of a new customer", {mean});
        if (!with_counts) return;
        std::array<double, 4> pmf{};
        purchase_pmf_new_customer(model_, ahead(), pmf);
        double sum = 0.0;
        for (double const p : pmf) {
            expect(is_chance(p), "pmf of a new customer", {p});
            sum += p;
        }
        expect(sum <= 1.0 + 1e-11, "sum of pmf of a new customer", {sum});
        expect(mean >= (1.0 - pmf[0]) * (1.0 - 1e-11) - 1e-12, "mean of a new customer and chance of any",
               {mean, pmf[0]});
    }

    random_stream random_;
    Model model_;
    test::history history_;
    double t_;
    std::array<std::int32_t, 1> x_{};
    std::array<double, 1> tx_{}, T_{}, gaps_{};
    ledger::summary_view rows_{};
    double now_ = 0.0, mean_ = 0.0, none_ = 0.0;
    std::string wrong_;
};

template <class Model>
class never_nan : public ::testing::Test {};

using models = ::testing::Types<beta_geo_nbd, modified_beta_geo_nbd, beta_geo_cnbd, modified_beta_geo_cnbd,
                                pareto_nbd, gamma_gompertz_nbd, nbd, beta_geo_beta_binomial, shifted_beta_geo,
                                beta_discrete_weibull>;

struct name_of {
    template <class Model>
    static std::string GetName(int) {
        std::string name;
        for (char const c : Model::name)
            name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
        return name;
    }
};

TYPED_TEST_SUITE(never_nan, models, name_of);

TYPED_TEST(never_nan, anywhere) {
    auto const draws = static_cast<std::uint64_t>(test::most_draws * test::share_of_draws());
    std::uint64_t failures = 0;
    for (std::uint64_t i = 0; i < draws; ++i) {
        draw<TypeParam> one(i);
        std::string const& wrong = one.check(i);
        if (wrong.empty()) continue;
        if (++failures <= 10) ADD_FAILURE() << "draw " << i << ", " << one.text() << wrong;
    }
    EXPECT_EQ(failures, 0U) << "of " << draws;
}

}  // namespace
}  // namespace clavis::lifetime

#pragma once

// What every model of repeat purchases shares. Given the history of a customer (x repeat purchases, the last
// at age tx, observed until age T) and that the customer is still active, purchasing goes on as the same kind
// of process with other parameters. So a model supplies its likelihood and given(x, tx, T): the probability
// that the customer is active and the process that then goes on. That process supplies six kernels: expected
// purchases, discounted expected purchases, survival and the distribution of counts. Every prediction below
// is
//     Q(customer) = P(alive) * Q(process),
// and a new customer is one with the history (0, 0, 0).
// Sources: Schmittlein, Morrison and Colombo (1987); Fader, Hardie and Lee (2005); Fader and Hardie, notes
// 019 to 040.

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "clavis/core/time.hpp"
#include "clavis/ledger/summary.hpp"

namespace clavis::lifetime {

/// A length of time: any std::chrono duration, a number of units, or without end. A unit of zero is that of the model
/// (or of the rows where the model has none).
class time_span {
  public:
    constexpr time_span() = default;
    template <class Rep, class Period>
    constexpr time_span(std::chrono::duration<Rep, Period> length)  // NOLINT: meant to convert
        : count_(std::chrono::duration<double, std::micro>(length).count()) {}
    constexpr time_span(double count, duration unit) : count_(count), unit_(unit) {}

    /// How many units it is.
    constexpr double in(duration unit) const {
        return unit == unit_ || unit_ == duration{}
                   ? count_
                   : count_ * (static_cast<double>(unit_.count()) / static_cast<double>(unit.count()));
    }
    constexpr bool is_endless() const { return count_ == std::numeric_limits<double>::infinity(); }
    constexpr double count() const { return count_; }
    constexpr duration unit() const { return unit_; }

  private:
    double count_ = 0.0;
    duration unit_{1};
};

/// The horizon without end.
inline constexpr time_span forever{std::numeric_limits<double>::infinity(), duration{1}};

/// What is known of a customer with a given history: the chance of being active, and the process that then
/// goes on.
template <class Process>
struct customer_state {
    double probability_alive;
    Process process;
};

/// The kernels of a process that is active at time 0. Times are in the unit of its parameters; NaN in, NaN
/// out. Errors stand in the headers of the models; that of at_least is 1e-12 relative (the error of its logarithm where
/// that is larger).
template <class P>
concept purchase_process = requires(P const& process, double t, double rate, std::int64_t n) {
    { process.expected(t) } noexcept -> std::same_as<double>;  // purchases in (0, t]; t may be infinite
    {
        process.discounted(t, rate)
    } noexcept -> std::same_as<double>;                        // the same, each times exp(-rate * its time)
    { process.survival(t) } noexcept -> std::same_as<double>;  // P(still active at t)
    { process.no_purchase(t) } noexcept -> std::same_as<double>;  // P(no purchase in (0, t])
    { process.pmf(n, t) } noexcept -> std::same_as<double>;       // P(n purchases in (0, t])
    { process.at_least(t, t) } noexcept -> std::same_as<double>;  // P(n or more purchases in (0, t]), n whole
};

/// A model: an aggregate of positive parameters and the unit of time they are in (zero: that of the data it
/// meets).
template <class M>
concept lifetime_model = requires(M const& model, double t) {
    { M::parameter_names.size() } -> std::convertible_to<std::size_t>;
    { model.parameters()[0] } -> std::convertible_to<double>;
    { M::time_power[0] } -> std::convertible_to<int>;  // parameter i is measured in unit^time_power[i]
    { M::from(model.parameters(), duration{}) } -> std::same_as<M>;
    { model.unit } -> std::convertible_to<duration>;
    model.validate();
    { model.given(t, t, t).probability_alive } noexcept -> std::convertible_to<double>;
    requires purchase_process<decltype(model.given(t, t, t).process)>;
    { model.log_likelihood(t, t, t) } noexcept -> std::same_as<double>;
};

/// The same model with its parameters expressed in another unit of time. A model without unit just takes it.
template <lifetime_model Model>
Model in_unit(Model const& model, duration unit) {
    if (model.unit == unit || unit == duration{}) return model;
    auto parameters = model.parameters();
    if (model.unit != duration{}) {
        double const factor = in_units(model.unit, unit);
        for (std::size_t i = 0; i < parameters.size(); ++i) {
            for (int k = 0; k < Model::time_power[i]; ++k)
                parameters[i] *= factor;
            for (int k = 0; k > Model::time_power[i]; --k)
                parameters[i] /= factor;
        }
    }
    return Model::from(parameters, unit);
}

/// The batch layer, compiled with each model. Rows are checked first (input_error names column, row and
/// value); a row whose T is NaN (a customer without purchase) gives NaN. `out` has one place a row. threads:
/// 0 means every core.
template <class Model>
struct predictions {
    using view = ledger::summary_view;
    static void log_likelihood(Model const&, view const&, std::span<double> out, unsigned threads);
    static void probability_alive(Model const&, view const&, time_span at, std::span<double> out,
                                  unsigned threads);
    static void expected_purchases(Model const&, view const&, time_span horizon, std::span<double> out,
                                   unsigned threads);
    static void probability_no_purchase(Model const&, view const&, time_span horizon, std::span<double> out,
                                        unsigned threads);
    static void purchase_pmf(Model const&, view const&, time_span horizon, std::int64_t n_max,
                             std::span<double> out, unsigned threads);
    static void discounted_expected_purchases(Model const&, view const&, double annual_rate,
                                              time_span horizon, std::span<double> out, unsigned threads);
    static void purchase_quantile(Model const&, view const&, time_span horizon, double q,
                                  std::span<double> out, unsigned threads);
    static void next_purchase_quantile(Model const&, view const&, double q, std::span<double> out,
                                       unsigned threads);
    static double expected_purchases_new_customer(Model const&, time_span t);
    static void purchase_pmf_new_customer(Model const&, time_span t, std::span<double> out);
};

/// log L(x, tx, T) of each row, in the unit of the rows.
template <lifetime_model Model>
void log_likelihood(Model const& model, ledger::summary_view const& customers, std::span<double> out,
                    unsigned threads = 0) {
    predictions<Model>::log_likelihood(model, customers, out, threads);
}

/// P(active at T + at | history).
template <lifetime_model Model>
void probability_alive(Model const& model, ledger::summary_view const& customers, time_span at,
                       std::span<double> out, unsigned threads = 0) {
    predictions<Model>::probability_alive(model, customers, at, out, threads);
}

/// E[purchases in (T, T + horizon] | history]; infinite for an endless horizon where the mean does not exist.
template <lifetime_model Model>
void expected_purchases(Model const& model, ledger::summary_view const& customers, time_span horizon,
                        std::span<double> out, unsigned threads = 0) {
    predictions<Model>::expected_purchases(model, customers, horizon, out, threads);
}

/// P(no purchase in (T, T + horizon] | history).
template <lifetime_model Model>
void probability_no_purchase(Model const& model, ledger::summary_view const& customers, time_span horizon,
                             std::span<double> out, unsigned threads = 0) {
    predictions<Model>::probability_no_purchase(model, customers, horizon, out, threads);
}

/// P(n purchases in (T, T + horizon] | history) for n = 0 ... n_max, row after row: out[row * (n_max + 1) +
/// n].
template <lifetime_model Model>
void purchase_pmf(Model const& model, ledger::summary_view const& customers, time_span horizon,
                  std::int64_t n_max, std::span<double> out, unsigned threads = 0) {
    predictions<Model>::purchase_pmf(model, customers, horizon, n_max, out, threads);
}

/// Expected purchases in (T, T + horizon], each discounted to T at the effective annual rate: the integral of
/// exp(-delta t) dE(t) with delta = ln(1 + annual_rate) per 365.25 days. The horizon may be `forever`.
template <lifetime_model Model>
void discounted_expected_purchases(Model const& model, ledger::summary_view const& customers,
                                   double annual_rate, time_span horizon, std::span<double> out,
                                   unsigned threads = 0) {
    predictions<Model>::discounted_expected_purchases(model, customers, annual_rate, horizon, out, threads);
}

/// The smallest n with P(at most n purchases in (T, T + horizon] | history) >= q, 0 <= q <= 1: infinite where every
/// number up to 1e18 may be exceeded with a chance above 1 - q (q = 1, or an endless horizon for customers who do not
/// leave).
/// Found from the tail alone, so that it takes some ten to sixty evaluations of P(N >= n) whatever n is.
template <lifetime_model Model>
void purchase_quantile(Model const& model, ledger::summary_view const& customers, time_span horizon, double q,
                       std::span<double> out, unsigned threads = 0) {
    predictions<Model>::purchase_quantile(model, customers, horizon, q, out, threads);
}

/// The shortest wait w after T with P(a purchase in (T, T + w] | history) >= q, in the unit of the model (of the rows
/// where it has none); infinite where the chance of any further purchase does not exceed q, or the wait is beyond
/// 1e300 (1e18 for models of whole units, which give whole waits). Relative error 1e-11 where that chance is not within
/// 1e-3 of q.
template <lifetime_model Model>
void next_purchase_quantile(Model const& model, ledger::summary_view const& customers, double q,
                            std::span<double> out, unsigned threads = 0) {
    predictions<Model>::next_purchase_quantile(model, customers, q, out, threads);
}

/// E[repeat purchases in (0, t]] of a customer just acquired.
template <lifetime_model Model>
double expected_purchases_new_customer(Model const& model, time_span t) {
    return predictions<Model>::expected_purchases_new_customer(model, t);
}

/// P(n repeat purchases in (0, t]) of a customer just acquired, for n = 0 ... out.size() - 1.
template <lifetime_model Model>
void purchase_pmf_new_customer(Model const& model, time_span t, std::span<double> out) {
    predictions<Model>::purchase_pmf_new_customer(model, t, out);
}

}  // namespace clavis::lifetime

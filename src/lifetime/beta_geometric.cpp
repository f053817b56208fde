#include "beta_geometric.hpp"

#include <cmath>
#include <limits>
#include <string>

#include "clavis/core/errors.hpp"
#include "clavis/numerics/discrete_sum.hpp"
#include "clavis/numerics/rising_ratio.hpp"
#include "rows.hpp"

namespace clavis::lifetime {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

}  // namespace

double beta_geometric::log_survival(double n) const noexcept {
    return -numerics::log_rising_ratio(stay, leave, n);
}

// The sum is stay [1 - (stay + 1)_n / (leave + stay)_n] / (leave - 1), where the bracket vanishes with leave - 1.
double beta_geometric::sum(double n) const noexcept {
    if (n == 0.0) return 0.0;
    if (stay < 1.0) return stay / (leave + stay) * (1.0 + beta_geometric{leave, stay + 1.0}.sum(n - 1.0));
    double const excess = leave - 1.0;
    if (n == inf) return excess > 0.0 ? stay / excess : inf;
    if (excess == 0.0) return stay * numerics::digamma_rise(stay + 1.0, n);
    return stay * (-std::expm1(-numerics::log_rising_ratio(stay + 1.0, excess, n)) / excess);
}

double beta_geometric::discounted_sum(double n, double rate) const noexcept {
    constexpr double few = 64.0;
    if (rate == 0.0) return sum(n);
    if (n == inf && rate < 0.0) return inf;
    if (n <= few) {
        double term = 1.0, total = 0.0;
        for (double i = 0.0; i < n; ++i) {
            term *= (stay + i) / (leave + stay + i) * std::exp(-rate);
            total += term;
        }
        return total;
    }
    return numerics::sum_terms([&](double i) { return log_survival(i + 1.0) - rate * (i + 1.0); }, n,
                               {.offset = stay + 1.0, .tail = n == inf ? 1.0 : 0.0})
        .value();
}

double opportunities(double t) noexcept {
    return std::floor(t + 0.01);
}

double whole(double t) noexcept {
    return std::round(t);
}

void check_opportunities(ledger::summary_view const& customers, double factor, bool every_time) {
    auto const refuse = [](std::string_view column, std::size_t row, double value, std::string_view problem) {
        std::string const text = number_text(value);
        throw input_error(
            {.table = "summary", .column = column, .row = static_cast<std::int64_t>(row), .value = text},
            problem);
    };
    auto const is_whole = [&](double t) {
        return std::abs(t * factor - whole(t * factor)) <= 1e-9 * (1.0 + t * factor);
    };
    for (std::size_t i = 0; i < customers.size(); ++i) {
        double const T = customers.T[i];
        if (std::isnan(T)) continue;
        double const tx = customers.recency[i];
        double const x = customers.frequency[i];
        char const* const fraction = "is not a whole number of opportunities (one a unit of time)";
        if (!is_whole(T)) refuse("T", i, T, fraction);
        if (!is_whole(tx)) refuse("recency", i, tx, fraction);
        if (x > whole(tx * factor))
            refuse("frequency", i, x,
                   "is more than the " + number_text(whole(tx * factor)) +
                       " opportunities until the last purchase");
        if (every_time && x != whole(tx * factor))
            refuse("frequency", i, x,
                   "is not the recency of " + number_text(whole(tx * factor)) +
                       ": a contract is renewed every time until it ends");
    }
}

}  // namespace clavis::lifetime

#pragma once

// The search that every model shares: starts on a sample, Newton on all rows, and a report that claims no
// more than was reached.

#include <array>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clavis/lifetime/fit.hpp"

namespace clavis::lifetime {

/// -log L at theta with gradient and Hessian, theta being logarithms of dimensionless parameters. On the
/// sample where asked: a sample is a problem of its own, to find a good start quickly.
using negative_log_likelihood = std::function<double(
    std::span<double const> theta, std::span<double> gradient, std::span<double> hessian, bool on_sample)>;

struct fit_problem {
    std::string_view model;  ///< for messages
    std::span<std::string_view const> names;
    std::vector<double> units;                ///< parameter i = units[i] * exp(theta[i])
    std::vector<std::vector<double>> starts;  ///< theta, most promising first
    std::size_t sample_rows = 0;              ///< distinct rows that a search for a start goes through
    std::size_t several_peaks = 0;            ///< up to so many of them no start is left out
    std::vector<double> center;               ///< of the box |theta - center| <= log_bound
    std::vector<double> dimensionless;        ///< theta + this: the logarithms that priors speak of
    negative_log_likelihood function;
};

/// exp(16) = 9e6 times what the data suggest: a parameter that gets there has no finite estimate.
inline constexpr double log_bound = 16.0;

/// Few rows may have several peaks, of which the highest is told apart by starts from all over; with so few they cost
/// milliseconds.
inline constexpr std::size_t few_rows = 300;

/// How well a parameter is known.
enum class known : unsigned char { well, fixed, grows, vanishes, flat };

struct fit_solution {
    std::vector<double> parameters;
    std::vector<double> theta;
    std::vector<known> knowledge;
    double value = 0.0;  ///< -log L in the problem's own units
    fit_report report;
};

/// Whether every parameter that is not held fixed has a prior: then the data need not tell it.
bool all_informed(fit_problem const& problem, fit_options const& options);

fit_solution solve(fit_problem const& problem, fit_options const& options);

}  // namespace clavis::lifetime

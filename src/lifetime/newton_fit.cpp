#include "newton_fit.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "clavis/core/errors.hpp"
#include "clavis/numerics/optimize.hpp"
#include "rows.hpp"

namespace clavis::lifetime {
namespace {

using numerics::minimize_result;
using numerics::minimize_status;

// A standard error of ln(parameter) above this leaves the parameter open by a factor of 20,000 either way.
constexpr double flat = 10.0;

std::vector<std::optional<double>> fixed_values(fit_problem const& problem, fit_options const& options) {
    std::vector<std::optional<double>> fixed(problem.names.size());
    for (auto const& [name, value] : options.fixed) {
        auto const found = std::find(problem.names.begin(), problem.names.end(), name);
        if (found == problem.names.end())
            throw input_error(std::string(problem.model) + " has no parameter \"" + name +
                              "\" to hold fixed");
        if (!(value > 0.0) || !std::isfinite(value))
            throw input_error("the fixed value of \"" + name + "\" is " + number_text(value) +
                              " where a positive number is needed");
        auto const i = static_cast<std::size_t>(found - problem.names.begin());
        fixed[i] = std::log(value / problem.units[i]);
    }
    return fixed;
}

constexpr char const* endless_parameter =
    "not converged: the likelihood keeps rising towards an endless parameter";

/// The priors by parameter, those of "weak" included.
std::vector<std::optional<prior>> priors_of(fit_problem const& problem, fit_options const& options,
                                            std::vector<std::optional<double>> const& fixed) {
    std::vector<std::optional<prior>> priors(problem.names.size());
    bool weak = false;
    for (prior const& given : options.priors) {
        if (given.parameter == weak_prior) {
            weak = true;
            continue;
        }
        auto const found = std::find(problem.names.begin(), problem.names.end(), given.parameter);
        if (found == problem.names.end())
            throw input_error(std::string(problem.model) + " has no parameter \"" + given.parameter +
                              "\" for a prior");
        auto const i = static_cast<std::size_t>(found - problem.names.begin());
        if (priors[i]) throw input_error("\"" + given.parameter + "\" has two priors");
        if (fixed[i]) throw input_error("\"" + given.parameter + "\" is held fixed, so it takes no prior");
        bool const shape = given.kind == prior::family::gamma;
        if (!std::isfinite(given.first) || !std::isfinite(given.second) || !(given.second > 0.0) ||
            (shape && !(given.first > 0.0)))
            throw input_error("the prior of \"" + given.parameter + "\" is " +
                              (shape ? "a gamma of shape " : "log-normal with mean ") +
                              number_text(given.first) + (shape ? " and rate " : " and deviation ") +
                              number_text(given.second) + " where " +
                              (shape ? "both must be positive" : "the deviation must be positive"));
        priors[i] = given;
    }
    if (weak)
        for (std::size_t i = 0; i < priors.size(); ++i)
            if (!priors[i] && !fixed[i]) priors[i] = prior{.parameter = std::string(problem.names[i])};
    return priors;
}

/// Of starts from all over: how many, and how far each logarithm is from that of the most promising start.
constexpr std::size_t scattered_starts = 24;
constexpr double scattered_width = 3.0;

/// The i-th point of Halton's sequence about a start.
std::vector<double> scattered(std::vector<double> start, std::size_t i) {
    constexpr std::array<std::size_t, 5> bases{2, 3, 5, 7, 11};
    for (std::size_t d = 0; d < start.size(); ++d) {
        std::size_t const base = bases[d % bases.size()];
        double place = 0.0;
        double digit = 1.0;
        for (std::size_t rest = i; rest > 0; rest /= base) {
            digit /= static_cast<double>(base);
            place += digit * static_cast<double>(rest % base);
        }
        start[d] += scattered_width * (2.0 * place - 1.0);
    }
    return start;
}

/// Log density of ln(dimensionless parameter) = y, with two derivatives.
struct log_density {
    double value, first, second;
};

log_density density(prior const& p, double y) {
    if (p.kind == prior::family::gamma) {
        double const rate = p.second * std::exp(y);
        return {p.first * (y + std::log(p.second)) - rate - std::lgamma(p.first), p.first - rate, -rate};
    }
    double const z = (y - p.first) / p.second;
    return {-0.5 * z * z - std::log(p.second) - 0.91893853320467274178, -z / p.second,
            -1.0 / (p.second * p.second)};
}

std::string words_of(prior const& p) {
    return p.parameter +
           (p.kind == prior::family::gamma ? " ~ gamma of shape " : " ~ log-normal with mean ") +
           number_text(p.first) + (p.kind == prior::family::gamma ? " and rate " : " and deviation ") +
           number_text(p.second);
}

std::string sentence(minimize_result const& end, bool posterior) {
    switch (end.status) {
        case minimize_status::converged:
            return posterior
                       ? "converged to the mode of the posterior: the gradient vanishes and the Hessian is "
                         "positive definite"
                       : "converged: the gradient vanishes and the Hessian is positive definite";
        case minimize_status::at_bound:
            return endless_parameter;
        case minimize_status::iterations:
            return "not converged: the iteration limit was reached";
        case minimize_status::stalled:
            return "not converged: no step improves the likelihood although its slope is not zero";
        case minimize_status::no_start:
            return "not converged: the likelihood is not finite at the start";
    }
    return {};
}

// The inverse of the Hessian for the parameters that it tells something of, with infinite variance for the others:
// those that run away, those without curvature, and those that only trade off against one of them.
template <class Predicate>
std::vector<double> inverse_without_flat(std::vector<double> const& hessian, std::size_t k,
                                         Predicate&& runs_away) {
    std::vector<std::size_t> kept;
    for (std::size_t i = 0; i < k; ++i)
        if (!runs_away(i)) kept.push_back(i);
    auto const curvature = [&](std::size_t i) { return std::abs(hessian[i * k + i]); };
    while (!kept.empty()) {
        std::vector<double> block;
        for (std::size_t const i : kept)
            for (std::size_t const j : kept)
                block.push_back(hessian[i * k + j]);
        auto const analysis = numerics::analyse_symmetric(block, kept.size());
        if (!analysis.inverse.empty()) {
            std::vector<double> inverse(k * k, 0.0);
            for (std::size_t i = 0; i < k; ++i)
                inverse[i * k + i] = std::numeric_limits<double>::infinity();
            for (std::size_t a = 0; a < kept.size(); ++a)
                for (std::size_t b = 0; b < kept.size(); ++b)
                    inverse[kept[a] * k + kept[b]] = analysis.inverse[a * kept.size() + b];
            return inverse;
        }
        std::size_t const flattest =
            *std::min_element(kept.begin(), kept.end(),
                              [&](std::size_t i, std::size_t j) { return curvature(i) < curvature(j); });
        std::erase_if(kept, [&](std::size_t i) {
            return i == flattest ||
                   std::abs(hessian[i * k + flattest]) > 0.99 * std::sqrt(curvature(i) * curvature(flattest));
        });
    }
    return {};
}

}  // namespace

bool all_informed(fit_problem const& problem, fit_options const& options) {
    auto const fixed = fixed_values(problem, options);
    auto const priors = priors_of(problem, options, fixed);
    for (std::size_t i = 0; i < fixed.size(); ++i)
        if (!fixed[i] && !priors[i]) return false;
    return true;
}

fit_solution solve(fit_problem const& posed, fit_options const& options) {
    fit_problem problem = posed;
    std::size_t const n = problem.names.size();
    auto const fixed = fixed_values(problem, options);
    auto const priors = priors_of(problem, options, fixed);
    std::vector<std::vector<double>> given_starts;
    for (auto const& values : options.starts) {
        if (values.size() < n) throw input_error("a start needs a value of every parameter");
        auto& start = given_starts.emplace_back();
        for (std::size_t i = 0; i < n; ++i) {
            if (!(values[i] > 0.0) || !std::isfinite(values[i]))
                throw input_error("a start is " + number_text(values[i]) +
                                  " where a positive number is needed");
            start.push_back(std::log(values[i] / problem.units[i]));
        }
    }
    auto const log_prior = [&](std::span<double const> theta) {
        double sum = 0.0;
        for (std::size_t i = 0; i < n; ++i)
            if (priors[i]) sum += density(*priors[i], theta[i] + problem.dimensionless[i]).value;
        return sum;
    };
    std::vector<std::size_t> free;
    for (std::size_t i = 0; i < n; ++i)
        if (!fixed[i]) free.push_back(i);
    std::size_t const k = free.size();

    // The problem in the free parameters alone.
    std::vector<double> full_gradient(n);
    std::vector<double> full_hessian(n * n);
    auto expand = [&](std::span<double const> reduced) {
        std::vector<double> theta(n);
        for (std::size_t i = 0; i < n; ++i)
            theta[i] = fixed[i].value_or(0.0);
        for (std::size_t i = 0; i < k; ++i)
            theta[free[i]] = reduced[i];
        return theta;
    };
    auto objective = [&](bool on_sample) {
        return
            [&, on_sample](std::span<double const> x, std::span<double> gradient, std::span<double> hessian) {
                std::vector<double> const theta = expand(x);
                double value = problem.function(theta, full_gradient, full_hessian, on_sample);
                for (std::size_t i = 0; i < n; ++i) {
                    if (!priors[i]) continue;
                    auto const log = density(*priors[i], theta[i] + problem.dimensionless[i]);
                    value -= log.value;
                    full_gradient[i] -= log.first;
                    full_hessian[i * n + i] -= log.second;
                }
                for (std::size_t i = 0; i < k; ++i) {
                    gradient[i] = full_gradient[free[i]];
                    for (std::size_t j = 0; j < k; ++j)
                        hessian[i * k + j] = full_hessian[free[i] * n + free[j]];
                }
                return value;
            };
    };
    numerics::minimize_options search;
    search.bound = log_bound;
    for (std::size_t i : free)
        search.center.push_back(problem.center[i]);

    // The model's own starts, until two of them agree on the same value. Then those given, each in full: what is found
    // is then never below what is found without them, and the same from any start unless it leads higher.
    std::optional<minimize_result> best;
    search.tolerance = 1e-9;
    search.max_iterations = std::min(options.max_iterations, 100);
    std::size_t const all_starts = problem.starts.size() + given_starts.size();
    std::size_t searched_starts = 0;
    auto const search_from = [&](std::vector<double> const& full_start) {
        options.watch.report("searching for a start",
                             static_cast<double>(searched_starts++) / static_cast<double>(all_starts));
        std::vector<double> start(k);
        for (std::size_t i = 0; i < k; ++i)
            start[i] = full_start[free[i]];
        auto found = numerics::minimize(objective(true), std::move(start), search);
        if (!std::isfinite(found.value)) return false;
        bool const agrees = best && found.status == minimize_status::converged &&
                            std::abs(found.value - best->value) < 1e-7 * (1.0 + std::abs(best->value));
        if (!best || found.value < best->value) best = std::move(found);
        return agrees;
    };
    if (k > 0) {
        bool const few = problem.sample_rows <= few_rows;
        for (auto const& start : problem.starts)
            if (search_from(start) && !few && problem.sample_rows > problem.several_peaks) break;
        for (std::size_t i = 1; few && i <= scattered_starts; ++i)
            search_from(scattered(problem.starts[0], i));
        for (auto const& start : given_starts)
            search_from(start);
    }

    int evaluations = 0;
    auto full = objective(false);
    auto watched = [&](std::span<double const> x, std::span<double> gradient, std::span<double> hessian) {
        options.watch.report("fitting", evaluations == 0 ? 0.0 : 1.0 - 1.0 / (1.0 + evaluations));
        ++evaluations;
        return full(x, gradient, hessian);
    };
    search.tolerance = 1e-12;
    search.max_iterations = options.max_iterations;
    int const searched = best ? best->iterations : 0;
    minimize_result end;
    if (k > 0) {
        std::vector<double> start(k);
        for (std::size_t i = 0; i < k; ++i)
            start[i] = best ? best->x[i] : problem.starts[0][free[i]];
        end = numerics::minimize(watched, std::move(start), search);
    } else {
        end.value = full({}, {}, {});
        end.status = std::isfinite(end.value) ? minimize_status::converged : minimize_status::no_start;
        end.iterations = 0;
    }

    fit_solution result;
    result.theta = expand(end.x);
    result.report.log_prior = log_prior(result.theta);
    result.value = end.value + result.report.log_prior;
    for (auto const& p : priors)
        if (p) result.report.priors.push_back(words_of(*p));
    result.knowledge.assign(n, known::fixed);
    fit_report& report = result.report;
    report.parameter_names.assign(problem.names.begin(), problem.names.end());
    report.iterations = searched + end.iterations;
    for (std::size_t i = 0; i < n; ++i) {
        double value = problem.units[i] * std::exp(result.theta[i]);
        // A value held fixed comes back to the last digit.
        if (fixed[i])
            for (auto const& [name, given] : options.fixed)
                if (name == problem.names[i]) value = given;
        result.parameters.push_back(value);
    }
    report.estimates = result.parameters;
    report.standard_errors.assign(n, 0.0);
    report.covariance.assign(n * n, 0.0);
    report.gradient_norm = 0.0;
    for (double g : end.gradient)
        report.gradient_norm = std::max(report.gradient_norm, std::abs(g));

    auto hessian = numerics::analyse_symmetric(end.hessian, k);
    bool identified = end.status == minimize_status::converged;
    if (k > 0) {
        double const low = hessian.eigenvalues.front();
        double const high = hessian.eigenvalues.back();
        report.condition = low > 0.0 ? high / low : std::numeric_limits<double>::infinity();
    } else {
        report.condition = 1.0;
    }
    // Where a parameter runs away the whole Hessian has no inverse; what the others are known to is then told by
    // their own block.
    auto const runs_away = [&](std::size_t i) {
        return std::abs(end.x[i] - search.center[i]) >= 0.9 * log_bound;
    };
    if (hessian.inverse.empty()) hessian.inverse = inverse_without_flat(end.hessian, k, runs_away);
    for (std::size_t i = 0; i < k; ++i) {
        double const variance =
            hessian.inverse.empty() ? std::numeric_limits<double>::infinity() : hessian.inverse[i * k + i];
        known state = known::well;
        if (end.x[i] >= search.center[i] + 0.9 * log_bound) {
            state = known::grows;
        } else if (end.x[i] <= search.center[i] - 0.9 * log_bound) {
            state = known::vanishes;
        } else if (!(variance < flat * flat)) {
            state = known::flat;
        }
        result.knowledge[free[i]] = state;
        if (state != known::well) identified = false;
    }
    for (std::size_t i = 0; i < k; ++i)
        for (std::size_t j = 0; j < k; ++j) {
            double const covariance = hessian.inverse.empty() ? std::numeric_limits<double>::quiet_NaN()
                                                              : hessian.inverse[i * k + j];
            bool const usable =
                identified || (result.knowledge[free[i]] == known::well && !hessian.inverse.empty() &&
                               result.knowledge[free[j]] == known::well);
            report.covariance[free[i] * n + free[j]] =
                usable ? covariance * result.parameters[free[i]] * result.parameters[free[j]]
                       : std::numeric_limits<double>::quiet_NaN();
        }
    for (std::size_t i : free)
        report.standard_errors[i] = std::sqrt(report.covariance[i * n + i]);
    report.converged = identified;
    report.status = sentence(end, !report.priors.empty());
    bool const endless = std::any_of(result.knowledge.begin(), result.knowledge.end(), [](known state) {
        return state == known::grows || state == known::vanishes;
    });
    if (endless && end.status != minimize_status::no_start)
        report.status = endless_parameter;
    else if (end.status == minimize_status::converged && !identified)
        report.status =
            "not converged: the likelihood is flat along a ridge and a parameter is not identified";
    return result;
}

}  // namespace clavis::lifetime

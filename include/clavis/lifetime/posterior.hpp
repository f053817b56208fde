#pragma once

// Draws of the parameters given the data, with a flat prior on the logarithms of the parameters. Candidates come from a
// multivariate t with 5 degrees of freedom about the estimate, whose scale is the covariance of the fit on logarithms
// (the Laplace approximation with heavier tails); each is weighted by its likelihood on distinct rows over its density,
// no weight counts more than sqrt(candidates) times the mean (Ionides 2008), and the draws are resampled from them
// systematically. Without rows, or with so many that a normal law is what the posterior is, the draws are those of the
// Laplace approximation themselves. Parameters that were held or are not identified stay at their estimate, which a
// warning says. Determined by the seed and the values of the rows, not by their order or the number of threads.

#include <cstdint>
#include <string>
#include <vector>

#include "clavis/lifetime/fit.hpp"

namespace clavis::lifetime {

struct posterior_options {
    std::size_t draws = 1000;
    std::uint64_t seed = 1;
    unsigned threads = 0;  ///< 0: every core
    double most_work =
        2e8;  ///< candidates times distinct rows (each counts 4,000 times under Pareto/GGG, whose likelihood
              ///< is costly); beyond, the Laplace approximation alone
};

struct posterior_draws {
    std::size_t parameters = 0;
    std::vector<double> values;  ///< draws x parameters, row after row
    bool exact = false;          ///< weighted by the likelihood; else the Laplace approximation
    double efficiency = 1.0;     ///< effective number of candidates, as a part of all
    std::vector<std::string> warnings;
};

/// Draws for a model fitted to `customers` (the same rows; none: the Laplace approximation). Of the report the covariance
/// and the standard errors are read. Throws input_error where the covariance has not the size of the parameters.
template <class Model>
posterior_draws posterior(Model const& estimate, fit_report const& report,
                          ledger::summary_view const& customers, posterior_options const& options);

}  // namespace clavis::lifetime

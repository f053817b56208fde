#pragma once

// Maximum likelihood. Rows are compressed to distinct (x, tx, T) with weights in one canonical order and time
// is rescaled inside; then a trust-region Newton method with analytic gradient and Hessian runs on the
// logarithms of the parameters, from several starts on a sample and from the best of them on all rows. The
// result is bit-identical for any number of threads and any order of the rows. A fit explains itself: it says
// `converged` only where the gradient vanishes, the Hessian is positive definite and every estimated
// parameter is identified; everything else stands in `status` and `warnings`, in words.

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clavis/core/progress.hpp"
#include "clavis/core/time.hpp"
#include "clavis/ledger/summary.hpp"

namespace clavis::lifetime {

/// What is known of a parameter before the data, as a density of its logarithm. The parameter is made dimensionless: what
/// is measured in time is divided by (a rate multiplied by) the mean age T of the rows, weights counted, and gamma of
/// Gamma-Gamma by the mean amount; the others are as they are. So a prior means the same in days and in weeks.
struct prior {
    enum class family : unsigned char {
        log_normal,  ///< the logarithm is normal with mean `first` and standard deviation `second`
        gamma,       ///< shape `first`, rate `second`
    };
    std::string parameter;
    family kind = family::log_normal;
    double first = 0.0;
    double second = 2.0;
};

/// A log-normal around 1 that leaves 95 % to a factor of 50 either way, for every parameter that is not held fixed: it
/// moves nothing that the data tell, and makes finite what they leave open.
inline constexpr std::string_view weak_prior = "weak";

struct fit_options {
    std::vector<std::pair<std::string, double>>
        fixed{};  ///< parameters held at a value, in the unit of the rows
    /// Maximum a posteriori where there are any: the mode of the likelihood times the priors over the logarithms of the
    /// parameters, which does not depend on the unit of time. A parameter "weak" gives the weak prior to all that have none.
    std::vector<prior> priors{};
    /// Where the search begins too, besides the model's own starts: all parameters in the unit of the rows (k apart).
    std::vector<std::vector<double>> starts{};
    unsigned threads = 0;  ///< 0: every core
    int max_iterations = 200;
    progress watch{};
};

/// The best log-likelihood with one parameter held at a value.
struct profile_point {
    double value;
    double log_likelihood;
};

struct fit_report {
    bool converged = false;
    std::string status;                        ///< one sentence: how the search ended
    std::vector<std::string> parameter_names;  ///< order of everything below
    std::vector<double> estimates;
    std::vector<double>
        standard_errors;  ///< of the parameters themselves; 0 where held fixed, NaN where not identified
    std::vector<double> covariance;  ///< row after row; delta method from the Hessian on log parameters
    double log_likelihood =
        std::numeric_limits<double>::quiet_NaN();  ///< in the rows' own unit; never the priors
    double log_prior = 0.0;                        ///< of the logarithms of the dimensionless parameters
    std::vector<std::string> priors;               ///< what was used, in words; empty for maximum likelihood
    double gradient_norm = std::numeric_limits<double>::quiet_NaN();  ///< largest |d logL / d ln parameter|
    double condition = std::numeric_limits<double>::quiet_NaN();      ///< of the Hessian on log parameters
    int iterations = 0;              ///< of the best start and of the final fit on all rows
    std::int64_t rows = 0;           ///< rows used
    std::int64_t distinct_rows = 0;  ///< rows after compression
    std::int64_t left_out = 0;       ///< rows left out, each kind explained in a warning
    double customers = 0.0;          ///< sum of the weights of the rows used
    std::vector<std::string> warnings;
    std::vector<profile_point>
        profile;  ///< of a parameter found by profile likelihood, ascending; else empty

    double log_posterior() const { return log_likelihood + log_prior; }
    double estimate(std::string_view name) const { return find(name, estimates); }
    double standard_error(std::string_view name) const { return find(name, standard_errors); }

  private:
    double find(std::string_view name, std::vector<double> const& values) const {
        for (std::size_t i = 0; i < parameter_names.size(); ++i)
            if (parameter_names[i] == name) return values[i];
        return std::numeric_limits<double>::quiet_NaN();
    }
};

template <class Model>
struct fit_result {
    Model model;
    fit_report report;
};

/// Fits a model to one row per customer. Rows whose T is NaN (customers without purchase) are left out and
/// counted. Throws input_error for rows no model can use: negative or missing values, recency above T,
/// recency above 0 without a repeat purchase, no usable row at all.
template <class Model>
fit_result<Model> fit(ledger::summary_view const& customers, fit_options const& options = {});

template <class Model>
fit_result<Model> fit(ledger::summary const& customers, fit_options const& options = {}) {
    return fit<Model>(customers.view(), options);
}

}  // namespace clavis::lifetime

#pragma once

// Accelerated failure time with a Weibull distribution: ln T = intercept + x·β + scale · W, W the logarithm of a standard
// exponential; positive coefficients lengthen. In a = 1/scale and b = (intercept, β)/scale the log-likelihood
//   Σ w (event (z + ln a − ln t) − e^z),  z = a ln t − x·b,
// is concave, so Newton's method with halved steps finds its one maximum; the exact information there gives standard
// errors of intercept, β and ln scale. Columns are centred and scaled inside. Durations are above 0.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace clavis::statistics {

struct weibull_view {
    std::span<double const> covariates;  ///< rows x columns; may be empty
    std::vector<std::string> names;
    std::span<double const> duration;
    std::span<std::uint8_t const> event;
    std::span<double const> weights{};
};

struct weibull_fit {
    double intercept = 0;
    std::vector<double> coefficient;  ///< NaN: constant, or a linear combination of columns before
    double scale = 1;
    /// Of intercept, coefficients and ln scale, in this order.
    std::vector<double> covariance;
    double log_likelihood_null = 0;  ///< with intercept and scale alone
    double log_likelihood = 0;
    std::size_t rows = 0;
    std::size_t events = 0;
    int iterations = 0;
    bool converged = false;
    std::string status;
    std::vector<std::string> warnings;
};

/// Throws input_error that names column and row of what cannot be used, and where there are no events.
weibull_fit fit_weibull_aft(weibull_view const& data, int max_iterations = 100);

}  // namespace clavis::statistics

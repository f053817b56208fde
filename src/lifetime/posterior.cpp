#include "clavis/lifetime/posterior.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <span>

#include "batches.hpp"
#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "clavis/core/random.hpp"
#include "clavis/lifetime/beta_discrete_weibull.hpp"
#include "clavis/lifetime/beta_geo_beta_binomial.hpp"
#include "clavis/lifetime/gamma_gamma.hpp"
#include "clavis/lifetime/gamma_gompertz_nbd.hpp"
#include "clavis/lifetime/modified_beta_geo_cnbd.hpp"
#include "clavis/lifetime/modified_beta_geo_nbd.hpp"
#include "clavis/lifetime/nbd.hpp"
#include "clavis/lifetime/pareto_ggg.hpp"
#include "clavis/lifetime/pareto_nbd.hpp"
#include "clavis/lifetime/shifted_beta_geo.hpp"
#include "rows.hpp"

namespace clavis::lifetime {
namespace {

using log_density = std::function<double(std::span<double const>)>;

constexpr double degrees = 5.0;
constexpr std::uint32_t candidate_stream = 0x706f7374;
constexpr std::uint32_t resampling_stream = 0x72657361;

/// The parameters that vary, and their covariance on logarithms.
struct laplace {
    std::vector<std::size_t> free;
    Eigen::MatrixXd root;  // lower triangle
};

laplace laplace_of(std::span<double const> estimate, fit_report const& report,
                   std::vector<std::string>& warnings) {
    std::size_t const n = estimate.size();
    if (report.covariance.size() != n * n || report.standard_errors.size() != n)
        throw input_error("posterior: the report's covariance has not the size of the model's parameters");
    laplace result;
    std::string held;
    for (std::size_t i = 0; i < n; ++i) {
        double const error = report.standard_errors[i];
        if (error > 0.0 && std::isfinite(error))
            result.free.push_back(i);
        else if (std::isnan(error) || std::isinf(error))
            held += (held.empty() ? "" : ", ") +
                    (i < report.parameter_names.size() ? report.parameter_names[i] : std::to_string(i));
    }
    if (!held.empty())
        warnings.push_back("not identified by these data, and so left at their estimate in every draw: " +
                           held);
    auto const size = static_cast<Eigen::Index>(result.free.size());
    Eigen::MatrixXd covariance(size, size);
    for (Eigen::Index i = 0; i < size; ++i)
        for (Eigen::Index j = 0; j < size; ++j) {
            std::size_t const a = result.free[static_cast<std::size_t>(i)];
            std::size_t const b = result.free[static_cast<std::size_t>(j)];
            covariance(i, j) = report.covariance[a * n + b] / (estimate[a] * estimate[b]);
        }
    Eigen::LLT<Eigen::MatrixXd> const factor(covariance);
    if (size > 0 && (factor.info() != Eigen::Success || !covariance.allFinite()))
        throw input_error("posterior: the report's covariance is not positive definite");
    result.root = factor.matrixL();
    return result;
}

posterior_draws sample(std::span<double const> estimate, fit_report const& report, std::size_t distinct_rows,
                       log_density const& log_likelihood, posterior_options const& options) {
    posterior_draws result;
    std::size_t const n = estimate.size();
    result.parameters = n;
    laplace const around = laplace_of(estimate, report, result.warnings);
    auto const size = static_cast<Eigen::Index>(around.free.size());
    std::size_t const wanted = std::max<std::size_t>(2000, 4 * options.draws);
    result.exact = size > 0 && distinct_rows > 0 &&
                   static_cast<double>(wanted) * static_cast<double>(distinct_rows) <= options.most_work;
    std::size_t const candidates = result.exact ? wanted : options.draws;
    std::vector<double> values(candidates * n);
    std::vector<double> weight(candidates, 0.0);
    parallel_blocks(candidates, 16, options.threads, [&](std::size_t, std::size_t begin, std::size_t end) {
        for (std::size_t c = begin; c < end; ++c) {
            random_stream random(options.seed, candidate_stream, c);
            Eigen::VectorXd z(size);
            for (double& v : z)
                v = random.normal();
            double const spread = result.exact ? random.gamma(0.5 * degrees) / (0.5 * degrees) : 1.0;
            Eigen::VectorXd const step = around.root * z / std::sqrt(spread);
            std::span<double> const place(values.data() + c * n, n);
            std::copy(estimate.begin(), estimate.end(), place.begin());
            for (Eigen::Index i = 0; i < size; ++i)
                place[around.free[static_cast<std::size_t>(i)]] *= std::exp(step[i]);
            if (!result.exact) continue;
            double const log_t =
                -0.5 * (degrees + static_cast<double>(size)) * std::log1p(z.squaredNorm() / spread / degrees);
            bool usable = true;
            for (double const v : place)
                usable = usable && v > 0.0 && std::isfinite(v);
            weight[c] = usable ? log_likelihood(place) - log_t : -std::numeric_limits<double>::infinity();
        }
    });
    if (!result.exact) {
        result.values = std::move(values);
        return result;
    }
    double top = -std::numeric_limits<double>::infinity();
    for (double const w : weight)
        top = std::max(top, w);  // NaN never is the larger one
    double total = 0.0;
    for (double& w : weight) {
        w = std::isnan(w) ? 0.0 : std::exp(w - top);
        total += w;
    }
    double const count = static_cast<double>(candidates);
    double const largest = total / count * std::sqrt(count);
    double squares = 0.0;
    total = 0.0;
    for (double& w : weight) {
        w = std::min(w, largest);
        total += w;
        squares += w * w;
    }
    result.efficiency = total * total / squares / count;
    if (result.efficiency < 0.2)
        result.warnings.push_back(
            "the posterior is far from a normal law on logarithms (the likelihood is all but flat in some "
            "direction): the draws stand for " +
            std::to_string(static_cast<int>(result.efficiency * count)) + " independent ones");
    result.values.resize(options.draws * n);
    // Systematic resampling; the draws are then put in an order that does not tell which are equal.
    random_stream random(options.seed, resampling_stream, 0);
    double const step = total / static_cast<double>(options.draws);
    double target = random.uniform() * step;
    double reached = 0.0;
    std::size_t c = 0;
    std::vector<std::size_t> chosen(options.draws);
    for (std::size_t d = 0; d < options.draws; ++d, target += step) {
        while (c + 1 < candidates && reached + weight[c] < target)
            reached += weight[c++];
        chosen[d] = c;
    }
    for (std::size_t d = options.draws; d > 1; --d)
        std::swap(chosen[d - 1], chosen[random.below(d)]);
    for (std::size_t d = 0; d < options.draws; ++d)
        std::copy_n(values.data() + chosen[d] * n, n, result.values.data() + d * n);
    return result;
}

}  // namespace

template <class Model>
posterior_draws posterior(Model const& estimate, fit_report const& report,
                          ledger::summary_view const& customers, posterior_options const& options) {
    estimate.validate();
    compressed_rows const rows = customers.size() == 0 || customers.T.empty() ? compressed_rows{}
                                 : reads_gaps<Model>                          ? compress_with_gaps(customers)
                                                                              : compress(customers);
    auto const start = estimate.parameters();
    // A likelihood that is two integrals a row costs thousands of others.
    std::size_t const cost = reads_gaps<Model> ? 4000 : 1;
    return sample(
        start, report, cost * rows.size(),
        [&](std::span<double const> p) {
            auto parameters = start;
            std::copy(p.begin(), p.end(), parameters.begin());
            Model const model = Model::from(parameters, estimate.unit);
            double sum = 0.0;
            double const scale = rows.scale;
            std::size_t row = 0;
            for_each_tile(rows, [&](compressed_rows::run const& run, row_tile const& tile) {
                for (std::size_t i = 0; i < tile.size(); ++i, ++row) {
                    double const tx = tile.tx[i] * scale;
                    double const T = tile.T[i] * scale;
                    if constexpr (reads_gaps<Model>)
                        sum +=
                            tile.weight[i] *
                            model.log_likelihood(run.x, tx, T, rows.log_gaps[row] + run.x * std::log(scale));
                    else
                        sum += tile.weight[i] * model.log_likelihood(run.x, tx, T);
                }
            });
            return sum;
        },
        options);
}

template <>
posterior_draws posterior<gamma_gamma>(gamma_gamma const& estimate, fit_report const& report,
                                       ledger::summary_view const& customers,
                                       posterior_options const& options) {
    estimate.validate();
    struct row {
        double x, m, weight;
        auto operator<=>(row const&) const = default;
    };
    std::vector<row> rows;
    for (std::size_t i = 0; i < customers.monetary_value.size(); ++i) {
        bool const absent = i < customers.T.size() && std::isnan(customers.T[i]);
        if (!absent && customers.frequency[i] > 0 && customers.monetary_value[i] > 0.0)
            rows.push_back({static_cast<double>(customers.frequency[i]), customers.monetary_value[i],
                            customers.weights.empty() ? 1.0 : customers.weights[i]});
    }
    std::sort(rows.begin(), rows.end());
    auto const start = estimate.parameters();
    return sample(
        start, report, rows.size(),
        [&](std::span<double const> p) {
            gamma_gamma const model{p[0], p[1], p[2]};
            double sum = 0.0;
            for (row const& r : rows)
                sum += r.weight * model.log_likelihood(r.x, r.m);
            return sum;
        },
        options);
}

template posterior_draws posterior(beta_geo_nbd const&, fit_report const&, ledger::summary_view const&,
                                   posterior_options const&);
template posterior_draws posterior(modified_beta_geo_nbd const&, fit_report const&,
                                   ledger::summary_view const&, posterior_options const&);
template posterior_draws posterior(beta_geo_cnbd const&, fit_report const&, ledger::summary_view const&,
                                   posterior_options const&);
template posterior_draws posterior(modified_beta_geo_cnbd const&, fit_report const&,
                                   ledger::summary_view const&, posterior_options const&);
template posterior_draws posterior(pareto_nbd const&, fit_report const&, ledger::summary_view const&,
                                   posterior_options const&);
template posterior_draws posterior(pareto_ggg const&, fit_report const&, ledger::summary_view const&,
                                   posterior_options const&);
template posterior_draws posterior(gamma_gompertz_nbd const&, fit_report const&, ledger::summary_view const&,
                                   posterior_options const&);
template posterior_draws posterior(nbd const&, fit_report const&, ledger::summary_view const&,
                                   posterior_options const&);
template posterior_draws posterior(beta_geo_beta_binomial const&, fit_report const&,
                                   ledger::summary_view const&, posterior_options const&);
template posterior_draws posterior(shifted_beta_geo const&, fit_report const&, ledger::summary_view const&,
                                   posterior_options const&);
template posterior_draws posterior(beta_discrete_weibull const&, fit_report const&,
                                   ledger::summary_view const&, posterior_options const&);

}  // namespace clavis::lifetime

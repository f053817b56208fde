#include "fit_rows.hpp"

#include <cmath>

#include "clavis/core/errors.hpp"

namespace clavis::lifetime {
namespace {

rate_moments moments_of(compressed_rows const& rows) {
    double const rate = rows.purchases / rows.exposure;
    double over = 0.0;
    double exposure2 = 0.0;
    for_each_tile(rows, [&](compressed_rows::run const& run, row_tile const& tile) {
        for (std::size_t i = 0; i < tile.size(); ++i) {
            double const expected = rate * tile.T[i];
            over += tile.weight[i] * ((run.x - expected) * (run.x - expected) - run.x);
            exposure2 += tile.weight[i] * expected * expected;
        }
    });
    return {rate, over > 0.0 ? std::clamp(exposure2 / over, 0.05, 20.0) : 20.0, rows.scale};
}

std::vector<double> logarithms(std::vector<double> values) {
    for (double& v : values)
        v = std::log(v);
    return values;
}

}  // namespace

void rate_ridge(fit_solution const& fit, std::vector<std::string>& words) {
    if (!is_open(fit, 0) && !is_open(fit, 1)) return;
    double const r = fit.theta[0];
    if (r > 3.0)
        words.push_back(
            "the heterogeneity in purchase rates is not identified: r and alpha grow without bound "
            "(customers do "
            "not differ more than chance explains); only r / alpha is known");
    else if (r < -3.0)
        words.push_back("the purchase rates are not identified: r goes to 0 (hardly anybody buys again)");
    else
        words.push_back("r and alpha are not identified by these data");
}

prepared_rows prepare(ledger::summary_view const& customers, fit_options const& options) {
    options.watch.report("compressing rows", 0.0);
    compressed_rows rows = compress(customers);
    if (rows.rows == 0)
        throw input_error(
            {.table = "summary"},
            "no row can be used: " + counted(rows.left_out, "row is", "rows are") + " without any purchase");
    compressed_rows sample = thin(rows, 20'000);
    return {std::move(rows), std::move(sample)};
}

fit_solution fit_rows(ledger::summary_view const& customers, fit_options const& options,
                      row_model const& model) {
    return fit_rows(prepare(customers, options), options, model);
}

fit_solution fit_rows(prepared_rows const& prepared, fit_options const& options, row_model const& model) {
    compressed_rows const& rows = prepared.all;
    compressed_rows const& sample = prepared.sample;
    bool const silent = rows.purchases == 0.0 || rows.exposure == 0.0;
    auto const search = model.region(silent ? rate_moments{0.135, 0.135, rows.scale}
                                            : moments_of(sample.purchases > 0.0 ? sample : rows));
    fit_problem problem;
    problem.model = model.name;
    problem.names = model.parameter_names;
    for (int const power : model.time_power)
        problem.units.push_back(std::pow(rows.scale, power));
    problem.center = logarithms(search.center);
    for (auto const& start : search.starts)
        problem.starts.push_back(logarithms(start));
    if (sample.size() <= search.several_peaks)
        for (auto const& start : search.more_starts)
            problem.starts.push_back(logarithms(start));
    problem.sample_rows = sample.size();
    problem.several_peaks = search.several_peaks;
    double const mean_age = rows.exposure > 0.0 ? rows.exposure / rows.customers : 1.0;
    for (int const power : model.time_power)
        problem.dimensionless.push_back(-power * std::log(mean_age));
    bool const informed = all_informed(problem, options);
    if (silent) problem.starts.resize(1);
    problem.function = [&](std::span<double const> theta, std::span<double> gradient,
                           std::span<double> hessian, bool on_sample) {
        return model.objective(on_sample ? sample : rows, theta, gradient, hessian, options.threads);
    };
    // Without repeat purchases the likelihood only creeps towards a rate of 0: a few steps show it.
    fit_options effort = options;
    if (silent && !informed) effort.max_iterations = std::min(options.max_iterations, 20);
    fit_solution result = solve(problem, effort);

    fit_report& report = result.report;
    // Time was divided by `scale`; a density of x purchase times changes by scale^-x.
    report.log_likelihood = -result.value - rows.purchases * std::log(rows.scale);
    report.rows = rows.rows;
    report.distinct_rows = static_cast<std::int64_t>(rows.size());
    report.left_out = rows.left_out;
    report.customers = rows.customers;
    auto& words = report.warnings;
    std::size_t free = 0;
    for (known k : result.knowledge)
        free += k != known::fixed;
    if (rows.purchases == 0.0) {
        words.emplace_back(model.silence);
        if (free > 0 && !informed) {
            report.converged = false;
            report.status = "not converged: " + std::string(model.silence.substr(0, model.silence.find(':')));
        }
    }
    // Weights may be shares that add to 1, so rows count as well.
    double const count = std::max(rows.customers, static_cast<double>(rows.rows));
    if (count <= 1.0)
        words.push_back("one customer only: heterogeneity between customers cannot be estimated");
    else if (count < static_cast<double>(free))
        words.push_back("fewer customers than parameters: " + number_text(count) + " for " +
                        std::to_string(free));
    if (free > 0 && count < static_cast<double>(free) && !informed) report.converged = false;
    if (rows.left_out > 0)
        words.push_back(counted(rows.left_out, "customer", "customers") +
                        " without any purchase (T is missing) left out");
    model.ridges(result, words);
    if (!report.converged && report.status.starts_with("converged"))
        report.status = "not converged: the data cannot tell the parameters";
    return result;
}

}  // namespace clavis::lifetime

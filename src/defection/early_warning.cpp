#include "clavis/defection/early_warning.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "clavis/core/errors.hpp"

namespace clavis::defection {
namespace {

constexpr double ridge = 1e-6;

/// Cholesky factor of a symmetric positive definite matrix, in place of its lower triangle; false where it is not.
bool factor(std::vector<double>& a, std::size_t n) {
    for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t i = j; i < n; ++i) {
            double sum = a[i * n + j];
            for (std::size_t k = 0; k < j; ++k)
                sum -= a[i * n + k] * a[j * n + k];
            if (i == j) {
                if (!(sum > 0)) return false;
                a[i * n + j] = std::sqrt(sum);
            } else {
                a[i * n + j] = sum / a[j * n + j];
            }
        }
    }
    return true;
}

void solve(std::vector<double> const& a, std::size_t n, std::vector<double>& b) {
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t k = 0; k < i; ++k)
            b[i] -= a[i * n + k] * b[k];
        b[i] /= a[i * n + i];
    }
    for (std::size_t i = n; i-- > 0;) {
        for (std::size_t k = i + 1; k < n; ++k)
            b[i] -= a[k * n + i] * b[k];
        b[i] /= a[i * n + i];
    }
}

}  // namespace

void warning_cells::add(std::int32_t piece, condition_set conditions, std::int64_t events, double exposure) {
    if (events < 0 || !(exposure >= 0) || !std::isfinite(exposure))
        throw input_error("early warning: events and exposure must be at least 0 and finite, not " +
                          std::to_string(events) + " and " + std::to_string(exposure));
    auto& own = cells_[{piece, conditions}];
    own.events += events;
    own.exposure += exposure;
}

warning_cells& warning_cells::merge(warning_cells const& other) {
    if (&other == this) return merge(warning_cells(other));
    for (auto const& [key, theirs] : other.cells_) {
        auto& own = cells_[key];
        own.events += theirs.events;
        own.exposure += theirs.exposure;
    }
    return *this;
}

double warning_model::multiplier(condition_set conditions) const noexcept {
    double sum = -log_mean;
    for (std::size_t j = 0; j < beta.size(); ++j)
        if ((conditions >> j & 1U) != 0) sum += beta[j];
    return std::exp(sum);
}

warning_model fit_warning(warning_cells const& cells, std::size_t conditions) {
    if (conditions > 16) throw input_error("early warning: at most 16 conditions");
    warning_model model;
    double events = 0;
    double exposure = 0;
    for (auto const& [key, one] : cells.cells()) {
        if (key.second >> conditions != 0)
            throw input_error("early warning: a cell has more conditions than the model");
        if (one.events > 0 && one.exposure == 0)
            throw input_error("early warning: events without exposure in piece " + std::to_string(key.first));
        events += static_cast<double>(one.events);
        exposure += one.exposure;
        if (one.exposure > 0 && (model.piece.empty() || model.piece.back() != key.first))
            model.piece.push_back(key.first);
    }
    if (events == 0 || exposure == 0) throw input_error("early warning: there is no change to learn from");
    std::size_t const pieces = model.piece.size();
    std::size_t const n = pieces + conditions;
    std::vector<double> theta(n, 0.0);
    std::fill_n(theta.begin(), pieces, std::log(events / exposure));
    auto place_of = [&](std::int32_t piece) {
        return static_cast<std::size_t>(std::lower_bound(model.piece.begin(), model.piece.end(), piece) -
                                        model.piece.begin());
    };
    auto columns_of = [&](std::pair<std::int32_t, condition_set> key, std::vector<std::size_t>& columns) {
        columns.assign(1, place_of(key.first));
        for (std::size_t j = 0; j < conditions; ++j)
            if ((key.second >> j & 1U) != 0) columns.push_back(pieces + j);
    };
    std::vector<std::size_t> columns;
    auto objective = [&](std::vector<double> const& at) {
        double sum = 0;
        for (auto const& [key, one] : cells.cells()) {
            if (one.exposure == 0) continue;
            columns_of(key, columns);
            double log_rate = 0;
            for (std::size_t const j : columns)
                log_rate += at[j];
            sum += one.exposure * std::exp(log_rate) - static_cast<double>(one.events) * log_rate;
        }
        for (std::size_t j = 0; j < n; ++j) {
            double const from = j < pieces ? at[j] - std::log(events / exposure) : at[j];
            sum += ridge / 2 * from * from;
        }
        return sum;
    };
    std::vector<double> hessian(n * n);
    double value = objective(theta);
    for (int step = 0; step < 200 && !model.converged; ++step) {
        std::vector<double> gradient(n, 0.0);
        std::fill(hessian.begin(), hessian.end(), 0.0);
        for (auto const& [key, one] : cells.cells()) {
            if (one.exposure == 0) continue;
            columns_of(key, columns);
            double log_rate = 0;
            for (std::size_t const j : columns)
                log_rate += theta[j];
            double const mean = one.exposure * std::exp(log_rate);
            for (std::size_t const i : columns) {
                gradient[i] += mean - static_cast<double>(one.events);
                for (std::size_t const j : columns)
                    hessian[i * n + j] += mean;
            }
        }
        for (std::size_t j = 0; j < n; ++j) {
            gradient[j] += ridge * (j < pieces ? theta[j] - std::log(events / exposure) : theta[j]);
            hessian[j * n + j] += ridge;
        }
        if (!factor(hessian, n)) break;
        std::vector<double> move(gradient);
        solve(hessian, n, move);
        double decrement = 0;
        for (std::size_t j = 0; j < n; ++j)
            decrement += gradient[j] * move[j];
        if (decrement < 1e-16 * events) {
            model.converged = true;
            break;
        }
        // The objective is convex: halving ends.
        for (double length = 1;; length /= 2) {
            std::vector<double> next(theta);
            for (std::size_t j = 0; j < n; ++j)
                next[j] -= length * move[j];
            double const found = objective(next);
            if (found <= value - 1e-4 * length * decrement || length < 1e-10) {
                model.converged = length < 1e-10;
                theta = next;
                value = found;
                break;
            }
        }
    }
    model.log_rate.assign(theta.begin(), theta.begin() + static_cast<std::ptrdiff_t>(pieces));
    model.beta.assign(theta.begin() + static_cast<std::ptrdiff_t>(pieces), theta.end());
    for (std::size_t j = 0; j < conditions; ++j) {
        std::vector<double> unit(n, 0.0);
        unit[pieces + j] = 1;
        solve(hessian, n, unit);
        model.standard_error.push_back(std::sqrt(unit[pieces + j]));
    }
    double sum = 0;
    for (auto const& [key, one] : cells.cells())
        sum += one.exposure * model.multiplier(key.second);
    model.log_mean = std::log(sum / exposure);
    return model;
}

}  // namespace clavis::defection

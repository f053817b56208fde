#include "clavis/statistics/cox.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "clavis/core/parallel.hpp"
#include "clavis/statistics/survival_scores.hpp"
#include "numerics/vector_math.hpp"
#include "statistics/cox_rows.hpp"

namespace clavis::statistics {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t block_rows = 1 << 15;
constexpr double largest_exponent = 600;

using matrix = Eigen::MatrixXd;
using vector = Eigen::VectorXd;

/// Kernels stand for 4, 6 and 8 columns, and for any number.
std::size_t stride_for(std::size_t columns) {
    for (std::size_t const width : {4U, 6U, 8U})
        if (columns <= width) return width;
    return columns;
}

/// A sum with its rounding errors beside it (Knuth's two-sum): what is added can be taken away again.
struct two_sum {
    static void add(double& high, double& low, double x) {
        double const next = high + x;
        double const back = next - high;
        low += (high - (next - back)) + (x - back);
        high = next;
    }
};

/// What is known of the tied events of one time, Efron's way; f = k/d for k = 0 ... d − 1.
struct tie_terms {
    double log_sum = 0;      // Σ ln(S0 − f D0)
    double hazard = 0;       // Σ 1 / (S0 − f D0)
    double own_hazard = 0;   // Σ (1 − f) / (S0 − f D0)
    double tilt = 0;         // Σ a,  a = f D0 / (S0 − f D0): x̄_k = m + a u, m = S1/S0, u = m − D1/D0
    double tilt2 = 0;        // Σ a²
    double tilt_hazard = 0;  // Σ a / (S0 − f D0)
    double own_tilt = 0;     // Σ (1 − f) a / (S0 − f D0)

    tie_terms(double s0, double d0, std::size_t deaths) {
        for (std::size_t k = 0; k < deaths; ++k) {
            double const f = static_cast<double>(k) / static_cast<double>(deaths);
            double const sum = s0 - f * d0;
            double const inverse = 1 / sum;
            double const a = f * d0 * inverse;
            log_sum += std::log(sum);
            hazard += inverse;
            own_hazard += (1 - f) * inverse;
            tilt += a;
            tilt2 += a * a;
            tilt_hazard += a * inverse;
            own_tilt += (1 - f) * a * inverse;
        }
    }
};

class cox_model {
  public:
    cox_model(cox_rows const& rows, bool efron, unsigned threads)
        : rows_(rows),
          efron_(efron),
          threads_(threads),
          risk_(rows.size),
          hazard_(rows.times.size() + rows.strata.size()),
          own_(rows.times.size()),
          gradient_(static_cast<Eigen::Index>(rows.columns)),
          information_(static_cast<Eigen::Index>(rows.columns), static_cast<Eigen::Index>(rows.columns)) {}

    /// The log-likelihood at standardised coefficients; NaN where a risk is out of range. Fills gradient and information.
    double evaluate(vector const& beta) {
        return with_width<double>([&]<int P>() { return evaluate_as<P>(beta); });
    }
    /// Score residuals at the last evaluation, summed by cluster: clusters x columns.
    matrix residuals(std::size_t clusters) {
        return with_width<matrix>([&]<int P>() { return residuals_as<P>(clusters); });
    }

    vector const& gradient() const { return gradient_; }
    matrix const& information() const { return information_; }
    /// Cumulative from the end of each stratum; one place more a stratum.
    std::vector<double> const& hazard() const { return hazard_; }

  private:
    template <class Result, class Body>
    Result with_width(Body&& body) {
        switch (rows_.stride) {
            case 4:
                return body.template operator()<4>();
            case 6:
                return body.template operator()<6>();
            case 8:
                return body.template operator()<8>();
            default:
                return body.template operator()<0>();
        }
    }

    /// Goes through the event times of every stratum from the last to the first: visit(j, S0, S1).
    template <int P, class Visit>
    void scan(Visit&& visit) const {
        std::size_t const p = P > 0 ? P : rows_.stride;
        bool const late = !rows_.by_start.empty();
        std::vector<double> high(p + 1), low(p + 1), sum(p);
        for (auto const& stratum : rows_.strata) {
            std::fill(high.begin(), high.end(), 0.0);
            std::fill(low.begin(), low.end(), 0.0);
            std::size_t row = stratum.rows_begin;
            std::size_t leaving = stratum.rows_begin;
            for (std::size_t j = stratum.times_begin; j < stratum.times_end; ++j) {
                auto const& time = rows_.times[j];
                if (!late) {
                    double* const s = high.data();
                    for (; row < time.end; ++row) {
                        double const r = risk_[row];
                        double const* const x = &rows_.x[row * p];
                        s[p] += r;
                        for (std::size_t c = 0; c < p; ++c)
                            s[c] += r * x[c];
                    }
                    visit(j, s[p], s);
                    continue;
                }
                auto const add = [&](std::size_t which, double r) {
                    double const* const x = &rows_.x[which * p];
                    two_sum::add(high[p], low[p], r);
                    for (std::size_t c = 0; c < p; ++c)
                        two_sum::add(high[c], low[c], r * x[c]);
                };
                for (; row < time.end; ++row)
                    add(row, risk_[row]);
                for (; leaving < stratum.rows_end && rows_.start[rows_.by_start[leaving]] >= time.time;
                     ++leaving) {
#if defined(__GNUC__)
                    if (leaving + 8 < rows_.size) {
                        __builtin_prefetch(&rows_.x[rows_.by_start[leaving + 8] * p]);
                        __builtin_prefetch(&risk_[rows_.by_start[leaving + 8]]);
                    }
#endif
                    add(rows_.by_start[leaving], -risk_[rows_.by_start[leaving]]);
                }
                for (std::size_t c = 0; c < p; ++c)
                    sum[c] = high[c] + low[c];
                visit(j, high[p] + low[p], sum.data());
            }
        }
    }

    /// Sums of r and r x over the deaths of a time.
    template <int P>
    double deaths(cox_rows::event_time const& time, double* sum) const {
        std::size_t const p = P > 0 ? P : rows_.stride;
        std::fill_n(sum, p, 0.0);
        double total = 0;
        for (std::size_t row = time.begin; row < time.deaths_end; ++row) {
            total += risk_[row];
            for (std::size_t c = 0; c < p; ++c)
                sum[c] += risk_[row] * rows_.x[row * p + c];
        }
        return total;
    }

    template <int P>
    bool risks(vector const& beta) {
        std::size_t const p = P > 0 ? P : rows_.stride;
        std::vector<double> b(p, 0.0);
        for (std::size_t c = 0; c < rows_.columns; ++c)
            b[c] = beta[static_cast<Eigen::Index>(c)];
        std::vector<double> extremes(block_count(rows_.size, block_rows), 0);
        parallel_blocks(rows_.size, block_rows, threads_,
                        [&](std::size_t block, std::size_t begin, std::size_t end) {
                            double most = 0;
                            for (std::size_t row = begin; row < end; ++row) {
                                double eta = rows_.offset.empty() ? 0.0 : rows_.offset[row];
                                for (std::size_t c = 0; c < p; ++c)
                                    eta += b[c] * rows_.x[row * p + c];
                                risk_[row] = eta;
                                most = std::max(most, std::abs(eta));
                            }
                            for (std::size_t row = begin; row < end; ++row)
                                risk_[row] = numerics::vector_exp(risk_[row]);
                            if (!rows_.weight.empty())
                                for (std::size_t row = begin; row < end; ++row)
                                    risk_[row] *= rows_.weight[row];
                            extremes[block] = most;
                        });
        return *std::max_element(extremes.begin(), extremes.end()) <= largest_exponent;
    }

    template <int P>
    double evaluate_as(vector const& beta) {
        if (!risks<P>(beta)) return nothing;
        std::size_t const p = P > 0 ? P : rows_.stride;
        std::vector<double> slope(rows_.deaths_x);
        std::vector<double> outer(p * p, 0.0);
        std::vector<double> mean(p), tilt(p), d1(p);
        double value = rows_.deaths_offset;
        for (std::size_t c = 0; c < rows_.columns; ++c)
            value += beta[static_cast<Eigen::Index>(c)] * rows_.deaths_x[c];
        bool sound = true;
        scan<P>([&](std::size_t j, double s0, double const* s1) {
            auto const& time = rows_.times[j];
            std::size_t const count = time.deaths_end - time.begin;
            double const inverse = 1 / s0;
            sound = sound && s0 > 0;
            for (std::size_t c = 0; c < p; ++c)
                mean[c] = s1[c] * inverse;
            if (count == 1 || !efron_) {
                value -= time.weight * std::log(s0);
                own_[j] = time.weight * inverse;
                hazard_[j] = own_[j];
                for (std::size_t a = 0; a < p; ++a) {
                    double const scaled = time.weight * mean[a];
                    slope[a] -= scaled;
                    for (std::size_t c = 0; c < p; ++c)
                        outer[a * p + c] += scaled * mean[c];
                }
                return;
            }
            double const d0 = deaths<P>(time, d1.data());
            tie_terms const terms(s0, d0, count);
            auto const d = static_cast<double>(count);
            double const w = time.weight / d;
            for (std::size_t c = 0; c < p; ++c)
                tilt[c] = mean[c] - d1[c] / d0;
            value -= w * terms.log_sum;
            hazard_[j] = w * terms.hazard;
            own_[j] = w * terms.own_hazard;
            for (std::size_t a = 0; a < p; ++a) {
                slope[a] -= w * (d * mean[a] + terms.tilt * tilt[a]);
                for (std::size_t c = 0; c < p; ++c)
                    outer[a * p + c] +=
                        w * (d * mean[a] * mean[c] + terms.tilt * (mean[a] * tilt[c] + tilt[a] * mean[c]) +
                             terms.tilt2 * tilt[a] * tilt[c]);
            }
        });
        if (!sound || !std::isfinite(value)) return nothing;
        accumulate_hazard();
        std::vector<double> total(p * p, 0.0);
        std::vector<std::vector<double>> parts(block_count(rows_.size, block_rows));
        parallel_blocks(rows_.size, block_rows, threads_,
                        [&](std::size_t block, std::size_t begin, std::size_t end) {
                            std::vector<double> part(p * p, 0.0);
                            for (std::size_t row = begin; row < end; ++row) {
                                double const r = risk_[row] * exposure(row);
                                double const* const x = &rows_.x[row * p];
                                for (std::size_t a = 0; a < p; ++a) {
                                    double const scaled = r * x[a];
                                    for (std::size_t c = 0; c < p; ++c)
                                        part[a * p + c] += scaled * x[c];
                                }
                            }
                            parts[block] = std::move(part);
                        });
        for (auto const& part : parts)
            for (std::size_t i = 0; i < p * p; ++i)
                total[i] += part[i];
        for (std::size_t a = 0; a < rows_.columns; ++a) {
            gradient_[static_cast<Eigen::Index>(a)] = slope[a];
            for (std::size_t c = 0; c < rows_.columns; ++c)
                information_(static_cast<Eigen::Index>(a), static_cast<Eigen::Index>(c)) =
                    total[a * p + c] - outer[a * p + c];
        }
        return value;
    }

    /// hazard_[j] becomes the sum over all earlier times of its stratum and itself, moved to the stratum's own places.
    void accumulate_hazard() {
        for (std::size_t s = rows_.strata.size(); s-- > 0;) {
            auto const& stratum = rows_.strata[s];
            double sum = 0;
            hazard_[stratum.times_end + s] = 0;
            for (std::size_t j = stratum.times_end; j-- > stratum.times_begin;) {
                sum += hazard_[j];
                hazard_[j + s] = sum;
            }
        }
    }

    /// The baseline hazard that a row lived through.
    double exposure(std::size_t row) const {
        std::size_t const first = rows_.first[row];
        double sum = hazard_[first];
        if (rows_.event[row] != 0) {
            std::size_t const s = stratum_of(row);
            sum = hazard_[first + 1] + own_[first - s];
        }
        if (!rows_.last.empty()) sum -= hazard_[rows_.last[row]];
        return sum;
    }

    std::size_t stratum_of(std::size_t row) const {
        if (rows_.strata.size() == 1) return 0;
        auto const after = std::upper_bound(
            rows_.strata.begin(), rows_.strata.end(), row,
            [](std::size_t value, cox_rows::stratum const& one) { return value < one.rows_begin; });
        return static_cast<std::size_t>(after - rows_.strata.begin()) - 1;
    }

    template <int P>
    matrix residuals_as(std::size_t clusters) {
        std::size_t const p = P > 0 ? P : rows_.stride;
        // By event time: x̄ of its deaths, x̄ dΛ for those at risk (made cumulative below) and for the deaths themselves.
        std::vector<double> mean(rows_.times.size() * p);
        std::vector<double> through((rows_.times.size() + rows_.strata.size()) * p);
        std::vector<double> own(rows_.times.size() * p);
        std::vector<double> d1(p);
        scan<P>([&](std::size_t j, double s0, double const* s1) {
            auto const& time = rows_.times[j];
            std::size_t const count = time.deaths_end - time.begin;
            double* const m = &mean[j * p];
            for (std::size_t c = 0; c < p; ++c)
                m[c] = s1[c] / s0;
            if (count == 1 || !efron_) {
                for (std::size_t c = 0; c < p; ++c)
                    through[j * p + c] = own[j * p + c] = m[c] * time.weight / s0;
                return;
            }
            double const d0 = deaths<P>(time, d1.data());
            tie_terms const terms(s0, d0, count);
            double const w = time.weight / static_cast<double>(count);
            for (std::size_t c = 0; c < p; ++c) {
                double const u = m[c] - d1[c] / d0;
                through[j * p + c] = w * (m[c] * terms.hazard + u * terms.tilt_hazard);
                own[j * p + c] = w * (m[c] * terms.own_hazard + u * terms.own_tilt);
                m[c] += u * terms.tilt / static_cast<double>(count);
            }
        });
        for (std::size_t s = rows_.strata.size(); s-- > 0;) {
            auto const& stratum = rows_.strata[s];
            std::fill_n(&through[(stratum.times_end + s) * p], p, 0.0);
            for (std::size_t j = stratum.times_end; j-- > stratum.times_begin;)
                for (std::size_t c = 0; c < p; ++c)
                    through[(j + s) * p + c] = through[j * p + c] + through[(j + s + 1) * p + c];
        }
        bool const each = rows_.cluster.empty();
        matrix sums = matrix::Zero(static_cast<Eigen::Index>(each ? rows_.columns : clusters),
                                   static_cast<Eigen::Index>(rows_.columns));
        vector one(static_cast<Eigen::Index>(rows_.columns));
        for (std::size_t row = 0; row < rows_.size; ++row) {
            std::size_t const first = rows_.first[row];
            double const* const x = &rows_.x[row * p];
            double const lived = exposure(row);
            bool const died = rows_.event[row] != 0;
            std::size_t const j = died ? first - stratum_of(row) : 0;
            for (std::size_t c = 0; c < rows_.columns; ++c) {
                double met = died ? through[(first + 1) * p + c] + own[j * p + c] : through[first * p + c];
                if (!rows_.last.empty()) met -= through[rows_.last[row] * p + c];
                double residual = -risk_[row] * (x[c] * lived - met);
                if (died) residual += rows_.weight_of(row) * (x[c] - mean[j * p + c]);
                one[static_cast<Eigen::Index>(c)] = residual;
            }
            if (each) {
                sums.noalias() += one * one.transpose();
            } else {
                sums.row(rows_.cluster[row]) += one.transpose();
            }
        }
        if (each) return sums;
        return sums.transpose() * sums;
    }

    cox_rows const& rows_;
    bool efron_;
    unsigned threads_;
    std::vector<double> risk_;
    std::vector<double> hazard_;
    std::vector<double> own_;
    vector gradient_;
    matrix information_;
};

std::string number(char const* format, double value) {
    char text[40];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

/// Columns whose information is not that of the columns before them; says of the others why not.
std::vector<Eigen::Index> identified(matrix const& information, cox_rows const& rows,
                                     std::vector<std::string> const& names,
                                     std::vector<std::string>& warnings) {
    auto const p = static_cast<Eigen::Index>(names.size());
    double const most = information.diagonal().maxCoeff();
    std::vector<Eigen::Index> kept;
    for (Eigen::Index c = 0; c < p; ++c) {
        auto const& name = names[static_cast<std::size_t>(c)];
        if (rows.spread[static_cast<std::size_t>(c)] == 0) {
            warnings.push_back('"' + name +
                               "\" is constant: its coefficient cannot be known and is left out");
            continue;
        }
        double const own = information(c, c);
        if (!(own > 1e-11 * most)) {
            warnings.push_back(
                '"' + name +
                "\" does not vary among those at risk together: its coefficient cannot be known "
                "and is left out");
            continue;
        }
        auto const size = static_cast<Eigen::Index>(kept.size());
        matrix before(size, size);
        vector across(size);
        for (Eigen::Index i = 0; i < size; ++i) {
            across[i] = information(kept[static_cast<std::size_t>(i)], c);
            for (Eigen::Index k = 0; k < size; ++k)
                before(i, k) =
                    information(kept[static_cast<std::size_t>(i)], kept[static_cast<std::size_t>(k)]);
        }
        vector const part = size > 0 ? vector(before.ldlt().solve(across)) : vector(0);
        if (own - across.dot(part) > 1e-10 * own) {
            kept.push_back(c);
            continue;
        }
        std::string of;
        for (Eigen::Index i = 0; i < size; ++i) {
            auto const k = kept[static_cast<std::size_t>(i)];
            if (std::abs(part[i]) * std::sqrt(information(k, k) / own) > 1e-4)
                of += (of.empty() ? "\"" : ", \"") + names[static_cast<std::size_t>(k)] + '"';
        }
        warnings.push_back('"' + name + "\" is a linear combination of " + of +
                           " among those at risk together: its coefficient is left out");
    }
    return kept;
}

template <class Values>
vector select(Values const& values, std::vector<Eigen::Index> const& kept) {
    vector result(static_cast<Eigen::Index>(kept.size()));
    for (std::size_t i = 0; i < kept.size(); ++i)
        result[static_cast<Eigen::Index>(i)] = values[kept[i]];
    return result;
}
matrix select_square(matrix const& values, std::vector<Eigen::Index> const& kept) {
    auto const size = static_cast<Eigen::Index>(kept.size());
    matrix result(size, size);
    for (Eigen::Index i = 0; i < size; ++i)
        for (Eigen::Index k = 0; k < size; ++k)
            result(i, k) = values(kept[static_cast<std::size_t>(i)], kept[static_cast<std::size_t>(k)]);
    return result;
}

/// A covariance of kept standardised coefficients, of all columns in their own units.
std::vector<double> in_own_units(matrix const& covariance, cox_rows const& rows,
                                 std::vector<Eigen::Index> const& kept) {
    std::size_t const p = rows.columns;
    std::vector<double> result(p * p, nothing);
    for (std::size_t i = 0; i < kept.size(); ++i)
        for (std::size_t k = 0; k < kept.size(); ++k) {
            auto const a = static_cast<std::size_t>(kept[i]);
            auto const b = static_cast<std::size_t>(kept[k]);
            result[a * p + b] = covariance(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(k)) /
                                rows.spread[a] / rows.spread[b];
        }
    return result;
}

std::string listed(std::vector<std::string> const& names) {
    std::string text;
    for (auto const& name : names)
        text += (text.empty() ? "\"" : ", \"") + name + '"';
    return text;
}

/// Newton's method with halved steps; `beta` is standardised and ends at the maximum.
void search(cox_model& model, std::vector<Eigen::Index> const& kept, cox_view const& data,
            cox_options const& options, vector& beta, cox_fit& fit) {
    double value = fit.log_likelihood_null;
    bool out_of_range = false;
    vector step;
    double promised = 0;
    for (;;) {
        matrix const information = select_square(model.information(), kept);
        vector const gradient = select(model.gradient(), kept);
        // Scaled to a unit diagonal: what a flat column loses in size stays in its proportion.
        vector const scale = information.diagonal().cwiseMax(1e-300).cwiseSqrt().cwiseInverse();
        Eigen::LDLT<matrix> const solver(scale.asDiagonal() * information * scale.asDiagonal());
        step = scale.asDiagonal() * solver.solve(scale.asDiagonal() * gradient);
        promised = gradient.dot(step);
        if (fit.iterations >= options.max_iterations || !step.allFinite() || !(promised >= 0)) break;
        options.watch.report("fitting", -1);
        ++fit.iterations;
        bool const last = promised < 1e-11;
        double factor = 1;
        vector const from = beta;
        double next = nothing;
        for (int halving = 0; halving < 40; ++halving, factor /= 2) {
            for (std::size_t i = 0; i < kept.size(); ++i)
                beta[kept[i]] = from[kept[i]] + factor * step[static_cast<Eigen::Index>(i)];
            next = model.evaluate(beta);
            if (std::isnan(next)) out_of_range = true;
            if (next >= value - 1e-12 * std::abs(value)) break;
        }
        if (!(next >= value - 1e-12 * std::abs(value))) {
            beta = from;
            value = model.evaluate(beta);
            break;
        }
        value = next;
        if (last) {
            fit.converged = true;
            break;
        }
    }
    fit.log_likelihood = value;
    // Where the likelihood rises for ever, gradient and information vanish together and steps keep their length.
    std::vector<std::string> endless;
    for (std::size_t i = 0; i < kept.size(); ++i)
        if (std::abs(step[static_cast<Eigen::Index>(i)]) > 1e-3)
            endless.push_back(data.names[static_cast<std::size_t>(kept[i])]);
    if (!endless.empty() && (fit.converged || out_of_range || promised < 1e-6)) {
        fit.converged = false;
        fit.status = "the likelihood rises for ever";
        fit.warnings.push_back(
            "the likelihood rises for ever as the coefficient of " + listed(endless) +
            " grows: events and survivors are separated, and the values shown are where the search "
            "stopped");
    } else if (fit.converged) {
        fit.status = "converged";
    } else {
        fit.status = fit.iterations >= options.max_iterations ? "the iterations were used up"
                                                              : "no step raises the likelihood any more";
        fit.warnings.push_back("the search did not reach a maximum: " + fit.status);
    }
}

}  // namespace

cox_fit fit_cox(cox_view const& data, cox_options const& options) {
    cox_rows const rows = make_cox_rows(data, &stride_for);
    auto const p = static_cast<Eigen::Index>(rows.columns);
    cox_model model(rows, options.ties == tie_rule::efron, options.threads);
    cox_fit fit;
    fit.rows = rows.size;
    for (auto const& time : rows.times)
        fit.events += time.deaths_end - time.begin;
    fit.mean = rows.mean;

    vector beta = vector::Zero(p);
    fit.log_likelihood_null = model.evaluate(beta);
    if (std::isnan(fit.log_likelihood_null))
        throw input_error("the offset spans more than exp can tell apart: it must lie within -600 and 600");
    auto const kept = identified(model.information(), rows, data.names, fit.warnings);
    fit.degrees = static_cast<int>(kept.size());
    fit.coefficient.assign(rows.columns, nothing);
    if (!kept.empty()) {
        vector const gradient = select(model.gradient(), kept);
        fit.score_statistic = gradient.dot(select_square(model.information(), kept).ldlt().solve(gradient));
        search(model, kept, data, options, beta, fit);
        matrix const information = select_square(model.information(), kept);
        vector const scale = information.diagonal().cwiseMax(1e-300).cwiseSqrt().cwiseInverse();
        matrix const correlation = scale.asDiagonal() * information * scale.asDiagonal();
        Eigen::SelfAdjointEigenSolver<matrix> const eigen(correlation);
        fit.condition = eigen.eigenvalues().maxCoeff() / std::max(eigen.eigenvalues().minCoeff(), 1e-300);
        matrix const covariance =
            scale.asDiagonal() *
            correlation.ldlt().solve(matrix::Identity(information.rows(), information.cols())) *
            scale.asDiagonal();
        vector const chosen = select(beta, kept);
        fit.wald_statistic = chosen.dot(information * chosen);
        fit.gradient_norm = select(model.gradient(), kept).cwiseAbs().maxCoeff();
        fit.covariance = in_own_units(covariance, rows, kept);
        if (options.robust || data.clusters > 0) {
            matrix const meat = select_square(model.residuals(static_cast<std::size_t>(data.clusters)), kept);
            matrix const robust = covariance * meat * covariance;
            fit.robust_covariance = in_own_units(robust, rows, kept);
            fit.wald_statistic = chosen.dot(robust.ldlt().solve(chosen));
        }
        for (auto const c : kept)
            fit.coefficient[static_cast<std::size_t>(c)] = beta[c] / rows.spread[static_cast<std::size_t>(c)];
        if (fit.converged && fit.condition > 1e8)
            fit.warnings.push_back("columns are nearly collinear (condition " +
                                   number("%.2g", fit.condition) + "): single coefficients mean little");
    } else {
        fit.log_likelihood = fit.log_likelihood_null;
        fit.covariance.assign(rows.columns * rows.columns, nothing);
        fit.status = "no covariate tells anything";
    }

    std::vector<double> score(rows.size);
    for (std::size_t row = 0; row < rows.size; ++row) {
        double eta = rows.offset.empty() ? 0.0 : rows.offset[row];
        for (std::size_t c = 0; c < rows.columns; ++c)
            eta += beta[static_cast<Eigen::Index>(c)] * rows.x[row * rows.stride + c];
        score[row] = eta;
    }
    fit.concordance = concordance({.stop = rows.stop,
                                   .event = rows.event,
                                   .score = score,
                                   .start = rows.start,
                                   .weights = rows.weight,
                                   .stratum = rows.code,
                                   .strata = data.strata})
                          .index;
    for (std::size_t s = 0; s < rows.strata.size(); ++s) {
        auto const& stratum = rows.strata[s];
        for (std::size_t j = stratum.times_end; j-- > stratum.times_begin;) {
            fit.baseline_stratum.push_back(rows.code.empty() ? 0 : rows.code[stratum.rows_begin]);
            fit.baseline_time.push_back(rows.times[j].time);
            fit.baseline_hazard.push_back(model.hazard()[j + s]);
        }
    }
    return fit;
}

}  // namespace clavis::statistics

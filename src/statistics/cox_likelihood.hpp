#pragma once

// Cox's partial likelihood of arranged rows, its derivatives, and what else comes from the sums over those at risk.

#include <Eigen/Dense>
#include <span>
#include <vector>

#include "statistics/cox_rows.hpp"

namespace clavis::statistics {

/// Sums of r and r x over rows of one order, stratum by stratum, from the first row on; exact where rows leave again.
class cox_sums {
  public:
    cox_sums(cox_columns const& columns, cox_rows const& rows, bool exact, unsigned threads);

    /// Risks at these coefficients; false where one is out of range.
    bool update(std::span<double const> beta);
    std::vector<double> const& risk() const { return risk_; }

    /// The sums after the first counts[j] rows, for every j; counts do not fall. visit(block, first j, how many, sums,
    /// their rounding errors or null): columns + 1 columns of tile_rows. On several threads. j with counts[j] = 0 are
    /// left out.
    template <class Visit>
    void each(std::span<std::uint32_t const> counts, Visit&& visit) const;

    /// Adds the sums over rows [begin, end): of r x, then of r.
    void add(std::size_t begin, std::size_t end, double* sum) const;

  private:
    /// Calls body(begin, end, whether a stratum begins there) for the parts of a tile that lie in one stratum.
    template <class Body>
    void each_part(std::size_t begin, std::size_t end, Body&& body) const;

    cox_columns const& columns_;
    cox_rows const& rows_;
    bool exact_;
    unsigned threads_;
    std::vector<double> risk_;
    std::vector<double> carry_;  ///< by block: the sums at its beginning, then their errors
};

class cox_likelihood {
  public:
    using matrix = Eigen::MatrixXd;
    using vector = Eigen::VectorXd;

    cox_likelihood(cox_rows const& rows, bool efron, unsigned threads);

    /// The log-likelihood at standardised coefficients; NaN where a risk is out of range. Fills gradient, information
    /// and hazard. With factors, one a time, the gradient is that of the log-likelihood whose terms count so much, and
    /// the information its expectation.
    double evaluate(vector const& beta, std::span<double const> factor = {});

    vector const& gradient() const { return gradient_; }
    matrix const& information() const { return information_; }
    /// Cumulative from the end of each stratum; one place more a stratum.
    std::vector<double> const& hazard() const { return hazard_; }

    /// Σ U Uᵀ, U the score residuals at the last evaluation, summed by cluster.
    matrix residual_products(std::size_t clusters) const;
    /// The mean of each column that the deaths of each time are compared with: times x columns.
    std::vector<double> means() const;

  private:
    struct part;
    /// By time: x̄ of its deaths, x̄ dΛ for those at risk and for the deaths themselves.
    struct time_means {
        std::vector<double> mean, through, own;
    };

    template <class Visit>
    void scan(Visit&& visit) const;
    void add_times(part& sum, std::size_t first, std::size_t count, double* sums,
                   std::span<double const> factor);
    void add_tied(part& sum, std::size_t j, double weight, double s0, double const* mean);
    void accumulate_hazard();
    double exposure(std::size_t row) const;
    time_means find_means() const;

    cox_rows const& rows_;
    bool efron_;
    unsigned threads_;
    cox_sums entering_;
    cox_sums leaving_;
    std::vector<double> left_;  ///< by time: what has left the sums, and the errors of that
    std::vector<double> hazard_;
    std::vector<double> own_;
    vector gradient_;
    matrix information_;
};

}  // namespace clavis::statistics

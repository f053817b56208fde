#pragma once

// Lists one can trust, out of many customers judged at once.
//
// False discovery levels: for every hypothesis the smallest q at which it is rejected, so that the rows of a level <= q
// are the list whose expected share of false entries is at most q.
//   e_bh  from e-values (E[e] <= 1 where nothing changed; e = R u / t of a Shiryaev-Roberts statistic after the time t):
//         the k largest with e_(k) >= N / (k q); valid under any dependence (Wang and Ramdas 2022)
//   bh    from p-values, N p_(k) / k; valid if independent or positively dependent (Benjamini and Hochberg 1995)
//   by    from p-values, times 1 + 1/2 + ... + 1/N; valid under any dependence (Benjamini and Yekutieli 2001)
// NaN is no hypothesis: it is not counted in N and its level is NaN.
//
// conformal_scores: split-conformal p-values (Vovk, Gammerman and Shafer 2005) by stratum, (1 + number of calibration
// scores >= s) / (1 + number of them): uniform or larger where a customer is exchangeable with those of the stratum.
// adaptive_level: the level that keeps the share of errors at its target under drift (Gibbs and Candes 2021).
// isotonic_calibration: what a stated probability has meant, by counts in equal bins made monotone (pool adjacent
// violators, Ayer et al. 1955). The two that learn are mergeable: the same state for any order and any split.

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace clavis::statistics {

enum class discovery_rule : std::uint8_t { e_bh, bh, by };
/// "e-bh", "bh" or "by"; throws input_error for anything else.
discovery_rule discovery_rule_of(std::string_view name);

/// The levels of `values`: e-values >= 0 (may be infinite) for e_bh, p-values in [0, 1] else. Throws input_error where
/// a value lies outside or `levels` has another length. O(N log N).
void discovery_levels(std::span<double const> values, std::span<double> levels, discovery_rule rule);

/// Calibration scores by stratum. Strata are any numbers of the caller's.
class conformal_scores {
  public:
    /// NaN scores are left out and counted.
    void add(std::int64_t stratum, double score);
    conformal_scores& merge(conformal_scores const& other);
    /// NaN where score is NaN; 1 where the stratum has no calibration scores.
    double p_value(std::int64_t stratum, double score) const;
    std::int64_t size(std::int64_t stratum) const;
    std::int64_t missing() const { return missing_; }
    bool operator==(conformal_scores const& other) const;

  private:
    struct scores {
        mutable std::vector<double> values;
        mutable std::size_t sorted = 0;
        void sort() const;
    };
    std::map<std::int64_t, scores> strata_;
    std::int64_t missing_ = 0;
};

/// level <- level + step (target - share of errors), within [0, 1].
struct adaptive_level {
    double target = 0.10;
    double step = 0.005;
    double level = 0.10;  ///< what to use next

    /// Throws input_error where a number lies outside [0, 1].
    void validate() const;
    /// `share` of the decisions since the last update that turned out to be errors.
    void update(double share);
};

class isotonic_calibration {
  public:
    explicit isotonic_calibration(std::size_t bins = 200);

    /// Throws input_error unless probability lies in [0, 1]; NaN is left out.
    void add(double probability, bool happened, std::int64_t times = 1);
    /// Throws input_error where the number of bins differs.
    isotonic_calibration& merge(isotonic_calibration const& other);
    /// The share that happened where such a probability was stated, monotone in it; itself where nothing was learned.
    /// Between bins with counts it is interpolated linearly. NaN in, NaN out.
    double operator()(double probability) const;
    std::int64_t count() const;
    bool operator==(isotonic_calibration const& other) const {
        return counts_ == other.counts_ && happened_ == other.happened_;
    }

  private:
    void fit() const;

    std::vector<std::int64_t> counts_;
    std::vector<std::int64_t> happened_;
    mutable std::vector<std::pair<double, double>> steps_;  ///< centre of a bin and its fitted share
    mutable bool fitted_ = false;
};

}  // namespace clavis::statistics

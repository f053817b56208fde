#pragma once

// P(alive) and P(no purchase) of BG/NBD and MBG/NBD for batches of rows, on vectors. Every instruction set gives the same
// bits, and a row its bits whatever else is in the batch.

#include "batches.hpp"
#include "beta_geo_likelihood.hpp"

namespace clavis::lifetime {

class beta_geo_batches {
  public:
    /// t >= 0, finite.
    beta_geo_batches(double r, double alpha, double a, double b, first_chance_to_leave first, double t = 0.0)
        : r_(r),
          alpha_(alpha),
          a_(a),
          b_(b),
          chances_before_(first == first_chance_to_leave::at_once ? 0.0 : 1.0),
          t_(t) {}

    void alive(row_batch const& rows, double* out) const;
    void no_purchase(row_batch const& rows, double* out) const;

  private:
    double r_, alpha_, a_, b_;
    double chances_before_;  ///< how many purchases came without a chance to leave before them
    double t_;
};

}  // namespace clavis::lifetime

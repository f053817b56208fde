#pragma once

// P(alive) and P(no purchase) of Pareto/NBD for batches of rows. The integral over who left between tx and T is that
// from tx on less that from T on, and each of these is one function of x and a time:
//     g(x, T) = P(a customer active at T leaves before buying again),
// smooth in T and interpolated over panels. With D(t) = (alpha + t)^-(r + x) (beta + t)^-s the odds of having left are
//     g(x, tx) D(tx) / D(T) - g(x, T),
// whose terms stay within 1 + odds, so that the difference costs P(alive) no digit; and P(no purchase within t) of who is
// active is g(x, T) + (1 - g(x, T + t)) D(T + t) / D(T).

#include "batches.hpp"
#include "clavis/lifetime/pareto_nbd.hpp"
#include "panels_of_age.hpp"

namespace clavis::lifetime {

template <>
class state_of_batches<pareto_nbd> {
  public:
    state_of_batches(pareto_nbd const& model, ledger::summary_view const& rows, unsigned threads);
    /// t >= 0, finite.
    state_of_batches(pareto_nbd const& model, ledger::summary_view const& rows, double t, unsigned threads);

    void alive(row_batch const& rows, double* out) const;
    void no_purchase(row_batch const& rows, double* out) const;

  private:
    pareto_nbd const& model_;
    double t_ = 0.0;
    panels_of_age leaves_first_;
};

}  // namespace clavis::lifetime

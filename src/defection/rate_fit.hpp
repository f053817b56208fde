#pragma once

// r and alpha by maximum likelihood for gaps of a given regularity, jointly with dropout: after each visit, the first
// too, a customer leaves with chance p ~ Beta(a, b). With A = r + k x, and G the days from first visit to last,
//     L = Gamma(A) alpha^r / (Gamma(r) (alpha + G)^A) * B(a, b + x + 1) / B(a, b) * [P(gap > T - G) + a / (b + x)]
// where P is the clock's: MBG/CNBD-k (Reutterer, Platzer and Schroeder 2020) with the sum over phases written as the
// incomplete beta function, which any k > 0 has. Factors without r, alpha, a, b are left out.

#include <cstdint>
#include <span>
#include <vector>

#include "clavis/lifetime/fit.hpp"

namespace clavis::defection {

/// Customers alike: x gaps that took `span` days, seen for `age` days since the first visit.
struct rate_row {
    double visits;
    double span;
    double age;
    double weight;
};

/// Rows alike are one; where more than `most` stay, spans, ages and large counts within 1/16 of each other are.
std::vector<rate_row> gather_rows(std::vector<std::int32_t> const& visits, std::vector<double> const& span,
                                  std::vector<double> const& age, std::size_t most = 20000);

/// Parameters r, alpha, a, b. Starts from `start`; where `dropout` is false a and b stay there.
lifetime::fit_report fit_rates(std::vector<rate_row> const& rows, double k, std::span<double const, 4> start,
                               bool dropout, unsigned threads);

}  // namespace clavis::defection

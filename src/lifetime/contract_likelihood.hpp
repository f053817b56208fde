#pragma once

// The likelihood of contracts with gradient and Hessian, and what a fit of them says.

#include <span>
#include <string>
#include <vector>

#include "fit_rows.hpp"
#include "rows.hpp"

namespace clavis::lifetime {

/// -log L of rows at theta = ln (leave, stay, c), or ln (leave, stay) with c = 1, less rows.purchases ln(rows.scale):
/// that is what the fit of rows, which takes log L for the density of purchase times in scaled time, adds again.
double contract_objective(compressed_rows const& rows, std::span<double const> theta,
                          std::span<double> gradient, std::span<double> hessian);

/// -ln [S(from + t) / S(from)] where S(t) is the chance B(leave, stay + t^c) / B(leave, stay) of renewing t times.
double contract_loss(double leave, double stay, double c, double from, double t) noexcept;

inline constexpr std::string_view contract_silence =
    "no contract was renewed: nothing is known of how customers differ, nor of later renewals";

}  // namespace clavis::lifetime

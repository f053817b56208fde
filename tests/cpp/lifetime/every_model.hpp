#pragma once

// Every model of purchases, for tests of what all of them promise.

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>

#include "clavis/lifetime/beta_discrete_weibull.hpp"
#include "clavis/lifetime/beta_geo_beta_binomial.hpp"
#include "clavis/lifetime/gamma_gompertz_nbd.hpp"
#include "clavis/lifetime/modified_beta_geo_cnbd.hpp"
#include "clavis/lifetime/modified_beta_geo_nbd.hpp"
#include "clavis/lifetime/nbd.hpp"
#include "clavis/lifetime/pareto_nbd.hpp"
#include "clavis/lifetime/shifted_beta_geo.hpp"

namespace clavis::lifetime::test {

template <class Model>
inline constexpr bool is_contract =
    std::is_same_v<Model, shifted_beta_geo> || std::is_same_v<Model, beta_discrete_weibull>;
template <class Model>
inline constexpr bool is_discrete = is_contract<Model> || std::is_same_v<Model, beta_geo_beta_binomial>;

/// visit(model) with a usual set of parameters of each of the ten models, in weeks where they have a unit. Pareto/GGG, whose
/// predictions take milliseconds, is put to the same tests on fewer rows in pareto_ggg_test.cpp.
template <class Visit>
void for_every_model(Visit&& visit) {
    duration const week = std::chrono::weeks{1};
    visit(beta_geo_nbd{0.243, 4.414, 0.793, 2.426, week});
    visit(modified_beta_geo_nbd{0.525, 6.183, 0.891, 1.614, week});
    visit(beta_geo_cnbd{0.85, 1.45, 0.79, 2.42, 3, week});
    visit(modified_beta_geo_cnbd{0.85, 1.45, 0.79, 2.42, 2, week});
    visit(pareto_nbd{0.553, 10.578, 0.606, 11.669, week});
    visit(gamma_gompertz_nbd{0.6, 9.0, 0.05, 0.8, 1.7, week});
    visit(nbd{0.385, 12.07, week});
    visit(beta_geo_beta_binomial{1.204, 0.750, 0.657, 2.783, week});
    visit(shifted_beta_geo{0.668, 3.806, week});
    visit(beta_discrete_weibull{0.455, 0.779, 1.283, week});
}

struct history {
    double x, tx, T;
};

/// A history the model can have: `counts` purchases where it allows any number, times whole where it counts periods.
template <class Model>
history possible(double counts, double tx, double T) {
    if (!is_discrete<Model>) return {counts, counts == 0.0 ? 0.0 : tx, T};
    T = std::floor(T);
    tx = std::floor(tx);
    if (is_contract<Model>) return {tx, tx, T};
    double const x = std::min(counts, tx);
    return {x, x == 0.0 ? 0.0 : tx, T};
}

}  // namespace clavis::lifetime::test

#include "clavis/numerics/distributions.hpp"

#include <boost/math/special_functions/erf.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <limits>

namespace clavis::numerics {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
constexpr double root_two = 1.4142135623730950488;

}  // namespace

double normal_quantile(double p) noexcept {
    if (!(p > 0 && p < 1)) return nothing;
    return -root_two * boost::math::erfc_inv(2 * p);
}

double chi_squared_tail(double x, double degrees) noexcept {
    if (!(x >= 0 && degrees > 0) || !std::isfinite(degrees)) return nothing;
    if (std::isinf(x)) return 0;
    return boost::math::gamma_q(degrees / 2, x / 2);
}

double two_sided_p(double z) noexcept {
    return std::isnan(z) ? nothing : std::erfc(std::abs(z) / root_two);
}

}  // namespace clavis::numerics

#pragma once

// ln of a sum of densities of one history, one for each way it may have come about (when the customer left, say), with
// gradient and Hessian by the logarithms of the parameters: the gradient is the mean of the parts' gradients given the
// history, the Hessian their covariance plus the mean of the parts' Hessians.

#include <array>
#include <cmath>
#include <cstddef>

#include "fit_rows.hpp"

namespace clavis::lifetime {

template <std::size_t N>
class mixture {
  public:
    using vector = std::array<double, N>;
    using matrix = std::array<double, N*(N + 1) / 2>;  ///< upper triangle, row after row

    /// A part of this weight. Gradients may lack a vector that all parts share; it keeps their covariance exact.
    void add(double weight, vector const& gradient, matrix const& hessian) {
        mass_ += weight;
        for (std::size_t i = 0, k = 0; i < N; ++i) {
            double const weighted = weight * gradient[i];
            gradient_[i] += weighted;
            for (std::size_t j = i; j < N; ++j, ++k) {
                products_[k] += weighted * gradient[j];
                hessian_[k] += weight * hessian[k];
            }
        }
    }

    double mass() const { return mass_; }

    derivatives<N> logarithm() const {
        derivatives<N> result;
        result.value = std::log(mass_);
        for (std::size_t i = 0; i < N; ++i)
            result.first[i] = gradient_[i] / mass_;
        for (std::size_t i = 0, k = 0; i < N; ++i)
            for (std::size_t j = i; j < N; ++j, ++k)
                result.second[k] = (products_[k] + hessian_[k]) / mass_ - result.first[i] * result.first[j];
        return result;
    }

  private:
    double mass_ = 0.0;
    vector gradient_{};
    matrix products_{};
    matrix hessian_{};
};

}  // namespace clavis::lifetime

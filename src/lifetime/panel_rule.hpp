#pragma once

// The 16-point Gauss-Legendre rule on (0, 1), laid out for vectors: what the dropout integrals sum on each panel.

#include <cstddef>

#include "clavis/numerics/quadrature.hpp"

namespace clavis::lifetime {

struct panel_rule {
    static constexpr std::size_t points = 16;
    alignas(64) double node[points];
    alignas(64) double weight[points];

    panel_rule() {
        auto const& rule = numerics::legendre16();
        for (std::size_t i = 0; i < points; ++i) {
            node[i] = 0.5 * (1.0 + rule.nodes[i]);
            weight[i] = 0.5 * rule.weights[i];
        }
    }
};

}  // namespace clavis::lifetime

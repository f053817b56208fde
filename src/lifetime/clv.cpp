#include "clavis/lifetime/clv.hpp"

#include <cmath>

#include "clavis/core/errors.hpp"
#include "rows.hpp"

namespace clavis::lifetime {

void multiply_value(std::span<double> out, std::span<double const> spend, double margin) {
    if (!std::isfinite(margin))
        throw input_error("the margin " + number_text(margin) + " is not a finite number");
    check_result(out.size(), spend.size());
    for (std::size_t i = 0; i < out.size(); ++i)
        if (out[i] != 0.0) out[i] *= margin * spend[i];
}

}  // namespace clavis::lifetime

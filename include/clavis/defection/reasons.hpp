#pragma once

// Why a customer spends less or more, in parts that add up exactly. Spend is the product of visits, items a visit, price an
// item and the part not returned. The change from V0 to V1 is split by the logarithmic mean Divisia index (Ang 2004):
//     effect_k = L(V1, V0) ln(f1 / f0),   L(a, b) = (a - b) / ln(a / b),   L(a, a) = a,
// which leaves no residual: the effects sum to V1 - V0 within 1e-12 of max(|V0|, |V1|). Limits (Ang and Liu 2007): what
// appears or disappears changed by its visits alone; where everything was returned, by its returns alone. Where
// returns exceed sales in a period, the product has no logarithm: sales are then split by the first three factors
// and the change of the returned amounts stands as it is, which sums exactly as well.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace clavis::defection {

/// What a customer did in a period. A period without visits has no items and no sales.
struct period_spend {
    double visits = 0;
    double items = 0;
    double sales = 0;    ///< before returns
    double returns = 0;  ///< what came back, >= 0

    double net() const { return sales - returns; }
};

enum class spend_change_kind : std::uint8_t {
    CHANGED,    ///< bought in both periods
    COMPLETE,   ///< bought before and not after
    APPEARED,   ///< bought after and not before
    NONE,       ///< bought in neither
    RETURNING,  ///< returns exceeded sales in a period: returns are split off as they are
};
/// "CHANGED", "COMPLETE", ...
char const* to_string(spend_change_kind kind) noexcept;

struct spend_change {
    spend_change_kind kind = spend_change_kind::NONE;
    double before = 0;
    double after = 0;
    /// Of visits, items a visit, price an item, returns; they sum to after - before.
    std::array<double, 4> effects{};
};

/// L(a, b) for a, b > 0, to a relative 1e-15; 0 where one is 0.
double logarithmic_mean(double a, double b) noexcept;

/// NaN in, NaN out. Sales without items or visits count as one item, one visit.
spend_change explain_spend(period_spend const& before, period_spend const& after) noexcept;

/// Row by row. Throws input_error where the spans differ in length.
void explain_spend(std::span<period_spend const> before, std::span<period_spend const> after,
                   std::span<spend_change> out);

}  // namespace clavis::defection

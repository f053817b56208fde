#include "beta_geo_beta_binomial_likelihood.hpp"

#include <array>
#include <cmath>

#include "beta_geometric.hpp"
#include "clavis/numerics/rising_ratio.hpp"

namespace clavis::lifetime {
namespace {

constexpr std::size_t dimension = 4;
constexpr std::size_t A = 0, B = 1, G = 2, D = 3;
using totals = derivatives<dimension>;

struct parameters {
    double alpha, beta, gamma, delta;
};

// By the parameters themselves, of which ln(miss) needs alpha and beta alone, and leaving gamma and delta.
struct partials {
    std::array<double, dimension> first{};
    double aa = 0.0, bb = 0.0, gg = 0.0, dd = 0.0;
    double ab = 0.0, gd = 0.0;
};

// ln of the chances until the last purchase: x purchases in tx opportunities, in this order, and tx times not leaving.
double until_last(parameters const& p, double x, double tx, partials& s) {
    auto const buys = numerics::log_rising_ratio_derivatives(p.alpha, p.beta, x);
    auto const misses = numerics::log_rising_ratio_derivatives(p.beta, p.alpha + x, tx - x);
    auto const stays = numerics::log_rising_ratio_derivatives(p.delta, p.gamma, tx);
    s.first = {-(buys.z + misses.g), -(buys.g + misses.z), -stays.g, -stays.z};
    s.aa = -(buys.zz + misses.gg);
    s.bb = -(buys.gg + misses.zz);
    s.ab = -(buys.gg + misses.gg);
    s.gg = -stays.gg;
    s.gd = -stays.gg;
    s.dd = -stays.zz;
    return -(buys.value + misses.value + stays.value);
}

// The chances of what may have happened since: gone after k opportunities for tx <= k < n, or still there. Each is a
// product of steps, whose logarithms and derivatives are added up along the way.
struct since_last {
    double sum = 0.0;
    std::array<double, dimension> first{};
    std::array<double, dimension*(dimension + 1) / 2> second{};

    void add(double chance, partials const& s) {
        sum += chance;
        for (std::size_t i = 0; i < dimension; ++i) {
            double const scaled = chance * s.first[i];
            first[i] += scaled;
            for (std::size_t j = i; j < dimension; ++j)
                second[totals::at(i, j)] += scaled * s.first[j];
        }
        second[totals::at(A, A)] += chance * s.aa;
        second[totals::at(A, B)] += chance * s.ab;
        second[totals::at(B, B)] += chance * s.bb;
        second[totals::at(G, G)] += chance * s.gg;
        second[totals::at(G, D)] += chance * s.gd;
        second[totals::at(D, D)] += chance * s.dd;
    }
};

since_last chances_since(parameters const& p, double x, double tx, double n) {
    since_last result;
    partials path;
    double chance = 1.0;
    double const buy = p.alpha + x;
    for (double k = tx; k < n && chance > 1e-20 * result.sum; ++k) {
        double const end = 1.0 / (p.gamma + p.delta + k);
        partials gone = path;
        gone.first[G] += (p.delta + k) / p.gamma * end;
        gone.first[D] -= end;
        gone.gg -= (1.0 / p.gamma - end) * (1.0 / p.gamma + end);
        gone.gd += end * end;
        gone.dd += end * end;
        result.add(chance * (p.gamma * end), gone);

        double const miss = 1.0 / (p.beta + (k - x));
        double const both = 1.0 / (p.alpha + p.beta + k);
        double const stay = 1.0 / (p.delta + k);
        double const more_miss = buy * miss * both;     // miss - both
        double const more_stay = p.gamma * stay * end;  // stay - end
        path.first[A] -= both;
        path.first[B] += more_miss;
        path.first[G] -= end;
        path.first[D] += more_stay;
        path.aa += both * both;
        path.ab += both * both;
        path.bb -= more_miss * (miss + both);
        path.gg += end * end;
        path.gd += end * end;
        path.dd -= more_stay * (stay + end);
        // By what is lost where that is little, so that rounding does not add up along the way.
        double const bought = buy * both;
        double const left = p.gamma * end;
        double const lost = bought + left - bought * left;
        chance = lost < 0.5 ? chance - chance * lost : chance * (both / miss * (end / stay));
    }
    // Where the way was cut short, what is left of the chances is nothing beside their sum.
    result.add(chance, path);
    return result;
}

void add_row(parameters const& p, double x, double tx, double n, double weight, totals& total) {
    partials before;
    double const value = until_last(p, x, tx, before);
    since_last const since = chances_since(p, x, tx, n);
    std::array<double, dimension> const size{p.alpha, p.beta, p.gamma, p.delta};
    double const inverse = 1.0 / since.sum;
    std::array<double, dimension> mean{};
    for (std::size_t i = 0; i < dimension; ++i)
        mean[i] = since.first[i] * inverse;
    auto const before_second = [&](std::size_t i, std::size_t j) {
        if (i == A) return j == A ? before.aa : j == B ? before.ab : 0.0;
        if (i == B) return j == B ? before.bb : 0.0;
        return i == D ? before.dd : j == G ? before.gg : before.gd;
    };
    total.value += weight * (value + std::log(since.sum));
    for (std::size_t i = 0; i < dimension; ++i) {
        double const slope = size[i] * (before.first[i] + mean[i]);
        total.first[i] += weight * slope;
        for (std::size_t j = i; j < dimension; ++j) {
            std::size_t const at = totals::at(i, j);
            double const bend = before_second(i, j) + since.second[at] * inverse - mean[i] * mean[j];
            total.second[at] += weight * (size[i] * size[j] * bend + (i == j ? slope : 0.0));
        }
    }
}

}  // namespace

double beta_geo_beta_binomial_objective(compressed_rows const& rows, std::span<double const> theta,
                                        std::span<double> gradient, std::span<double> hessian,
                                        unsigned threads) {
    parameters const p{std::exp(theta[A]), std::exp(theta[B]), std::exp(theta[G]), std::exp(theta[D])};
    auto const total =
        sum_runs<totals>(rows, threads, [&](std::size_t k, bool, row_tile const& tile, totals& sum) {
            for (std::size_t i = 0; i < tile.size(); ++i)
                add_row(p, rows.runs[k].x, whole(tile.tx[i] * rows.scale), whole(tile.T[i] * rows.scale),
                        tile.weight[i], sum);
        });
    return total.negative(gradient, hessian) - rows.purchases * std::log(rows.scale);
}

}  // namespace clavis::lifetime

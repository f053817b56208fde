#include "clavis/defection/hazard_clock.hpp"

#include <string>
#include <vector>

#include "clavis/core/parallel.hpp"
#include "clavis/numerics/log_incomplete_beta.hpp"
#include "clavis/numerics/special.hpp"

namespace clavis::defection {

double hazard_clock::general_hazard(double visits, double gap_sum, double silence) const noexcept {
    double const known = scale(gap_sum);
    double const whole = known + silence;
    return -numerics::log_incomplete_beta(shape(visits), k, known / whole, silence / whole);
}

double hazard_clock::general_rate(double visits, double gap_sum, double silence) const noexcept {
    // The mean of lambda among the customers silent so long is shape / scale times P(gap > s) with one visit's phase more.
    double const a = shape(visits);
    double const b = scale(gap_sum);
    double const z = b / (b + silence);
    double const y = silence / (b + silence);
    return a / (k * b) *
           std::exp(numerics::log_incomplete_beta(a + 1, k, z, y) -
                    numerics::log_incomplete_beta(a, k, z, y));
}

double hazard_clock::general_silence(double visits, double gap_sum, double hazard) const noexcept {
    // H rises with ln(1 + s / b): Newton's steps there, kept between what is known to be too short and too long.
    double const a = shape(visits);
    double const b = scale(gap_sum);
    if (hazard == 0) return 0;
    double low = 0;
    double high = std::numeric_limits<double>::infinity();
    double at = std::log1p(k / a);
    for (int step = 0; step < 200; ++step) {
        double const z = std::exp(-at);
        double const y = -std::expm1(-at);
        double const log_p = numerics::log_incomplete_beta(a, k, z, y);
        double const excess = -log_p - hazard;
        (excess < 0 ? low : high) = at;
        double const slope = std::exp(a * -at + (k - 1) * std::log(y) - numerics::log_beta(a, k) - log_p);
        double next = at - excess / slope;
        if (!(next > low && next < high)) next = std::isinf(high) ? 2 * at : low + (high - low) / 2;
        double const moved = std::abs(next - at);
        at = next;
        if (moved <= 1e-15 * at) break;
    }
    return b * std::expm1(at);
}

void overdue_p(hazard_clock const& clock, std::span<double const> visits, std::span<double const> gap_sum,
               std::span<double const> silence, std::span<double> out, unsigned threads) {
    clock.validate();
    for (std::size_t const size : {visits.size(), gap_sum.size(), silence.size()})
        if (size != out.size())
            throw input_error("overdue_p: columns of " + std::to_string(size) + " and " +
                              std::to_string(out.size()) + " rows");
    parallel_blocks(out.size(), 1 << 14, threads, [&](std::size_t, std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i)
            out[i] = clock.overdue_p(visits[i], gap_sum[i], silence[i]);
    });
}

clock_check check_clock(std::span<double const> clock_gaps) {
    clock_check result;
    std::vector<double> sorted;
    sorted.reserve(clock_gaps.size());
    for (double const gap : clock_gaps)
        if (!std::isnan(gap)) sorted.push_back(gap);
    std::sort(sorted.begin(), sorted.end());
    result.gaps = sorted.size();
    if (sorted.empty()) return result;
    double const size = static_cast<double>(sorted.size());
    double distance = 0;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        double const expected = -std::expm1(-sorted[i]);
        distance = std::max({distance, expected - static_cast<double>(i) / size,
                             static_cast<double>(i + 1) / size - expected});
    }
    result.distance = distance;
    // Kolmogorov's series with the small-sample argument of Stephens (1970); where its terms fall slowly the
    // value is 1.
    double const argument = distance * (std::sqrt(size) + 0.12 + 0.11 / std::sqrt(size));
    if (argument < 0.2) {
        result.p_value = 1;
        return result;
    }
    double sum = 0;
    for (int j = 1; j <= 100; ++j) {
        double const term = std::exp(-2.0 * j * j * argument * argument);
        sum += j % 2 == 1 ? term : -term;
        if (term < 1e-18) break;
    }
    result.p_value = std::clamp(2 * sum, 0.0, 1.0);
    return result;
}

}  // namespace clavis::defection

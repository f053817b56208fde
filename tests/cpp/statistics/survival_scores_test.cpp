#include "clavis/statistics/survival_scores.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/core/random.hpp"
#include "statistics/survival_rows.hpp"

namespace clavis::statistics {
namespace {

/// The survival of censoring at t, or just before it; events at the same time come first.
double censoring(test::survival_rows const& rows, double t, bool before) {
    double g = 1;
    std::vector<double> done;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        double const u = rows.stop[i];
        if (rows.event[i] != 0 || u > t || (before && u == t)) continue;
        if (std::find(done.begin(), done.end(), u) != done.end()) continue;
        done.push_back(u);
        double at_risk = 0;
        double lost = 0;
        for (std::size_t k = 0; k < rows.size(); ++k) {
            at_risk += rows.stop[k] > u || (rows.stop[k] == u && rows.event[k] == 0);
            lost += rows.stop[k] == u && rows.event[k] == 0;
        }
        g *= 1 - lost / at_risk;
    }
    return g;
}

struct counts {
    double concordant = 0, discordant = 0, tied = 0;
};

/// All pairs, one by one.
counts all_pairs(test::survival_rows const& rows, std::vector<double> const& score, bool censored,
                 double until) {
    counts found;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows.event[i] == 0 || (until > 0 && rows.stop[i] > until)) continue;
        double g = 1;
        if (censored) g = censoring(rows, rows.stop[i], true);
        for (std::size_t k = 0; k < rows.size(); ++k) {
            bool const longer =
                rows.stop[k] > rows.stop[i] || (rows.stop[k] == rows.stop[i] && rows.event[k] == 0);
            if (!longer || rows.stratum_of(i) != rows.stratum_of(k) || rows.entry(k) >= rows.stop[i])
                continue;
            double const w = rows.weight(i) * rows.weight(k) / (g * g);
            (score[k] < score[i]   ? found.concordant
             : score[k] > score[i] ? found.discordant
                                   : found.tied) += w;
        }
    }
    return found;
}

TEST(concordance, counts_all_pairs) {
    for (unsigned kind = 0; kind < 32; ++kind) {
        auto const rows = test::draw_survival_rows({.size = 300,
                                                    .columns = 2,
                                                    .late = (kind & 1) != 0,
                                                    .weighted = (kind & 2) != 0,
                                                    .strata = (kind & 4) != 0 ? 4 : 1,
                                                    .step = (kind & 8) != 0 ? 15.0 : 0.0,
                                                    .seed = 200 + kind});
        std::vector<double> score;
        for (std::size_t i = 0; i < rows.size(); ++i)
            score.push_back((kind & 16) != 0 ? std::round(2 * rows.x[2 * i]) : rows.x[2 * i]);
        double const until = kind % 3 == 0 ? 60 : 0;
        concordance_view view{.stop = rows.stop,
                              .event = rows.event,
                              .score = score,
                              .start = rows.start,
                              .weights = rows.weights,
                              .stratum = rows.stratum,
                              .strata = rows.strata,
                              .until = until};
        for (bool const censored : {false, true}) {
            if (censored && (!rows.start.empty() || !rows.stratum.empty())) continue;
            view.censoring_weights = censored;
            auto const exact = all_pairs(rows, score, censored, until);
            auto const found = concordance(view);
            // Whole numbers where nothing has a weight.
            double const bound = rows.weights.empty() && !censored ? 0 : 1e-11;
            EXPECT_NEAR(found.concordant, exact.concordant, bound * exact.concordant) << kind;
            EXPECT_NEAR(found.discordant, exact.discordant, bound * exact.discordant) << kind;
            EXPECT_NEAR(found.tied, exact.tied, bound * (1 + exact.concordant)) << kind;
            EXPECT_NEAR(
                found.index,
                (exact.concordant + exact.tied / 2) / (exact.concordant + exact.discordant + exact.tied),
                1e-12);
        }
    }
}

TEST(concordance, no_pairs_and_bad_scores) {
    std::vector<double> const stop{1, 2}, score{1, std::nan("")}, fine{1, 2};
    std::vector<std::uint8_t> const none{0, 0}, event{1, 1};
    EXPECT_TRUE(std::isnan(concordance({.stop = stop, .event = none, .score = fine}).index));
    EXPECT_EQ(concordance({.stop = stop, .event = event, .score = fine}).index, 0.0);
    EXPECT_THROW(concordance({.stop = stop, .event = event, .score = score}), input_error);
    EXPECT_THROW(concordance({.stop = stop, .event = event, .score = std::span(fine).first(1)}), input_error);
}

TEST(brier_score, by_its_definition) {
    for (double const step : {0.0, 10.0}) {
        auto const rows = test::draw_survival_rows({.size = 200, .columns = 2, .step = step, .seed = 240});
        std::vector<double> const times{10, 35, 80};
        std::vector<double> survival;
        for (std::size_t i = 0; i < rows.size(); ++i)
            for (double const t : times)
                survival.push_back(std::exp(-0.01 * t * std::exp(0.5 * rows.x[2 * i])));
        auto const found = brier_score(rows.stop, rows.event, survival, times);
        std::vector<double> exact;
        for (std::size_t k = 0; k < times.size(); ++k) {
            double sum = 0;
            for (std::size_t i = 0; i < rows.size(); ++i) {
                double const s = survival[3 * i + k];
                if (rows.stop[i] > times[k]) {
                    sum += (1 - s) * (1 - s) / censoring(rows, times[k], false);
                } else if (rows.event[i] != 0) {
                    sum += s * s / censoring(rows, rows.stop[i], true);
                }
            }
            exact.push_back(sum / 200);
            EXPECT_NEAR(found.score[k], exact[k], 1e-12);
        }
        EXPECT_NEAR(found.integrated, ((exact[0] + exact[1]) / 2 * 25 + (exact[1] + exact[2]) / 2 * 45) / 70,
                    1e-12);
    }
}

// The truth has the lowest expected score, and a coin's is a quarter.
TEST(brier_score, prefers_the_truth) {
    std::vector<double> stop, truth, off, coin;
    std::vector<std::uint8_t> event;
    for (std::size_t i = 0; i < 20000; ++i) {
        random_stream random(241, 0, i);
        double const rate = random.gamma(2.0);
        double const t = random.exponential() / rate;
        double const c = random.uniform(0, 3);
        stop.push_back(std::min(t, c));
        event.push_back(t <= c);
        truth.push_back(std::exp(-rate));
        off.push_back(std::exp(-1.6 * rate));
        coin.push_back(0.5);
    }
    std::vector<double> const at{1.0};
    double const best = brier_score(stop, event, truth, at).score[0];
    EXPECT_LT(best, brier_score(stop, event, off, at).score[0]);
    EXPECT_NEAR(brier_score(stop, event, coin, at).score[0], 0.25, 0.01);
    EXPECT_TRUE(std::isnan(brier_score(stop, event, truth, at).integrated));
}

}  // namespace
}  // namespace clavis::statistics

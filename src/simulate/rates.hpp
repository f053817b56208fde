#pragma once

// How customers differ while nothing changes, and their purchases as a renewal process in season time.

#include <vector>

#include "clavis/core/random.hpp"
#include "clavis/simulate/shop_options.hpp"
#include "seasons.hpp"
#include "story.hpp"

namespace clavis::simulate {

/// `arrival_end` is the season time at which arrivals end.
buying_habit draw_habit(shop_options const& options, double arrival_end, random_stream random);

/// The season time of a customer's first purchase, the first number of the stream of rates.
inline double draw_arrival(double arrival_end, random_stream& random) {
    return random.uniform() * arrival_end;
}

/// Draws the purchases of one customer after the other. Keeps its buffers.
class purchase_maker {
  public:
    explicit purchase_maker(season_clock const& clock) : clock_(clock) {}

    /// Appends the season times of all purchases of the period, the first included.
    void run(customer_story const& story, random_stream random, std::vector<double>& season_times);

  private:
    struct stretch {
        double until;  // season time
        double rate;   // purchases a day of average season
    };
    void plan_stretches(customer_story const& story);

    season_clock const& clock_;
    std::vector<int> borders_;
    std::vector<stretch> stretches_;
};

}  // namespace clavis::simulate

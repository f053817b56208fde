#include "clavis/simulate/shop.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>
#include <tuple>

#include "baskets.hpp"
#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "defection.hpp"
#include "rates.hpp"
#include "returns.hpp"
#include "seasons.hpp"
#include "streams.hpp"

namespace clavis::simulate {

namespace {

constexpr std::size_t customers_a_block = 1024;

void require(bool good, std::string_view option, std::string const& value, std::string_view rule) {
    if (!good)
        throw input_error("simulate_shop: " + std::string(option) + " must be " + std::string(rule) +
                          ", not " + value);
}

void require(bool good, std::string_view option, double value, std::string_view rule) {
    std::string text = std::to_string(value);
    if (text.find('.') != std::string::npos) {
        text.erase(text.find_last_not_of('0') + 1);
        if (text.back() == '.') text.pop_back();
    }
    require(good, option, text, rule);
}

template <std::size_t N>
void require_weights(std::array<double, N> const& weights, std::string_view option) {
    double sum = 0;
    for (double const weight : weights) {
        require(weight >= 0 && std::isfinite(weight), option, weight, "finite and not negative");
        sum += weight;
    }
    require(sum > 0 && std::isfinite(sum), option, sum, "above 0 in sum");
}

/// The day of the period at `share` of its length, or the one asked for, checked.
int day_of(std::optional<sys_days> const& asked, shop_options const& options, double share,
           std::string_view option) {
    if (!asked) return std::min(options.days - 1, static_cast<int>(options.days * share));
    auto const day = (*asked - options.start).count();
    require(day >= 0 && day < options.days, option, to_string(*asked),
            "a day of the period, " + to_string(options.start) + " to " +
                to_string(options.start + std::chrono::days{options.days - 1}));
    return static_cast<int>(day);
}

struct plan_of_period {
    int acquired_until;
    change_window changes;
};

plan_of_period plan_period(shop_options const& options) {
    plan_of_period const plan{day_of(options.acquired_until, options, 0.6, "acquired_until"),
                              {day_of(options.changes_from, options, 0.5, "changes_from"),
                               day_of(options.changes_until, options, 0.85, "changes_until")}};
    require(plan.changes.from <= plan.changes.until, "changes_until",
            to_string(options.start + std::chrono::days{plan.changes.until}), "at or after changes_from");
    return plan;
}

/// Lines of a block of customers, and how many orders they belong to.
struct block_result {
    shop_transactions lines;
    std::int64_t orders = 0;
};

void append(shop_transactions& table, std::int64_t customer_id, std::int64_t first_order,
            order_line const& line) {
    table.customer_id.push_back(customer_id);
    table.time.push_back(line.time);
    table.amount.push_back(line.price * line.quantity);
    table.order_id.push_back(first_order + line.order);
    table.category.push_back(line.category);
    table.kind.push_back(line.kind);
    table.quantity.push_back(line.quantity);
}

void resize(shop_transactions& table, std::size_t size) {
    table.customer_id.resize(size);
    table.time.resize(size);
    table.amount.resize(size);
    table.order_id.resize(size);
    table.category.resize(size);
    table.kind.resize(size);
    table.quantity.resize(size);
}

void copy_to(shop_transactions const& part, std::size_t row, std::int64_t orders_before,
             shop_transactions& whole) {
    auto const at = static_cast<std::ptrdiff_t>(row);
    std::copy(part.customer_id.begin(), part.customer_id.end(), whole.customer_id.begin() + at);
    std::copy(part.time.begin(), part.time.end(), whole.time.begin() + at);
    std::copy(part.amount.begin(), part.amount.end(), whole.amount.begin() + at);
    std::transform(part.order_id.begin(), part.order_id.end(), whole.order_id.begin() + at,
                   [=](std::int64_t id) { return id + orders_before; });
    std::copy(part.category.begin(), part.category.end(), whole.category.begin() + at);
    std::copy(part.kind.begin(), part.kind.end(), whole.kind.begin() + at);
    std::copy(part.quantity.begin(), part.quantity.end(), whole.quantity.begin() + at);
}

void resize(shop_truth& truth, std::size_t size) {
    truth.customer_id.resize(size);
    truth.first_day.resize(size);
    truth.rate.resize(size);
    truth.regularity.resize(size);
    truth.change.resize(size);
    truth.change_day.resize(size);
    truth.rate_ratio.resize(size);
    truth.spend_mean.resize(size);
    truth.return_chance.resize(size);
    truth.purchases.resize(size);
}

/// Simulates customers one after the other, keeping its buffers.
class customer_simulator {
  public:
    customer_simulator(shop_options const& options, season_clock const& clock, plan_of_period const& period)
        : options_(options),
          clock_(clock),
          period_(period),
          arrival_end_(clock.at_start_of(period.acquired_until + 1)),
          baskets_(options) {}

    /// Customer `row` (from 0): its truth into the table, its lines to the end of `out`.
    void run(std::size_t row, shop_truth& truth, block_result& out) {
        auto const id = static_cast<std::int64_t>(row) + 1;
        auto numbers = [&](aspect which) { return stream_of(options_.seed, which, id); };

        buying_habit const habit = draw_habit(options_, arrival_end_, numbers(aspect::rates));
        int const first = clock_.day_at(habit.arrival);
        change_plan const plan = draw_change(options_, period_.changes, first, numbers(aspect::changes));
        season_times_.clear();
        draw_purchases(habit, plan, clock_, numbers(aspect::purchases), season_times_);

        double const spend_mean = draw_spend_mean(options_, numbers(aspect::spending));
        lines_.clear();
        baskets_.start(spend_mean, numbers(aspect::baskets));
        std::int32_t orders = 0;
        for (double const season_time : season_times_) {
            int const day = clock_.day_at(season_time);
            baskets_.add_order(clock_.time_at(season_time, day), day, orders++, lines_);
        }
        std::size_t const sales = lines_.size();
        auto returning = numbers(aspect::returns);
        double const return_chance = draw_return_chance(options_, returning);
        add_returns(options_, clock_, return_chance, returning, lines_);
        if (lines_.size() > sales) {
            std::stable_sort(lines_.begin(), lines_.end(),
                             [](order_line const& a, order_line const& b) { return a.time < b.time; });
        }
        for (auto const& line : lines_)
            append(out.lines, id, out.orders, line);
        out.orders += orders;

        truth.customer_id[row] = id;
        truth.first_day[row] = clock_.first_day() + first;
        truth.rate[row] = habit.rate;
        truth.regularity[row] = habit.regularity;
        truth.change[row] = plan.kind;
        truth.change_day[row] = plan.day < 0 ? shop_truth::no_day : clock_.first_day() + plan.day;
        truth.rate_ratio[row] = plan.ratio;
        truth.spend_mean[row] = spend_mean;
        truth.return_chance[row] = return_chance;
        truth.purchases[row] = orders;
    }

  private:
    shop_options const& options_;
    season_clock const& clock_;
    plan_of_period period_;
    double arrival_end_;
    basket_maker baskets_;
    std::vector<double> season_times_;
    std::vector<order_line> lines_;
};

}  // namespace

column_view shop_transactions::time_view() const {
    static_assert(sizeof(instant) == sizeof(std::int64_t));
    column_view column;
    column.type = column_type::timestamp;
    column.size = time.size();
    column.values = time.data();
    column.resolution = time_resolution::microseconds;
    column.zone = "UTC";
    return column;
}

void shop_options::validate() const {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    auto positive = [](std::string_view option, double value) {
        require(value > 0, option, value, "above 0");
    };
    auto between = [](std::string_view option, double value, double low, double high, std::string_view rule) {
        require(value >= low && value <= high, option, value, rule);
    };
    require(customers >= 1 && customers <= 1'000'000'000, "customers", std::to_string(customers),
            "1 to 1000000000");
    require(days >= 1 && days <= 36525, "days", std::to_string(days), "1 to 36525");
    positive("rate_shape", rate_shape);
    require(mean_rate > 0 && mean_rate <= 1000, "mean_rate", mean_rate, "above 0 and at most 1000 a week");
    positive("regularity_shape", regularity_shape);
    require(mean_regularity >= 0.1 && mean_regularity < infinity, "mean_regularity", mean_regularity,
            "at least 0.1 and finite");
    require(spend_shape > 0 && spend_shape < infinity, "spend_shape", spend_shape, "above 0 and finite");
    require(spend_heterogeneity > 1 && spend_heterogeneity < infinity, "spend_heterogeneity",
            spend_heterogeneity, "above 1 and finite");
    require(mean_spend > 0 && mean_spend <= 1e9, "mean_spend", mean_spend, "above 0 and at most 1e9");
    between("extra_lines", extra_lines, 0, 20, "0 to 20");
    require(!categories.empty() && categories.size() <= 255, "categories", std::to_string(categories.size()),
            "1 to 255 names");
    for (auto const& [option, share] : {std::pair{"stop_share", stop_share},
                                        {"halving_share", halving_share},
                                        {"growth_share", growth_share},
                                        {"one_time_share", one_time_share},
                                        {"return_chance", return_chance}})
        between(option, share, 0, 1, "0 to 1");
    double const changing = stop_share + halving_share + growth_share + one_time_share;
    between("the sum of stop_share, halving_share, growth_share and one_time_share", changing, 0, 1 + 1e-12,
            "0 to 1");
    require(growth_ratio > 0 && growth_ratio <= 1000, "growth_ratio", growth_ratio,
            "above 0 and at most 1000");
    require(mean_return_delay > 0 && mean_return_delay < infinity, "mean_return_delay", mean_return_delay,
            "above 0 and finite");
    require_weights(weekday_weights, "weekday_weights");
    require_weights(month_weights, "month_weights");
    require_weights(hour_weights, "hour_weights");
    plan_period(*this);
}

shop simulate_shop(shop_options const& options, unsigned threads, progress const& watch) {
    options.validate();
    season_clock const clock(options);
    plan_of_period const period = plan_period(options);
    if (!(clock.at_start_of(period.acquired_until + 1) > 0))
        throw input_error("simulate_shop: the shop is never open up to acquired_until");

    shop result;
    result.categories = options.categories;
    result.start = options.start;
    result.season = clock.season();
    auto const customers = static_cast<std::size_t>(options.customers);
    resize(result.truth, customers);

    std::vector<block_result> blocks(block_count(customers, customers_a_block));
    parallel_blocks(
        customers, customers_a_block, threads,
        [&](std::size_t block, std::size_t begin, std::size_t end) {
            customer_simulator simulator(options, clock, period);
            block_result lines;
            for (std::size_t row = begin; row < end; ++row)
                simulator.run(row, result.truth, lines);
            blocks[block] = std::move(lines);
        },
        watch, "simulating customers");

    // Order ids run on from block to block.
    std::vector<std::size_t> row_of(blocks.size() + 1, 0);
    std::vector<std::int64_t> order_of(blocks.size() + 1, 1);
    for (std::size_t block = 0; block < blocks.size(); ++block) {
        row_of[block + 1] = row_of[block] + blocks[block].lines.size();
        order_of[block + 1] = order_of[block] + blocks[block].orders;
    }
    resize(result.transactions, row_of.back());
    parallel_blocks(
        blocks.size(), 1, threads,
        [&](std::size_t block, std::size_t, std::size_t) {
            copy_to(blocks[block].lines, row_of[block], order_of[block], result.transactions);
            blocks[block] = {};
        },
        watch, "joining blocks");
    return result;
}

}  // namespace clavis::simulate

#include "clavis/simulate/shop.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>
#include <tuple>
#include <utility>

#include "baskets.hpp"
#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "defection.hpp"
#include "incidents.hpp"
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

// The columns of each table, so that what is done to all of them is written once.
auto columns(shop_transactions& t) {
    return std::tie(t.customer_id, t.time, t.amount, t.order_id, t.category, t.kind, t.quantity);
}
auto columns(shop_contacts& t) {
    return std::tie(t.customer_id, t.time, t.kind, t.channel, t.topic);
}
auto columns(shop_life_events& t) {
    return std::tie(t.customer_id, t.time, t.kind);
}
auto columns(shop_truth& t) {
    return std::tie(t.customer_id, t.first_day, t.rate, t.regularity, t.change, t.change_day, t.rate_ratio,
                    t.cause, t.spend_mean, t.return_chance, t.purchases);
}

template <class Table>
void resize(Table& table, std::size_t size) {
    std::apply([=](auto&... column) { (column.resize(size), ...); }, columns(table));
}

template <class Table>
void copy_to(Table& part, std::size_t row, Table& whole) {
    auto const at = static_cast<std::ptrdiff_t>(row);
    auto copy = [&]<std::size_t... I>(std::index_sequence<I...>, auto from, auto to) {
        (std::copy(std::get<I>(from).begin(), std::get<I>(from).end(), std::get<I>(to).begin() + at), ...);
    };
    auto from = columns(part);
    copy(std::make_index_sequence<std::tuple_size_v<decltype(from)>>{}, from, columns(whole));
}

/// What a block of customers did; its orders count from 0.
struct block_result {
    shop_transactions lines;
    shop_contacts contacts;
    shop_life_events life_events;
    std::int64_t orders = 0;
};

/// How much the blocks before a block did.
struct block_position {
    std::size_t lines = 0;
    std::size_t contacts = 0;
    std::size_t life_events = 0;
    std::int64_t orders = 0;

    block_position after(block_result const& block) const {
        return {lines + block.lines.size(), contacts + block.contacts.size(),
                life_events + block.life_events.size(), orders + block.orders};
    }
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

        change_cause const cause = draw_cause(options_, plan, numbers(aspect::causes));
        customer_story const story{id, habit.arrival, first, plan, cause};
        add_contacts(options_, clock_, story, numbers(aspect::contacts), out.contacts);
        add_life_events(options_, clock_, story, numbers(aspect::life_events), out.life_events);

        truth.customer_id[row] = id;
        truth.first_day[row] = clock_.first_day() + first;
        truth.rate[row] = habit.rate;
        truth.regularity[row] = habit.regularity;
        truth.change[row] = plan.kind;
        truth.change_day[row] = plan.day < 0 ? shop_truth::no_day : clock_.first_day() + plan.day;
        truth.rate_ratio[row] = plan.ratio;
        truth.cause[row] = cause;
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
                                        {"return_chance", return_chance},
                                        {"complaint_cause_share", complaint_cause_share},
                                        {"life_event_cause_share", life_event_cause_share}})
        between(option, share, 0, 1, "0 to 1");
    double const changing = stop_share + halving_share + growth_share + one_time_share;
    between("the sum of stop_share, halving_share, growth_share and one_time_share", changing, 0, 1 + 1e-12,
            "0 to 1");
    between("the sum of complaint_cause_share and life_event_cause_share",
            complaint_cause_share + life_event_cause_share, 0, 1 + 1e-12, "0 to 1");
    between("contact_rate", contact_rate, 0, 1000, "0 to 1000 a year");
    between("life_event_rate", life_event_rate, 0, 1000, "0 to 1000 a year");
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

    std::vector<block_position> position(1);
    for (auto const& block : blocks)
        position.push_back(position.back().after(block));
    resize(result.transactions, position.back().lines);
    resize(result.contacts, position.back().contacts);
    resize(result.life_events, position.back().life_events);
    parallel_blocks(
        blocks.size(), 1, threads,
        [&](std::size_t block, std::size_t, std::size_t) {
            block_result part = std::move(blocks[block]);
            block_position const& at = position[block];
            // Order ids run on from block to block, from 1.
            for (auto& order : part.lines.order_id)
                order += at.orders + 1;
            copy_to(part.lines, at.lines, result.transactions);
            copy_to(part.contacts, at.contacts, result.contacts);
            copy_to(part.life_events, at.life_events, result.life_events);
        },
        watch, "joining blocks");
    return result;
}

}  // namespace clavis::simulate

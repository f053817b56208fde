#include "lines.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "profiles.hpp"
#include "streams.hpp"

namespace clavis::simulate {

namespace {

constexpr std::array<char const*, 3> product_names{"basic", "standard", "premium"};
constexpr std::array<double, 3> product_cost{1.08, 1.0, 0.92};

duration seconds_of_days(double days) {
    return std::chrono::seconds{static_cast<std::int64_t>(std::min(86400 * days, 1e10))};
}

instant time_of(season_clock const& clock, order_line const& line) {
    return clock.start_of(0) + std::chrono::seconds{line.time};
}

}  // namespace

line_writer::line_writer(shop_options const& options, season_clock const& clock) : clock_(clock) {
    // Goods cost 15 % less than the mean in the first category and 15 % more in the last.
    std::size_t const size = options.categories.size();
    for (std::size_t c = 0; c < size; ++c) {
        double const place = size == 1 ? 0 : 2 * static_cast<double>(c) / static_cast<double>(size - 1) - 1;
        for (double const product : product_cost)
            cost_ratio_.push_back(options.mean_cost_ratio * (1 + 0.15 * place) * product);
    }
}

std::int64_t line_writer::cost_of(order_line const& line, std::int64_t list_price) const {
    double const ratio = cost_ratio_[3 * std::size_t{line.category} + line.product];
    return static_cast<std::int64_t>(std::floor(static_cast<double>(list_price) * ratio + 0.5));
}

void line_writer::write(std::int64_t customer_id, order_line const* lines, std::size_t size, line_position at,
                        shop_transactions& table) const {
    for (std::size_t i = 0; i < size; ++i) {
        order_line const& line = lines[i];
        std::size_t const row = at.line + i;
        std::int64_t const list_price =
            line.discount == 0 ? line.price
                               : static_cast<std::int64_t>(std::floor(
                                     static_cast<double>(line.price) * 100 / (100 - line.discount) + 0.5));
        table.customer_id[row] = customer_id;
        table.time[row] = time_of(clock_, line);
        table.amount[row] = line.price * line.quantity;
        table.order_id[row] = at.order + line.order + 1;
        table.category[row] = line.category;
        table.product_line[row] = static_cast<std::uint8_t>(3 * line.category + line.product);
        table.store[row] = line.store;
        table.kind[row] = line.quantity > 0 ? line_kind::sale : line_kind::return_;
        table.quantity[row] = std::int32_t{line.quantity};
        table.discount[row] = (list_price - line.price) * line.quantity;
        table.cost[row] = cost_of(line, list_price) * line.quantity;
    }
}

void add_late_lines(shop_options const& options, season_clock const& clock, std::int64_t customer_id,
                    std::vector<order_line> const& lines, std::size_t first, shop_late_lines& table) {
    if (!(options.late_share > 0)) return;
    auto random = stream_of(options.seed, aspect::lateness, customer_id);
    auto const size = static_cast<std::int64_t>(lines.size() - first);
    for (std::int64_t i = random.geometric(options.late_share); i < size;
         i += 1 + random.geometric(options.late_share)) {
        std::size_t const row = first + static_cast<std::size_t>(i);
        table.row.push_back(static_cast<std::int64_t>(row));
        table.known_time.push_back(time_of(clock, lines[row]) +
                                   seconds_of_days(options.mean_late_delay * random.exponential()));
    }
}

void add_payments(shop_options const& options, season_clock const& clock, std::int64_t customer_id,
                  double late_payment_chance, std::vector<order_line> const& lines, std::size_t first,
                  shop_payments& table) {
    auto random = stream_of(options.seed, aspect::payments, customer_id);
    std::int32_t order = -1;
    instant due = no_time;
    instant paid = no_time;
    for (std::size_t row = first; row < lines.size(); ++row) {
        order_line const& line = lines[row];
        if (line.quantity < 0) continue;
        if (line.order != order) {
            order = line.order;
            instant const time = time_of(clock, line);
            due = time + seconds_of_days(options.payment_days);
            bool const late = random.bernoulli(late_payment_chance);
            paid = late ? due + std::chrono::seconds{1} +
                              seconds_of_days(options.mean_payment_delay * random.exponential())
                        : time + seconds_of_days(options.payment_days * random.uniform());
            if (paid >= clock.end()) paid = no_time;
        }
        table.row.push_back(static_cast<std::int64_t>(row));
        table.due_time.push_back(due);
        table.paid_time.push_back(paid);
    }
}

std::vector<std::string> product_line_names(std::vector<std::string> const& categories) {
    std::vector<std::string> names;
    for (auto const& category : categories)
        for (char const* product : product_names)
            names.push_back(category + " " + product);
    return names;
}

}  // namespace clavis::simulate

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

}  // namespace

line_writer::line_writer(shop_options const& options, season_clock const& clock)
    : options_(options), clock_(clock) {
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
    instant const start = clock_.start_of(0);
    for (std::size_t i = 0; i < size; ++i) {
        order_line const& line = lines[i];
        std::size_t const row = at.line + i;
        instant const time = start + std::chrono::seconds{line.time};
        std::int64_t const list_price =
            line.discount == 0 ? line.price
                               : static_cast<std::int64_t>(std::floor(
                                     static_cast<double>(line.price) * 100 / (100 - line.discount) + 0.5));
        std::int64_t const amount = line.price * line.quantity;
        std::int64_t const cost = cost_of(line, list_price) * line.quantity;
        table.customer_id[row] = customer_id;
        table.time[row] = time;
        table.amount[row] = amount;
        table.event_id[row] = static_cast<std::int64_t>(row) + 1;
        table.known_time[row] = time;
        table.order_id[row] = at.order + line.order + 1;
        table.category[row] = line.category;
        table.product_line[row] = static_cast<std::uint8_t>(3 * line.category + line.product);
        table.store[row] = line.store;
        table.kind[row] = line.quantity > 0 ? line_kind::sale : line_kind::return_;
        table.quantity[row] = std::int32_t{line.quantity};
        table.discount[row] = (list_price - line.price) * line.quantity;
        table.cost[row] = cost;
        table.margin[row] = amount - cost;
        table.due_time[row] = no_time;
        table.paid_time[row] = no_time;
    }
    if (options_.late_share > 0) {
        auto random = stream_of(options_.seed, aspect::lateness, customer_id);
        for (std::int64_t i = random.geometric(options_.late_share); i < static_cast<std::int64_t>(size);
             i += 1 + random.geometric(options_.late_share)) {
            std::size_t const row = at.line + static_cast<std::size_t>(i);
            table.known_time[row] += seconds_of_days(options_.mean_late_delay * random.exponential());
        }
    }
    if (segment_of(options_, customer_id) == customer_segment::business)
        write_payments(customer_id, lines, size, at, table);
}

void line_writer::write_payments(std::int64_t customer_id, order_line const* lines, std::size_t size,
                                 line_position at, shop_transactions& table) const {
    double const chance = draw_profile(options_, customer_id).late_payment_chance;
    auto random = stream_of(options_.seed, aspect::payments, customer_id);
    std::int32_t order = -1;
    instant due = no_time;
    instant paid = no_time;
    for (std::size_t i = 0; i < size; ++i) {
        if (lines[i].quantity < 0) continue;
        std::size_t const row = at.line + i;
        if (lines[i].order != order) {
            order = lines[i].order;
            instant const time = table.time[row];
            due = time + seconds_of_days(options_.payment_days);
            bool const late = random.bernoulli(chance);
            paid = late ? due + std::chrono::seconds{1} +
                              seconds_of_days(options_.mean_payment_delay * random.exponential())
                        : time + seconds_of_days(options_.payment_days * random.uniform());
            if (paid >= clock_.end()) paid = no_time;
        }
        table.due_time[row] = due;
        table.paid_time[row] = paid;
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

#include "clavis/simulate/shop.hpp"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "company_events.hpp"
#include "costs.hpp"
#include "customer_simulator.hpp"
#include "incidents.hpp"
#include "interviews.hpp"
#include "lines.hpp"
#include "period.hpp"
#include "profiles.hpp"
#include "tables.hpp"

namespace clavis::simulate {

namespace {

constexpr std::size_t customers_a_block = 1024;

/// How much the blocks before a block did.
struct block_position {
    line_position lines;
    std::array<std::size_t, std::tuple_size_v<small_tables>> rows{};

    template <std::size_t... I>
    void add(small_tables const& tables, std::index_sequence<I...>) {
        ((rows[I] += std::get<I>(tables).size()), ...);
    }
    block_position after(block_result const& block) const {
        block_position next = *this;
        next.lines.line += block.lines.size();
        for (customer_size const& customer : block.customers)
            next.lines.order += customer.orders;
        next.add(block.tables, std::make_index_sequence<std::tuple_size_v<small_tables>>{});
        return next;
    }
};

/// The tables of the shop that are small enough to be made in blocks.
auto whole_tables(shop& result) {
    return std::tie(result.contacts, result.surveys, result.wallet, result.life_events, result.costs,
                    result.referrals, result.campaigns, result.interviews);
}

constexpr auto each_small_table = std::make_index_sequence<std::tuple_size_v<small_tables>>{};

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

shop simulate_shop(shop_options const& options, unsigned threads, progress const& watch) {
    options.validate();
    season_clock const clock(options);
    shop_plan const plan(options, clock);

    shop result;
    result.labels = {options.categories,   product_line_names(options.categories),
                     options.stores,       staff_names(),
                     region_names(),       contact_texts(),
                     plan.periods.names(), plan.campaigns.names(),
                     offer_names(),        interview_cause_names()};
    result.start = options.start;
    result.season = clock.season();
    add_company_events(options, clock, result.events);
    result.targets = make_targets(options);
    auto const customers = static_cast<std::size_t>(options.customers);
    resize(result.truth, customers);
    resize(result.customers, customers);

    // More than most blocks need, up to a bound: memory that is not touched costs nothing.
    double const lines_a_customer =
        std::min(1000.0, 1.2 * (2 + options.mean_rate * options.days / 7) * (1 + options.extra_lines));
    std::vector<block_result> blocks(block_count(customers, customers_a_block));
    parallel_blocks(
        customers, customers_a_block, threads,
        [&](std::size_t block, std::size_t begin, std::size_t end) {
            customer_simulator simulator(options, clock, plan);
            block_result done;
            done.lines.reserve(static_cast<std::size_t>(lines_a_customer * static_cast<double>(end - begin)));
            done.customers.reserve(end - begin);
            for (std::size_t row = begin; row < end; ++row)
                simulator.run(static_cast<std::int64_t>(row) + 1, result, done);
            blocks[block] = std::move(done);
        },
        watch, "simulating customers");

    std::vector<block_position> position(1);
    for (auto const& block : blocks)
        position.push_back(position.back().after(block));
    auto whole = whole_tables(result);
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        (resize(std::get<I>(whole), position.back().rows[I]), ...);
    }(each_small_table);
    resize(result.transactions, position.back().lines.line);
    line_writer const writer(options, clock);
    parallel_blocks(
        blocks.size(), 1, threads,
        [&](std::size_t block, std::size_t, std::size_t) {
            block_result part = std::move(blocks[block]);
            block_position const& at = position[block];
            [&]<std::size_t... I>(std::index_sequence<I...>) {
                (copy_to(std::get<I>(part.tables), at.rows[I], std::get<I>(whole)), ...);
            }(each_small_table);
            line_position customer_at = at.lines;
            order_line const* lines = part.lines.data();
            auto customer_id = static_cast<std::int64_t>(block * customers_a_block);
            for (customer_size const& size : part.customers) {
                writer.write(++customer_id, lines, static_cast<std::size_t>(size.lines), customer_at,
                             result.transactions);
                lines += size.lines;
                customer_at.line += static_cast<std::size_t>(size.lines);
                customer_at.order += size.orders;
            }
        },
        watch, "joining blocks");
    return result;
}

}  // namespace clavis::simulate

#include "clavis/simulate/shop.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>
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

constexpr std::size_t customers_a_block = 256;

/// Blocks are simulated and put into the tables wave by wave: memory for one wave is used again for the next.
std::size_t blocks_a_wave(unsigned threads) {
    return std::max<std::size_t>(64, std::size_t{8} * thread_count(threads));
}

/// Progress of one of two passes over a wave of blocks, within the whole.
progress within(progress const& watch, std::size_t begin, std::size_t end, std::size_t blocks, int pass) {
    return progress_callback([=, &watch](std::string_view stage, double part) {
        double const done = static_cast<double>(begin) + static_cast<double>(end - begin) * (pass + part) / 2;
        watch.report(stage, done / static_cast<double>(blocks));
        return true;
    });
}

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
                    result.referrals, result.campaigns, result.interviews, result.transactions.late,
                    result.transactions.payments);
}

/// The values with those of some rows put in their place.
shop_column<instant> with(shop_column<instant> values, shop_column<std::int64_t> const& rows,
                          shop_column<instant> const& others) {
    for (std::size_t i = 0; i < rows.size(); ++i)
        values[static_cast<std::size_t>(rows[i])] = others[i];
    return values;
}

/// Rows counted from the first line of a block become rows of the whole table.
void move_rows(shop_column<std::int64_t>& rows, std::size_t by) {
    for (std::int64_t& row : rows)
        row += static_cast<std::int64_t>(by);
}

constexpr auto each_small_table = std::make_index_sequence<std::tuple_size_v<small_tables>>{};

}  // namespace

shop_column<std::int64_t> shop_transactions::event_id() const {
    shop_column<std::int64_t> ids(size());
    std::iota(ids.begin(), ids.end(), std::int64_t{1});
    return ids;
}

shop_column<instant> shop_transactions::known_time() const {
    return with(time, late.row, late.known_time);
}

shop_column<std::int64_t> shop_transactions::margin() const {
    shop_column<std::int64_t> margins(size());
    std::transform(amount.begin(), amount.end(), cost.begin(), margins.begin(), std::minus<>());
    return margins;
}

shop_column<instant> shop_transactions::due_time() const {
    return with(shop_column<instant>(size(), no_time), payments.row, payments.due_time);
}

shop_column<instant> shop_transactions::paid_time() const {
    return with(shop_column<instant>(size(), no_time), payments.row, payments.paid_time);
}

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

    auto whole = whole_tables(result);
    line_writer const writer(options, clock);
    std::size_t const blocks = block_count(customers, customers_a_block);
    std::size_t const wave = std::min(blocks, blocks_a_wave(threads));
    std::vector<block_result> parts(wave);
    std::vector<block_position> position(wave + 1);
    for (std::size_t first = 0; first < blocks; first += wave) {
        std::size_t const size = std::min(wave, blocks - first);
        parallel_blocks(
            size, 1, threads,
            [&](std::size_t i, std::size_t, std::size_t) {
                customer_simulator simulator(options, clock, plan);
                parts[i].clear();
                std::size_t const begin = (first + i) * customers_a_block;
                std::size_t const end = std::min(customers, begin + customers_a_block);
                for (std::size_t row = begin; row < end; ++row)
                    simulator.run(static_cast<std::int64_t>(row) + 1, result, parts[i]);
            },
            within(watch, first, first + size, blocks, 0), "simulating customers");

        position.front() = first == 0 ? block_position{} : position.back();
        for (std::size_t i = 0; i < size; ++i)
            position[i + 1] = position[i].after(parts[i]);
        position.back() = position[size];
        double const done = static_cast<double>(first + size) / static_cast<double>(blocks);
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (grow(std::get<I>(whole), position[size].rows[I], done), ...);
        }(each_small_table);
        grow(result.transactions, position[size].lines.line, done);

        parallel_blocks(
            size, 1, threads,
            [&](std::size_t i, std::size_t, std::size_t) {
                block_result& part = parts[i];
                block_position const& at = position[i];
                move_rows(std::get<shop_late_lines>(part.tables).row, at.lines.line);
                move_rows(std::get<shop_payments>(part.tables).row, at.lines.line);
                [&]<std::size_t... I>(std::index_sequence<I...>) {
                    (copy_to(std::get<I>(part.tables), at.rows[I], std::get<I>(whole)), ...);
                }(each_small_table);
                line_position customer_at = at.lines;
                order_line const* lines = part.lines.data();
                auto customer_id = static_cast<std::int64_t>((first + i) * customers_a_block);
                for (customer_size const& customer : part.customers) {
                    writer.write(++customer_id, lines, static_cast<std::size_t>(customer.lines), customer_at,
                                 result.transactions);
                    lines += customer.lines;
                    customer_at.line += static_cast<std::size_t>(customer.lines);
                    customer_at.order += customer.orders;
                }
            },
            within(watch, first, first + size, blocks, 1), "joining blocks");
    }
    return result;
}

}  // namespace clavis::simulate

// A summarizer as bytes, and back.

#include <algorithm>
#include <utility>

#include "clavis/core/errors.hpp"
#include "ledger/intake_events.hpp"
#include "ledger/summary_bytes.hpp"
#include "ledger/summary_days.hpp"

namespace clavis::ledger {

namespace {

/// The codes of `sorted` that are marked, in their order; rank[code] becomes the place of each.
std::vector<std::uint32_t> present(std::vector<std::uint32_t> const& sorted,
                                   std::vector<std::uint8_t> const& marked) {
    std::vector<std::uint32_t> codes;
    for (std::uint32_t const code : sorted)
        if (marked[code] != 0) codes.push_back(code);
    return codes;
}

std::vector<std::uint32_t> ranks(std::vector<std::uint32_t> const& codes, std::size_t size) {
    std::vector<std::uint32_t> rank(size);
    for (std::size_t i = 0; i < codes.size(); ++i)
        rank[codes[i]] = static_cast<std::uint32_t>(i);
    return rank;
}

/// Finds the row of every event, and what is known of duplicates.
void place_events(canonical_rows const& rows, event_log& events, intake_facts& facts, directory const& ids) {
    for (std::size_t row = 0; row < rows.event.size(); ++row) {
        if (rows.event[row] == canonical_rows::no_event) continue;
        event_entry& entry = events.entries[rows.event[row]];
        if (entry.known()) byte_reader::fail("holds two rows of one event");
        entry.place = row;
    }
    refusal repeated;
    repeated.column = facts.event_column_;
    repeated.reason = read_before;
    for (std::size_t code = 0; code < events.entries.size(); ++code) {
        event_entry const& entry = events.entries[code];
        if (!entry.known()) byte_reader::fail("holds an event without a row");
        if (entry.duplicates == 0) continue;
        repeated.count += entry.duplicates;
        if (repeated.count > facts.quality_.rows_read) byte_reader::fail("holds more rows than were read");
        note_example(repeated, ids.label(static_cast<std::uint32_t>(code)));
    }
    facts.quality_.rows_duplicate = repeated.count;
    if (repeated.count > 0) facts.quality_.duplicates.push_back(std::move(repeated));
}

}  // namespace

std::vector<std::uint8_t> summarizer::to_bytes() const {
    std::vector<std::uint8_t> bytes = begin_state(saved_summarizer);
    byte_writer to(bytes);
    write_options(options_, to);
    write_facts(intake_.facts(), options_, to);
    directory const& ids = intake_.customers();
    if (!intake_.has_rows()) {
        end_state(bytes);
        return bytes;
    }
    std::vector<std::uint8_t> marked(ids.size());
    if (keeps_rows(intake_.facts())) {
        directory const& orders = intake_.orders();
        std::vector<std::uint8_t> ordered(orders.size());
        for (std::uint32_t const customer : rows_.customer)
            marked[customer] = 1;
        for (std::uint32_t const order : rows_.order)
            if (order != canonical_rows::no_order) ordered[order] = 1;
        auto const customers = present(ids.sorted(options_.threads), marked);
        auto const kept_orders = present(orders.sorted(options_.threads), ordered);
        directory const& events = intake_.event_ids();
        std::vector<std::uint8_t> used(events.size());
        for (std::size_t code = 0; code < used.size(); ++code)
            used[code] = intake_.events().entries[code].known() ? 1 : 0;
        auto const kept_events = present(events.sorted(options_.threads), used);
        write_ids(ids.ids(customers), to);
        write_ids(orders.ids(kept_orders), to);
        write_ids(events.ids(kept_events), to);
        write_events(intake_.events(), kept_events, to);
        // Customers without rows come last, where nothing is written for them.
        std::vector<std::uint32_t> rank(ids.size());
        auto next = static_cast<std::uint32_t>(customers.size());
        for (std::size_t code = 0; code < rank.size(); ++code)
            if (marked[code] == 0) rank[code] = next++;
        for (std::size_t i = 0; i < customers.size(); ++i)
            rank[customers[i]] = static_cast<std::uint32_t>(i);
        write_rows(rows_, rank, ranks(kept_orders, orders.size()), ranks(kept_events, events.size()),
                   intake_.facts(), options_, bytes);
        end_state(bytes);
        return bytes;
    }

    struct piece {
        std::vector<std::uint8_t> bytes;
        std::vector<std::pair<std::uint32_t, std::uint32_t>> customers;  // within the partition, length
    };
    std::vector<piece> pieces(days_->partitions());
    record_format const format = format_of(intake_);
    days_->for_each_partition(format, options_.threads, options_.watch, "saving",
                              [&](std::size_t partition, day_store::reader& from) {
                                  piece& own = pieces[partition];
                                  from.for_each([&](std::uint32_t customer, std::span<day_entry const> days) {
                                      std::size_t const begin = own.bytes.size();
                                      write_record(days, format, own.bytes);
                                      own.customers.emplace_back(
                                          customer, static_cast<std::uint32_t>(own.bytes.size() - begin));
                                  });
                              });
    std::vector<std::span<std::uint8_t const>> records(ids.size());
    std::size_t size = 0;
    for (std::size_t partition = 0; partition < pieces.size(); ++partition) {
        std::size_t begin = 0;
        for (auto const& [customer, length] : pieces[partition].customers) {
            std::size_t const code = (partition << day_store::partition_bits) + customer;
            records[code] = std::span(pieces[partition].bytes).subspan(begin, length);
            marked[code] = 1;
            begin += length;
        }
        size += begin;
    }
    auto const customers = present(ids.sorted(options_.threads), marked);
    bytes.reserve(bytes.size() + size + 2 * customers.size() + 64);
    write_ids(ids.ids(customers), to);
    for (std::uint32_t const code : customers)
        bytes.insert(bytes.end(), records[code].begin(), records[code].end());
    end_state(bytes);
    return bytes;
}

summarizer summarizer::from_bytes(std::span<std::uint8_t const> bytes, unsigned threads, progress watch) {
    byte_reader from = open_state(bytes, saved_summarizer);
    summarize_options options = read_options(from);
    options.threads = threads;
    options.watch = std::move(watch);
    summarizer state(std::move(options));
    intake_facts facts = read_facts(from, state.options_);
    directory customers(true);
    directory orders;
    directory event_ids;
    event_log events;
    if (facts.quality_.rows_read > 0) {
        std::vector<std::uint32_t> const codes = enter(customers, read_ids(from));
        std::int64_t rows = 0;
        auto found = [&](std::int64_t lines, std::int32_t first, std::int32_t last, int128 amount) {
            rows += lines;
            if (rows > facts.quality_.rows_read) byte_reader::fail("holds more rows than were read");
            if (first < facts.first_day_ || last > facts.last_day_)
                byte_reader::fail("holds a day outside of those it names");
            facts.amount_total_ += amount;
        };
        if (state.keeps_rows(facts)) {
            std::vector<std::uint32_t> const order_codes = enter(orders, read_ids(from));
            std::vector<std::uint32_t> const event_codes = enter(event_ids, read_ids(from));
            events = read_events(from, event_codes, facts);
            state.rows_ = read_rows(from, codes, order_codes, event_codes, facts);
            place_events(state.rows_, events, facts, event_ids);
            for (std::size_t row = 0; row < state.rows_.size(); ++row)
                found(1, state.rows_.day[row], state.rows_.day[row],
                      facts.has_amounts_ ? state.rows_.amount[row] : 0);
        } else {
            record_format const format{.amounts = facts.has_amounts_,
                                       .timed = !facts.dates_only_,
                                       .power = std::max(0, state.options_.amount_scale - 2)};
            day_store::appender to(*state.days_, format);
            std::vector<day_entry> days;
            for (std::uint32_t const code : codes) {
                days.clear();
                read_record(from, format, days);
                if (days.empty()) byte_reader::fail("holds a customer without days");
                for (day_entry const& entry : days)
                    found(entry.lines(), entry.day, entry.day,
                          entry.sales + entry.adjustments - entry.returns);
                to.add(code, days);
            }
            to.finish();
        }
        facts.quality_.rows_used = rows;
    }
    if (from.left() > 0) byte_reader::fail("goes on after its end");
    state.intake_ = intake::resume(state.intake_.options(), std::move(facts), std::move(customers),
                                   std::move(orders), std::move(event_ids), std::move(events));
    return state;
}

}  // namespace clavis::ledger

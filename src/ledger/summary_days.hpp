#pragma once

// The purchase days of all customers on their way from rows to results. Rows wait in partitions of 16,384 neighbouring
// customers, packed into 8 bytes each where ranges allow, else 32; when many wait they are folded into records
// (summary_records.hpp), one after the other for every customer of a partition. Waiting rows are put back by cut(),
// folded ones are not, so a caller folds before a batch and never in it.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "clavis/core/large_memory.hpp"
#include "clavis/core/parallel.hpp"
#include "clavis/ledger/intake.hpp"
#include "ledger/summary_records.hpp"

namespace clavis::ledger {

/// How the records of what an intake has read are written.
inline record_format format_of(intake const& read) {
    return {.amounts = read.has_amounts(),
            .timed = !read.dates_only(),
            .power = std::max(0, read.options().amount_scale - 2)};
}

/// A row where 8 bytes do not hold it.
struct wide_line {
    std::uint32_t customer;  ///< within the partition
    std::int32_t day;
    std::int64_t time;
    std::int64_t amount;
    line_kind kind;
};

/// A day of dated lines without kinds, whose sums are far from the ends of 64 bits: the common case, in a fifth of the
/// memory of a day_entry.
struct plain_day {
    static constexpr bool has_time = false;
    static constexpr bool is_day = true;

    std::int32_t day;
    std::uint32_t sale_lines;
    std::uint32_t return_lines;
    std::int64_t sales;
    std::int64_t returns;

    std::int64_t first_time(bool sales_only) const {
        return sales_only && sale_lines == 0 ? day_entry::never_first : day * clavis::day.count();
    }
    std::int64_t last_time(bool sales_only) const {
        return sales_only && sale_lines == 0 ? day_entry::never_last : day * clavis::day.count();
    }
};

/// Makes room for as many items; what was held is lost where it must grow.
template <class T>
void make_room(large_vector<T>& items, std::size_t count) {
    if (count > items.capacity()) items = large_vector<T>();
    items.resize(count);
}

class day_store {
    /// Some neighbouring rows of one call of add().
    struct block {
        std::uint32_t first = 0;  ///< the first of its rows
        bool small = true;
        std::int64_t factor = 1;  ///< amounts of small lines count these
        std::int64_t most = 0;    ///< the largest amount of either sign
    };
    /// Rows of one call of add(), block by block, and in each by partition: a block is dealt out within a
    /// processor's cache.
    struct run {
        std::size_t partitions = 0;
        std::vector<block> blocks;
        std::vector<std::uint32_t> starts;  ///< of each block: where each partition starts in it, and its end
        large_vector<std::uint64_t> small_lines;
        large_vector<wide_line> wide_lines;
    };
    /// What a block holds of one partition.
    struct stretch {
        block const* from;
        std::uint64_t const* small_lines;  ///< or
        wide_line const* wide_lines;
        std::size_t size;
    };

  public:
    static constexpr unsigned partition_bits = 14;
    static constexpr std::size_t width = std::size_t{1} << partition_bits;

    std::size_t partitions() const { return folded_.size(); }
    /// Adds checked rows of customers with codes below `codes`.
    void add(canonical_rows const& rows, std::size_t codes, unsigned threads);

    /// How many groups of rows wait; cut() takes back those that came later.
    std::size_t waiting() const { return runs_.size(); }
    void cut(std::size_t waiting) noexcept { runs_.resize(std::min(waiting, runs_.size())); }
    /// Bytes of what waits, of the records, and of all.
    std::size_t waiting_bytes() const;
    std::size_t folded_bytes() const;

    /// Folds what waits. Nothing changes for the reader; fails only for want of memory, and then nothing is lost.
    void fold(record_format const& format, unsigned threads);
    /// Takes in another store, whose customer i is codes[i] here.
    void take(day_store const& other, std::span<std::uint32_t const> codes, std::size_t size,
              record_format const& theirs, record_format const& ours, unsigned threads);

    /// Takes in records that come in ascending order of their customers' codes.
    class appender {
      public:
        appender(day_store& to, record_format const& format) : to_(to), format_(format) {}
        void add(std::uint32_t code, std::span<day_entry const> days);
        void finish();

      private:
        day_store& to_;
        record_format format_;
        std::vector<std::uint8_t> bytes_;
        std::size_t partition_ = 0;
        std::uint32_t next_ = 0;
    };

    /// Reads the customers of a partition one after the other. One for each thread.
    class reader {
      public:
        reader(day_store const& from, record_format const& format) : from_(from), format_(format) {}

        /// Whether there is anything to read.
        bool load(std::size_t partition);
        /// Calls body(customer within the partition, its days in ascending order) for every customer with any.
        template <class Body>
        void for_each(Body&& body) {
            for (std::uint32_t customer = 0; customer < width; ++customer)
                if (read(customer)) body(customer, std::span<day_entry>(days_));
        }

        /// Whether all is lines that plain days hold.
        bool plain() const;
        template <class Body>
        void for_each_plain(Body&& body) {
            for (std::uint32_t customer = 0; customer < width; ++customer) {
                if (begins_[customer] == begins_[customer + 1]) continue;
                std::size_t const days = read_plain(begins_[customer], begins_[customer + 1]);
                body(customer, std::span(plain_days_.data(), days));
            }
        }

      private:
        struct piece {
            byte_reader bytes;
            record_format format;
            std::uint32_t next;  ///< the customer of the next record
        };
        void find_rows(run const& one);
        void count();
        void gather_small();
        void gather_wide();
        bool read(std::uint32_t customer);
        std::size_t read_plain(std::uint32_t begin, std::uint32_t end);
        void add_small(std::uint32_t begin, std::uint32_t end);
        void add_wide(std::uint32_t begin, std::uint32_t end);

        day_store const& from_;
        record_format format_;
        std::size_t partition_ = 0;
        std::vector<piece> pieces_;
        std::vector<stretch> stretches_;
        bool small_ = true;
        std::int64_t factor_ = 0;  // the smallest of any block
        std::int64_t most_ = 0;    // of any amount
        std::size_t rows_ = 0;
        std::vector<std::uint32_t> begins_;
        large_vector<std::uint64_t> small_lines_;
        large_vector<wide_line> wide_lines_;
        std::vector<day_entry> days_;
        std::vector<plain_day> plain_days_;  // as many as any customer had
    };

    /// Calls body(partition, reader with the partition loaded) for every partition that holds anything.
    template <class Body>
    void for_each_partition(record_format const& format, unsigned threads, progress const& watch,
                            std::string_view stage, Body const& body) const {
        // One reader for each of some groups of partitions, so that its buffers are reused.
        std::size_t const group = std::max<std::size_t>(1, std::min<std::size_t>(8, partitions() / 64));
        parallel_blocks(
            partitions(), group, threads,
            [&](std::size_t, std::size_t begin, std::size_t end) {
                reader from(*this, format);
                for (std::size_t partition = begin; partition < end; ++partition)
                    if (from.load(partition)) body(partition, from);
            },
            watch, stage);
    }

  private:
    /// Records of some customers of a partition, ascending: each after the distance from the customer before.
    struct fragment {
        std::vector<std::uint8_t> bytes;
        record_format format;
    };

    void grow(std::size_t codes);

    std::vector<run> runs_;
    std::vector<std::vector<fragment>> folded_;  // by partition
    std::vector<std::uint8_t> done_;  // after a fold that failed: partitions whose rows are in records
};

}  // namespace clavis::ledger

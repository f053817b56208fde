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

#include "clavis/core/parallel.hpp"
#include "clavis/ledger/intake.hpp"
#include "ledger/huge_pages.hpp"
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

/// Memory that is not filled before it is written.
template <class T>
struct raw_buffer {
    std::unique_ptr<T[]> items;
    std::size_t size = 0;
    std::size_t capacity = 0;

    raw_buffer() = default;
    explicit raw_buffer(std::size_t count) { grow(count); }
    raw_buffer(raw_buffer const& other) : raw_buffer(other.size) {
        std::copy_n(other.items.get(), size, items.get());
    }
    raw_buffer(raw_buffer&&) noexcept = default;
    raw_buffer& operator=(raw_buffer const& other) { return *this = raw_buffer(other); }
    raw_buffer& operator=(raw_buffer&&) noexcept = default;
    ~raw_buffer() = default;
    /// What was held is lost where it must grow.
    void grow(std::size_t count) {
        if (count > capacity) {
            items.reset();
            items = std::make_unique_for_overwrite<T[]>(count);
            prefer_huge_pages(items.get(), count * sizeof(T));
            capacity = count;
        }
        size = count;
    }
};

class day_store {
    struct run;

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
        void count(std::vector<run const*> const& runs);
        void gather_small(std::vector<run const*> const& runs);
        void gather_wide(std::vector<run const*> const& runs);
        bool read(std::uint32_t customer);
        std::size_t read_plain(std::uint32_t begin, std::uint32_t end);
        void add_small(std::uint32_t begin, std::uint32_t end);
        void add_wide(std::uint32_t begin, std::uint32_t end);

        day_store const& from_;
        record_format format_;
        std::size_t partition_ = 0;
        std::vector<piece> pieces_;
        bool small_ = true;
        std::int64_t factor_ = 1;
        std::int64_t most_ = 0;  // of any amount
        std::size_t rows_ = 0;
        std::vector<std::uint32_t> begins_;
        raw_buffer<std::uint64_t> small_lines_;
        raw_buffer<wide_line> wide_lines_;
        std::vector<day_entry> days_;
        std::vector<plain_day> plain_days_;  // as many as any customer had
    };

    /// Calls body(partition, reader with the partition loaded) for every partition that holds anything.
    template <class Body>
    void for_each_partition(record_format const& format, unsigned threads, progress const& watch,
                            std::string_view stage, Body const& body) const {
        // One reader for each of some stretches of partitions, so that its buffers are reused.
        std::size_t const stretch = std::max<std::size_t>(1, std::min<std::size_t>(8, partitions() / 64));
        parallel_blocks(
            partitions(), stretch, threads,
            [&](std::size_t, std::size_t begin, std::size_t end) {
                reader from(*this, format);
                for (std::size_t partition = begin; partition < end; ++partition)
                    if (from.load(partition)) body(partition, from);
            },
            watch, stage);
    }

  private:
    /// Rows of one call of add(), by partition.
    struct run {
        bool small = true;
        std::int64_t factor = 1;            ///< amounts of small lines count these
        std::int64_t most = 0;              ///< the largest amount of either sign
        std::vector<std::uint32_t> starts;  ///< partitions + 1
        raw_buffer<std::uint64_t> small_lines;
        raw_buffer<wide_line> wide_lines;

        std::uint32_t start(std::size_t partition) const {
            return starts[std::min(partition, starts.size() - 1)];
        }
    };
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

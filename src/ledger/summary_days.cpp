#include "ledger/summary_days.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "ledger/summarize_group.hpp"

namespace clavis::ledger {

namespace {

// A small line, from the highest bit: 14 bits of customer, 16 of day, 34 of amount, so that lines sort by customer, then day.
constexpr unsigned amount_bits = 34;
constexpr unsigned day_bits = 16;
constexpr std::int64_t amount_bias = std::int64_t{1} << (amount_bits - 1);
constexpr std::int32_t first_small_day = 10957 - (1 << (day_bits - 1));  // 32,768 days around 2000-01-01
constexpr std::uint64_t amount_mask = (std::uint64_t{1} << amount_bits) - 1;

// Rows that are dealt out at once, which stay in a processor's cache; and how many of them a partition should get at least.
constexpr std::size_t block_rows = std::size_t{1} << 16;
constexpr std::size_t least_rows_a_cell = 64;
constexpr int most_places = 12;

std::uint64_t pack(std::uint32_t customer, std::int32_t day, std::int64_t amount) {
    return static_cast<std::uint64_t>(customer & (day_store::width - 1)) << (amount_bits + day_bits) |
           static_cast<std::uint64_t>(static_cast<std::uint32_t>(day - first_small_day)) << amount_bits |
           static_cast<std::uint64_t>(amount + amount_bias);
}
std::uint32_t customer_of(std::uint64_t line) {
    return static_cast<std::uint32_t>(line >> (amount_bits + day_bits));
}
std::int32_t day_of(std::uint64_t line) {
    return static_cast<std::int32_t>(line >> amount_bits & ((1U << day_bits) - 1)) + first_small_day;
}
std::int64_t amount_of(std::uint64_t line) {
    return static_cast<std::int64_t>(line & amount_mask) - amount_bias;
}

/// Calls body with 10^places as a constant, by which a compiler divides without dividing.
template <int Places = 0, class Body>
void with_factor(int places, Body const& body) {
    if constexpr (Places < most_places) {
        if (places != Places) return with_factor<Places + 1>(places, body);
    }
    body(std::integral_constant<std::int64_t, power_of_ten(Places)>());
}

/// The largest of the powers 10^0 ... 10^places that divides all.
int common_places(std::int64_t const* amounts, std::size_t size, int places) {
    for (std::size_t done = 0; places > 0 && done < size;) {
        with_factor(places, [&](auto factor) {
            while (done < size && amounts[done] % factor.value == 0)
                ++done;
        });
        if (done < size) --places;
    }
    return places;
}

/// What decides the form of some rows.
struct extent {
    std::int32_t first_day = std::numeric_limits<std::int32_t>::max();
    std::int32_t last_day = std::numeric_limits<std::int32_t>::min();
    std::int64_t least = 0;
    std::int64_t most = 0;
    int places = most_places;
};

extent extent_of(canonical_rows const& rows, std::size_t begin, std::size_t end) {
    extent seen;
    for (std::size_t row = begin; row < end; ++row) {
        seen.first_day = std::min(seen.first_day, rows.day[row]);
        seen.last_day = std::max(seen.last_day, rows.day[row]);
    }
    if (rows.amount.empty()) return seen;
    for (std::size_t row = begin; row < end; ++row) {
        seen.least = std::min(seen.least, rows.amount[row]);
        seen.most = std::max(seen.most, rows.amount[row]);
    }
    seen.places = common_places(rows.amount.data() + begin, end - begin, most_places);
    return seen;
}

}  // namespace

void day_store::grow(std::size_t codes) {
    std::size_t const needed = (codes + width - 1) >> partition_bits;
    if (folded_.size() < needed) folded_.resize(needed);
}

void day_store::add(canonical_rows const& rows, std::size_t codes, unsigned threads) {
    std::size_t const size = rows.size();
    if (size == 0) return;
    grow(codes);
    std::size_t const count = partitions();
    std::size_t const rows_each = std::max(block_rows, least_rows_a_cell * std::bit_ceil(count));
    std::size_t const blocks = block_count(size, rows_each);
    bool const amounts = !rows.amount.empty();
    bool const may_be_small = rows.time.empty() && rows.kind.empty();
    run made;
    made.partitions = count;
    made.blocks.resize(blocks);
    made.starts.resize(blocks * (count + 1));
    if (may_be_small) made.small_lines.resize(size);

    auto scatter = [&](auto* lines, std::size_t number, std::size_t begin, std::size_t end,
                       auto const& line_of) {
        auto const starts = made.starts.begin() + static_cast<std::ptrdiff_t>(number * (count + 1));
        std::vector<std::uint32_t> to(starts, starts + static_cast<std::ptrdiff_t>(count));
        for (std::size_t row = begin; row < end; ++row)
            lines[begin + to[rows.customer[row] >> partition_bits]++] = line_of(row);
    };
    parallel_blocks(size, rows_each, threads, [&](std::size_t number, std::size_t begin, std::size_t end) {
        std::uint32_t* const starts = made.starts.data() + number * (count + 1);
        for (std::size_t row = begin; row < end; ++row)
            ++starts[(rows.customer[row] >> partition_bits) + 1];
        for (std::size_t part = 0; part < count; ++part)
            starts[part + 1] += starts[part];
        extent const seen = extent_of(rows, begin, end);
        std::int64_t const factor = power_of_ten(seen.places);
        bool const small = may_be_small && seen.first_day >= first_small_day &&
                           seen.last_day < first_small_day + (1 << day_bits) &&
                           seen.least / factor >= -amount_bias && seen.most / factor < amount_bias;
        made.blocks[number] = {.first = static_cast<std::uint32_t>(begin),
                               .small = small,
                               .factor = factor,
                               .most = std::max(seen.most, -seen.least)};
        if (!small) return;
        if (amounts) {
            with_factor(seen.places, [&](auto known) {
                scatter(made.small_lines.data(), number, begin, end, [&rows, known](std::size_t row) {
                    return pack(rows.customer[row], rows.day[row], rows.amount[row] / known.value);
                });
            });
        } else {
            scatter(made.small_lines.data(), number, begin, end,
                    [&rows](std::size_t row) { return pack(rows.customer[row], rows.day[row], 0); });
        }
    });
    auto const is_small = [](block const& one) { return one.small; };
    if (!std::all_of(made.blocks.begin(), made.blocks.end(), is_small)) {
        made.wide_lines.resize(size);
        if (std::none_of(made.blocks.begin(), made.blocks.end(), is_small)) made.small_lines = {};
        parallel_blocks(
            size, rows_each, threads, [&](std::size_t number, std::size_t begin, std::size_t end) {
                if (made.blocks[number].small) return;
                scatter(made.wide_lines.data(), number, begin, end, [&](std::size_t row) {
                    return wide_line{.customer = static_cast<std::uint32_t>(rows.customer[row] & (width - 1)),
                                     .day = rows.day[row],
                                     .time = rows.time_of(row).time_since_epoch().count(),
                                     .amount = amounts ? rows.amount[row] : 0,
                                     .kind = rows.kind_of(row)};
                });
            });
    }
    runs_.push_back(std::move(made));
}

std::size_t day_store::waiting_bytes() const {
    std::size_t sum = 0;
    for (run const& one : runs_)
        sum += one.blocks.size() * sizeof(block) + one.starts.size() * sizeof(std::uint32_t) +
               one.small_lines.capacity() * sizeof(std::uint64_t) +
               one.wide_lines.capacity() * sizeof(wide_line);
    for (auto const& fragments : folded_)
        for (std::size_t i = 1; i < fragments.size(); ++i)
            sum += fragments[i].bytes.capacity() + sizeof(fragment);
    return sum;
}

std::size_t day_store::folded_bytes() const {
    std::size_t sum = folded_.capacity() * sizeof(decltype(folded_)::value_type);
    for (auto const& fragments : folded_)
        if (!fragments.empty()) sum += fragments[0].bytes.capacity() + sizeof(fragment);
    return sum;
}

void day_store::fold(record_format const& format, unsigned threads) {
    if (done_.empty()) done_.assign(partitions(), 0);
    done_.resize(partitions(), 0);
    for_each_partition(format, threads, {}, {}, [&](std::size_t partition, reader& from) {
        if (done_[partition] != 0) return;
        std::vector<std::uint8_t> bytes;
        std::uint32_t next = 0;
        from.for_each([&](std::uint32_t customer, std::span<day_entry const> days) {
            byte_writer(bytes).number(customer - next);
            write_record(days, format, bytes);
            next = customer + 1;
        });
        std::vector<fragment> folded(1);
        folded[0] = {std::vector<std::uint8_t>(bytes.begin(), bytes.end()), format};
        folded_[partition] = std::move(folded);
        done_[partition] = 1;
    });
    runs_.clear();
    runs_.shrink_to_fit();
    done_.clear();
}

void day_store::take(day_store const& other, std::span<std::uint32_t const> codes, std::size_t size,
                     record_format const& theirs, record_format const& ours, unsigned threads) {
    grow(size);
    struct moved {
        std::uint32_t code;
        std::uint32_t length;
        std::size_t begin;
    };
    struct moved_records {
        std::vector<std::uint8_t> bytes;
        std::vector<moved> customers;  // ascending by code
    };
    std::vector<moved_records> from_partitions(other.partitions());
    other.for_each_partition(theirs, threads, {}, {}, [&](std::size_t partition, reader& from) {
        moved_records& records = from_partitions[partition];
        from.for_each([&](std::uint32_t customer, std::span<day_entry const> days) {
            std::size_t const begin = records.bytes.size();
            write_record(days, ours, records.bytes);
            records.customers.push_back({codes[(partition << partition_bits) + customer],
                                         static_cast<std::uint32_t>(records.bytes.size() - begin), begin});
        });
        std::sort(records.customers.begin(), records.customers.end(),
                  [](moved const& a, moved const& b) { return a.code < b.code; });
    });
    std::vector<std::vector<fragment>> made(partitions());
    parallel_blocks(partitions(), 1, threads, [&](std::size_t partition, std::size_t, std::size_t) {
        std::vector<std::pair<std::uint32_t, std::span<std::uint8_t const>>> own;
        auto const first = static_cast<std::uint32_t>(partition << partition_bits);
        for (moved_records const& records : from_partitions) {
            auto at = std::lower_bound(records.customers.begin(), records.customers.end(), first,
                                       [](moved const& a, std::uint32_t code) { return a.code < code; });
            for (; at != records.customers.end() && at->code - first < width; ++at)
                own.emplace_back(at->code - first, std::span(records.bytes).subspan(at->begin, at->length));
        }
        if (own.empty()) return;
        std::sort(own.begin(), own.end(), [](auto const& a, auto const& b) { return a.first < b.first; });
        std::vector<std::uint8_t> bytes;
        std::uint32_t next = 0;
        for (auto const& [customer, record] : own) {
            byte_writer(bytes).number(customer - next);
            bytes.insert(bytes.end(), record.begin(), record.end());
            next = customer + 1;
        }
        bytes.shrink_to_fit();
        made[partition].push_back({std::move(bytes), ours});
        folded_[partition].reserve(folded_[partition].size() + 1);
    });
    // From here on nothing fails.
    for (std::size_t partition = 0; partition < made.size(); ++partition)
        for (fragment& one : made[partition])
            folded_[partition].push_back(std::move(one));
}

void day_store::appender::add(std::uint32_t code, std::span<day_entry const> days) {
    std::size_t const partition = code >> partition_bits;
    if (partition != partition_) finish();
    partition_ = partition;
    auto const customer = static_cast<std::uint32_t>(code & (width - 1));
    byte_writer(bytes_).number(customer - next_);
    write_record(days, format_, bytes_);
    next_ = customer + 1;
}

void day_store::appender::finish() {
    if (!bytes_.empty()) {
        to_.grow((partition_ + 1) << partition_bits);
        to_.folded_[partition_].push_back({std::vector<std::uint8_t>(bytes_.begin(), bytes_.end()), format_});
    }
    bytes_.clear();
    next_ = 0;
}

bool day_store::reader::load(std::size_t partition) {
    partition_ = partition;
    pieces_.clear();
    for (fragment const& one : from_.folded_[partition]) {
        piece made{byte_reader(one.bytes), one.format, 0};
        made.next = static_cast<std::uint32_t>(made.bytes.number());
        pieces_.push_back(made);
    }
    stretches_.clear();
    rows_ = 0;
    small_ = true;
    factor_ = 0;
    most_ = 0;
    if (from_.done_.empty() || from_.done_[partition] == 0)
        for (run const& one : from_.runs_)
            find_rows(one);
    // Amounts that one block counts in larger units than another fit the smaller units as well, or all are wide.
    small_ = small_ && (factor_ == 0 || most_ / factor_ < amount_bias);
    if (rows_ > 0) {
        count();
        if (small_) {
            gather_small();
        } else {
            gather_wide();
        }
    }
    return rows_ > 0 || !pieces_.empty();
}

void day_store::reader::find_rows(run const& one) {
    if (partition_ >= one.partitions) return;
    for (std::size_t number = 0; number < one.blocks.size(); ++number) {
        block const& from = one.blocks[number];
        std::uint32_t const* const starts = one.starts.data() + number * (one.partitions + 1);
        std::size_t const begin = from.first + starts[partition_];
        std::size_t const size = starts[partition_ + 1] - starts[partition_];
        if (size == 0) continue;
        stretches_.push_back({.from = &from,
                              .small_lines = from.small ? one.small_lines.data() + begin : nullptr,
                              .wide_lines = from.small ? nullptr : one.wide_lines.data() + begin,
                              .size = size});
        rows_ += size;
        small_ = small_ && from.small;
        factor_ = factor_ == 0 ? from.factor : std::min(factor_, from.factor);
        most_ = std::max(most_, from.most);
    }
}

void day_store::reader::count() {
    begins_.assign(width + 2, 0);
    for (std::size_t i = 0; i < stretches_.size(); ++i) {
        stretch const& one = stretches_[i];
        // The next stretch lies far away.
        if (i + 1 < stretches_.size() && stretches_[i + 1].from->small)
            for (std::size_t ahead = 0; ahead < 4; ++ahead)
                __builtin_prefetch(stretches_[i + 1].small_lines + 8 * ahead);
        for (std::size_t k = 0; k < one.size; ++k)
            ++begins_[(one.from->small ? customer_of(one.small_lines[k]) : one.wide_lines[k].customer) + 2];
    }
    for (std::size_t i = 2; i < begins_.size(); ++i)
        begins_[i] += begins_[i - 1];
}

void day_store::reader::gather_small() {
    make_room(small_lines_, rows_);
    std::uint64_t* const to = small_lines_.data();
    for (stretch const& one : stretches_) {
        std::int64_t const ratio = one.from->factor / factor_;
        for (std::uint64_t const line : std::span(one.small_lines, one.size))
            to[begins_[customer_of(line) + 1]++] =
                ratio == 1 ? line : pack(customer_of(line), day_of(line), amount_of(line) * ratio);
    }
}

void day_store::reader::gather_wide() {
    make_room(wide_lines_, rows_);
    wide_line* const to = wide_lines_.data();
    for (stretch const& one : stretches_) {
        for (std::size_t i = 0; i < one.size; ++i) {
            if (!one.from->small) {
                to[begins_[one.wide_lines[i].customer + 1]++] = one.wide_lines[i];
                continue;
            }
            std::uint64_t const line = one.small_lines[i];
            std::int64_t const amount = amount_of(line) * one.from->factor;
            to[begins_[customer_of(line) + 1]++] = {
                .customer = customer_of(line),
                .day = day_of(line),
                .time = day_of(line) * day.count(),
                .amount = amount,
                .kind = amount < 0 ? line_kind::give_back : line_kind::sale};
        }
    }
}

bool day_store::reader::read(std::uint32_t customer) {
    days_.clear();
    int sources = 0;
    for (piece& one : pieces_) {
        if (one.next != customer) continue;
        read_record(one.bytes, one.format, days_);
        one.next = one.bytes.left() > 0 ? customer + 1 + static_cast<std::uint32_t>(one.bytes.number())
                                        : static_cast<std::uint32_t>(width);
        ++sources;
    }
    if (rows_ > 0 && begins_[customer] < begins_[customer + 1]) {
        if (small_) {
            add_small(begins_[customer], begins_[customer + 1]);
        } else {
            add_wide(begins_[customer], begins_[customer + 1]);
        }
        ++sources;
    }
    if (sources > 1) {
        std::sort(days_.begin(), days_.end(),
                  [](day_entry const& a, day_entry const& b) { return a.day < b.day; });
        std::size_t to = 0;
        for (std::size_t i = 1; i < days_.size(); ++i) {
            if (days_[i].day == days_[to].day) {
                days_[to].add(days_[i]);
            } else {
                days_[++to] = days_[i];
            }
        }
        days_.resize(to + 1);
    }
    return !days_.empty();
}

bool day_store::reader::plain() const {
    constexpr std::int64_t far = std::int64_t{1} << 62;
    return small_ && pieces_.empty() && rows_ < (std::size_t{1} << 31) &&
           (most_ == 0 || static_cast<std::int64_t>(rows_) <= far / most_);
}

std::size_t day_store::reader::read_plain(std::uint32_t begin, std::uint32_t end) {
    std::span<std::uint64_t> const lines(small_lines_.data() + begin, end - begin);
    sort_rows(lines, std::less<>());
    if (plain_days_.size() < lines.size()) plain_days_.resize(lines.size());
    plain_day* to = plain_days_.data();
    for (std::size_t i = 0; i < lines.size(); ++to) {
        std::uint64_t const date = lines[i] >> amount_bits;
        *to = {day_of(lines[i]), 0, 0, 0, 0};
        for (; i < lines.size() && lines[i] >> amount_bits == date; ++i) {
            std::int64_t const amount = amount_of(lines[i]) * factor_;
            bool const back = amount < 0;
            to->sale_lines += back ? 0 : 1;
            to->return_lines += back ? 1 : 0;
            to->sales += back ? 0 : amount;
            to->returns -= back ? amount : 0;
        }
    }
    return static_cast<std::size_t>(to - plain_days_.data());
}

void day_store::reader::add_small(std::uint32_t begin, std::uint32_t end) {
    std::span<std::uint64_t> const lines(small_lines_.data() + begin, end - begin);
    sort_rows(lines, std::less<>());
    for (std::size_t i = 0; i < lines.size();) {
        std::uint64_t const date = lines[i] >> amount_bits;
        day_entry& entry = days_.emplace_back();
        entry.day = day_of(lines[i]);
        for (; i < lines.size() && lines[i] >> amount_bits == date; ++i) {
            std::int64_t const amount = amount_of(lines[i]) * factor_;
            if (amount < 0) {
                ++entry.return_lines;
                entry.returns -= amount;
            } else {
                ++entry.sale_lines;
                entry.sales += amount;
            }
        }
        if (entry.sale_lines > 0) entry.first_sale = entry.last_sale = entry.midnight();
        if (entry.return_lines > 0) entry.first_other = entry.last_other = entry.midnight();
    }
}

void day_store::reader::add_wide(std::uint32_t begin, std::uint32_t end) {
    std::span<wide_line> const lines(wide_lines_.data() + begin, end - begin);
    sort_rows(lines, [](wide_line const& a, wide_line const& b) { return a.day < b.day; });
    for (std::size_t i = 0; i < lines.size();) {
        day_entry& entry = days_.emplace_back();
        entry.day = lines[i].day;
        for (; i < lines.size() && lines[i].day == entry.day; ++i) {
            wide_line const& line = lines[i];
            bool const sale = line.kind == line_kind::sale;
            std::int64_t& first = sale ? entry.first_sale : entry.first_other;
            std::int64_t& last = sale ? entry.last_sale : entry.last_other;
            first = std::min(first, line.time);
            last = std::max(last, line.time);
            switch (line.kind) {
                case line_kind::sale:
                    ++entry.sale_lines;
                    entry.sales += line.amount;
                    break;
                case line_kind::give_back:
                    ++entry.return_lines;
                    entry.returns -= line.amount;
                    break;
                case line_kind::adjust:
                    ++entry.adjust_lines;
                    entry.adjustments += line.amount;
                    break;
            }
        }
    }
}

}  // namespace clavis::ledger

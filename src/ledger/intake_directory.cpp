// Interning. Rows are looked up in parallel in chunks that grow; codes are given in the order of rows, so they do not
// depend on the number of threads. Integers whose range is not much larger than their number are looked up in a plain
// table, all others and text in a hash table (directory_shards.hpp).

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "clavis/ledger/directory.hpp"
#include "ledger/directory_shards.hpp"

namespace clavis::ledger {

namespace {

constexpr std::uint32_t absent = no_code;
constexpr std::size_t block_rows = hash_shards::block_rows;

/// The first eight bytes as a number that compares like the text.
std::uint64_t prefix(std::string_view text) {
    std::uint64_t key = 0;
    for (std::size_t i = 0; i < 8; ++i)
        key = key << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0U);
    return key;
}

/// Sorts in parallel: blocks, then pairs of sorted stretches. Items must all differ.
template <class T, class Less>
void sort_blocks(huge_vector<T>& items, unsigned threads, Less const& less) {
    constexpr std::size_t block = std::size_t{1} << 16;
    auto const at = [&items](std::size_t i) { return items.begin() + static_cast<std::ptrdiff_t>(i); };
    parallel_blocks(items.size(), block, threads, [&](std::size_t, std::size_t begin, std::size_t end) {
        std::sort(at(begin), at(end), less);
    });
    if (items.size() <= block) return;
    huge_vector<T> merged(items.size());
    for (std::size_t width = block; width < items.size(); width *= 2) {
        parallel_blocks(items.size(), 2 * width, threads,
                        [&](std::size_t, std::size_t begin, std::size_t end) {
                            std::size_t const middle = std::min(end, begin + width);
                            std::merge(at(begin), at(middle), at(middle), at(end),
                                       merged.begin() + static_cast<std::ptrdiff_t>(begin), less);
                        });
        items.swap(merged);
    }
}

class integer_index {
  public:
    explicit integer_index(bool by_range) : by_range_(by_range) {}

    std::size_t size() const { return by_range_ ? range_ : ids_.size(); }
    bool hashed() const { return !by_range_ && !dense_; }
    bool by_range() const { return by_range_; }
    std::size_t first() const { return by_range_ ? static_cast<std::size_t>(distance(base_, low_)) : 0; }
    void expect(std::size_t rows) { rows_ = std::max(rows_, looked_up_ + rows); }
    std::int64_t id(std::uint32_t code) const {
        return by_range_ ? static_cast<std::int64_t>(static_cast<std::uint64_t>(base_) + code) : ids_[code];
    }
    /// Of codes 0, 1, 2 ...
    std::vector<std::int64_t> all() const {
        if (!by_range_) return ids_.all();
        std::vector<std::int64_t> ids(range_);
        std::iota(ids.begin(), ids.end(), base_);
        return ids;
    }
    std::size_t bytes() const {
        return ids_.bytes() + table_.capacity() * sizeof(std::uint32_t) + shards_.bytes();
    }

    /// To be called before rows with ids from `low` to `high` are looked up.
    void prepare(std::int64_t low, std::int64_t high, std::size_t rows) {
        looked_up_ += rows;
        rows_ = std::max(rows_, looked_up_);
        if (by_range_) {
            if (extend(low, high)) return;
            leave_range();
        }
        if (ids_.size() > 0) {
            low = std::min(low, low_);
            high = std::max(high, high_);
        }
        std::uint64_t const span = distance(low, high);
        bool const fits = span / 4 <= ids_.size() + rows / 2 + 16384 && span < (1ULL << 33);
        if (dense_ && fits) {
            cover(low, high);
        } else if (dense_) {
            dense_ = false;
            table_ = {};
            shards_.assign(ids_);
        }
        low_ = low;
        high_ = high;
    }

    template <class Get>
    void find(std::size_t begin, std::size_t end, std::uint8_t const* skip, Get const& get,
              std::uint32_t* codes, std::vector<std::size_t>& missing) const {
        if (by_range_) {
            for (std::size_t row = begin; row < end; ++row)
                codes[row] = static_cast<std::uint32_t>(distance(base_, get(row)));
            return;
        }
        for (std::size_t row = begin; row < end; ++row) {
            if (skip[row] != 0) continue;
            std::uint32_t const code = table_[distance(base_, get(row))];
            codes[row] = code;
            if (code == absent) missing.push_back(row);
        }
    }

    std::uint32_t enter(std::int64_t id) {
        std::uint32_t& code = table_[distance(base_, id)];
        if (code == absent) {
            code = static_cast<std::uint32_t>(ids_.size());
            ids_.push_back(id);
        }
        return code;
    }

    template <class Get>
    void intern_hashed(std::size_t size, std::uint8_t const* skip, Get const& get, std::uint32_t* codes,
                       unsigned threads) {
        shards_.intern(ids_, size, skip, get, codes, threads);
    }

    std::vector<std::uint32_t> sorted(unsigned threads) const {
        std::vector<std::uint32_t> codes;
        if (by_range_) {
            codes.resize(range_);
            std::iota(codes.begin(), codes.end(), 0U);
            return codes;
        }
        codes.reserve(ids_.size());
        if (dense_) {
            for (std::uint32_t code : table_)
                if (code != absent) codes.push_back(code);
            return codes;
        }
        huge_vector<std::pair<std::int64_t, std::uint32_t>> keys(ids_.size());
        for (std::size_t i = 0; i < keys.size(); ++i)
            keys[i] = {ids_[i], static_cast<std::uint32_t>(i)};
        sort_blocks(keys, threads, std::less<>());
        for (auto const& key : keys)
            codes.push_back(key.second);
        return codes;
    }

  private:
    // In unsigned arithmetic, so that ids may be as far apart as 64 bits allow.
    static std::uint64_t distance(std::int64_t low, std::int64_t high) {
        return static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
    }
    /// Whether these ids have codes of the range, which grows upwards only: it begins with room below.
    bool extend(std::int64_t low, std::int64_t high) {
        std::uint64_t const most = 16 * static_cast<std::uint64_t>(rows_) + 65536;
        if (range_ == 0) {
            std::uint64_t const span = distance(low, high);
            if (span > most) return false;
            std::uint64_t room = std::min(distance(std::numeric_limits<std::int64_t>::min(), low), span / 2);
            if (low >= 0) room = std::min(room, static_cast<std::uint64_t>(low));
            if (low > 0 && static_cast<std::uint64_t>(low) <= span + 1024)
                room = static_cast<std::uint64_t>(low);
            base_ = static_cast<std::int64_t>(static_cast<std::uint64_t>(low) - room);
            low_ = low;
            high_ = high;
        }
        if (low < base_ || distance(base_, std::max(high, high_)) > 2 * most ||
            distance(base_, std::max(high, high_)) >= absent - 1)
            return false;
        low_ = std::min(low_, low);
        high_ = std::max(high_, high);
        range_ = static_cast<std::size_t>(distance(base_, high_)) + 1;
        return true;
    }
    void leave_range() {
        ids_.assign(all());
        by_range_ = false;
        range_ = 0;
        if (ids_.size() == 0) return;
        low_ = ids_[0];
        high_ = ids_[ids_.size() - 1];
        table_.resize(ids_.size());
        std::iota(table_.begin(), table_.end(), 0U);
    }
    void cover(std::int64_t low, std::int64_t high) {
        if (table_.empty()) base_ = low;
        if (low < base_) {
            // Room below as well, or ids that come in descending order would move the table every time.
            std::uint64_t const room = std::min(distance(std::numeric_limits<std::int64_t>::min(), low),
                                                static_cast<std::uint64_t>(table_.size() / 2));
            auto const base = static_cast<std::int64_t>(static_cast<std::uint64_t>(low) - room);
            table_.insert(table_.begin(), distance(base, base_), absent);
            base_ = base;
        }
        std::uint64_t const needed = distance(base_, high) + 1;
        if (table_.size() < needed) {
            if (table_.capacity() < needed)
                table_.reserve(std::max<std::size_t>(needed, table_.size() * 3 / 2));
            table_.resize(needed, absent);
        }
    }

    integer_keys ids_;  // empty while codes are a range
    bool by_range_;
    std::size_t looked_up_ = 0;
    std::size_t rows_ = 0;   // that were looked up, or will be
    std::size_t range_ = 0;  // how many codes it has
    std::int64_t low_ = 0;
    std::int64_t high_ = 0;
    bool dense_ = true;
    std::int64_t base_ = 0;
    std::vector<std::uint32_t> table_;  // codes of base_, base_ + 1, ...
    hash_shards shards_;                // where they are not dense
};

class text_index {
  public:
    text_keys const& ids() const { return ids_; }
    std::size_t bytes() const { return ids_.bytes() + shards_.bytes(); }

    template <class Get>
    void intern(std::size_t size, std::uint8_t const* skip, Get const& get, std::uint32_t* codes,
                unsigned threads) {
        shards_.intern(ids_, size, skip, get, codes, threads);
    }

    std::vector<std::uint32_t> sorted(unsigned threads) const {
        struct item {
            std::uint64_t prefix;
            std::uint32_t code;
        };
        std::size_t const shared = shared_prefix(threads);
        huge_vector<item> items(ids_.size());
        parallel_blocks(items.size(), block_rows, threads,
                        [&](std::size_t, std::size_t begin, std::size_t end) {
                            for (std::size_t i = begin; i < end; ++i)
                                items[i] = {prefix(ids_[i].substr(shared)), static_cast<std::uint32_t>(i)};
                        });
        sort_blocks(items, threads, [this](item const& a, item const& b) {
            return a.prefix != b.prefix ? a.prefix < b.prefix : ids_[a.code] < ids_[b.code];
        });
        std::vector<std::uint32_t> codes(items.size());
        std::transform(items.begin(), items.end(), codes.begin(), [](item const& one) { return one.code; });
        return codes;
    }

  private:
    /// How many bytes all ids begin with alike ("customer 1"), so that keys begin where they differ.
    std::size_t shared_prefix(unsigned threads) const {
        if (ids_.size() == 0) return 0;
        std::string_view const first = ids_[0];
        std::vector<std::size_t> lengths(block_count(ids_.size(), block_rows));
        parallel_blocks(ids_.size(), block_rows, threads,
                        [&](std::size_t block, std::size_t begin, std::size_t end) {
                            std::size_t length = first.size();
                            for (std::size_t i = begin; i < end && length > 0; ++i) {
                                std::string_view const id = ids_[i].substr(0, length);
                                length = static_cast<std::size_t>(
                                    std::mismatch(id.begin(), id.end(), first.begin()).first - id.begin());
                            }
                            lengths[block] = length;
                        });
        return *std::min_element(lengths.begin(), lengths.end());
    }

    text_keys ids_;
    hash_shards shards_;
};

/// Looks all rows up in a table, chunk by chunk, and enters what is new.
template <class Get>
void intern_near(integer_index& index, std::size_t size, std::uint8_t const* skip, Get const& get,
                 std::uint32_t* codes, unsigned threads) {
    std::vector<std::vector<std::size_t>> missing;
    std::size_t chunk = 2 * block_rows;
    for (std::size_t begin = 0; begin < size; begin += chunk, chunk = std::min(chunk * 2, 64 * block_rows)) {
        std::size_t const end = std::min(size, begin + chunk);
        missing.resize(std::max(missing.size(), block_count(end - begin, block_rows)));
        integer_index const& known = index;
        parallel_blocks(end - begin, block_rows, threads,
                        [&](std::size_t block, std::size_t from, std::size_t to) {
                            missing[block].clear();
                            known.find(begin + from, begin + to, skip, get, codes, missing[block]);
                        });
        for (std::size_t block = 0; block < block_count(end - begin, block_rows); ++block)
            for (std::size_t row : missing[block])
                codes[row] = index.enter(get(row));
    }
}

template <class Get>
void intern_integers(integer_index& index, std::size_t size, std::uint8_t const* skip, Get const& get,
                     std::uint32_t* codes, unsigned threads) {
    struct range {
        std::int64_t low = std::numeric_limits<std::int64_t>::max();
        std::int64_t high = std::numeric_limits<std::int64_t>::min();
    };
    std::vector<range> ranges(block_count(size, block_rows));
    parallel_blocks(size, block_rows, threads, [&](std::size_t block, std::size_t begin, std::size_t end) {
        range seen;
        for (std::size_t row = begin; row < end; ++row) {
            if (skip[row] != 0) continue;
            std::int64_t const id = get(row);
            seen.low = std::min(seen.low, id);
            seen.high = std::max(seen.high, id);
        }
        ranges[block] = seen;
    });
    range all;
    for (range const& seen : ranges) {
        all.low = std::min(all.low, seen.low);
        all.high = std::max(all.high, seen.high);
    }
    if (all.low > all.high) return;
    index.prepare(all.low, all.high, size);
    if (index.hashed()) {
        index.intern_hashed(size, skip, get, codes, threads);
    } else {
        intern_near(index, size, skip, get, codes, threads);
    }
}

template <class Get>
void intern_text(text_index& index, std::size_t size, std::uint8_t const* skip, Get const& get,
                 std::uint32_t* codes, unsigned threads, location const& where) {
    try {
        index.intern(size, skip, get, codes, threads);
    } catch (std::length_error const&) {
        throw input_error(where, "holds an id of more than " + std::to_string(text_keys::longest) + " bytes");
    }
}

}  // namespace

struct directory::state {
    explicit state(bool by_range) : integers(by_range) {}
    bool text = false;
    integer_index integers;
    text_index names;
};

directory::directory(bool by_range) : state_(std::make_unique<state>(by_range)) {}
directory::~directory() = default;
directory::directory(directory const& other) : state_(std::make_unique<state>(*other.state_)) {}
directory::directory(directory&& other) noexcept = default;
directory& directory::operator=(directory const& other) {
    return *this = directory(other);
}
directory& directory::operator=(directory&& other) noexcept = default;

std::size_t directory::size() const {
    return state_->text ? state_->names.ids().size() : state_->integers.size();
}

bool directory::is_text() const {
    return state_->text;
}

bool directory::in_order() const {
    return size() == 0 || (!state_->text && state_->integers.by_range());
}

std::size_t directory::first() const {
    return size() == 0 || state_->text ? 0 : state_->integers.first();
}

void directory::expect(std::size_t rows) {
    state_->integers.expect(rows);
}

std::size_t directory::bytes() const {
    return state_->integers.bytes() + state_->names.bytes();
}

std::string directory::label(std::uint32_t code) const {
    return state_->text ? std::string(state_->names.ids()[code]) : std::to_string(state_->integers.id(code));
}

void directory::take_kind(bool text, location const& where) {
    if (size() > 0 && state_->text != text)
        throw input_error(where, state_->text ? "holds numbers, but the batches before held text"
                                              : "holds text, but the batches before held numbers");
    state_->text = text;
}

void directory::intern(column_view const& ids, std::uint8_t const* skip, std::uint32_t* codes,
                       unsigned threads, location const& where) {
    if (ids.size == 0 || std::memchr(skip, 0, ids.size) == nullptr) return;
    take_kind(ids.is_text(), where);
    auto& integers = state_->integers;
    switch (ids.type) {
        case column_type::int32:
            return intern_integers(
                integers, ids.size, skip,
                [&ids](std::size_t row) { return static_cast<std::int64_t>(ids.at<std::int32_t>(row)); },
                codes, threads);
        case column_type::int64:
        case column_type::decimal64:
            return intern_integers(
                integers, ids.size, skip, [&ids](std::size_t row) { return ids.at<std::int64_t>(row); },
                codes, threads);
        case column_type::float64:
            return intern_integers(
                integers, ids.size, skip,
                [&ids, skip](std::size_t row) {
                    return skip[row] != 0 ? 0 : static_cast<std::int64_t>(ids.at<double>(row));
                },
                codes, threads);
        case column_type::utf8:
        case column_type::large_utf8:
            return intern_text(
                state_->names, ids.size, skip, [&ids](std::size_t row) { return ids.text(row); }, codes,
                threads, where);
        default:
            throw input_error(where, "holds no ids: ids are integers or text");
    }
}

std::vector<std::uint32_t> directory::merge(directory const& other, location const& where, unsigned threads) {
    std::vector<std::uint32_t> map(other.size());
    if (map.empty()) return map;
    take_kind(other.state_->text, where);
    if (&other == this) {
        std::iota(map.begin(), map.end(), 0U);
        return map;
    }
    std::vector<std::uint8_t> const skip(map.size(), 0);
    if (other.state_->text) {
        text_keys const& names = other.state_->names.ids();
        auto const name = [&names](std::size_t row) { return names[row]; };
        intern_text(state_->names, map.size(), skip.data(), name, map.data(), threads, where);
    } else {
        std::vector<std::int64_t> const integers = other.state_->integers.all();
        intern(std::span<std::int64_t const>(integers), skip.data(), map.data(), threads, where);
    }
    return map;
}

std::vector<std::uint32_t> directory::sorted(unsigned threads) const {
    return state_->text ? state_->names.sorted(threads) : state_->integers.sorted(threads);
}

identifiers directory::ids(std::vector<std::uint32_t> const& codes) const {
    if (state_->text) {
        text_keys const& names = state_->names.ids();
        text_column text;
        constexpr std::size_t ahead = 32;
        for (std::size_t i = 0; i < codes.size(); ++i) {
            if (i + 2 * ahead < codes.size()) names.prefetch(codes[i + 2 * ahead]);
            if (i + ahead < codes.size()) names.prefetch_text(codes[i + ahead]);
            text.push_back(names[codes[i]]);
        }
        return text;
    }
    std::vector<std::int64_t> integers(codes.size());
    for (std::size_t i = 0; i < codes.size(); ++i)
        integers[i] = state_->integers.id(codes[i]);
    return integers;
}

}  // namespace clavis::ledger

// Interning. Rows are looked up in parallel in chunks that grow; ids that a chunk meets for the first time are entered
// one after the other in row order, so codes do not depend on the number of threads. Integers whose range is not much
// larger than their number are looked up in a plain table, all others and text in an open-addressing hash table.

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "clavis/ledger/directory.hpp"

namespace clavis::ledger {

namespace {

constexpr std::uint32_t absent = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t block_rows = 1U << 15;

std::uint64_t mix(std::uint64_t x) {
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93U;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93U;
    return x ^ x >> 32;
}

std::uint64_t hash(std::string_view text) {
    std::uint64_t state = mix(text.size() + 0x9e3779b97f4a7c15U);
    char const* bytes = text.data();
    std::size_t left = text.size();
    for (; left >= 8; bytes += 8, left -= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes, 8);
        state = mix(state ^ word) + 0x9e3779b97f4a7c15U;
    }
    std::uint64_t word = 0;
    if (left > 0) std::memcpy(&word, bytes, left);
    return mix(state ^ word);
}

/// The first eight bytes as a number that compares like the text.
std::uint64_t prefix(std::string_view text) {
    std::uint64_t key = 0;
    for (std::size_t i = 0; i < 8; ++i)
        key = key << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0U);
    return key;
}

class integer_index {
  public:
    explicit integer_index(bool by_range) : by_range_(by_range) {}

    std::size_t size() const { return by_range_ ? range_ : ids_.size(); }
    bool by_range() const { return by_range_; }
    std::size_t first() const { return by_range_ ? static_cast<std::size_t>(distance(base_, low_)) : 0; }
    void expect(std::size_t rows) { rows_ = std::max(rows_, looked_up_ + rows); }
    std::int64_t id(std::uint32_t code) const {
        return by_range_ ? static_cast<std::int64_t>(static_cast<std::uint64_t>(base_) + code) : ids_[code];
    }
    /// Of codes 0, 1, 2 ...
    std::vector<std::int64_t> all() const {
        if (!by_range_) return ids_;
        std::vector<std::int64_t> ids(range_);
        std::iota(ids.begin(), ids.end(), base_);
        return ids;
    }
    std::size_t bytes() const {
        return ids_.capacity() * sizeof(std::int64_t) + table_.capacity() * sizeof(std::uint32_t) +
               slots_.capacity() * sizeof(slot);
    }

    /// To be called before rows with ids from `low` to `high` are looked up.
    void prepare(std::int64_t low, std::int64_t high, std::size_t rows) {
        looked_up_ += rows;
        rows_ = std::max(rows_, looked_up_);
        if (by_range_) {
            if (extend(low, high)) return;
            leave_range();
        }
        if (!ids_.empty()) {
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
            rehash(ids_.size() + 1);
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
        if (dense_) {
            for (std::size_t row = begin; row < end; ++row) {
                if (skip[row] != 0) continue;
                std::uint32_t const code = table_[distance(base_, get(row))];
                codes[row] = code;
                if (code == absent) missing.push_back(row);
            }
            return;
        }
        constexpr std::size_t group = 16;
        std::size_t places[group];
        for (std::size_t start = begin; start < end; start += group) {
            std::size_t const stop = std::min(end, start + group);
            for (std::size_t row = start; row < stop; ++row) {
                places[row - start] = place(get(row));
                __builtin_prefetch(&slots_[places[row - start]]);
            }
            for (std::size_t row = start; row < stop; ++row) {
                if (skip[row] != 0) continue;
                std::uint32_t const code = slots_[probe(get(row), places[row - start])].code;
                codes[row] = code;
                if (code == absent) missing.push_back(row);
            }
        }
    }

    std::uint32_t enter(std::int64_t id) {
        std::uint32_t* code = nullptr;
        if (dense_) {
            code = &table_[distance(base_, id)];
        } else {
            if ((ids_.size() + 1) * 2 > slots_.size()) rehash((ids_.size() + 1) * 2);
            slot& found = slots_[probe(id, place(id))];
            found.id = id;
            code = &found.code;
        }
        if (*code == absent) {
            *code = static_cast<std::uint32_t>(ids_.size());
            ids_.push_back(id);
        }
        return *code;
    }

    std::vector<std::uint32_t> sorted() const {
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
        std::vector<std::pair<std::int64_t, std::uint32_t>> keys(ids_.size());
        for (std::size_t i = 0; i < keys.size(); ++i)
            keys[i] = {ids_[i], static_cast<std::uint32_t>(i)};
        std::sort(keys.begin(), keys.end());
        for (auto const& key : keys)
            codes.push_back(key.second);
        return codes;
    }

  private:
    struct slot {
        std::int64_t id = 0;
        std::uint32_t code = absent;
    };

    // In unsigned arithmetic, so that ids may be as far apart as 64 bits allow.
    static std::uint64_t distance(std::int64_t low, std::int64_t high) {
        return static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
    }
    std::size_t place(std::int64_t id) const {
        return mix(static_cast<std::uint64_t>(id)) & (slots_.size() - 1);
    }
    std::size_t probe(std::int64_t id, std::size_t at) const {
        while (slots_[at].code != absent && slots_[at].id != id)
            at = (at + 1) & (slots_.size() - 1);
        return at;
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
        ids_ = all();
        by_range_ = false;
        range_ = 0;
        if (ids_.empty()) return;
        low_ = ids_.front();
        high_ = ids_.back();
        table_.resize(ids_.size());
        std::iota(table_.begin(), table_.end(), 0U);
    }
    void rehash(std::size_t count) {
        std::vector<slot> slots(std::bit_ceil(std::max<std::size_t>(count * 2, 1024)));
        slots_.swap(slots);
        for (std::size_t i = 0; i < ids_.size(); ++i)
            slots_[probe(ids_[i], place(ids_[i]))] = {ids_[i], static_cast<std::uint32_t>(i)};
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

    std::vector<std::int64_t> ids_;  // by code; empty while codes are a range
    bool by_range_;
    std::size_t looked_up_ = 0;
    std::size_t rows_ = 0;   // that were looked up, or will be
    std::size_t range_ = 0;  // how many codes it has
    std::int64_t low_ = 0;
    std::int64_t high_ = 0;
    bool dense_ = true;
    std::int64_t base_ = 0;
    std::vector<std::uint32_t> table_;  // codes of base_, base_ + 1, ...
    std::vector<slot> slots_;
};

class text_index {
  public:
    text_column const& ids() const { return ids_; }
    std::size_t bytes() const {
        return ids_.bytes().capacity() + ids_.offsets().capacity() * sizeof(std::int64_t) +
               slots_.capacity() * sizeof(slot);
    }

    template <class Get>
    void find(std::size_t begin, std::size_t end, std::uint8_t const* skip, Get const& get,
              std::uint32_t* codes, std::vector<std::size_t>& missing) const {
        constexpr std::size_t group = 32;
        std::uint64_t hashes[group] = {};
        std::int64_t const* offsets = ids_.offsets().data();
        char const* bytes = ids_.bytes().data();
        for (std::size_t start = begin; start < end; start += group) {
            // Slot, offset and bytes lie far apart: each is asked for while other rows are being worked on.
            std::size_t const stop = std::min(end, start + group);
            for (std::size_t row = start; row < stop; ++row) {
                if (skip[row] != 0) continue;
                hashes[row - start] = hash(get(row));
                __builtin_prefetch(&slots_[hashes[row - start] & (slots_.size() - 1)]);
            }
            std::uint32_t likely[group];
            for (std::size_t row = start; row < stop; ++row) {
                likely[row - start] = slots_[hashes[row - start] & (slots_.size() - 1)].code;
                if (likely[row - start] != absent) __builtin_prefetch(offsets + likely[row - start]);
            }
            for (std::size_t row = start; row < stop; ++row)
                if (likely[row - start] != absent) __builtin_prefetch(bytes + offsets[likely[row - start]]);
            for (std::size_t row = start; row < stop; ++row) {
                if (skip[row] != 0) continue;
                std::uint32_t const code = slots_[probe(get(row), hashes[row - start])].code;
                codes[row] = code;
                if (code == absent) missing.push_back(row);
            }
        }
    }

    std::uint32_t enter(std::string_view id) {
        if ((ids_.size() + 1) * 2 > slots_.size()) grow();
        std::uint64_t const key = hash(id);
        slot& found = slots_[probe(id, key)];
        if (found.code == absent) {
            found = {tag(key), static_cast<std::uint32_t>(ids_.size())};
            ids_.push_back(id);
        }
        return found.code;
    }

    std::vector<std::uint32_t> sorted() const {
        // Ids often begin alike ("customer 1"), so what all share is left out of the keys.
        std::size_t shared = ids_.size() == 0 ? 0 : ids_[0].size();
        for (std::size_t i = 1; i < ids_.size() && shared > 0; ++i) {
            std::string_view const id = ids_[i];
            std::size_t const length = std::min(shared, id.size());
            shared = static_cast<std::size_t>(
                std::mismatch(id.begin(), id.begin() + static_cast<std::ptrdiff_t>(length), ids_[0].begin())
                    .first -
                id.begin());
        }
        std::vector<std::pair<std::uint64_t, std::uint32_t>> keys(ids_.size());
        for (std::size_t i = 0; i < keys.size(); ++i)
            keys[i] = {prefix(ids_[i].substr(shared)), static_cast<std::uint32_t>(i)};
        std::sort(keys.begin(), keys.end(), [this](auto const& a, auto const& b) {
            return a.first != b.first ? a.first < b.first : ids_[a.second] < ids_[b.second];
        });
        std::vector<std::uint32_t> codes(keys.size());
        std::transform(keys.begin(), keys.end(), codes.begin(), [](auto const& key) { return key.second; });
        return codes;
    }

  private:
    struct slot {
        std::uint32_t tag = 0;
        std::uint32_t code = absent;
    };

    static std::uint32_t tag(std::uint64_t key) { return static_cast<std::uint32_t>(key >> 32); }
    std::size_t probe(std::string_view id, std::uint64_t key) const {
        std::size_t at = key & (slots_.size() - 1);
        while (slots_[at].code != absent && (slots_[at].tag != tag(key) || ids_[slots_[at].code] != id))
            at = (at + 1) & (slots_.size() - 1);
        return at;
    }
    void grow() {
        std::vector<slot> slots(slots_.size() * 4);
        slots_.swap(slots);
        for (std::size_t i = 0; i < ids_.size(); ++i) {
            std::uint64_t const key = hash(ids_[i]);
            std::size_t at = key & (slots_.size() - 1);
            while (slots_[at].code != absent)
                at = (at + 1) & (slots_.size() - 1);
            slots_[at] = {tag(key), static_cast<std::uint32_t>(i)};
        }
    }

    text_column ids_;  // by code
    std::vector<slot> slots_ = std::vector<slot>(1024);
};

/// Looks all rows up, chunk by chunk, and enters what is new.
template <class Index, class Get>
void intern_all(Index& index, std::size_t size, std::uint8_t const* skip, Get const& get,
                std::uint32_t* codes, unsigned threads) {
    std::vector<std::vector<std::size_t>> missing;
    std::size_t chunk = 2 * block_rows;
    for (std::size_t begin = 0; begin < size; begin += chunk, chunk = std::min(chunk * 2, 64 * block_rows)) {
        std::size_t const end = std::min(size, begin + chunk);
        missing.resize(std::max(missing.size(), block_count(end - begin, block_rows)));
        Index const& known = index;
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
    intern_all(index, size, skip, get, codes, threads);
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

void directory::intern(column_view const& ids, std::uint8_t const* skip, std::uint32_t* codes,
                       unsigned threads, location const& where) {
    if (size() == 0) {
        state_->text = ids.is_text();
    } else if (state_->text != ids.is_text()) {
        throw input_error(where, state_->text ? "holds numbers, but the batches before held text"
                                              : "holds text, but the batches before held numbers");
    }
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
            return intern_all(
                state_->names, ids.size, skip, [&ids](std::size_t row) { return ids.text(row); }, codes,
                threads);
        default:
            throw input_error(where, "holds no ids: ids are integers or text");
    }
}

std::vector<std::uint32_t> directory::merge(directory const& other, location const& where) {
    std::vector<std::uint32_t> map(other.size());
    if (map.empty()) return map;
    std::vector<std::uint8_t> const skip(map.size(), 0);
    std::vector<std::int64_t> const integers =
        other.state_->text ? std::vector<std::int64_t>() : other.state_->integers.all();
    column_view const ids = other.state_->text ? other.state_->names.ids().view()
                                               : column_view(std::span<std::int64_t const>(integers));
    intern(ids, skip.data(), map.data(), 1, where);
    return map;
}

std::vector<std::uint32_t> directory::sorted() const {
    return state_->text ? state_->names.sorted() : state_->integers.sorted();
}

identifiers directory::ids(std::vector<std::uint32_t> const& codes) const {
    if (state_->text) {
        text_column text;
        for (std::uint32_t code : codes)
            text.push_back(state_->names.ids()[code]);
        return text;
    }
    std::vector<std::int64_t> integers(codes.size());
    for (std::size_t i = 0; i < codes.size(); ++i)
        integers[i] = state_->integers.id(codes[i]);
    return integers;
}

}  // namespace clavis::ledger

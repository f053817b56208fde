#pragma once

// The hash table behind a directory: 8 bytes a slot (32 bits of the hash, a code), the ids themselves beside it by code.
// It is split into 32 shards by the highest bits of the hash, so that new ids are entered in parallel, each shard by one
// thread; codes are then numbered by the rows in which ids come first, and so depend on nothing but the rows. A slot's
// place follows from the bits it holds, so a shard grows without a look at the ids, from front to back.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "clavis/core/parallel.hpp"
#include "ledger/huge_pages.hpp"

namespace clavis::ledger {

constexpr std::uint32_t no_code = std::numeric_limits<std::uint32_t>::max();

__extension__ using product128 = unsigned __int128;

/// Both halves of a product: a cheap, thorough mixer of two words.
inline std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
    product128 const product = static_cast<product128>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

/// Grows by a quarter, where a vector by itself would double.
template <class T>
void reserve_for(huge_vector<T>& items, std::size_t size) {
    if (size > items.capacity()) items.reserve(std::max(size, items.capacity() * 5 / 4));
}

/// Integer ids by code.
class integer_keys {
  public:
    static constexpr std::size_t longest = 0;

    std::size_t size() const { return ids_.size(); }
    std::int64_t operator[](std::size_t code) const { return ids_[code]; }
    std::vector<std::int64_t> all() const { return {ids_.begin(), ids_.end()}; }
    std::size_t bytes() const { return ids_.capacity() * sizeof(std::int64_t); }
    void assign(std::vector<std::int64_t> const& ids) { ids_.assign(ids.begin(), ids.end()); }
    void push_back(std::int64_t id) {
        reserve_for(ids_, ids_.size() + 1);
        ids_.push_back(id);
    }

    static std::uint64_t hash(std::int64_t id) {
        return fold(static_cast<std::uint64_t>(id) ^ 0x9e3779b97f4a7c15U, 0xd6e8feb86659fd93U);
    }
    static std::size_t weight(std::int64_t) { return 0; }  ///< bytes that put() takes beside the 8 of the id
    void prefetch(std::uint32_t code) const { __builtin_prefetch(&ids_[code]); }
    void prefetch_text(std::uint32_t) const {}

    std::size_t weight() const { return 0; }
    void grow(std::size_t more, std::size_t) {
        reserve_for(ids_, ids_.size() + more);
        ids_.resize(ids_.size() + more);
    }
    /// Sets the id of a code below size().
    void put(std::size_t code, std::size_t, std::int64_t id) { ids_[code] = id; }

  private:
    huge_vector<std::int64_t> ids_;
};

/// Text ids by code: the bytes, and 4 bytes a code to where they begin. Those are the low half of an offset; what is
/// missing follows from the whole offset of the first code of each group.
class text_keys {
  public:
    /// So that the texts of a group lie within 4 GB.
    static constexpr std::size_t longest = (std::size_t{1} << 22) - 1;

    std::size_t size() const { return size_; }
    std::string_view operator[](std::size_t code) const {
        std::size_t const begin = offset(code);
        return {bytes_.data() + begin, offset(code + 1) - begin};
    }
    std::size_t bytes() const {
        return bytes_.capacity() + begins_.capacity() * sizeof(std::uint32_t) +
               groups_.capacity() * sizeof(std::size_t);
    }

    static std::uint64_t hash(std::string_view text) {
        std::uint64_t state = 0x9e3779b97f4a7c15U;
        char const* bytes = text.data();
        std::size_t left = text.size();
        std::uint64_t words[2];
        for (; left >= 16; bytes += 16, left -= 16) {
            std::memcpy(words, bytes, 16);
            state = fold(words[0] ^ 0xd6e8feb86659fd93U, words[1] ^ state);
        }
        words[0] = words[1] = 0;
        if (left > 0) std::memcpy(words, bytes, left);
        state = fold(words[0] ^ 0xa0761d6478bd642fU, words[1] ^ state);
        return fold(state ^ text.size(), 0xe7037ed1a0b428dbU);
    }
    static std::size_t weight(std::string_view text) { return text.size(); }
    void prefetch(std::uint32_t code) const { __builtin_prefetch(&begins_[code]); }
    void prefetch_text(std::uint32_t code) const { __builtin_prefetch(bytes_.data() + offset(code)); }

    std::size_t weight() const { return bytes_.size(); }
    void grow(std::size_t more, std::size_t bytes) {
        std::size_t const ends = size_ + more + 1;
        reserve_for(bytes_, bytes_.size() + bytes);
        reserve_for(groups_, ((ends - 1) >> group_bits) + 1);
        reserve_for(begins_, ends);
        bytes_.resize(bytes_.size() + bytes);
        groups_.resize(((ends - 1) >> group_bits) + 1);
        begins_.resize(ends);
        size_ += more;
    }
    /// Sets the text of a code below size(), at an offset into the bytes; the texts before it end there.
    void put(std::size_t code, std::size_t offset, std::string_view text) {
        if (!text.empty()) std::memcpy(bytes_.data() + offset, text.data(), text.size());
        set(code + 1, offset + text.size());
    }

  private:
    static constexpr unsigned group_bits = 9;

    std::size_t offset(std::size_t code) const {
        std::size_t const group = groups_[code >> group_bits];
        return group + static_cast<std::uint32_t>(begins_[code] - static_cast<std::uint32_t>(group));
    }
    void set(std::size_t code, std::size_t offset) {
        begins_[code] = static_cast<std::uint32_t>(offset);
        if ((code & ((std::size_t{1} << group_bits) - 1)) == 0) groups_[code >> group_bits] = offset;
    }

    std::size_t size_ = 0;
    huge_vector<char> bytes_;
    huge_vector<std::uint32_t> begins_ = huge_vector<std::uint32_t>(1);
    huge_vector<std::size_t> groups_ = huge_vector<std::size_t>(1);
};

/// From hashes to codes.
class hash_shards {
  public:
    static constexpr unsigned shard_bits = 5;
    static constexpr std::size_t count = std::size_t{1} << shard_bits;
    static constexpr std::size_t block_rows = std::size_t{1} << 15;
    static constexpr std::size_t most_blocks = 64;

    std::size_t bytes() const {
        std::size_t sum = shards_.capacity() * sizeof(shard);
        for (shard const& one : shards_)
            sum += one.slots.capacity() * sizeof(slot);
        return sum;
    }

    /// Enters ids known to be distinct, which have the codes 0, 1, 2 ...
    template <class Keys>
    void assign(Keys const& keys) {
        shards_.assign(count, shard());
        for (std::size_t code = 0; code < keys.size(); ++code) {
            std::uint32_t const tag = tag_of(Keys::hash(keys[code]));
            shard& own = shards_[tag >> (32 - shard_bits)];
            own.make_room();
            own.put({tag, static_cast<std::uint32_t>(code)});
        }
    }

    /// Writes the code of every row that is not skipped, and enters what is new: into the keys as well.
    template <class Keys, class Get>
    void intern(Keys& keys, std::size_t size, std::uint8_t const* skip, Get const& get, std::uint32_t* codes,
                unsigned threads) {
        shards_.resize(count);
        std::vector<newcomers> blocks;
        std::size_t chunk = 2 * block_rows;
        for (std::size_t begin = 0; begin < size;
             begin += chunk, chunk = std::min(2 * chunk, most_blocks * block_rows)) {
            std::size_t const rows = std::min(size - begin, chunk);
            blocks.resize(std::max(blocks.size(), block_count(rows, block_rows)));
            parallel_blocks(rows, block_rows, threads,
                            [&](std::size_t block, std::size_t from, std::size_t to) {
                                blocks[block].clear();
                                find(keys, begin, begin + from, begin + to, skip, get, codes, blocks[block]);
                            });
            enter(keys, std::span(blocks.data(), block_count(rows, block_rows)), begin, get, codes, threads);
        }
    }

  private:
    struct slot {
        std::uint32_t tag = 0;
        std::uint32_t code = no_code;
    };
    struct shard {
        huge_vector<slot> slots;
        std::size_t used = 0;

        std::size_t place(std::uint32_t tag) const {
            return static_cast<std::size_t>(static_cast<std::uint64_t>(tag << shard_bits) * slots.size() >>
                                            32);
        }
        std::size_t after(std::size_t at) const { return at + 1 == slots.size() ? 0 : at + 1; }
        /// The first slot from `at` on with this tag, or an empty one.
        std::size_t next(std::uint32_t tag, std::size_t at) const {
            while (slots[at].code != no_code && slots[at].tag != tag)
                at = after(at);
            return at;
        }
        void make_room() {
            if ((used + 1) * 6 <= slots.size() * 5) return;
            huge_vector<slot> old(std::max<std::size_t>(16, slots.size() * 3 / 2));
            old.swap(slots);
            used = 0;
            for (slot const& one : old)
                if (one.code != no_code) put(one);
        }
        void put(slot one) {
            std::size_t at = place(one.tag);
            while (slots[at].code != no_code)
                at = after(at);
            slots[at] = one;
            ++used;
        }
    };
    /// A row whose id was not known before this chunk.
    struct newcomer {
        std::uint32_t tag;
        std::uint32_t row;    ///< within the chunk
        std::uint32_t place;  ///< among the new ids of the shard
    };
    struct newcomers {
        std::vector<newcomer> rows;
        std::vector<std::uint32_t> by_shard;  ///< their indices, by shard, else in the order of rows
        std::array<std::uint32_t, count + 1> begins;
        std::size_t ids = 0;  ///< that come first in this block
        std::size_t weight = 0;

        void clear() {
            rows.clear();
            ids = weight = 0;
        }
        void deal() {
            begins.fill(0);
            by_shard.resize(rows.size());
            for (newcomer const& one : rows)
                ++begins[shard_of(one.tag) + 1];
            for (std::size_t i = 0; i < count; ++i)
                begins[i + 1] += begins[i];
            std::array<std::uint32_t, count + 1> to = begins;
            for (std::size_t i = 0; i < rows.size(); ++i)
                by_shard[to[shard_of(rows[i].tag)]++] = static_cast<std::uint32_t>(i);
        }
    };
    /// The new ids of a shard: the row in which each comes first, then its code.
    struct entered {
        std::vector<std::uint32_t> rows;
        std::vector<std::uint32_t> tags;
    };

    static std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }
    static std::size_t shard_of(std::uint32_t tag) { return tag >> (32 - shard_bits); }

    template <class Keys, class Get>
    void find(Keys const& keys, std::size_t chunk, std::size_t begin, std::size_t end,
              std::uint8_t const* skip, Get const& get, std::uint32_t* codes, newcomers& missing) const {
        constexpr std::size_t group = 32;
        std::uint32_t tags[group] = {};
        std::size_t places[group] = {};
        bool const empty = keys.size() == 0;
        for (std::size_t start = begin; start < end; start += group) {
            // Slot, offset and bytes lie far apart: each is asked for while other rows are being worked on.
            std::size_t const stop = std::min(end, start + group);
            for (std::size_t row = start; row < stop; ++row) {
                if (skip[row] != 0) continue;
                std::uint32_t const tag = tags[row - start] = tag_of(Keys::hash(get(row)));
                shard const& own = shards_[shard_of(tag)];
                places[row - start] = own.place(tag);
                __builtin_prefetch(own.slots.data() + places[row - start]);
            }
            std::uint32_t likely[group];
            for (std::size_t row = start; row < stop; ++row) {
                likely[row - start] = no_code;
                if (skip[row] != 0) continue;
                shard const& own = shards_[shard_of(tags[row - start])];
                if (own.slots.empty()) continue;
                places[row - start] = own.next(tags[row - start], places[row - start]);
                likely[row - start] = own.slots[places[row - start]].code;
                if (likely[row - start] != no_code) keys.prefetch(likely[row - start]);
            }
            for (std::size_t row = start; row < stop && !empty; ++row)
                if (likely[row - start] != no_code) keys.prefetch_text(likely[row - start]);
            for (std::size_t row = start; row < stop; ++row) {
                if (skip[row] != 0) continue;
                std::uint32_t code = likely[row - start];
                auto const id = get(row);
                if (code != no_code && keys[code] != id) {
                    shard const& own = shards_[shard_of(tags[row - start])];
                    std::size_t at = places[row - start];
                    do {
                        at = own.next(tags[row - start], own.after(at));
                        code = own.slots[at].code;
                    } while (code != no_code && keys[code] != id);
                }
                codes[row] = code;
                if (code == no_code && Keys::weight(id) > Keys::longest)
                    throw std::length_error("an id is too long");
                if (code == no_code)
                    missing.rows.push_back({tags[row - start], static_cast<std::uint32_t>(row - chunk), 0});
            }
        }
    }

    template <class Keys, class Get>
    void enter(Keys& keys, std::span<newcomers> blocks, std::size_t chunk, Get const& get,
               std::uint32_t* codes, unsigned threads) {
        std::size_t rows = 0;
        for (newcomers const& block : blocks)
            rows += block.rows.size();
        if (rows == 0) return;
        if (rows < 2048) threads = 1;
        auto for_each_block = [&](auto const& body) {
            parallel_blocks(blocks.size(), 1, threads,
                            [&](std::size_t block, std::size_t, std::size_t) { body(blocks[block]); });
        };
        for_each_block([](newcomers& block) { block.deal(); });

        // Every shard finds which of its rows hold the same id; until codes are known a slot holds `known` and the
        // place of the id among the new ones.
        constexpr std::uint32_t first_bit = std::uint32_t{1} << 31;
        auto const known = static_cast<std::uint32_t>(keys.size());
        std::vector<entered> made(count);
        parallel_blocks(count, 1, threads, [&](std::size_t index, std::size_t, std::size_t) {
            shard& own = shards_[index];
            entered& fresh = made[index];
            for (newcomers& block : blocks) {
                for (std::size_t i = block.begins[index]; i < block.begins[index + 1]; ++i) {
                    newcomer& one = block.rows[block.by_shard[i]];
                    auto const id = get(chunk + one.row);
                    own.make_room();
                    std::size_t at = own.next(one.tag, own.place(one.tag));
                    while (own.slots[at].code != no_code &&
                           (own.slots[at].code < known ||
                            get(chunk + fresh.rows[own.slots[at].code - known]) != id))
                        at = own.next(one.tag, own.after(at));
                    if (own.slots[at].code != no_code) {
                        one.place = own.slots[at].code - known;
                        continue;
                    }
                    one.place = static_cast<std::uint32_t>(fresh.rows.size());
                    own.slots[at] = {one.tag, known + one.place};
                    ++own.used;
                    one.place |= first_bit;
                    fresh.rows.push_back(one.row);
                    fresh.tags.push_back(one.tag);
                }
            }
        });

        for_each_block([&](newcomers& block) {
            for (newcomer const& one : block.rows) {
                if ((one.place & first_bit) == 0) continue;
                ++block.ids;
                block.weight += Keys::weight(get(chunk + one.row));
            }
        });
        std::size_t ids = 0;
        std::size_t weight = 0;
        std::size_t const weight_before = keys.weight();
        for (newcomers& block : blocks) {
            ids += std::exchange(block.ids, known + ids);
            weight += std::exchange(block.weight, weight_before + weight);
        }
        keys.grow(ids, weight);
        for_each_block([&](newcomers& block) {
            for (newcomer const& one : block.rows) {
                if ((one.place & first_bit) == 0) continue;
                auto const id = get(chunk + one.row);
                keys.put(block.ids, block.weight, id);
                made[shard_of(one.tag)].rows[one.place & ~first_bit] = static_cast<std::uint32_t>(block.ids);
                ++block.ids;
                block.weight += Keys::weight(id);
            }
        });
        for_each_block([&](newcomers& block) {
            for (newcomer const& one : block.rows)
                codes[chunk + one.row] = made[shard_of(one.tag)].rows[one.place & ~first_bit];
        });
        parallel_blocks(count, 1, threads, [&](std::size_t index, std::size_t, std::size_t) {
            shard& own = shards_[index];
            entered const& fresh = made[index];
            for (std::size_t i = 0; i < fresh.rows.size(); ++i) {
                // Final codes are numbered from `known` as well, but those of a shard ascend with their places, none
                // is below its place, and the places yet to come are larger than those done: going backwards, no
                // final code can be mistaken for one of them.
                std::size_t const place = fresh.rows.size() - 1 - i;
                std::size_t at = own.place(fresh.tags[place]);
                while (own.slots[at].code != known + place)
                    at = own.after(at);
                own.slots[at].code = fresh.rows[place];
            }
        });
    }

    std::vector<shard> shards_;
};

}  // namespace clavis::ledger

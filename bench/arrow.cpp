// Arrow columns on their way in, one thread: bytes per second of the producer's buffers, for every type that is
// validated or converted, and the rows of a batch behind them. Zero copy types are there for comparison. The last
// group reads transactions from Arrow to checked rows, where timestamps, decimals and ids become what is counted.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "clavis/ledger/arrow.hpp"
#include "clavis/ledger/intake.hpp"

namespace {

using namespace clavis;
using namespace clavis::ledger;

constexpr std::size_t rows = 1U << 18;

/// A column that can be handed out any number of times; releasing it costs nothing.
class source {
  public:
    explicit source(std::string format, std::size_t length = rows)
        : format_(std::move(format)), length_(length) {
        blocks_.emplace_back();
    }
    template <class T>
    source& buffer(std::vector<T> const& values) {
        auto& block = blocks_.emplace_back(values.size() * sizeof(T));
        if (!values.empty()) std::memcpy(block.data(), values.data(), block.size());
        return *this;
    }
    /// One row in ten is missing.
    source& nulls() {
        blocks_[0].resize(length_ / 8 + 1);
        for (std::size_t i = 0; i < length_; ++i)
            if (i % 10 != 3) blocks_[0][i / 8] |= std::byte{1} << (i % 8);
        return *this;
    }
    source& dictionary(source values) {
        dictionary_.push_back(std::move(values));
        return *this;
    }
    source& child(source column) {
        children_.push_back(std::move(column));
        return *this;
    }
    source& plain_buffers(std::size_t count) {  // a struct has one, run ends none
        blocks_.resize(count);
        return *this;
    }
    std::int64_t bytes() const {
        std::int64_t sum = 0;
        for (auto const& block : blocks_)
            sum += static_cast<std::int64_t>(block.size());
        for (auto const* others : {&dictionary_, &children_})
            for (auto const& other : *others)
                sum += other.bytes();
        return sum;
    }
    void fill(ArrowSchema& out, char const* name) {
        schemas_.resize(children_.size() + dictionary_.size());
        schema_pointers_.clear();
        for (std::size_t i = 0; i < children_.size(); ++i) {
            children_[i].fill(schemas_[i], children_[i].label.c_str());
            schema_pointers_.push_back(&schemas_[i]);
        }
        if (!dictionary_.empty()) dictionary_[0].fill(schemas_.back(), "");
        out = {};
        out.format = format_.c_str();
        out.name = name;
        out.n_children = static_cast<std::int64_t>(children_.size());
        out.children = schema_pointers_.data();
        out.dictionary = dictionary_.empty() ? nullptr : &schemas_.back();
        out.release = [](ArrowSchema* self) { self->release = nullptr; };
    }
    void fill(ArrowArray& out) {
        arrays_.resize(children_.size() + dictionary_.size());
        array_pointers_.clear();
        buffers_.clear();
        for (std::size_t i = 0; i < children_.size(); ++i) {
            children_[i].fill(arrays_[i]);
            array_pointers_.push_back(&arrays_[i]);
        }
        if (!dictionary_.empty()) dictionary_[0].fill(arrays_.back());
        for (auto const& block : blocks_)
            buffers_.push_back(block.empty() && buffers_.empty() ? nullptr : block.data());
        out = {};
        out.length = static_cast<std::int64_t>(length_);
        out.null_count = blocks_.empty() || blocks_[0].empty() ? 0 : -1;
        out.n_buffers = static_cast<std::int64_t>(buffers_.size());
        out.buffers = buffers_.data();
        out.n_children = static_cast<std::int64_t>(children_.size());
        out.children = array_pointers_.data();
        out.dictionary = dictionary_.empty() ? nullptr : &arrays_.back();
        out.release = [](ArrowArray* self) { self->release = nullptr; };
    }
    std::string label = "x";

  private:
    std::string format_;
    std::size_t length_;
    std::vector<std::vector<std::byte>> blocks_;
    std::vector<source> children_, dictionary_;
    std::vector<ArrowSchema> schemas_;
    std::vector<ArrowArray> arrays_;
    std::vector<ArrowSchema*> schema_pointers_;
    std::vector<ArrowArray*> array_pointers_;
    std::vector<void const*> buffers_;
};

source table_of(source column) {
    source table("+s");
    table.child(std::move(column));
    return table;
}

struct one_batch {
    source& table;
    bool done = false;
};

ArrowArrayStream stream_of(one_batch& batch) {
    ArrowArrayStream stream{};
    stream.private_data = &batch;
    stream.get_schema = [](ArrowArrayStream* self, ArrowSchema* out) {
        static_cast<one_batch*>(self->private_data)->table.fill(*out, "");
        return 0;
    };
    stream.get_next = [](ArrowArrayStream* self, ArrowArray* out) {
        auto& own = *static_cast<one_batch*>(self->private_data);
        *out = {};
        if (!own.done) own.table.fill(*out);
        own.done = true;
        return 0;
    };
    stream.get_last_error = [](ArrowArrayStream*) -> char const* { return nullptr; };
    stream.release = [](ArrowArrayStream* self) { self->release = nullptr; };
    return stream;
}

std::mt19937_64& dice() {
    static std::mt19937_64 random(20261121);
    return random;
}

template <class T>
std::vector<T> numbers(std::uint64_t below, std::size_t count = rows) {
    std::vector<T> values(count);
    for (auto& value : values)
        value = static_cast<T>(dice()() % below);
    return values;
}

/// Little-endian numbers of several 64-bit words.
std::vector<std::int64_t> wide(std::size_t words) {
    std::vector<std::int64_t> values(rows * words);
    for (std::size_t i = 0; i < rows; ++i) {
        std::int64_t const value = static_cast<std::int64_t>(dice()() % 2'000'000) - 100'000;
        for (std::size_t word = 0; word < words; ++word)
            values[i * words + word] = word == 0 ? value : value >> 63;
    }
    return values;
}

std::vector<std::string> words(std::size_t count, std::string_view before, std::uint64_t below) {
    std::vector<std::string> values(count);
    for (auto& value : values)
        value = std::string(before) + std::to_string(dice()() % below);
    return values;
}

template <class Offset>
source text(char const* format, std::vector<std::string> const& values) {
    std::vector<Offset> offsets{0};
    std::vector<char> bytes;
    for (auto const& value : values) {
        bytes.insert(bytes.end(), value.begin(), value.end());
        offsets.push_back(static_cast<Offset>(bytes.size()));
    }
    source column(format, values.size());
    column.buffer(offsets).buffer(bytes);
    return column;
}

source views(std::vector<std::string> const& values) {
    std::vector<char> heads(values.size() * 16), shared;
    for (std::size_t i = 0; i < values.size(); ++i) {
        auto const& value = values[i];
        auto const size = static_cast<std::int32_t>(value.size());
        std::memcpy(&heads[16 * i], &size, 4);
        std::memcpy(&heads[16 * i + 4], value.data(), value.size() > 12 ? 4 : value.size());
        if (value.size() <= 12) continue;
        auto const offset = static_cast<std::int32_t>(shared.size());
        std::memcpy(&heads[16 * i + 12], &offset, 4);
        shared.insert(shared.end(), value.begin(), value.end());
    }
    source column("vu", values.size());
    std::vector<std::int64_t> const sizes{static_cast<std::int64_t>(shared.size())};
    column.buffer(heads).buffer(shared).buffer(sizes);
    return column;
}

template <class Index>
source coded(char const* format, source values, std::uint64_t size) {
    source column(format);
    column.buffer(numbers<Index>(size)).dictionary(std::move(values));
    return column;
}

void read(benchmark::State& state, source column) {
    source table = table_of(std::move(column));
    for (auto _ : state) {
        one_batch batch{table};
        ArrowArrayStream stream = stream_of(batch);
        arrow_reader reader(&stream);
        auto const read = reader.next();
        benchmark::DoNotOptimize(read->columns[0].values);
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(state.iterations() * table.bytes());
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows));
}

template <class T>
source fixed(char const* format, std::uint64_t below) {
    source column(format);
    column.buffer(numbers<T>(below));
    return column;
}

/// Transactions: ids, times, amounts.
void take_in(benchmark::State& state, source ids, source times, source amounts) {
    source table("+s");
    ids.label = "customer_id", times.label = "time", amounts.label = "amount";
    table.child(std::move(ids)).child(std::move(times)).child(std::move(amounts));
    intake in({.threads = 1});
    canonical_rows out;
    for (auto _ : state) {
        one_batch batch{table};
        ArrowArrayStream stream = stream_of(batch);
        arrow_reader reader(&stream);
        auto const read = reader.next();
        out.clear();
        transactions_view view;
        view.customer_id = read->columns[0];
        view.time = read->columns[1];
        view.amount = read->columns[2];
        in.read(view, out);
        benchmark::DoNotOptimize(out.amount.data());
    }
    state.SetBytesProcessed(state.iterations() * table.bytes());
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows));
}

source half() {
    return fixed<std::uint16_t>("e", 0x7c00);
}
source decimals(char const* format, std::size_t words) {
    source column(format);
    column.buffer(wide(words));
    return column;
}
source runs() {
    std::vector<std::int32_t> ends;
    for (std::size_t i = 4; i <= rows; i += 4)
        ends.push_back(static_cast<std::int32_t>(i));
    source column("+r");
    source run_ends("i", ends.size()), values("l", ends.size());
    run_ends.buffer(ends).label = "run_ends";
    values.buffer(numbers<std::int64_t>(1000, ends.size())).label = "values";
    column.plain_buffers(0).child(std::move(run_ends)).child(std::move(values));
    return column;
}
source instants(char const* format, std::int64_t a_second) {
    source column(format);
    std::vector<std::int64_t> ticks(rows);
    for (auto& tick : ticks)
        tick = (1'600'000'000 + static_cast<std::int64_t>(dice()() % 60'000'000)) * a_second;
    column.buffer(ticks);
    return column;
}
source days() {
    std::vector<std::int32_t> values = numbers<std::int32_t>(700);
    for (auto& day : values)
        day += 18'500;
    source column("tdD");
    column.buffer(values);
    return column;
}
source milliseconds() {
    std::vector<std::int64_t> values = numbers<std::int64_t>(700);
    for (auto& day : values)
        day = (18'500 + day) * 86'400'000;
    source column("tdm");
    column.buffer(values);
    return column;
}

}  // namespace

BENCHMARK_CAPTURE(read, zero_copy_int64, fixed<std::int64_t>("l", 1'000'000));
BENCHMARK_CAPTURE(read, zero_copy_timestamp, instants("tsu:UTC", 1'000'000));
BENCHMARK_CAPTURE(read, int8, fixed<std::int8_t>("c", 100));
BENCHMARK_CAPTURE(read, int16, fixed<std::int16_t>("s", 30'000));
BENCHMARK_CAPTURE(read, int16_with_nulls, fixed<std::int16_t>("s", 30'000).nulls());
BENCHMARK_CAPTURE(read, uint16, fixed<std::uint16_t>("S", 60'000));
BENCHMARK_CAPTURE(read, uint32, fixed<std::uint32_t>("I", 4'000'000'000));
BENCHMARK_CAPTURE(read, uint64, fixed<std::uint64_t>("L", 4'000'000'000));
BENCHMARK_CAPTURE(read, uint64_with_nulls, fixed<std::uint64_t>("L", 4'000'000'000).nulls());
BENCHMARK_CAPTURE(read, float32, fixed<float>("f", 1'000'000));
BENCHMARK_CAPTURE(read, float16, half());
BENCHMARK_CAPTURE(read, date64, milliseconds());
BENCHMARK_CAPTURE(read, date64_with_nulls, milliseconds().nulls());
BENCHMARK_CAPTURE(read, decimal32, fixed<std::int32_t>("d:9,2,32", 1'000'000));
BENCHMARK_CAPTURE(read, decimal64, fixed<std::int64_t>("d:18,2,64", 1'000'000));
BENCHMARK_CAPTURE(read, decimal128, decimals("d:38,2", 2));
BENCHMARK_CAPTURE(read, decimal128_with_nulls, decimals("d:38,2", 2).nulls());
BENCHMARK_CAPTURE(read, decimal256, decimals("d:76,2,256", 4));
BENCHMARK_CAPTURE(read, utf8_ids, text<std::int32_t>("u", words(rows, "C", 10'000'000)));
BENCHMARK_CAPTURE(read, utf8_long,
                  text<std::int32_t>("u", words(rows, "the customer of the number ", 10'000'000)));
BENCHMARK_CAPTURE(read, utf8_accents, text<std::int32_t>("u", words(rows, "Zoë Ångström ", 100'000)));
BENCHMARK_CAPTURE(read, utf8_cyrillic, text<std::int32_t>("u", words(rows, "Наталья ", 100'000)));
BENCHMARK_CAPTURE(read, utf8_chinese, text<std::int32_t>("u", words(rows, "顾客编号", 100'000)));
BENCHMARK_CAPTURE(read, large_utf8_ids, text<std::int64_t>("U", words(rows, "C", 10'000'000)));
BENCHMARK_CAPTURE(read, views_short, views(words(rows, "C", 10'000'000)));
BENCHMARK_CAPTURE(read, views_long, views(words(rows, "customer number ", 10'000'000)));
BENCHMARK_CAPTURE(read, dictionary_int8_of_utf8,
                  coded<std::int8_t>("c", text<std::int32_t>("u", words(50, "segment ", 1000)), 50));
BENCHMARK_CAPTURE(read, dictionary_int32_of_utf8,
                  coded<std::int32_t>("i", text<std::int32_t>("u", words(50'000, "C", 10'000'000)), 50'000));
BENCHMARK_CAPTURE(read, dictionary_uint32_of_views,
                  coded<std::uint32_t>("I", views(words(50'000, "C", 10'000'000)), 50'000));
BENCHMARK_CAPTURE(read, dictionary_int32_of_int64,
                  coded<std::int32_t>("i",
                                      source("l", 50'000).buffer(numbers<std::int64_t>(1'000'000, 50'000)),
                                      50'000));
BENCHMARK_CAPTURE(read, run_ends_of_int64, runs());

BENCHMARK_CAPTURE(take_in, int32_date32_int64, fixed<std::int32_t>("i", 50'000), days(),
                  fixed<std::int64_t>("l", 100));
BENCHMARK_CAPTURE(take_in, int32_date32_decimal128, fixed<std::int32_t>("i", 50'000), days(),
                  decimals("d:15,2", 2));
BENCHMARK_CAPTURE(take_in, int32_timestamp_us_decimal64, fixed<std::int32_t>("i", 50'000),
                  instants("tsu:UTC", 1'000'000), fixed<std::int64_t>("d:15,2,64", 100));
BENCHMARK_CAPTURE(take_in, int32_timestamp_ns_zone_float64, fixed<std::int32_t>("i", 50'000),
                  instants("tsn:Europe/Berlin", 1'000'000'000), fixed<double>("g", 100));
BENCHMARK_CAPTURE(take_in, utf8_date32_float64, text<std::int32_t>("u", words(rows, "C", 50'000)), days(),
                  fixed<double>("g", 100));
BENCHMARK_CAPTURE(take_in, dictionary_date32_float64,
                  coded<std::int32_t>("i", text<std::int32_t>("u", words(50'000, "C", 10'000'000)), 50'000),
                  days(), fixed<double>("g", 100));

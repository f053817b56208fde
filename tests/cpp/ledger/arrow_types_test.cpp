// What every Arrow type becomes.

#include <gtest/gtest.h>

#include <cerrno>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "ledger/arrow_fixture.hpp"

namespace {

using namespace clavis;
using namespace clavis::test;

TEST_F(ArrowReader, ReadsEveryType) {
    struct type_case {
        std::string format;
        foreign_array array;
        column_type type;
        texts rows;
    };
    auto constexpr i64 = std::numeric_limits<std::int64_t>::max();
    std::vector<type_case> const cases{
        {"n", {.length = 2, .buffers = {}, .null_count = 2}, column_type::utf8, {"-", "-"}},
        {"b",
         {.length = 3, .buffers = {std::nullopt, bits_of({true, false, true})}},
         column_type::int32,
         {"1", "0", "1"}},
        {"c", fixed<std::int8_t>({-128, 127}), column_type::int32, {"-128", "127"}},
        {"C", fixed<std::uint8_t>({0, 255}), column_type::int32, {"0", "255"}},
        {"s", fixed<std::int16_t>({-32768, 7}), column_type::int32, {"-32768", "7"}},
        {"S", fixed<std::uint16_t>({65535, 7}), column_type::int32, {"65535", "7"}},
        {"i", fixed<std::int32_t>({-5, 7}), column_type::int32, {"-5", "7"}},
        {"I", fixed<std::uint32_t>({4294967295U, 7}), column_type::int64, {"4294967295", "7"}},
        {"l",
         fixed<std::int64_t>({-i64 - 1, i64}),
         column_type::int64,
         {"-9223372036854775808", "9223372036854775807"}},
        {"L",
         fixed<std::uint64_t>({0, static_cast<std::uint64_t>(i64)}),
         column_type::int64,
         {"0", "9223372036854775807"}},
        {"f", fixed<float>({.5F, -2}), column_type::float64, {"0.500000", "-2.000000"}},
        {"g", fixed<double>({.1, -2}), column_type::float64, {"0.100000", "-2.000000"}},
        {"e",
         fixed<std::uint16_t>({0x3c00, 0xc000, 0x0001, 0x03ff, 0x7bff, 0x8000, 0x3555}),
         column_type::float64,
         {"1.000000", "-2.000000", "0.000000", "0.000061", "65504.000000", "-0.000000", "0.333252"}},
        {"u", text<std::int32_t>({"a", "", "Zoë", "𝄞"}), column_type::utf8, {"a", "", "Zoë", "𝄞"}},
        {"U", text<std::int64_t>({"a", "", "Zoë", "𝄞"}), column_type::large_utf8, {"a", "", "Zoë", "𝄞"}},
        {"vu",
         text_views({"short", "", "exactly 12 b", "rather longer than that", "Zoë and another long one",
                     "the last long text"}),
         column_type::large_utf8,
         {"short", "", "exactly 12 b", "rather longer than that", "Zoë and another long one",
          "the last long text"}},
        {"tdD", fixed<std::int32_t>({-1, 18'000}), column_type::date32, {"-1", "18000"}},
        {"tdm", fixed<std::int64_t>({-1, 86'400'000, 86'399'999}), column_type::date32, {"-1", "1", "0"}},
        {"tsu:Europe/London", fixed<std::int64_t>({1, -1}), column_type::timestamp, {"1", "-1"}},
        {"d:19,2", fixed<std::int64_t>({150, 0, -150, -1}), column_type::decimal64, {"150", "-150"}},
        {"d:9,2,32", fixed<std::int32_t>({150, -150}), column_type::decimal64, {"150", "-150"}},
        {"d:18,2,64", fixed<std::int64_t>({150, -150}), column_type::decimal64, {"150", "-150"}},
        {"d:19,-2", fixed<std::int64_t>({150, 0, -150, -1}), column_type::int64, {"15000", "-15000"}},
    };
    for (auto item : cases) {
        if (item.format.rfind("d:19", 0) == 0) item.array.length = 2;
        foreign_stream one;
        one.type = table_type({{.format = item.format, .name = "x"}});
        one.batches = {table({item.array})};
        ArrowArrayStream stream = one.stream();
        arrow_reader reader(&stream);
        auto batch = reader.next();
        ASSERT_TRUE(batch) << item.format;
        EXPECT_EQ(batch->columns[0].type, item.type) << item.format;
        EXPECT_EQ(rows_of(batch->columns[0]), item.rows) << item.format;
        batch.reset();

        // The same behind an offset of its own, a slice of the table, nulls of its own and nulls of the table, with
        // memory that is not aligned, and in two batches that become one.
        if (item.format == "n") continue;
        std::size_t const size = item.rows.size();
        for (std::int64_t own = 0; own <= 1; ++own) {
            for (std::int64_t outer = 0; outer + own < static_cast<std::int64_t>(size); ++outer) {
                foreign_array column = item.array;
                column.offset = own;
                column.length -= own;
                std::vector<bool> present(size), rows_present(size);
                for (std::size_t i = 0; i < size; ++i) {
                    present[i] = i % 3 != 1;
                    rows_present[i] = i % 4 != 2;
                }
                column = with_nulls(column, present);
                foreign_array rows = with_nulls(table({column}), rows_present);
                rows.offset = outer;
                rows.length = column.length - outer;
                foreign_stream sliced;
                sliced.type = one.type;
                sliced.batches = {rows, rows};
                ArrowArrayStream slices = sliced.stream();
                auto const whole = arrow_reader(&slices).read_all();
                texts want;
                for (int twice = 0; twice < 2; ++twice) {
                    for (std::size_t i = static_cast<std::size_t>(outer);
                         i + static_cast<std::size_t>(own) < size; ++i) {
                        std::size_t const at = i + static_cast<std::size_t>(own);
                        want.push_back(present[at] && rows_present[i] ? item.rows[at] : "-");
                    }
                }
                EXPECT_EQ(rows_of(whole.columns[0]), want) << item.format << ' ' << own << ' ' << outer;
            }
        }
    }
}

TEST_F(ArrowReader, KeepsUnitsZonesAndScales) {
    producer.type = table_type({{.format = "tss:", .name = "s"},
                                {.format = "tsm:UTC", .name = "m"},
                                {.format = "tsu:+05:30", .name = "u"},
                                {.format = "tsn:Europe/London", .name = "n"},
                                {.format = "d:10,4,64", .name = "d"},
                                {.format = "d:10,-4,64", .name = "e"}});
    auto const column = fixed<std::int64_t>({1});
    producer.batches.assign(1, table(std::vector<foreign_array>(6, column)));
    for (int batches = 1; batches <= 2; ++batches) {
        foreign_stream copy;
        copy.type = producer.type;
        copy.batches.assign(static_cast<std::size_t>(batches), producer.batches[0]);
        ArrowArrayStream stream = copy.stream();
        auto const batch = arrow_reader(&stream).read_all();
        EXPECT_EQ(batch.columns[0].resolution, time_resolution::seconds);
        EXPECT_EQ(batch.columns[0].zone, "");
        EXPECT_EQ(batch.columns[1].resolution, time_resolution::milliseconds);
        EXPECT_EQ(batch.columns[1].zone, "UTC");
        EXPECT_EQ(batch.columns[2].resolution, time_resolution::microseconds);
        EXPECT_EQ(batch.columns[2].zone, "+05:30");
        EXPECT_EQ(batch.columns[3].resolution, time_resolution::nanoseconds);
        EXPECT_EQ(batch.columns[3].zone, "Europe/London");
        EXPECT_EQ(batch.columns[4].scale, 4);
        EXPECT_EQ(batch.columns[5].type, column_type::int64);
        EXPECT_EQ(batch.columns[5].at<std::int64_t>(0), 10'000);
    }
    producer.batches.clear();
}

TEST_F(ArrowReader, HalfPrecisionHasInfinitiesAndNaN) {
    one_column({.format = "e"}, {fixed<std::uint16_t>({0x7c00, 0xfc00, 0x7e00})});
    auto const batch = read();
    EXPECT_EQ(batch.columns[0].at<double>(0), HUGE_VAL);
    EXPECT_EQ(batch.columns[0].at<double>(1), -HUGE_VAL);
    EXPECT_TRUE(std::isnan(batch.columns[0].at<double>(2)));
}

TEST_F(ArrowReader, LooksUpDictionaries) {
    foreign_array codes = with_nulls(fixed<std::int8_t>({2, 0, 99, 1, 0}), {true, true, false, true, true});
    codes.dictionary = {with_nulls(text<std::int32_t>({"red", "?", "Zoë"}), {true, false, true})};
    one_column({.format = "c", .dictionary = {{.format = "u"}}}, {codes, codes});
    auto reader = open();
    EXPECT_TRUE(reader.fields()[0].dictionary);
    EXPECT_EQ(reader.fields()[0].format, "u");
    auto const batch = reader.read_all();
    EXPECT_EQ(batch.columns[0].type, column_type::large_utf8);
    EXPECT_EQ(rows_of(batch.columns[0]),
              (texts{"Zoë", "red", "-", "-", "red", "Zoë", "red", "-", "-", "red"}));
}

TEST_F(ArrowReader, LooksUpDictionariesOfNumbers) {
    foreign_array codes = fixed<std::uint64_t>({1, 0, 1});
    codes.dictionary = {fixed<std::int32_t>({40, 50})};
    one_column({.format = "L", .dictionary = {{.format = "tdD"}}}, {codes});
    auto const batch = read();
    EXPECT_EQ(batch.columns[0].type, column_type::date32);
    EXPECT_EQ(rows_of(batch.columns[0]), (texts{"50", "40", "50"}));
}

TEST_F(ArrowReader, AnEmptyDictionaryServesMissingRows) {
    foreign_array codes = with_nulls(fixed<std::int32_t>({0, 0}), {false, false});
    codes.dictionary = {text<std::int32_t>({})};
    one_column({.format = "i", .dictionary = {{.format = "u"}}}, {codes});
    EXPECT_EQ(rows_of(read().columns[0]), (texts{"-", "-"}));
}

TEST_F(ArrowReader, TextsThatAreAllEmptyNeedNoBytes) {
    foreign_array empty{
        .length = 2, .buffers = {std::nullopt, bytes_of(std::vector<std::int32_t>{7, 7, 7}), std::nullopt}};
    foreign_array large{
        .length = 2, .buffers = {std::nullopt, bytes_of(std::vector<std::int64_t>{0, 0, 0}), std::nullopt}};
    producer.type = table_type({{.format = "u", .name = "a"}, {.format = "U", .name = "b"}});
    producer.batches = {table({empty, large})};
    auto const batch = read();
    EXPECT_EQ(rows_of(batch.columns[0]), (texts{"", ""}));
    EXPECT_EQ(rows_of(batch.columns[1]), (texts{"", ""}));
}

TEST_F(ArrowReader, MissingRowsMayHoldAnything) {
    std::vector<bool> const only_first{true, false};
    producer.type = table_type({{.format = "L", .name = "a"},
                                {.format = "u", .name = "b"},
                                {.format = "tdm", .name = "c"},
                                {.format = "d:38,2", .name = "d"}});
    foreign_array decimals = fixed<std::int64_t>({150, 0, 0, 1});
    decimals.length = 2;
    foreign_array bad_text{.length = 2,
                           .buffers = {std::nullopt, bytes_of(std::vector<std::int32_t>{0, 1, 3}),
                                       bytes_of(std::string("a\xff\xfe"))}};
    producer.batches = {table({with_nulls(fixed<std::uint64_t>({1, std::uint64_t{1} << 63}), only_first),
                               with_nulls(bad_text, only_first),
                               with_nulls(fixed<std::int64_t>({86'400'000, INT64_MAX}), only_first),
                               with_nulls(decimals, only_first)})};
    auto const batch = read();
    EXPECT_EQ(rows_of(batch.columns[0]), (texts{"1", "-"}));
    EXPECT_EQ(rows_of(batch.columns[1]), (texts{"a", "-"}));
    EXPECT_EQ(rows_of(batch.columns[2]), (texts{"1", "-"}));
    EXPECT_EQ(rows_of(batch.columns[3]), (texts{"150", "-"}));
}

TEST_F(ArrowReader, RefusesTypesInWords) {
    for (auto const& [format, words] :
         std::vector<std::pair<std::string, std::string>>{{"z", "binary"},
                                                          {"Z", "binary"},
                                                          {"vz", "binary"},
                                                          {"w:8", "binary"},
                                                          {"ttm", "times of day"},
                                                          {"tDs", "lengths of time"},
                                                          {"tiM", "intervals"},
                                                          {"+s", "a struct"},
                                                          {"+r", "runs of another such type"},
                                                          {"+vl", "nested"},
                                                          {"d:40,2,512", "decimals"},
                                                          {"d:38,77", "decimals"},
                                                          {"d:38,-19", "decimals"},
                                                          {"d:x", "decimals"},
                                                          {"d:0,1", "decimals"},
                                                          {"d:5", "decimals"},
                                                          {"d:5,", "decimals"},
                                                          {"d:5,1,", "decimals"},
                                                          {"d:5,1,64,", "decimals"},
                                                          {"d:5,1,64x", "decimals"},
                                                          {"d:5;1", "decimals"},
                                                          {"d:99999999999,1", "decimals"},
                                                          {"tsq:", "unknown"},
                                                          {"tss", "unknown"},
                                                          {"ts", "unknown"},
                                                          {"", "unknown"},
                                                          {"ll", "unknown"}}) {
        producer.type = table_type({{.format = format, .name = "x"}});
        EXPECT_TRUE(says(refusal(), "column \"x\": has the Arrow type \"" + format + "\" (" + words))
            << format;
    }
    // Runs of what cannot be read, with ends that are no ends, of runs, without their children.
    foreign_type const integers{.format = "i"};
    for (auto const& children : std::vector<std::vector<foreign_type>>{
             {integers, {.format = "z"}},
             {{.format = "c"}, integers},
             {{.format = "i", .dictionary = {integers}}, integers},
             {integers, {.format = "+r", .children = {integers, integers}}},
             {integers}}) {
        producer.type = table_type({{.format = "+r", .name = "x", .children = children}});
        EXPECT_TRUE(says(refusal(), "which cannot be read")) << children.size();
    }
    one_column({.format = "g", .dictionary = {{.format = "u"}}}, {});
    EXPECT_TRUE(says(refusal(), "in a dictionary"));
    one_column({.format = "i", .dictionary = {{.format = "i", .dictionary = {{.format = "u"}}}}}, {});
    EXPECT_TRUE(says(refusal(), "in a dictionary"));
}

/// The producer's buffers, noted when the batch was handed out.
std::vector<void const*> handed_out;

TEST_F(ArrowReader, LooksAtWhatFitsWithoutACopy) {
    for (char const* format :
         {"i", "l", "g", "tdD", "tss:", "tsm:UTC", "tsu:Europe/Berlin", "tsn:", "u", "U"}) {
        foreign_stream one;
        one.type = table_type({{.format = format, .name = "x"}});
        bool const text_like = *format == 'u' || *format == 'U';
        foreign_array column = fixed<std::int64_t>({0, 0, 0, 0});
        column.length = 3;
        column.offset = *format == 'u' || *format == 'i' ? 2 : 1;
        if (text_like) column.buffers.emplace_back(bytes_of(std::string("text")));
        column.length -= column.offset;
        one.batches = {table({with_nulls(column, {true, false, true, true})})};
        ArrowArrayStream stream = one.stream();
        static int (*get_next)(ArrowArrayStream*, ArrowArray*);
        get_next = stream.get_next;
        stream.get_next = [](ArrowArrayStream* self, ArrowArray* array) {
            int const code = get_next(self, array);
            if (array->release == nullptr) return code;
            ArrowArray const& child = *array->children[0];
            handed_out.assign(child.buffers, child.buffers + child.n_buffers);
            return code;
        };
        arrow_reader reader(&stream);
        auto const batch = reader.next();
        column_view const& view = batch->columns[0];
        std::size_t const width = view.type == column_type::int32 || view.type == column_type::date32 ||
                                          view.type == column_type::utf8
                                      ? 4
                                      : 8;
        auto const* elements =
            static_cast<std::byte const*>(handed_out[1]) + static_cast<std::size_t>(column.offset) * width;
        EXPECT_EQ(text_like ? view.offsets : view.values, elements) << format;
        if (text_like) {
            EXPECT_EQ(view.values, handed_out[2]) << format;
        }
        EXPECT_EQ(view.validity, handed_out[0]) << format;
        EXPECT_EQ(view.validity_offset, static_cast<std::size_t>(column.offset)) << format;
    }
}

/// Values of a few types in a dictionary, and how they come out.
struct dictionary_case {
    std::string format;
    foreign_array values;  // four, of which the second is missing
    column_type type;
    texts rows;
};

std::vector<dictionary_case> dictionary_cases() {
    std::vector<bool> const present{true, false, true, true};
    std::string const long_text = "a text of more than twelve bytes, which is more than sixteen too";
    foreign_array decimals = fixed<std::int64_t>({150, 0, 0, 7, -25, -1, 7, 0});
    decimals.length = 4;
    return {
        {"u",
         with_nulls(text<std::int32_t>({"a", "?", "", long_text}), present),
         column_type::large_utf8,
         {"a", "-", "", long_text}},
        {"U",
         with_nulls(text<std::int64_t>({"Zoë", "?", "", "b"}), present),
         column_type::large_utf8,
         {"Zoë", "-", "", "b"}},
        {"vu",
         with_nulls(text_views({"a", "?", long_text, "exactly 12 b"}), present),
         column_type::large_utf8,
         {"a", "-", long_text, "exactly 12 b"}},
        {"l",
         with_nulls(fixed<std::int64_t>({1, 2, -3, 4}), present),
         column_type::int64,
         {"1", "-", "-3", "4"}},
        {"c",
         with_nulls(fixed<std::int8_t>({1, 2, -3, 4}), present),
         column_type::int32,
         {"1", "-", "-3", "4"}},
        {"f",
         with_nulls(fixed<float>({.5F, 2, -3, 4}), present),
         column_type::float64,
         {"0.500000", "-", "-3.000000", "4.000000"}},
        {"tdm",
         with_nulls(fixed<std::int64_t>({86'400'000, 0, 0, 172'800'000}), present),
         column_type::date32,
         {"1", "-", "0", "2"}},
        {"tsn:UTC",
         with_nulls(fixed<std::int64_t>({5, 6, 7, 8}), present),
         column_type::timestamp,
         {"5", "-", "7", "8"}},
        {"d:38,1", with_nulls(decimals, present), column_type::decimal64, {"150", "-", "-25", "7"}},
    };
}

TEST_F(ArrowReader, LooksUpEveryDictionaryByEveryIndex) {
    auto const check = [](std::string const& index, auto number) {
        using type = decltype(number);
        std::vector<bool> const rows_present{true, true, false, true, true, true};
        foreign_array codes = with_nulls(fixed<type>({3, 1, 99, 0, 2, 3}), rows_present);
        for (auto const& item : dictionary_cases()) {
            for (std::int64_t own = 0; own <= 2; ++own) {
                foreign_stream one;
                one.type =
                    table_type({{.format = index, .name = "x", .dictionary = {{.format = item.format}}}});
                foreign_array column = codes;
                column.offset = own;
                column.length -= own;
                column.dictionary = {item.values};
                one.batches = {table({column})};
                ArrowArrayStream stream = one.stream();
                auto const batch = arrow_reader(&stream).read_all();
                texts want{item.rows[3], item.rows[1], "-", item.rows[0], item.rows[2], item.rows[3]};
                want.erase(want.begin(), want.begin() + own);
                // Short text comes with offsets of 32 bits.
                EXPECT_TRUE(batch.columns[0].type == item.type ||
                            (item.type == column_type::large_utf8 && batch.columns[0].is_text()))
                    << index << " of " << item.format;
                EXPECT_EQ(rows_of(batch.columns[0]), want) << index << " of " << item.format;
            }
        }
    };
    check("c", std::int8_t{});
    check("C", std::uint8_t{});
    check("s", std::int16_t{});
    check("S", std::uint16_t{});
    check("i", std::int32_t{});
    check("I", std::uint32_t{});
    check("l", std::int64_t{});
    check("L", std::uint64_t{});
}

TEST_F(ArrowReader, NegativeIndicesAreNoneOfALargeDictionary) {
    foreign_array codes = fixed<std::int8_t>({-1});
    codes.dictionary = {fixed(std::vector<std::int32_t>(300, 7))};
    one_column({.format = "c", .dictionary = {{.format = "i"}}}, {codes});
    EXPECT_TRUE(says(refusal(), "row 0: the Arrow data are damaged: the index -1 points outside"));
}

TEST_F(ArrowReader, DictionariesMayChangeFromBatchToBatch) {
    foreign_array first = fixed<std::int8_t>({0, 1}), second = first, third = first;
    first.dictionary = {text<std::int32_t>({"a", "b"})};
    second.dictionary = {text<std::int32_t>({"b", "c", "unused"})};
    third.dictionary = {with_nulls(text<std::int32_t>({"d", ""}), {true, false})};
    one_column({.format = "c", .dictionary = {{.format = "u"}}}, {first, second, third});
    EXPECT_EQ(rows_of(read().columns[0]), (texts{"a", "b", "b", "c", "d", "-"}));
}

foreign_array runs(foreign_array ends, foreign_array values, std::int64_t length) {
    return {.length = length, .children = {std::move(ends), std::move(values)}};
}
foreign_type runs_type(std::string const& ends, foreign_type values) {
    return {
        .format = "+r", .name = "x", .children = {{.format = ends, .name = "run_ends"}, std::move(values)}};
}

TEST_F(ArrowReader, ExpandsRuns) {
    auto const check = [](std::string const& format, auto number) {
        using type = decltype(number);
        foreign_array const values = with_nulls(text<std::int32_t>({"a", "b", "c"}), {true, false, true});
        texts const all{"a", "a", "-", "c", "c", "c"};
        for (std::int64_t own = 0; own < 6; ++own) {
            foreign_stream one;
            one.type = table_type({runs_type(format, {.format = "u"})});
            foreign_array column = runs(fixed<type>({2, 3, 6}), values, 6 - own);
            column.offset = own;
            one.batches = {table({column})};
            ArrowArrayStream stream = one.stream();
            arrow_reader reader(&stream);
            EXPECT_TRUE(reader.fields()[0].run_end_encoded);
            EXPECT_EQ(reader.fields()[0].format, "u");
            EXPECT_EQ(rows_of(reader.read_all().columns[0]), texts(all.begin() + own, all.end())) << own;
        }
    };
    check("s", std::int16_t{});
    check("i", std::int32_t{});
    check("l", std::int64_t{});
}

TEST_F(ArrowReader, RunsMayHoldDictionariesAndLieInMissingRows) {
    foreign_array codes = fixed<std::uint8_t>({1, 0});
    codes.dictionary = {fixed<double>({.5, 1.5})};
    foreign_type coded{.format = "C", .dictionary = {{.format = "g"}}};
    producer.type = table_type({runs_type("i", coded)});
    producer.batches = {
        with_nulls(table({runs(fixed<std::int32_t>({2, 9}), codes, 4)}), {true, false, true, false})};
    auto const batch = read();
    EXPECT_EQ(batch.columns[0].type, column_type::float64);
    EXPECT_EQ(rows_of(batch.columns[0]), (texts{"1.500000", "-", "0.500000", "-"}));
}

/// Words of 256 bits, of which the lowest two are given.
foreign_array wide(std::vector<std::pair<std::int64_t, std::int64_t>> const& values) {
    std::vector<std::int64_t> words;
    for (auto const& [low, next] : values)
        words.insert(words.end(), {low, next, next < 0 ? -1 : 0, next < 0 ? -1 : 0});
    foreign_array column = fixed(words);
    column.length = static_cast<std::int64_t>(values.size());
    return column;
}

TEST_F(ArrowReader, ReadsDecimalsOf256Bits) {
    one_column({.format = "d:40,2,256"}, {wide({{150, 0}, {-150, -1}, {0, 0}})});
    auto const batch = read();
    EXPECT_EQ(batch.columns[0].type, column_type::decimal64);
    EXPECT_EQ(batch.columns[0].scale, 2);
    EXPECT_EQ(rows_of(batch.columns[0]), (texts{"150", "-150", "0"}));
}

/// value · 10^zeros as 128 bits.
std::pair<std::int64_t, std::int64_t> shifted(std::int64_t value, int zeros) {
    __extension__ __int128 wide_value = value;
    while (zeros-- > 0)
        wide_value *= 10;
    return {static_cast<std::int64_t>(wide_value), static_cast<std::int64_t>(wide_value >> 64)};
}

TEST_F(ArrowReader, LetsGoOfDecimalPlacesThatAreZeroThroughout) {
    // 12.5 and -1000000 with 18 places take more than 64 bits, with one place they do not.
    for (int scale : {18, 30}) {
        int const zeros = scale - 1;
        foreign_stream one;
        one.type = table_type({{.format = "d:60," + std::to_string(scale) + ",256", .name = "x"}});
        one.batches = {table({with_nulls(wide({shifted(125, zeros), {1, 1}, shifted(-1'000'000, zeros)}),
                                         {true, false, true})})};
        ArrowArrayStream stream = one.stream();
        auto const batch = arrow_reader(&stream).read_all();
        EXPECT_EQ(batch.columns[0].scale, 1) << scale;
        EXPECT_EQ(rows_of(batch.columns[0]), (texts{"125", "-", "-1000000"})) << scale;
    }
    // Nothing is let go where all fits.
    one_column({.format = "d:60,18,256"}, {wide({shifted(5, 17), {0, 0}})});
    auto const batch = read();
    EXPECT_EQ(batch.columns[0].scale, 18);
    EXPECT_EQ(batch.columns[0].at<std::int64_t>(0), 500'000'000'000'000'000);
}

TEST_F(ArrowReader, RefusesDecimalsThatNeedMoreThan64Bits) {
    auto refuses = [this](std::string const& format, foreign_array const& column, std::string const& part) {
        one_column({.format = format}, {});
        producer.batches = {table({column})};
        producer.handed_out = 0;
        EXPECT_TRUE(says(refusal(), part)) << format;
    };
    // 10 with 18 places needs none of them, beside 10^-18 it needs all.
    refuses("d:60,18,256", wide({{1, 0}, shifted(10, 18)}), "row 1: \"10.000000000000000000\" is a decimal");
    refuses("d:60,20,256", wide({{1, 0}}), "row 0: \"0.00000000000000000001\" is a decimal");
    foreign_array huge = fixed<std::uint64_t>({0, 0, 0, std::uint64_t{1} << 63});
    huge.length = 1;
    refuses(
        "d:76,0,256", huge,
        "\"-57896044618658097711785492504343953926634992332820282019728792003956564819968\" is a decimal");
}

TEST_F(ArrowReader, DecimalsOfSeveralScalesBecomeOneColumn) {
    // 12.5 takes more than 64 bits with 18 places, 0.25 does not; both fit with the two of a third batch.
    one_column({.format = "d:60,18,256"},
               {wide({shifted(125, 17)}), wide({shifted(-1'000'025, 16)}), wide({})});
    auto const batch = read();
    EXPECT_EQ(batch.columns[0].scale, 2);
    EXPECT_EQ(rows_of(batch.columns[0]), (texts{"1250", "-1000025"}));

    one_column({.format = "d:60,18,256"}, {});
    producer.batches = {table({wide({shifted(125, 17)})}), table({wide({shifted(1, 15)})})};
    producer.handed_out = 0;
    EXPECT_TRUE(
        says(refusal(), "row 0: is a decimal that does not fit in 64 bits with the 18 decimal places"));
}

}  // namespace

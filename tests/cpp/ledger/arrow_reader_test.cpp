#include <gtest/gtest.h>

#include <cerrno>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/ledger/arrow.hpp"
#include "ledger/arrow_producer.hpp"

namespace {

using namespace clavis::test;
using clavis::column_type;
using clavis::column_view;
using clavis::input_error;
using clavis::time_resolution;
using clavis::ledger::arrow_batch;
using clavis::ledger::arrow_reader;

testing::AssertionResult says(std::string const& text, std::string const& part) {
    if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
    return testing::AssertionFailure() << '"' << text << "\" does not say \"" << part << '"';
}

/// Rows as text, "-" where missing: equal for every way to hold the same values.
std::vector<std::string> rows_of(column_view const& column) {
    std::vector<std::string> rows;
    for (std::size_t i = 0; i < column.size; ++i) {
        if (column.is_null(i)) {
            rows.emplace_back("-");
        } else if (column.is_text()) {
            rows.emplace_back(column.text(i));
        } else if (column.type == column_type::int32 || column.type == column_type::date32) {
            rows.push_back(std::to_string(column.at<std::int32_t>(i)));
        } else if (column.type == column_type::float64) {
            std::string value = std::to_string(column.at<double>(i));
            rows.push_back(value);
        } else {
            rows.push_back(std::to_string(column.at<std::int64_t>(i)));
        }
    }
    return rows;
}
using texts = std::vector<std::string>;

class ArrowReader : public testing::Test {
  protected:
    foreign_stream producer;

    arrow_reader open() {
        ArrowArrayStream stream = producer.stream();
        arrow_reader reader(&stream, "sales");
        EXPECT_EQ(stream.release, nullptr) << "the stream is moved";
        return reader;
    }
    /// One column of one type, one batch an array.
    void one_column(foreign_type type, std::vector<foreign_array> const& arrays) {
        type.name = "x";
        producer.type = table_type({std::move(type)});
        for (auto const& array : arrays)
            producer.batches.push_back(table({array}));
    }
    /// The only column of all batches.
    arrow_batch read() { return open().read_all(); }
    std::string refusal() {
        try {
            read();
        } catch (input_error const& thrown) {
            return thrown.what();
        }
        return "";
    }
    void TearDown() override {
        EXPECT_EQ(producer.count.out, 0) << "everything is released";
        EXPECT_EQ(producer.count.twice, 0) << "and once";
    }
};

TEST_F(ArrowReader, GivesBatchesOfTheSelectedColumnsInPlace) {
    producer.type = table_type(
        {{.format = "l", .name = "id"}, {.format = "+l", .name = "list"}, {.format = "g", .name = "amount"}});
    foreign_array const list{.length = 2, .buffers = {}};
    producer.batches = {table({fixed<std::int64_t>({1, 2}), list, fixed<double>({.5, 1.5})}),
                        table({fixed<std::int64_t>({3}), {}, fixed<double>({2.5})})};
    auto reader = open();
    ASSERT_EQ(reader.fields().size(), 3U);
    EXPECT_EQ(reader.fields()[1].name, "list");
    EXPECT_EQ(reader.fields()[1].format, "+l");
    EXPECT_TRUE(reader.contains("amount"));
    EXPECT_FALSE(reader.contains("Amount"));
    EXPECT_EQ(reader.selected(), (texts{"id", "list", "amount"}));
    reader.select({"amount", "id"});
    EXPECT_EQ(reader.selected(), (texts{"amount", "id"}));

    auto first = reader.next();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->rows, 2U);
    EXPECT_EQ(first->first_row, 0);
    EXPECT_EQ(first->columns[0].type, column_type::float64);
    EXPECT_EQ(rows_of(first->columns[0]), (texts{"0.500000", "1.500000"}));
    EXPECT_EQ(rows_of(first->columns[1]), (texts{"1", "2"}));
    auto second = reader.next();
    ASSERT_TRUE(second);
    EXPECT_EQ(second->first_row, 2);
    EXPECT_EQ(rows_of(second->columns[1]), (texts{"3"}));
    EXPECT_FALSE(reader.next());
    EXPECT_FALSE(reader.next()) << "and stays at the end";

    arrow_reader moved = std::move(reader);
    reader = std::move(moved);
    second.reset();
    EXPECT_EQ(producer.count.out, 4) << "the first batch keeps its table of three columns, and nothing else";
    EXPECT_EQ(rows_of(first->columns[1]), (texts{"1", "2"}));
}

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

TEST_F(ArrowReader, EmptyBatchesMayLeaveBuffersOut) {
    for (char const* format : {"b", "i", "l", "g", "tdD", "tsn:UTC", "d:5,1", "f"}) {
        foreign_stream one;
        one.type = table_type({{.format = format, .name = "x"}});
        one.batches = {table({{.length = 0, .buffers = {std::nullopt, std::nullopt}}})};
        ArrowArrayStream stream = one.stream();
        auto const batch = arrow_reader(&stream).read_all();
        EXPECT_EQ(batch.columns[0].size, 0U);
        EXPECT_NE(batch.columns[0].values, nullptr);
    }
    producer.type = table_type({{.format = "u", .name = "a"},
                                {.format = "U", .name = "b"},
                                {.format = "vu", .name = "c"},
                                {.format = "n", .name = "d"}});
    foreign_array const none{.length = 0, .buffers = {std::nullopt, std::nullopt, std::nullopt}};
    producer.batches = {table({none, none, none, {}}), table({none, none, none, {}})};
    auto const batch = read();
    for (auto const& column : batch.columns) {
        EXPECT_TRUE(column.is_text());
        EXPECT_EQ(column.size, 0U);
        EXPECT_EQ(static_cast<std::int64_t const*>(column.offsets)[0], 0);
    }
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

TEST_F(ArrowReader, AStreamWithoutBatchesHasTypedColumns) {
    producer.type = table_type({{.format = "l", .name = "a"},
                                {.format = "u", .name = "b"},
                                {.format = "c", .name = "c", .dictionary = {{.format = "tsm:UTC"}}}});
    auto const batch = read();
    EXPECT_EQ(batch.rows, 0U);
    EXPECT_EQ(batch.columns[0].type, column_type::int64);
    EXPECT_EQ(batch.columns[1].type, column_type::large_utf8);
    EXPECT_EQ(batch.columns[2].type, column_type::timestamp);
    EXPECT_EQ(batch.columns[2].zone, "UTC");
}

TEST_F(ArrowReader, ATableMayHaveNoColumns) {
    producer.type = table_type({});
    foreign_array rows = table({});
    rows.length = 5;
    producer.batches = {rows};
    EXPECT_EQ(read().rows, 5U);
}

TEST_F(ArrowReader, MemoryThatIsNotAlignedIsCopied) {
    // A view one byte into a block: the values of a message that was cut anywhere.
    std::vector<std::int64_t> const values{10, -20, 30};
    bytes raw(1 + sizeof(std::int64_t) * values.size());
    std::memcpy(raw.data() + 1, values.data(), raw.size() - 1);
    static void const* buffers[2];
    buffers[0] = nullptr;
    buffers[1] = raw.data() + 1;
    one_column({.format = "l"}, {fixed(values)});
    ArrowArrayStream stream = producer.stream();
    static int (*get_next)(ArrowArrayStream*, ArrowArray*);
    get_next = stream.get_next;
    stream.get_next = [](ArrowArrayStream* self, ArrowArray* array) {
        int const code = get_next(self, array);
        if (array->release != nullptr) array->children[0]->buffers = buffers;
        return code;
    };
    auto const batch = arrow_reader(&stream).read_all();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(batch.columns[0].values) % alignof(std::int64_t), 0U);
    EXPECT_EQ(rows_of(batch.columns[0]), (texts{"10", "-20", "30"}));
}

// ---------------------------------------------------------------- what producers get wrong

TEST_F(ArrowReader, NamesColumnsThatAreNotThere) {
    producer.type = table_type({{.format = "l", .name = "id"},
                                {.format = "l", .name = "twice"},
                                {.format = "l", .name = "twice"},
                                {.format = "+l", .name = "list"}});
    auto reader = open();
    auto refusal_of = [&](std::string const& name) -> std::string {
        try {
            reader.select({name});
        } catch (input_error const& thrown) {
            return thrown.what();
        }
        return "";
    };
    EXPECT_TRUE(says(refusal_of("customer"),
                     "sales, column \"customer\": there is no such column, only id, twice, twice, list"));
    EXPECT_TRUE(says(refusal_of("twice"), "several columns"));
    EXPECT_TRUE(says(refusal_of("list"),
                     "sales, column \"list\": has the Arrow type \"+l\" (nested), which cannot be read"));
    EXPECT_EQ(reader.selected().size(), 4U) << "a refused selection changes nothing";
}

TEST_F(ArrowReader, ListsSomeOfManyColumns) {
    std::vector<foreign_type> many;
    for (int i = 0; i < 60; ++i)
        many.push_back({.format = "l", .name = std::string("c").append(std::to_string(i))});
    producer.type = table_type(many);
    try {
        open().select({"x"});
        FAIL();
    } catch (input_error const& thrown) {
        EXPECT_TRUE(says(thrown.what(), "c49, …"));
    }
    producer.type = table_type({});
    try {
        open().select({"x"});
        FAIL();
    } catch (input_error const& thrown) {
        EXPECT_TRUE(says(thrown.what(), "the table has none"));
    }
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
                                                          {"+r", "run-end"},
                                                          {"+vl", "nested"},
                                                          {"d:40,2,256", "decimals"},
                                                          {"d:38,30", "decimals"},
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
    one_column({.format = "g", .dictionary = {{.format = "u"}}}, {});
    EXPECT_TRUE(says(refusal(), "in a dictionary"));
    one_column({.format = "i", .dictionary = {{.format = "i", .dictionary = {{.format = "u"}}}}}, {});
    EXPECT_TRUE(says(refusal(), "in a dictionary"));
}

TEST_F(ArrowReader, RefusesDamagedSchemas) {
    auto refuses = [this](foreign_type type, std::string const& part) {
        producer.type = std::move(type);
        EXPECT_TRUE(says(refusal(), "sales: ")) << part;
        EXPECT_TRUE(says(refusal(), part));
        EXPECT_EQ(producer.count.out, 0);
    };
    foreign_type const id{.format = "l", .name = "id"};
    refuses({.format = "l"}, "is not a table but a column of the Arrow type \"l\"");
    refuses({.format = "\xff"}, "type \"?\"");
    refuses({.format = "+s", .no_format = true}, "it has no format");
    refuses({.format = "+s", .released = true}, "it is released already");
    refuses({.format = "+s", .n_children = -1}, "-1 columns");
    refuses({.format = "+s", .n_children = std::int64_t{1} << 40}, "1099511627776 columns");
    refuses({.format = "+s", .children = {id}, .no_child_list = true}, "list of columns is missing");
    refuses({.format = "+s", .children = {id}, .null_children = true}, "column 0 is missing");
    refuses({.format = "+s", .children = {id, {.format = "l", .released = true}}}, "column 1 is missing");
    refuses({.format = "+s", .children = {{.format = "l", .no_format = true}}}, "column 0 has no format");
    refuses({.format = "+s", .children = {{.format = "l", .name = "\xc3"}}}, "name of column 0 is not UTF-8");
    refuses(
        {.format = "+s", .children = {{.format = "i", .dictionary = {{.format = "u", .no_format = true}}}}},
        "dictionary of column 0 has no format");
}

TEST_F(ArrowReader, RefusesDamagedStreams) {
    EXPECT_THROW(arrow_reader(nullptr), input_error);
    ArrowArrayStream none{};
    EXPECT_THROW(arrow_reader{&none}, input_error);

    producer.type = table_type({});
    producer.no_get_schema = true;
    EXPECT_TRUE(says(refusal(), "it has no schema"));
    producer.no_get_schema = false;
    producer.no_get_next = true;
    EXPECT_TRUE(says(refusal(), "cannot be read"));
}

TEST_F(ArrowReader, PassesOnWhatTheProducerSays) {
    producer.type = table_type({{.format = "l", .name = "id"}});
    producer.garbage_after_error = true;
    for (bool in_schema : {true, false}) {
        producer.schema_error = in_schema ? EIO : 0;
        producer.batch_error = in_schema ? 0 : EIO;
        producer.last_error = "the disk is gone";
        EXPECT_TRUE(says(refusal(), "sales: reading failed: the disk is gone"));
        producer.last_error = "caf\xe9";
        EXPECT_TRUE(says(refusal(), "reading failed: caf?"));
        producer.last_error.reset();
        EXPECT_TRUE(says(refusal(), "Input/output error"));
        producer.no_get_last_error = true;
        EXPECT_TRUE(says(refusal(), "Input/output error"));
        producer.no_get_last_error = false;
    }
    producer.batches = {table({fixed<std::int64_t>({1})})};
    auto reader = open();
    EXPECT_TRUE(reader.next());
    EXPECT_THROW(reader.next(), input_error);
    EXPECT_EQ(producer.count.out, 0) << "a failed stream is let go at once";
    EXPECT_FALSE(reader.next()) << "and is at its end";
}

TEST_F(ArrowReader, RefusesDamagedTables) {
    producer.type = table_type({{.format = "l", .name = "id"}});
    auto refuses = [this](auto damage, std::string const& part) {
        foreign_array rows = table({fixed<std::int64_t>({1, 2, 3})});
        damage(rows);
        producer.batches = {rows};
        producer.handed_out = 0;
        std::string const said = refusal();
        EXPECT_TRUE(says(said, "sales")) << part;
        EXPECT_TRUE(says(said, part));
        EXPECT_EQ(producer.count.out, 0) << part;
    };
    static std::int64_t constexpr huge = std::numeric_limits<std::int64_t>::max();
    refuses([](auto& rows) { rows.length = -1; }, "the length is -1");
    refuses([](auto& rows) { rows.length = huge; }, "the length is 9223372036854775807");
    refuses([](auto& rows) { rows.offset = -1; }, "the offset is -1");
    refuses([](auto& rows) { rows.offset = huge; }, "the offset is 9223372036854775807");
    refuses([](auto& rows) { rows.length = 4; }, "3 rows where 4 are needed");
    refuses([](auto& rows) { rows.offset = 1; }, "3 rows where 4 are needed");
    refuses([](auto& rows) { rows.null_count = -2; }, "number of nulls is -2");
    refuses([](auto& rows) { rows.null_count = 4; }, "number of nulls is 4 of 3");
    refuses([](auto& rows) { rows.null_count = 1; }, "no validity bitmap");
    refuses([](auto& rows) { rows.n_buffers = 0; }, "0 buffers of its own");
    refuses([](auto& rows) { rows.n_buffers = -1; }, "-1 buffers of its own");
    refuses([](auto& rows) { rows.no_buffer_list = true; }, "buffers of its own");
    refuses([](auto& rows) { rows.n_children = 2; }, "it has 2 columns, its schema 1");
    refuses([](auto& rows) { rows.no_child_list = true; }, "list of columns is missing");
    refuses([](auto& rows) { rows.null_children = true; },
            "column \"id\": the Arrow data are damaged: it is missing");
    refuses([](auto& rows) { rows.children[0].released = true; }, "released already");
}

TEST_F(ArrowReader, RefusesDamagedColumns) {
    auto refuses = [this](std::string const& format, foreign_array array, std::string const& part) {
        one_column({.format = format}, {});
        producer.batches = {table({fixed<std::int64_t>({}), array})};
        producer.batches[0].children.erase(producer.batches[0].children.begin());
        producer.batches[0].length = 2;
        producer.handed_out = 0;
        std::string const said = refusal();
        EXPECT_TRUE(says(said, "sales, column \"x\"")) << part;
        EXPECT_TRUE(says(said, part));
        EXPECT_EQ(producer.count.out, 0) << part;
    };
    static std::int64_t constexpr huge = std::numeric_limits<std::int64_t>::max();
    auto damaged = [](auto damage) {
        foreign_array column = fixed<std::int64_t>({1, 2});
        damage(column);
        return column;
    };
    refuses("l", damaged([](auto& column) { column.length = -1; }), "the length is -1");
    refuses("l", damaged([](auto& column) { column.length = huge; }), "the length is");
    refuses("l", damaged([](auto& column) { column.length = 1; }), "1 rows where 2 are needed");
    refuses("l", damaged([](auto& column) { column.offset = -8; }), "the offset is -8");
    refuses("l", damaged([](auto& column) { column.offset = huge; }), "the offset is");
    refuses("l", damaged([](auto& column) { column.null_count = 3; }), "number of nulls is 3 of 2");
    refuses("l", damaged([](auto& column) { column.null_count = 2; }), "no validity bitmap");
    refuses("l", damaged([](auto& column) { column.n_buffers = 1; }), "it has 1 buffers");
    refuses("l", damaged([](auto& column) { column.n_buffers = -2; }), "it has -2 buffers");
    refuses("l", damaged([](auto& column) { column.n_buffers = huge; }),
            "it has 9223372036854775807 buffers");
    refuses("l", damaged([](auto& column) { column.no_buffer_list = true; }), "list of buffers is missing");
    refuses("l", damaged([](auto& column) { column.buffers[1].reset(); }), "buffer 1 is missing");
    refuses("b", damaged([](auto& column) { column.buffers[1].reset(); }), "buffer 1 is missing");
    refuses("l", damaged([](auto& column) { column.children = {fixed<std::int64_t>({1})}; }), "has children");
    refuses("l", damaged([](auto& column) { column.released = true; }), "released already");
    refuses("l", damaged([](auto& column) { column.dictionary = {fixed<std::int64_t>({1})}; }),
            "does not speak of");
    refuses("n", {.length = 2, .buffers = {std::nullopt}}, "it has 1 buffers");

    auto texts_at = [](std::vector<std::int32_t> const& offsets, std::string const& all) {
        return foreign_array{.length = 2, .buffers = {std::nullopt, bytes_of(offsets), bytes_of(all)}};
    };
    refuses("u", texts_at({-1, 0, 1}, "ab"), "a text begins at byte -1");
    refuses("u", texts_at({0, 2, 1}, "ab"),
            "row 1: the Arrow data are damaged: a text ends before it begins");
    refuses("u", texts_at({0, 1, 2}, "a\xff"), "row 1: the text is not UTF-8");
    refuses("u", texts_at({0, 1, 2}, "\xc3\xab"), "row 0: the text is not UTF-8");
    refuses("u", {.length = 2, .buffers = {std::nullopt, std::nullopt, bytes{}}}, "buffer 1 is missing");
    refuses(
        "u",
        {.length = 2, .buffers = {std::nullopt, bytes_of(std::vector<std::int32_t>{0, 1, 2}), std::nullopt}},
        "buffer 2 is missing");
    refuses(
        "U",
        {.length = 2, .buffers = {std::nullopt, bytes_of(std::vector<std::int64_t>{0, huge, 0}), bytes{}}},
        "row 1: ");
    refuses("u", fixed<std::int32_t>({0, 0, 0}), "it has 2 buffers");
    foreign_array ends_early{.length = 3,
                             .buffers = {std::nullopt, bytes_of(std::vector<std::int32_t>{0, 1, 9, 2}),
                                         bytes_of(std::string("ab"))}};
    refuses("u", ends_early, "a text ends behind the last one");

    foreign_array big = fixed<std::uint64_t>({1, std::uint64_t{1} << 63});
    refuses("L", big, "row 1: \"9223372036854775808\" is larger");
    refuses("tdm", fixed<std::int64_t>({0, huge}), "row 1: \"9223372036854775807\" is a date");
    auto decimals = [](std::vector<std::int64_t> const& words) {
        foreign_array column = fixed(words);
        column.length = 2;
        return column;
    };
    refuses("d:38,2", decimals({0, 0, 0, 1}), "row 1: \"184467440737095516.16\" is a decimal");
    refuses("d:38,2", decimals({0, 0, 0, -1}), "row 1: \"-184467440737095516.16\" is a decimal");
    refuses("d:38,0", decimals({0, 0, std::numeric_limits<std::int64_t>::min(), -1}),
            "\"-9223372036854775808\" is a decimal");
    refuses("d:38,-10", decimals({0, 0, 1'000'000'000, 0}), "row 1: \"10000000000000000000\" is a decimal");
    refuses("d:38,-18", decimals({0, 0, 0, std::numeric_limits<std::int64_t>::min()}), "is a decimal");
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

TEST_F(ArrowReader, RefusesDamagedTextViews) {
    std::string const long_text = "a text of more than twelve bytes";
    auto refuses = [&](auto damage, std::string const& part) {
        foreign_array column = text_views({"short", long_text});
        damage(column, column.buffers[1]->data() + 16);
        one_column({.format = "vu"}, {});
        producer.batches = {table({column})};
        producer.handed_out = 0;
        EXPECT_TRUE(says(refusal(), part));
        EXPECT_EQ(producer.count.out, 0) << part;
    };
    auto put = [](std::byte* at, std::int32_t value) { std::memcpy(at, &value, 4); };
    refuses([&](auto&, std::byte* view) { put(view, -1); },
            "row 1: the Arrow data are damaged: a text of negative length");
    refuses([&](auto&, std::byte* view) { put(view, 33); },
            "row 1: the Arrow data are damaged: a text lies outside");
    refuses([&](auto&, std::byte* view) { put(view, INT32_MAX); }, "outside");
    refuses([&](auto&, std::byte* view) { put(view + 8, 2); }, "outside");
    refuses([&](auto&, std::byte* view) { put(view + 8, -1); }, "outside");
    refuses([&](auto&, std::byte* view) { put(view + 8, 0); }, "outside");
    refuses([&](auto&, std::byte* view) { put(view + 12, 1); }, "outside");
    refuses([&](auto&, std::byte* view) { put(view + 12, -1); }, "outside");
    refuses([&](auto& column, std::byte*) { column.buffers[3].reset(); }, "outside");
    refuses([&](auto& column, std::byte*) { column.buffers[4].reset(); }, "sizes of its buffers are missing");
    refuses(
        [&](auto& column, std::byte*) {
            column.buffers[4] = bytes_of(std::vector<std::int64_t>{0, -1});
        },
        "outside");
    refuses([&](auto& column, std::byte*) { column.n_buffers = 2; }, "it has 2 buffers");
    refuses([&](auto& column, std::byte*) { (*column.buffers[3])[3] = std::byte{0xff}; },
            "row 1: the text is not UTF-8");
}

TEST_F(ArrowReader, RefusesDamagedDictionaries) {
    auto refuses = [this](auto damage, std::string const& part) {
        foreign_array codes = fixed<std::int32_t>({1, 0});
        codes.dictionary = {text<std::int32_t>({"a", "b"})};
        damage(codes);
        one_column({.format = "i", .dictionary = {{.format = "u"}}}, {});
        producer.batches = {table({codes})};
        producer.handed_out = 0;
        EXPECT_TRUE(says(refusal(), part));
        EXPECT_EQ(producer.count.out, 0) << part;
    };
    refuses([](auto& codes) { codes.dictionary.clear(); }, "its dictionary is missing");
    refuses(
        [](auto& codes) {
            codes.buffers = fixed<std::int32_t>({2, 0}).buffers;
        },
        "row 0: the Arrow data are damaged: the index 2 points outside a dictionary of 2");
    refuses(
        [](auto& codes) {
            codes.buffers = fixed<std::int32_t>({1, -1}).buffers;
        },
        "row 1: the Arrow data are damaged: the index -1");
    refuses([](auto& codes) { codes.dictionary[0].length = -1; }, "the length is -1");
    refuses([](auto& codes) { codes.dictionary[0].released = true; }, "released already");
    refuses([](auto& codes) { codes.dictionary[0].dictionary = {text<std::int32_t>({"a"})}; },
            "has a dictionary");
    refuses([](auto& codes) { codes.dictionary[0].buffers[2] = bytes_of(std::string("\xff\xff")); },
            "not UTF-8");
}

TEST_F(ArrowReader, RefusesALengthThatNothingStandsBehind) {
    one_column({.format = "n"}, {{.length = std::int64_t{1} << 32, .buffers = {}}});
    EXPECT_TRUE(says(refusal(), "a column of nulls has 4294967296 rows"));
}

TEST_F(ArrowReader, RowsOfErrorsCountThroughTheStream) {
    one_column({.format = "L"},
               {fixed<std::uint64_t>({1, 2, 3}), fixed<std::uint64_t>({1, std::uint64_t{1} << 63})});
    EXPECT_TRUE(says(refusal(), "row 4: "));
}

TEST_F(ArrowReader, KnowsUtf8) {
    // Every two-, three- and four-byte form at the edges of what Unicode allows (table 3-7 of the standard).
    auto accepts = [](std::string const& value) {
        foreign_stream one;
        one.type = table_type({{.format = "u", .name = "x"}});
        one.batches = {table({text<std::int32_t>({value})})};
        ArrowArrayStream stream = one.stream();
        try {
            arrow_reader(&stream).read_all();
            return true;
        } catch (input_error const&) {
            return false;
        }
    };
    for (char const* good : {"\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                             "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "12345678\xc3\xab",
                             "1234567\xc3\xab", "12345678123\xe2\x82\xac"}) {
        EXPECT_TRUE(accepts(good)) << good;
    }
    for (char const* bad : {"\x80",
                            "\xbf",
                            "\xc0\x80",
                            "\xc1\xbf",
                            "\xc2",
                            "\xc2\x7f",
                            "\xc2\xc0",
                            "\xe0\x9f\xbf",
                            "\xe0\xa0",
                            "\xe0\xa0\x7f",
                            "\xed\xa0\x80",
                            "\xe2\x82",
                            "\xef\xbf",
                            "\xf0\x8f\xbf\xbf",
                            "\xf0\x90\x80",
                            "\xf0\x90\x80\x7f",
                            "\xf0\x90\x7f\x80",
                            "\xf4\x90\x80\x80",
                            "\xf5\x80\x80\x80",
                            "\xff",
                            "12345678\xff",
                            "1234567\xc3"}) {
        EXPECT_FALSE(accepts(bad)) << bad;
    }
}

}  // namespace

// Streams, selections and batches of the Arrow reader.

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

TEST_F(ArrowReader, FieldsComeFromASchemaAloneToo) {
    producer.type = table_type({{.format = "l", .name = "id"}, {.format = "+l", .name = "list"}});
    ArrowSchema schema{};
    detail::fill(schema, producer.type, producer.count);
    auto const fields = ledger::arrow_fields(schema);
    ASSERT_EQ(fields.size(), 2U);
    EXPECT_EQ(fields[0].name, "id");
    EXPECT_EQ(fields[1].format, "+l");
    ASSERT_NE(schema.release, nullptr) << "the schema stays its owner's";
    schema.release(&schema);
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

TEST_F(ArrowReader, RowsOfErrorsCountThroughTheStream) {
    one_column({.format = "L"},
               {fixed<std::uint64_t>({1, 2, 3}), fixed<std::uint64_t>({1, std::uint64_t{1} << 63})});
    EXPECT_TRUE(says(refusal(), "row 4: "));
}

}  // namespace

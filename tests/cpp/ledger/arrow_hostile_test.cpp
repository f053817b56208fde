// What producers get wrong: every mistake is an input_error in words, and everything is released once.

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

TEST_F(ArrowReader, RefusesDamagedSchemas) {
    auto refuses = [this](foreign_type type, std::string const& part) {
        producer.type = std::move(type);
        EXPECT_TRUE(says(refusal(), "sales: ")) << part;
        EXPECT_TRUE(says(refusal(), part));
        EXPECT_EQ(producer.count.out, 0);
        ArrowSchema schema{};
        detail::fill(schema, producer.type, producer.count);
        EXPECT_THROW(ledger::arrow_fields(schema), input_error) << part;
        if (schema.release != nullptr) schema.release(&schema);
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
    refuses(
        {.format = "+s", .children = {{.format = "i", .dictionary = {{.format = "u", .released = true}}}}},
        "dictionary of column 0 has no format");
    refuses(
        {.format = "+s", .children = {{.format = "+r", .children = {id, {.format = "l", .released = true}}}}},
        "the runs of column 0 have no format");
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
    refuses("n", {.length = 2, .buffers = {std::nullopt, std::nullopt}}, "it has 2 buffers");

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
    refuses([](auto& codes) { codes.released = true; }, "released already");
    refuses([](auto& codes) { codes.length = -1; }, "the length is -1");
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

TEST_F(ArrowReader, NamesTheValueOfADictionary) {
    foreign_array codes = fixed<std::int32_t>({1, 0, 1});
    codes.dictionary = {fixed<std::uint64_t>({0, 1, std::uint64_t{1} << 63})};
    one_column({.format = "i", .dictionary = {{.format = "L"}}}, {codes});
    EXPECT_EQ(
        refusal(),
        "sales, column \"x\": \"9223372036854775808\" is larger than a signed 64-bit integer (value 2 of its "
        "dictionary or runs)");
}

TEST_F(ArrowReader, RefusesDamagedRuns) {
    foreign_type const type{
        .format = "+r", .name = "x", .children = {{.format = "i", .name = "run_ends"}, {.format = "l"}}};
    auto refuses = [&](auto damage, std::string const& part) {
        foreign_array column{.length = 4,
                             .children = {fixed<std::int32_t>({1, 4}), fixed<std::int64_t>({10, 20})}};
        damage(column);
        producer.type = table_type({type});
        producer.batches = {table({column})};
        producer.batches[0].length = 4;
        producer.handed_out = 0;
        EXPECT_TRUE(says(refusal(), part));
        EXPECT_EQ(producer.count.out, 0) << part;
    };
    auto const not_ascending = "its runs do not end one after the other";
    refuses([](auto& column) { column.children[0] = fixed<std::int32_t>({0, 4}); }, not_ascending);
    refuses([](auto& column) { column.children[0] = fixed<std::int32_t>({-1, 4}); }, not_ascending);
    refuses([](auto& column) { column.children[0] = fixed<std::int32_t>({4, 4}); }, not_ascending);
    refuses([](auto& column) { column.children[0] = fixed<std::int32_t>({5, 4}); }, not_ascending);
    refuses(
        [](auto& column) {
            column.children[0] = with_nulls(column.children[0], {true, false});
        },
        not_ascending);
    refuses(
        [](auto& column) {
            column.children[0] = fixed<std::int32_t>({1, 3});
        },
        "its runs end at row 3 of 4");
    refuses([](auto& column) { column.offset = 1; }, "its runs end at row 4 of 5");
    refuses([](auto& column) { column.children[0] = fixed<std::int32_t>({}); }, "its runs end at row 0 of 4");
    refuses([](auto& column) { column.children[0].length = -1; }, "the length is -1");
    refuses([](auto& column) { column.children[0].length = std::int64_t{1} << 33; }, "8589934592 runs");
    refuses([](auto& column) { column.children[0].buffers[1].reset(); }, "buffer 1 is missing");
    refuses([](auto& column) { column.children[1] = fixed<std::int64_t>({10}); },
            "1 rows where 2 are needed");
    refuses([](auto& column) { column.children[1].released = true; }, "released already");
    refuses([](auto& column) { column.children.pop_back(); }, "run ends and values are not its children");
    refuses([](auto& column) { column.n_children = 3; }, "run ends and values are not its children");
    refuses([](auto& column) { column.no_child_list = true; }, "run ends and values are not its children");
    refuses([](auto& column) { column.null_children = true; }, "run ends and values are not its children");
    refuses([](auto& column) { column.dictionary = {fixed<std::int64_t>({1})}; }, "does not speak of");
    refuses([](auto& column) { column.length = 3; }, "3 rows where 4 are needed");
}

TEST_F(ArrowReader, RefusesRunsWithoutEnd) {
    foreign_array column{
        .length = std::int64_t{1} << 33,
        .children = {fixed<std::int64_t>({std::int64_t{1} << 33}), fixed<std::int64_t>({10})}};
    producer.type = table_type(
        {{.format = "+r", .name = "x", .children = {{.format = "l", .name = "run_ends"}, {.format = "l"}}}});
    producer.batches = {table({column})};
    EXPECT_TRUE(says(refusal(), "runs have 8589934592 rows"));
}

TEST_F(ArrowReader, RefusesASchemaOfRunsWithoutFormats) {
    foreign_type const integers{.format = "i"}, nothing_said{.format = "i", .no_format = true};
    for (auto const& children :
         std::vector<std::vector<foreign_type>>{{integers, nothing_said}, {nothing_said, integers}}) {
        producer.type = table_type({{.format = "+r", .name = "x", .children = children}});
        EXPECT_TRUE(says(refusal(), "the runs of column 0 have no format"));
    }
    producer.type =
        table_type({{.format = "+r", .name = "x", .children = {integers, integers}, .null_children = true}});
    EXPECT_TRUE(says(refusal(), "the runs of column 0 have no format"));
}

TEST_F(ArrowReader, AStreamMayNotChangeItsLayout) {
    producer.type = table_type({{.format = "l", .name = "a"}, {.format = "u", .name = "b"}});
    auto const numbers = fixed<std::int64_t>({1, 2});
    auto const words = text<std::int32_t>({"x", "y"});
    auto refuses = [&](foreign_array second, std::string const& part) {
        producer.batches = {table({numbers, words}), std::move(second)};
        producer.handed_out = 0;
        auto reader = open();
        EXPECT_TRUE(reader.next());
        try {
            reader.next();
            FAIL() << part;
        } catch (input_error const& thrown) {
            EXPECT_TRUE(says(thrown.what(), part));
        }
        EXPECT_FALSE(reader.next()) << "a stream that failed is at its end";
        EXPECT_EQ(producer.count.out, 0) << part;
    };
    refuses(table({numbers}), "it has 1 columns, its schema 2");
    refuses(table({numbers, words, words}), "it has 3 columns, its schema 2");
    refuses(table({words, words}), "column \"a\": the Arrow data are damaged: it has 3 buffers");
    refuses(table({numbers, numbers}), "column \"b\": the Arrow data are damaged: it has 2 buffers");
    foreign_array coded = numbers;
    coded.dictionary = {numbers};
    refuses(table({coded, words}), "it has a dictionary that its type does not speak of");
}

}  // namespace

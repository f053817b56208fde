#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/ledger/arrow.hpp"

namespace {

using clavis::column_type;
using clavis::column_view;
using clavis::input_error;
using clavis::text_column;
using clavis::time_resolution;
using clavis::ledger::arrow_reader;
using clavis::ledger::export_stream;
using clavis::ledger::named_column;

struct some_table {
    std::vector<std::int32_t> small{1, -2, 3};
    std::vector<std::int64_t> large{std::numeric_limits<std::int64_t>::min(), 0, 7};
    std::vector<double> real{0.5, -1, 2};
    text_column words;
    std::vector<std::int32_t> offsets{1, 2, 2, 4};
    std::string bytes = "xaé.";
    std::vector<std::uint8_t> bitmap{0b0101'0000, 0b1};

    some_table() {
        for (char const* word : {"Zoë", "", "b"})
            words.push_back(word);
    }
    std::vector<named_column> columns() const {
        column_view utf8;
        utf8.type = column_type::utf8;
        utf8.size = 3;
        utf8.values = bytes.data();
        utf8.offsets = offsets.data();
        column_view time(large);
        time.type = column_type::timestamp;
        time.resolution = time_resolution::nanoseconds;
        time.zone = "Europe/London";
        column_view nullable(real);
        nullable.validity = bitmap.data();
        nullable.validity_offset = 4;  // 1, 0, 1
        column_view aligned(real);
        aligned.validity = bitmap.data();
        aligned.validity_offset = 8;  // 1, 0, 0
        return {{"small", column_view(small)},
                {"large", column_view(large)},
                {"real", column_view(real)},
                {"words", words.view()},
                {"utf8", utf8},
                {"date", column_view::days(small)},
                {"time", time},
                {"money", column_view::minor_units(large, 2)},
                {"nullable", nullable},
                {"aligned", aligned}};
    }
};

TEST(ArrowExport, ComesBackAsItWas) {
    auto owner = std::make_shared<some_table>();
    owner->large[0] = -5;
    std::weak_ptr<some_table> const alive = owner;
    auto const columns = owner->columns();
    ArrowArrayStream stream{};
    export_stream(columns, owner, &stream);
    owner.reset();
    arrow_reader reader(&stream);
    auto batch = reader.next();
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->rows, 3U);
    ASSERT_EQ(batch->columns.size(), columns.size());
    for (std::size_t i = 0; i < columns.size(); ++i) {
        column_view const& sent = columns[i].view;
        column_view const& got = batch->columns[i];
        EXPECT_EQ(reader.fields()[i].name, columns[i].name);
        ASSERT_EQ(got.type, sent.type) << columns[i].name;
        EXPECT_EQ(got.resolution, sent.resolution);
        EXPECT_EQ(got.zone, sent.zone);
        EXPECT_EQ(got.scale, sent.scale);
        if (sent.type != column_type::decimal64) {
            EXPECT_EQ(got.values, sent.values) << "nothing is copied";
        }
        for (std::size_t row = 0; row < 3; ++row) {
            ASSERT_EQ(got.is_null(row), sent.is_null(row)) << columns[i].name << row;
            if (sent.is_text()) {
                EXPECT_EQ(got.text(row), sent.text(row));
            } else if (sent.type == column_type::int32 || sent.type == column_type::date32) {
                EXPECT_EQ(got.at<std::int32_t>(row), sent.at<std::int32_t>(row));
            } else {
                EXPECT_EQ(got.at<std::int64_t>(row), sent.at<std::int64_t>(row));
            }
        }
    }
    EXPECT_FALSE(reader.next());
    EXPECT_FALSE(alive.expired()) << "the batch keeps the memory";
    batch.reset();
    EXPECT_TRUE(alive.expired());
}

TEST(ArrowExport, ChildrenMayBeMovedOutAndOutliveTheTable) {
    auto owner = std::make_shared<some_table>();
    std::weak_ptr<some_table> const alive = owner;
    ArrowArrayStream stream{};
    export_stream(owner->columns(), owner, &stream);
    owner.reset();
    ArrowSchema schema{};
    ArrowArray array{};
    ASSERT_EQ(stream.get_schema(&stream, &schema), 0);
    ASSERT_EQ(stream.get_next(&stream, &array), 0);
    EXPECT_EQ(stream.get_last_error(&stream), nullptr);
    ArrowArray end{};
    ASSERT_EQ(stream.get_next(&stream, &end), 0);
    EXPECT_EQ(end.release, nullptr);
    stream.release(&stream);
    EXPECT_EQ(stream.release, nullptr);

    ArrowArray child = *array.children[0];
    array.children[0]->release = nullptr;
    ArrowSchema type = *schema.children[0];
    schema.children[0]->release = nullptr;
    array.release(&array);
    schema.release(&schema);
    EXPECT_EQ(array.release, nullptr);
    EXPECT_STREQ(type.format, "i");
    EXPECT_STREQ(type.name, "small");
    EXPECT_EQ(static_cast<std::int32_t const*>(child.buffers[1])[1], -2);
    EXPECT_FALSE(alive.expired());
    child.release(&child);
    EXPECT_FALSE(alive.expired());
    type.release(&type);
    EXPECT_TRUE(alive.expired());
}

TEST(ArrowExport, EmptyColumnsHaveBuffers) {
    ArrowArrayStream stream{};
    column_view text;
    text.type = column_type::utf8;
    export_stream({{"a", column_view(std::span<double const>{})}, {"b", text}, {"c", text_column{}.view()}},
                  nullptr, &stream);
    ArrowArray array{};
    ASSERT_EQ(stream.get_next(&stream, &array), 0);
    EXPECT_EQ(array.length, 0);
    EXPECT_NE(array.children[0]->buffers[1], nullptr);
    EXPECT_NE(array.children[1]->buffers[1], nullptr);
    EXPECT_NE(array.children[1]->buffers[2], nullptr);
    array.release(&array);
    stream.release(&stream);

    export_stream({}, nullptr, &stream);
    EXPECT_EQ(arrow_reader(&stream).read_all().rows, 0U);
    export_stream({}, nullptr, &stream);
    stream.release(&stream);
}

TEST(ArrowExport, RefusesColumnsThatMakeNoTable) {
    some_table table;
    ArrowArrayStream stream{};
    EXPECT_THROW(export_stream({{"none", column_view()}}, nullptr, &stream), input_error);
    EXPECT_EQ(stream.release, nullptr);
    std::vector<double> const two{1, 2};
    try {
        export_stream({{"a", column_view(table.real)}, {"b", column_view(two)}}, nullptr, &stream);
        FAIL();
    } catch (input_error const& thrown) {
        EXPECT_STREQ(thrown.what(), "column \"b\": has 2 rows, the first column 3");
    }
}

}  // namespace

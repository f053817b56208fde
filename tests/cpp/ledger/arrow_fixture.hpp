#pragma once

// What the tests of the Arrow reader share: a producer in a fixture that ends with nothing left unreleased.

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/ledger/arrow.hpp"
#include "ledger/arrow_producer.hpp"

namespace clavis::test {

using ledger::arrow_batch;
using ledger::arrow_reader;
using texts = std::vector<std::string>;

inline testing::AssertionResult says(std::string const& text, std::string const& part) {
    if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
    return testing::AssertionFailure() << '"' << text << "\" does not say \"" << part << '"';
}

/// Rows as text, "-" where missing: equal for every way to hold the same values.
inline std::vector<std::string> rows_of(column_view const& column) {
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

}  // namespace clavis::test

#pragma once

// Tables from and for everything that speaks Arrow (pyarrow, polars, pandas, DuckDB): a reader of the C
// stream interface that hands out column_views without copying where the type allows, and an exporter of
// column_views.
//
// Foreign buffers are validated before anything uses them, for the columns that are asked for: counts,
// lengths, offsets, buffer pointers, ascending text offsets, dictionary indices, UTF-8. The interface tells
// no buffer sizes, so that a producer's buffers are as long as its lengths say is the one thing taken on
// trust.
//
//     arrow_reader reader(&stream, "transactions");
//     reader.select({"customer_id", "time", "amount"});
//     while (auto batch = reader.next()) use(batch->columns);
//
// What a column becomes (* in place, where the producer's buffer lies aligned; all else in memory of our own):
//
//     int32, int64, float64          the same *
//     bool, int8, uint8, int16, uint16               int32
//     uint32, uint64                 int64; from 2^63 on an error
//     float16, float32               float64
//     utf8, large_utf8               the same *
//     string_view                    large_utf8
//     date32, timestamp (s, ms, us, ns; any zone)    the same *
//     date64                         date32
//     decimal32, 64, 128, 256        decimal64, without decimal places int64; places that are zero throughout a
//                                    batch are let go where it needs that to fit in 64 bits, what does not fit
//                                    then is an error
//     null                           utf8, all missing
//     dictionary, run-end encoded    what their values become; text becomes large_utf8
//
// Any other type (binary, times of day, lists, structs …) is an input_error naming the column, once it is selected.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clavis/core/columns.hpp"
#include "clavis/ledger/arrow_abi.hpp"

namespace clavis::ledger {

/// One column of a stream: its name and Arrow's format string of its type.
struct arrow_field {
    std::string name;
    std::string format;  ///< of the values where the column is dictionary- or run-end encoded
    bool dictionary = false;
    bool run_end_encoded = false;
};

/// The columns of a table's schema, which stays the caller's. Throws input_error where it is damaged or no struct.
std::vector<arrow_field> arrow_fields(ArrowSchema const& schema, std::string const& table = "table");

/// Rows of the selected columns, in the order of selection. The views stay valid as long as a copy of `owner`
/// lives, whatever becomes of the reader.
struct arrow_batch {
    std::size_t rows = 0;
    std::int64_t first_row = 0;  ///< rows of the stream before this batch
    std::vector<column_view> columns;
    std::shared_ptr<void const> owner;
};

/// Reads an Arrow C stream batch by batch. Every structure that it takes over is released exactly once.
class arrow_reader {
  public:
    /// Takes the stream over (`stream->release` is null afterwards, even when this throws) and reads its
    /// schema, which must be a struct. `table` is what errors call the table. At first every column is
    /// selected.
    explicit arrow_reader(ArrowArrayStream* stream, std::string table = "table");
    ~arrow_reader();
    arrow_reader(arrow_reader&&) noexcept;
    arrow_reader& operator=(arrow_reader&&) noexcept;

    std::vector<arrow_field> const& fields() const;
    bool contains(std::string_view name) const;

    /// Chooses the columns of the batches to come. Throws input_error for a name that is absent (naming those
    /// that are there), that stands twice, or whose type cannot be read.
    void select(std::span<std::string const> names);
    void select(std::initializer_list<std::string> names) { select(std::span(names.begin(), names.size())); }
    std::vector<std::string> const& selected() const;

    /// The next batch, or nothing at the end. Throws input_error for what the producer reports or got wrong;
    /// the stream then is at its end.
    std::optional<arrow_batch> next();

    /// All batches that are left, as one. A single batch is not copied.
    arrow_batch read_all();

  private:
    struct state;
    std::unique_ptr<state> state_;
};

/// A column and its name.
struct named_column {
    std::string name;
    column_view view;
    /// Text: then the values of `view`, of any type, are unsigned codes of code_size (1 or 2) bytes into it.
    column_view dictionary{};
    int code_size = 0;
    bool truth = false;  ///< int32 values of 0 and 1 that leave as booleans
};

/// Fills `out` with a stream of one batch over the columns, which must be of one length. Nothing is copied
/// but decimal64 values (they leave as decimal128) and bitmaps that do not start on their first bit. `owner`
/// keeps the memory alive and is let go when the consumer has released everything.
void export_stream(std::vector<named_column> columns, std::shared_ptr<void const> owner,
                   ArrowArrayStream* out);

}  // namespace clavis::ledger

#include <algorithm>
#include <system_error>
#include <utility>

#include "clavis/core/errors.hpp"
#include "clavis/ledger/arrow.hpp"
#include "ledger/arrow_column.hpp"
#include "ledger/arrow_format.hpp"
#include "ledger/arrow_gather.hpp"
#include "ledger/arrow_text.hpp"

namespace clavis::ledger {
namespace {

using arrow::column_place;
using arrow::column_plan;

/// Holds one structure of the interface and releases it once.
template <class Raw>
class released_once {
  public:
    released_once() = default;
    released_once(released_once const&) = delete;
    released_once& operator=(released_once const&) = delete;
    ~released_once() { reset(); }

    Raw raw{};
    void reset() {
        if (raw.release != nullptr) raw.release(&raw);
        raw.release = nullptr;
    }
};

/// What every batch needs of the schema, shared with it because views look into the zones.
struct table_plan {
    std::string table;
    std::vector<arrow_field> fields;
    std::vector<std::optional<column_plan>> columns;  // nothing: cannot be read
};

/// What a batch's views look into.
struct batch_data {
    std::shared_ptr<table_plan const> plan;
    released_once<ArrowArray> array;
    arrow::batch_memory memory;
};

/// Text of a producer may hold anything; what errors quote may not.
std::string printable(char const* text) {
    if (text == nullptr) return "";
    std::string copy(text);
    if (!arrow::is_utf8(copy)) {
        std::replace_if(
            copy.begin(), copy.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
    }
    return copy;
}

/// The structures of a schema that say what a column holds, whatever it is encoded with; `refuse` throws.
template <class Refuse>
arrow_field read_field(ArrowSchema const& schema, std::string const& which, Refuse const& refuse) {
    ArrowSchema const* type = &schema;
    arrow_field field;
    if (std::string_view(type->format) == "+r" && type->n_children == 2 && type->children != nullptr) {
        field.run_end_encoded = true;
        for (int child = 0; child < 2; ++child) {
            if (type->children[child] == nullptr || type->children[child]->release == nullptr ||
                type->children[child]->format == nullptr)
                refuse("the runs of " + which + " have no format");
        }
        type = type->children[1];
    }
    if (type->dictionary != nullptr) {
        field.dictionary = true;
        type = type->dictionary;
        if (type->release == nullptr || type->format == nullptr)
            refuse("the dictionary of " + which + " has no format");
    }
    field.format = printable(type->format);
    return field;
}

/// How to read a column, or nothing where the reader has no use for its type. Formats are there.
std::optional<column_plan> read_plan(ArrowSchema const& schema) {
    if (std::string_view(schema.format) == "+r" && schema.n_children == 2 && schema.children != nullptr) {
        auto ends = arrow::parse_format(schema.children[0]->format);
        auto plan = read_plan(*schema.children[1]);
        if (!ends || !ends->is_run_end() || schema.children[0]->dictionary != nullptr || !plan ||
            plan->run_ends)
            return std::nullopt;
        plan->run_ends = std::move(ends);
        return plan;
    }
    auto format = arrow::parse_format(schema.format);
    if (!format) return std::nullopt;
    if (schema.dictionary == nullptr) return column_plan{std::move(*format), std::nullopt, std::nullopt};
    auto values = arrow::parse_format(schema.dictionary->format);
    if (!format->is_index() || !values || schema.dictionary->dictionary != nullptr) return std::nullopt;
    return column_plan{std::move(*format), std::move(values), std::nullopt};
}

std::shared_ptr<table_plan const> read_schema(ArrowSchema const& schema, std::string const& table) {
    auto refuse = [&table](std::string const& problem) {
        throw input_error(location{.table = table}, "the Arrow schema is damaged: " + problem);
    };
    if (schema.release == nullptr) refuse("it is released already");
    if (schema.format == nullptr) refuse("it has no format");
    if (std::string_view(schema.format) != "+s") {
        throw input_error(location{.table = table}, "is not a table but a column of the Arrow type \"" +
                                                        printable(schema.format) + '"');
    }
    constexpr std::int64_t most_columns = 1'000'000;
    if (schema.n_children < 0 || schema.n_children > most_columns) {
        refuse("it has " + std::to_string(schema.n_children) + " columns");
    }
    if (schema.n_children > 0 && schema.children == nullptr) refuse("its list of columns is missing");

    auto plan = std::make_shared<table_plan>();
    plan->table = table;
    for (std::int64_t i = 0; i < schema.n_children; ++i) {
        ArrowSchema const* const child = schema.children[i];
        std::string const which = "column " + std::to_string(i);
        if (child == nullptr || child->release == nullptr) refuse(which + " is missing");
        if (child->format == nullptr) refuse(which + " has no format");
        std::string name = child->name == nullptr ? "" : child->name;
        if (!arrow::is_utf8(name)) refuse("the name of " + which + " is not UTF-8");
        plan->fields.push_back(read_field(*child, which, refuse));
        plan->fields.back().name = std::move(name);
        auto column = read_plan(*child);
        plan->columns.push_back(std::move(column));
    }
    return plan;
}

}  // namespace

struct arrow_reader::state {
    released_once<ArrowArrayStream> stream;
    std::shared_ptr<table_plan const> plan;
    std::vector<std::size_t> selection;
    std::vector<std::string> names;
    std::int64_t rows_read = 0;

    [[noreturn]] void refuse(std::string const& problem) const {
        throw input_error(location{.table = plan ? plan->table : std::string_view{}}, problem);
    }

    /// What the producer says of an error, in a sentence.
    std::string last_error(int code) {
        char const* const said =
            stream.raw.get_last_error == nullptr ? nullptr : stream.raw.get_last_error(&stream.raw);
        std::string text = printable(said);
        if (text.empty()) text = std::generic_category().message(code);
        return "reading failed: " + text;
    }

    std::size_t find(std::string_view name) const {
        auto const& fields = plan->fields;
        auto const named = [name](arrow_field const& field) { return field.name == name; };
        auto const found = std::find_if(fields.begin(), fields.end(), named);
        if (found == fields.end()) {
            constexpr std::size_t listed = 50;
            std::string there;
            for (std::size_t i = 0; i < std::min(fields.size(), listed); ++i) {
                there += (i == 0 ? "" : ", ") + fields[i].name;
            }
            if (fields.size() > listed) there += ", …";
            throw input_error(location{.table = plan->table, .column = name},
                              fields.empty() ? "there is no such column, the table has none"
                                             : "there is no such column, only " + there);
        }
        if (std::any_of(found + 1, fields.end(), named)) {
            throw input_error(location{.table = plan->table, .column = name},
                              "there are several columns of this name");
        }
        return static_cast<std::size_t>(found - fields.begin());
    }

    void check_readable(std::size_t column) const {
        if (plan->columns[column]) return;
        arrow_field const& field = plan->fields[column];
        throw input_error(location{.table = plan->table, .column = field.name},
                          "has the Arrow type \"" + field.format + "\" (" +
                              std::string(arrow::describe_format(field.format)) +
                              (field.dictionary ? ", in a dictionary" : "") + "), which cannot be read");
    }

    /// The next array of the stream, checked as far as all columns share it; nothing at the end.
    std::shared_ptr<batch_data> next_array() {
        if (stream.raw.release == nullptr) return nullptr;
        if (stream.raw.get_next == nullptr) refuse("the Arrow stream is damaged: it cannot be read");
        auto data = std::make_shared<batch_data>();
        data->plan = plan;
        if (int const code = stream.raw.get_next(&stream.raw, &data->array.raw); code != 0) {
            data->array.raw.release = nullptr;  // after an error it holds nothing
            refuse(last_error(code));
        }
        ArrowArray const& array = data->array.raw;
        if (array.release == nullptr) return nullptr;
        column_place const place{plan->table, {}, rows_read};
        arrow::check_array(array, 0, array.length, place);
        if (array.n_buffers != 1 || array.buffers == nullptr) {
            place.damaged("a table has " + std::to_string(array.n_buffers) + " buffers of its own");
        }
        if (array.n_children != static_cast<std::int64_t>(plan->fields.size())) {
            place.damaged("it has " + std::to_string(array.n_children) + " columns, its schema " +
                          std::to_string(plan->fields.size()));
        }
        if (array.n_children > 0 && array.children == nullptr)
            place.damaged("its list of columns is missing");
        return data;
    }

    arrow_batch read_batch(std::shared_ptr<batch_data> data) {
        ArrowArray const& array = data->array.raw;
        column_place const place{plan->table, {}, rows_read};
        arrow_batch batch;
        batch.rows = static_cast<std::size_t>(array.length);
        batch.first_row = rows_read;
        arrow::bitmap const validity = arrow::validity_of(array, 0, place);
        batch.columns.reserve(selection.size());
        for (std::size_t const column : selection) {
            check_readable(column);
            column_place const here{plan->table, plan->fields[column].name, rows_read};
            ArrowArray const* const child = array.children[column];
            if (child == nullptr) here.damaged("it is missing");
            batch.columns.push_back(arrow::read_column(*child, *plan->columns[column], array.offset,
                                                       batch.rows, validity, here, data->memory));
        }
        rows_read += array.length;
        batch.owner = std::move(data);
        return batch;
    }
};

std::vector<arrow_field> arrow_fields(ArrowSchema const& schema, std::string const& table) {
    return read_schema(schema, table)->fields;
}

arrow_reader::arrow_reader(ArrowArrayStream* stream, std::string table) : state_(std::make_unique<state>()) {
    auto refuse = [&table](std::string const& problem) {
        throw input_error(location{.table = table}, problem);
    };
    if (stream == nullptr || stream->release == nullptr)
        refuse("the Arrow stream is released or read already");
    // Moving is part of the protocol: the structure is copied and the source marked as released.
    state_->stream.raw = *stream;
    stream->release = nullptr;

    ArrowArrayStream& own = state_->stream.raw;
    if (own.get_schema == nullptr) refuse("the Arrow stream is damaged: it has no schema");
    released_once<ArrowSchema> schema;
    if (int const code = own.get_schema(&own, &schema.raw); code != 0) {
        schema.raw.release = nullptr;
        refuse(state_->last_error(code));
    }
    state_->plan = read_schema(schema.raw, table);
    for (std::size_t i = 0; i < state_->plan->fields.size(); ++i) {
        state_->selection.push_back(i);
        state_->names.push_back(state_->plan->fields[i].name);
    }
}

arrow_reader::~arrow_reader() = default;
arrow_reader::arrow_reader(arrow_reader&&) noexcept = default;
arrow_reader& arrow_reader::operator=(arrow_reader&&) noexcept = default;

std::vector<arrow_field> const& arrow_reader::fields() const {
    return state_->plan->fields;
}

bool arrow_reader::contains(std::string_view name) const {
    auto const& fields = state_->plan->fields;
    return std::any_of(fields.begin(), fields.end(),
                       [name](arrow_field const& field) { return field.name == name; });
}

void arrow_reader::select(std::span<std::string const> names) {
    std::vector<std::size_t> selection;
    for (auto const& name : names) {
        selection.push_back(state_->find(name));
        state_->check_readable(selection.back());
    }
    state_->selection = std::move(selection);
    state_->names.assign(names.begin(), names.end());
}

std::vector<std::string> const& arrow_reader::selected() const {
    return state_->names;
}

std::optional<arrow_batch> arrow_reader::next() {
    try {
        if (auto data = state_->next_array()) return state_->read_batch(std::move(data));
    } catch (...) {
        state_->stream.reset();
        throw;
    }
    state_->stream.reset();
    return std::nullopt;
}

arrow_batch arrow_reader::read_all() {
    std::int64_t const first_row = state_->rows_read;
    std::vector<arrow_batch> batches;
    while (auto batch = next())
        batches.push_back(std::move(*batch));
    if (batches.size() == 1) return std::move(batches.front());

    auto data = std::make_shared<batch_data>();
    data->plan = state_->plan;
    arrow_batch whole;
    whole.first_row = first_row;
    for (auto const& batch : batches)
        whole.rows += batch.rows;
    for (std::size_t i = 0; i < state_->selection.size(); ++i) {
        state_->check_readable(state_->selection[i]);
        std::vector<column_view> parts;
        parts.reserve(batches.size());
        for (auto const& batch : batches)
            parts.push_back(batch.columns[i]);
        std::size_t const column = state_->selection[i];
        column_place const place{state_->plan->table, state_->plan->fields[column].name, first_row};
        whole.columns.push_back(arrow::concatenate(
            parts, arrow::empty_column(state_->plan->columns[column]->result()), place, data->memory));
    }
    whole.owner = std::move(data);
    return whole;
}

}  // namespace clavis::ledger

#include <cerrno>
#include <utility>

#include "clavis/core/errors.hpp"
#include "clavis/ledger/arrow.hpp"
#include "ledger/arrow_memory.hpp"

namespace clavis::ledger {
namespace {

/// What the exported structures share: they may be moved apart and released in any order by their consumer.
struct exported_table {
    std::vector<named_column> columns;
    std::vector<std::string> formats;
    std::size_t rows = 0;
    std::shared_ptr<void const> owner;
};
using table_pointer = std::shared_ptr<exported_table const>;

std::string format_of(column_view const& view) {
    switch (view.type) {
        case column_type::none:
            break;
        case column_type::int32:
            return "i";
        case column_type::int64:
            return "l";
        case column_type::float64:
            return "g";
        case column_type::utf8:
            return "u";
        case column_type::large_utf8:
            return "U";
        case column_type::date32:
            return "tdD";
        case column_type::decimal64:
            return "d:19," + std::to_string(view.scale);
        case column_type::timestamp: {
            constexpr char letters[] = {'s', 'm', 'u', 'n'};
            std::string format = "ts";
            format += letters[static_cast<std::size_t>(view.resolution)];
            format += ':';
            format += view.zone;
            return format;
        }
    }
    return {};
}

// A released structure has no release function; whatever it points at went with its private data.

/// Releases the children that their consumer has not moved out.
template <class Raw>
struct child_list : std::vector<Raw> {
    child_list() = default;
    child_list(child_list const&) = delete;
    child_list& operator=(child_list const&) = delete;
    ~child_list() {
        for (Raw& child : *this) {
            if (child.release != nullptr) child.release(&child);
        }
    }
};

struct schema_data {
    table_pointer table;
    child_list<ArrowSchema> children;
    child_list<ArrowSchema> dictionary;  // one, or none
    std::vector<ArrowSchema*> child_pointers;
};

void release_schema(ArrowSchema* schema) {
    auto* const data = static_cast<schema_data*>(schema->private_data);
    schema->release = nullptr;
    delete data;
}

void fill_schema(ArrowSchema& out, table_pointer const& table) {
    auto data = std::make_unique<schema_data>();
    data->table = table;
    data->children.resize(table->columns.size());
    for (std::size_t i = 0; i < table->columns.size(); ++i) {
        auto child_data = std::make_unique<schema_data>();
        child_data->table = table;
        ArrowSchema& child = data->children[i];
        child.format = table->formats[i].c_str();
        child.name = table->columns[i].name.c_str();
        child.flags = ARROW_FLAG_NULLABLE;
        child.release = release_schema;
        if (table->columns[i].dictionary) {
            child_data->dictionary.resize(1);
            ArrowSchema& texts = child_data->dictionary.front();
            auto texts_data = std::make_unique<schema_data>();
            texts.format = table->columns[i].dictionary.type == column_type::utf8 ? "u" : "U";
            texts.name = "";
            texts.flags = ARROW_FLAG_NULLABLE;
            texts.release = release_schema;
            texts.private_data = texts_data.release();
            child.dictionary = &texts;
        }
        child.private_data = child_data.release();
        data->child_pointers.push_back(&child);
    }
    out = {};
    out.format = "+s";
    out.name = "";
    out.n_children = static_cast<std::int64_t>(data->children.size());
    out.children = data->child_pointers.data();
    out.release = release_schema;
    out.private_data = data.release();
}

struct array_data {
    table_pointer table;
    child_list<ArrowArray> dictionary;  // one, or none
    arrow::batch_memory memory;
    std::vector<void const*> buffers;
    child_list<ArrowArray> children;
    std::vector<ArrowArray*> child_pointers;
};

void release_array(ArrowArray* array) {
    auto* const data = static_cast<array_data*>(array->private_data);
    array->release = nullptr;
    delete data;
}

/// The bitmap of a column from its first bit on.
void const* validity_buffer(column_view const& view, arrow::batch_memory& memory) {
    if (view.validity == nullptr) return nullptr;
    if (view.validity_offset % 8 == 0) return view.validity + view.validity_offset / 8;
    auto* bytes = memory.allocate_bits(view.size);
    for (std::size_t i = 0; i < view.size; ++i)
        arrow::set_bit(bytes, i, !view.is_null(i));
    return bytes;
}

/// 64-bit decimals with their sign carried on to 128 bits.
void const* decimal_buffer(column_view const& view, arrow::batch_memory& memory) {
    auto* words = memory.allocate<std::int64_t>(2 * view.size);
    for (std::size_t i = 0; i < view.size; ++i) {
        words[2 * i] = view.at<std::int64_t>(i);
        words[2 * i + 1] = words[2 * i] < 0 ? -1 : 0;
    }
    return words;
}

/// Truth values, a bit each.
void const* truth_buffer(column_view const& view, arrow::batch_memory& memory) {
    auto* bytes = memory.allocate_bits(view.size);
    for (std::size_t i = 0; i < view.size; ++i)
        arrow::set_bit(bytes, i, view.at<std::int32_t>(i) != 0);
    return bytes;
}

void fill_column(ArrowArray& out, column_view const& view, table_pointer const& table,
                 column_view const& dictionary = {}, bool truth = false) {
    auto data = std::make_unique<array_data>();
    data->table = table;
    data->buffers.push_back(validity_buffer(view, data->memory));
    auto or_nothing = [](void const* pointer) { return pointer == nullptr ? arrow::nothing : pointer; };
    if (view.is_text()) data->buffers.push_back(view.size == 0 ? arrow::nothing : view.offsets);
    data->buffers.push_back(or_nothing(truth ? truth_buffer(view, data->memory)
                                       : view.type == column_type::decimal64
                                           ? decimal_buffer(view, data->memory)
                                           : view.values));
    out = {};
    out.length = static_cast<std::int64_t>(view.size);
    out.null_count = view.validity == nullptr ? 0 : -1;
    out.n_buffers = static_cast<std::int64_t>(data->buffers.size());
    out.buffers = data->buffers.data();
    out.release = release_array;
    if (dictionary) {
        data->dictionary.resize(1);
        fill_column(data->dictionary.front(), dictionary, table);
        out.dictionary = &data->dictionary.front();
    }
    out.private_data = data.release();
}

void fill_table(ArrowArray& out, table_pointer const& table) {
    auto data = std::make_unique<array_data>();
    data->table = table;
    data->buffers.push_back(nullptr);
    data->children.resize(table->columns.size());
    for (std::size_t i = 0; i < table->columns.size(); ++i) {
        data->child_pointers.push_back(&data->children[i]);
        auto const& column = table->columns[i];
        fill_column(data->children[i], column.view, table, column.dictionary, column.truth);
    }
    out = {};
    out.length = static_cast<std::int64_t>(table->rows);
    out.n_buffers = 1;
    out.buffers = data->buffers.data();
    out.n_children = static_cast<std::int64_t>(data->children.size());
    out.children = data->child_pointers.data();
    out.release = release_array;
    out.private_data = data.release();
}

struct stream_data {
    table_pointer table;
    bool done = false;
    char const* error = nullptr;
};

/// Runs `fill`; across the C interface an exception becomes a code.
template <class Fill>
int guarded(stream_data& data, Fill&& fill) {
    try {
        fill();
        data.error = nullptr;
        return 0;
    } catch (...) {
        data.error = "out of memory";
        return ENOMEM;
    }
}

}  // namespace

void export_stream(std::vector<named_column> columns, std::shared_ptr<void const> owner,
                   ArrowArrayStream* out) {
    auto table = std::make_shared<exported_table>();
    table->owner = std::move(owner);
    table->rows = columns.empty() ? 0 : columns.front().view.size;
    for (auto const& column : columns) {
        std::string format = column.truth            ? "b"
                             : !column.dictionary    ? format_of(column.view)
                             : column.code_size == 1 ? "C"
                                                     : "S";
        if (format.empty())
            throw input_error(location{.column = column.name}, "has no type that Arrow could take");
        if (column.view.size != table->rows) {
            throw input_error(location{.column = column.name}, "has " + std::to_string(column.view.size) +
                                                                   " rows, the first column " +
                                                                   std::to_string(table->rows));
        }
        table->formats.push_back(std::move(format));
    }
    table->columns = std::move(columns);

    auto data = std::make_unique<stream_data>();
    data->table = std::move(table);
    *out = {};
    out->get_schema = [](ArrowArrayStream* stream, ArrowSchema* schema) {
        auto& own = *static_cast<stream_data*>(stream->private_data);
        return guarded(own, [&] { fill_schema(*schema, own.table); });
    };
    out->get_next = [](ArrowArrayStream* stream, ArrowArray* array) {
        auto& own = *static_cast<stream_data*>(stream->private_data);
        if (own.done) {
            *array = {};
            return 0;
        }
        int const code = guarded(own, [&] { fill_table(*array, own.table); });
        own.done = code == 0;
        return code;
    };
    out->get_last_error = [](ArrowArrayStream* stream) {
        return static_cast<stream_data const*>(stream->private_data)->error;
    };
    out->release = [](ArrowArrayStream* stream) {
        delete static_cast<stream_data*>(stream->private_data);
        stream->release = nullptr;
    };
    out->private_data = data.release();
}

}  // namespace clavis::ledger

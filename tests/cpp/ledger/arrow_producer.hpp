#pragma once

// A foreign producer of Arrow streams that can be made to get anything wrong. Every buffer is a heap block of exactly
// its size, so AddressSanitizer sees a read beyond it, and everything handed out is counted until it is released.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clavis/ledger/arrow_abi.hpp"

namespace clavis::test {

using bytes = std::vector<std::byte>;

template <class T>
bytes bytes_of(std::vector<T> const& values) {
    bytes out(values.size() * sizeof(T));
    if (!values.empty()) std::memcpy(out.data(), values.data(), out.size());
    return out;
}
inline bytes bytes_of(std::string const& text) {
    return bytes_of(std::vector<char>(text.begin(), text.end()));
}

/// Bits, the first in the lowest place.
inline bytes bits_of(std::vector<bool> const& values) {
    bytes out((values.size() + 7) / 8);
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (values[i]) out[i / 8] |= std::byte{1} << (i % 8);
    }
    return out;
}

struct foreign_type {
    std::string format{};
    std::string name{};
    std::vector<foreign_type> children{};
    std::vector<foreign_type> dictionary{};  // one or none
    // What goes wrong.
    bool no_format = false;
    bool no_child_list = false;
    bool null_children = false;
    bool released = false;
    std::optional<std::int64_t> n_children{};
};

struct foreign_array {
    std::int64_t length = 0;
    std::vector<std::optional<bytes>> buffers{};
    std::int64_t null_count = 0;
    std::int64_t offset = 0;
    std::vector<foreign_array> children{};
    std::vector<foreign_array> dictionary{};  // one or none
    // What goes wrong.
    bool no_buffer_list = false;
    bool no_child_list = false;
    bool null_children = false;
    bool released = false;
    std::optional<std::int64_t> n_buffers{};
    std::optional<std::int64_t> n_children{};
};

/// How many structures are out, and how many were released twice.
struct ledger_of_releases {
    int out = 0;
    int twice = 0;
};

namespace detail {

struct schema_node {
    ledger_of_releases* count = nullptr;
    std::string format, name;
    std::list<ArrowSchema> children;
    std::vector<ArrowSchema*> child_pointers;
    ArrowSchema dictionary{};
};

struct array_node {
    ledger_of_releases* count = nullptr;
    std::vector<std::unique_ptr<std::byte[]>> blocks;
    std::vector<void const*> buffers;
    std::list<ArrowArray> children;
    std::vector<ArrowArray*> child_pointers;
    ArrowArray dictionary{};
};

template <class Raw, class Node>
void release(Raw* raw) {
    auto* node = static_cast<Node*>(raw->private_data);
    if (node == nullptr) return;
    if (raw->release == nullptr) ++node->count->twice;
    for (auto& child : node->children) {
        if (child.release != nullptr) child.release(&child);
    }
    if (node->dictionary.release != nullptr) node->dictionary.release(&node->dictionary);
    --node->count->out;
    raw->release = nullptr;
    raw->private_data = nullptr;
    delete node;
}

/// What a "released" structure of a faulty producer still holds, freed with its parent.
template <class Raw>
void mark_released(Raw& raw) {
    raw.release(&raw);
}

inline void fill(ArrowSchema& out, foreign_type const& type, ledger_of_releases& count) {
    auto* node = new schema_node;
    node->count = &count;
    ++count.out;
    node->format = type.format;
    node->name = type.name;
    for (auto const& child : type.children) {
        fill(node->children.emplace_back(), child, count);
        node->child_pointers.push_back(type.null_children ? nullptr : &node->children.back());
    }
    if (!type.dictionary.empty()) fill(node->dictionary, type.dictionary.front(), count);
    out = {};
    out.format = type.no_format ? nullptr : node->format.c_str();
    out.name = type.name.empty() ? nullptr : node->name.c_str();
    out.flags = ARROW_FLAG_NULLABLE;
    out.n_children = type.n_children.value_or(static_cast<std::int64_t>(type.children.size()));
    out.children = type.no_child_list ? nullptr : node->child_pointers.data();
    out.dictionary = type.dictionary.empty() ? nullptr : &node->dictionary;
    out.release = release<ArrowSchema, schema_node>;
    out.private_data = node;
    if (type.released) mark_released(out);
}

inline void fill(ArrowArray& out, foreign_array const& array, ledger_of_releases& count) {
    auto* node = new array_node;
    node->count = &count;
    ++count.out;
    for (auto const& buffer : array.buffers) {
        if (!buffer) {
            node->buffers.push_back(nullptr);
            continue;
        }
        auto& block = node->blocks.emplace_back(new std::byte[buffer->size()]);
        if (!buffer->empty()) std::memcpy(block.get(), buffer->data(), buffer->size());
        node->buffers.push_back(block.get());
    }
    for (auto const& child : array.children) {
        fill(node->children.emplace_back(), child, count);
        node->child_pointers.push_back(array.null_children ? nullptr : &node->children.back());
    }
    if (!array.dictionary.empty()) fill(node->dictionary, array.dictionary.front(), count);
    out = {};
    out.length = array.length;
    out.null_count = array.null_count;
    out.offset = array.offset;
    out.n_buffers = array.n_buffers.value_or(static_cast<std::int64_t>(array.buffers.size()));
    out.n_children = array.n_children.value_or(static_cast<std::int64_t>(array.children.size()));
    out.buffers = array.no_buffer_list ? nullptr : node->buffers.data();
    out.children = array.no_child_list ? nullptr : node->child_pointers.data();
    out.dictionary = array.dictionary.empty() ? nullptr : &node->dictionary;
    out.release = release<ArrowArray, array_node>;
    out.private_data = node;
    if (array.released) mark_released(out);
}

}  // namespace detail

/// A stream of batches of one type. It must outlive what it exports.
struct foreign_stream {
    foreign_type type;
    std::vector<foreign_array> batches;
    int schema_error = 0;  // codes to return
    int batch_error = 0;   // in place of the end
    std::optional<std::string> last_error;
    bool no_get_schema = false, no_get_next = false, no_get_last_error = false;
    bool garbage_after_error =
        false;  // leaves a release function behind in an array that must not be released

    ledger_of_releases count;
    std::size_t handed_out = 0;

    ArrowArrayStream stream() {
        ArrowArrayStream out{};
        ++count.out;
        out.private_data = this;
        if (!no_get_schema) {
            out.get_schema = [](ArrowArrayStream* self, ArrowSchema* schema) {
                auto& own = *static_cast<foreign_stream*>(self->private_data);
                if (own.schema_error != 0) return own.fail(*schema, own.schema_error);
                detail::fill(*schema, own.type, own.count);
                return 0;
            };
        }
        if (!no_get_next) {
            out.get_next = [](ArrowArrayStream* self, ArrowArray* array) {
                auto& own = *static_cast<foreign_stream*>(self->private_data);
                if (own.handed_out < own.batches.size()) {
                    detail::fill(*array, own.batches[own.handed_out++], own.count);
                    return 0;
                }
                if (own.batch_error != 0) return own.fail(*array, own.batch_error);
                *array = {};
                return 0;
            };
        }
        if (!no_get_last_error) {
            out.get_last_error = [](ArrowArrayStream* self) -> char const* {
                auto& own = *static_cast<foreign_stream*>(self->private_data);
                return own.last_error ? own.last_error->c_str() : nullptr;
            };
        }
        out.release = [](ArrowArrayStream* self) {
            auto& own = *static_cast<foreign_stream*>(self->private_data);
            if (self->release == nullptr) ++own.count.twice;
            --own.count.out;
            self->release = nullptr;
        };
        return out;
    }

  private:
    template <class Raw>
    int fail(Raw& raw, int code) {
        if (garbage_after_error) {
            raw.private_data = this;
            raw.release = [](Raw* self) { ++static_cast<foreign_stream*>(self->private_data)->count.twice; };
        }
        return code;
    }
};

// ---------------------------------------------------------------- columns that are right

template <class T>
foreign_array fixed(std::vector<T> const& values) {
    return {.length = static_cast<std::int64_t>(values.size()), .buffers = {std::nullopt, bytes_of(values)}};
}

/// Marks rows as missing.
inline foreign_array with_nulls(foreign_array array, std::vector<bool> const& present) {
    array.buffers[0] = bits_of(present);
    array.null_count = -1;
    return array;
}

template <class Offset>
foreign_array text(std::vector<std::string> const& values) {
    std::vector<Offset> offsets{0};
    std::string all;
    for (auto const& value : values) {
        all += value;
        offsets.push_back(static_cast<Offset>(all.size()));
    }
    return {.length = static_cast<std::int64_t>(values.size()),
            .buffers = {std::nullopt, bytes_of(offsets), bytes_of(all)}};
}

inline foreign_array text_views(std::vector<std::string> const& values) {
    // Long texts alternate between two buffers.
    std::string shared[2];
    bytes views;
    for (std::size_t i = 0; i < values.size(); ++i) {
        auto const& value = values[i];
        std::byte view[16] = {};
        auto const size = static_cast<std::int32_t>(value.size());
        std::memcpy(view, &size, 4);
        std::memcpy(view + 4, value.data(), std::min<std::size_t>(value.size(), value.size() > 12 ? 4 : 12));
        if (value.size() > 12) {
            auto const number = static_cast<std::int32_t>(i % 2);
            auto const offset = static_cast<std::int32_t>(shared[i % 2].size());
            std::memcpy(view + 8, &number, 4);
            std::memcpy(view + 12, &offset, 4);
            shared[i % 2] += value;
        }
        views.insert(views.end(), view, view + 16);
    }
    std::vector<std::int64_t> const sizes{static_cast<std::int64_t>(shared[0].size()),
                                          static_cast<std::int64_t>(shared[1].size())};
    return {.length = static_cast<std::int64_t>(values.size()),
            .buffers = {std::nullopt, views, bytes_of(shared[0]), bytes_of(shared[1]), bytes_of(sizes)}};
}

/// A table of columns of one length.
inline foreign_array table(std::vector<foreign_array> children) {
    std::int64_t const length = children.empty() ? 0 : children.front().length;
    return {.length = length, .buffers = {std::nullopt}, .children = std::move(children)};
}

inline foreign_type table_type(std::vector<foreign_type> children) {
    return {.format = "+s", .children = std::move(children)};
}

}  // namespace clavis::test

#pragma once

// The binary interface by which programs hand each other columns in one process: the structures of the Arrow
// C data interface and C stream interface, laid out as their specification demands. Other headers may declare
// the same structures under the same guards.

#include <cstdint>

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

extern "C" {

/// The type of one column, or of a struct of columns. Whoever holds it calls release once; release null:
/// released.
struct ArrowSchema {
    char const* format;    // the type: "l" int64, "u" text, "tsu:Europe/London" a timestamp, "+s" a struct
    char const* name;      // may be null
    char const* metadata;  // may be null
    std::int64_t flags;
    std::int64_t n_children;
    ArrowSchema** children;
    ArrowSchema* dictionary;  // type of the values where the column holds indices into a dictionary

    void (*release)(ArrowSchema*);
    void* private_data;
};

/// The data of one column. Element i of the column is element offset + i of every buffer.
struct ArrowArray {
    std::int64_t length;
    std::int64_t null_count;  // -1: not counted
    std::int64_t offset;
    std::int64_t n_buffers;
    std::int64_t n_children;
    void const** buffers;
    ArrowArray** children;
    ArrowArray* dictionary;

    void (*release)(ArrowArray*);
    void* private_data;
};

}  // extern "C"

#endif  // ARROW_C_DATA_INTERFACE

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

extern "C" {

/// A sequence of arrays of one type. The functions return 0 or an errno code, of which get_last_error then
/// says more; the end is an array whose release is null.
struct ArrowArrayStream {
    int (*get_schema)(ArrowArrayStream*, ArrowSchema* out);
    int (*get_next)(ArrowArrayStream*, ArrowArray* out);
    char const* (*get_last_error)(ArrowArrayStream*);

    void (*release)(ArrowArrayStream*);
    void* private_data;
};

}  // extern "C"

#endif  // ARROW_C_STREAM_INTERFACE

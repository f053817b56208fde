#pragma once

// The columns of a simulated shop: vectors that are not cleared when they grow, since every element is written once
// by the simulation, and whose memory comes in large pages where the system offers them. Hundreds of millions of
// values are then touched once.

#include <cstddef>
#include <vector>

namespace clavis::simulate {

/// Memory for a column. Throws std::bad_alloc.
void* allocate_column(std::size_t bytes);
void free_column(void* memory) noexcept;

template <class T>
struct column_allocator {
    using value_type = T;

    column_allocator() = default;
    template <class U>
    column_allocator(column_allocator<U> const&) noexcept {}  // NOLINT: allocators convert

    T* allocate(std::size_t size) { return static_cast<T*>(allocate_column(size * sizeof(T))); }
    void deallocate(T* memory, std::size_t) noexcept { free_column(memory); }

    /// New elements hold whatever the memory held.
    template <class U>
    void construct(U*) noexcept {}
    template <class U, class Argument>
    void construct(U* place, Argument&& argument) {
        ::new (static_cast<void*>(place)) U(static_cast<Argument&&>(argument));
    }

    friend bool operator==(column_allocator, column_allocator) noexcept { return true; }
};

template <class T>
using shop_column = std::vector<T, column_allocator<T>>;

}  // namespace clavis::simulate

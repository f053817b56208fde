#pragma once

// Memory for large columns. Pages that the system hands out anew must be cleared first, which takes a fifth to two fifths
// of what a summary of many rows takes; so what such columns gave back is kept for the next ones, up to an eighth of the
// machine's memory (keep_memory) and never more than was in use at once before. On Linux the system may take kept pages
// whenever it needs them (MADV_FREE); until then they count as memory of the process. Large pages are asked for.

#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace clavis {

/// At least `bytes`, of any content; throws std::bad_alloc.
void* allocate_large(std::size_t bytes);
/// Gives back what allocate_large(bytes) returned.
void free_large(void* data, std::size_t bytes) noexcept;

/// Keeps at most as many bytes for later calls from now on, and gives the rest back to the system; 0 keeps nothing.
void keep_memory(std::size_t most) noexcept;
/// How many bytes are kept now.
std::size_t kept_memory() noexcept;

/// Leaves numbers unset where a vector would set them to 0.
template <class T>
struct large_allocator {
    using value_type = T;

    large_allocator() = default;
    template <class Other>
    large_allocator(large_allocator<Other> const&) noexcept {}  // NOLINT: meant to convert

    T* allocate(std::size_t count) {
        if (count > static_cast<std::size_t>(-1) / sizeof(T)) throw std::bad_array_new_length();
        return static_cast<T*>(allocate_large(count * sizeof(T)));
    }
    void deallocate(T* data, std::size_t count) noexcept { free_large(data, count * sizeof(T)); }
    template <class U>
    void construct(U* place) noexcept {
        ::new (static_cast<void*>(place)) U;
    }
    template <class U, class... Arguments>
    void construct(U* place, Arguments&&... arguments) {
        ::new (static_cast<void*>(place)) U(std::forward<Arguments>(arguments)...);
    }
    template <class Other>
    bool operator==(large_allocator<Other> const&) const noexcept {
        return true;
    }
};

/// A vector whose resize() does not fill.
template <class T>
using large_vector = std::vector<T, large_allocator<T>>;

}  // namespace clavis

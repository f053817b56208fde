#pragma once

// Large buffers in large pages, where the system has them: a fault for 2 MB instead of 512, and fewer misses of the
// table of pages where rows are dealt out to many places. Changes nothing else.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace clavis::ledger {

inline void prefer_huge_pages([[maybe_unused]] void* data, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    constexpr std::uintptr_t page = std::uintptr_t{1} << 21;
    if (bytes < 2 * page) return;
    auto const address = reinterpret_cast<std::uintptr_t>(data);
    std::uintptr_t const to_page = (page - address % page) % page;
    ::madvise(static_cast<char*>(data) + to_page, (bytes - to_page) / page * page, MADV_HUGEPAGE);
#endif
}

/// Asks for them before the memory is first touched.
template <class T>
struct huge_page_allocator {
    using value_type = T;

    huge_page_allocator() = default;
    template <class Other>
    huge_page_allocator(huge_page_allocator<Other> const&) noexcept {}  // NOLINT: meant to convert

    T* allocate(std::size_t count) {
        T* const data = std::allocator<T>().allocate(count);
        prefer_huge_pages(data, count * sizeof(T));
        return data;
    }
    void deallocate(T* data, std::size_t count) noexcept { std::allocator<T>().deallocate(data, count); }
    template <class Other>
    bool operator==(huge_page_allocator<Other> const&) const noexcept {
        return true;
    }
};

template <class T>
using huge_vector = std::vector<T, huge_page_allocator<T>>;

}  // namespace clavis::ledger

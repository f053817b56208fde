#pragma once

// Large buffers in large pages, where the system has them: a fault for 2 MB instead of 512, and fewer misses of the
// table of pages where rows are dealt out to many places. Changes nothing else.

#include <cstddef>
#include <cstdint>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace clavis::ledger {

inline void prefer_huge_pages([[maybe_unused]] void* data, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    constexpr std::uintptr_t page = std::uintptr_t{1} << 21;
    if (bytes < 2 * page) return;
    auto const begin = (reinterpret_cast<std::uintptr_t>(data) + page - 1) & ~(page - 1);
    auto const end = (reinterpret_cast<std::uintptr_t>(data) + bytes) & ~(page - 1);
    if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

}  // namespace clavis::ledger

#include "clavis/simulate/shop_column.hpp"

#include <cstdlib>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace clavis::simulate {

void* allocate_column(std::size_t bytes) {
    constexpr std::size_t page = std::size_t{1} << 21;
    bool const large = bytes >= 2 * page;
    if (bytes > static_cast<std::size_t>(-1) - page) throw std::bad_alloc();
    void* const memory =
        large ? std::aligned_alloc(page, (bytes + page - 1) / page * page) : std::malloc(bytes);
    if (memory == nullptr) throw std::bad_alloc();
#if defined(__linux__)
    // A hint: where it is not taken, pages are small.
    if (large) (void)madvise(memory, bytes, MADV_HUGEPAGE);
#endif
    return memory;
}

void free_column(void* memory) noexcept {
    std::free(memory);
}

}  // namespace clavis::simulate

#include "clavis/simulate/shop_column.hpp"

#include <cstdlib>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace clavis::simulate {

void* allocate_column(std::size_t bytes) {
    constexpr std::size_t page = 64;
    constexpr std::size_t large_page = std::size_t{1} << 21;
    bool const large = bytes >= 2 * large_page;
    std::size_t const unit = large ? large_page : page;
    if (bytes > static_cast<std::size_t>(-1) - unit) throw std::bad_alloc();
    void* const memory = std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit);
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

#include "clavis/core/large_memory.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define CLAVIS_KEEPS_MEMORY 1
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace clavis {

#ifdef CLAVIS_KEEPS_MEMORY

namespace {

constexpr std::size_t page = std::size_t{1} << 21;

std::size_t whole_pages(std::size_t bytes) {
    if (bytes > static_cast<std::size_t>(-1) - page) throw std::bad_alloc();
    return (bytes + page - 1) / page * page;
}

std::size_t eighth_of_memory() {
    long const pages = ::sysconf(_SC_PHYS_PAGES);
    long const size = ::sysconf(_SC_PAGESIZE);
    if (pages <= 0 || size <= 0) return 0;
    return static_cast<std::size_t>(pages) / 8 * static_cast<std::size_t>(size);
}

/// Begins at a large page, so that all of it can be large pages; nullptr where there is no room.
void* map_pages(std::size_t bytes) {
    std::size_t const with_room = bytes + page;
    void* const mapped =
        ::mmap(nullptr, with_room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    auto* const begin = static_cast<char*>(mapped);
    std::size_t const before = (page - reinterpret_cast<std::uintptr_t>(begin) % page) % page;
    if (before > 0) ::munmap(begin, before);
    if (page - before > 0) ::munmap(begin + before + bytes, page - before);
    ::madvise(begin + before, bytes, MADV_HUGEPAGE);
    return begin + before;
}

/// What is kept, by size.
class kept_pages {
  public:
    void* take(std::size_t bytes) {
        std::lock_guard const lock(mutex_);
        void* data = nullptr;
        auto const fitting = kept_.lower_bound(bytes);
        // A small column out of a large one would leave the next large one without.
        if (fitting != kept_.end() && fitting->first <= 2 * bytes) {
            auto const [size, found] = *fitting;
            kept_.erase(fitting);
            held_ -= size;
            data = found;
            if (size > bytes) put(static_cast<char*>(found) + bytes, size - bytes);
        } else {
            // What is kept is as much as was used at once before: it makes room for what is new.
            while (held_ > 0 && held_ + used_ + bytes > most_used_)
                drop_largest();
            data = map_pages(bytes);
            while (data == nullptr && held_ > 0) {
                drop_largest();
                data = map_pages(bytes);
            }
            if (data == nullptr) throw std::bad_alloc();
        }
        used_ += bytes;
        most_used_ = std::max(most_used_, used_);
        return data;
    }
    void give_back(void* data, std::size_t bytes) noexcept {
        std::lock_guard const lock(mutex_);
        used_ -= bytes;
        if (held_ + bytes > most_) {
            ::munmap(data, bytes);
            return;
        }
#ifdef MADV_FREE
        ::madvise(data, bytes, MADV_FREE);
#endif
        put(data, bytes);
    }
    void keep(std::size_t most) noexcept {
        std::lock_guard const lock(mutex_);
        most_ = most;
        while (held_ > most_)
            drop_largest();
    }
    std::size_t held() const noexcept {
        std::lock_guard const lock(mutex_);
        return held_;
    }

  private:
    void put(void* data, std::size_t bytes) noexcept {
        try {
            kept_.emplace(bytes, data);
            held_ += bytes;
        } catch (...) {
            ::munmap(data, bytes);
        }
    }
    void drop_largest() noexcept {
        auto const last = std::prev(kept_.end());
        ::munmap(last->second, last->first);
        held_ -= last->first;
        kept_.erase(last);
    }

    mutable std::mutex mutex_;
    std::multimap<std::size_t, void*> kept_;
    std::size_t held_ = 0;
    std::size_t used_ = 0;
    std::size_t most_used_ = 0;
    std::size_t most_ = eighth_of_memory();
};

/// Never destroyed: columns may be given back while a program ends.
kept_pages& pages() {
    static auto* const all = new kept_pages;
    return *all;
}

}  // namespace

void* allocate_large(std::size_t bytes) {
    return bytes < page ? ::operator new(bytes) : pages().take(whole_pages(bytes));
}

void free_large(void* data, std::size_t bytes) noexcept {
    if (bytes < page) {
        ::operator delete(data);
    } else {
        pages().give_back(data, (bytes + page - 1) / page * page);
    }
}

void keep_memory(std::size_t most) noexcept {
    pages().keep(most);
}

std::size_t kept_memory() noexcept {
    return pages().held();
}

#else

void* allocate_large(std::size_t bytes) {
    return ::operator new(bytes);
}

void free_large(void* data, std::size_t) noexcept {
    ::operator delete(data);
}

void keep_memory(std::size_t) noexcept {}

std::size_t kept_memory() noexcept {
    return 0;
}

#endif

}  // namespace clavis

#pragma once

// Work in fixed blocks. Block boundaries depend on the size of the work alone, never on the number of threads, so a
// reduction that adds block results in block order gives the same bits for any number of threads. There is no pool:
// threads live for one call.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "clavis/core/progress.hpp"

namespace clavis {

/// The number of threads to use: `asked`, or every core where asked is 0.
inline unsigned thread_count(unsigned asked) {
    if (asked > 0) return asked;
    return std::max(1U, std::thread::hardware_concurrency());
}

/// How many blocks of `block_size` cover `size` items.
constexpr std::size_t block_count(std::size_t size, std::size_t block_size) {
    return (size + block_size - 1) / block_size;
}

/// Calls body(block, begin, end) for every block of [0, size). Blocks run in any order on up to `threads` threads
/// (0: every core). The calling thread reports progress under `stage`. The first exception stops the rest and is
/// rethrown here.
template <class Body>
void parallel_blocks(std::size_t size, std::size_t block_size, unsigned threads, Body&& body,
                     progress const& watch = {}, std::string_view stage = {}) {
    std::size_t const blocks = block_count(size, block_size);
    auto run = [&](std::size_t block) {
        std::size_t const begin = block * block_size;
        body(block, begin, std::min(size, begin + block_size));
    };
    unsigned const workers = static_cast<unsigned>(std::min<std::size_t>(thread_count(threads), blocks));
    if (workers <= 1) {
        for (std::size_t block = 0; block < blocks; ++block) {
            watch.report(stage, static_cast<double>(block) / static_cast<double>(blocks));
            run(block);
        }
        return;
    }

    std::atomic<std::size_t> next{0};
    std::atomic<std::size_t> finished{0};
    std::mutex mutex;
    std::condition_variable wake;
    unsigned active = workers;
    std::exception_ptr failure;
    auto work = [&] {
        try {
            for (std::size_t block = next++; block < blocks; block = next++) {
                run(block);
                ++finished;
            }
        } catch (...) {
            std::lock_guard lock(mutex);
            if (!failure) failure = std::current_exception();
            next = blocks;
        }
        std::lock_guard lock(mutex);
        --active;
        wake.notify_one();
    };
    std::vector<std::thread> crew;
    crew.reserve(workers);
    for (unsigned i = 0; i < workers; ++i)
        crew.emplace_back(work);
    {
        // The caller's thread only waits and reports, so a callback is never called from a worker.
        std::unique_lock lock(mutex);
        while (!wake.wait_for(lock, std::chrono::milliseconds(50), [&] { return active == 0; })) {
            lock.unlock();
            try {
                watch.report(stage, static_cast<double>(finished) / static_cast<double>(blocks));
            } catch (...) {
                std::lock_guard guard(mutex);
                if (!failure) failure = std::current_exception();
                next = blocks;
            }
            lock.lock();
        }
    }
    for (auto& thread : crew)
        thread.join();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace clavis

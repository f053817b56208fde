#include "clavis/core/large_memory.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <thread>
#include <vector>

namespace clavis {
namespace {

constexpr std::size_t page = std::size_t{1} << 21;

TEST(LargeMemory, WhatIsGivenBackIsKeptWithinTheLimit) {
    keep_memory(8 * page);
    for (std::size_t pages : {1U, 3U, 20U}) {
        std::size_t const bytes = pages * page - 100;
        void* const data = allocate_large(bytes);
        free_large(data, bytes);
        EXPECT_LE(kept_memory(), 8 * page);
    }
    keep_memory(0);
    EXPECT_EQ(kept_memory(), 0U);
    free_large(allocate_large(page), page);
    EXPECT_EQ(kept_memory(), 0U);
    keep_memory(std::size_t{1} << 28);
}

TEST(LargeMemory, BlocksNeverOverlap) {
    keep_memory(16 * page);
    std::mt19937_64 random(5);
    std::vector<large_vector<std::uint64_t>> held;
    for (int step = 0; step < 400; ++step) {
        if (held.size() < 6 || random() % 2 == 0) {
            held.emplace_back(1 + random() % (4 * page / 8));
            std::uint64_t const mark = reinterpret_cast<std::uintptr_t>(held.back().data());
            for (std::size_t i = 0; i < held.back().size(); i += 256)
                held.back()[i] = mark + i;
            held.back().back() = mark + held.back().size() - 1;
        } else {
            std::swap(held[random() % held.size()], held.back());
            held.pop_back();
        }
        for (auto const& one : held) {
            std::uint64_t const mark = reinterpret_cast<std::uintptr_t>(one.data());
            ASSERT_EQ(one.front(), mark);
            ASSERT_EQ(one.back(), mark + one.size() - 1);
        }
    }
    held.clear();
    EXPECT_LE(kept_memory(), 16 * page);
    keep_memory(std::size_t{1} << 28);
}

TEST(LargeMemory, ThreadsMayShareIt) {
    std::vector<std::thread> crew;
    for (unsigned worker = 0; worker < 4; ++worker)
        crew.emplace_back([worker] {
            for (std::size_t round = 0; round < 50; ++round) {
                large_vector<std::uint32_t> own(page / 4 * (1 + (round + worker) % 3));
                own.front() = own.back() = worker;
                std::this_thread::yield();
                EXPECT_EQ(own.front(), worker);
                EXPECT_EQ(own.back(), worker);
            }
        });
    for (auto& one : crew)
        one.join();
}

TEST(LargeMemory, ASizeThatNoMachineHasIsAnError) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer ends the process where a size is too large";
#endif
    EXPECT_THROW((void)large_vector<double>(std::size_t{1} << 59), std::bad_alloc);
}

}  // namespace
}  // namespace clavis

// Runs the fuzzer's inputs, and bytes from a fixed random sequence, in the ordinary tests and their sanitizers.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "../../fuzz/arrow_input.hpp"

namespace {

using clavis::test::read_arrow_input;

TEST(ArrowFuzz, TheCorpusNeverBreaksTheReader) {
    int files = 0, accepted = 0;
    for (auto const& entry :
         std::filesystem::directory_iterator(CLAVIS_SOURCE_DIR "/tests/fuzz/arrow_reader_corpus")) {
        std::ifstream file(entry.path(), std::ios::binary);
        std::string const text(std::istreambuf_iterator<char>(file), {});
        std::vector<std::uint8_t> const input(text.begin(), text.end());
        accepted += read_arrow_input(input) ? 1 : 0;
        ++files;
    }
    EXPECT_GT(files, 20);
    EXPECT_GT(accepted, 5) << "some inputs are right";
    EXPECT_LT(accepted, files) << "and some are wrong";
}

TEST(ArrowFuzz, RandomBytesNeverBreakTheReader) {
    char const* const share = std::getenv("CLAVIS_VERIFY");
    int const rounds = static_cast<int>(200'000 * (share == nullptr ? 0.01 : std::atof(share)));
    std::mt19937_64 random(20'260'101);
    int accepted = 0;
    for (int round = 0; round < rounds; ++round) {
        std::vector<std::uint8_t> input(random() % 400);
        // Small numbers keep most streams right, large ones make the mistakes.
        std::uint64_t const most = round % 3 == 0 ? 256 : 240;
        for (auto& value : input)
            value = static_cast<std::uint8_t>(random() % most);
        accepted += read_arrow_input(input) ? 1 : 0;
    }
    if (rounds >= 1000) {
        EXPECT_GT(accepted, rounds / 100);
        EXPECT_LT(accepted, rounds);
    }
}

}  // namespace

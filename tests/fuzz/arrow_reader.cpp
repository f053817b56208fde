// Fuzzes the Arrow reader with libFuzzer:
//
//     clang++-16 -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -Iinclude -Isrc -Itests/cpp
//         tests/fuzz/arrow_reader.cpp src/ledger/arrow_*.cpp -o fuzz_arrow_reader
//     ./fuzz_arrow_reader -max_len=4096 tests/fuzz/arrow_corpus

#include "arrow_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    clavis::test::read_arrow_input({data, size});
    return 0;
}

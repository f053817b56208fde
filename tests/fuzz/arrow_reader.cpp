// Fuzzes the Arrow reader: the input says what a producer hands out, right or wrong (arrow_input.hpp).

#include "arrow_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    clavis::test::read_arrow_input({data, size});
    return 0;
}

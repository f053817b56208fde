// Fuzzes the saved states of a summarizer: the input is the body of a state, without its head and its checksum, which are
// made to fit, so that what lies behind them is reached.

#include <cstdint>
#include <span>
#include <vector>

#include "clavis/ledger/summarize.hpp"
#include "fuzzing.hpp"
#include "ledger/summary_bytes.hpp"

using namespace clavis;
using namespace clavis::ledger;
using clavis::fuzzing::allow_input_errors;
using clavis::fuzzing::require;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::vector<std::uint8_t> bytes = begin_state(saved_summarizer);
    bytes.insert(bytes.end(), data, data + size);
    end_state(bytes);
    allow_input_errors([&] { summarizer::from_bytes({data, size}, 1); });
    allow_input_errors([&] {
        summarizer state = summarizer::from_bytes(bytes, 1);
        // What was read can be written and read again, and stays the same.
        std::vector<std::uint8_t> const saved = state.to_bytes();
        summarizer const again = summarizer::from_bytes(saved, 1);
        require(again.to_bytes() == saved);
        allow_input_errors([&] { state.finish(); });
        allow_input_errors([&] { state.daily(); });
        allow_input_errors([&] { state.merge(again); });
        allow_input_errors([&] { state.finish(); });
    });
    return 0;
}

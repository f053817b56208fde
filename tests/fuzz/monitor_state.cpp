// Fuzzes the saved states of a defection monitor: the input is the body of a state, without its head and its checksum,
// which are made to fit, so that what lies behind them is reached.

#include <cstdint>
#include <span>
#include <vector>

#include "clavis/defection/monitor.hpp"
#include "defection/monitor_bytes.hpp"
#include "fuzzing.hpp"

using namespace clavis;
using namespace clavis::defection;
using clavis::fuzzing::allow_input_errors;
using clavis::fuzzing::require;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::vector<std::uint8_t> bytes = begin_state(saved_monitor);
    bytes.insert(bytes.end(), data, data + size);
    end_state(bytes);
    allow_input_errors([&] { monitor::from_bytes({data, size}); });
    allow_input_errors([&] {
        monitor state = monitor::from_bytes(bytes);
        // What was read can be written and read again, and stays the same.
        std::vector<std::uint8_t> const saved = state.to_bytes();
        monitor const again = monitor::from_bytes(saved);
        require(again.to_bytes() == saved);
        allow_input_errors([&] { state.states(); });
        allow_input_errors([&] { state.merge(again); });
        allow_input_errors([&] {
            auto const found = state.update({}, state.received_until() + std::chrono::days{400});
            for (std::size_t i = 0; i < found.size(); ++i)
                require(!found.sentence(i).empty());
        });
        allow_input_errors([&] { state.states(); });
    });
    return 0;
}

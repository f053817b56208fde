// Fuzzes the reader of saved models: anything but a whole document is refused, and what is read can be written again.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <variant>

#include "clavis/core/errors.hpp"
#include "clavis/lifetime/saved_model.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    namespace lifetime = clavis::lifetime;
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    try {
        auto const saved = lifetime::from_json(text);
        auto const* report = saved.report ? &*saved.report : nullptr;
        auto const written = lifetime::to_json(saved.model, report);
        auto const again = lifetime::from_json(written);
        if (again.model.index() != saved.model.index() ||
            lifetime::to_json(again.model, again.report ? &*again.report : nullptr) != written)
            std::abort();
        std::visit([](auto const& model) { model.validate(); }, saved.model);
    } catch (clavis::input_error const&) {
    }
    return 0;
}

#include "clavis/ledger/transactions.hpp"

#include <array>
#include <string>
#include <utility>

#include "clavis/core/errors.hpp"

namespace clavis::ledger {

namespace {

constexpr std::array<std::string_view, 2> policies{"net", "ignore"};
constexpr std::array<std::string_view, 5> collapses{"none", "hour", "day", "week", "month"};

template <class Enum, std::size_t size>
Enum parse(std::string_view text, std::array<std::string_view, size> const& names, std::string_view option) {
    for (std::size_t i = 0; i < size; ++i)
        if (text == names[i]) return static_cast<Enum>(i);
    std::string problem = "is none of";
    for (auto name : names)
        problem += ' ' + std::string(name);
    throw input_error(std::string(option) + ": \"" + std::string(text) + "\" " + problem);
}

}  // namespace

returns_policy parse_returns_policy(std::string_view text) {
    return parse<returns_policy>(text, policies, "returns");
}

collapse parse_collapse(std::string_view text) {
    return parse<collapse>(text, collapses, "collapse");
}

std::string_view to_string(returns_policy value) noexcept {
    return policies[static_cast<std::size_t>(value)];
}

std::string_view to_string(collapse value) noexcept {
    return collapses[static_cast<std::size_t>(value)];
}

}  // namespace clavis::ledger

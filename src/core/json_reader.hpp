#pragma once

// Documents in JSON from strangers: size, depth, keys and types are checked before anything is believed, and what is
// refused is named in a sentence: subject, place, value.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace clavis {

using json = nlohmann::ordered_json;

/// At most 60 bytes of what the document says there.
std::string quote(json const& value);

struct json_reader {
    std::string_view subject;  ///< begins every sentence: "tier program"
    std::size_t most_bytes;
    int deepest;  ///< how deep objects and lists may nest

    /// Throws input_error: subject, where: problem.
    [[noreturn]] void refuse(std::string const& where, std::string const& problem) const;
    /// The document; a key that stands twice is refused.
    json parse(std::string_view text) const;

    void check_keys(json const& object, std::string const& where,
                    std::initializer_list<char const*> known) const;
    /// What stands under a key; refused where it is missing.
    json const& at(json const& object, std::string const& where, char const* key) const;
    std::string text(json const& value, std::string const& where) const;
    bool truth(json const& value, std::string const& where) const;
    std::int64_t whole(json const& value, std::string const& where, std::int64_t least,
                       std::int64_t most) const;
};

}  // namespace clavis

#include "json_reader.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <vector>

#include "clavis/core/errors.hpp"

namespace clavis {

std::string quote(json const& value) {
    std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
    if (text.size() > 60) text = text.substr(0, 57) + "...";
    return text;
}

void json_reader::refuse(std::string const& where, std::string const& problem) const {
    throw input_error(std::string(subject) + (where.empty() ? "" : ", " + where) + ": " + problem);
}

json json_reader::parse(std::string_view text) const {
    if (text.size() > most_bytes)
        refuse("", "the document is larger than " + (most_bytes >> 20 > 0
                                                         ? std::to_string(most_bytes >> 20) + " MB"
                                                         : std::to_string(most_bytes >> 10) + " KB"));
    std::vector<std::set<std::string>> keys;
    auto watch = [&](int depth, json::parse_event_t event, json& value) {
        if (depth > deepest)
            refuse("", "the document nests deeper than " + std::to_string(deepest) + " levels");
        if (event == json::parse_event_t::object_start) {
            keys.emplace_back();
        } else if (event == json::parse_event_t::object_end) {
            keys.pop_back();
        } else if (event == json::parse_event_t::key &&
                   !keys.back().insert(value.get<std::string>()).second) {
            refuse("", "the key " + quote(value) + " stands twice in one object");
        }
        return true;
    };
    try {
        return json::parse(text, watch);
    } catch (json::parse_error const& error) {
        refuse("", "not JSON at byte " + std::to_string(error.byte));
    } catch (json::exception const&) {
        refuse("", "not JSON: a number is out of range");
    }
}

void json_reader::check_keys(json const& object, std::string const& where,
                             std::initializer_list<char const*> known) const {
    if (!object.is_object()) refuse(where, quote(object) + " is not an object");
    for (auto const& item : object.items()) {
        if (std::find(known.begin(), known.end(), item.key()) != known.end()) continue;
        std::string list;
        for (auto const* key : known)
            list += (list.empty() ? "" : ", ") + std::string(key);
        refuse(where, "unknown key " + quote(json(item.key())) + "; known are " + list);
    }
}

json const& json_reader::at(json const& object, std::string const& where, char const* key) const {
    auto const found = object.find(key);
    if (found == object.end()) refuse(where, std::string(key) + " is missing");
    return *found;
}

std::string json_reader::text(json const& value, std::string const& where) const {
    if (!value.is_string()) refuse(where, quote(value) + " is not text");
    return value.get<std::string>();
}

bool json_reader::truth(json const& value, std::string const& where) const {
    if (!value.is_boolean()) refuse(where, quote(value) + " is not true or false");
    return value.get<bool>();
}

std::int64_t json_reader::whole(json const& value, std::string const& where, std::int64_t least,
                                std::int64_t most) const {
    if (!value.is_number_integer()) refuse(where, quote(value) + " is not a whole number");
    bool const huge =
        value.is_number_unsigned() &&
        value.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (huge || value.get<std::int64_t>() < least || value.get<std::int64_t>() > most)
        refuse(where, quote(value) + " does not lie between " + std::to_string(least) + " and " +
                          std::to_string(most));
    return value.get<std::int64_t>();
}

}  // namespace clavis

#include "defection/records.hpp"

#include <cstdio>
#include <string_view>
#include <type_traits>

#include "clavis/core/errors.hpp"

namespace clavis::defection {

std::string number(char const* format, double value) {
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, format, value);
    return buffer;
}

identifiers select(identifiers const& ids, std::vector<std::size_t> const& rows) {
    if (ids.size() == 0) return {};
    if (ids.is_text()) {
        text_column text;
        for (std::size_t const row : rows)
            text.push_back(ids.text()[row]);
        return text;
    }
    std::vector<std::int64_t> integers;
    integers.reserve(rows.size());
    for (std::size_t const row : rows)
        integers.push_back(ids.integers()[row]);
    return integers;
}

namespace {

/// Calls body with an accessor of comparable keys: integers or text.
template <class Body>
void with_keys(bool text, Body&& body) {
    if (text) {
        body([](identifiers const& ids, std::size_t row) { return ids.text()[row]; });
    } else {
        body([](identifiers const& ids, std::size_t row) { return ids.integers()[row]; });
    }
}

bool has_text(identifiers const& left, identifiers const& right) {
    return left.size() > 0 ? left.is_text() : right.is_text();
}

}  // namespace

id_pairs pair_ids(identifiers const& left, identifiers const& right) {
    id_pairs result;
    result.reserve(left.size() + right.size());
    with_keys(has_text(left, right), [&](auto key) {
        std::size_t i = 0;
        std::size_t j = 0;
        while (i < left.size() || j < right.size()) {
            if (j == right.size() || (i < left.size() && key(left, i) < key(right, j))) {
                result.push_back({i++, id_pair::none});
            } else if (i == left.size() || key(right, j) < key(left, i)) {
                result.push_back({id_pair::none, j++});
            } else {
                result.push_back({i++, j++});
            }
        }
    });
    return result;
}

identifiers join_ids(identifiers const& left, identifiers const& right, id_pairs const& pairs) {
    auto gather = [&](auto key, auto into) {
        for (id_pair const& one : pairs)
            into.push_back(one.left != id_pair::none ? key(left, one.left) : key(right, one.right));
        return into;
    };
    identifiers result;
    with_keys(has_text(left, right), [&](auto key) {
        if constexpr (std::is_same_v<decltype(key(left, 0)), std::string_view>) {
            result = gather(key, text_column());
        } else {
            result = gather(key, std::vector<std::int64_t>());
        }
    });
    return result;
}

void check_same_kind(identifiers const& known, identifiers const& added, char const* table,
                     char const* other) {
    if (known.size() == 0 || added.size() == 0 || known.is_text() == added.is_text()) return;
    std::string const here = added.is_text() ? "text" : "integers";
    std::string const there = known.is_text() ? "text" : "integers";
    throw input_error({.table = table, .column = "customer_id"},
                      "is " + here + " where " + other + " has " + there);
}

void check_history(ledger::history const& records) {
    std::size_t const entries = records.day.size();
    if (records.customer_id.size() != records.size() || records.orders.size() != entries ||
        records.offsets.front() != 0 || static_cast<std::size_t>(records.offsets.back()) != entries)
        throw input_error("history: columns of different length");
}

}  // namespace clavis::defection

#include "defection/records.hpp"

#include <cstdio>

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

void check_history(ledger::history const& records) {
    std::size_t const entries = records.day.size();
    if (records.customer_id.size() != records.size() || records.orders.size() != entries ||
        records.offsets.front() != 0 || static_cast<std::size_t>(records.offsets.back()) != entries)
        throw input_error("history: columns of different length");
}

}  // namespace clavis::defection

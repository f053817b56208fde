#include "ledger/saved_ids.hpp"

#include <limits>

namespace clavis::ledger {

void write_ids(identifiers const& ids, byte_writer& to) {
    to.number(ids.size());
    if (ids.size() == 0) return;
    to.byte(ids.is_text() ? 1 : 0);
    if (ids.is_text()) {
        for (std::size_t i = 0; i < ids.size(); ++i)
            to.text(ids.text()[i]);
        return;
    }
    auto const& integers = ids.integers();
    to.signed_number(integers[0]);
    for (std::size_t i = 1; i < integers.size(); ++i)
        to.number(static_cast<std::uint64_t>(integers[i]) - static_cast<std::uint64_t>(integers[i - 1]) - 1);
}

identifiers read_ids(byte_reader& from) {
    std::uint64_t const count = from.number();
    if (count > from.left()) byte_reader::fail("ends early");  // an id takes a byte at least
    if (count >= std::numeric_limits<std::uint32_t>::max()) byte_reader::fail("holds too many ids");
    if (count == 0) return {};
    if (from.flag()) {
        text_column names;
        for (std::uint64_t i = 0; i < count; ++i) {
            names.push_back(from.text());
            if (names[i].empty() || (i > 0 && names[i - 1] >= names[i]))
                byte_reader::fail("holds ids out of order");
        }
        return names;
    }
    std::vector<std::int64_t> integers(count);
    integers[0] = from.signed_number();
    for (std::size_t i = 1; i < count; ++i) {
        std::uint64_t const room = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) -
                                   static_cast<std::uint64_t>(integers[i - 1]);
        std::uint64_t const gap = from.number();
        if (gap >= room) byte_reader::fail("holds an id out of bounds");
        integers[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(integers[i - 1]) + gap + 1);
    }
    return integers;
}

}  // namespace clavis::ledger

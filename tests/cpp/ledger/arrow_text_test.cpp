// UTF-8, whatever the text stands behind.

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "ledger/arrow_fixture.hpp"
#include "ledger/arrow_text.hpp"

namespace {

using namespace clavis;
using namespace clavis::test;

TEST_F(ArrowReader, KnowsUtf8) {
    // Every two-, three- and four-byte form at the edges of what Unicode allows (table 3-7 of the standard).
    auto accepts = [](std::string const& value) {
        foreign_stream one;
        one.type = table_type({{.format = "u", .name = "x"}});
        one.batches = {table({text<std::int32_t>({value})})};
        ArrowArrayStream stream = one.stream();
        try {
            arrow_reader(&stream).read_all();
            return true;
        } catch (input_error const&) {
            return false;
        }
    };
    for (char const* good : {"\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                             "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "12345678\xc3\xab",
                             "1234567\xc3\xab", "12345678123\xe2\x82\xac"}) {
        EXPECT_TRUE(accepts(good)) << good;
    }
    for (char const* bad : {"\x80",
                            "\xbf",
                            "\xc0\x80",
                            "\xc1\xbf",
                            "\xc2",
                            "\xc2\x7f",
                            "\xc2\xc0",
                            "\xe0\x9f\xbf",
                            "\xe0\xa0",
                            "\xe0\xa0\x7f",
                            "\xed\xa0\x80",
                            "\xe2\x82",
                            "\xef\xbf",
                            "\xf0\x8f\xbf\xbf",
                            "\xf0\x90\x80",
                            "\xf0\x90\x80\x7f",
                            "\xf0\x90\x7f\x80",
                            "\xf4\x90\x80\x80",
                            "\xf5\x80\x80\x80",
                            "\xff",
                            "12345678\xff",
                            "1234567\xc3"}) {
        EXPECT_FALSE(accepts(bad)) << bad;
    }
}

/// Decodes character by character and asks of each what Unicode asks of a character.
ledger::arrow::text_kind decoded(std::string_view text) {
    using ledger::arrow::text_kind;
    text_kind kind = text_kind::ascii;
    for (std::size_t at = 0; at < text.size();) {
        unsigned const lead = static_cast<unsigned char>(text[at]);
        int const length = lead < 0x80       ? 1
                           : lead >> 5 == 6  ? 2
                           : lead >> 4 == 14 ? 3
                           : lead >> 3 == 30 ? 4
                                             : 0;
        if (length == 0 || at + static_cast<std::size_t>(length) > text.size()) return text_kind::malformed;
        std::uint32_t character = length == 1 ? lead : lead & (0x7fU >> length);
        for (int i = 1; i < length; ++i) {
            unsigned const next = static_cast<unsigned char>(text[at + static_cast<std::size_t>(i)]);
            if (next >> 6 != 2) return text_kind::malformed;
            character = character << 6 | (next & 0x3f);
        }
        std::uint32_t constexpr smallest[] = {0, 0, 0x80, 0x800, 0x10000};
        if (character < smallest[length] || character > 0x10ffff ||
            (character >= 0xd800 && character < 0xe000))
            return text_kind::malformed;
        if (length > 1) kind = text_kind::utf8;
        at += static_cast<std::size_t>(length);
    }
    return kind;
}

TEST(ArrowText, IsClassifiedAsByDecodingIt) {
    // Texts around the sizes of blocks, most of them spoiled in a byte; each is a heap block of its own size.
    std::mt19937_64 random(20'261'122);
    std::vector<std::string> const pieces{"a", "plain text ", "é", "Ω", "€", "顾", "𝄞", "\xf4\x8f\xbf\xbf"};
    int seen[3] = {};
    for (int round = 0; round < 20'000; ++round) {
        std::size_t const sizes[] = {random() % 20, 60 + random() % 10, 1080 + random() % 30,
                                     random() % 3000};
        std::size_t const size = sizes[random() % 4];
        bool const plain = random() % 4 == 0;
        std::string text;
        while (text.size() < size)
            text += pieces[plain ? random() % 2 : random() % pieces.size()];
        if (random() % 2 == 0 && !text.empty()) text[random() % text.size()] = static_cast<char>(random());
        if (random() % 4 == 0) text.resize(std::min(text.size(), size));
        auto const block = std::make_unique<char[]>(text.size());
        std::copy(text.begin(), text.end(), block.get());
        auto const kind = ledger::arrow::classify_text({block.get(), text.size()});
        ASSERT_EQ(kind, decoded(text)) << "round " << round << ", " << text.size() << " bytes";
        ++seen[static_cast<int>(kind)];
    }
    for (int const count : seen)
        EXPECT_GT(count, 1000);
}

TEST(ArrowText, EveryPairAndTripleOfBytesIsClassifiedAsByDecodingIt) {
    for (std::size_t before : {0, 15, 63}) {
        for (unsigned bits = 0; bits < 1U << 24; bits += (bits & 0xff) == 0xff ? 1 : 85) {
            std::string text(before, 'x');
            text += {static_cast<char>(bits >> 16), static_cast<char>(bits >> 8), static_cast<char>(bits)};
            if (before == 15 && bits % 3 != 0) continue;
            if (ledger::arrow::classify_text(text) != decoded(text)) FAIL() << before << ' ' << bits;
        }
    }
}

}  // namespace

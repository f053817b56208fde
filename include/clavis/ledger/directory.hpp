#pragma once

// Ids become dense codes: every distinct integer or text gets a number, in parallel, in bounded memory: 12 bytes an id
// where integers lie close together, else 18 to 26; and the bytes of text with 14 to 21 more.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "clavis/core/columns.hpp"
#include "clavis/core/errors.hpp"

namespace clavis::ledger {

/// Gives every distinct id the next code: 0, 1, 2 ... in an order that is of no meaning.
class directory {
  public:
    /// With `by_range` integers that lie close together have the code id - base, which takes neither memory nor a
    /// look-up: size() then counts codes that no id has as well. Ids that do not fit end that, and the codes
    /// given so far stay.
    explicit directory(bool by_range = false);
    ~directory();
    directory(directory const&);
    directory(directory&&) noexcept;
    directory& operator=(directory const&);
    directory& operator=(directory&&) noexcept;

    std::size_t size() const;
    bool is_text() const;  ///< meaningful once size() > 0
    /// Codes below have no id.
    std::size_t first() const;
    /// That as many rows are about to be looked up, perhaps in several calls.
    void expect(std::size_t rows);
    /// True while codes ascend as ids do: sorted() is 0, 1, 2 ...
    bool in_order() const;
    /// "17850", or the text.
    std::string label(std::uint32_t code) const;

    /// Writes the code of every row of `ids` (int32, int64, whole float64, decimal64 of scale 0 or text)
    /// where `skip` is 0. Throws input_error, its message built on `where`, for text among integers and for text
    /// of 4 MB and more. `skip` holds ids.size bytes.
    void intern(column_view const& ids, std::uint8_t const* skip, std::uint32_t* codes, unsigned threads,
                location const& where);
    /// Takes in another directory: map[its code] is the code here.
    std::vector<std::uint32_t> merge(directory const& other, location const& where, unsigned threads = 1);
    /// Codes in ascending order of their ids: integers by value, text by bytes.
    std::vector<std::uint32_t> sorted(unsigned threads = 1) const;
    /// The ids of these codes, in this order.
    identifiers ids(std::vector<std::uint32_t> const& codes) const;
    /// Bytes of memory held.
    std::size_t bytes() const;

  private:
    void take_kind(bool text, location const& where);

    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace clavis::ledger

#pragma once

// The same customer under several ids: from a table of ids that belong together to one id each, and columns of ids
// mapped batch by batch as they are read.
//
// Ids are joined over chains and cycles, in any order of rows. The id that stays is the canonical id given that is
// mapped no further (of several the smallest, which is a conflict), else the smallest canonical id of a cycle, else
// (pairs) the smallest id; integers compare by value, text by bytes.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clavis/core/columns.hpp"

namespace clavis::ledger {

/// A batch of a table of identities: two ids of one person in each row.
struct identity_columns {
    column_view id;
    column_view other;  ///< the canonical id, or simply another id
    std::string_view table = "identities";
    std::string_view id_label = "customer_id";
    std::string_view other_label = "canonical_id";
};

/// Two canonical ids for customers that belong together.
struct identity_conflict {
    std::string kept;
    std::string other;
    std::int64_t row = 0;  ///< the first that names `other` as canonical
};

class identity_map {
  public:
    /// `canonical`: the second column holds canonical ids. Throws input_error for ids that are missing, fractions or of
    /// mixed types, and unless `join_conflicts` for conflicts.
    identity_map(std::vector<identity_columns> const& table, bool canonical, bool join_conflicts);
    ~identity_map();
    identity_map(identity_map&&) noexcept;
    identity_map& operator=(identity_map&&) noexcept;

    /// Every id that was named, ascending.
    identifiers ids() const;
    /// For each of them, the place of the id that stays.
    std::vector<std::uint32_t> const& merged_into() const;
    std::vector<identity_conflict> const& conflicts() const;

    /// A column of ids with the joined ones replaced; `owner` keeps its memory and is null where nothing was to be
    /// replaced and the view is the one given.
    struct mapped {
        column_view view;
        std::shared_ptr<void const> owner;
    };
    /// Throws input_error, its message built on table and column, where text meets integers.
    mapped apply(column_view const& ids, unsigned threads, std::string_view table,
                 std::string_view column) const;
    /// Adds to counts[i] the rows that hold ids()[i].
    void count(column_view const& ids, std::span<std::int64_t> counts) const;

  private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace clavis::ledger

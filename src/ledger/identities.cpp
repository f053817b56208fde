#include "clavis/ledger/identities.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "clavis/ledger/directory.hpp"
#include "ledger/intake_decode.hpp"

namespace clavis::ledger {

namespace {

constexpr std::uint32_t nobody = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t block_rows = 1U << 15;

bool is_id(column_view const& column) {
    return column.is_text() || column.type == column_type::int32 || column.type == column_type::int64 ||
           column.type == column_type::float64 ||
           (column.type == column_type::decimal64 && column.scale == 0);
}

bool is_missing(column_view const& ids, std::size_t row) {
    if (ids.is_null(row)) return true;
    if (ids.is_text()) return ids.text(row).empty();
    return ids.type == column_type::float64 && std::isnan(ids.at<double>(row));
}

/// Of a column that is not text; nothing for a fraction.
std::optional<std::int64_t> integer_at(column_view const& ids, std::size_t row) {
    switch (ids.type) {
        case column_type::int32:
            return ids.at<std::int32_t>(row);
        case column_type::float64: {
            double const id = ids.at<double>(row);
            if (!(std::abs(id) <= 9007199254740992.0 && id == std::trunc(id))) return std::nullopt;
            return static_cast<std::int64_t>(id);
        }
        default:
            return ids.at<std::int64_t>(row);
    }
}

class union_find {
  public:
    explicit union_find(std::size_t size) : parent_(size) { std::iota(parent_.begin(), parent_.end(), 0U); }
    std::uint32_t find(std::uint32_t id) {
        while (parent_[id] != id)
            id = parent_[id] = parent_[parent_[id]];
        return id;
    }
    void join(std::uint32_t a, std::uint32_t b) { parent_[find(a)] = find(b); }

  private:
    std::vector<std::uint32_t> parent_;
};

struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

}  // namespace

struct identity_map::state {
    bool text = false;
    std::vector<std::int64_t> integers;  // ascending
    text_column names;                   // ascending
    std::vector<std::uint32_t> into;
    std::vector<identity_conflict> conflicts;
    std::unordered_map<std::int64_t, std::uint32_t> integer_places;
    std::unordered_map<std::string, std::uint32_t, text_hash, std::equal_to<>> text_places;
    // Most ids of a log are in no table of identities: two bits of a filter tell most of them.
    std::vector<std::uint64_t> filter;
    unsigned filter_shift = 64;

    std::size_t size() const { return text ? names.size() : integers.size(); }
    std::string label(std::uint32_t at) const {
        return text ? std::string(names[at]) : std::to_string(integers[at]);
    }
    static std::uint64_t spread(std::uint64_t hash) { return hash * 0x9e3779b97f4a7c15U; }
    std::pair<std::uint64_t, std::uint64_t> bits(std::uint64_t hash) const {
        std::uint64_t const mixed = spread(hash);
        std::uint64_t const mask = std::uint64_t{1} << (mixed >> 8 & 63) | std::uint64_t{1}
                                                                               << (mixed >> 16 & 63);
        return {mixed >> filter_shift, mask};
    }
    bool may_hold(std::uint64_t hash) const {
        auto const [word, mask] = bits(hash);
        return (filter[word] & mask) == mask;
    }
    void make_places() {
        std::size_t const words = std::bit_ceil(std::max<std::size_t>(size() / 4, 64));
        filter.assign(words, 0);
        filter_shift = 64U - static_cast<unsigned>(std::bit_width(words) - 1);
        for (std::size_t i = 0; i < size(); ++i) {
            auto const at = static_cast<std::uint32_t>(i);
            std::uint64_t hash = 0;
            if (text) {
                text_places.emplace(std::string(names[i]), at);
                hash = text_hash{}(names[i]);
            } else {
                integer_places.emplace(integers[i], at);
                hash = static_cast<std::uint64_t>(integers[i]);
            }
            auto const [word, mask] = bits(hash);
            filter[word] |= mask;
        }
    }
    std::uint32_t find(std::int64_t id) const {
        if (!may_hold(static_cast<std::uint64_t>(id))) return nobody;
        auto const at = integer_places.find(id);
        return at == integer_places.end() ? nobody : at->second;
    }
    std::uint32_t find(std::string_view id) const {
        if (!may_hold(text_hash{}(id))) return nobody;
        auto const at = text_places.find(id);
        return at == text_places.end() ? nobody : at->second;
    }
    std::uint32_t find(column_view const& ids, std::size_t row) const {
        if (is_missing(ids, row)) return nobody;
        if (text) return find(ids.text(row));
        auto const id = integer_at(ids, row);
        return id ? find(*id) : nobody;
    }
};

identity_map::identity_map(std::vector<identity_columns> const& table, bool canonical, bool join_conflicts)
    : state_(std::make_unique<state>()) {
    directory known;
    struct edge {
        std::uint32_t id, other;
    };
    std::vector<edge> edges;
    std::string name = "identities";
    std::string label = "canonical_id";
    for (identity_columns const& batch : table) {
        name = batch.table;
        label = batch.other_label;
        std::int64_t const before = static_cast<std::int64_t>(edges.size());
        std::vector<std::uint32_t> codes[2];
        for (int side = 0; side < 2; ++side) {
            column_view const& ids = side == 0 ? batch.id : batch.other;
            std::string_view const column = side == 0 ? batch.id_label : batch.other_label;
            location where{.table = name, .column = column};
            if (!is_id(ids)) throw input_error(where, "must hold ids: integers or text");
            if (ids.size != batch.id.size)
                throw input_error(where, "has another length than the other column");
            for (std::size_t row = 0; row < ids.size; ++row) {
                bool const missing = is_missing(ids, row);
                if (!missing && (ids.is_text() || integer_at(ids, row))) continue;
                std::string const value = show_value(ids, row);
                where.row = before + static_cast<std::int64_t>(row);
                where.value = value;
                throw input_error(where, missing ? "is missing" : "is not a whole number");
            }
            std::vector<std::uint8_t> const skip(ids.size, 0);
            codes[side].resize(ids.size);
            known.intern(ids, skip.data(), codes[side].data(), 1, where);
        }
        for (std::size_t row = 0; row < batch.id.size; ++row)
            edges.push_back({codes[0][row], codes[1][row]});
    }

    // From here on an id is its rank, so that the smallest id is the smallest number.
    std::vector<std::uint32_t> const sorted = known.sorted();
    std::vector<std::uint32_t> rank(sorted.size());
    for (std::size_t i = 0; i < sorted.size(); ++i)
        rank[sorted[i]] = static_cast<std::uint32_t>(i);
    for (edge& one : edges)
        one = {rank[one.id], rank[one.other]};
    identifiers const ids = known.ids(sorted);
    state_->text = sorted.empty() ? false : ids.is_text();
    if (state_->text)
        state_->names = ids.text();
    else if (!sorted.empty())
        state_->integers = ids.integers();

    std::size_t const size = sorted.size();
    union_find groups(size);
    std::vector<std::uint8_t> is_canonical(size, 0);
    std::vector<std::uint8_t> goes_on(size, 0);  // is mapped to another canonical id
    for (edge const& one : edges) {
        groups.join(one.id, one.other);
        if (!canonical) continue;
        is_canonical[one.other] = 1;
        if (one.id != one.other) goes_on[one.id] = 1;
    }
    // Of each group: the smallest end of a chain, else the smallest canonical id, else the smallest id.
    auto grade = [&](std::uint32_t id) {
        return !canonical || is_canonical[id] == 0 ? 2 : goes_on[id] != 0 ? 1 : 0;
    };
    std::vector<std::uint32_t> kept(size, nobody);
    for (std::uint32_t id = 0; id < size; ++id) {
        std::uint32_t& best = kept[groups.find(id)];
        if (best == nobody || grade(id) < grade(best)) best = id;
    }
    state_->into.resize(size);
    for (std::uint32_t id = 0; id < size; ++id)
        state_->into[id] = kept[groups.find(id)];
    for (std::uint32_t id = 0; id < size; ++id) {
        if (grade(id) != 0 || state_->into[id] == id) continue;
        auto const first =
            std::find_if(edges.begin(), edges.end(), [id](edge const& one) { return one.other == id; });
        state_->conflicts.push_back({.kept = state_->label(state_->into[id]),
                                     .other = state_->label(id),
                                     .row = first - edges.begin()});
    }
    if (!state_->conflicts.empty() && !join_conflicts) {
        identity_conflict const& one = state_->conflicts.front();
        throw input_error(
            {.table = name, .column = label, .row = one.row, .value = one.other},
            "is a second canonical id, beside \"" + one.kept + "\", of customers that belong together");
    }
    state_->make_places();
}

identity_map::~identity_map() = default;
identity_map::identity_map(identity_map&&) noexcept = default;
identity_map& identity_map::operator=(identity_map&&) noexcept = default;

identifiers identity_map::ids() const {
    if (state_->text) return state_->names;
    return state_->integers;
}

std::vector<std::uint32_t> const& identity_map::merged_into() const {
    return state_->into;
}

std::vector<identity_conflict> const& identity_map::conflicts() const {
    return state_->conflicts;
}

identity_map::mapped identity_map::apply(column_view const& ids, unsigned threads, std::string_view table,
                                         std::string_view column) const {
    if (state_->size() == 0 || ids.size == 0) return {.view = ids, .owner = nullptr};
    if (!is_id(ids)) return {.view = ids, .owner = nullptr};  // whoever reads it says what is wrong with it
    if (ids.is_text() != state_->text)
        throw input_error({.table = table, .column = column},
                          state_->text ? "holds numbers, but the identities hold text"
                                       : "holds text, but the identities hold numbers");
    std::vector<std::uint32_t> places(ids.size);
    std::atomic<bool> any = false;
    std::atomic<bool> wide = false;
    parallel_blocks(ids.size, block_rows, threads, [&](std::size_t, std::size_t begin, std::size_t end) {
        bool found = false;
        bool large = false;
        for (std::size_t row = begin; row < end; ++row) {
            std::uint32_t const at = state_->find(ids, row);
            places[row] = at == nobody || state_->into[at] == at ? nobody : state_->into[at];
            if (places[row] == nobody) continue;
            found = true;
            if (!state_->text) {
                std::int64_t const id = state_->integers[places[row]];
                large = large || id != static_cast<std::int32_t>(id);
            }
        }
        if (found) any = true;
        if (large) wide = true;
    });
    if (!any) return {.view = ids, .owner = nullptr};

    column_view view = ids;
    auto fill = [&]<class T>(std::shared_ptr<std::vector<T>> values, auto const& own) -> mapped {
        parallel_blocks(ids.size, block_rows, threads, [&](std::size_t, std::size_t begin, std::size_t end) {
            for (std::size_t row = begin; row < end; ++row)
                (*values)[row] =
                    places[row] == nobody ? own(row) : static_cast<T>(state_->integers[places[row]]);
        });
        view.values = values->data();
        return {.view = view, .owner = std::move(values)};
    };
    switch (ids.type) {
        case column_type::int32:
            if (!wide)
                return fill(std::make_shared<std::vector<std::int32_t>>(ids.size),
                            [&](std::size_t row) { return ids.at<std::int32_t>(row); });
            view.type = column_type::int64;
            return fill(std::make_shared<std::vector<std::int64_t>>(ids.size),
                        [&](std::size_t row) { return std::int64_t{ids.at<std::int32_t>(row)}; });
        case column_type::float64:
            for (std::uint32_t const at : places)
                if (at != nobody && std::abs(static_cast<double>(state_->integers[at])) > 9007199254740992.0)
                    throw input_error({.table = table, .column = column, .value = state_->label(at)},
                                      "is too large for a column of floating point numbers");
            return fill(std::make_shared<std::vector<double>>(ids.size),
                        [&](std::size_t row) { return ids.at<double>(row); });
        case column_type::int64:
        case column_type::decimal64:
            return fill(std::make_shared<std::vector<std::int64_t>>(ids.size),
                        [&](std::size_t row) { return ids.at<std::int64_t>(row); });
        default:
            break;
    }
    auto texts = std::make_shared<text_column>();
    for (std::size_t row = 0; row < ids.size; ++row)
        texts->push_back(places[row] != nobody ? state_->names[places[row]]
                         : ids.is_null(row)    ? std::string_view()
                                               : ids.text(row));
    view = texts->view();
    view.validity = ids.validity;
    view.validity_offset = ids.validity_offset;
    return {.view = view, .owner = std::move(texts)};
}

void identity_map::count(column_view const& ids, std::span<std::int64_t> counts) const {
    if (state_->size() == 0 || !is_id(ids) || ids.is_text() != state_->text) return;
    for (std::size_t row = 0; row < ids.size; ++row) {
        std::uint32_t const at = state_->find(ids, row);
        if (at != nobody) ++counts[at];
    }
}

}  // namespace clavis::ledger
